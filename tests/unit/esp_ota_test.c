/*
 * esp_ota_*: each function with its success and each error code that it can return.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "device/shared.h"
#include "esp_efuse.h"
#include "esp_ota_ops.h"
#include "idf_flash.h"
#include "sdk_world.h"
#include "test_image.h"

static uint8_t image[4096];
static uint32_t image_len;

/* What an app downloads: version 4.0.0, secure version `secure_version`. */
static void download(uint32_t secure_version)
{
    image_len = test_image(image, "4.0.0", secure_version, 1024);
    want(image_len > 0, true);
}

static esp_ota_handle_t begin(const char *label, size_t size)
{
    esp_ota_handle_t handle = 0;

    want(esp_ota_begin(part(label), size, &handle), ESP_OK);
    return handle;
}

static bool label_is(const esp_partition_t *p, const char *label)
{
    return p != NULL && strcmp(p->label, label) == 0;
}

static bool blank(const char *label, uint32_t from, uint32_t len)
{
    return al_is_blank(idf_flash_bytes() + part(label)->address + from, len);
}

static void stain(const char *label, uint32_t off)
{
    world.flash[world_part(label)->off + off] = 0;
}

static void damage(const char *label)
{
    world.flash[world_part(label)->off + 0x200] ^= 1;
}

/* --- esp_ota_begin -------------------------------------------------------------- */

SDK_CASE(test_esp_ota_begin_to_end_makes_an_image_that_can_boot)
{
    esp_ota_handle_t h = begin("ota_1", OTA_SIZE_UNKNOWN);

    download(2);
    want(blank("ota_1", 0, WORLD_SLOT_SIZE), true);
    want(esp_ota_write(h, image, 1), ESP_OK);
    want(esp_ota_write(h, image + 1, image_len - 1), ESP_OK);
    want(esp_ota_end(h), ESP_OK);
    want(memcmp(idf_flash_bytes() + part("ota_1")->address, image, image_len), 0);
    want(label_is(esp_ota_get_boot_partition(), "ota_0"), true); /* not selected by that */
    want(esp_ota_end(h), ESP_ERR_NOT_FOUND);
}

SDK_CASE(test_esp_ota_begin_wants_its_arguments)
{
    esp_ota_handle_t h;

    want(esp_ota_begin(NULL, 0, &h), ESP_ERR_INVALID_ARG);
    want(esp_ota_begin(part("ota_1"), 0, NULL), ESP_ERR_INVALID_ARG);
}

SDK_CASE(test_esp_ota_begin_refuses_what_is_not_in_the_table)
{
    esp_partition_t moved = *part("ota_1");
    esp_ota_handle_t h;

    moved.address += 0x1000;
    want(esp_ota_begin(&moved, 0, &h), ESP_ERR_NOT_FOUND);
    moved = *part("ota_1");
    moved.size -= 0x1000;
    want(esp_ota_begin(&moved, 0, &h), ESP_ERR_NOT_FOUND);
}

SDK_CASE(test_esp_ota_begin_stages_no_app_but_ota_slots)
{
    esp_ota_handle_t h;

    want(esp_ota_begin(part("factory"), 0, &h), ESP_ERR_INVALID_ARG);
    want(esp_ota_begin(part("test"), 0, &h), ESP_ERR_INVALID_ARG);
}

SDK_CASE(test_esp_ota_begin_refuses_what_is_running)
{
    esp_ota_handle_t h;

    want(esp_ota_begin(part("ota_0"), 0, &h), ESP_ERR_OTA_PARTITION_CONFLICT);
}

SDK_CASE_IN(test_esp_ota_begin_waits_for_the_trial, world_record(0, 1, AL_OTA_PENDING_VERIFY))
{
    esp_ota_handle_t h;

    want(esp_ota_begin(part("ota_1"), 0, &h), ESP_ERR_OTA_ROLLBACK_INVALID_STATE);
    (void)begin("storage", 0); /* data is not the trial's business */
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK);
    (void)begin("ota_1", 0);
}

SDK_CASE_IN(test_esp_ota_begin_ignores_the_trial_without_rollback,
            (world_record(0, 1, AL_OTA_PENDING_VERIFY), world.rollback = false))
{
    (void)begin("ota_1", 0);
}

SDK_CASE(test_esp_ota_begin_allows_one_session_for_a_partition)
{
    esp_ota_handle_t h = begin("ota_1", OTA_WITH_SEQUENTIAL_WRITES), other;

    want(esp_ota_begin(part("ota_1"), 0, &other), ESP_ERR_OTA_ALREADY_IN_PROGRESS);
    want(esp_ota_resume(part("ota_1"), 0, 0, &other), ESP_ERR_OTA_ALREADY_IN_PROGRESS);
    want(esp_ota_set_final_partition(h, part("ota_2"), false), ESP_OK);
    want(esp_ota_begin(part("ota_2"), 0, &other), ESP_ERR_OTA_ALREADY_IN_PROGRESS);
    (void)begin("storage", 0);
    want(esp_ota_abort(h), ESP_OK);
    (void)begin("ota_1", 0);
    (void)begin("ota_2", 0);
}

SDK_CASE(test_esp_ota_begin_reports_no_memory)
{
    esp_ota_handle_t h;

    const esp_partition_t *p = part("ota_1");

    fail_allocations = true;
    want(esp_ota_begin(p, 0, &h), ESP_ERR_NO_MEM);
    want(esp_ota_resume(p, 0, 0, &h), ESP_ERR_NO_MEM);
    fail_allocations = false;
    (void)begin("ota_1", 0);
}

SDK_CASE_IN(test_esp_ota_begin_erases_what_is_asked_for,
            (stain("ota_2", 0x1FFF), stain("ota_2", 0x2000), stain("ota_2", 0xFFFF)))
{
    esp_ota_handle_t h = begin("ota_2", OTA_WITH_SEQUENTIAL_WRITES);

    want(blank("ota_2", 0, 0x2000), false);
    want(esp_ota_abort(h), ESP_OK);
    h = begin("ota_2", 0x1001);
    want(blank("ota_2", 0, 0x2000), true);
    want(blank("ota_2", 0x2000, 1), false);
    want(esp_ota_abort(h), ESP_OK);
    h = begin("ota_2", 0x2000);
    want(blank("ota_2", 0x2000, 1), false);
    want(esp_ota_abort(h), ESP_OK);
    h = begin("ota_2", 0);
    want(blank("ota_2", 0, WORLD_SLOT_SIZE), true);
    want(esp_ota_abort(h), ESP_OK);
    (void)begin("ota_2", WORLD_SLOT_SIZE);
}

/* The session stays open, as ESP-IDF's does: until it is aborted, the partition is taken. */
static void begin_fails(size_t size, esp_err_t err)
{
    esp_ota_handle_t h = 0, other;

    want(esp_ota_begin(part("ota_1"), size, &h), err);
    want(h != 0, true);
    want(esp_ota_begin(part("ota_1"), 0, &other), ESP_ERR_OTA_ALREADY_IN_PROGRESS);
    want(esp_ota_abort(h), ESP_OK);
}

SDK_CASE(test_esp_ota_begin_reports_more_than_fits)
{
    begin_fails(WORLD_SLOT_SIZE + 1, ESP_ERR_INVALID_SIZE);
    begin_fails(0xFFFFFFFD, ESP_ERR_INVALID_SIZE);
    want(blank("ota_1", 0, 1), false);
}

SDK_CASE_IN(test_esp_ota_begin_reports_a_partition_that_is_no_whole_sectors,
            world_part("ota_1")->size = WORLD_SLOT_SIZE - 0x800)
{
    begin_fails(OTA_SIZE_UNKNOWN, ESP_ERR_INVALID_SIZE);
    begin_fails(WORLD_SLOT_SIZE - 0x800, ESP_ERR_INVALID_SIZE); /* its last sector is not all its own */
    (void)begin("ota_1", WORLD_SLOT_SIZE - 0x1000);
}

