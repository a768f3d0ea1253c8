/*
 * esp_partition_*: finding, reading, writing, and each error code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/crypto.h"
#include "esp_image_format.h"
#include "esp_ota_ops.h"
#include "idf_flash.h"
#include "sdk_world.h"

#define ANY_TYPE    ESP_PARTITION_TYPE_ANY
#define ANY_SUBTYPE ESP_PARTITION_SUBTYPE_ANY

static unsigned count(esp_partition_type_t type, esp_partition_subtype_t subtype, const char *label)
{
    unsigned n = 0;

    for (esp_partition_iterator_t it = esp_partition_find(type, subtype, label); it != NULL;
         it = esp_partition_next(it)) {
        want(esp_partition_get(it) != NULL, true);
        n++;
    }
    return n;
}

SDK_CASE(test_esp_partition_find_filters)
{
    want(count(ANY_TYPE, ANY_SUBTYPE, NULL), 10);
    want(count(ESP_PARTITION_TYPE_APP, ANY_SUBTYPE, NULL), 5);
    want(count(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_OTA_1, NULL), 1);
    want(count(ESP_PARTITION_TYPE_DATA, ANY_SUBTYPE, "storage"), 1);
    want(count(ANY_TYPE, ANY_SUBTYPE, "stor"), 0);
    want(count(ANY_TYPE, ESP_PARTITION_SUBTYPE_APP_OTA_1, NULL), 0); /* a subtype of no type */
    want(esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_TEE_0, NULL) == NULL,
         true);
    esp_partition_iterator_release(NULL);
}

SDK_CASE(test_esp_partition_find_reports_no_memory)
{
    want(part("nvs") != NULL, true);
    fail_allocations = true;
    want(esp_partition_find(ANY_TYPE, ANY_SUBTYPE, NULL) == NULL, true);
}

SDK_CASE_IN(test_esp_partition_flags_and_labels_are_the_tables,
            (world_part("storage")->flags = AL_PART_READONLY | AL_PART_ENCRYPTED,
             memcpy(world_part("ota_2")->label, "sixteen_letters_", 17)))
{
    want(part("storage")->readonly, true);
    want(part("nvs")->readonly, false);
    want(strlen(part("sixteen_letters_")->label), 16);
    want(part("nvs")->erase_size, 4096);
    want(esp_partition_get_main_flash_sector_size(), 4096);
}

SDK_CASE_IN(test_esp_partition_verify_wants_the_same_place, world_part("ota_2")->label[0] = '\0')
{
    esp_partition_t copy = *part("nvs");

    want(esp_partition_verify(&copy) == part("nvs"), true);
    copy.label[0] = '\0'; /* any label */
    want(esp_partition_verify(&copy) == part("nvs"), true);
    copy.address += 0x1000;
    want(esp_partition_verify(&copy) == NULL, true);
    copy = *part("nvs");
    copy.size--;
    want(esp_partition_verify(&copy) == NULL, true);
    copy = *part("nvs");
    copy.subtype = ESP_PARTITION_SUBTYPE_DATA_PHY;
    want(esp_partition_verify(&copy) == NULL, true);
}

/* Two entries of one role: the app takes the first (the bootloader the last). */
SDK_CASE_IN(test_esp_partition_first_of_two_is_the_apps, (world_part("storage")->subtype = AL_SUB_DATA_OTA,
                                                          world_part("test")->subtype = AL_SUB_APP_OTA_0))
{
    want(esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL) ==
             part("otadata"),
         true);
    want(esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_OTA_0, NULL) ==
             part("ota_0"),
         true);
}

/* An entry behind the MD5 record: the app's loader has stopped by then. */
static void entry_behind_md5(void)
{
    uint8_t *md5 = world.flash + AL_PTABLE_OFFSET + 9 * AL_PTABLE_RECORD_SIZE;
    static uint8_t last[AL_PTABLE_RECORD_SIZE];

    assert_int_equal(al_ptable_build(&world.table, true, world.flash + AL_PTABLE_OFFSET), 0);
    memcpy(last, md5, sizeof(last));
    world_remove("table_spare");
    assert_int_equal(al_ptable_build(&world.table, true, world.flash + AL_PTABLE_OFFSET), 0);
    memcpy(md5 + AL_PTABLE_RECORD_SIZE, last, sizeof(last));
    world.own_table = true;
}

SDK_CASE_IN(test_esp_partition_table_ends_at_its_md5, entry_behind_md5())
{
    want(count(ANY_TYPE, ANY_SUBTYPE, NULL), 9);
    want(count(ESP_PARTITION_TYPE_APP, ANY_SUBTYPE, NULL), 5);
}

