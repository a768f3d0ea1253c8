/* esp_https_ota_decrypt_test.c - esp_https_ota with CONFIG_ESP_HTTPS_OTA_DECRYPT_CB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "airlift_sdkconfig.h"
#include "https_ota_world.h"
#include "test_image.h"

#define PAYLOAD 60000
#define PREFIX  512 /* bytes in front of the encrypted image */
#define KEY     0x5A

const struct airlift_sdkconfig airlift_sdkconfig = {
    .esp_https_ota_decrypt_cb = true,
    .esp_https_ota_partial_download = true,
    .esp_https_ota_verify_spi_mode = true,
    .esp_https_ota_event_post_timeout_ms = 2000,
    .app_retrieve_len_elf_sha = 9,
    .freertos_hz = 100,
    .log_default_level = 3,
};

/* A toy cipher: XOR, with a prefix to drop, as a stream. */
struct cipher {
    size_t seen;       /* bytes of the file */
    size_t fail_after; /* 0: never */
    size_t swallow;    /* this many calls give nothing, their data comes with the next */
    size_t keep;       /* of the first piece give only so many bytes; 0: all */
    char held[8192];
    size_t n_held;
};

static uint8_t image[PAYLOAD + 512];
static size_t image_len;
static struct cipher cipher;

static esp_err_t decrypt(decrypt_cb_arg_t *args, void *ctx)
{
    struct cipher *c = ctx;

    if (c->fail_after != 0 && c->seen >= c->fail_after) {
        return ESP_ERR_INVALID_CRC;
    }
    size_t skip = c->seen < PREFIX ? PREFIX - c->seen : 0;
    skip = skip < args->data_in_len ? skip : args->data_in_len;
    bool first = c->seen == 0;
    c->seen += args->data_in_len;
    for (size_t i = skip; i < args->data_in_len; i++) {
        c->held[c->n_held++] = (char)(args->data_in[i] ^ KEY);
    }
    if (!first && c->swallow > 0) {
        c->swallow--;
        args->data_out_len = 0;
        return ESP_OK;
    }
    args->data_out = malloc(c->n_held);
    if (args->data_out == NULL) {
        return ESP_ERR_NO_MEM;
    }
    memcpy(args->data_out, c->held, c->n_held);
    args->data_out_len = first && c->keep != 0 ? c->keep : c->n_held;
    c->n_held = 0;
    return ESP_OK;
}

static int group_setup(void **state)
{
    static uint8_t encrypted[PREFIX + sizeof image];

    (void)state;
    https_ota_world_start(NULL);
    image_len = test_image(image, "1.1.0", 0, PAYLOAD);
    memset(encrypted, 0xEE, PREFIX);
    for (size_t i = 0; i < image_len; i++) {
        encrypted[PREFIX + i] = image[i] ^ KEY;
    }
    http_world_write(&world, "app.enc", encrypted, PREFIX + image_len);
    encrypted[PREFIX + 12] ^= 1; /* another chip */
    http_world_write(&world, "chip.enc", encrypted, PREFIX + image_len);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&cipher, 0, sizeof cipher);
    https_ota_world_reset("/app.enc");
    config.decrypt_cb = decrypt;
    config.decrypt_user_ctx = &cipher;
    config.enc_img_header_size = PREFIX;
    return 0;
}

static void test_https_ota_decrypt_installs_what_the_callback_gives(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota(&config), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_string_equal(ota_world_boot(), "ota_1");
    assert_int_equal(strncmp(ota_world_events('F'), "SCYIRWYW", 8), 0);
}

static void test_https_ota_decrypt_subtracts_the_prefix_from_the_size(void **state)
{
    (void)state;
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_OK);
    assert_int_equal(esp_https_ota_get_image_size(handle), image_len);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
}

static void test_https_ota_decrypt_works_in_ranges(void **state)
{
    (void)state;
    config.partial_http_download = true;
    config.max_http_request_size = 16384;
    assert_int_equal(esp_https_ota(&config), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
    assert_true(http_world_request_count(&world) > 3);
}

static void test_https_ota_decrypt_callback_may_hold_data_back(void **state)
{
    (void)state;
    cipher.swallow = 3;
    assert_int_equal(esp_https_ota(&config), ESP_OK);
    assert_true(ota_world_holds("ota_1", image, image_len));
}

static void test_https_ota_decrypt_begin_needs_the_callback(void **state)
{
    (void)state;
    config.decrypt_cb = NULL;
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_ERR_INVALID_ARG);
    assert_null(handle);
}

static void test_https_ota_decrypt_does_not_resume(void **state)
{
    (void)state;
    config.ota_resumption = true;
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_ERR_NOT_SUPPORTED);
    assert_null(handle);
}

static void test_https_ota_decrypt_gives_no_description(void **state)
{
    (void)state;
    esp_app_desc_t desc;
    esp_bootloader_desc_t bootloader;
    assert_int_equal(esp_https_ota_begin(&config, &handle), ESP_OK);
    assert_int_equal(esp_https_ota_get_img_desc(handle, &desc), ESP_ERR_NOT_SUPPORTED);
    assert_int_equal(esp_https_ota_get_bootloader_img_desc(handle, &bootloader), ESP_ERR_NOT_SUPPORTED);
    assert_int_equal(esp_https_ota_abort(handle), ESP_OK);
}

static void test_https_ota_decrypt_checks_the_decrypted_header(void **state)
{
    (void)state;
    http.url = http_world_url(&world, "/chip.enc");
    assert_int_equal(esp_https_ota(&config), ESP_ERR_INVALID_VERSION);
    setup(NULL);
    cipher.keep = 100; /* less than a header */
    assert_int_equal(esp_https_ota(&config), ESP_FAIL);
    assert_string_equal(ota_world_boot(), "factory");
}

static void test_https_ota_decrypt_error_ends_the_update(void **state)
{
    (void)state;
    cipher.fail_after = 4096;
    assert_int_equal(esp_https_ota(&config), ESP_ERR_INVALID_CRC);
    setup(NULL);
    cipher.seen = 1;
    cipher.fail_after = 1; /* in the header */
    assert_int_equal(esp_https_ota(&config), ESP_FAIL);
    assert_string_equal(ota_world_boot(), "factory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_https_ota_decrypt_installs_what_the_callback_gives, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_subtracts_the_prefix_from_the_size, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_works_in_ranges, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_callback_may_hold_data_back, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_begin_needs_the_callback, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_does_not_resume, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_gives_no_description, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_checks_the_decrypted_header, setup),
        cmocka_unit_test_setup(test_https_ota_decrypt_error_ends_the_update, setup),
    };
    return cmocka_run_group_tests_name("esp_https_ota_decrypt", tests, group_setup, https_ota_world_stop);
}
