/*
 * nor_flash_test.c - the flash emulator: stricter than a chip, and torn where it is told to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/nor_flash.h"

#define SIZE 0x10000u

static char dir[64];
static char path[128];
static struct dev_shared *shared;
static int shared_fd;
static struct dev_flash *flash;
static const struct al_flash *port;
static char err[512];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/airlift-nor-XXXXXX");
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/flash.bin", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

/* A blank chip that was just switched on. */
static int set_up(void **state)
{
    (void)state;
    shared = dev_shared_create(&shared_fd);
    return shared && dev_flash_create(path, SIZE, err, sizeof err) == 0 &&
                   dev_flash_open(path, DEV_FLASH_WRITE, shared, &flash, err, sizeof err) == 0 &&
                   (port = dev_flash_port(flash))
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    dev_flash_close(flash);
    dev_shared_destroy(shared, shared_fd);
    return unlink(path);
}

static void assert_all(uint32_t off, uint32_t len, uint8_t value)
{
    for (uint32_t i = 0; i < len; i++) {
        assert_int_equal(dev_flash_bytes(flash)[off + i], value);
    }
}

/* --- NOR semantics --------------------------------------------------------- */

static void test_nor_flash_new_file_is_blank(void **state)
{
    (void)state;
    assert_int_equal(port->size, SIZE);
    assert_all(0, SIZE, 0xFF);
    assert_int_equal(dev_flash_create(path, SIZE, err, sizeof err), AL_ERR_STATE);
}

static void test_nor_flash_programming_clears_bits_at_any_alignment(void **state)
{
    (void)state;
    uint8_t data[300], back[300];
    for (unsigned i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)i;
    }
    assert_int_equal(al_flash_write(port, 0xFF3, data, sizeof data), 0);
    assert_int_equal(al_flash_read(port, 0xFF3, back, sizeof back), 0);
    assert_memory_equal(back, data, sizeof data);
    assert_all(0, 0xFF3, 0xFF);
    assert_all(0xFF3 + sizeof data, 100, 0xFF);

    uint8_t f0 = 0xF0, c0 = 0xC0;
    assert_int_equal(al_flash_write(port, 0x2000, &f0, 1), 0);
    assert_int_equal(al_flash_write(port, 0x2000, &c0, 1), 0); /* clearing two more bits is fine */
    assert_all(0x2000, 1, 0xC0);
}

static void test_nor_flash_setting_a_bit_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    uint8_t data[200];
    memset(data, 0x0F, sizeof data);
    assert_int_equal(al_flash_write(port, 0x1000, data, sizeof data), 0);
    /* One bad bit at each place in turn, wherever the vector code has its seams. */
    for (unsigned i = 0; i < sizeof data; i++) {
        uint8_t again[200];
        memset(again, 0x00, sizeof again);
        again[i] = 0x10;
        assert_int_equal(al_flash_write(port, 0x1000, again, sizeof again), AL_ERR_IO);
        assert_int_equal(atomic_load(&shared->flash.violations), i + 1);
    }
    assert_all(0x1000, sizeof data, 0x0F);
    assert_int_equal(atomic_load(&shared->flash.programs), 1);
    assert_int_equal(atomic_load(&shared->flash_ops), 1);
}

static void test_nor_flash_erase_sets_whole_sectors_and_counts_each(void **state)
{
    (void)state;
    static uint8_t zeros[0x4000];
    assert_int_equal(al_flash_write(port, 0, zeros, sizeof zeros), 0);
    assert_int_equal(al_flash_erase(port, 0x1000, 0x2000), 0);
    assert_all(0, 0x1000, 0);
    assert_all(0x1000, 0x2000, 0xFF);
    assert_all(0x3000, 0x1000, 0);
    assert_int_equal(al_flash_erase(port, 0x2000, 0x1000), 0);
    assert_int_equal(atomic_load(&shared->flash.erases), 3);
    assert_int_equal(atomic_load(&shared->flash.sectors_erased), 3);
    assert_int_equal(atomic_load(&shared->flash_ops), 4);
    assert_int_equal(atomic_load(&shared->wear[0]), 0);
    assert_int_equal(atomic_load(&shared->wear[1]), 1);
    assert_int_equal(atomic_load(&shared->wear[2]), 2);
    assert_int_equal(atomic_load(&shared->flash.bytes_programmed), sizeof zeros);
}

static void test_nor_flash_contents_survive_reopening(void **state)
{
    (void)state;
    assert_int_equal(al_flash_write(port, 5, "hello", 5), 0);
    dev_flash_close(flash);
    assert_int_equal(dev_flash_open(path, DEV_FLASH_WRITE, shared, &flash, err, sizeof err), 0);
    port = dev_flash_port(flash);
    assert_memory_equal(dev_flash_bytes(flash) + 5, "hello", 5);
}

