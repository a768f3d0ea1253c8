/*
 * boot_signed_test.c - boot selection with secure boot on: each candidate is asked who signed it.
 */
#include "ram_flash.h"

#include "airlift/boot.h"
#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/otadata.h"
#include "signing_world.h"

#define OTADATA 0x9000u
#define FACTORY 0x10000u
#define OTA_0   0x20000u
#define OTA_1   0x30000u
#define TEST    0x40000u

#define APP_SECURE_VERSION 2u /* of tests/data/signing/app.bin */

static struct ram_flash ram;
static struct al_flash flash;
static struct al_boot_work work;
static struct al_boot_result result;
static struct al_boot_config config;
static uint8_t digests[3][AL_SIG_KEY_DIGEST_SIZE];

static void put_app(uint32_t off, const char *signer)
{
    static uint8_t file[SIGNED_LEN];

    load_signed(signer, file);
    memcpy(ram.bytes + off, file, SIGNED_LEN);
}

static struct al_ptable table = {
    .n = 5,
    .part = {{.off = OTADATA, .size = 0x2000, .type = AL_TYPE_DATA, .label = "otadata"},
             {.off = FACTORY, .size = 0x10000, .label = "factory"},
             {.off = OTA_0, .size = 0x10000, .subtype = 0x10, .label = "ota_0"},
             {.off = OTA_1, .size = 0x10000, .subtype = 0x11, .label = "ota_1"},
             {.off = TEST, .size = 0x10000, .subtype = 0x20, .label = "test"}}};

/* Key A and key B are trusted; each app is signed by A; OTA data is blank. */
static int set_up(void **state)
{
    (void)state;
    flash = ram_flash_init(&ram);
    memset(&work, 0xA5, sizeof(work)); /* contents do not matter */
    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    for (unsigned i = 1; i < table.n; i++) {
        put_app(table.part[i].off, "p256_a");
    }
    load_key_digest("p256_a", digests[0]);
    load_key_digest("p256_b", digests[1]);
    config = (struct al_boot_config){
        .ptable_off = AL_PTABLE_OFFSET,
        .rollback = true,
        .rules = {.chip = al_chip_by_name("esp32c3")},
        .secure_boot = true,
        .trusted = {.key = digests, .n_keys = 2},
    };
    return 0;
}

static const char *boot(void)
{
    assert_int_equal(al_boot(&flash, &config, &work, &result), 0);
    return result.boots ? result.part.label : "none";
}

static void select_slot(unsigned slot, uint32_t ota_state)
{
    struct al_part part = {.off = OTADATA, .size = AL_OTADATA_SIZE};

    assert_int_equal(al_otadata_select(&flash, &part, slot, 2, ota_state), 0);
}

static void assert_refused(unsigned i, int index, enum al_sig_fault why)
{
    assert_true(i < result.n_tried);
    assert_int_equal(result.tried[i].index, index);
    assert_int_equal(result.tried[i].fault, AL_IMAGE_NOT_TRUSTED);
    assert_int_equal(result.tried[i].signature, why);
    assert_string_equal(al_boot_tried_text(&result.tried[i]), al_sig_fault_text(why));
}

static uint8_t times_read[RAM_FLASH_SIZE];

static int counted_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        times_read[off + i]++;
    }
    return ram_flash_read(ctx, off, buf, len);
}

static void test_boot_signed_app_is_read_once_to_its_sectors_end(void **state)
{
    (void)state;
    select_slot(1, AL_OTA_NEW);
    memset(times_read, 0, sizeof(times_read));
    flash.read = counted_read;
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(result.reason, AL_BOOT_SELECTED);
    assert_int_equal(result.n_tried, 1);
    assert_int_equal(result.tried[0].signature, AL_SIG_GOOD);
    assert_string_equal(al_boot_tried_text(&result.tried[0]), "good");
    assert_int_equal(work.signature.n_signers, 1);
    assert_memory_equal(work.signature.signer[0].key_digest, digests[0], AL_SIG_KEY_DIGEST_SIZE);
    for (uint32_t i = 0; i < 0x10000; i++) {
        assert_int_equal(times_read[OTA_1 + i], i < SIGNED_LEN);
        assert_int_equal(times_read[OTA_0 + i] + times_read[FACTORY + i], 0);
    }
}

static uint8_t *block(void)
{
    return ram.bytes + OTA_1 + SECTOR_AT;
}

