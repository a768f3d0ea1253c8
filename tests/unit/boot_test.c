#include "ram_flash.h"

#include "airlift/boot.h"
#include "airlift/otadata.h"
#include "test_image.h"

static struct ram_flash ram;
static struct al_boot_work work;
static struct al_boot_result result;
static uint8_t image[16 * 1024];

#define OTADATA 0x9000u
#define OTA_0   0x20000u
#define OTA_1   0x40000u

/* A device with factory, ota_0 and ota_1, each holding a good image. */
static struct al_flash device(void)
{
    struct al_flash flash = ram_flash_init(&ram);
    static struct al_ptable table = {
        .n = 4,
        .part = {{.off = OTADATA, .size = 0x2000, .type = AL_TYPE_DATA, .label = "otadata"},
                 {.off = 0x10000, .size = 0x10000, .label = "factory"},
                 {.off = OTA_0, .size = 0x10000, .subtype = 0x10, .label = "ota_0"},
                 {.off = OTA_1, .size = 0x10000, .subtype = 0x11, .label = "ota_1"}}};

    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    for (unsigned i = 1; i < table.n; i++) {
        uint32_t len = test_image(image, table.part[i].label, 0, 256);

        memcpy(ram.bytes + table.part[i].off, image, len);
    }
    return flash;
}

static struct al_boot_config config(void)
{
    return (struct al_boot_config){
        .ptable_off = AL_PTABLE_OFFSET, .rollback = true, .rules = {.chip = al_chip_by_name("esp32c3")}};
}

static const char *boot(const struct al_flash *flash)
{
    struct al_boot_config c = config();

    assert_int_equal(al_boot(flash, &c, &work, &result), 0);
    return result.boots ? result.part.label : "none";
}

static uint32_t state_of(const struct al_flash *flash, unsigned sector)
{
    struct al_part part = {.off = OTADATA, .size = AL_OTADATA_SIZE};
    struct al_otadata data;

    assert_int_equal(al_otadata_read(flash, &part, &data), 0);
    return data.rec[sector].state;
}

/* As the app does after an update. */
static int select_slot(const struct al_flash *flash, unsigned slot)
{
    struct al_part part = {.off = OTADATA, .size = AL_OTADATA_SIZE};

    return al_otadata_select(flash, &part, slot, 2, AL_OTA_NEW);
}

static void test_boot_trial_then_rollback(void **state)
{
    struct al_flash flash = device();

    (void)state;
    assert_string_equal(boot(&flash), "factory");
    assert_int_equal(result.reason, AL_BOOT_DEFAULT);
    assert_int_equal(select_slot(&flash, 0), 0);
    assert_string_equal(boot(&flash), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_SELECTED);
    assert_int_equal(state_of(&flash, 0), AL_OTA_PENDING_VERIFY);
    assert_string_equal(boot(&flash), "factory"); /* not confirmed in between */
    assert_int_equal(state_of(&flash, 0), AL_OTA_ABORTED);
}

static void test_boot_falls_back_from_a_damaged_image(void **state)
{
    struct al_flash flash = device();

    (void)state;
    assert_int_equal(select_slot(&flash, 1), 0);
    ram.bytes[OTA_1 + 0x200] ^= 1;
    assert_string_equal(boot(&flash), "ota_0"); /* by index, downwards */
    assert_int_equal(result.reason, AL_BOOT_FALLBACK);
    assert_int_equal(result.n_tried, 2);
    assert_int_equal(result.tried[0].fault, AL_IMAGE_BAD_CHECKSUM);
}

static void test_boot_reads_each_candidate_once(void **state)
{
    struct al_flash flash = device();

    (void)state;
    assert_int_equal(select_slot(&flash, 1), 0);
    memset(ram.reads, 0, sizeof(ram.reads));
    assert_string_equal(boot(&flash), "ota_1");
    assert_int_equal(ram.reads[OTADATA >> 12], 1);
    assert_int_equal(ram.reads[(OTADATA >> 12) + 1], 1);
    assert_int_equal(ram.reads[OTA_1 >> 12], 1); /* an image of less than a sector */
    assert_int_equal(ram.reads[OTA_0 >> 12], 0);
}

static void test_boot_without_anything_says_why(void **state)
{
    struct al_flash flash = ram_flash_init(&ram);

    (void)state;
    assert_string_equal(boot(&flash), "none");
    assert_int_equal(result.reason, AL_BOOT_NO_TABLE);
    assert_string_equal(al_boot_reason_name(result.reason), "partition_table");
    flash = device();
    memset(ram.bytes + 0x10000, 0xFF, 0x40000);
    assert_string_equal(boot(&flash), "none");
    assert_int_equal(result.reason, AL_BOOT_NO_APP);
    assert_int_equal(result.n_tried, 3);
}

static void test_boot_reports_flash_failures(void **state)
{
    struct al_boot_config c = config();

    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        struct al_flash flash = device();
        int err;

        assert_int_equal(select_slot(&flash, 1), 0);
        ram.n_reads = 0;
        ram.fail_read_at = n;
        err = al_boot(&flash, &c, &work, &result);
        /* Unreadable OTA data is a verdict (as in ESP-IDF), everything else an error. */
        assert_true(err == AL_ERR_IO || (err == 0 && !result.boots));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_trial_then_rollback),
        cmocka_unit_test(test_boot_falls_back_from_a_damaged_image),
        cmocka_unit_test(test_boot_reads_each_candidate_once),
        cmocka_unit_test(test_boot_without_anything_says_why),
        cmocka_unit_test(test_boot_reports_flash_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
