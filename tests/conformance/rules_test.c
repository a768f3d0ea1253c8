/*
 * rules_test.c - rules of boot selection, tables and images that few golden vectors touch.
 *
 * Each case states one sentence of docs/formats.md or docs/architecture.md.
 */
#include "../unit/ram_flash.h"

#include "../unit/test_image.h"
#include "airlift/boot.h"
#include "airlift/bytes.h"
#include "airlift/otadata.h"

#define OTADATA  0x9000u
#define NVS      0xC000u
#define NVS_SIZE 0x3000u
#define SLOT     0x10000u /* bytes */

static struct ram_flash ram;
static struct al_flash flash;
static struct al_ptable table;
static struct al_boot_config config;
static struct al_boot_result result;
static struct al_image_check check;
static uint8_t image[8192];
static uint32_t image_len, efuse;

/* --- The device ---------------------------------------------------------------- */

static int burn(void *ctx, uint32_t version)
{
    (void)ctx;
    assert_true(version > efuse); /* a real eFuse is not burnt for nothing */
    efuse = version;
    return 0;
}

static struct al_part *add(const char *label, uint8_t type, uint8_t subtype, uint32_t off, uint32_t size)
{
    struct al_part *p = &table.part[table.n++];

    *p = (struct al_part){.off = off, .size = size, .type = type, .subtype = subtype};
    snprintf(p->label, sizeof(p->label), "%s", label);
    return p;
}

static struct al_part *app(const char *label, uint8_t subtype, uint32_t off)
{
    return add(label, AL_TYPE_APP, subtype, off, SLOT);
}

/* A good image whose secure version is `secure_version`. */
static void put_app(uint32_t off, uint32_t secure_version)
{
    image_len = test_image(image, "1.0.0", secure_version, 256);
    memset(ram.bytes + off, 0xFF, SLOT);
    memcpy(ram.bytes + off, image, image_len);
}

static void put_record(unsigned sector, uint32_t seq, uint32_t state)
{
    struct al_ota_record rec;

    al_ota_record_init(&rec, seq, state);
    memcpy(ram.bytes + OTADATA + sector * AL_SECTOR_SIZE, &rec, sizeof(rec));
}

static uint32_t word(uint32_t off)
{
    return al_get_le32(ram.bytes + off);
}

static uint32_t state_of(unsigned sector)
{
    return word(OTADATA + sector * AL_SECTOR_SIZE + 24);
}

/* otadata, and n slots from 0x20000 on with good images; no factory. */
static void device(unsigned n)
{
    char label[16];

    flash = ram_flash_init(&ram);
    memset(&table, 0, sizeof(table));
    add("otadata", AL_TYPE_DATA, AL_SUB_DATA_OTA, OTADATA, 0x2000);
    for (unsigned i = 0; i < n; i++) {
        snprintf(label, sizeof(label), "ota_%u", i);
        app(label, (uint8_t)(AL_SUB_APP_OTA_0 + i), 0x20000 + i * SLOT);
        put_app(0x20000 + i * SLOT, 1);
    }
    efuse = 0;
    config = (struct al_boot_config){.ptable_off = AL_PTABLE_OFFSET,
                                     .rollback = true,
                                     .burn_secure_version = burn,
                                     .rules = {.chip = al_chip_by_name("esp32c3")}};
}

static void factory(void)
{
    app("factory", AL_SUB_APP_FACTORY, 0x10000);
    put_app(0x10000, 1);
}

static const char *boot(void)
{
    static struct al_boot_work work;

    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    config.secure_version = efuse;
    assert_int_equal(al_boot(&flash, &config, &work, &result), 0);
    return result.boots ? result.part.label : al_boot_reason_name(result.reason);
}

static void wreck(unsigned slot)
{
    ram.bytes[0x20000 + slot * SLOT + 0x140] ^= 1;
}

/* --- Selection -------------------------------------------------------------------- */

static void test_rules_no_otadata_means_factory_then_slots_upwards(void **state)
{
    (void)state;
    device(3);
    table.part[0].subtype = AL_SUB_DATA_NVS;
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_DEFAULT);
    wreck(0);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(result.selected, -1);
    factory();
    assert_string_equal(boot(), "factory");
    /* ESP-IDF knows absence by offset 0. */
    device(2);
    table.part[0].off = 0;
    put_record(0, 2, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.selected, -1);
}

static void test_rules_factory_at_offset_0_is_no_default(void **state)
{
    (void)state;
    device(2);
    app("factory", AL_SUB_APP_FACTORY, 0);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
    assert_int_equal(word(OTADATA), 1);
}

static void test_rules_the_last_of_two_entries_counts(void **state)
{
    (void)state;
    device(2);
    put_record(0, 2, AL_OTA_VALID);
    add("second", AL_TYPE_DATA, AL_SUB_DATA_OTA, 0xC000, 0x2000);
    assert_string_equal(boot(), "ota_0"); /* the second is blank */
    assert_int_equal(word(0xC000), 1);
    device(2);
    put_record(0, 1, AL_OTA_VALID);
    app("again", AL_SUB_APP_OTA_0, 0x80000); /* three entries: seq 1 is slot 0 still */
    put_app(0x80000, 1);
    assert_string_equal(boot(), "again");
    put_record(0, 3, AL_OTA_VALID); /* slot 2 of three: not there */
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(result.reason, AL_BOOT_FALLBACK);
}

static void test_rules_blank_otadata_enters_the_first_that_starts(void **state)
{
    (void)state;
    device(3);
    wreck(0);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
    assert_int_equal(word(OTADATA), 2);
    assert_int_equal(state_of(0), AL_OTA_VALID);
    assert_int_equal(word(OTADATA + 4), 0xFFFFFFFF);
    assert_int_equal(word(OTADATA + AL_SECTOR_SIZE), 0xFFFFFFFF);
    assert_int_equal(efuse, 0); /* no anti-rollback */
    device(1);
    factory();
    assert_string_equal(boot(), "factory");
    assert_int_equal(word(OTADATA), 0xFFFFFFFF); /* factory is not in OTA data */
}