SDK_CASE_IN(test_esp_partition_table_without_md5_is_read, world.no_md5 = true)
{
    want(count(ANY_TYPE, ANY_SUBTYPE, NULL), 10);
}

SDK_CASE(test_esp_partition_read_and_write_stay_inside)
{
    const esp_partition_t *p = part("storage");
    uint8_t buf[8] = {1, 2, 3, 4, 5, 6, 7, 8}, back[8];

    want(esp_partition_write(p, p->size - 8, buf, 8), ESP_OK);
    want(esp_partition_read(p, p->size - 8, back, 8), ESP_OK);
    want(memcmp(buf, back, 8), 0);
    want(esp_partition_read(p, p->size, back, 0), ESP_OK);
    want(esp_partition_read(p, p->size - 7, back, 8), ESP_ERR_INVALID_SIZE);
    want(esp_partition_read(p, p->size + 1, back, 0), ESP_ERR_INVALID_ARG);
    want(esp_partition_read(p, 4, back, (size_t)-2), ESP_ERR_INVALID_SIZE);
    want(esp_partition_write(p, p->size - 7, buf, 8), ESP_ERR_INVALID_SIZE);
    want(esp_partition_write(p, p->size + 1, buf, 0), ESP_ERR_INVALID_ARG);
    want(esp_partition_read_raw(p, p->size + 1, back, 0), ESP_ERR_INVALID_ARG);
    want(esp_partition_read_raw(p, p->size - 7, back, 8), ESP_ERR_INVALID_SIZE);
    want(esp_partition_write_raw(p, p->size + 1, buf, 0), ESP_ERR_INVALID_ARG);
    want(esp_partition_write_raw(p, p->size - 7, buf, 8), ESP_ERR_INVALID_SIZE);
}

SDK_CASE(test_esp_partition_erase_wants_sectors)
{
    const esp_partition_t *p = part("storage");

    want(esp_partition_write(p, 0x1000, "abc", 3), ESP_OK);
    want(esp_partition_erase_range(p, 0x800, 0x1000), ESP_ERR_INVALID_ARG);
    want(esp_partition_erase_range(p, 0x1000, 0x800), ESP_ERR_INVALID_SIZE);
    want(esp_partition_erase_range(p, 0x1000, p->size), ESP_ERR_INVALID_SIZE);
    want(esp_partition_erase_range(p, p->size + 0x1000, 0), ESP_ERR_INVALID_ARG);
    want(al_is_blank(idf_flash_bytes() + p->address + 0x1000, 3), false);
    want(esp_partition_erase_range(p, 0x1000, 0x1000), ESP_OK);
    want(al_is_blank(idf_flash_bytes() + p->address, p->size), true);
}

SDK_CASE_IN(test_esp_partition_read_only_is_not_written, world_part("storage")->flags = AL_PART_READONLY)
{
    const esp_partition_t *p = part("storage");
    uint8_t byte = 0;

    want(esp_partition_write(p, 0, &byte, 1), ESP_ERR_NOT_ALLOWED);
    want(esp_partition_write_raw(p, 0, &byte, 1), ESP_ERR_NOT_ALLOWED);
    want(esp_partition_erase_range(p, 0, 0x1000), ESP_ERR_NOT_ALLOWED);
    want(esp_partition_write(p, p->size + 1, &byte, 1), ESP_ERR_NOT_ALLOWED); /* asked first */
    want(esp_partition_read(p, 0, &byte, 1), ESP_OK);
}

SDK_CASE(test_esp_partition_reports_a_failing_flash)
{
    const esp_partition_t *p = part("storage");
    uint8_t byte = 0, sha[32];

    fail_ops_from(1);
    want(esp_partition_write(p, 0, &byte, 1), ESP_ERR_FLASH_OP_FAIL);
    want(esp_partition_erase_range(p, 0, 0x1000), ESP_ERR_FLASH_OP_FAIL);
    fail_reads_from(1);
    want(esp_partition_read(p, 0, &byte, 1), ESP_ERR_FLASH_OP_FAIL);
    want(esp_partition_get_sha256(p, sha), ESP_ERR_FLASH_OP_FAIL);
    want(esp_partition_get_sha256(part("ota_0"), sha), ESP_ERR_IMAGE_INVALID);
}

SDK_CASE(test_esp_partition_mmap_shows_flash)
{
    const esp_partition_t *p = part("ota_1");
    esp_partition_mmap_handle_t handle;
    const void *at;

    want(esp_partition_mmap(p, 0x10, 0x100, ESP_PARTITION_MMAP_DATA, &at, &handle), ESP_OK);
    want(memcmp(at, idf_flash_bytes() + p->address + 0x10, 0x100), 0);
    esp_partition_munmap(handle);
    want(esp_partition_mmap(p, p->size + 1, 0, ESP_PARTITION_MMAP_DATA, &at, &handle), ESP_ERR_INVALID_ARG);
    want(esp_partition_mmap(p, 1, p->size, ESP_PARTITION_MMAP_DATA, &at, &handle), ESP_ERR_INVALID_SIZE);
}