SDK_CASE_IN(test_esp_ota_begin_reports_a_read_only_partition, world_part("ota_1")->flags = AL_PART_READONLY)
{
    esp_ota_handle_t h;

    begin_fails(OTA_SIZE_UNKNOWN, ESP_ERR_NOT_ALLOWED);
    h = begin("ota_1", OTA_WITH_SEQUENTIAL_WRITES); /* erases nothing yet */
    download(0);
    want(esp_ota_write(h, image, 16), ESP_ERR_NOT_ALLOWED);
    want(esp_ota_abort(h), ESP_OK);
    want(esp_ota_resume(part("ota_1"), 0, 0, &h), ESP_OK);
    want(esp_ota_write(h, image, 16), ESP_ERR_NOT_ALLOWED);
    want(esp_ota_write_with_offset(h, image, 16, 0), ESP_ERR_NOT_ALLOWED);
}

SDK_CASE(test_esp_ota_begin_reports_a_failing_flash)
{
    fail_ops_from(1);
    begin_fails(0, ESP_ERR_FLASH_OP_FAIL);
}

/* From begin on, a rollback can't choose the slot that is being overwritten. */
SDK_CASE_IN(test_esp_ota_begin_forgets_the_inactive_record,
            (world_record(0, 3, AL_OTA_VALID), world_record(1, 2, AL_OTA_VALID), world.running = "ota_2"))
{
    (void)begin("storage", 0);
    want(blank("otadata", 0x1000, 32), false);
    (void)begin("ota_0", 0); /* not the record's slot, but the record goes all the same */
    want(blank("otadata", 0x1000, 32), true);
    want(blank("otadata", 0, 32), false);
    want(blank("ota_1", 0, 4), false);
}

SDK_CASE_IN(test_esp_ota_begin_keeps_records_without_rollback,
            (world_record(1, 2, AL_OTA_VALID), world.rollback = false, world.running = "ota_1"))
{
    (void)begin("ota_0", 0);
    want(blank("otadata", 0, 32), false);
    want(blank("otadata", 0x1000, 32), false);
}

/* --- esp_ota_write ------------------------------------------------------------------ */

SDK_CASE(test_esp_ota_write_wants_its_arguments)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    want(esp_ota_write(h, NULL, 1), ESP_ERR_INVALID_ARG);
    want(esp_ota_write(h, NULL, 0), ESP_ERR_INVALID_ARG);
    want(esp_ota_write(h + 1, "\xE9", 1), ESP_ERR_INVALID_ARG);
    want(esp_ota_write(h + 1, "\xE9", 0), ESP_OK);
}

SDK_CASE(test_esp_ota_write_refuses_what_is_no_image)
{
    esp_ota_handle_t app = begin("ota_1", OTA_WITH_SEQUENTIAL_WRITES), boot, table, data;

    want(esp_ota_write(app, "\xE8", 1), ESP_ERR_OTA_VALIDATE_FAILED);
    want(blank("ota_1", 0, 0x1000), true); /* after the erase */
    want(blank("ota_1", 0x1000, 0), true);
    want(esp_ota_write(app, "\xE9", 1), ESP_OK);
    want(esp_ota_write(app, "\x00", 1), ESP_OK); /* the first byte only */
    boot = begin("boot_spare", 0);
    want(esp_ota_write(boot, "\x00", 1), ESP_ERR_OTA_VALIDATE_FAILED);
    table = begin("table_spare", 0);
    want(esp_ota_write(table, "\xE9\x50", 2), ESP_ERR_OTA_VALIDATE_FAILED);
    want(esp_ota_write(table, "\xAA\x51", 2), ESP_ERR_OTA_VALIDATE_FAILED);
    want(esp_ota_write(table, "\xAA\x50", 2), ESP_OK);
    data = begin("storage", 0);
    want(esp_ota_write(data, "\x00", 1), ESP_OK);
}

SDK_CASE(test_esp_ota_write_looks_for_what_the_final_partition_holds)
{
    esp_ota_handle_t h = begin("storage", 0);

    want(esp_ota_set_final_partition(h, part("ota_1"), false), ESP_OK);
    want(esp_ota_write(h, "\x00", 1), ESP_ERR_OTA_VALIDATE_FAILED);
    want(esp_ota_write(h, "\xE9", 1), ESP_OK);
    want(esp_ota_end(h),
         ESP_ERR_OTA_VALIDATE_FAILED); /* an app's image is verified, though it lies in data */
    download(0);
    image[image_len - 1] ^= 1;
    h = begin("ota_2", 0);
    want(esp_ota_set_final_partition(h, part("boot_spare"), false), ESP_OK);
    want(esp_ota_write(h, image, image_len), ESP_OK);
    want(esp_ota_end(h), ESP_OK); /* and a bootloader's as a bootloader's */
}

SDK_CASE(test_esp_ota_write_ends_with_the_partition)
{
    static uint8_t whole[WORLD_SLOT_SIZE + 1];
    esp_ota_handle_t h = begin("storage", 0);

    want(esp_ota_write(h, whole, WORLD_SLOT_SIZE + 1), ESP_ERR_INVALID_SIZE);
    want(blank("storage", 0, 16), true);
    want(esp_ota_write(h, whole, WORLD_SLOT_SIZE), ESP_OK);
    want(esp_ota_write(h, whole, 1), ESP_ERR_INVALID_SIZE);
    want(esp_ota_abort(h), ESP_OK);
    h = begin("storage", OTA_WITH_SEQUENTIAL_WRITES);
    want(esp_ota_write(h, whole, WORLD_SLOT_SIZE + 1), ESP_ERR_INVALID_SIZE);
    want(esp_ota_write(h, whole, WORLD_SLOT_SIZE), ESP_OK);
    want(esp_ota_write(h, whole, 1), ESP_ERR_INVALID_SIZE);
}

/* Out-of-order bytes count, so the position can pass the end. */
SDK_CASE(test_esp_ota_write_past_the_end_is_refused)
{
    static uint8_t zeros[WORLD_SLOT_SIZE];
    esp_ota_handle_t h = begin("storage", 0);

    want(esp_ota_write_with_offset(h, zeros, WORLD_SLOT_SIZE, 0), ESP_OK);
    want(esp_ota_write_with_offset(h, zeros, 4, 0), ESP_OK);
    want(esp_ota_write(h, zeros, 1), ESP_ERR_INVALID_ARG);
    want(esp_ota_write(h, zeros, WORLD_SLOT_SIZE + 1), ESP_ERR_INVALID_ARG);
}

SDK_CASE(test_esp_ota_write_reports_a_failing_flash)
{
    esp_ota_handle_t h = begin("ota_1", OTA_WITH_SEQUENTIAL_WRITES);

    download(0);
    fail_ops_from(1);
    want(esp_ota_write(h, image, image_len), ESP_ERR_FLASH_OP_FAIL); /* the erase */
    fail_ops_from(2);
    want(esp_ota_write(h, image, image_len), ESP_ERR_FLASH_OP_FAIL); /* the program */
    fail_ops_from(0);
    want(esp_ota_write(h, image, image_len), ESP_OK);
    want(esp_ota_end(h), ESP_OK);
}

SDK_CASE_IN(test_esp_ota_write_sequential_erases_sector_by_sector,
            (stain("ota_2", 0xFFF), stain("ota_2", 0x1FFF), stain("ota_2", 0x2FFF)))
{
    esp_ota_handle_t h = begin("ota_2", OTA_WITH_SEQUENTIAL_WRITES);
    static uint8_t zeros[0x2000] = {0xE9};

    want(esp_ota_write(h, zeros, 0xFF0), ESP_OK);
    want(blank("ota_2", 0xFF0, 0x10), true);
    want(blank("ota_2", 0x1000, 0x1000), false);
    want(esp_ota_write(h, zeros, 0x10), ESP_OK); /* up to the boundary: still one sector */
    want(blank("ota_2", 0x1000, 0x1000), false);
    want(esp_ota_write(h, zeros, 0x800), ESP_OK);
    want(blank("ota_2", 0x1800, 0x800), true);
    want(esp_ota_write(h, zeros, 0x800), ESP_OK);
    want(blank("ota_2", 0x2000, 0x1000), false);
}

/* --- esp_ota_write_with_offset --------------------------------------------------- */

SDK_CASE(test_esp_ota_write_with_offset_takes_any_order)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    download(0);
    want(esp_ota_write_with_offset(h, image + 512, image_len - 512, 512), ESP_OK);
    want(esp_ota_write_with_offset(h, image, 512, 0), ESP_OK);
    want(esp_ota_end(h), ESP_OK);
}

