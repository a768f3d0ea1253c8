/*
 * Signed updates as an app sees them: without secure boot, by the running app's signers and a list
 * of keys; with secure boot, by the eFuses; revoking a key. The images are tests/data/signing's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift_sdkconfig.h"
#include "airlift_signature.h"
#include "esp_efuse.h"
#include "esp_ota_ops.h"
#include "esp_secure_boot.h"
#include "idf_flash.h"
#include "sdk_world.h"
#include "signing_world.h"

static const uint8_t p384_digest[][32] = {{0xd7, 0x63, 0xb9, 0xda, 0x62, 0xd0, 0x5d, 0x7e, 0xca, 0x35, 0xe0,
                                           0x4b, 0xd0, 0x66, 0x79, 0xd4, 0x3b, 0x13, 0xae, 0x57, 0x9b, 0x1e,
                                           0x04, 0xe4, 0xf2, 0xf6, 0x41, 0x6d, 0xd3, 0x16, 0xe1, 0x62}};

/* This program's sdkconfig, in place of the SDK's defaults. */
const struct airlift_sdkconfig airlift_sdkconfig = {
    .freertos_hz = 100,
    .secure_signed_on_update_no_secure_boot = true,
    .secure_signed_data_partition = true,
    .n_trusted_key_digests = 1,
    .trusted_key_digests = p384_digest,
};

/* --- The world ----------------------------------------------------------------------------------- */

static uint8_t image[SIGNED_LEN];

/* The image as these keys signed it ("three", ...); NULL: unsigned. */
static uint8_t *signed_by(const char *name)
{
    if (name != NULL) {
        load_signed(name, image);
    } else {
        memset(image, 0xFF, sizeof(image));
        (void)load("app.bin", image, sizeof(image));
    }
    return image;
}

static void install(const char *label, const char *name)
{
    memset(world.flash + world_part(label)->off, 0xFF, world_part(label)->size);
    memcpy(world.flash + world_part(label)->off, signed_by(name), SIGNED_LEN);
}

static void burn(const char *name)
{
    uint8_t digest[AL_SIG_KEY_DIGEST_SIZE];
    char *at = world.key_digests + strlen(world.key_digests);

    load_key_digest(name, digest);
    at += sprintf(at, "%s\"", world.key_digests[0] != '\0' ? "," : "");
    for (unsigned i = 0; i < sizeof(digest); i++) {
        at += sprintf(at, "%02x", digest[i]);
    }
    strcpy(at, "\"");
}

static void runs(const char *name)
{
    install("ota_0", name);
}

/* Secure boot with rsa_a and p256_a in the eFuses; the running app has this sector. */
static void secured(const char *name)
{
    world.secure_boot = true;
    burn("rsa_a");
    burn("p256_a");
    runs(name);
}

/* --- In the app ---------------------------------------------------------------------------------- */

static esp_err_t update(const char *name)
{
    esp_ota_handle_t handle = 0;

    signed_by(name);
    want(esp_ota_begin(part("ota_1"), OTA_SIZE_UNKNOWN, &handle), ESP_OK);
    want(esp_ota_write(handle, image, name != NULL ? SIGNED_LEN : 7344), ESP_OK);
    return esp_ota_end(handle);
}

static bool first_sector_is_blank(const char *label)
{
    return al_is_blank(idf_flash_bytes() + part(label)->address, AL_SECTOR_SIZE);
}

/* A refusal: said so, with its reason; nothing to boot, and what boots next is what ran. */
static void refuses(const char *name, enum al_sig_fault why)
{
    uint32_t otadata[2 * AL_SECTOR_SIZE / 4];

    memcpy(otadata, idf_flash_bytes() + WORLD_OTADATA, sizeof(otadata));
    want(update(name), ESP_ERR_OTA_VALIDATE_FAILED);
    want(airlift_last_signature_fault(), why);
    want(first_sector_is_blank("ota_1"), true);
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_OTA_VALIDATE_FAILED);
    want(memcmp(otadata, idf_flash_bytes() + WORLD_OTADATA, sizeof(otadata)), 0);
}

