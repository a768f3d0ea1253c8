/*
 * esp_https_ota_test.c - esp_https_ota as sdkconfig has it by default: whole image, TLS required.
 *
 * Each error of reference/https-ota.md, section 1, has a case here or in
 * esp_https_ota_partial_test.c and esp_https_ota_decrypt_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "esp_ota_ops.h"
#include "failing_flash.h"
#include "https_ota_world.h"
#include "test_image.h"

#define PAYLOAD      60000
#define IMAGE_SPACE  (PAYLOAD + 512)
#define CHIP_ID_OFF  12
#define SPI_MODE_OFF (32 + 181)

static uint8_t image[IMAGE_SPACE];
static size_t image_len;

/* ---- a heap that ends ---------------------------------------------------- */

static _Thread_local bool heap_ends; /* for this thread: the SDK's own have theirs to do */
static _Thread_local unsigned allocations_left;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool is_exhausted(void)
{
    return heap_ends && (allocations_left == 0 || allocations_left-- == 0);
}

void *__wrap_malloc(size_t size)
{
    return is_exhausted() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return is_exhausted() ? NULL : __real_calloc(n, size);
}

static void heap_ends_after(unsigned n_allocations)
{
    heap_ends = true;
    allocations_left = n_allocations;
}

/* ---- files ---------------------------------------------------------------- */

/* The image with one byte changed, as a file. */
static void write_changed(const char *name, size_t off, uint8_t value)
{
    uint8_t *copy = malloc(image_len);

    assert_non_null(copy);
    memcpy(copy, image, image_len);
    assert_int_not_equal(copy[off], value);
    copy[off] = value;
    http_world_write(&world, name, copy, image_len);
    free(copy);
}

static int group_setup(void **state)
{
    static uint8_t big[OTA_WORLD_SLOT + 8192], data[OTA_WORLD_STORAGE], bootloader[2048];

    (void)state;
    https_ota_world_start(NULL);
    image_len = test_image(image, "1.1.0", 0, PAYLOAD);
    assert_true(image_len > 0);
    http_world_write(&world, "app.bin", image, image_len);
    http_world_write(&world, "tiny.bin", image, 1000);
    http_world_write(&world, "truncated.bin", image, 40000);
    write_changed("other_chip.bin", CHIP_ID_OFF, 9);
    write_changed("damaged.bin", 30000, (uint8_t)(image[30000] ^ 1));
    write_changed("spi.bin", SPI_MODE_OFF, ESP_IMAGE_SPI_MODE_DOUT + 1);
    write_changed("no_desc.bin", 32, 0);
    write_changed("no_magic.bin", 0, 0);
    memcpy(big, image, image_len);
    http_world_write(&world, "big.bin", big, sizeof big);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    http_world_write(&world, "data.bin", data, sizeof data);
    memcpy(bootloader, image, 32);
    bootloader[32] = ESP_BOOTLOADER_DESC_MAGIC_BYTE;
    memcpy(bootloader + 32 + 8, "v5.5", 5);
    http_world_write(&world, "bootloader.bin", bootloader, sizeof bootloader);
    char html[4096];
    memset(html, ' ', sizeof html);
    memcpy(html, "<!DOCTYPE html><title>log in</title>", 36);
    http_world_write(&world, "login.html", html, sizeof html);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    https_ota_world_reset("/app.bin");
    return 0;
}

/* ---- the way it should go ------------------------------------------------------- */

static void test_https_ota_installs_and_selects_an_image(void **state)
{
    (void)state;
    assert_string_equal(ota_world_boot(), "factory");
    assert_int_equal(update("/app.bin"), ESP_OK);
    assert_string_equal(ota_world_boot(), "ota_1");
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_string_equal(ota_world_events('F'), "SCIRWUF");
    assert_int_equal(ota_world_event_value('I'), 5);
    assert_int_equal(ota_world_event_value('R'), 0);
    assert_int_equal(ota_world_event_value('W'), image_len);
    assert_int_equal(ota_world_event_value('U'), ESP_PARTITION_SUBTYPE_APP_OTA_1);
    assert_int_equal(http_world_request_count(&world), 1);
}