SDK_CASE(test_esp_ota_write_with_offset_reports_errors)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    want(esp_ota_write_with_offset(h, NULL, 4, 0), ESP_ERR_INVALID_ARG);
    want(esp_ota_write_with_offset(h + 1, "abcd", 4, 0), ESP_ERR_INVALID_ARG);
    want(esp_ota_write_with_offset(h, "abcd", 4, WORLD_SLOT_SIZE + 1), ESP_ERR_INVALID_ARG);
    want(esp_ota_write_with_offset(h, "abcd", 4, WORLD_SLOT_SIZE - 3), ESP_ERR_INVALID_SIZE);
    want(esp_ota_write_with_offset(h, "abcd", 4, WORLD_SLOT_SIZE - 4), ESP_OK); /* no magic check */
    fail_ops_from(1);
    want(esp_ota_write_with_offset(h, "abcd", 4, 0), ESP_ERR_FLASH_OP_FAIL);
}

/* --- esp_ota_resume ------------------------------------------------------------------ */

SDK_CASE(test_esp_ota_resume_goes_on_where_it_was)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    download(0);
    want(esp_ota_write(h, image, 1000), ESP_OK);
    want(esp_ota_abort(h), ESP_OK);
    want(esp_ota_resume(part("ota_1"), OTA_WITH_SEQUENTIAL_WRITES, 1000, &h), ESP_OK);
    want(esp_ota_write(h, image + 1000, image_len - 1000), ESP_OK);
    want(esp_ota_end(h), ESP_OK);
}

SDK_CASE_IN(test_esp_ota_resume_leaves_otadata_alone, world_record(1, 3, AL_OTA_INVALID))
{
    esp_ota_handle_t h;

    want(esp_ota_resume(part("ota_1"), 0, WORLD_SLOT_SIZE, &h), ESP_OK);
    want(blank("otadata", 0x1000, 32), false);
    want(blank("ota_1", 0, 4), false);
    want(esp_ota_end(h), ESP_OK); /* all of it was there */
}

SDK_CASE_IN(test_esp_ota_resume_sequential_erases_behind_the_start,
            (stain("ota_2", 0xFFF), stain("ota_2", 0x1FFF)))
{
    esp_ota_handle_t h;

    want(esp_ota_resume(part("ota_2"), OTA_WITH_SEQUENTIAL_WRITES, 0x1000, &h), ESP_OK);
    want(esp_ota_write(h, "abcd", 4), ESP_OK);
    want(blank("ota_2", 0xFFF, 1), false);
    want(blank("ota_2", 0x1004, 0xFFC), true);
}

SDK_CASE(test_esp_ota_resume_reports_errors)
{
    esp_partition_t moved = *part("ota_1");
    esp_ota_handle_t h;

    moved.address += 0x1000;
    want(esp_ota_resume(NULL, 0, 0, &h), ESP_ERR_INVALID_ARG);
    want(esp_ota_resume(part("ota_1"), 0, 0, NULL), ESP_ERR_INVALID_ARG);
    want(esp_ota_resume(part("ota_1"), 0, WORLD_SLOT_SIZE + 1, &h), ESP_ERR_INVALID_ARG);
    want(esp_ota_resume(part("factory"), 0, 0, &h), ESP_ERR_INVALID_ARG);
    want(esp_ota_resume(&moved, 0, 0, &h), ESP_ERR_NOT_FOUND);
    want(esp_ota_resume(part("ota_0"), 0, 0, &h), ESP_ERR_OTA_PARTITION_CONFLICT);
}

SDK_CASE_IN(test_esp_ota_resume_waits_for_the_trial, world_record(0, 1, AL_OTA_PENDING_VERIFY))
{
    esp_ota_handle_t h;

    want(esp_ota_resume(part("ota_1"), 0, 0, &h), ESP_ERR_OTA_ROLLBACK_INVALID_STATE);
}

/* --- esp_ota_set_final_partition --------------------------------------------------- */

SDK_CASE(test_esp_ota_set_final_partition_copies_at_the_end)
{
    esp_ota_handle_t h = begin("storage", 0);

    download(0);
    want(esp_ota_set_final_partition(h, part("ota_2"), true), ESP_OK);
    want(esp_ota_write(h, image, image_len), ESP_OK);
    want(esp_ota_end(h), ESP_OK);
    want(memcmp(idf_flash_bytes() + part("ota_2")->address, image, image_len), 0);
}

SDK_CASE_IN(test_esp_ota_set_final_partition_copy_needs_as_much_in_staging,
            (world_part("storage")->size = 0x2000, stain("ota_2", 0)))
{
    esp_ota_handle_t h = begin("storage", 0);

    download(0);
    want(esp_ota_set_final_partition(h, part("ota_2"), true), ESP_OK);
    want(esp_ota_write(h, image, image_len), ESP_OK);
    want(esp_ota_end(h), ESP_ERR_INVALID_SIZE);
    want(blank("ota_2", 0, 1), false); /* not begun */
}

SDK_CASE(test_esp_ota_set_final_partition_reports_errors)
{
    esp_ota_handle_t h = begin("storage", 0);
    esp_partition_t moved = *part("ota_2");

    moved.address += 0x1000;
    want(esp_ota_set_final_partition(h, NULL, false), ESP_ERR_INVALID_ARG);
    want(esp_ota_set_final_partition(h + 1, part("ota_2"), false), ESP_ERR_NOT_FOUND);
    want(esp_ota_set_final_partition(h, &moved, false), ESP_ERR_NOT_FOUND);
    want(esp_ota_set_final_partition(h, part("storage"), true), ESP_OK); /* its own */
    want(esp_ota_write(h, "abcd", 4), ESP_OK);
    want(esp_ota_set_final_partition(h, part("ota_2"), false), ESP_ERR_INVALID_STATE);
    want(esp_ota_abort(h), ESP_OK);
    want(esp_ota_resume(part("storage"), 0, 4, &h), ESP_OK);
    want(esp_ota_set_final_partition(h, part("ota_2"), false), ESP_OK);
}

SDK_CASE(test_esp_ota_end_reports_a_failing_copy)
{
    esp_ota_handle_t h = begin("storage", 0);

    download(0);
    want(esp_ota_set_final_partition(h, part("ota_2"), true), ESP_OK);
    want(esp_ota_write(h, image, image_len), ESP_OK);
    fail_ops_from(2);
    want(esp_ota_end(h), ESP_ERR_FLASH_OP_FAIL);
}

/* --- esp_ota_end, esp_ota_abort -------------------------------------------------------- */

SDK_CASE(test_esp_ota_end_reports_errors)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    want(esp_ota_end(h + 1), ESP_ERR_NOT_FOUND);
    want(esp_ota_end(h), ESP_ERR_INVALID_ARG); /* nothing was written, and the session is gone */
    want(esp_ota_end(h), ESP_ERR_NOT_FOUND);
}

static esp_err_t end_with(const char *label, const void *data, size_t len)
{
    esp_ota_handle_t h = begin(label, 0);

    want(esp_ota_write(h, data, len), ESP_OK);
    return esp_ota_end(h);
}

SDK_CASE(test_esp_ota_end_verifies_what_the_partition_is_for)
{
    static const uint8_t table_end[32] = {0};
    static uint8_t table[AL_PTABLE_SIZE];

    download(0);
    want(end_with("ota_1", image, image_len - 1), ESP_ERR_OTA_VALIDATE_FAILED);
    image[image_len - 1] ^= 1;
    want(end_with("ota_1", image, image_len), ESP_ERR_OTA_VALIDATE_FAILED);
    want(end_with("boot_spare", image, image_len), ESP_OK); /* a bootloader's hash is not looked at */
    image[400] ^= 1;
    want(end_with("boot_spare", image, image_len), ESP_ERR_OTA_VALIDATE_FAILED);
    want(end_with("storage", image, image_len), ESP_OK); /* data are not verified */
    memcpy(table, idf_flash_bytes() + AL_PTABLE_OFFSET, sizeof(table));
    want(end_with("table_spare", table, sizeof(table)), ESP_OK);
    memcpy(table + sizeof(table) - sizeof(table_end), table_end, sizeof(table_end));
    want(end_with("table_spare", table, sizeof(table)), ESP_OK); /* behind its end */
    table[13] ^= 1;
    want(end_with("table_spare", table, sizeof(table)), ESP_ERR_OTA_VALIDATE_FAILED);
}