static void mend_crc(void)
{
    al_put_le32(block() + AL_SIG_CRC_OFF, al_crc32_zlib(0, block(), AL_SIG_CRC_OFF));
}

static void take_signature_off(void)
{
    memset(block(), 0xFF, AL_SIG_SECTOR_SIZE);
}

static void sign_as_v1(void)
{
    take_signature_off();
    (void)load("app_v1.sig", ram.bytes + OTA_1 + 7344, 68);
}

static void sign_with_another_key(void)
{
    put_app(OTA_1, "rsa_a");
}

static void change_padding(void)
{
    ram.bytes[OTA_1 + 8000] ^= 1;
}

static void change_signature(void)
{
    block()[101] ^= 1;
    mend_crc();
}

static void change_crc(void)
{
    block()[AL_SIG_CRC_OFF] ^= 1;
}

static void revoke_b(void)
{
    put_app(OTA_1, "p256_b");
    config.trusted.revoked = 1 << 1;
}

static void test_boot_signed_each_fault_sends_it_to_the_next_app(void **state)
{
    static const struct {
        void (*spoil)(void);
        enum al_sig_fault fault;
    } ways[] = {
        {take_signature_off, AL_SIG_UNSIGNED},
        {sign_as_v1, AL_SIG_V1},
        {sign_with_another_key, AL_SIG_UNKNOWN_KEY},
        {change_padding, AL_SIG_WRONG_DIGEST},
        {change_signature, AL_SIG_BAD},
        {change_crc, AL_SIG_DAMAGED},
        {revoke_b, AL_SIG_REVOKED},
    };

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        set_up(state);
        select_slot(1, AL_OTA_VALID);
        ways[i].spoil();
        for (unsigned again = 0; again < 2; again++) { /* OTA data names it still: asked at each boot */
            assert_string_equal(boot(), "ota_0");
            assert_int_equal(result.reason, AL_BOOT_FALLBACK);
            assert_int_equal(result.n_tried, 2);
            assert_refused(0, 1, ways[i].fault);
            assert_int_equal(result.tried[1].fault, AL_IMAGE_GOOD);
            assert_int_equal(result.tried[1].signature, AL_SIG_GOOD);
        }
    }
}

static void test_boot_signed_other_faults_are_no_signatures(void **state)
{
    (void)state;
    select_slot(1, AL_OTA_VALID);
    change_signature();
    ram.bytes[OTA_0 + 1000] ^= 1;
    assert_string_equal(boot(), "factory");
    assert_refused(0, 1, AL_SIG_BAD);
    assert_int_equal(result.tried[1].fault, AL_IMAGE_BAD_CHECKSUM);
    assert_int_equal(result.tried[1].signature, AL_SIG_GOOD);
}

static void test_boot_signed_nothing_starts_without_trust(void **state)
{
    (void)state;
    config.trusted = (struct al_sig_policy){0};
    assert_string_equal(boot(), "none");
    assert_int_equal(result.reason, AL_BOOT_NO_APP);
    assert_int_equal(result.n_tried, 4); /* factory, ota_0, ota_1, test */
    assert_refused(0, -1, AL_SIG_UNKNOWN_KEY);
    assert_refused(3, -2, AL_SIG_UNKNOWN_KEY);
}

static enum al_boot_pin hold_test(void *ctx)
{
    (void)ctx;
    return AL_BOOT_PIN_TEST_APP;
}

static void test_boot_signed_holds_for_the_test_app_too(void **state)
{
    (void)state;
    config.held_pin = hold_test;
    assert_string_equal(boot(), "test");
    memset(ram.bytes + TEST + SECTOR_AT, 0xFF, AL_SIG_SECTOR_SIZE);
    assert_string_equal(boot(), "none");
    assert_refused(0, -2, AL_SIG_UNSIGNED);
}

static void test_boot_signed_first_start_enters_a_signed_app(void **state)
{
    struct al_part otadata = {.off = OTADATA, .size = AL_OTADATA_SIZE};
    struct al_otadata data;

    (void)state;
    table.part[1].subtype = AL_SUB_APP_TEST; /* no factory app; the later test app counts */
    assert_int_equal(al_ptable_build(&table, true, ram.bytes + AL_PTABLE_OFFSET), 0);
    table.part[1].subtype = AL_SUB_APP_FACTORY;
    memset(ram.bytes + OTA_0 + SECTOR_AT, 0xFF, AL_SIG_SECTOR_SIZE);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(result.reason, AL_BOOT_INITIAL);
    assert_refused(0, 0, AL_SIG_UNSIGNED);
    assert_int_equal(al_otadata_read(&flash, &otadata, &data), 0);
    assert_int_equal(data.rec[0].seq, 2);
    assert_int_equal(data.rec[0].state, AL_OTA_VALID);
}

