#include "ram_flash.h"

#include "airlift/update.h"
#include "test_image.h"

static struct ram_flash ram;
static uint8_t image[128 * 1024];
static uint8_t sector[AL_SECTOR_SIZE];
static uint8_t read_buf[AL_SECTOR_SIZE];
static const struct al_part slot = {
    .off = 0x20000, .size = 0x20000, .subtype = AL_SUB_APP_OTA_0, .label = "ota_0"};

static int finish(struct al_update *u)
{
    static struct al_image_check check;
    struct al_image_rules rules = {0};

    return al_update_end(u, &rules, &check, read_buf, sizeof(read_buf));
}

static void write_all(struct al_update *u, uint32_t from, uint32_t len, uint32_t step)
{
    for (uint32_t at = from; at < len; at += step) {
        assert_int_equal(al_update_write(u, image + at, len - at < step ? len - at : step), 0);
    }
}

/* Whatever the size of the pieces: each sector is erased once and programmed once. */
static void test_update_touches_each_sector_once(void **state)
{
    static const uint32_t steps[] = {1, 7, 100, 1024, 1460, 4096, 4097, 10000, 131072};
    uint32_t len = test_image(image, "1.4.3", 0, 70000);

    (void)state;
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct al_flash flash = ram_flash_init(&ram);
        struct al_update u;
        uint32_t last = (slot.off + len - 1) / AL_SECTOR_SIZE;

        assert_int_equal(al_update_begin(&u, &flash, &slot, AL_UPDATE_SEQUENTIAL, sector), 0);
        write_all(&u, 0, len, steps[i]);
        assert_int_equal(finish(&u), 0);
        assert_memory_equal(ram.bytes + slot.off, image, len);
        for (uint32_t s = 0; s < RAM_FLASH_SIZE / AL_SECTOR_SIZE; s++) {
            bool used = s >= slot.off / AL_SECTOR_SIZE && s <= last;

            assert_int_equal(ram.erases[s], used);
            assert_int_equal(ram.programs[s], used);
        }
    }
}

static void test_update_write_through_erases_each_sector_once(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    uint32_t len = test_image(image, "1.4.3", 0, 70000);
    struct al_update u;

    (void)state;
    assert_int_equal(al_update_begin(&u, &flash, &slot, AL_UPDATE_SEQUENTIAL, NULL), 0);
    write_all(&u, 0, len, 1000);
    assert_int_equal(finish(&u), 0);
    for (uint32_t s = slot.off >> 12; s <= (slot.off + len - 1) >> 12; s++) {
        assert_int_equal(ram.erases[s], 1);
    }
    assert_int_equal(ram.erases[((slot.off + len - 1) >> 12) + 1], 0);
}

static void test_update_resumes_at_what_is_durable(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    uint32_t len = test_image(image, "1.4.3", 0, 70000);
    struct al_update u;
    uint32_t durable;

    (void)state;
    assert_int_equal(al_update_begin(&u, &flash, &slot, AL_UPDATE_SEQUENTIAL, sector), 0);
    write_all(&u, 0, 30000, 999);
    durable = al_update_durable(&u);
    assert_int_equal(durable, 30000 / AL_SECTOR_SIZE * AL_SECTOR_SIZE);
    al_update_abort(&u);
    memset(sector, 0, sizeof(sector)); /* RAM does not survive */

    assert_int_equal(al_update_resume(&u, &flash, &slot, true, durable, sector), 0);
    write_all(&u, durable, len, 1460);
    assert_int_equal(finish(&u), 0);
    assert_memory_equal(ram.bytes + slot.off, image, len);
    assert_int_equal(al_update_resume(&u, &flash, &slot, true, durable + 1, sector), AL_ERR_ARG);
    assert_int_equal(al_update_resume(&u, &flash, &slot, true, slot.size + 1, NULL), AL_ERR_SIZE);
}