static void test_rules_torn_is_not_rejected(void **state)
{
    (void)state;
    /* A wrong CRC beside blank: the start is "factory", without one all from ota_0 on; nothing is entered. */
    device(3);
    put_record(0, 2, AL_OTA_VALID);
    ram.bytes[OTADATA + 28] ^= 1;
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.selected, -1);
    assert_int_equal(word(OTADATA), 2);
    /* Rejected by state, both with wrong CRCs: entered. */
    device(3);
    for (unsigned i = 0; i < 2; i++) {
        put_record(i, 2, AL_OTA_INVALID + i);
        ram.bytes[OTADATA + i * AL_SECTOR_SIZE + 28] ^= 1;
    }
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
    assert_int_equal(word(OTADATA), 1);
    /* Both rejected with good CRCs: ota_0, but not entered. */
    for (unsigned good = 0; good < 2; good++) {
        device(3);
        put_record(0, 2, AL_OTA_INVALID);
        put_record(1, 3, AL_OTA_ABORTED);
        ram.bytes[OTADATA + good * AL_SECTOR_SIZE + 28] ^= 1; /* one good CRC is enough */
        assert_string_equal(boot(), "ota_0");
        assert_int_equal(result.selected, 0);
        assert_int_equal(state_of(0), AL_OTA_INVALID);
    }
    /* The same with a factory app. */
    factory();
    assert_string_equal(boot(), "factory");
}

static void test_rules_pending_is_aborted_whatever_its_crc(void **state)
{
    static const uint8_t label[4] = {1, 2, 3, 4};

    (void)state;
    device(2);
    put_record(0, 1, AL_OTA_VALID);
    put_record(1, 7, AL_OTA_PENDING_VERIFY);
    ram.bytes[OTADATA + 0x101C] ^= 1;
    memcpy(ram.bytes + OTADATA + 0x1004, label, 4);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(state_of(1), AL_OTA_ABORTED);
    assert_int_equal(word(OTADATA + 0x1000), 7);
    assert_memory_equal(ram.bytes + OTADATA + 0x1004, label, 4); /* the rest goes back as it was */
    /* Two at once. */
    put_record(0, 1, AL_OTA_PENDING_VERIFY);
    put_record(1, 2, AL_OTA_PENDING_VERIFY);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(state_of(0), AL_OTA_ABORTED);
    assert_int_equal(state_of(1), AL_OTA_ABORTED);
    /* Not without rollback: it boots, and stays. */
    put_record(1, 2, AL_OTA_PENDING_VERIFY);
    config.rollback = false;
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(state_of(1), AL_OTA_PENDING_VERIFY);
    put_record(1, 2, AL_OTA_NEW);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(state_of(1), AL_OTA_NEW);
    put_record(1, 2, AL_OTA_INVALID); /* still refused */
    put_record(0, 1, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_0");
}

static void test_rules_only_new_becomes_pending(void **state)
{
    static const uint32_t keeps[] = {AL_OTA_VALID, AL_OTA_UNDEFINED, 5, 0x80000000};

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        device(2);
        put_record(0, 2, keeps[i]);
        assert_string_equal(boot(), "ota_1");
        assert_int_equal(state_of(0), keeps[i]);
    }
    put_record(0, 2, AL_OTA_NEW);
    put_record(1, 1, AL_OTA_NEW);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(state_of(0), AL_OTA_PENDING_VERIFY);
    assert_int_equal(state_of(1), AL_OTA_NEW); /* the active one's only */
}