SDK_CASE(test_esp_ota_end_reports_what_can_not_be_read)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    download(0);
    want(esp_ota_write(h, image, image_len), ESP_OK);
    fail_reads_from(1);
    want(esp_ota_end(h), ESP_ERR_OTA_VALIDATE_FAILED);
}

SDK_CASE(test_esp_ota_abort_leaves_flash_as_it_is)
{
    esp_ota_handle_t h = begin("ota_1", 0);

    want(esp_ota_write(h, "\xE9", 1), ESP_OK);
    want(esp_ota_abort(h), ESP_OK);
    want(esp_ota_abort(h), ESP_ERR_NOT_FOUND);
    want(blank("ota_1", 0, 1), false);
}

/* --- esp_ota_set_boot_partition --------------------------------------------------------- */

static void test_esp_ota_set_boot_partition_writes_the_other_record_app(void)
{
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_OK);
    want(label_is(esp_ota_get_boot_partition(), "ota_1"), true);
}

static void test_esp_ota_set_boot_partition_writes_the_other_record(void **state)
{
    (void)state;
    for (int rollback = 0; rollback < 2; rollback++) {
        world_reset();
        world.rollback = rollback != 0;
        world_run(test_esp_ota_set_boot_partition_writes_the_other_record_app, 0);
        assert_int_equal(world_read_record(0).seq, 1);
        assert_int_equal(world_read_record(1).seq, 2);
        assert_int_equal(world_read_record(1).state, rollback ? AL_OTA_NEW : AL_OTA_UNDEFINED);
    }
}

static void set_boot_ota_0(void)
{
    want(esp_ota_set_boot_partition(part("ota_0")), ESP_OK);
}

static void test_esp_ota_set_boot_partition_rewrites_its_own_record(void **state)
{
    (void)state;
    world_reset();
    world_run(set_boot_ota_0, 0);
    assert_int_equal(world_read_record(0).seq, 1);
    assert_int_equal(world_read_record(0).state, AL_OTA_NEW);
    assert_int_equal(world_read_record(1).seq, 0xFFFFFFFFu);
    /* Also where the number is 0: with two slots that is slot 1. */
    world_reset();
    world_remove("ota_2");
    world_record(0, 0, AL_OTA_VALID);
    world_run(test_esp_ota_set_boot_partition_writes_the_other_record_app, 0);
    assert_int_equal(world_read_record(0).seq, 0);
    assert_int_equal(world_read_record(0).state, AL_OTA_NEW);
}

SDK_CASE(test_esp_ota_set_boot_partition_to_factory_blanks_otadata)
{
    want(esp_ota_set_boot_partition(part("factory")), ESP_OK);
    want(blank("otadata", 0, 0x2000), true);
    want(label_is(esp_ota_get_boot_partition(), "factory"), true);
    want(esp_ota_set_boot_partition(part("ota_2")), ESP_ERR_OTA_VALIDATE_FAILED); /* blank */
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_OK);
    want(blank("otadata", 0x1000, 0x1000), true); /* without an active record: sector 0 */
}

SDK_CASE(test_esp_ota_set_boot_partition_reports_errors)
{
    want(esp_ota_set_boot_partition(NULL), ESP_ERR_INVALID_ARG);
    want(esp_ota_set_boot_partition_skip_validate(NULL), ESP_ERR_INVALID_ARG);
    want(esp_ota_set_boot_partition(part("storage")), ESP_ERR_OTA_VALIDATE_FAILED);
    want(esp_ota_set_boot_partition_skip_validate(part("storage")), ESP_ERR_INVALID_ARG);
    want(esp_ota_set_boot_partition_skip_validate(part("ota_2")), ESP_OK); /* blank, but not looked at */
    want(label_is(esp_ota_get_boot_partition(), "ota_2"), true);
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_refuses_data_that_is_an_image,
            (world_part("storage")->type = AL_TYPE_APP, world_image("storage", "1.0.0", 0),
             world_part("storage")->type = AL_TYPE_DATA))
{
    want(esp_ota_set_boot_partition(part("storage")), ESP_ERR_INVALID_ARG);
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_refuses_a_slot_behind_a_gap, world_remove("ota_1"))
{
    want(esp_ota_set_boot_partition_skip_validate(part("ota_2")), ESP_ERR_INVALID_ARG);
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_needs_otadata, world_remove("otadata"))
{
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_NOT_FOUND);
    want(esp_ota_set_boot_partition(part("factory")), ESP_ERR_NOT_FOUND);
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_needs_an_otadata_it_may_write,
            world_part("otadata")->flags = AL_PART_READONLY)
{
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_NOT_ALLOWED);
    want(esp_ota_set_boot_partition(part("factory")), ESP_ERR_NOT_ALLOWED);
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK); /* nothing to write */
    want(esp_ota_mark_app_invalid_rollback(), ESP_ERR_NOT_ALLOWED);
}

static void move_otadata(void)
{
    world_part("otadata")->off = WORLD_OTADATA + 0x80;
    memset(world.flash + WORLD_OTADATA, 0xFF, 0x3000);
    world_record(0, 1, AL_OTA_NEW);
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_needs_an_aligned_otadata, move_otadata())
{
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_INVALID_ARG);
    want(esp_ota_set_boot_partition(part("factory")), ESP_ERR_INVALID_ARG);
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_ERR_INVALID_ARG);
    want(label_is(esp_ota_get_boot_partition(), "ota_0"), true);
}

SDK_CASE(test_esp_ota_set_boot_partition_reports_a_failing_flash)
{
    for (unsigned n = 1; n <= 2; n++) {
        fail_ops_from(n);
        want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_FLASH_OP_FAIL);
        want(label_is(esp_ota_get_boot_partition(), "ota_0"), true);
    }
    fail_ops_from(1);
    want(esp_ota_set_boot_partition(part("factory")), ESP_ERR_FLASH_OP_FAIL);
}

static void old_app(void)
{
    world.anti_rollback = true;
    world.secure_version = 2;
    world_image("ota_0", "1.0.0", 2);
    world_image("ota_1", "2.0.0", 1);
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_erases_an_app_that_is_too_old, old_app())
{
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_OTA_SMALL_SEC_VER);
    want(blank("ota_1", 0, WORLD_SLOT_SIZE), true);
    want(esp_ota_set_boot_partition_skip_validate(part("ota_1")), ESP_ERR_NOT_FOUND); /* no description */
    want(esp_ota_set_boot_partition(part("ota_0")), ESP_OK);                          /* equal is fine */
}

SDK_CASE_IN(test_esp_ota_set_boot_partition_reports_what_it_can_not_erase,
            (old_app(), world_part("ota_1")->flags = AL_PART_READONLY))
{
    want(esp_ota_set_boot_partition(part("ota_1")), ESP_ERR_NOT_ALLOWED);
}

/* --- Asking ------------------------------------------------------------------------------ */

SDK_CASE_IN(test_esp_ota_get_boot_partition_without_otadata_is_none, world_remove("otadata"))
{
    want(esp_ota_get_boot_partition() == NULL, true);
}

SDK_CASE_IN(test_esp_ota_get_boot_partition_defaults_to_factory,
            (world_record(0, 1, AL_OTA_ABORTED), world_record(1, 2, AL_OTA_INVALID)))
{
    want(label_is(esp_ota_get_boot_partition(), "factory"), true);
}

SDK_CASE_IN(test_esp_ota_get_boot_partition_defaults_to_the_first_slot,
            (world_record(0, 1, AL_OTA_ABORTED), world_remove("factory"), world_remove("ota_0"),
             world.running = "ota_1"))
{
    want(label_is(esp_ota_get_boot_partition(), "ota_1"), true);
}

SDK_CASE_IN(test_esp_ota_get_boot_partition_defaults_to_the_test_app_last,
            (world_remove("factory"), world_remove("ota_0"), world_remove("ota_1"), world_remove("ota_2"),
             world.running = "test"))
{
    want(label_is(esp_ota_get_boot_partition(), "test"), true);
}

SDK_CASE_IN(test_esp_ota_get_boot_partition_takes_a_torn_record_for_none,
            (world_record(0, 2, AL_OTA_VALID), world.flash[WORLD_OTADATA + 28] ^= 1))
{
    want(label_is(esp_ota_get_boot_partition(), "factory"), true);
}