static void test_update_refuses_what_does_not_fit(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    struct al_part locked = slot;
    struct al_update u;

    (void)state;
    assert_int_equal(al_update_begin(&u, &flash, &slot, slot.size + 1, NULL), AL_ERR_SIZE);
    assert_int_equal(al_update_begin(&u, &flash, &slot, AL_UPDATE_SEQUENTIAL, NULL), 0);
    memset(image, 0, sizeof(image));
    assert_int_equal(al_update_write(&u, image, sizeof(image)), 0);
    assert_int_equal(al_update_write(&u, image, 1), AL_ERR_SIZE);
    assert_int_equal(u.pos, sizeof(image)); /* nothing of it was taken */
    assert_int_equal(al_update_begin(&u, &flash, &slot, AL_UPDATE_SEQUENTIAL, sector), 0);
    assert_int_equal(al_update_end(&u, &(struct al_image_rules){0}, &(struct al_image_check){0}, read_buf,
                                   sizeof(read_buf)),
                     AL_ERR_STATE);
    locked.flags = AL_PART_READONLY;
    assert_int_equal(al_update_begin(&u, &flash, &locked, AL_UPDATE_SEQUENTIAL, NULL), AL_ERR_READONLY);
}

static void test_update_erases_as_much_as_was_asked(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    struct al_update u;

    (void)state;
    memset(ram.bytes, 0, sizeof(ram.bytes));
    assert_int_equal(al_update_begin(&u, &flash, &slot, 4097, NULL), 0);
    assert_int_equal(ram.erases[slot.off >> 12], 1);
    assert_int_equal(ram.erases[(slot.off >> 12) + 1], 1);
    assert_int_equal(ram.erases[(slot.off >> 12) + 2], 0);
    assert_int_equal(al_update_begin(&u, &flash, &slot, AL_UPDATE_SIZE_UNKNOWN, NULL), 0);
    assert_int_equal(ram.erases[(slot.off + slot.size - 1) >> 12], 1);
    assert_int_equal(ram.erases[(slot.off + slot.size) >> 12], 0);
}

/* The flash fails at operation N: an error, and what boots is never touched. */
static void test_update_passes_on_every_flash_failure(void **state)
{
    uint32_t len = test_image(image, "1.4.3", 0, 20000);

    (void)state;
    for (unsigned n = 1; n <= 10; n++) { /* 5 sectors, each erased and programmed */
        struct al_flash flash = ram_flash_init(&ram);
        struct al_update u;
        int err;

        ram.fail_at = n;
        err = al_update_begin(&u, &flash, &slot, AL_UPDATE_SEQUENTIAL, sector);
        for (uint32_t at = 0; err == 0 && at < len; at += 1000) {
            err = al_update_write(&u, image + at, len - at < 1000 ? len - at : 1000);
        }
        if (err == 0) {
            err = finish(&u);
        }
        assert_int_equal(err, AL_ERR_IO);
    }
}

static void test_update_commit_selects_the_slot(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);
    struct al_ptable table = {.n = 3};
    struct al_otadata data;

    (void)state;
    table.part[0] =
        (struct al_part){.off = 0x9000, .size = 0x2000, .type = AL_TYPE_DATA, .subtype = AL_SUB_DATA_OTA};
    table.part[1] = slot;
    table.part[2] = (struct al_part){.off = 0x40000, .size = 0x20000, .subtype = AL_SUB_APP_OTA_0 + 1};
    assert_int_equal(al_update_commit(&flash, &table, &table.part[2], true), 0);
    assert_int_equal(al_otadata_read(&flash, &table.part[0], &data), 0);
    assert_int_equal(al_otadata_slot(data.rec[0].seq, 2), 1);
    assert_int_equal(data.rec[0].state, AL_OTA_NEW);
    assert_int_equal(al_update_commit(&flash, &table, &table.part[0], true), AL_ERR_ARG);
    table.part[0].subtype = AL_SUB_DATA_NVS;
    assert_int_equal(al_update_commit(&flash, &table, &table.part[1], true), AL_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_touches_each_sector_once),
        cmocka_unit_test(test_update_write_through_erases_each_sector_once),
        cmocka_unit_test(test_update_resumes_at_what_is_durable),
        cmocka_unit_test(test_update_refuses_what_does_not_fit),
        cmocka_unit_test(test_update_erases_as_much_as_was_asked),
        cmocka_unit_test(test_update_passes_on_every_flash_failure),
        cmocka_unit_test(test_update_commit_selects_the_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
