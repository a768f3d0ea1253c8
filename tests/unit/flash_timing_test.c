/*
 * An emulated chip's time: what an operation must at least take, never what it may take at most.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/flash_timing.h"
#include "device/nor_flash.h"

static char path[] = "/tmp/airlift-timing-XXXXXX";
static struct dev_flash *flash;
static const struct al_flash *port;

static uint64_t now_us(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int setup(void **state)
{
    char err[256];
    (void)state;
    assert_int_equal(close(mkstemp(path)), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(dev_flash_create(path, 0x40000, err, sizeof err), 0);
    assert_int_equal(dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err), 0);
    port = dev_flash_port(flash);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dev_flash_close(flash);
    return unlink(path);
}

static void set_timing(const char *name)
{
    const struct dev_flash_timing *timing = dev_flash_timing(name);
    struct dev_shared *shared = dev_shared_get();
    assert_non_null(timing);
    atomic_store(&shared->sector_erase_us, timing->sector_erase_us);
    atomic_store(&shared->block_erase_us, timing->block_erase_us);
    atomic_store(&shared->page_program_us, timing->page_program_us);
}

/* The time that one call takes. */
static uint64_t erase(uint32_t off, uint32_t len)
{
    uint64_t begun = now_us();
    assert_int_equal(al_flash_erase(port, off, len), 0);
    return now_us() - begun;
}

static uint64_t program(uint32_t off, uint32_t len)
{
    static const uint8_t zeros[4096];
    uint64_t begun = now_us();
    assert_int_equal(al_flash_write(port, off, zeros, len), 0);
    return now_us() - begun;
}

static void test_timing_knows_its_chips_by_name(void **state)
{
    char names[128];
    (void)state;
    dev_flash_timing_names(names, sizeof names);
    assert_non_null(strstr(names, "w25q32, "));
    assert_non_null(dev_flash_timing("w25q32"));
    assert_null(dev_flash_timing("w25q"));
}

static void test_timing_makes_each_operation_last_as_on_the_chip(void **state)
{
    (void)state;
    set_timing("w25q32");
    assert_true(erase(0x1000, 0x1000) >= 45000);
    assert_true(erase(0x0000, 0x2000) >= 2 * 45000);
    assert_true(erase(0x10000, 0x10000) >= 150000);
    assert_true(erase(0x1f000, 0x12000) >= 45000 + 150000 + 45000);
    assert_true(program(0x10000, 4096) >= 16 * 700);
    assert_true(program(0x11000, 1) >= 700);
    assert_true(program(0x110ff, 2) >= 2 * 700); /* over the edge of a page */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timing_knows_its_chips_by_name),
        cmocka_unit_test(test_timing_makes_each_operation_last_as_on_the_chip),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