static void sha_of(const void *data, size_t len, uint8_t *out)
{
    struct al_hash hash;

    want(al_sha256_init(&hash), 0);
    want(al_hash_update(&hash, data, len), 0);
    want(al_hash_final(&hash, out), 0);
}

SDK_CASE(test_esp_partition_get_sha256_of_an_app_is_its_images)
{
    const esp_partition_t *p = part("ota_1");
    const esp_partition_pos_t pos = {p->address, p->size};
    const uint8_t *flash = idf_flash_bytes() + p->address;
    esp_image_metadata_t image;
    uint8_t sha[32], expected[32];

    want(esp_image_verify(ESP_IMAGE_VERIFY, &pos, &image), ESP_OK);
    want(esp_partition_get_sha256(p, sha), ESP_OK);
    want(memcmp(sha, flash + image.image_len - 32, 32), 0);
    sha_of(flash, image.image_len - 32, expected);
    want(memcmp(sha, expected, 32), 0);
    want(esp_partition_get_sha256(part("ota_2"), sha), ESP_ERR_IMAGE_INVALID);
    want(esp_partition_get_sha256(part("boot_spare"), sha), ESP_ERR_IMAGE_INVALID);
    want(esp_partition_get_sha256(p, NULL), ESP_ERR_INVALID_ARG);
}

/* Without an appended hash: of the whole image. */
SDK_CASE_IN(test_esp_partition_get_sha256_without_a_hash_is_computed, world.flash[0x30000 + 23] = 0)
{
    const esp_partition_t *p = part("ota_1");
    const esp_partition_pos_t pos = {p->address, p->size};
    esp_image_metadata_t image;
    uint8_t sha[32], expected[32];

    want(esp_image_verify(ESP_IMAGE_VERIFY, &pos, &image), ESP_OK);
    want(esp_partition_get_sha256(p, sha), ESP_OK);
    sha_of(idf_flash_bytes() + p->address, image.image_len, expected);
    want(memcmp(sha, expected, 32), 0);
}

SDK_CASE_IN(test_esp_partition_get_sha256_of_data_is_all_of_it,
            (world_part("storage")->size = 0x5123, world_part("table_spare")->size = 0))
{
    const esp_partition_t *p = part("storage");
    uint8_t sha[32], expected[32];

    want(esp_partition_get_sha256(p, sha), ESP_OK);
    sha_of(idf_flash_bytes() + p->address, 0x5123, expected);
    want(memcmp(sha, expected, 32), 0);
    want(esp_partition_get_sha256(part("table_spare"), sha), ESP_ERR_INVALID_ARG); /* nothing to hash */
}

SDK_CASE_IN(test_esp_partition_check_identity_compares_digests, world_image("ota_2", "2.0.0", 2))
{
    want(esp_partition_check_identity(part("ota_1"), part("ota_2")), true);
    want(esp_partition_check_identity(part("ota_1"), part("ota_0")), false);
    want(esp_partition_check_identity(part("ota_1"), part("storage")), false);
    want(esp_partition_check_identity(part("storage"), part("storage")), true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esp_partition_find_filters),
        cmocka_unit_test(test_esp_partition_find_reports_no_memory),
        cmocka_unit_test(test_esp_partition_flags_and_labels_are_the_tables),
        cmocka_unit_test(test_esp_partition_verify_wants_the_same_place),
        cmocka_unit_test(test_esp_partition_first_of_two_is_the_apps),
        cmocka_unit_test(test_esp_partition_table_ends_at_its_md5),
        cmocka_unit_test(test_esp_partition_table_without_md5_is_read),
        cmocka_unit_test(test_esp_partition_read_and_write_stay_inside),
        cmocka_unit_test(test_esp_partition_erase_wants_sectors),
        cmocka_unit_test(test_esp_partition_read_only_is_not_written),
        cmocka_unit_test(test_esp_partition_reports_a_failing_flash),
        cmocka_unit_test(test_esp_partition_mmap_shows_flash),
        cmocka_unit_test(test_esp_partition_get_sha256_of_an_app_is_its_images),
        cmocka_unit_test(test_esp_partition_get_sha256_without_a_hash_is_computed),
        cmocka_unit_test(test_esp_partition_get_sha256_of_data_is_all_of_it),
        cmocka_unit_test(test_esp_partition_check_identity_compares_digests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