static void takes(const char *name)
{
    want(update(name), ESP_OK);
    want(airlift_last_signature_fault(), AL_SIG_GOOD);
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_OK);
    want(esp_ota_get_boot_partition() == part("ota_1"), true);
}

/* --- Without secure boot ------------------------------------------------------------------------- */

SDK_CASE_IN(test_signed_update_wants_a_key_of_the_running_app, runs("p256_a"))
{
    refuses(NULL, AL_SIG_UNSIGNED);
    refuses("p256_b", AL_SIG_UNKNOWN_KEY);
    refuses("rsa_a", AL_SIG_UNKNOWN_KEY);
    refuses("p192", AL_SIG_UNSUPPORTED);
    takes("p256_a");
}

SDK_CASE_IN(test_signed_update_by_any_block_that_fits, runs("p256_a"))
{
    takes("three"); /* p256_a, rsa_b, p384 */
}

SDK_CASE_IN(test_signed_update_by_any_key_of_the_running_app, runs("two"))
{
    refuses("p256_a", AL_SIG_UNKNOWN_KEY);
    takes("rsa_b"); /* its second */
}

SDK_CASE_IN(test_signed_update_by_a_key_of_the_list, runs("p256_a"))
{
    takes("p384");
}

SDK_CASE_IN(test_signed_update_from_an_unsigned_app_needs_the_list, runs(NULL))
{
    refuses("p256_a", AL_SIG_UNKNOWN_KEY);
    refuses(NULL, AL_SIG_UNSIGNED);
    takes("p384");
}

static void running_app_is_changed(void)
{
    runs("p256_a");
    world.flash[world_part("ota_0")->off + 7343] ^= 1; /* its hash */
}

SDK_CASE_IN(test_signed_update_does_not_trust_a_running_app_that_was_changed, running_app_is_changed())
{
    refuses("p256_a", AL_SIG_UNKNOWN_KEY);
}

static void padding_is_changed(void)
{
    runs("p256_a");
    world.flash[world_part("ota_0")->off + 8191] ^= 1; /* signed, and not part of the image */
}

SDK_CASE_IN(test_signed_update_does_not_trust_signers_that_do_not_fit, padding_is_changed())
{
    refuses("p256_a", AL_SIG_UNKNOWN_KEY);
}

/* p256_a's signature fits, rsa_a's behind it does not. */
static void second_signature_is_wrong(void)
{
    static uint8_t other[SIGNED_LEN];

    runs("p256_a");
    load_signed("salt20", other);
    memcpy(world.flash + world_part("ota_0")->off + SECTOR_AT + AL_SIG_BLOCK_SIZE, other + SECTOR_AT,
           AL_SIG_BLOCK_SIZE);
}

SDK_CASE_IN(test_signed_update_trusts_a_signer_only_if_it_fits, second_signature_is_wrong())
{
    refuses("rsa_a", AL_SIG_UNKNOWN_KEY);
    takes("p256_a");
}

static void sector_is_stained(void)
{
    runs("p256_a");
    world.flash[world_part("ota_0")->off + SECTOR_AT + 4000] = 0;
}

SDK_CASE_IN(test_signed_update_does_not_trust_a_stained_sector, sector_is_stained())
{
    refuses("p256_a", AL_SIG_UNKNOWN_KEY);
}

SDK_CASE_IN(test_signed_update_names_each_reason, runs("two"))
{
    esp_ota_handle_t handle = 0;

    refuses("salt20", AL_SIG_BAD);
    for (unsigned at = 0; at < 2; at++) {
        static const uint32_t change[] = {8000, SECTOR_AT + 900};
        static const enum al_sig_fault why[] = {AL_SIG_WRONG_DIGEST, AL_SIG_DAMAGED};

        signed_by("rsa_a")[change[at]] ^= 1;
        want(esp_ota_begin(part("ota_1"), OTA_SIZE_UNKNOWN, &handle), ESP_OK);
        want(esp_ota_write(handle, image, SIGNED_LEN), ESP_OK);
        want(esp_ota_end(handle), ESP_ERR_OTA_VALIDATE_FAILED);
        want(airlift_last_signature_fault(), why[at]);
        want(first_sector_is_blank("ota_1"), true);
    }
    /* Not the signature's fault: nothing is erased, as ever. */
    signed_by("rsa_a")[400] ^= 1;
    want(esp_ota_begin(part("ota_1"), OTA_SIZE_UNKNOWN, &handle), ESP_OK);
    want(esp_ota_write(handle, image, SIGNED_LEN), ESP_OK);
    want(esp_ota_end(handle), ESP_ERR_OTA_VALIDATE_FAILED);
    want(airlift_last_signature_fault(), AL_SIG_GOOD);
    want(first_sector_is_blank("ota_1"), false);
}

