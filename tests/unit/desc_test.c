/*
 * desc_test.c - FLASH.bin.json: strict to read, careful to write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/desc.h"

static char dir[64];
static char flash_path[128];
static char json_path[160];
static char err[512];
static struct dev_desc desc;

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/airlift-desc-XXXXXX");
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(flash_path, sizeof flash_path, "%s/x.bin", dir);
    snprintf(json_path, sizeof json_path, "%s.json", flash_path);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(json_path);
    return rmdir(dir);
}

static void write_json(const char *text)
{
    FILE *file = fopen(json_path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

static const char *read_json(void)
{
    static char text[4096];
    FILE *file = fopen(json_path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static void assert_refused(const char *text, const char *message)
{
    write_json(text);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), AL_ERR_FORMAT);
    char expected[512];
    snprintf(expected, sizeof expected, "%s: %s", json_path, message);
    assert_string_equal(err, expected);
}

static void assert_defaults(void)
{
    assert_string_equal(desc.chip->name, "linux");
    assert_int_equal(desc.partition_table_offset, 0x8000);
    assert_true(desc.rollback);
    assert_false(desc.anti_rollback);
    assert_false(desc.secure_boot);
    assert_int_equal(desc.chip_revision, 0);
    assert_int_equal(desc.efuse_block_revision, 0);
    assert_int_equal(desc.secure_version, 0);
    assert_int_equal(desc.n_key_digests, 0);
    assert_int_equal(desc.factory_reset_pin.number, -1);
    assert_int_equal(desc.test_pin.number, -1);
    assert_int_equal(desc.pin_hold_s, 5);
    assert_string_equal(desc.factory_reset_labels, "nvs");
    assert_false(desc.factory_reset_otadata);
}

static void test_desc_no_file_and_no_keys_mean_the_defaults(void **state)
{
    (void)state;
    unlink(json_path);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_defaults();
    assert_string_equal(desc.path, json_path);
    write_json("{}");
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_defaults();
}

#define DIGEST "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void test_desc_all_keys_are_read(void **state)
{
    (void)state;
    write_json(
        "{\"chip\":\"esp32c3\",\"chip_revision\":\"0.4\",\"efuse_block_revision\":\"1.3\","
        "\"partition_table_offset\":\"0x10000\",\"rollback\":false,\"anti_rollback\":true,"
        "\"secure_version\":3,\"secure_boot\":true,\"key_digests\":[\"" DIGEST "\"],"
        "\"mac\":\"24:0a:c4:00:00:7f\",\"factory_reset_pin\":0,\"factory_reset_pin_level\":1,"
        "\"test_pin\":63,\"pin_hold_s\":0,\"factory_reset_erase\":\"a, b\",\"factory_reset_otadata\":true}");
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_int_equal(desc.factory_reset_pin.number, 0);
    assert_int_equal(desc.factory_reset_pin.level, 1);
    assert_int_equal(desc.test_pin.number, 63);
    assert_int_equal(desc.test_pin.level, 0);
    assert_int_equal(desc.pin_hold_s, 0);
    assert_string_equal(desc.factory_reset_labels, "a, b");
    assert_true(desc.factory_reset_otadata);
    assert_string_equal(desc.chip->name, "esp32c3");
    assert_int_equal(desc.chip_revision, 4);
    assert_int_equal(desc.efuse_block_revision, 103);
    assert_int_equal(desc.partition_table_offset, 0x10000);
    assert_false(desc.rollback);
    assert_true(desc.anti_rollback);
    assert_int_equal(desc.secure_version, 3);
    assert_true(desc.secure_boot);
    assert_int_equal(desc.n_key_digests, 1);
    assert_int_equal(desc.key_digests[0][31], 0xFF);
    assert_int_equal(desc.key_digests[0][1], 0x11);
    assert_int_equal(desc.mac[5], 0x7F);

    struct al_boot_config config;
    dev_desc_boot_config(&desc, &config);
    assert_int_equal(config.ptable_off, 0x10000);
    assert_true(config.anti_rollback && !config.rollback);
    assert_ptr_equal(config.rules.chip, desc.chip);
    assert_int_equal(config.rules.chip_rev, 4);
    assert_int_equal(config.rules.blk_rev, 103);
    assert_int_equal(config.secure_version, 3);
}

static void test_desc_mistakes_are_named(void **state)
{
    (void)state;
    assert_refused("{\"test_pin\":64}", "\"test_pin\" must be a pin from 0 to 63");
    assert_refused("{\"factory_reset_pin_level\":2}", "\"factory_reset_pin_level\" must be 0 or 1");
    assert_refused("{\"factory_reset_erase\":[]}",
                   "\"factory_reset_erase\" must be labels such as \"nvs, storage\"");
    assert_refused("", "not a JSON object");
    assert_refused("{\"chip\":\"linux\"", "not a JSON object");
    assert_refused("[]", "not a JSON object");
    assert_refused("{} x", "not a JSON object");
    assert_refused("{\"chip\":\"esp33\"}", "\"chip\": esp33 is not a known chip");
    assert_refused("{\"chip\":5}", "\"chip\": this is not a known chip");
    assert_refused("{\"rollback\":1}", "\"rollback\" must be true or false");
    assert_refused("{\"chip_revision\":\"4\"}", "\"chip_revision\" must be a revision such as \"0.4\"");
    assert_refused("{\"chip_revision\":0.4}", "\"chip_revision\" must be a revision such as \"0.4\"");
    assert_refused("{\"secure_version\":-1}", "\"secure_version\" must be a number from 0 to 0xFFFFFFFF");
    assert_refused("{\"secure_version\":1.5}", "\"secure_version\" must be a number from 0 to 0xFFFFFFFF");
    assert_refused("{\"secure_version\":1e99}", "\"secure_version\" must be a number from 0 to 0xFFFFFFFF");
    assert_refused("{\"chip\":\"esp32c2\",\"secure_version\":5}",
                   "\"secure_version\": 5 is more than the 4 bits of the esp32c2's eFuse field");
    assert_refused("{\"partition_table_offset\":\"0x8001\"}",
                   "\"partition_table_offset\" must be a multiple of 0x1000");
    assert_refused("{\"partition_table_offset\":\"8000h\"}",
                   "\"partition_table_offset\" must be a number from 0 to 0xFFFFFFFF");
    assert_refused("{\"mac\":\"24:0a:c4:00:00\"}", "\"mac\" must be six bytes such as \"24:0a:c4:00:00:01\"");
    assert_refused("{\"mac\":\"24:0a:c4:00:00:011\"}",
                   "\"mac\" must be six bytes such as \"24:0a:c4:00:00:01\"");
    assert_refused("{\"key_digests\":[\"00\"]}", "\"key_digests\": each must be 64 hex digits, or null");
    assert_refused("{\"key_digests\":[1,2,3,4]}",
                   "\"key_digests\" must be a list of at most 3 SHA-256 digests");
    assert_refused("{\"chip\":\"esp32\",\"key_digests\":[null,null]}",
                   "\"key_digests\": the esp32's eFuses hold one");
    static const char *const bad[] = {"{\"revoked_keys\":1}", "{\"revoked_keys\":[3]}",
                                      "{\"revoked_keys\":[-1]}", "{\"revoked_keys\":[0.5]}",
                                      "{\"revoked_keys\":[\"0\"]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_refused(bad[i], "\"revoked_keys\" must be a list of key numbers from 0 to 2");
    }
    assert_refused("{\"chip\":\"esp32c2\",\"revoked_keys\":[0]}",
                   "\"revoked_keys\": the esp32c2 can't revoke a key");
}

static void test_desc_a_file_of_another_size_class_is_refused(void **state)
{
    (void)state;
    FILE *file = fopen(json_path, "w");
    assert_non_null(file);
    for (unsigned i = 0; i < 70000; i++) {
        fputc(' ', file);
    }
    fclose(file);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), AL_ERR_FORMAT);
    assert_non_null(strstr(err, "larger than 65536 bytes"));
}

static void test_desc_save_keeps_unknown_keys_and_round_trips(void **state)
{
    (void)state;
    write_json("{\"owner\":{\"name\":\"Ada\"},\"chip\":\"esp32c3\",\"chip_revision\":\"0.4\",\"key_digests\":"
               "[\"" DIGEST "\"]}");
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    desc.secure_version = 2;
    desc.efuse_block_revision = 103;
    desc.partition_table_offset = 0xF000;
    assert_int_equal(dev_desc_save(&desc, err, sizeof err), 0);
    assert_non_null(strstr(read_json(), "\"Ada\""));

    struct dev_desc again;
    assert_int_equal(dev_desc_load(flash_path, &again, err, sizeof err), 0);
    assert_memory_equal(again.key_digests, desc.key_digests, sizeof again.key_digests);
    assert_int_equal(again.secure_version, 2);
    assert_int_equal(again.chip_revision, 4);
    assert_int_equal(again.efuse_block_revision, 103);
    assert_int_equal(again.partition_table_offset, 0xF000);
    assert_memory_equal(again.mac, desc.mac, 6);
    assert_ptr_equal(again.chip, desc.chip);
}

static void test_desc_failed_save_leaves_the_file_alone(void **state)
{
    (void)state;
    write_json("{\"secure_version\":");
    assert_int_equal(dev_desc_save(&desc, err, sizeof err), AL_ERR_FORMAT);
    assert_string_equal(read_json(), "{\"secure_version\":");
    struct dev_desc lost = desc;
    snprintf(lost.path, sizeof lost.path, "%s/none/x.json", dir);
    assert_int_equal(dev_desc_save(&lost, err, sizeof err), AL_ERR_IO);
    assert_non_null(strstr(err, "/none/x.json: No such file or directory"));
}

static void test_desc_burning_only_ever_grows(void **state)
{
    (void)state;
    write_json("{\"chip\":\"esp32c2\",\"secure_version\":1}");
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_int_equal(dev_desc_burn_secure_version(&desc, 0), AL_ERR_STATE);
    assert_int_equal(dev_desc_burn_secure_version(&desc, 5), AL_ERR_ARG);
    struct stat before, after;
    assert_int_equal(stat(json_path, &before), 0);
    assert_int_equal(dev_desc_burn_secure_version(&desc, 1), 0);
    assert_int_equal(stat(json_path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino); /* nothing to burn, nothing written */
    assert_int_equal(dev_desc_burn_secure_version(&desc, 4), 0);
    assert_int_equal(desc.secure_version, 4);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_int_equal(desc.secure_version, 4);
}