static void test_rules_numbers_are_unsigned_and_a_tie_is_sector_0(void **state)
{
    (void)state;
    device(2);
    put_record(0, 0xFFFFFFFE, AL_OTA_VALID);
    put_record(1, 1, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_1");
    put_record(0, 1, AL_OTA_VALID);
    put_record(1, 0x80000002, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_1");
    put_record(0, 5, AL_OTA_NEW);
    put_record(1, 5, AL_OTA_NEW);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(state_of(0), AL_OTA_PENDING_VERIFY);
    assert_int_equal(state_of(1), AL_OTA_NEW);
    put_record(0, 0, AL_OTA_VALID); /* 0 - 1 wraps */
    memset(ram.bytes + OTADATA + 0x1000, 0xFF, 32);
    assert_string_equal(boot(), "ota_1");
    put_record(0, 0xFFFFFFFF, AL_OTA_VALID); /* blank, though its CRC is right */
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
}

static void test_rules_otadata_must_hold_two_sectors(void **state)
{
    (void)state;
    device(2);
    factory();
    table.part[0].size = 0x1FFF;
    put_record(0, 1, AL_OTA_NEW);
    assert_string_equal(boot(), "otadata_too_small");
    assert_int_equal(state_of(0), AL_OTA_NEW);
    table.part[0].size = 0x3000;
    assert_string_equal(boot(), "ota_0");
    /* At the chip's very end. */
    table.part[0].off = RAM_FLASH_SIZE - 0x2000;
    table.part[0].size = 0x2000;
    assert_string_equal(boot(), "factory");
}

/* The sector in which a record begins is erased, as ESP-IDF does. */
static void test_rules_unaligned_otadata_is_used(void **state)
{
    struct al_ota_record rec;

    (void)state;
    device(2);
    table.part[0].off = OTADATA + 0x80;
    al_ota_record_init(&rec, 2, AL_OTA_NEW);
    memcpy(ram.bytes + OTADATA + 0x80, &rec, sizeof(rec));
    ram.bytes[OTADATA] = 0;
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(word(OTADATA + 0x80 + 24), AL_OTA_PENDING_VERIFY);
    assert_int_equal(ram.bytes[OTADATA], 0xFF);
    assert_string_equal(boot(), "ota_0");
    /* Where flash takes no write, the record is lost. */
    device(2);
    table.part[0].off = OTADATA + 0x82;
    memcpy(ram.bytes + OTADATA + 0x82, &rec, sizeof(rec));
    assert_string_equal(boot(), "ota_1");
    assert_true(al_is_blank(ram.bytes + OTADATA, AL_SECTOR_SIZE));
}

static void test_rules_peek_names_the_default_app(void **state)
{
    struct al_otadata data;

    (void)state;
    device(0);
    assert_null(al_boot_peek(&flash, &table));
    app("test", AL_SUB_APP_TEST, 0x90000);
    assert_string_equal(al_boot_peek(&flash, &table)->label, "test");
    app("ota_15", AL_SUB_APP_OTA_15, 0xA0000);
    assert_string_equal(al_boot_peek(&flash, &table)->label, "ota_15");
    app("factory", AL_SUB_APP_FACTORY, 0x10000);
    put_record(0, 1, AL_OTA_VALID); /* no slot counts: the first is missing */
    assert_string_equal(al_boot_peek(&flash, &table)->label, "factory");
    app("ota_0", AL_SUB_APP_OTA_0, 0x20000);
    assert_string_equal(al_boot_peek(&flash, &table)->label, "ota_0");
    table.part[0].size = 0x1000;
    assert_null(al_boot_peek(&flash, &table));
    for (unsigned i = 0; i < 2; i++) {
        al_ota_record_init(&data.rec[i], 7, AL_OTA_VALID);
    }
    assert_int_equal(al_otadata_active(&data), 0); /* a tie */
}

/* --- Loading ------------------------------------------------------------------------ */

static void test_rules_fallback_goes_down_to_factory_then_up_then_test(void **state)
{
    static const int order[] = {2, 1, 0, -1, 3, -2};

    (void)state;
    device(4);
    factory();
    app("test", AL_SUB_APP_TEST, 0x90000);
    put_app(0x90000, 1);
    put_record(0, 3, AL_OTA_VALID);
    wreck(2), wreck(1), wreck(0), wreck(3);
    ram.bytes[0x10140] ^= 1;
    assert_string_equal(boot(), "test");
    assert_int_equal(result.n_tried, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(result.tried[i].index, order[i]);
    }
    assert_int_equal(state_of(0), AL_OTA_VALID); /* OTA data stay as they are */
    ram.bytes[0x90140] ^= 1;
    assert_string_equal(boot(), "no_bootable_app");
    assert_int_equal(result.n_tried, 6);
}

static void test_rules_empty_slots_and_gaps_are_skipped(void **state)
{
    (void)state;
    device(3);
    table.part[2].size = 0; /* ota_1 */
    put_record(0, 2, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.n_tried, 1);
    /* ota_0 and ota_2 of two: index 2 is out of reach, index 1 is not there. */
    device(3);
    table.part[2].subtype = AL_SUB_DATA_NVS, table.part[2].type = AL_TYPE_DATA;
    put_record(0, 2, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_0");
    wreck(0);
    assert_string_equal(boot(), "no_bootable_app");
    assert_int_equal(result.n_tried, 1);
}

static void test_rules_sixteen_slots_and_the_last_of_two_test_apps(void **state)
{
    (void)state;
    device(14);
    app("ota_14", AL_SUB_APP_OTA_0 + 14, 0x10000);
    put_record(0, 16, AL_OTA_VALID);
    app("ota_15", AL_SUB_APP_OTA_15, 0xB000);
    table.part[table.n - 1].size = 0x4000;
    image_len = test_image(image, "1.0.0", 0, 0);
    al_put_le32(image + 24, 0); /* not mapped, so that it may lie anywhere */
    memcpy(ram.bytes + 0xB000, image, image_len);
    assert_string_equal(boot(), "ota_13"); /* its digest is wrong now, and ota_14 blank */
    assert_int_equal(result.tried[0].index, 15);
    assert_int_equal(result.tried[0].fault, AL_IMAGE_BAD_HASH);
    device(0);
    app("first", AL_SUB_APP_TEST, 0x80000);
    app("last", AL_SUB_APP_TEST, 0x90000);
    put_app(0x80000, 1);
    put_app(0x90000, 1);
    assert_string_equal(boot(), "last");
}

static void test_rules_a_slot_at_an_odd_offset_does_not_boot(void **state)
{
    (void)state;
    device(2);
    put_record(0, 2, AL_OTA_VALID);
    table.part[2].off += 2;
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.tried[0].fault, AL_IMAGE_UNALIGNED);
}

static void test_rules_only_a_test_app(void **state)
{
    (void)state;
    device(0);
    app("test", AL_SUB_APP_TEST, 0x90000);
    put_app(0x90000, 1);
    assert_string_equal(boot(), "test");
    assert_int_equal(word(OTADATA), 0xFFFFFFFF);
    app("tee", 0x30, 0xA0000); /* no app that boots */
    put_app(0xA0000, 1);
    ram.bytes[0x90140] ^= 1;
    assert_string_equal(boot(), "no_bootable_app");
}

static enum al_boot_pin held;
static unsigned n_looks;

static enum al_boot_pin look_at_pins(void *ctx)
{
    assert_ptr_equal(ctx, &held);
    n_looks++;
    return held;
}

static void hold(enum al_boot_pin pin)
{
    held = pin;
    n_looks = 0;
    config.held_pin = look_at_pins;
    config.pin_ctx = &held;
}

static void test_rules_test_pin_takes_the_test_app_or_none(void **state)
{
    (void)state;
    device(2);
    put_record(0, 2, AL_OTA_NEW);
    hold(AL_BOOT_PIN_TEST_APP);
    assert_string_equal(boot(), "no_bootable_app");
    assert_int_equal(state_of(0), AL_OTA_PENDING_VERIFY); /* selection ran first */
    app("test", AL_SUB_APP_TEST, 0x90000);
    put_app(0x90000, 1);
    assert_string_equal(boot(), "test");
    assert_int_equal(result.reason, AL_BOOT_TEST);
}

/* ESP-IDF's bootloader has given up before it looks at a pin. */
static void test_rules_pins_do_not_help_where_ota_data_is_too_small(void **state)
{
    (void)state;
    device(2);
    app("test", AL_SUB_APP_TEST, 0x90000);
    put_app(0x90000, 1);
    table.part[0].size = 0x1000;
    hold(AL_BOOT_PIN_TEST_APP);
    assert_string_equal(boot(), "otadata_too_small");
    assert_int_equal(n_looks, 0);
}

static void test_rules_factory_reset_pin_erases_and_selects_again(void **state)
{
    (void)state;
    device(2);
    factory();
    add("nvs", AL_TYPE_DATA, AL_SUB_DATA_NVS, NVS, NVS_SIZE);
    put_record(0, 2, AL_OTA_VALID);
    put_record(1, 3, AL_OTA_VALID);
    memset(ram.bytes + NVS, 0, NVS_SIZE);
    hold(AL_BOOT_PIN_FACTORY_RESET);
    config.reset_labels = "phy, nvs";
    assert_string_equal(boot(), "ota_0"); /* OTA data stays */
    assert_int_equal(word(NVS), 0xFFFFFFFF);
    assert_int_equal(word(NVS + NVS_SIZE - 4), 0xFFFFFFFF);
    assert_int_equal(state_of(1), AL_OTA_VALID);

    memset(ram.bytes + NVS, 0, NVS_SIZE);
    config.reset_labels = "nv,nvs_keys otadat,factory"; /* whole labels, and data only */
    config.reset_otadata = true;
    assert_string_equal(boot(), "factory");
    assert_int_equal(word(NVS), 0);
    assert_int_equal(word(OTADATA), 0xFFFFFFFF);
    assert_int_equal(word(OTADATA + 0x1000), 0xFFFFFFFF);
    assert_int_equal(result.reason, AL_BOOT_DEFAULT);
}

/* Selection ran before: what it put on trial is aborted by the second one. */
static void test_rules_factory_reset_aborts_a_new_app(void **state)
{
    (void)state;
    device(2);
    put_record(0, 2, AL_OTA_VALID);
    put_record(1, 3, AL_OTA_NEW);
    hold(AL_BOOT_PIN_FACTORY_RESET);
    config.reset_labels = "nvs";
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(state_of(1), AL_OTA_ABORTED);
    assert_int_equal(n_looks, 1); /* not again */
}

static void test_rules_power_off_while_a_pin_is_looked_at_ends_the_boot(void **state)
{
    static struct al_boot_work work;

    (void)state;
    device(2);
    put_record(0, 2, AL_OTA_NEW);
    hold(AL_BOOT_PIN_OFF);
    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    assert_int_equal(al_boot(&flash, &config, &work, &result), AL_ERR_STATE);
    assert_int_equal(state_of(0), AL_OTA_PENDING_VERIFY); /* so the next boot aborts it */
}

/* Flash that fails under OTA data or one image does not stop a device that has another app. */
static void test_rules_failing_flash_stops_only_what_needs_it(void **state)
{
    static struct al_boot_work work;
    int err;

    (void)state;
    for (unsigned n = 1; n <= 2; n++) {
        device(2);
        put_record(0, 1, AL_OTA_VALID);
        put_record(1, 2, AL_OTA_NEW);
        ram.fail_at = n;
        assert_string_equal(boot(), "ota_1");
    }
    device(2);
    ram.fail_at = 1;
    assert_string_equal(boot(), "ota_0"); /* blank OTA data that can't be entered */
    /* A flash that answers nothing any more is an error, not a verdict. */
    for (unsigned n = 1; n < 60; n++) {
        device(2);
        put_record(0, 2, AL_OTA_NEW);
        assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
        ram.fail_at = 1;
        ram.fail_read_at = n;
        err = al_boot(&flash, &config, &work, &result);
        assert_true(err == AL_ERR_IO ||
                    (err == 0 && (result.boots || result.reason == AL_BOOT_OTADATA_TOO_SMALL)));
    }
}

static bool dark;

static int last_erase(void *ctx, uint32_t off, uint32_t len)
{
    dark = true;
    (void)ram_flash_erase(ctx, off, len);
    return AL_ERR_IO;
}

static int read_until_dark(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    return dark ? AL_ERR_IO : ram_flash_read(ctx, off, buf, len);
}

/* Power that goes while the first app is entered: nothing boots any more. */
static void test_rules_a_dark_flash_is_noticed_at_the_last_write(void **state)
{
    static struct al_boot_work work;

    (void)state;
    device(2);
    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    dark = false;
    flash.erase = last_erase;
    flash.read = read_until_dark;
    assert_int_equal(al_boot(&flash, &config, &work, &result), AL_ERR_IO);
}

static int bad_block_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    return off >= 0x30000 && off < 0x40000 ? AL_ERR_IO : ram_flash_read(ctx, off, buf, len);
}

static void test_rules_an_unreadable_image_is_passed_over(void **state)
{
    static struct al_boot_work work;

    (void)state;
    device(2);
    put_record(0, 2, AL_OTA_VALID);
    flash.read = bad_block_read;
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.tried[0].fault, AL_IMAGE_UNREADABLE);
    wreck(0);
    assert_int_equal(al_boot(&flash, &config, &work, &result), AL_ERR_IO);
    table.part[1].subtype = AL_SUB_APP_TEST;
    table.part[1].off = 0x30000;
    hold(AL_BOOT_PIN_TEST_APP);
    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    assert_int_equal(al_boot(&flash, &config, &work, &result), AL_ERR_IO);
}