static void an_unsigned_app_before(void)
{
    runs("p256_a");
    install("ota_1", NULL);
    world_record(0, 2, AL_OTA_VALID);
    world_record(1, 1, AL_OTA_VALID);
    world.running = "ota_1";
    install("ota_1", "p256_a");
    install("ota_0", NULL);
}

SDK_CASE_IN(test_signed_update_still_rolls_back_to_what_was_there, an_unsigned_app_before())
{
    want(esp_ota_set_boot_partition(part("ota_0")),
         ESP_ERR_OTA_VALIDATE_FAILED); /* that would be an update */
    want(first_sector_is_blank("ota_0"), false);
    want(esp_ota_check_rollback_is_possible(), true); /* its bootloader asks for no signature */
    want(esp_ota_mark_app_invalid_rollback(), ESP_OK);
}

SDK_CASE_IN(test_signed_update_without_memory, runs("p256_a"))
{
    esp_ota_handle_t handle = 0;
    esp_image_metadata_t data;
    const esp_partition_pos_t pos = {part("ota_0")->address, part("ota_0")->size};

    signed_by("p256_a");
    want(esp_ota_begin(part("ota_1"), OTA_SIZE_UNKNOWN, &handle), ESP_OK);
    want(esp_ota_write(handle, image, SIGNED_LEN), ESP_OK);
    fail_allocations = true;
    want(esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &pos, &data), ESP_ERR_NO_MEM);
    want(esp_secure_boot_verify_signature(pos.offset, 7344), ESP_ERR_NO_MEM);
    want(esp_ota_end(handle), ESP_ERR_OTA_VALIDATE_FAILED);
    fail_allocations = false;
    want(esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &pos, &data), ESP_OK); /* it asks again */
    want(data.image_len, SIGNED_LEN);
}

/* --- esp_secure_boot.h --------------------------------------------------------------------------- */

SDK_CASE_IN(test_signers_of_the_running_app, runs("three"))
{
    static const char *const names[] = {"p256_a", "rsa_b", "p384"};
    esp_image_sig_public_key_digests_t have;
    uint8_t digest[32];

    want(esp_secure_boot_get_signature_blocks_for_running_app(true, NULL), ESP_ERR_INVALID_ARG);
    want(esp_secure_boot_get_signature_blocks_for_running_app(true, &have), ESP_OK);
    want(have.num_digests, 3);
    for (unsigned i = 0; i < 3; i++) {
        load_key_digest(names[i], digest);
        want(memcmp(have.key_digests[i], digest, sizeof(digest)), 0);
    }
    want(esp_secure_boot_get_signature_blocks_for_running_app(false, &have), ESP_OK);
    want(have.num_digests, 3);
    want(have.key_digests[0][0], 0);
    want(esp_secure_boot_enabled(), false);
}

SDK_CASE_IN(test_signers_of_an_unsigned_app, runs(NULL))
{
    esp_image_sig_public_key_digests_t have;

    want(esp_secure_boot_get_signature_blocks_for_running_app(true, &have), ESP_ERR_NOT_FOUND);
    want(have.num_digests, 0);
}

static void signed_storage(void)
{
    runs("p256_a");
    install("storage", "p256_a");
    install("spare", "rsa_b");
}