static void test_https_ota_goes_step_by_step(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    begin("/app.bin");
    assert_int_equal(esp_https_ota_get_status_code(handle), 200);
    assert_int_equal(esp_https_ota_get_image_size(handle), image_len);
    assert_int_equal(esp_https_ota_get_image_len_read(handle), -1);
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_OK);
    assert_string_equal(desc.version, "1.1.0");
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_OK); /* from memory */
    assert_string_equal(desc.version, "1.1.0");
    assert_true(ota_world_is_blank("ota_1"));
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_get_image_len_read(handle), 1024);
    assert_false(esp_https_ota_is_complete_data_received(handle));
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_get_image_len_read(handle), 2048);
    assert_int_equal(perform_all(), ESP_OK);
    assert_true(esp_https_ota_is_complete_data_received(handle));
    assert_int_equal(esp_https_ota_get_image_len_read(handle), image_len);
    assert_int_equal(esp_https_ota_perform(handle), ESP_FAIL); /* it is done */
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_string_equal(ota_world_events('F'), "SCDIRWUF");
}

static void test_https_ota_reads_buffer_size_at_once(void **state)
{
    (void)state;
    http.buffer_size = 4096;
    begin("/app.bin");
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_get_image_len_read(handle), 1024 + 4096);
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
}

static void test_https_ota_bulk_erase_clears_the_image_length_first(void **state)
{
    (void)state;
    config.bulk_flash_erase = true;
    assert_int_equal(update("/app.bin"), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    ota_world_reset();
    assert_int_equal(update("/app.bin?chunked=1"), ESP_OK); /* length unknown: all of it */
    assert_true(ota_world_holds("ota_1", image, image_len));
}

static void test_https_ota_takes_a_chunked_image(void **state)
{
    (void)state;
    begin("/app.bin?chunked=1");
    assert_int_equal(esp_https_ota_get_image_size(handle), -1);
    assert_int_equal(perform_all(), ESP_OK);
    assert_true(esp_https_ota_is_complete_data_received(handle));
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_string_equal(ota_world_boot(), "ota_1");
}

static esp_err_t add_header(esp_http_client_handle_t client)
{
    return esp_http_client_set_header(client, "X-Device", "24:0a:c4:00:00:01");
}

static esp_err_t refuse(esp_http_client_handle_t client)
{
    (void)client;
    return ESP_ERR_NOT_FINISHED;
}

static void test_https_ota_init_callback_adds_headers_or_refuses(void **state)
{
    (void)state;
    config.http_client_init_cb = add_header;
    assert_int_equal(update("/app.bin"), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_header(requests, 0, "x-device"), "24:0a:c4:00:00:01");
    cJSON_Delete(requests);
    config.http_client_init_cb = refuse;
    assert_int_equal(begin_fails("/app.bin"), ESP_ERR_NOT_FINISHED);
    assert_int_equal(http_world_request_count(&world), 1);
}

static esp_err_t post(esp_http_client_handle_t client)
{
    esp_err_t err = esp_http_client_set_method(client, HTTP_METHOD_POST);
    return err == ESP_OK ? esp_http_client_set_post_field(client, "{\"v\":1}", 7) : err;
}

static void test_https_ota_posts_the_clients_body(void **state)
{
    (void)state;
    config.http_client_init_cb = post;
    assert_int_equal(update("/app.bin"), ESP_OK);
    cJSON *requests = http_world_requests(&world);
    assert_string_equal(http_world_text(requests, 0, "method"), "POST");
    assert_string_equal(http_world_text(requests, 0, "body"), "{\"v\":1}");
    cJSON_Delete(requests);
}

/* ---- begin refuses ------------------------------------------------------------------ */

static void test_https_ota_begin_needs_its_arguments(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota_begin(NULL, &handle), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_https_ota_begin(&config, NULL), ESP_ERR_INVALID_ARG);
    config.http_config = NULL;
    assert_int_equal(begin_fails("/app.bin"), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_https_ota(&config), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_https_ota(NULL), ESP_ERR_INVALID_ARG);
    assert_string_equal(ota_world_events('S'), "S"); /* START comes even so */
}