/* --- Anti-rollback -------------------------------------------------------------------- */

static void anti(unsigned burnt)
{
    device(2);
    config.anti_rollback = true;
    efuse = burnt;
}

static void test_rules_anti_rollback_does_not_select_older_apps(void **state)
{
    (void)state;
    anti(2);
    put_app(0x20000, 2);
    put_record(0, 1, AL_OTA_VALID);
    put_record(1, 2, AL_OTA_NEW); /* newer, but ota_1 is of version 1 */
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_SELECTED);
    assert_int_equal(state_of(1), AL_OTA_NEW);
    put_app(0x30000, 2); /* equal will do */
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(state_of(1), AL_OTA_PENDING_VERIFY);
    assert_int_equal(efuse, 2);
    put_app(0x20000, 1);
    put_app(0x30000, 1);
    assert_string_equal(boot(), "no_bootable_app");
    assert_true(result.tried[0].secure_version_low);
}

static void test_rules_anti_rollback_burns_what_is_confirmed(void **state)
{
    (void)state;
    anti(1);
    put_app(0x20000, 5);
    put_record(0, 1, AL_OTA_UNDEFINED);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(efuse, 1);
    put_record(0, 1, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(efuse, 5);
    put_app(0x20000, 16);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(efuse, 16);
    put_app(0x20000, 17); /* more than the field holds: runs, and burns nothing */
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(efuse, 16);
}

static void test_rules_anti_rollback_enters_and_burns_the_first(void **state)
{
    (void)state;
    anti(1);
    put_app(0x20000, 0);
    put_app(0x30000, 3);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
    assert_int_equal(word(OTADATA), 2);
    assert_int_equal(efuse, 3);
}

static void test_rules_anti_rollback_needs_a_description(void **state)
{
    (void)state;
    anti(0);
    put_record(0, 1, AL_OTA_NEW);
    ram.bytes[0x20020] ^= 1; /* its magic; nothing else is wrong to a bootloader but the sum */
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(state_of(0), AL_OTA_NEW); /* was not selected */
    assert_int_equal(result.selected, -1);
}

/* Of an empty slot the description counts all the same. */
static void test_rules_anti_rollback_selects_by_offset_not_by_size(void **state)
{
    (void)state;
    anti(0);
    table.part[2].size = 0; /* ota_1 */
    put_record(0, 2, AL_OTA_NEW);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.selected, 1);
    assert_int_equal(state_of(0), AL_OTA_PENDING_VERIFY);
}