static void test_desc_keys_are_trusted_until_they_are_revoked(void **state)
{
    (void)state;
    struct al_sig_policy policy;
    write_json("{\"key_digests\":[\"" DIGEST "\",null,\"" DIGEST "\"],\"revoked_keys\":[2]}");
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_int_equal(desc.n_key_digests, 3);
    assert_int_equal(desc.revoked_keys, 4);
    assert_true(dev_desc_has_key(&desc, 0) && !dev_desc_has_key(&desc, 1) && dev_desc_has_key(&desc, 2));
    assert_false(dev_desc_has_key(&desc, 3));
    dev_desc_trusted_keys(&desc, &policy);
    assert_ptr_equal(policy.key, desc.key_digests);
    assert_int_equal(policy.n_keys, 3);
    assert_int_equal(policy.revoked, 6);
    assert_int_equal(policy.digest_len, 0);
    assert_false(policy.first_block_only || policy.any_key || policy.no_p384);

    struct stat before, after;
    assert_int_equal(stat(json_path, &before), 0);
    assert_int_equal(dev_desc_revoke_key(&desc, 2), 0);
    assert_int_equal(stat(json_path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino); /* is revoked already, nothing written */
    assert_int_equal(dev_desc_revoke_key(&desc, 3), AL_ERR_ARG);
    assert_int_equal(dev_desc_revoke_key(&desc, 0), 0);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_int_equal(desc.revoked_keys, 5);
    assert_true(dev_desc_has_key(&desc, 0) && !dev_desc_has_key(&desc, 1));
    dev_desc_trusted_keys(&desc, &policy);
    assert_int_equal(policy.revoked, 7);
}

static void test_desc_chips_of_one_key_cannot_revoke_it(void **state)
{
    (void)state;
    struct al_sig_policy policy;
    write_json("{\"chip\":\"esp32c2\",\"key_digests\":[\"" DIGEST "\"]}");
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    assert_int_equal(dev_desc_revoke_key(&desc, 0), AL_ERR_ARG);
    dev_desc_trusted_keys(&desc, &policy);
    assert_true(policy.first_block_only);
    assert_int_equal(policy.digest_len, 16);
    assert_int_equal(policy.n_keys, 1);
    assert_int_equal(policy.revoked, 0);
}

static void test_desc_a_revocation_that_fails_is_not_remembered(void **state)
{
    (void)state;
    unlink(json_path);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof err), 0);
    snprintf(desc.path, sizeof desc.path, "%s/none/x.json", dir);
    assert_int_equal(dev_desc_revoke_key(&desc, 0), AL_ERR_IO);
    assert_int_equal(desc.revoked_keys, 0);
}