SDK_CASE_IN(test_esp_ota_get_boot_partition_takes_unknown_states_for_usable,
            (world_record(0, 5, 0x12345678), world_record(1, 4, AL_OTA_VALID)))
{
    want(label_is(esp_ota_get_boot_partition(), "ota_1"), true);
}

SDK_CASE(test_esp_ota_get_running_partition_is_the_environments)
{
    want(label_is(esp_ota_get_running_partition(), "ota_0"), true);
    want(esp_ota_get_running_partition() == part("ota_0"), true);
}

SDK_CASE(test_esp_ota_get_next_update_partition_goes_round)
{
    esp_partition_t copy = *part("ota_1");

    want(label_is(esp_ota_get_next_update_partition(NULL), "ota_1"), true);
    want(label_is(esp_ota_get_next_update_partition(&copy), "ota_2"), true);
    want(label_is(esp_ota_get_next_update_partition(part("ota_2")), "ota_0"), true);
    want(label_is(esp_ota_get_next_update_partition(part("factory")), "ota_0"), true);
    want(label_is(esp_ota_get_next_update_partition(part("storage")), "ota_0"), true);
}

SDK_CASE_IN(test_esp_ota_get_next_update_partition_skips_gaps, world_remove("ota_1"))
{
    want(label_is(esp_ota_get_next_update_partition(NULL), "ota_2"), true);
    want(esp_ota_get_app_partition_count(), 1);
}

SDK_CASE_IN(test_esp_ota_get_next_update_partition_of_one_slot_is_itself,
            (world_remove("ota_1"), world_remove("ota_2")))
{
    want(label_is(esp_ota_get_next_update_partition(NULL), "ota_0"), true);
}

SDK_CASE_IN(test_esp_ota_get_next_update_partition_without_slots_is_none,
            (world_remove("ota_0"), world_remove("ota_1"), world_remove("ota_2"), world.running = "factory"))
{
    want(esp_ota_get_next_update_partition(NULL) == NULL, true);
    want(esp_ota_get_app_partition_count(), 0);
}

SDK_CASE(test_esp_ota_get_app_partition_count_counts)
{
    want(esp_ota_get_app_partition_count(), 3);
}

SDK_CASE(test_esp_ota_get_partition_description_reads_it)
{
    esp_app_desc_t desc;

    want(esp_ota_get_partition_description(part("ota_1"), &desc), ESP_OK);
    want(strcmp(desc.version, "2.0.0"), 0);
    want(desc.secure_version, 2);
}

SDK_CASE_IN(test_esp_ota_get_partition_description_reports_errors, world_part("ota_2")->size = 0x100)
{
    esp_app_desc_t desc;

    want(esp_ota_get_partition_description(NULL, &desc), ESP_ERR_INVALID_ARG);
    want(esp_ota_get_partition_description(part("ota_1"), NULL), ESP_ERR_INVALID_ARG);
    want(esp_ota_get_partition_description(part("storage"), &desc), ESP_ERR_NOT_SUPPORTED);
    want(esp_ota_get_partition_description(part("ota_2"), &desc), ESP_ERR_INVALID_SIZE);
    fail_reads_from(1);
    want(esp_ota_get_partition_description(part("ota_1"), &desc), ESP_ERR_FLASH_OP_FAIL);
}

SDK_CASE(test_esp_ota_get_partition_description_of_a_blank_slot_is_not_found)
{
    esp_app_desc_t desc;

    want(esp_ota_get_partition_description(part("ota_2"), &desc), ESP_ERR_NOT_FOUND);
}

static void put_bootloader_description(uint32_t at)
{
    world.flash[at + 0x20] = ESP_BOOTLOADER_DESC_MAGIC_BYTE;
    memcpy(world.flash + at + 0x24, &(uint32_t){7}, 4);
}

SDK_CASE_IN(test_esp_ota_get_bootloader_description_reads_it,
            (put_bootloader_description(0), put_bootloader_description(0x70000)))
{
    esp_bootloader_desc_t desc;

    want(esp_ota_get_bootloader_description(NULL, &desc), ESP_OK);
    want(desc.version, 7);
    want(esp_ota_get_bootloader_description(part("boot_spare"), &desc), ESP_OK);
}

SDK_CASE_IN(test_esp_ota_get_bootloader_description_reports_errors,
            (world_part("boot_spare")->size = 0x60, world.flash[0x20] = 0))
{
    esp_bootloader_desc_t desc;

    want(esp_ota_get_bootloader_description(NULL, NULL), ESP_ERR_INVALID_ARG);
    want(esp_ota_get_bootloader_description(part("storage"), &desc), ESP_ERR_NOT_SUPPORTED);
    want(esp_ota_get_bootloader_description(NULL, &desc), ESP_ERR_NOT_FOUND);
    want(esp_ota_get_bootloader_description(part("boot_spare"), &desc), ESP_ERR_INVALID_SIZE);
    fail_reads_from(1);
    want(esp_ota_get_bootloader_description(NULL, &desc), ESP_ERR_FLASH_OP_FAIL);
}

/* --- esp_ota_get_state_partition, esp_ota_get_last_invalid_partition -------------------- */

SDK_CASE_IN(test_esp_ota_get_state_partition_asks_sector_0_first,
            (world_record(0, 1, AL_OTA_ABORTED), world_record(1, 4, 77)))
{
    esp_ota_img_states_t state;

    want(esp_ota_get_state_partition(part("ota_0"), &state), ESP_OK);
    want(state, ESP_OTA_IMG_ABORTED); /* though the other record is newer */
}

SDK_CASE_IN(test_esp_ota_get_state_partition_hands_out_any_number, world_record(0, 2, 77))
{
    esp_ota_img_states_t state;

    want(esp_ota_get_state_partition(part("ota_1"), &state), ESP_OK);
    want(state, 77);
}

SDK_CASE_IN(test_esp_ota_get_state_partition_reports_errors, world.flash[WORLD_OTADATA + 28] ^= 1)
{
    esp_ota_img_states_t state;

    want(esp_ota_get_state_partition(NULL, &state), ESP_ERR_INVALID_ARG);
    want(esp_ota_get_state_partition(part("ota_0"), NULL), ESP_ERR_INVALID_ARG);
    want(esp_ota_get_state_partition(part("factory"), &state), ESP_ERR_NOT_SUPPORTED);
    want(esp_ota_get_state_partition(part("test"), &state), ESP_ERR_NOT_SUPPORTED);
    want(esp_ota_get_state_partition(part("storage"), &state), ESP_ERR_NOT_SUPPORTED);
    want(esp_ota_get_state_partition(part("ota_0"), &state), ESP_ERR_NOT_FOUND); /* its CRC is wrong */
}

SDK_CASE_IN(test_esp_ota_get_state_partition_needs_otadata, world_remove("otadata"))
{
    esp_ota_img_states_t state;

    want(esp_ota_get_state_partition(part("ota_0"), &state), ESP_ERR_NOT_FOUND);
}

SDK_CASE_IN(test_esp_ota_get_last_invalid_partition_is_the_older_of_two,
            (world_record(0, 2, AL_OTA_INVALID), world_record(1, 1, AL_OTA_ABORTED)))
{
    want(label_is(esp_ota_get_last_invalid_partition(), "ota_0"), true);
}

SDK_CASE_IN(test_esp_ota_get_last_invalid_partition_needs_a_failed_record, world_record(1, 2, AL_OTA_NEW))
{
    want(esp_ota_get_last_invalid_partition() == NULL, true);
}

SDK_CASE_IN(test_esp_ota_get_last_invalid_partition_needs_an_intact_image,
            (world_record(1, 2, AL_OTA_INVALID), damage("ota_1")))
{
    want(esp_ota_get_last_invalid_partition() == NULL, true);
}

SDK_CASE_IN(test_esp_ota_get_last_invalid_partition_skips_torn_records,
            (world_record(1, 2, AL_OTA_INVALID), world.flash[WORLD_OTADATA + 0x101C] ^= 1))
{
    want(esp_ota_get_last_invalid_partition() == NULL, true);
}

/* 0xFFFFFFFF is blank even where its CRC is there. With two slots it would be slot 0. */
SDK_CASE_IN(test_esp_ota_get_last_invalid_partition_skips_blank_records,
            (world_remove("ota_2"), world_record(1, 0xFFFFFFFF, AL_OTA_INVALID)))
{
    want(esp_ota_get_last_invalid_partition() == NULL, true);
}