static void test_rules_anti_rollback_takes_torn_and_blank_for_initial(void **state)
{
    (void)state;
    anti(0);
    put_record(0, 2, AL_OTA_VALID);
    ram.bytes[OTADATA + 28] ^= 1;
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
    assert_int_equal(word(OTADATA), 1);
    /* Rejected with a good CRC is not initial. */
    anti(0);
    put_record(0, 2, AL_OTA_INVALID);
    assert_string_equal(boot(), "ota_0");
    assert_int_equal(word(OTADATA), 2);
    assert_int_equal(efuse, 0);
}

/* --- Partition tables -------------------------------------------------------------------- */

static uint8_t raw[AL_PTABLE_SIZE];

static int parse(uint32_t flash_size)
{
    memset(&table, 0xA5, sizeof(table));
    return al_ptable_parse(raw, flash_size, &table);
}

static void raw_entry(unsigned i, uint8_t type, uint8_t subtype, uint32_t off, uint32_t size)
{
    uint8_t *rec = raw + 32 * i;

    memset(rec, 0, 32);
    rec[0] = 0xAA, rec[1] = 0x50, rec[2] = type, rec[3] = subtype;
    al_put_le32(rec + 4, off);
    al_put_le32(rec + 8, size);
}

static void raw_md5(unsigned i)
{
    struct al_hash h;

    memset(raw + 32 * i, 0xFF, 32);
    raw[32 * i] = raw[32 * i + 1] = 0xEB;
    assert_int_equal(al_md5_init(&h), 0);
    assert_int_equal(al_hash_update(&h, raw, 32 * i), 0);
    assert_int_equal(al_hash_final(&h, raw + 32 * i + 16), 0);
}

static void test_rules_table_needs_an_end_within_96_records(void **state)
{
    (void)state;
    memset(raw, 0xFF, sizeof(raw));
    for (unsigned i = 0; i < 95; i++) {
        raw_entry(i, 0x40, 0, 0x10000, 0x1000);
    }
    assert_int_equal(parse(0x100000), 0);
    assert_int_equal(table.n, 95);
    assert_false(table.has_md5);
    raw_md5(94);
    assert_int_equal(parse(0x100000), 0);
    assert_int_equal(table.n, 94);
    raw_entry(94, 0x40, 0, 0x10000, 0x1000);
    raw_md5(95);
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
    raw_entry(95, 0x40, 0, 0x10000, 0x1000);
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
}

static void test_rules_table_end_is_told_by_magic_and_type(void **state)
{
    (void)state;
    memset(raw, 0xFF, sizeof(raw));
    assert_int_equal(parse(0x100000), AL_ERR_TABLE); /* never the first record */
    raw_entry(0, 0, 0, 0x10000, 0x1000);
    memset(raw + 36, 0, 28); /* the end's other bytes do not matter */
    assert_int_equal(parse(0x100000), 0);
    raw[34] = 0;
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
    raw[34] = 0xFF, raw[35] = 0;
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
    raw[35] = 0xFF, raw[33] = 0xFE;
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
}

static void test_rules_table_md5_covers_what_is_before_it(void **state)
{
    (void)state;
    memset(raw, 0xFF, sizeof(raw));
    raw_md5(0); /* of nothing: an empty table, but a table */
    assert_int_equal(parse(0x100000), 0);
    assert_int_equal(table.n, 0);
    raw_entry(0, 1, 2, 0x9000, 0x3000);
    raw_md5(1);
    raw[32 + 5] = 0; /* its filler does not matter */
    assert_int_equal(parse(0x100000), 0);
    assert_int_equal(table.n, 1);
    assert_true(table.has_md5);
    raw_md5(2);
    assert_int_equal(parse(0x100000), AL_ERR_TABLE); /* two of them */
    memset(raw + 64, 0xFF, 32);
    raw[12] ^= 1;
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
    raw[12] ^= 1;
    raw[32 + 31] ^= 1;
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
}