static void test_https_ota_begin_needs_a_way_to_verify_the_server(void **state)
{
    (void)state;
    http.cert_pem = NULL;
    assert_int_equal(begin_fails("/app.bin"), ESP_ERR_INVALID_ARG);
    assert_int_equal(http_world_request_count(&world), 0);
}

static void test_https_ota_begin_needs_a_client(void **state)
{
    (void)state;
    http.url = "no url";
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_FAIL);
    assert_null(handle);
}

static void test_https_ota_begin_translates_statuses(void **state)
{
    (void)state;
    static const struct {
        int status;
        esp_err_t err;
    } cases[] = {
        {304, ESP_ERR_HTTP_NOT_MODIFIED},
        {416, ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE},
        {400, ESP_FAIL},
        {403, ESP_FAIL},
        {404, ESP_FAIL},
        {410, ESP_FAIL},
        {500, ESP_FAIL},
        {503, ESP_FAIL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/app.bin?status=%d", cases[i].status);
        assert_int_equal(begin_fails(path), cases[i].err);
    }
    assert_int_equal(http_world_request_count(&world), 8); /* nothing is retried */
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_begin_reports_the_connection(void **state)
{
    (void)state;
    http.timeout_ms = 200;
    assert_int_equal(begin_fails("/app.bin?hang_headers=1"), ESP_ERR_HTTP_EAGAIN);
    assert_int_equal(begin_fails("/app.bin?close_headers=1"), ESP_FAIL);
    http.url = "https://127.0.0.1:1/app.bin";
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_ERR_HTTP_CONNECT);
    http.buffer_size_tx = 16;
    assert_int_equal(begin_fails("/app.bin?x=0123456789"), ESP_FAIL);
}

static void test_https_ota_begin_follows_redirects(void **state)
{
    (void)state;
    static const int statuses[] = {301, 302, 303, 307, 308};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/x?redirect=%%2Fapp.bin&redirect_status=%d", statuses[i]);
        assert_int_equal(update(path), ESP_OK);
    }
    assert_int_equal(begin_fails("/x?loop=1"), ESP_ERR_HTTP_MAX_REDIRECT);
    assert_int_equal(http_world_request_count(&world), 10 + 11);
    assert_int_equal(begin_fails("/x?redirect=http%3A%2F%2F127.0.0.1%3A{plain_port}%2Fapp.bin"),
                     ESP_ERR_HTTP_REDIRECT_DOWNGRADE);
}

static void test_https_ota_begin_answers_401(void **state)
{
    (void)state;
    http.username = "user";
    http.password = "secret";
    assert_int_equal(update("/app.bin?auth=basic"), ESP_OK);
    assert_int_equal(update("/app.bin?auth=digest"), ESP_OK);
    assert_int_equal(http_world_request_count(&world), 4);
    http.password = "wrong";
    assert_int_equal(begin_fails("/app.bin?auth=basic"), ESP_FAIL);
    assert_int_equal(http_world_request_count(&world), 4 + 11);
    http.max_authorization_retries = -1;
    assert_int_equal(begin_fails("/app.bin?auth=basic"), ESP_FAIL);
    assert_int_equal(http_world_request_count(&world), 4 + 11 + 1);
}