/* --- Modes and locks ------------------------------------------------------- */

static void test_nor_flash_second_writer_is_told_who_has_it(void **state)
{
    (void)state;
    struct dev_flash *second;
    assert_int_equal(dev_flash_open(path, DEV_FLASH_WRITE, shared, &second, err, sizeof err), AL_ERR_STATE);
    char expected[256];
    snprintf(expected, sizeof expected, "%s: in use by another device", path);
    assert_memory_equal(err, expected, strlen(expected));
    /* Not every file system tells the kernel's list of locks who holds one. */
    snprintf(expected, sizeof expected, "(process %ld)", (long)getpid());
    assert_true(strchr(err, '(') == NULL || strstr(err, expected));
}

static void test_nor_flash_readers_need_no_lock_and_cannot_write(void **state)
{
    (void)state;
    struct dev_flash *reader;
    assert_int_equal(dev_flash_open(path, DEV_FLASH_READ, shared, &reader, err, sizeof err), 0);
    const struct al_flash *read_port = dev_flash_port(reader);
    assert_int_equal(al_flash_write(port, 0, "x", 1), 0);
    char c;
    assert_int_equal(al_flash_read(read_port, 0, &c, 1), 0);
    assert_int_equal(c, 'x');
    assert_int_equal(al_flash_write(read_port, 1, "x", 1), AL_ERR_IO);
    assert_int_equal(al_flash_erase(read_port, 0, 0x1000), AL_ERR_IO);
    dev_flash_close(reader);
}

static void test_nor_flash_scratch_forgets_what_it_wrote(void **state)
{
    (void)state;
    struct dev_flash *scratch;
    assert_int_equal(dev_flash_open(path, DEV_FLASH_SCRATCH, shared, &scratch, err, sizeof err), 0);
    assert_int_equal(al_flash_write(dev_flash_port(scratch), 0, "x", 1), 0);
    assert_int_equal(dev_flash_bytes(scratch)[0], 'x');
    dev_flash_close(scratch);
    assert_all(0, 1, 0xFF);
}

static void test_nor_flash_refuses_files_that_are_no_flash(void **state)
{
    (void)state;
    static const long sizes[] = {0, 0x1000, 0xF000, 0x10001, 0x10800, 0x8001000};
    char other[128];
    struct dev_flash *f;
    snprintf(other, sizeof other, "%s/other", dir);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        FILE *file = fopen(other, "w");
        assert_non_null(file);
        assert_int_equal(ftruncate(fileno(file), sizes[i]), 0);
        fclose(file);
        assert_int_equal(dev_flash_open(other, DEV_FLASH_WRITE, shared, &f, err, sizeof err), AL_ERR_SIZE);
        assert_non_null(strstr(err, "/other: not a flash file: "));
    }
    unlink(other);
    assert_int_equal(dev_flash_open(other, DEV_FLASH_READ, shared, &f, err, sizeof err), AL_ERR_NOT_FOUND);
    assert_non_null(strstr(err, "/other: No such file or directory"));
    assert_int_equal(dev_flash_open(dir, DEV_FLASH_READ, shared, &f, err, sizeof err), AL_ERR_SIZE);
    assert_int_equal(mkfifo(other, 0600), 0);
    assert_int_equal(dev_flash_open(other, DEV_FLASH_WRITE, shared, &f, err, sizeof err), AL_ERR_SIZE);
    unlink(other);
    assert_int_equal(dev_flash_create(other, 0x10001, err, sizeof err), AL_ERR_SIZE);
    assert_int_equal(access(other, F_OK), -1);
}

/* --- Power cuts ------------------------------------------------------------ */

static void test_nor_flash_power_cut_tears_one_program_and_then_all_is_dark(void **state)
{
    (void)state;
    uint8_t data[256], byte;
    memset(data, 0, sizeof data);
    bool torn_somewhere = false;
    for (unsigned n = 1; n <= 40; n++) {
        atomic_store(&shared->power_cut_at, atomic_load(&shared->flash_ops) + 3);
        assert_int_equal(al_flash_erase(port, 0, 0x1000), 0);
        assert_int_equal(al_flash_write(port, 0x100, data, 1), 0);
        assert_int_equal(al_flash_write(port, 0x200, data, sizeof data), AL_ERR_IO);
        assert_all(0x100, 1, 0x00);
        unsigned zeros = 0;
        for (unsigned i = 0; i < sizeof data; i++) {
            zeros += (unsigned)(8 - __builtin_popcount(dev_flash_bytes(flash)[0x200 + i]));
        }
        torn_somewhere = torn_somewhere || (zeros > 0 && zeros < 8 * sizeof data);
        assert_all(0x1FF, 1, 0xFF);
        assert_all(0x300, 1, 0xFF);
        assert_int_equal(al_flash_read(port, 0, &byte, 1), AL_ERR_IO);
        assert_int_equal(al_flash_write(port, 0x400, data, 1), AL_ERR_IO);
        assert_int_equal(al_flash_erase(port, 0x1000, 0x1000), AL_ERR_IO);
        assert_all(0x400, 1, 0xFF);
        atomic_store(&shared->power_cut_at, 0);
        assert_int_equal(al_flash_read(port, 0, &byte, 1), 0);
    }
    assert_true(torn_somewhere);
}