SDK_CASE_IN(test_esp_ota_get_last_invalid_partition_needs_otadata, world_remove("otadata"))
{
    want(esp_ota_get_last_invalid_partition() == NULL, true);
}

/* --- esp_ota_check_image_validity ---------------------------------------------------------- */

SDK_CASE_IN(test_esp_ota_check_image_validity_checks_chip_and_mode,
            world.flash[0x20000 + 32 + 181] = ESP_IMAGE_SPI_MODE_DIO + 1)
{
    esp_image_header_t header = {.magic = 0xE9, .chip_id = 5};
    esp_app_desc_t desc = {.spi_flash_mode = ESP_IMAGE_SPI_MODE_DIO + 1};
    const esp_partition_type_t app = ESP_PARTITION_TYPE_APP, boot = ESP_PARTITION_TYPE_BOOTLOADER;

    want(esp_ota_check_image_validity(app, &header, &desc), ESP_OK);
    want(esp_ota_check_image_validity(app, &header, NULL), ESP_OK);
    want(esp_ota_check_image_validity(app, NULL, &desc), ESP_ERR_INVALID_ARG);
    want(esp_ota_check_image_validity(ESP_PARTITION_TYPE_DATA, &header, NULL), ESP_ERR_NOT_SUPPORTED);
    desc.spi_flash_mode = ESP_IMAGE_SPI_MODE_QIO + 1;
    want(esp_ota_check_image_validity(app, &header, &desc), ESP_ERR_OTA_SPI_MODE_MISMATCH);
    desc.spi_flash_mode = 0; /* not recorded */
    want(esp_ota_check_image_validity(app, &header, &desc), ESP_OK);
    header.min_chip_rev_full = 4;
    want(esp_ota_check_image_validity(app, &header, NULL), ESP_OK);
    header.min_chip_rev_full = 5;
    want(esp_ota_check_image_validity(app, &header, NULL), ESP_ERR_INVALID_VERSION);
    want(esp_ota_check_image_validity(boot, &header, NULL), ESP_ERR_INVALID_VERSION);
    header.min_chip_rev_full = 0;
    header.max_chip_rev_full = 3;
    want(esp_ota_check_image_validity(app, &header, NULL), ESP_ERR_INVALID_VERSION);
    want(esp_ota_check_image_validity(boot, &header, NULL), ESP_OK); /* no maximum for bootloaders */
    header.max_chip_rev_full = 65535;
    want(esp_ota_check_image_validity(app, &header, NULL), ESP_OK);
    header.chip_id = 9;
    want(esp_ota_check_image_validity(app, &header, NULL), ESP_ERR_INVALID_VERSION);
}

/* --- Confirming and rolling back ------------------------------------------------------------ */

SDK_CASE_IN(test_esp_ota_mark_app_valid_confirms_the_trial, world_record(0, 1, AL_OTA_PENDING_VERIFY))
{
    esp_ota_img_states_t state;

    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK);
    want(esp_ota_get_state_partition(part("ota_0"), &state), ESP_OK);
    want(state, ESP_OTA_IMG_VALID);
    fail_ops_from(1);
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK); /* already: nothing is written */
}

SDK_CASE_IN(test_esp_ota_mark_app_valid_acts_on_the_active_record,
            (world_record(1, 2, AL_OTA_UNDEFINED), world.running = "ota_0"))
{
    esp_ota_img_states_t state;

    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK);
    want(esp_ota_get_state_partition(part("ota_1"), &state), ESP_OK);
    want(state, ESP_OTA_IMG_VALID);
}

SDK_CASE_IN(test_esp_ota_mark_needs_otadata, world_remove("otadata"))
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_ERR_NOT_FOUND);
    want(esp_ota_mark_app_invalid_rollback(), ESP_ERR_NOT_FOUND);
    want(esp_ota_mark_app_invalid_rollback_and_reboot(), ESP_ERR_NOT_FOUND);
    want(esp_ota_check_rollback_is_possible(), false);
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_FAIL);
    want(esp_ota_erase_last_boot_app_partition(), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_mark_fails_in_factory,
            (world_record(0, 1, AL_OTA_ABORTED), world.running = "factory"))
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_FAIL);
    want(esp_ota_mark_app_invalid_rollback(), ESP_FAIL);
    want(esp_ota_mark_app_invalid_rollback_and_reboot(), ESP_FAIL);
    want(esp_ota_check_rollback_is_possible(), false);
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_FAIL);
    want(esp_ota_erase_last_boot_app_partition(), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_mark_fails_without_slots,
            (world_remove("ota_0"), world_remove("ota_1"), world_remove("ota_2"), world.running = "factory"))
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_FAIL);
    want(esp_ota_mark_app_invalid_rollback(), ESP_FAIL);
    want(esp_ota_check_rollback_is_possible(), false);
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_FAIL);
    want(esp_ota_get_last_invalid_partition() == NULL, true);
}

SDK_CASE_IN(test_esp_ota_mark_reports_a_failing_flash, world_record(0, 1, AL_OTA_NEW))
{
    fail_ops_from(2);
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_ERR_FLASH_OP_FAIL);
    fail_ops_from(0);
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_FAIL); /* the record is gone */
}

SDK_CASE_IN(test_esp_ota_mark_invalid_reports_a_failing_flash, world_record(1, 2, AL_OTA_VALID))
{
    fail_ops_from(1);
    want(esp_ota_mark_app_invalid_rollback(), ESP_ERR_FLASH_OP_FAIL);
    want(label_is(esp_ota_get_boot_partition(), "ota_1"), true);
    want(esp_ota_mark_app_invalid_rollback_and_reboot(), ESP_ERR_FLASH_OP_FAIL);
}

static void confirm_burns(void)
{
    world.anti_rollback = true;
    world_record(0, 1, AL_OTA_PENDING_VERIFY);
}

static void confirm_app(void)
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_OK);
}

static void test_esp_ota_mark_app_valid_burns_the_secure_version(void **state)
{
    (void)state;
    world_reset();
    confirm_burns();
    world_run(confirm_app, 0);
    assert_int_equal(world.secure_version, 1);
    assert_int_equal(world_read_record(0).state, AL_OTA_VALID);
    world_reset();
    confirm_burns();
    world.anti_rollback = false;
    world_run(confirm_app, 0);
    assert_int_equal(world.secure_version, 0);
}

SDK_CASE_IN(test_esp_ota_mark_app_valid_reports_a_version_too_large,
            (confirm_burns(), world_image("ota_0", "1.0.0", 17)))
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_ERR_INVALID_ARG);
    want(esp_efuse_read_secure_version(), 0);
}

SDK_CASE_IN(test_esp_ota_mark_app_valid_reports_a_version_too_low,
            (confirm_burns(), world.secure_version = 2))
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_mark_app_valid_reports_a_missing_description,
            (confirm_burns(), memset(world.flash + 0x20020, 0, 4)))
{
    want(esp_ota_mark_app_valid_cancel_rollback(), ESP_ERR_NOT_FOUND);
}

static void roll_back(void)
{
    want(esp_ota_check_rollback_is_possible(), true);
    want(esp_ota_mark_app_invalid_rollback(), ESP_OK);
    want(label_is(esp_ota_get_boot_partition(), "ota_0"), true);
}

static void roll_back_and_restart(void)
{
    want(esp_ota_mark_app_invalid_rollback_and_reboot(), ESP_OK);
    want(0, 1); /* not reached */
}

static void test_esp_ota_mark_app_invalid_goes_back(void **state)
{
    (void)state;
    world_reset();
    world_record(1, 2, AL_OTA_PENDING_VERIFY);
    world.running = "ota_1";
    world_run(roll_back, 0);
    assert_int_equal(world_read_record(1).state, AL_OTA_INVALID);
    assert_int_equal(world_read_record(1).seq, 2);
    world_record(1, 2, AL_OTA_PENDING_VERIFY);
    world_run(roll_back_and_restart, DEV_EXIT_RESTART);
    assert_int_equal(world_read_record(1).state, AL_OTA_INVALID);
}

static void rollback_impossible(void)
{
    want(esp_ota_check_rollback_is_possible(), false);
    want(esp_ota_mark_app_invalid_rollback(), ESP_ERR_OTA_ROLLBACK_FAILED);
    want(esp_ota_mark_app_invalid_rollback_and_reboot(), ESP_ERR_OTA_ROLLBACK_FAILED);
}