/* The bootloader takes as many records from the front as there are entries. */
static void test_rules_table_entries_behind_md5_are_misread(void **state)
{
    (void)state;
    memset(raw, 0xFF, sizeof(raw));
    raw_entry(0, 1, 2, 0x9000, 0x3000);
    raw_md5(1);
    raw_entry(2, 0, 0x10, 0x20000, 0x1000);
    assert_int_equal(parse(0x100000), 0);
    assert_int_equal(table.n, 2);
    assert_int_equal(table.part[1].type, 0xFF);
    raw_entry(2, 0, 0x10, 0x100001, 0); /* still checked */
    assert_int_equal(parse(0x100000), AL_ERR_TABLE);
}

static void test_rules_table_entries_lie_in_the_chip(void **state)
{
    static const struct {
        uint32_t off, size;
        int result;
    } cases[] = {
        {0x100000, 0, 0},
        {0x100001, 0, AL_ERR_TABLE},
        {0xFF000, 0x1000, 0},
        {0xFF000, 0x1001, AL_ERR_TABLE},
        {0x1000, 0xFFFFF000, AL_ERR_TABLE},
        {0, 0x100000, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(raw, 0xFF, sizeof(raw));
        raw_entry(0, 0xFE, 0xFE, cases[i].off, cases[i].size);
        assert_int_equal(parse(0x100000), cases[i].result);
    }
}

static void test_rules_table_keeps_flags_and_labels(void **state)
{
    (void)state;
    memset(raw, 0xFF, sizeof(raw));
    raw_entry(0, 1, 2, 0x9000, 0x3000);
    memcpy(raw + 12, "sixteen_letters_", 16);
    al_put_le32(raw + 28, 0xDEADBEEF);
    assert_int_equal(parse(0x100000), 0);
    assert_string_equal(table.part[0].label, "sixteen_letters_");
    assert_int_equal(table.part[0].flags, 0xDEADBEEF);
    memset(raw, 0, sizeof(raw));
    assert_int_equal(al_ptable_build(&table, false, raw), 0);
    assert_int_equal(al_get_le32(raw + 28), 0xDEADBEEF);
    assert_true(al_is_blank(raw + 32, sizeof(raw) - 32));
}

static void test_rules_table_must_lie_in_the_chip_too(void **state)
{
    (void)state;
    device(1);
    assert_int_equal(al_ptable_build(&table, true, ram.bytes + RAM_FLASH_SIZE - AL_PTABLE_SIZE), 0);
    assert_int_equal(al_ptable_read(&flash, RAM_FLASH_SIZE - AL_PTABLE_SIZE, &table), 0);
    assert_int_equal(al_ptable_read(&flash, RAM_FLASH_SIZE - AL_PTABLE_SIZE + 32, &table), AL_ERR_SIZE);
    assert_int_equal(al_ptable_read(&flash, RAM_FLASH_SIZE + 32, &table), AL_ERR_SIZE);
    config.ptable_off = RAM_FLASH_SIZE;
    assert_string_equal(boot(), "partition_table");
}

/* --- Images ---------------------------------------------------------------------------------- */

#define AT 0x20000u

static struct al_image_rules rules;

static void an_image(void)
{
    flash = ram_flash_init(&ram);
    put_app(AT, 1);
    rules = (struct al_image_rules){.flash_off = AT,
                                    .part_size = SLOT,
                                    .chip = al_chip_by_name("esp32c3"),
                                    .chip_rev = 104,
                                    .blk_rev = 103};
}

/* Make checksum and hash right again after a change. */
static void mend(void)
{
    struct al_image_rules layout = rules;
    static uint8_t buf[512];
    const struct al_image_info *info = &check.info;
    uint8_t *at = ram.bytes + layout.flash_off;
    struct al_hash hash;
    uint8_t sum = 0xEF;
    uint32_t end;

    layout.skip_integrity = true;
    layout.part_size = 0;
    if (al_image_verify(&flash, &layout, &check, buf, sizeof(buf)) != 0) {
        return;
    }
    end = info->len - (info->header.hash_appended ? 32 : 0);
    for (unsigned i = 0; i < info->header.n_segments; i++) {
        sum = al_image_checksum(sum, at + info->segment[i].off, info->segment[i].len);
    }
    at[end - 1] = sum;
    if (info->header.hash_appended) {
        assert_int_equal(al_sha256_init(&hash), 0);
        assert_int_equal(al_hash_update(&hash, at, end), 0);
        assert_int_equal(al_hash_final(&hash, at + end), 0);
    }
}

static enum al_image_fault verify(void)
{
    static uint8_t buf[300];
    int err = al_image_verify(&flash, &rules, &check, buf, sizeof(buf));

    assert_true((err == 0) == (check.fault == AL_IMAGE_GOOD));
    return check.fault;
}

static void put16(uint32_t off, uint16_t value)
{
    al_put_le16(ram.bytes + AT + off, value);
    mend();
}

static void put32(uint32_t off, uint32_t value)
{
    al_put_le32(ram.bytes + AT + off, value);
    mend();
}

static void test_rules_image_chip_revision(void **state)
{
    (void)state;
    an_image();
    put16(15, 104);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(15, 105);
    assert_int_equal(verify(), AL_IMAGE_CHIP_TOO_OLD);
    put16(15, 65535); /* no "not set" for the minimum */
    assert_int_equal(verify(), AL_IMAGE_CHIP_TOO_OLD);
    put16(15, 0);
    ram.bytes[AT + 14] = 3; /* the legacy minimum is not looked at */
    put16(17, 103);
    assert_int_equal(verify(), AL_IMAGE_CHIP_TOO_NEW);
    rules.ignore_max_chip_rev = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.ignore_max_chip_rev = false;
    rules.bootloader = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.bootloader = false;
    put16(17, 104);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(17, 0);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(17, 65535);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(12, 9);
    assert_int_equal(verify(), AL_IMAGE_WRONG_CHIP);
}

static void test_rules_image_efuse_block_revision(void **state)
{
    (void)state;
    an_image();
    put16(0x20 + 176, 103);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(0x20 + 176, 104);
    assert_int_equal(verify(), AL_IMAGE_BLK_TOO_OLD);
    rules.skip_integrity = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.skip_integrity = false;
    put16(0x20 + 176, 65535);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(0x20 + 178, 102);
    assert_int_equal(verify(), AL_IMAGE_BLK_TOO_NEW);
    rules.ignore_max_blk_rev = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.ignore_max_blk_rev = false;
    rules.bootloader = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.bootloader = false;
    put16(0x20 + 178, 103);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put16(0x20 + 178, 102);
    put32(0x20, 0); /* without the description's magic its place counts the same */
    assert_int_equal(verify(), AL_IMAGE_BLK_TOO_NEW);
    put16(0x20 + 178, 0);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
}

static void test_rules_image_segment_count(void **state)
{
    (void)state;
    an_image();
    ram.bytes[AT + 1] = 17;
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_COUNT);
    ram.bytes[AT + 1] = 255;
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_COUNT);
    ram.bytes[AT + 1] = 1;
    mend();
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    assert_int_equal(check.info.len, 0x120 + 16 + 32); /* a full block of padding where data end on one */
    ram.bytes[AT + 1] = 0;
    mend();
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    assert_int_equal(check.info.len, 32 + 32);
}