SDK_CASE_IN(test_verify_signature_of_any_bytes,
            (world_part("boot_spare")->type = AL_TYPE_DATA, strcpy(world_part("boot_spare")->label, "spare"),
             signed_storage()))
{
    const uint32_t storage = part("storage")->address;

    want(esp_secure_boot_verify_signature(storage, SECTOR_AT), ESP_OK);
    want(esp_secure_boot_verify_signature(storage, 7344), ESP_OK); /* padded by itself */
    want(esp_secure_boot_verify_signature(storage, 4096), ESP_ERR_IMAGE_INVALID);
    want(airlift_last_signature_fault(), AL_SIG_UNSIGNED);
    want(esp_secure_boot_verify_signature(part("spare")->address, SECTOR_AT), ESP_ERR_IMAGE_INVALID);
    want(airlift_last_signature_fault(), AL_SIG_UNKNOWN_KEY);
    want(esp_secure_boot_verify_signature(WORLD_FLASH_SIZE - 8192, 4097), ESP_ERR_INVALID_ARG);
    want(esp_secure_boot_verify_signature(0xFFFFF000, 0xFFFFF000), ESP_ERR_INVALID_ARG);
    want(esp_secure_boot_verify_signature(0, 0xFFFFFFFF), ESP_ERR_INVALID_ARG);
}

SDK_CASE_IN(test_signed_data_partition, runs("p256_a"))
{
    static const struct {
        const char *name;
        uint32_t len;
        esp_err_t err;
    } cases[] = {{"p256_a", SIGNED_LEN, ESP_OK},
                 {"p256_a", SIGNED_LEN + 100, ESP_OK}, /* of the last whole sector */
                 {"rsa_b", SIGNED_LEN, ESP_ERR_OTA_VALIDATE_FAILED},
                 {NULL, 8192, ESP_ERR_OTA_VALIDATE_FAILED},
                 {"p256_a", 8191, ESP_ERR_OTA_VALIDATE_FAILED}};
    static uint8_t data[SIGNED_LEN + 100];

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        esp_ota_handle_t handle = 0;

        memcpy(data, signed_by(cases[i].name), SIGNED_LEN);
        want(esp_ota_begin(part("storage"), OTA_SIZE_UNKNOWN, &handle), ESP_OK);
        want(esp_ota_write(handle, data, cases[i].len), ESP_OK);
        want(esp_ota_end(handle), cases[i].err);
        want(first_sector_is_blank("storage"), false);
    }
}

/* --- Secure boot --------------------------------------------------------------------------------- */

SDK_CASE_IN(test_secure_boot_goes_by_the_efuses, secured("rsa_a"))
{
    want(esp_secure_boot_enabled(), true);
    refuses(NULL, AL_SIG_UNSIGNED);
    refuses("rsa_b", AL_SIG_UNKNOWN_KEY);
    refuses("p384", AL_SIG_UNKNOWN_KEY); /* the program's list does not count */
    takes("p256_a");
}

SDK_CASE_IN(test_secure_boot_refuses_revoked_keys, (secured("p256_a"), world.revoked_keys = 1))
{
    want(esp_efuse_get_digest_revoke(0), true);
    want(esp_efuse_get_digest_revoke(1), false);
    refuses("rsa_a", AL_SIG_REVOKED);
    takes("p256_a");
}

static void older_slot(const char *name)
{
    secured("p256_a");
    install("ota_1", name);
    world_record(0, 3, AL_OTA_VALID);
    world_record(1, 2, AL_OTA_VALID);
}

SDK_CASE_IN(test_secure_boot_rolls_back_only_to_what_boots, (older_slot("rsa_b"), world_remove("factory")))
{
    want(esp_ota_check_rollback_is_possible(), false);
    want(esp_ota_mark_app_invalid_rollback(), ESP_ERR_OTA_ROLLBACK_FAILED);
}

SDK_CASE_IN(test_secure_boot_rolls_back_to_a_trusted_app, older_slot("rsa_a"))
{
    want(esp_ota_check_rollback_is_possible(), true);
}

/* --- Revoking ------------------------------------------------------------------------------------ */