static void test_https_ota_begin_needs_existing_partitions(void **state)
{
    (void)state;
    esp_partition_t moved = *ota_world_partition("ota_1");
    moved.address += 0x1000;
    config.partition.staging = &moved;
    assert_int_equal(begin_fails("/app.bin"), ESP_FAIL);
    config.partition.staging = NULL;
    config.partition.final = &moved;
    assert_int_equal(begin_fails("/app.bin"), ESP_FAIL);
}

/* ---- the description ------------------------------------------------------------------ */

static esp_err_t desc_of(const char *path)
{
    esp_app_desc_t desc;
    begin(path);
    esp_err_t err = esp_https_ota_get_img_desc(handle, &desc);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    return err;
}

static void test_https_ota_get_img_desc_refuses_what_has_none(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    assert_int_equal(esp_https_ota_get_img_desc(NULL, &desc), ESP_ERR_INVALID_ARG);
    begin("/app.bin");
    assert_int_equal(esp_https_ota_get_img_desc(handle, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    assert_int_equal(desc_of("/tiny.bin"), ESP_FAIL);
    assert_int_equal(desc_of("/no_desc.bin"), ESP_FAIL);
    assert_int_equal(desc_of("/login.html"), ESP_FAIL);
    assert_int_equal(desc_of("/app.bin?close_after=500"), ESP_FAIL);
    config.partition.final = ota_world_partition("storage");
    assert_int_equal(desc_of("/app.bin"), ESP_FAIL);
}

static void test_https_ota_get_img_desc_does_not_wait_for_ever(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    http.timeout_ms = 200;
    begin("/app.bin?hang_after=500");
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_FAIL);
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
}

static void test_https_ota_get_bootloader_img_desc_reads_a_bootloaders(void **state)
{
    (void)state;
    esp_bootloader_desc_t desc;
    assert_int_equal(esp_https_ota_get_bootloader_img_desc(NULL, &desc), ESP_ERR_INVALID_ARG);
    config.partition.final = ota_world_partition("boot_spare");
    begin("/bootloader.bin");
    assert_int_equal(esp_https_ota_get_bootloader_img_desc(handle, &desc), ESP_OK);
    assert_string_equal(desc.idf_ver, "v5.5");
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    begin("/app.bin");
    assert_int_equal(esp_https_ota_get_bootloader_img_desc(handle, &desc), ESP_FAIL);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
}

/* ---- perform refuses ---------------------------------------------------------------------- */

static void test_https_ota_perform_refuses_foreign_images(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota_perform(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(update("/other_chip.bin"), ESP_ERR_INVALID_VERSION);
    assert_int_equal(update("/login.html"), ESP_ERR_INVALID_VERSION);
    assert_int_equal(update("/spi.bin"), ESP_ERR_OTA_SPI_MODE_MISMATCH);
    assert_int_equal(update("/no_magic.bin"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_int_equal(update("/tiny.bin"), ESP_FAIL);
    assert_string_equal(ota_world_boot(), "factory");
    assert_true(ota_world_is_blank("ota_1"));
}

static void test_https_ota_perform_refuses_an_image_larger_than_the_slot(void **state)
{
    (void)state;
    assert_int_equal(update("/big.bin"), ESP_ERR_INVALID_SIZE);
    config.bulk_flash_erase = true;
    assert_int_equal(update("/big.bin"), ESP_ERR_INVALID_SIZE);
    assert_string_equal(ota_world_boot(), "factory");
    assert_int_equal(update("/app.bin"), ESP_OK); /* no session was left open */
}

static void test_https_ota_perform_passes_on_what_begin_of_a_session_says(void **state)
{
    (void)state;
    esp_ota_handle_t other;
    config.partition.staging = ota_world_partition("ota_0");
    assert_int_equal(update("/app.bin"), ESP_ERR_OTA_PARTITION_CONFLICT);
    config.partition.staging = ota_world_partition("factory");
    assert_int_equal(update("/app.bin"), ESP_ERR_INVALID_ARG);
    config.partition.staging = NULL;
    assert_int_equal(esp_ota_begin(ota_world_partition("ota_1"), OTA_WITH_SEQUENTIAL_WRITES, &other), ESP_OK);
    assert_int_equal(update("/app.bin"), ESP_ERR_OTA_ALREADY_IN_PROGRESS);
    assert_int_equal(esp_ota_abort(other), ESP_OK);
    assert_int_equal(update("/app.bin"), ESP_OK);
}

static void test_https_ota_perform_refuses_while_the_running_app_is_on_trial(void **state)
{
    (void)state;
    /* Sequence number 1 is ota_0, PENDING_VERIFY; its CRC from the vectors. */
    static const uint8_t record[32] = {1,    0,    0,    0,    0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                       0xFF, 0xFF, 1,    0,    0,    0,    0x9A, 0x98, 0x43, 0x47};
    assert_int_equal(esp_partition_write(ota_world_partition("otadata"), 0, record, sizeof record), ESP_OK);
    assert_int_equal(update("/app.bin"), ESP_ERR_OTA_ROLLBACK_INVALID_STATE);
}

static void test_https_ota_perform_fails_when_the_connection_ends(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?close_after=30000"), ESP_FAIL);
    assert_string_equal(ota_world_events('A'), "SCIRWA");
    assert_int_equal(update("/app.bin?length=70000"), ESP_FAIL);
    assert_int_equal(update("/app.bin?chunked=1&close_after=30000"), ESP_FAIL);
    begin("/app.bin?close_after=30000");
    assert_int_equal(perform_all(), ESP_FAIL);
    assert_false(esp_https_ota_is_complete_data_received(handle));
    assert_int_equal(esp_https_ota_get_image_len_read(handle), 30000);
    assert_int_equal(esp_https_ota_finish(handle), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_perform_goes_on_after_a_silence(void **state)
{
    (void)state;
    http.timeout_ms = 100;
    begin("/app.bin?hang_after=5000");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    }
    assert_int_equal(esp_https_ota_get_image_len_read(handle), 5000);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
}

static void test_https_ota_begin_reports_no_memory(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2; n++) { /* the handle, its buffer */
        heap_ends_after(n);
        esp_err_t err = esp_https_ota_begin(&config, &handle);
        heap_ends = false;
        assert_int_equal(err, ESP_ERR_NO_MEM);
        assert_null(handle);
        heap_ends_after(n);
        err = esp_https_ota(&config);
        heap_ends = false;
        assert_int_equal(err, ESP_ERR_NO_MEM);
    }
    assert_int_equal(http_world_request_count(&world), 0);
    assert_int_equal(update("/app.bin"), ESP_OK); /* nothing was left over */
}

/* The session's memory, whichever allocation of the first call that is. */
static void test_https_ota_perform_reports_no_memory(void **state)
{
    (void)state;
    bool reported = false;
    for (unsigned n = 0; n < 100; n++) {
        begin("/app.bin");
        heap_ends_after(n);
        esp_err_t err = esp_https_ota_perform(handle);
        heap_ends = false;
        assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
        reported |= err == ESP_ERR_NO_MEM;
        if (err == ESP_ERR_HTTPS_OTA_IN_PROGRESS) {
            break;
        }
    }
    assert_true(reported);
    assert_string_equal(ota_world_boot(), "factory");
    assert_int_equal(update("/app.bin"), ESP_OK); /* no session was left open */
}

static void test_https_ota_perform_passes_on_that_the_flash_fails(void **state)
{
    (void)state;
    for (unsigned n = 1; n <= 2; n++) { /* the erase, the program */
        begin("/app.bin");
        fail_ops_from(n);
        assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_FLASH_OP_FAIL);
        fail_ops_from(0);
        assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    }
    config.bulk_flash_erase = true;
    begin("/app.bin");
    fail_ops_from(1);
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_FLASH_OP_FAIL);
    fail_ops_from(0);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    assert_int_equal(update("/app.bin"), ESP_OK); /* no session was left open */
}

/* ---- finish and abort -------------------------------------------------------------------------- */

static void test_https_ota_finish_refuses_a_bad_image(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota_finish(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(update("/damaged.bin"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_int_equal(update("/truncated.bin"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_int_equal(update("/app.bin?length=50000"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_int_equal(update("/app.bin?next_body=damaged.bin&change_after=20000"),
                     ESP_ERR_OTA_VALIDATE_FAILED);
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_finish_passes_on_that_the_flash_fails(void **state)
{
    (void)state;
    begin("/app.bin");
    assert_int_equal(perform_all(), ESP_OK);
    fail_ops_from(1); /* the OTA data */
    assert_int_equal(esp_https_ota_finish(handle), ESP_ERR_FLASH_OP_FAIL);
    fail_ops_from(0);
    assert_string_equal(ota_world_boot(), "factory");
    config.partition.staging = ota_world_partition("download");
    config.partition.final = ota_world_partition("storage");
    config.partition.finalize_with_copy = true;
    begin("/data.bin");
    assert_int_equal(perform_all(), ESP_OK);
    fail_ops_from(1); /* the copy */
    assert_int_equal(esp_https_ota_finish(handle), ESP_ERR_FLASH_OP_FAIL);
    fail_ops_from(0);
}

static void test_https_ota_finish_early_selects_nothing(void **state)
{
    (void)state;
    begin("/app.bin");
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_string_equal(ota_world_boot(), "factory");
    begin("/app.bin");
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_finish(handle), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_string_equal(ota_world_boot(), "factory");
    /* All of it is written, but perform has not said so. */
    http.buffer_size = IMAGE_SPACE;
    begin("/app.bin");
    while (esp_https_ota_get_image_len_read(handle) < (int)image_len) {
        assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    }
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_string_equal(ota_world_boot(), "factory");
    assert_null(strchr(ota_world_events('F'), 'U'));
}

static void test_https_ota_abort_frees_at_any_time(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota_abort(NULL), ESP_ERR_INVALID_ARG);
    assert_string_equal(ota_world_events('A'), "A");
    begin("/app.bin");
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    begin("/app.bin");
    assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, 1024)); /* left as it was */
    begin("/app.bin");
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    assert_string_equal(ota_world_boot(), "factory");
    assert_int_equal(update("/app.bin"), ESP_OK);
}

static void test_https_ota_getters_want_a_handle(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota_get_status_code(NULL), -1);
    assert_int_equal(esp_https_ota_get_image_size(NULL), -1);
    assert_int_equal(esp_https_ota_get_image_len_read(NULL), -1);
    assert_false(esp_https_ota_is_complete_data_received(NULL));
}

/* ---- resumption ------------------------------------------------------------------------------------ */

/* What an interrupted download left in ota_1. */
static void have_written(size_t len)
{
    const esp_partition_t *slot = ota_world_partition("ota_1");

    assert_int_equal(esp_partition_write(slot, 0, image, len), ESP_OK);
    config.ota_resumption = true;
    config.ota_image_bytes_written = len;
}

static const char *range_of(int i)
{
    static char range[64];
    cJSON *requests = http_world_requests(&world);
    (void)snprintf(range, sizeof range, "%s", http_world_header(requests, i, "range"));
    cJSON_Delete(requests);
    return range;
}

static void test_https_ota_resumes_where_it_stopped(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    have_written(24576);
    begin("/app.bin");
    assert_string_equal(range_of(0), "bytes=24576-");
    assert_int_equal(esp_https_ota_get_status_code(handle), 206);
    assert_int_equal(esp_https_ota_get_image_size(handle), image_len - 24576);
    assert_int_equal(esp_https_ota_get_image_len_read(handle), 24576);
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_OK); /* from flash */
    assert_string_equal(desc.version, "1.1.0");
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_get_image_len_read(handle), image_len);
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_string_equal(ota_world_boot(), "ota_1");
    assert_string_equal(ota_world_events('F'), "SCDWUF"); /* the header was checked the first time */
}

static void test_https_ota_get_img_desc_passes_on_that_the_flash_fails(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    have_written(24576);
    begin("/app.bin");
    fail_reads_from(1);
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_ERR_FLASH_OP_FAIL);
    fail_reads_from(0);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
}

static void test_https_ota_resumes_after_a_real_interruption(void **state)
{
    (void)state;
    config.ota_resumption = true;
    begin("/app.bin?close_after=30000");
    assert_string_equal(range_of(0), "bytes=0-"); /* to learn whether the server can */
    assert_int_equal(perform_all(), ESP_FAIL);
    config.ota_image_bytes_written = (size_t)esp_https_ota_get_image_len_read(handle) / 4096 * 4096;
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
    /* The last sector is partly written; resuming at its start erases it again. */
    assert_int_equal(config.ota_image_bytes_written, 28672);
    begin("/app.bin");
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
}

static void test_https_ota_does_not_resume_less_than_a_header(void **state)
{
    (void)state;
    have_written(1000);
    begin("/app.bin");
    assert_string_equal(range_of(0), "bytes=0-");
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
}

static void test_https_ota_restarts_when_the_server_cannot_resume(void **state)
{
    (void)state;
    static const char *const paths[] = {"/app.bin?ranges=ignore", "/app.bin?ranges=refuse"};
    for (size_t i = 0; i < 2; i++) {
        setup(NULL);
        have_written(24576);
        begin(paths[i]);
        assert_int_equal(http_world_request_count(&world), 2);
        assert_string_equal(range_of(0), "bytes=24576-");
        assert_string_equal(range_of(1), "");
        assert_int_equal(esp_https_ota_get_image_size(handle), image_len);
        assert_int_equal(perform_all(), ESP_OK);
        assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
        assert_true(ota_world_holds("ota_1", image, image_len));
    }
}

static void test_https_ota_resuming_past_the_end_restarts(void **state)
{
    (void)state;
    have_written(image_len);
    begin("/app.bin");
    assert_int_equal(http_world_request_count(&world), 2);
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
}

static void test_https_ota_in_one_call_does_not_resume(void **state)
{
    (void)state;
    config.ota_resumption = true;
    assert_int_equal(esp_https_ota(&config), ESP_ERR_NOT_SUPPORTED);
    assert_int_equal(http_world_request_count(&world), 0);
}

/* ---- other partitions -------------------------------------------------------------------------------- */

static void test_https_ota_writes_data_partitions(void **state)
{
    (void)state;
    static uint8_t data[OTA_WORLD_STORAGE];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    config.partition.staging = ota_world_partition("download");
    config.partition.final = ota_world_partition("storage");
    assert_int_equal(update("/data.bin"), ESP_OK);
    assert_true(ota_world_holds("download", data, sizeof data));
    assert_true(ota_world_is_blank("storage"));
    config.partition.finalize_with_copy = true;
    assert_int_equal(update("/data.bin"), ESP_OK);
    assert_true(ota_world_holds("storage", data, sizeof data));
    assert_string_equal(ota_world_boot(), "factory");
    assert_string_equal(ota_world_events('F'), "SCWFSCWF"); /* no header to check, nothing to boot */
}

static void test_https_ota_staging_may_be_final_too(void **state)
{
    (void)state;
    config.partition.staging = ota_world_partition("ota_1");
    config.partition.final = ota_world_partition("ota_1");
    config.partition.finalize_with_copy = true;
    assert_int_equal(update("/app.bin"), ESP_OK);
    assert_string_equal(ota_world_boot(), "ota_1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_https_ota_installs_and_selects_an_image, setup),
        cmocka_unit_test_setup(test_https_ota_goes_step_by_step, setup),
        cmocka_unit_test_setup(test_https_ota_reads_buffer_size_at_once, setup),
        cmocka_unit_test_setup(test_https_ota_bulk_erase_clears_the_image_length_first, setup),
        cmocka_unit_test_setup(test_https_ota_takes_a_chunked_image, setup),
        cmocka_unit_test_setup(test_https_ota_init_callback_adds_headers_or_refuses, setup),
        cmocka_unit_test_setup(test_https_ota_posts_the_clients_body, setup),
        cmocka_unit_test_setup(test_https_ota_begin_needs_its_arguments, setup),
        cmocka_unit_test_setup(test_https_ota_begin_needs_a_way_to_verify_the_server, setup),
        cmocka_unit_test_setup(test_https_ota_begin_needs_a_client, setup),
        cmocka_unit_test_setup(test_https_ota_begin_translates_statuses, setup),
        cmocka_unit_test_setup(test_https_ota_begin_reports_the_connection, setup),
        cmocka_unit_test_setup(test_https_ota_begin_follows_redirects, setup),
        cmocka_unit_test_setup(test_https_ota_begin_answers_401, setup),
        cmocka_unit_test_setup(test_https_ota_begin_needs_existing_partitions, setup),
        cmocka_unit_test_setup(test_https_ota_get_img_desc_refuses_what_has_none, setup),
        cmocka_unit_test_setup(test_https_ota_get_img_desc_does_not_wait_for_ever, setup),
        cmocka_unit_test_setup(test_https_ota_get_bootloader_img_desc_reads_a_bootloaders, setup),
        cmocka_unit_test_setup(test_https_ota_perform_refuses_foreign_images, setup),
        cmocka_unit_test_setup(test_https_ota_perform_refuses_an_image_larger_than_the_slot, setup),
        cmocka_unit_test_setup(test_https_ota_perform_passes_on_what_begin_of_a_session_says, setup),
        cmocka_unit_test_setup(test_https_ota_perform_refuses_while_the_running_app_is_on_trial, setup),
        cmocka_unit_test_setup(test_https_ota_perform_fails_when_the_connection_ends, setup),
        cmocka_unit_test_setup(test_https_ota_perform_goes_on_after_a_silence, setup),
        cmocka_unit_test_setup(test_https_ota_begin_reports_no_memory, setup),
        cmocka_unit_test_setup(test_https_ota_perform_reports_no_memory, setup),
        cmocka_unit_test_setup(test_https_ota_perform_passes_on_that_the_flash_fails, setup),
        cmocka_unit_test_setup(test_https_ota_finish_refuses_a_bad_image, setup),
        cmocka_unit_test_setup(test_https_ota_finish_passes_on_that_the_flash_fails, setup),
        cmocka_unit_test_setup(test_https_ota_finish_early_selects_nothing, setup),
        cmocka_unit_test_setup(test_https_ota_abort_frees_at_any_time, setup),
        cmocka_unit_test_setup(test_https_ota_getters_want_a_handle, setup),
        cmocka_unit_test_setup(test_https_ota_resumes_where_it_stopped, setup),
        cmocka_unit_test_setup(test_https_ota_get_img_desc_passes_on_that_the_flash_fails, setup),
        cmocka_unit_test_setup(test_https_ota_resumes_after_a_real_interruption, setup),
        cmocka_unit_test_setup(test_https_ota_does_not_resume_less_than_a_header, setup),
        cmocka_unit_test_setup(test_https_ota_restarts_when_the_server_cannot_resume, setup),
        cmocka_unit_test_setup(test_https_ota_resuming_past_the_end_restarts, setup),
        cmocka_unit_test_setup(test_https_ota_in_one_call_does_not_resume, setup),
        cmocka_unit_test_setup(test_https_ota_writes_data_partitions, setup),
        cmocka_unit_test_setup(test_https_ota_staging_may_be_final_too, setup),
    };
    return cmocka_run_group_tests_name("esp_https_ota", tests, group_setup, https_ota_world_stop);
}
