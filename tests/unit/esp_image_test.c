/*
 * esp_image_verify and esp_image_get_metadata as an app calls them, with each error code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "esp_image_format.h"
#include "idf_flash.h"
#include "sdk_world.h"

#define SLOT 0x30000u /* ota_1 */

static esp_image_metadata_t data;

static esp_err_t verify(uint32_t offset, uint32_t size)
{
    const esp_partition_pos_t pos = {offset, size};

    memset(&data, 0xAA, sizeof(data));
    return esp_image_verify(ESP_IMAGE_VERIFY, &pos, &data);
}

static esp_err_t metadata(uint32_t offset, uint32_t size)
{
    const esp_partition_pos_t pos = {offset, size};

    memset(&data, 0xAA, sizeof(data));
    return esp_image_get_metadata(&pos, &data);
}

static bool all_zero(void)
{
    static const esp_image_metadata_t none;

    return memcmp(&data, &none, sizeof(data)) == 0;
}

SDK_CASE(test_esp_image_verify_tells_what_is_there)
{
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_OK);
    want(data.start_addr, SLOT);
    want(data.image.segment_count, 2);
    want(data.image.chip_id, 5);
    want(data.segments[0].data_len, 256);
    want(data.segments[1].data_len, 512);
    want(data.segment_data[0], SLOT + 0x20);
    want(data.segment_data[1], SLOT + 0x128);
    want(data.image_len, 848);
    want(data.secure_version, 2);
    want(memcmp(data.image_digest, idf_flash_bytes() + SLOT + data.image_len - 32, 32), 0);
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_OK);
    want(data.image_len, 848);
}

SDK_CASE(test_esp_image_wants_its_arguments)
{
    const esp_partition_pos_t pos = {SLOT, WORLD_SLOT_SIZE};

    want(esp_image_verify(ESP_IMAGE_VERIFY, NULL, &data), ESP_ERR_INVALID_ARG);
    want(esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &pos, NULL), ESP_ERR_INVALID_ARG);
    want(esp_image_get_metadata(NULL, &data), ESP_ERR_INVALID_ARG);
    want(esp_image_get_metadata(&pos, NULL), ESP_ERR_INVALID_ARG);
}

SDK_CASE(test_esp_image_partition_must_hold_it)
{
    want(verify(SLOT, 848), ESP_OK);
    want(verify(SLOT, 847), ESP_ERR_IMAGE_INVALID);
    want(all_zero(), true);
    want(verify(SLOT, 0), ESP_ERR_IMAGE_INVALID);
    want(verify(SLOT, 0x1000000), ESP_OK);
    want(verify(SLOT, 0x1000001), ESP_ERR_INVALID_ARG);
    want(all_zero(), true);
    want(metadata(SLOT, 848), ESP_OK);
    want(metadata(SLOT, 847), ESP_ERR_IMAGE_INVALID);
    want(metadata(SLOT, 0), ESP_ERR_IMAGE_INVALID);
    want(metadata(SLOT, 0x1000001), ESP_ERR_INVALID_ARG);
}

SDK_CASE_IN(test_esp_image_verify_finds_a_wrong_checksum, world.flash[SLOT + 0x200] ^= 1)
{
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_INVALID);
    want(all_zero(), true);
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_OK); /* layout only */
}

SDK_CASE_IN(test_esp_image_metadata_hands_out_the_stored_digest, world.flash[SLOT + 847] ^= 1)
{
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_INVALID);
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_OK);
    want(memcmp(data.image_digest, idf_flash_bytes() + SLOT + 848 - 32, 32), 0);
}

SDK_CASE(test_esp_image_verify_of_blank_flash_is_invalid)
{
    want(verify(0x40000, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_INVALID);
    want(metadata(0x40000, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_INVALID);
}

SDK_CASE_IN(test_esp_image_verify_reports_another_chip, world.flash[SLOT + 12] = 9)
{
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_FAIL);
    want(verify(SLOT, 0), ESP_FAIL); /* the header is judged before the length */
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_OK);
}

SDK_CASE_IN(test_esp_image_verify_reports_another_chip_revision, world.flash[SLOT + 15] = 5)
{
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_FAIL);
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_OK);
}

SDK_CASE_IN(test_esp_image_verify_reports_another_efuse_block_revision, world.flash[SLOT + 0x20 + 176] = 104)
{
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_FAIL);
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_OK);
}

SDK_CASE(test_esp_image_verify_reports_no_memory)
{
    want(part("ota_1") != NULL, true);
    fail_allocations = true;
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_ERR_NO_MEM);
}

SDK_CASE(test_esp_image_verify_reports_a_failing_flash)
{
    fail_reads_from(1);
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_FLASH_FAIL);
    want(all_zero(), true);
    fail_reads_from(2);
    want(verify(SLOT, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_FLASH_FAIL);
    fail_reads_from(1);
    want(metadata(SLOT, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_FLASH_FAIL);
}

/* An app reads flash at any address, a bootloader only at multiples of 4. Mapped segments must still lie right. */
static void image_at_odd_offset(void)
{
    uint8_t *at = world.flash + SLOT;

    memmove(at + 2, at, 1024);
}

SDK_CASE_IN(test_esp_image_verify_takes_odd_offsets, image_at_odd_offset())
{
    want(verify(SLOT + 2, WORLD_SLOT_SIZE), ESP_ERR_IMAGE_INVALID); /* not ESP_FAIL */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esp_image_verify_tells_what_is_there),
        cmocka_unit_test(test_esp_image_wants_its_arguments),
        cmocka_unit_test(test_esp_image_partition_must_hold_it),
        cmocka_unit_test(test_esp_image_verify_finds_a_wrong_checksum),
        cmocka_unit_test(test_esp_image_metadata_hands_out_the_stored_digest),
        cmocka_unit_test(test_esp_image_verify_of_blank_flash_is_invalid),
        cmocka_unit_test(test_esp_image_verify_reports_another_chip),
        cmocka_unit_test(test_esp_image_verify_reports_another_chip_revision),
        cmocka_unit_test(test_esp_image_verify_reports_another_efuse_block_revision),
        cmocka_unit_test(test_esp_image_verify_reports_no_memory),
        cmocka_unit_test(test_esp_image_verify_reports_a_failing_flash),
        cmocka_unit_test(test_esp_image_verify_takes_odd_offsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
