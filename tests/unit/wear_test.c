/*
 * wear_test.c - the book of erases and programs, sector by sector.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/nor_flash.h"
#include "device/shared.h"
#include "device/wear.h"

static char path[64];
static struct dev_shared *shared;
static int shared_fd;
static struct dev_flash *flash;
static const struct al_flash *port;

static int set_up(void **state)
{
    (void)state;
    char err[256];
    snprintf(path, sizeof path, "/tmp/airlift-wear-%ld.bin", (long)getpid());
    shared = dev_shared_create(&shared_fd);
    if (!shared || dev_flash_create(path, 0x40000, err, sizeof err) ||
        dev_flash_open(path, DEV_FLASH_WRITE, shared, &flash, err, sizeof err)) {
        return -1;
    }
    port = dev_flash_port(flash);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    dev_flash_close(flash);
    dev_shared_destroy(shared, shared_fd);
    return unlink(path);
}

static void test_wear_counts_each_sector_that_is_touched(void **state)
{
    (void)state;
    static const uint8_t zeros[0x3000];
    struct dev_wear wear = {.label = "x"};
    assert_int_equal(al_flash_write(port, 0x10FFF, zeros, 2), 0); /* two sectors, one operation */
    assert_int_equal(al_flash_write(port, 0x12000, zeros, 0x3000), 0);
    assert_int_equal(al_flash_write(port, 0x11800, zeros, 0x800), 0); /* up to the boundary, not over it */
    assert_int_equal(al_flash_erase(port, 0x11000, 0x2000), 0);
    assert_int_equal(al_flash_erase(port, 0x11000, 0x1000), 0);

    dev_wear_of(shared, 0x10000, 0x5000, &wear);
    assert_int_equal(wear.n_sectors, 5);
    assert_int_equal(wear.programs, 1 + 2 + 1 + 1 + 1);
    assert_int_equal(wear.max_programs, 2);
    assert_int_equal(wear.erases, 3);
    assert_int_equal(wear.max_erases, 2);
    assert_string_equal(wear.label, "x");
    dev_wear_of(shared, 0x12000, 0x800, &wear); /* part of a sector is that sector */
    assert_int_equal(wear.n_sectors, 1);
    assert_int_equal(wear.programs, 1);
    assert_int_equal(wear.erases, 1);
    assert_int_equal(atomic_load(&shared->flash.programs), 3);
}

static void test_wear_has_a_row_for_each_partition(void **state)
{
    (void)state;
    struct dev_wear rows[AL_PTABLE_MAX_ENTRIES];
    struct al_ptable table = {.n = 2};
    uint8_t raw[AL_PTABLE_SIZE];
    assert_int_equal(dev_wear_table(shared, port, AL_PTABLE_OFFSET, rows), 0);
    table.part[0] = (struct al_part){.off = 0x9000, .size = 0x4000, .type = 1, .subtype = 2, .label = "nvs"};
    table.part[1] = (struct al_part){.off = 0x10000, .size = 0x10000, .label = "factory_of_16_ch"};
    assert_int_equal(al_ptable_build(&table, true, raw), 0);
    assert_int_equal(al_flash_write(port, AL_PTABLE_OFFSET, raw, sizeof raw), 0);
    assert_int_equal(al_flash_erase(port, 0xA000, 0x1000), 0);
    assert_int_equal(dev_wear_table(shared, port, AL_PTABLE_OFFSET, rows), 2);
    assert_string_equal(rows[0].label, "nvs");
    assert_int_equal(rows[0].n_sectors, 4);
    assert_int_equal(rows[0].erases, 1);
    assert_int_equal(rows[0].programs, 0);
    assert_string_equal(rows[1].label, "factory_of_16_ch");
    assert_int_equal(rows[1].erases, 0);
}

static void test_wear_begins_anew_after_a_power_cycle(void **state)
{
    (void)state;
    struct dev_wear wear = {.label = ""};
    assert_int_equal(al_flash_erase(port, 0, 0x1000), 0);
    atomic_store(&shared->gpio_in[3], 1);
    atomic_store(&shared->gpio_out[3], 1);
    atomic_store(&shared->power_cut_at, 77);
    shared->rtc[5] = 9;
    uint32_t size = shared->size;
    dev_shared_power_cycle(shared);
    dev_wear_of(shared, 0, 0x40000, &wear);
    assert_int_equal(wear.erases, 0);
    assert_int_equal(atomic_load(&shared->flash_ops), 0);
    assert_int_equal(atomic_load(&shared->gpio_in[3]), 1);
    assert_int_equal(atomic_load(&shared->gpio_in[4]), -1);
    assert_int_equal(atomic_load(&shared->gpio_out[3]), -1);
    assert_int_equal(atomic_load(&shared->power_cut_at), 77);
    assert_int_equal(shared->rtc[5], 0);
    assert_int_equal(shared->size, size);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_wear_counts_each_sector_that_is_touched),
        CASE(test_wear_has_a_row_for_each_partition),
        CASE(test_wear_begins_anew_after_a_power_cycle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
