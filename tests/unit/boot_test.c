#include "ram_flash.h"

#include "airlift/boot.h"
#include "airlift/otadata.h"
#include "test_image.h"

static struct ram_flash ram;
static struct al_boot_work work;
static struct al_boot_result result;
static uint8_t image[16 * 1024];
static uint32_t image_len;

#define OTADATA 0x9000u
#define FACTORY 0x10000u
#define OTA_0   0x20000u
#define OTA_1   0x40000u

/* A device with factory, ota_0 and ota_1, each holding a good image around so many bytes. */
static struct al_flash device_with(uint32_t payload)
{
    struct al_flash flash = ram_flash_init(&ram);
    static struct al_ptable table = {
        .n = 4,
        .part = {{.off = OTADATA, .size = 0x2000, .type = AL_TYPE_DATA, .label = "otadata"},
                 {.off = FACTORY, .size = 0x10000, .label = "factory"},
                 {.off = OTA_0, .size = 0x10000, .subtype = 0x10, .label = "ota_0"},
                 {.off = OTA_1, .size = 0x10000, .subtype = 0x11, .label = "ota_1"}}};

    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    for (unsigned i = 1; i < table.n; i++) {
        image_len = test_image(image, table.part[i].label, 0, payload);
        memcpy(ram.bytes + table.part[i].off, image, image_len);
    }
    return flash;
}

static struct al_flash device(void)
{
    return device_with(256);
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

/* How often each byte of the flash is read; al_boot() reads in calls of a sector at most. */
static uint8_t times_read[RAM_FLASH_SIZE];

static int counted_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        times_read[off + i]++;
    }
    return ram_flash_read(ctx, off, buf, len);
}

/* Boot, and say how many sectors of OTA data it read; each byte of them and of the images in `once` just once. */
static unsigned boot_counted(struct al_flash *flash, const char *boots, const uint32_t *once, unsigned n_once)
{
    unsigned n_sectors = 0;

    flash->read = counted_read;
    memset(times_read, 0, sizeof(times_read));
    assert_string_equal(boot(flash), boots);
    for (uint32_t sector = 0; sector < 2; sector++) {
        unsigned touched = 0;

        for (uint32_t i = 0; i < AL_SECTOR_SIZE; i++) {
            const uint8_t n = times_read[OTADATA + sector * AL_SECTOR_SIZE + i];

            assert_true(n <= 1);
            touched |= n;
        }
        n_sectors += touched;
    }
    for (unsigned app = 0; app < 3; app++) {
        const uint32_t off = (const uint32_t[]){FACTORY, OTA_0, OTA_1}[app];
        bool expected = false;

        for (unsigned i = 0; i < n_once; i++) {
            expected |= once[i] == off;
        }
        for (uint32_t i = 0; i < image_len; i++) {
            assert_int_equal(times_read[off + i], expected);
        }
    }
    return n_sectors;
}

/* On blank, normal and torn OTA data. The images have several sectors. */
static void test_boot_reads_two_sectors_of_ota_data_and_each_candidate_once(void **state)
{
    struct al_flash flash = device_with(10000);

    (void)state;
    assert_true(image_len > 2 * AL_SECTOR_SIZE);
    assert_int_equal(boot_counted(&flash, "factory", (const uint32_t[]){FACTORY}, 1), 2); /* blank */
    assert_int_equal(select_slot(&flash, 1), 0);
    assert_int_equal(boot_counted(&flash, "ota_1", (const uint32_t[]){OTA_1}, 1), 2); /* NEW */
    flash = device_with(10000);
    assert_int_equal(select_slot(&flash, 0), 0);
    assert_int_equal(select_slot(&flash, 1), 0);
    ram.bytes[OTADATA + AL_SECTOR_SIZE + 28] ^= 1; /* the newer record's CRC: torn */
    assert_int_equal(boot_counted(&flash, "ota_0", (const uint32_t[]){OTA_0}, 1), 2);
    ram.bytes[OTADATA + 28] ^= 1; /* both */
    assert_int_equal(boot_counted(&flash, "factory", (const uint32_t[]){FACTORY}, 1), 2);
}

static void test_boot_reads_a_refused_candidate_once_too(void **state)
{
    struct al_flash flash = device_with(10000);

    (void)state;
    assert_int_equal(select_slot(&flash, 1), 0);
    ram.bytes[OTA_1 + image_len - 1] ^= 1; /* its hash: known at the end */
    assert_int_equal(boot_counted(&flash, "ota_0", (const uint32_t[]){OTA_0, OTA_1}, 2), 2);
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
        cmocka_unit_test(test_boot_reads_two_sectors_of_ota_data_and_each_candidate_once),
        cmocka_unit_test(test_boot_reads_a_refused_candidate_once_too),
        cmocka_unit_test(test_boot_without_anything_says_why),
        cmocka_unit_test(test_boot_reports_flash_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