static void test_boot_signed_keys_rotate(void **state)
{
    (void)state;
    load_key_digest("rsa_a", digests[0]);
    load_key_digest("rsa_b", digests[1]);
    put_app(OTA_1, "two"); /* rsa_a, rsa_b */
    select_slot(1, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_1");
    config.trusted.revoked = 1 << 0;
    assert_string_equal(boot(), "ota_1"); /* by the second block */
    config.trusted.first_block_only = true;
    assert_string_equal(boot(), "none");
    assert_refused(0, 1, AL_SIG_REVOKED);
}

static void test_boot_signed_short_digests_are_enough_for_their_chip(void **state)
{
    (void)state;
    memset(digests[0] + 16, 0, 16);
    assert_string_equal(boot(), "none");
    config.trusted.digest_len = 16;
    assert_string_equal(boot(), "factory");
}

static uint32_t burnt;

static int burn(void *ctx, uint32_t version)
{
    (void)ctx;
    burnt = version;
    return 0;
}

static void test_boot_signed_secure_version_counts_as_well(void **state)
{
    (void)state;
    burnt = 0;
    config.anti_rollback = true;
    config.burn_secure_version = burn;
    select_slot(1, AL_OTA_NEW);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(burnt, 0); /* on trial */
    set_up(state);
    config.anti_rollback = true;
    config.burn_secure_version = burn;
    select_slot(1, AL_OTA_VALID);
    assert_string_equal(boot(), "ota_1");
    assert_int_equal(burnt, APP_SECURE_VERSION);
    config.secure_version = APP_SECURE_VERSION + 1;
    assert_string_equal(boot(), "none");
    assert_true(result.tried[0].secure_version_low);
    assert_int_equal(result.tried[0].signature, AL_SIG_GOOD);
    assert_string_equal(al_boot_tried_text(&result.tried[0]), "secure version too low");
}

static void test_boot_signed_cannot_be_skipped(void **state)
{
    (void)state;
    config.skip_validate = true;
    memset(times_read, 0, sizeof(times_read));
    flash.read = counted_read;
    assert_int_equal(al_boot(&flash, &config, &work, &result), AL_ERR_ARG);
    assert_false(result.boots);
    for (uint32_t i = 0; i < RAM_FLASH_SIZE; i++) {
        assert_int_equal(times_read[i], 0);
    }
}

static void test_boot_without_secure_boot_nobody_asks(void **state)
{
    (void)state;
    config.secure_boot = false;
    select_slot(1, AL_OTA_VALID);
    take_signature_off();
    memset(times_read, 0, sizeof(times_read));
    flash.read = counted_read;
    assert_string_equal(boot(), "ota_1");
    for (uint32_t i = SECTOR_AT; i < SIGNED_LEN; i++) {
        assert_int_equal(times_read[OTA_1 + i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_boot_signed_app_is_read_once_to_its_sectors_end, set_up),
        cmocka_unit_test_setup(test_boot_signed_each_fault_sends_it_to_the_next_app, set_up),
        cmocka_unit_test_setup(test_boot_signed_other_faults_are_no_signatures, set_up),
        cmocka_unit_test_setup(test_boot_signed_nothing_starts_without_trust, set_up),
        cmocka_unit_test_setup(test_boot_signed_holds_for_the_test_app_too, set_up),
        cmocka_unit_test_setup(test_boot_signed_first_start_enters_a_signed_app, set_up),
        cmocka_unit_test_setup(test_boot_signed_keys_rotate, set_up),
        cmocka_unit_test_setup(test_boot_signed_short_digests_are_enough_for_their_chip, set_up),
        cmocka_unit_test_setup(test_boot_signed_secure_version_counts_as_well, set_up),
        cmocka_unit_test_setup(test_boot_signed_cannot_be_skipped, set_up),
        cmocka_unit_test_setup(test_boot_without_secure_boot_nobody_asks, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