static void test_nor_flash_power_cut_tears_one_sector_of_an_erase(void **state)
{
    (void)state;
    static uint8_t zeros[0x4000];
    bool torn_somewhere = false;
    for (unsigned n = 1; n <= 40; n++) {
        atomic_store(&shared->power_cut_at, 0);
        assert_int_equal(al_flash_erase(port, 0, 0x4000), 0);
        assert_int_equal(al_flash_write(port, 0, zeros, sizeof zeros), 0);
        atomic_store(&shared->power_cut_at, atomic_load(&shared->flash_ops) + 2);
        assert_int_equal(al_flash_erase(port, 0, 0x4000), AL_ERR_IO);
        assert_all(0, 0x1000, 0xFF);
        assert_all(0x2000, 0x2000, 0x00);
        unsigned ones = 0;
        for (unsigned i = 0; i < 0x1000; i++) {
            ones += (unsigned)__builtin_popcount(dev_flash_bytes(flash)[0x1000 + i]);
        }
        torn_somewhere = torn_somewhere || (ones > 0 && ones < 8 * 0x1000);
    }
    atomic_store(&shared->power_cut_at, 0);
    assert_true(torn_somewhere);
}

/* Program 0x5A over blank flash, or erase zeros, as operation number `op`, which is cut. */
static void tear_once(uint64_t op, bool erase, uint8_t out[64])
{
    uint8_t data[64];
    memset(data, erase ? 0x00 : 0x5A, sizeof data);
    atomic_store(&shared->power_cut_at, 0);
    assert_int_equal(al_flash_erase(port, 0, 0x1000), 0);
    if (erase) {
        assert_int_equal(al_flash_write(port, 0, data, sizeof data), 0);
    }
    atomic_store(&shared->flash_ops, op - 1);
    atomic_store(&shared->power_cut_at, op);
    assert_int_equal(erase ? al_flash_erase(port, 0, 0x1000) : al_flash_write(port, 0, data, sizeof data),
                     AL_ERR_IO);
    memcpy(out, dev_flash_bytes(flash), 64);
    atomic_store(&shared->power_cut_at, 0);
}

static void test_nor_flash_the_same_cut_tears_the_same_way(void **state)
{
    (void)state;
    for (uint64_t op = 1; op <= 50; op++) {
        uint8_t first[64], second[64];
        tear_once(op, false, first);
        tear_once(op, false, second);
        assert_memory_equal(first, second, sizeof first);
        for (unsigned i = 0; i < sizeof first; i++) {
            assert_int_equal(first[i] & 0x5A, 0x5A); /* only bits that were to be cleared */
        }
        tear_once(op, true, first);
        tear_once(op, true, second);
        assert_memory_equal(first, second, sizeof first);
    }
}

/* --- Reset names ----------------------------------------------------------- */

static void test_nor_flash_reset_names_map_both_ways(void **state)
{
    (void)state;
    static const char *const names[] = {"poweron", "sw", "panic", "wdt", "brownout", "ext", "deepsleep"};
    for (unsigned i = 0; i < 7; i++) {
        assert_string_equal(dev_reset_name((enum dev_reset)i), names[i]);
        assert_int_equal(dev_reset_from_name(names[i]), i);
    }
    assert_int_equal(dev_reset_from_name("nonsense"), DEV_RESET_POWERON);
    assert_int_equal(dev_reset_from_name(NULL), DEV_RESET_POWERON);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_nor_flash_new_file_is_blank),
        CASE(test_nor_flash_programming_clears_bits_at_any_alignment),
        CASE(test_nor_flash_setting_a_bit_is_refused_and_changes_nothing),
        CASE(test_nor_flash_erase_sets_whole_sectors_and_counts_each),
        CASE(test_nor_flash_contents_survive_reopening),
        CASE(test_nor_flash_second_writer_is_told_who_has_it),
        CASE(test_nor_flash_readers_need_no_lock_and_cannot_write),
        CASE(test_nor_flash_scratch_forgets_what_it_wrote),
        CASE(test_nor_flash_refuses_files_that_are_no_flash),
        CASE(test_nor_flash_power_cut_tears_one_program_and_then_all_is_dark),
        CASE(test_nor_flash_power_cut_tears_one_sector_of_an_erase),
        CASE(test_nor_flash_the_same_cut_tears_the_same_way),
        cmocka_unit_test(test_nor_flash_reset_names_map_both_ways),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
