/*
 * esp_https_ota_partial_test.c - esp_https_ota in ranges, over plain HTTP where it is allowed,
 * on a device with anti-rollback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "airlift_sdkconfig.h"
#include "esp_ota_ops.h"
#include "https_ota_world.h"
#include "test_image.h"

#define PAYLOAD 60000
#define RANGE   16384

const struct airlift_sdkconfig airlift_sdkconfig = {
    .esp_https_ota_allow_http = true,
    .esp_https_ota_partial_download = true,
    .esp_https_ota_verify_spi_mode = false,
    .esp_https_ota_event_post_timeout_ms = 2000,
    .app_retrieve_len_elf_sha = 9,
    .freertos_hz = 100,
    .log_default_level = 3,
};

static uint8_t image[PAYLOAD + 512], old_image[PAYLOAD + 512];
static size_t image_len;

static int group_setup(void **state)
{
    (void)state;
    https_ota_world_start(
        "{\"chip\":\"esp32c3\",\"rollback\":true,\"anti_rollback\":true,\"secure_version\":1}");
    image_len = test_image(image, "1.1.0", 1, PAYLOAD);
    assert_true(image_len > 0 && image_len < 4 * RANGE);
    http_world_write(&world, "app.bin", image, image_len);
    assert_int_equal(test_image(old_image, "0.9.0", 0, PAYLOAD), image_len);
    http_world_write(&world, "old.bin", old_image, image_len);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    https_ota_world_reset("/app.bin");
    config.partial_http_download = true;
    config.max_http_request_size = RANGE;
    return 0;
}

/* The requests so far, as "HEAD - GET bytes=0-1 ..." */
static const char *asked(void)
{
    static char text[512];
    cJSON *requests = http_world_requests(&world);
    size_t n = 0;

    text[0] = '\0';
    for (int i = 0; i < cJSON_GetArraySize(requests); i++) {
        const char *range = http_world_header(requests, i, "range");
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s %s", i > 0 ? " " : "",
                              http_world_text(requests, i, "method"), range[0] != '\0' ? range : "-");
    }
    cJSON_Delete(requests);
    return text;
}

static int connections(void)
{
    cJSON *requests = http_world_requests(&world);
    int n = http_world_number(requests, -1, "connection") - http_world_number(requests, 0, "connection") + 1;

    cJSON_Delete(requests);
    return n;
}

/* ---- ranges ------------------------------------------------------------------------ */

static void test_https_ota_partial_fetches_ranges_over_one_connection(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin"), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_string_equal(ota_world_boot(), "ota_1");
    assert_string_equal(asked(), "HEAD - GET bytes=0-16383 GET bytes=16384-32767 GET bytes=32768-49151 "
                                 "GET bytes=49152-");
    assert_int_equal(connections(), 1);
    assert_string_equal(ota_world_events('F'), "SCIRWUF");
}

static void test_https_ota_partial_reconnects_when_the_server_closes(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?close=1"), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_true(connections() > 4);
}

static void test_https_ota_partial_asks_for_64_kib_by_default(void **state)
{
    (void)state;
    config.max_http_request_size = 0;
    assert_int_equal(update("/app.bin"), ESP_OK);
    assert_string_equal(asked(), "HEAD - GET -"); /* it all fits in one: no range */
}

static void test_https_ota_partial_knows_size_and_completeness(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    begin("/app.bin");
    assert_int_equal(esp_https_ota_get_image_size(handle), image_len);
    assert_int_equal(esp_https_ota_get_status_code(handle), 206);
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_OK);
    while (esp_https_ota_get_image_len_read(handle) < RANGE) {
        assert_int_equal(esp_https_ota_perform(handle), ESP_ERR_HTTPS_OTA_IN_PROGRESS);
    }
    assert_false(esp_https_ota_is_complete_data_received(handle)); /* of the image, not of the range */
    assert_int_equal(perform_all(), ESP_OK);
    assert_true(esp_https_ota_is_complete_data_received(handle));
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
}

static void test_https_ota_partial_does_without_head(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?head=403"), ESP_OK);
    assert_string_equal(asked(), "HEAD - GET bytes=0-0 GET bytes=0-16383 GET bytes=16384-32767 "
                                 "GET bytes=32768-49151 GET bytes=49152-");
    assert_true(ota_world_holds("ota_1", image, image_len));
}

static void test_https_ota_partial_takes_the_length_of_a_200_too(void **state)
{
    (void)state;
    config.max_http_request_size = 65536; /* the server knows no ranges, and need not */
    assert_int_equal(update("/app.bin?head=405&ranges=ignore"), ESP_OK);
    assert_string_equal(asked(), "HEAD - GET bytes=0-0 GET -");
    assert_true(ota_world_holds("ota_1", image, image_len));
}

/* ---- what fails ----------------------------------------------------------------------- */

static void test_https_ota_partial_begin_needs_the_length(void **state)
{
    (void)state;
    assert_int_equal(begin_fails("/app.bin?chunked=1"), ESP_FAIL);
    assert_int_equal(begin_fails("/app.bin?head=403&status=404"), ESP_FAIL);
    assert_int_equal(begin_fails("/app.bin?head=403&chunked=1&ranges=ignore"), ESP_FAIL);
    assert_int_equal(begin_fails("/app.bin?head=304"), ESP_ERR_HTTP_NOT_MODIFIED);
    assert_int_equal(begin_fails("/app.bin?loop=1"), ESP_ERR_HTTP_MAX_REDIRECT);
    http.timeout_ms = 200;
    assert_int_equal(begin_fails("/app.bin?hang_headers=1"), ESP_ERR_HTTP_EAGAIN);
    http.url = "https://127.0.0.1:1/";
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_ERR_HTTP_CONNECT);
}