static void revoke(void)
{
    want(esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_0), ESP_OK);
    want(esp_efuse_get_digest_revoke(0), true);
    want(esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_0), ESP_OK); /* already */
    /* The last one stays. */
    want(esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_1), ESP_FAIL);
    want(esp_efuse_get_digest_revoke(1), false);
}

static void refuse_to_revoke(void)
{
    want(esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_0), ESP_FAIL);
    want(esp_efuse_get_digest_revoke(0), false);
}

static void run_then_find_revoked(void (*app)(void), unsigned revoked)
{
    world_run(app, 0);
    assert_int_equal(world.revoked_keys, revoked);
}

static void test_revoke_when_another_key_signed_the_running_app(void **state)
{
    (void)state;
    world_reset();
    secured("p256_a");
    run_then_find_revoked(revoke, 1);
}

static void test_revoke_wants_another_key(void **state)
{
    (void)state;
    world_reset();
    secured("rsa_a");
    run_then_find_revoked(refuse_to_revoke, 0);
}

static void test_revoke_wants_another_key_that_is_trusted(void **state)
{
    (void)state;
    world_reset();
    secured("two"); /* rsa_a, and rsa_b, which the eFuses don't have */
    run_then_find_revoked(refuse_to_revoke, 0);
}

static void test_revoke_wants_a_confirmed_app(void **state)
{
    (void)state;
    world_reset();
    secured("p256_a");
    world_record(0, 1, AL_OTA_PENDING_VERIFY);
    run_then_find_revoked(refuse_to_revoke, 0);
    world_record(0, 1, AL_OTA_PENDING_VERIFY);
    world.rollback = false; /* there is no confirming then */
    run_then_find_revoked(revoke, 1);
}

static void test_revoke_looks_at_the_bootloader(void **state)
{
    (void)state;
    world_reset();
    secured("p256_a");
    memcpy(world.flash, signed_by("rsa_a"), SIGNED_LEN); /* the ESP32-C3's begins at 0 */
    run_then_find_revoked(refuse_to_revoke, 0);
    memcpy(world.flash, signed_by("p256_a"), SIGNED_LEN);
    run_then_find_revoked(revoke, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed_update_wants_a_key_of_the_running_app),
        cmocka_unit_test(test_signed_update_by_any_block_that_fits),
        cmocka_unit_test(test_signed_update_by_any_key_of_the_running_app),
        cmocka_unit_test(test_signed_update_by_a_key_of_the_list),
        cmocka_unit_test(test_signed_update_from_an_unsigned_app_needs_the_list),
        cmocka_unit_test(test_signed_update_does_not_trust_a_running_app_that_was_changed),
        cmocka_unit_test(test_signed_update_does_not_trust_signers_that_do_not_fit),
        cmocka_unit_test(test_signed_update_trusts_a_signer_only_if_it_fits),
        cmocka_unit_test(test_signed_update_does_not_trust_a_stained_sector),
        cmocka_unit_test(test_signed_update_names_each_reason),
        cmocka_unit_test(test_signed_update_still_rolls_back_to_what_was_there),
        cmocka_unit_test(test_signed_update_without_memory),
        cmocka_unit_test(test_signers_of_the_running_app),
        cmocka_unit_test(test_signers_of_an_unsigned_app),
        cmocka_unit_test(test_verify_signature_of_any_bytes),
        cmocka_unit_test(test_signed_data_partition),
        cmocka_unit_test(test_secure_boot_goes_by_the_efuses),
        cmocka_unit_test(test_secure_boot_refuses_revoked_keys),
        cmocka_unit_test(test_secure_boot_rolls_back_only_to_what_boots),
        cmocka_unit_test(test_secure_boot_rolls_back_to_a_trusted_app),
        cmocka_unit_test(test_revoke_when_another_key_signed_the_running_app),
        cmocka_unit_test(test_revoke_wants_another_key),
        cmocka_unit_test(test_revoke_wants_another_key_that_is_trusted),
        cmocka_unit_test(test_revoke_wants_a_confirmed_app),
        cmocka_unit_test(test_revoke_looks_at_the_bootloader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