static void test_esp_ota_rollback_needs_an_app_to_go_to(void **state)
{
    (void)state;
    /* The other record's app is damaged; factory does not count then. */
    world_reset();
    world_record(1, 2, AL_OTA_VALID);
    world.running = "ota_1";
    damage("ota_0");
    world_run(rollback_impossible, 0);
    assert_int_equal(world_read_record(1).state, AL_OTA_VALID);
    /* No other record, and factory is damaged. */
    world_reset();
    damage("factory");
    world_run(rollback_impossible, 0);
    /* ... or not there. */
    world_reset();
    world_remove("factory");
    world_run(rollback_impossible, 0);
    /* With anti-rollback factory never counts ... */
    world_reset();
    world.anti_rollback = true;
    world_run(rollback_impossible, 0);
    /* ... and the other app must be new enough. */
    world_record(1, 2, AL_OTA_VALID);
    world.secure_version = 2;
    world_run(rollback_impossible, 0);
}

SDK_CASE_IN(test_esp_ota_check_rollback_takes_factory_without_another_record,
            world_record(1, 2, AL_OTA_ABORTED))
{
    want(esp_ota_check_rollback_is_possible(), true);
}

SDK_CASE_IN(test_esp_ota_check_rollback_takes_an_app_that_is_new_enough,
            (world_record(1, 2, AL_OTA_VALID), world.anti_rollback = true, world.secure_version = 1))
{
    want(esp_ota_check_rollback_is_possible(), true);
}

/* --- The inactive record --------------------------------------------------------------------- */

static void two_records(void)
{
    world_record(1, 2, AL_OTA_INVALID);
}

SDK_CASE_IN(test_esp_ota_invalidate_inactive_erases_its_record, two_records())
{
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_OK);
    want(blank("otadata", 0x1000, 0x1000), true);
    want(blank("otadata", 0, 32), false);
    want(blank("ota_1", 0, 4), false);
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_FAIL); /* blank now */
}

SDK_CASE_IN(test_esp_ota_erase_last_boot_app_erases_app_and_record, two_records())
{
    want(esp_ota_erase_last_boot_app_partition(), ESP_OK);
    want(blank("ota_1", 0, WORLD_SLOT_SIZE), true);
    want(blank("otadata", 0x1000, 0x1000), true);
    want(esp_ota_erase_last_boot_app_partition(), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_invalidate_inactive_needs_a_sound_record,
            (two_records(), world.flash[WORLD_OTADATA + 0x101C] ^= 1))
{
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_FAIL);
    want(esp_ota_erase_last_boot_app_partition(), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_invalidate_inactive_keeps_what_is_running, (two_records(), world.running = "ota_1"))
{
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_FAIL);
    want(esp_ota_erase_last_boot_app_partition(), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_invalidate_inactive_reports_a_failing_flash, two_records())
{
    fail_ops_from(1);
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_ERR_FLASH_OP_FAIL);
    want(esp_ota_erase_last_boot_app_partition(), ESP_ERR_FLASH_OP_FAIL);
    fail_ops_from(2);
    want(esp_ota_erase_last_boot_app_partition(),
         ESP_ERR_FLASH_OP_FAIL); /* the app is gone, its record not */
    want(blank("otadata", 0x1000, 32), false);
}

SDK_CASE_IN(test_esp_ota_invalidate_inactive_may_not_write_read_only_otadata,
            (two_records(), world_part("otadata")->flags = AL_PART_READONLY))
{
    want(esp_ota_invalidate_inactive_ota_data_slot(), ESP_ERR_NOT_ALLOWED);
}

SDK_CASE_IN(test_esp_ota_erase_last_boot_app_may_not_write_to_read_only,
            (two_records(), world_part("ota_1")->flags = AL_PART_READONLY))
{
    want(esp_ota_erase_last_boot_app_partition(), ESP_ERR_NOT_ALLOWED);
    want(blank("otadata", 0x1000, 32), false);
}

/* --- esp_ota_revoke_secure_boot_public_key ------------------------------------------------------ */

SDK_CASE(test_esp_ota_revoke_needs_secure_boot)
{
    want(esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_0), ESP_FAIL);
    want(esp_ota_revoke_secure_boot_public_key((esp_ota_secure_boot_public_key_index_t)3), ESP_FAIL);
}

SDK_CASE_IN(test_esp_ota_revoke_wants_a_key_that_exists, world.secure_boot = true)
{
    want(esp_ota_revoke_secure_boot_public_key((esp_ota_secure_boot_public_key_index_t)3),
         ESP_ERR_INVALID_ARG);
    want(esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_2), ESP_FAIL);
}

/* --- esp_app_desc.h, esp_efuse.h ------------------------------------------------------------------ */

SDK_CASE_IN(test_esp_app_get_description_is_the_running_apps, world.running = "ota_1")
{
    want(strcmp(esp_app_get_description()->version, "2.0.0"), 0);
    want(esp_app_get_description() == esp_app_get_description(), true);
}

SDK_CASE_IN(test_esp_app_get_description_of_no_image_is_empty, world.running = "ota_2")
{
    want(esp_app_get_description()->version[0], 0);
}

SDK_CASE_IN(test_esp_app_get_elf_sha256_is_cut_to_what_fits,
            memset(world.flash + 0x20000 + 32 + 144, 0xA5, 32))
{
    char text[80];

    want(esp_app_get_elf_sha256(text, sizeof(text)), 10); /* nine digits by configuration, and NUL */
    want(strcmp(text, "a5a5a5a5a"), 0);
    want(esp_app_get_elf_sha256(text, 5), 5);
    want(strcmp(text, "a5a5"), 0);
    want(esp_app_get_elf_sha256(text, 1), 1);
    want(text[0], 0);
    want(strcmp(esp_app_get_elf_sha256_str(), "a5a5a5a5a"), 0);
}

SDK_CASE(test_esp_efuse_secure_version_only_grows)
{
    want(esp_efuse_read_secure_version(), 0);
    want(esp_efuse_update_secure_version(0), ESP_OK);
    want(esp_efuse_update_secure_version(3), ESP_OK);
    want(esp_efuse_update_secure_version(3), ESP_OK);
    want(esp_efuse_read_secure_version(), 3);
    want(esp_efuse_check_secure_version(3), true);
    want(esp_efuse_check_secure_version(2), false);
    want(esp_efuse_update_secure_version(2), ESP_FAIL);
    want(esp_efuse_update_secure_version(17), ESP_ERR_INVALID_ARG);
    want(esp_efuse_update_secure_version(16), ESP_OK);
}

static void burn_three(void)
{
    want(esp_efuse_update_secure_version(3), ESP_OK);
}