static void test_desc_revisions_parse_and_print(void **state)
{
    (void)state;
    uint16_t revision;
    char text[8];
    assert_int_equal(dev_revision_parse("0.4", &revision), 0);
    assert_int_equal(revision, 4);
    assert_int_equal(dev_revision_parse("1.3", &revision), 0);
    assert_int_equal(revision, 103);
    dev_revision_print(revision, text);
    assert_string_equal(text, "1.3");
    assert_int_equal(dev_revision_parse("654.99", &revision), 0);
    dev_revision_print(revision, text);
    assert_string_equal(text, "654.99");
    static const char *const bad[] = {"",     "1",     "1.",   ".1",   "1.100",   "655.0",
                                      "-1.0", "1.0.0", "v1.0", "1. 0", "000001.0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dev_revision_parse(bad[i], &revision), AL_ERR_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_desc_no_file_and_no_keys_mean_the_defaults),
        cmocka_unit_test(test_desc_all_keys_are_read),
        cmocka_unit_test(test_desc_mistakes_are_named),
        cmocka_unit_test(test_desc_a_file_of_another_size_class_is_refused),
        cmocka_unit_test(test_desc_save_keeps_unknown_keys_and_round_trips),
        cmocka_unit_test(test_desc_failed_save_leaves_the_file_alone),
        cmocka_unit_test(test_desc_burning_only_ever_grows),
        cmocka_unit_test(test_desc_keys_are_trusted_until_they_are_revoked),
        cmocka_unit_test(test_desc_chips_of_one_key_cannot_revoke_it),
        cmocka_unit_test(test_desc_a_revocation_that_fails_is_not_remembered),
        cmocka_unit_test(test_desc_revisions_parse_and_print),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