static void test_rules_image_segment_lengths(void **state)
{
    (void)state;
    an_image();
    put32(0x124, 0xFE);
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_LEN);
    put32(0x124, 0x1000000);
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_LEN);
    put32(0x124, 0xFFFFFFFC);
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_LEN);
    put32(0x124, 0xFFFFFC); /* allowed, but not in this partition */
    assert_int_equal(verify(), AL_IMAGE_TOO_LONG);
    put32(0x124, 0); /* an empty segment behind the first */
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put32(0x1C, 0xFC);
    assert_int_equal(verify(), AL_IMAGE_DESC_MISSING);
    put32(0x1C, 0);
    assert_int_equal(verify(), AL_IMAGE_DESC_MISSING);
    rules.bootloader = true;
    ram.bytes[AT + 1] = 1;
    mend();
    assert_int_equal(verify(), AL_IMAGE_GOOD);
}

static void test_rules_image_mapped_segments_lie_at_their_address(void **state)
{
    static const struct {
        uint32_t addr;
        enum al_image_fault fault;
    } cases[] = {
        {0x3BFFFFFC, AL_IMAGE_GOOD},
        {0x3C000000, AL_IMAGE_SEGMENT_MAP},
        {0x3C7F0020, AL_IMAGE_GOOD},
        {0x3C7FFFFC, AL_IMAGE_SEGMENT_MAP},
        {0x3C800000, AL_IMAGE_GOOD},
        {0x41FFFFFC, AL_IMAGE_GOOD},
        {0x42000024, AL_IMAGE_SEGMENT_MAP},
        {0x42010020, AL_IMAGE_GOOD},
        {0x427FFFFC, AL_IMAGE_SEGMENT_MAP},
        {0x42800000, AL_IMAGE_GOOD},
        {0, AL_IMAGE_GOOD},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        an_image();
        put32(0x18, cases[i].addr);
        if (verify() != cases[i].fault) {
            print_error("segment at 0x%x\n", cases[i].addr);
        }
        assert_int_equal(verify(), cases[i].fault);
    }
    /* The same image elsewhere: the flash address counts, not the file's. */
    an_image();
    memmove(ram.bytes + 0x41000, ram.bytes + AT, image_len);
    rules.flash_off = 0x41000;
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_MAP);
}