static void test_esp_efuse_secure_version_survives_the_reset(void **state)
{
    (void)state;
    world_reset();
    world_run(burn_three, 0);
    assert_int_equal(world.secure_version, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esp_ota_begin_to_end_makes_an_image_that_can_boot),
        cmocka_unit_test(test_esp_ota_begin_wants_its_arguments),
        cmocka_unit_test(test_esp_ota_begin_refuses_what_is_not_in_the_table),
        cmocka_unit_test(test_esp_ota_begin_stages_no_app_but_ota_slots),
        cmocka_unit_test(test_esp_ota_begin_refuses_what_is_running),
        cmocka_unit_test(test_esp_ota_begin_waits_for_the_trial),
        cmocka_unit_test(test_esp_ota_begin_ignores_the_trial_without_rollback),
        cmocka_unit_test(test_esp_ota_begin_allows_one_session_for_a_partition),
        cmocka_unit_test(test_esp_ota_begin_reports_no_memory),
        cmocka_unit_test(test_esp_ota_begin_erases_what_is_asked_for),
        cmocka_unit_test(test_esp_ota_begin_reports_more_than_fits),
        cmocka_unit_test(test_esp_ota_begin_reports_a_partition_that_is_no_whole_sectors),
        cmocka_unit_test(test_esp_ota_begin_reports_a_read_only_partition),
        cmocka_unit_test(test_esp_ota_begin_reports_a_failing_flash),
        cmocka_unit_test(test_esp_ota_begin_forgets_the_inactive_record),
        cmocka_unit_test(test_esp_ota_begin_keeps_records_without_rollback),
        cmocka_unit_test(test_esp_ota_write_wants_its_arguments),
        cmocka_unit_test(test_esp_ota_write_refuses_what_is_no_image),
        cmocka_unit_test(test_esp_ota_write_looks_for_what_the_final_partition_holds),
        cmocka_unit_test(test_esp_ota_write_ends_with_the_partition),
        cmocka_unit_test(test_esp_ota_write_past_the_end_is_refused),
        cmocka_unit_test(test_esp_ota_write_reports_a_failing_flash),
        cmocka_unit_test(test_esp_ota_write_sequential_erases_sector_by_sector),
        cmocka_unit_test(test_esp_ota_write_with_offset_takes_any_order),
        cmocka_unit_test(test_esp_ota_write_with_offset_reports_errors),
        cmocka_unit_test(test_esp_ota_resume_goes_on_where_it_was),
        cmocka_unit_test(test_esp_ota_resume_leaves_otadata_alone),
        cmocka_unit_test(test_esp_ota_resume_sequential_erases_behind_the_start),
        cmocka_unit_test(test_esp_ota_resume_reports_errors),
        cmocka_unit_test(test_esp_ota_resume_waits_for_the_trial),
        cmocka_unit_test(test_esp_ota_set_final_partition_copies_at_the_end),
        cmocka_unit_test(test_esp_ota_set_final_partition_copy_needs_as_much_in_staging),
        cmocka_unit_test(test_esp_ota_set_final_partition_reports_errors),
        cmocka_unit_test(test_esp_ota_end_reports_a_failing_copy),
        cmocka_unit_test(test_esp_ota_end_reports_errors),
        cmocka_unit_test(test_esp_ota_end_verifies_what_the_partition_is_for),
        cmocka_unit_test(test_esp_ota_end_reports_what_can_not_be_read),
        cmocka_unit_test(test_esp_ota_abort_leaves_flash_as_it_is),
        cmocka_unit_test(test_esp_ota_set_boot_partition_writes_the_other_record),
        cmocka_unit_test(test_esp_ota_set_boot_partition_rewrites_its_own_record),
        cmocka_unit_test(test_esp_ota_set_boot_partition_to_factory_blanks_otadata),
        cmocka_unit_test(test_esp_ota_set_boot_partition_reports_errors),
        cmocka_unit_test(test_esp_ota_set_boot_partition_refuses_data_that_is_an_image),
        cmocka_unit_test(test_esp_ota_set_boot_partition_refuses_a_slot_behind_a_gap),
        cmocka_unit_test(test_esp_ota_set_boot_partition_needs_otadata),
        cmocka_unit_test(test_esp_ota_set_boot_partition_needs_an_otadata_it_may_write),
        cmocka_unit_test(test_esp_ota_set_boot_partition_needs_an_aligned_otadata),
        cmocka_unit_test(test_esp_ota_set_boot_partition_reports_a_failing_flash),
        cmocka_unit_test(test_esp_ota_set_boot_partition_erases_an_app_that_is_too_old),
        cmocka_unit_test(test_esp_ota_set_boot_partition_reports_what_it_can_not_erase),
        cmocka_unit_test(test_esp_ota_get_boot_partition_without_otadata_is_none),
        cmocka_unit_test(test_esp_ota_get_boot_partition_defaults_to_factory),
        cmocka_unit_test(test_esp_ota_get_boot_partition_defaults_to_the_first_slot),
        cmocka_unit_test(test_esp_ota_get_boot_partition_defaults_to_the_test_app_last),
        cmocka_unit_test(test_esp_ota_get_boot_partition_takes_a_torn_record_for_none),
        cmocka_unit_test(test_esp_ota_get_boot_partition_takes_unknown_states_for_usable),
        cmocka_unit_test(test_esp_ota_get_running_partition_is_the_environments),
        cmocka_unit_test(test_esp_ota_get_next_update_partition_goes_round),
        cmocka_unit_test(test_esp_ota_get_next_update_partition_skips_gaps),
        cmocka_unit_test(test_esp_ota_get_next_update_partition_of_one_slot_is_itself),
        cmocka_unit_test(test_esp_ota_get_next_update_partition_without_slots_is_none),
        cmocka_unit_test(test_esp_ota_get_app_partition_count_counts),
        cmocka_unit_test(test_esp_ota_get_partition_description_reads_it),
        cmocka_unit_test(test_esp_ota_get_partition_description_reports_errors),
        cmocka_unit_test(test_esp_ota_get_partition_description_of_a_blank_slot_is_not_found),
        cmocka_unit_test(test_esp_ota_get_bootloader_description_reads_it),
        cmocka_unit_test(test_esp_ota_get_bootloader_description_reports_errors),
        cmocka_unit_test(test_esp_ota_get_state_partition_asks_sector_0_first),
        cmocka_unit_test(test_esp_ota_get_state_partition_hands_out_any_number),
        cmocka_unit_test(test_esp_ota_get_state_partition_reports_errors),
        cmocka_unit_test(test_esp_ota_get_state_partition_needs_otadata),
        cmocka_unit_test(test_esp_ota_get_last_invalid_partition_is_the_older_of_two),
        cmocka_unit_test(test_esp_ota_get_last_invalid_partition_needs_a_failed_record),
        cmocka_unit_test(test_esp_ota_get_last_invalid_partition_needs_an_intact_image),
        cmocka_unit_test(test_esp_ota_get_last_invalid_partition_skips_torn_records),
        cmocka_unit_test(test_esp_ota_get_last_invalid_partition_skips_blank_records),
        cmocka_unit_test(test_esp_ota_get_last_invalid_partition_needs_otadata),
        cmocka_unit_test(test_esp_ota_check_image_validity_checks_chip_and_mode),
        cmocka_unit_test(test_esp_ota_mark_app_valid_confirms_the_trial),
        cmocka_unit_test(test_esp_ota_mark_app_valid_acts_on_the_active_record),
        cmocka_unit_test(test_esp_ota_mark_needs_otadata),
        cmocka_unit_test(test_esp_ota_mark_fails_in_factory),
        cmocka_unit_test(test_esp_ota_mark_fails_without_slots),
        cmocka_unit_test(test_esp_ota_mark_reports_a_failing_flash),
        cmocka_unit_test(test_esp_ota_mark_invalid_reports_a_failing_flash),
        cmocka_unit_test(test_esp_ota_mark_app_valid_burns_the_secure_version),
        cmocka_unit_test(test_esp_ota_mark_app_valid_reports_a_version_too_large),
        cmocka_unit_test(test_esp_ota_mark_app_valid_reports_a_version_too_low),
        cmocka_unit_test(test_esp_ota_mark_app_valid_reports_a_missing_description),
        cmocka_unit_test(test_esp_ota_mark_app_invalid_goes_back),
        cmocka_unit_test(test_esp_ota_rollback_needs_an_app_to_go_to),
        cmocka_unit_test(test_esp_ota_check_rollback_takes_factory_without_another_record),
        cmocka_unit_test(test_esp_ota_check_rollback_takes_an_app_that_is_new_enough),
        cmocka_unit_test(test_esp_ota_invalidate_inactive_erases_its_record),
        cmocka_unit_test(test_esp_ota_erase_last_boot_app_erases_app_and_record),
        cmocka_unit_test(test_esp_ota_invalidate_inactive_needs_a_sound_record),
        cmocka_unit_test(test_esp_ota_invalidate_inactive_keeps_what_is_running),
        cmocka_unit_test(test_esp_ota_invalidate_inactive_reports_a_failing_flash),
        cmocka_unit_test(test_esp_ota_invalidate_inactive_may_not_write_read_only_otadata),
        cmocka_unit_test(test_esp_ota_erase_last_boot_app_may_not_write_to_read_only),
        cmocka_unit_test(test_esp_ota_revoke_needs_secure_boot),
        cmocka_unit_test(test_esp_ota_revoke_wants_a_key_that_exists),
        cmocka_unit_test(test_esp_app_get_description_is_the_running_apps),
        cmocka_unit_test(test_esp_app_get_description_of_no_image_is_empty),
        cmocka_unit_test(test_esp_app_get_elf_sha256_is_cut_to_what_fits),
        cmocka_unit_test(test_esp_efuse_secure_version_only_grows),
        cmocka_unit_test(test_esp_efuse_secure_version_survives_the_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