static void test_https_ota_partial_perform_fails_when_a_range_does(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?status=503&skip=2"), ESP_FAIL);
    ota_world_reset();
    assert_int_equal(update("/app.bin?close_headers=1&skip=2"), ESP_FAIL);
    ota_world_reset();
    assert_int_equal(update("/app.bin?close_after=100&skip=2"), ESP_FAIL);
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_partial_later_range_answered_200_fails_verification(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?ranges=ignore&skip=1"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_partial_shifted_range_fails_verification(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?ranges=lying&skip=1&times=1"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_partial_file_changed_between_ranges_fails_verification(void **state)
{
    (void)state;
    assert_int_equal(update("/app.bin?next_body=old.bin&change_next=1"), ESP_ERR_OTA_VALIDATE_FAILED);
    assert_string_equal(ota_world_boot(), "factory");
}

/* ---- resumption --------------------------------------------------------------------------- */

static void have_written(size_t len)
{
    assert_int_equal(esp_partition_write(ota_world_partition("ota_1"), 0, image, len), ESP_OK);
    config.ota_resumption = true;
    config.ota_image_bytes_written = len;
}

static void finish_and_compare(void)
{
    assert_int_equal(perform_all(), ESP_OK);
    assert_int_equal(esp_https_ota_finish(handle), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_string_equal(ota_world_boot(), "ota_1");
}

static void test_https_ota_partial_resumes_in_ranges(void **state)
{
    (void)state;
    have_written(24576);
    begin("/app.bin");
    assert_int_equal(esp_https_ota_get_image_size(handle), image_len);
    finish_and_compare();
    assert_string_equal(asked(), "HEAD - GET bytes=24576-40959 GET bytes=40960-57343 GET bytes=57344-");
}

static void test_https_ota_partial_last_range_ends_one_past_the_image(void **state)
{
    (void)state;
    char expected[64];
    have_written(57344);
    begin("/app.bin");
    finish_and_compare();
    (void)snprintf(expected, sizeof expected, "HEAD - GET bytes=57344-%zu", image_len);
    assert_string_equal(asked(), expected);
}

static void test_https_ota_partial_restarts_when_the_range_is_refused(void **state)
{
    (void)state;
    have_written(24576);
    begin("/app.bin?ranges=refuse&times=1");
    finish_and_compare();
    assert_string_equal(asked(), "HEAD - GET bytes=24576-40959 GET bytes=0-16383 GET bytes=16384-32767 "
                                 "GET bytes=32768-49151 GET bytes=49152-");
    setup(NULL);
    config.max_http_request_size = 0; /* one range would hold it all: then there is none */
    have_written(image_len);
    begin("/app.bin");
    finish_and_compare();
}

/* ---- plain HTTP, old images ------------------------------------------------------------------ */

static void test_https_ota_allow_http_takes_an_unverified_server(void **state)
{
    (void)state;
    http.cert_pem = NULL;
    http.url = http_world_plain_url(&world, "/app.bin");
    assert_int_equal(esp_https_ota(&config), ESP_OK);
    assert_string_equal(ota_world_boot(), "ota_1");
    assert_int_equal(update("/app.bin"), ESP_ERR_HTTP_CONNECT); /* https still needs trust */
}

static void test_https_ota_partial_is_optional(void **state)
{
    (void)state;
    config.partial_http_download = false;
    assert_int_equal(update("/app.bin"), ESP_OK);
    assert_string_equal(asked(), "GET -");
}

static void test_https_ota_finish_refuses_too_old_a_secure_version(void **state)
{
    (void)state;
    assert_int_equal(update("/old.bin"), ESP_ERR_OTA_SMALL_SEC_VER);
    assert_string_equal(ota_world_boot(), "factory");
    assert_null(strchr(ota_world_events('F'), 'U'));
    assert_int_equal(update("/app.bin"), ESP_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_https_ota_partial_fetches_ranges_over_one_connection, setup),
        cmocka_unit_test_setup(test_https_ota_partial_reconnects_when_the_server_closes, setup),
        cmocka_unit_test_setup(test_https_ota_partial_asks_for_64_kib_by_default, setup),
        cmocka_unit_test_setup(test_https_ota_partial_knows_size_and_completeness, setup),
        cmocka_unit_test_setup(test_https_ota_partial_does_without_head, setup),
        cmocka_unit_test_setup(test_https_ota_partial_takes_the_length_of_a_200_too, setup),
        cmocka_unit_test_setup(test_https_ota_partial_begin_needs_the_length, setup),
        cmocka_unit_test_setup(test_https_ota_partial_perform_fails_when_a_range_does, setup),
        cmocka_unit_test_setup(test_https_ota_partial_later_range_answered_200_fails_verification, setup),
        cmocka_unit_test_setup(test_https_ota_partial_shifted_range_fails_verification, setup),
        cmocka_unit_test_setup(test_https_ota_partial_file_changed_between_ranges_fails_verification, setup),
        cmocka_unit_test_setup(test_https_ota_partial_resumes_in_ranges, setup),
        cmocka_unit_test_setup(test_https_ota_partial_last_range_ends_one_past_the_image, setup),
        cmocka_unit_test_setup(test_https_ota_partial_restarts_when_the_range_is_refused, setup),
        cmocka_unit_test_setup(test_https_ota_allow_http_takes_an_unverified_server, setup),
        cmocka_unit_test_setup(test_https_ota_partial_is_optional, setup),
        cmocka_unit_test_setup(test_https_ota_finish_refuses_too_old_a_secure_version, setup),
    };
    return cmocka_run_group_tests_name("esp_https_ota_partial", tests, group_setup, https_ota_world_stop);
}