static void test_rules_image_load_addresses(void **state)
{
    static const struct {
        uint32_t addr, len;
        bool good;
    } cases[] = {
        {0x3FC80000, 256, true}, {0x3FC7FFFC, 256, false}, {0x3FCDFF00, 256, true},  {0x3FCDFF04, 256, false},
        {0x4037C000, 256, true}, {0x4037BFFC, 256, false}, {0x403DFF00, 256, true},  {0x403DFF04, 256, false},
        {0x50000000, 256, true}, {0x50001F00, 256, true},  {0x50001F04, 256, false}, {0x4FFFFFFC, 256, false},
        {0x0FFFFFFC, 256, true}, {0x10000000, 256, false}, {0x10000000, 0, true},    {0xFFFFFFFC, 256, false},
        {0x3FCCE610, 256, true}, {0x3FCCE614, 256, false}, {0x3FCCE611, 256, false}, {0x3FCDE70C, 256, false},
        {0x3FCDE710, 256, true}, {0x403CE610, 256, true},  {0x403CE614, 256, false}, {0x403DE70C, 256, false},
        {0x403DE710, 256, true}, {0x3C000128, 256, true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        an_image();
        put32(0x124, cases[i].len);
        put32(0x120, cases[i].addr);
        assert_int_equal(verify(), AL_IMAGE_GOOD); /* an app does not ask */
        rules.for_load = true;
        if ((verify() == AL_IMAGE_GOOD) != cases[i].good) {
            print_error("segment at 0x%x\n", cases[i].addr);
        }
        assert_int_equal(verify(), cases[i].good ? AL_IMAGE_GOOD : AL_IMAGE_SEGMENT_LOAD);
    }
}

static void test_rules_image_must_fit_exactly(void **state)
{
    (void)state;
    an_image();
    rules.part_size = image_len;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.part_size = image_len - 1;
    assert_int_equal(verify(), AL_IMAGE_TOO_LONG);
    rules.part_size = 1;
    assert_int_equal(verify(), AL_IMAGE_TOO_LONG);
    rules.part_size = 0x1000000;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.part_size = 0x1000001;
    assert_int_equal(verify(), AL_IMAGE_PART_TOO_LARGE);
}

static void test_rules_image_hash_is_there_if_the_byte_is_not_0(void **state)
{
    (void)state;
    an_image();
    ram.bytes[AT + 23] = 0x80;
    mend();
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    ram.bytes[AT + image_len - 1] ^= 1;
    assert_int_equal(verify(), AL_IMAGE_BAD_HASH);
    rules.bootloader = true; /* not enforced there */
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    rules.bootloader = false;
    ram.bytes[AT + 23] = 0;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    assert_int_equal(check.info.len, image_len - 32);
    ram.bytes[AT + image_len - 34] ^= 1; /* padding: nobody asks without a hash */
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    ram.bytes[AT + image_len - 33] ^= 1;
    assert_int_equal(verify(), AL_IMAGE_BAD_CHECKSUM);
    rules.skip_integrity = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    ram.bytes[AT] = 0xE8;
    assert_int_equal(verify(), AL_IMAGE_BAD_MAGIC);
}

static void test_rules_image_offset_for_bootloader_and_app(void **state)
{
    static uint8_t buf[300];

    (void)state;
    an_image();
    put32(0x18, 0); /* not mapped, so that any offset will do */
    put32(0x120, 0);
    memmove(ram.bytes + AT + 2, ram.bytes + AT, image_len);
    rules.flash_off = AT + 2;
    assert_int_equal(verify(), AL_IMAGE_UNALIGNED);
    assert_int_equal(al_image_verify(&flash, &rules, &check, buf, sizeof(buf)), AL_ERR_CHIP);
    rules.part_size = 0x1000001;
    assert_int_equal(verify(), AL_IMAGE_PART_TOO_LARGE); /* asked first */
    rules.part_size = SLOT;
    rules.any_offset = true;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    memmove(ram.bytes + AT + 4, ram.bytes + AT + 2, image_len);
    rules.flash_off = AT + 4;
    rules.any_offset = false;
    assert_int_equal(verify(), AL_IMAGE_GOOD);
}

/* Where the MMU page can be chosen it is read from the description, which must then be there. */
static void test_rules_image_mmu_page_of_configurable_chips(void **state)
{
    (void)state;
    an_image();
    rules.chip = al_chip_by_name("esp32c6");
    put16(12, 13);
    put32(0x18, 0x42000020);
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    put32(0x18, 0x42008020);
    assert_int_equal(verify(), AL_IMAGE_SEGMENT_MAP);
    ram.bytes[AT + 0x20 + 180] = 15; /* 32 KiB */
    mend();
    assert_int_equal(verify(), AL_IMAGE_GOOD);
    ram.bytes[AT + 0x20] ^= 1;
    mend();
    assert_int_equal(verify(), AL_IMAGE_DESC_MISSING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_no_otadata_means_factory_then_slots_upwards),
        cmocka_unit_test(test_rules_factory_at_offset_0_is_no_default),
        cmocka_unit_test(test_rules_the_last_of_two_entries_counts),
        cmocka_unit_test(test_rules_blank_otadata_enters_the_first_that_starts),
        cmocka_unit_test(test_rules_torn_is_not_rejected),
        cmocka_unit_test(test_rules_pending_is_aborted_whatever_its_crc),
        cmocka_unit_test(test_rules_only_new_becomes_pending),
        cmocka_unit_test(test_rules_numbers_are_unsigned_and_a_tie_is_sector_0),
        cmocka_unit_test(test_rules_otadata_must_hold_two_sectors),
        cmocka_unit_test(test_rules_unaligned_otadata_is_used),
        cmocka_unit_test(test_rules_peek_names_the_default_app),
        cmocka_unit_test(test_rules_fallback_goes_down_to_factory_then_up_then_test),
        cmocka_unit_test(test_rules_empty_slots_and_gaps_are_skipped),
        cmocka_unit_test(test_rules_sixteen_slots_and_the_last_of_two_test_apps),
        cmocka_unit_test(test_rules_a_slot_at_an_odd_offset_does_not_boot),
        cmocka_unit_test(test_rules_only_a_test_app),
        cmocka_unit_test(test_rules_test_pin_takes_the_test_app_or_none),
        cmocka_unit_test(test_rules_pins_do_not_help_where_ota_data_is_too_small),
        cmocka_unit_test(test_rules_factory_reset_pin_erases_and_selects_again),
        cmocka_unit_test(test_rules_factory_reset_aborts_a_new_app),
        cmocka_unit_test(test_rules_power_off_while_a_pin_is_looked_at_ends_the_boot),
        cmocka_unit_test(test_rules_failing_flash_stops_only_what_needs_it),
        cmocka_unit_test(test_rules_a_dark_flash_is_noticed_at_the_last_write),
        cmocka_unit_test(test_rules_an_unreadable_image_is_passed_over),
        cmocka_unit_test(test_rules_anti_rollback_does_not_select_older_apps),
        cmocka_unit_test(test_rules_anti_rollback_burns_what_is_confirmed),
        cmocka_unit_test(test_rules_anti_rollback_enters_and_burns_the_first),
        cmocka_unit_test(test_rules_anti_rollback_needs_a_description),
        cmocka_unit_test(test_rules_anti_rollback_selects_by_offset_not_by_size),
        cmocka_unit_test(test_rules_anti_rollback_takes_torn_and_blank_for_initial),
        cmocka_unit_test(test_rules_table_needs_an_end_within_96_records),
        cmocka_unit_test(test_rules_table_end_is_told_by_magic_and_type),
        cmocka_unit_test(test_rules_table_md5_covers_what_is_before_it),
        cmocka_unit_test(test_rules_table_entries_behind_md5_are_misread),
        cmocka_unit_test(test_rules_table_entries_lie_in_the_chip),
        cmocka_unit_test(test_rules_table_keeps_flags_and_labels),
        cmocka_unit_test(test_rules_table_must_lie_in_the_chip_too),
        cmocka_unit_test(test_rules_image_chip_revision),
        cmocka_unit_test(test_rules_image_efuse_block_revision),
        cmocka_unit_test(test_rules_image_segment_count),
        cmocka_unit_test(test_rules_image_segment_lengths),
        cmocka_unit_test(test_rules_image_mapped_segments_lie_at_their_address),
        cmocka_unit_test(test_rules_image_load_addresses),
        cmocka_unit_test(test_rules_image_must_fit_exactly),
        cmocka_unit_test(test_rules_image_hash_is_there_if_the_byte_is_not_0),
        cmocka_unit_test(test_rules_image_offset_for_bootloader_and_app),
        cmocka_unit_test(test_rules_image_mmu_page_of_configurable_chips),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
