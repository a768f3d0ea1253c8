/*
 * One client of the TCP protocol, over a device that only remembers what it was told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tcp_session.h"

static struct {
    char said[4096];
    size_t n_said, n_image;
    uint8_t image[16384];
    struct push_order order;
    bool open;
    unsigned n_begun, n_ended, n_aborted, n_restarted;
    airlift_fail_t begin_fails, data_fails, end_fails;
    bool verified;
    uint32_t resume;
} device;

static void reply(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    assert_true(len > 2 && memcmp(text + len - 2, "\r\n", 2) == 0 &&
                device.n_said + len < sizeof(device.said));
    memcpy(device.said + device.n_said, text, len);
    device.n_said += len;
    device.said[device.n_said] = '\0';
}

static airlift_fail_t begin(void *ctx, const struct push_order *order, uint32_t *pos,
                            char why[AGENT_TEXT_SIZE])
{
    (void)ctx;
    snprintf(why, AGENT_TEXT_SIZE, "no begin");
    device.order = *order;
    device.n_begun++;
    device.n_image = 0;
    *pos = device.resume;
    device.open = device.begin_fails == AIRLIFT_FAIL_NONE;
    return device.begin_fails;
}

static airlift_fail_t data(void *ctx, const void *bytes, size_t len, char why[AGENT_TEXT_SIZE])
{
    (void)ctx;
    assert_true(device.open && device.n_image + len <= sizeof(device.image));
    snprintf(why, AGENT_TEXT_SIZE, "no data");
    memcpy(device.image + device.n_image, bytes, len);
    device.n_image += len;
    return device.data_fails;
}

static airlift_fail_t end(void *ctx, bool *verified, char why[AGENT_TEXT_SIZE])
{
    (void)ctx;
    assert_true(device.open);
    snprintf(why, AGENT_TEXT_SIZE, "no end");
    device.open = false;
    device.n_ended++;
    *verified = device.verified;
    return device.end_fails;
}

static void give_up(void *ctx)
{
    (void)ctx;
    assert_true(device.open);
    device.open = false;
    device.n_aborted++;
}

static airlift_fail_t restart(void *ctx, char why[AGENT_TEXT_SIZE])
{
    (void)ctx, (void)why;
    device.n_restarted++;
    return AIRLIFT_FAIL_NONE;
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0xab, len);
}

static const struct push_tcp_ops ops = {reply, begin, data, end, give_up, restart, random_bytes};
static struct push_tcp_session session;

static int fresh(void **state)
{
    (void)state;
    memset(&device, 0, sizeof(device));
    push_tcp_open(&session, &ops, NULL, NULL, false);
    return 0;
}

/* Feed a text, byte by byte, and compare what is answered. */
static bool talk(const char *text, const char *answer)
{
    bool goes_on = true;

    device.n_said = 0;
    device.said[0] = '\0';
    for (size_t i = 0; text[i] != '\0' && goes_on; i++) {
        goes_on = push_tcp_feed(&session, text + i, 1);
    }
    assert_string_equal(device.said, answer);
    return goes_on;
}

static void test_session_takes_an_image_in_pieces_of_any_size(void **state)
{
    (void)state;
    assert_true(talk("![\n!0009abcd!0006e!]\n!*\n", "OK\r\nOK\r\nOK\r\nOK\r\nOK\r\n"));
    assert_memory_equal(device.image, "abcde", 5);
    assert_true(device.n_begun == 1 && device.n_ended == 1 && device.n_restarted == 1 &&
                device.n_aborted == 0);
    assert_false(device.order.has_sha256);
    /* all of it at once */
    assert_true(push_tcp_feed(&session, "![\n!0009\n![\n!]\n", 15));
    assert_memory_equal(device.image, "\n![\n", 4);
    assert_int_equal(device.n_ended, 2);
}

static void test_session_answers_each_record_of_the_example(void **state)
{
    static uint8_t payload[4096];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 7);
    }
    assert_true(talk("![\n", "OK\r\n"));
    device.n_said = 0;
    assert_true(push_tcp_feed(&session, "!1005", 5) && push_tcp_feed(&session, payload, 4096));
    assert_string_equal(device.said, "OK\r\n");
    assert_true(push_tcp_feed(&session, "!038d", 5) && push_tcp_feed(&session, payload, 904));
    n = device.n_said;
    assert_int_equal(n, 8);
    assert_int_equal(device.n_image, 5000);
    assert_memory_equal(device.image, payload, 4096);
    assert_true(talk("!]\n!*\n", "OK\r\nOK\r\n"));
}

static void test_session_tells_what_failed_once_for_each_record(void **state)
{
    (void)state;
    device.begin_fails = AIRLIFT_FAIL_BUSY;
    assert_true(talk("![\n", "OTA_ERROR 7 no begin\r\n"));
    device.begin_fails = AIRLIFT_FAIL_FLASH;
    assert_true(talk("![\n", "OTA_ERROR 1 no begin\r\n"));
    device.begin_fails = AIRLIFT_FAIL_SIZE;
    assert_true(talk("![\n", "OTA_ERROR 3 no begin\r\n"));
    device.begin_fails = AIRLIFT_FAIL_NONE;
    device.data_fails = AIRLIFT_FAIL_FLASH;
    assert_true(
        talk("![\n!0009abcd!0006e", "OK\r\nOTA_ERROR 4 no data\r\nOTA_ERROR 4 no update is under way\r\n"));
    assert_int_equal(device.n_aborted, 1);
    device.data_fails = AIRLIFT_FAIL_NONE;
    device.end_fails = AIRLIFT_FAIL_IMAGE;
    assert_true(talk("![\n!]\n", "OK\r\nOTA_ERROR 5 no end\r\n"));
    device.verified = true;
    assert_true(talk("![\n!]\n!]\n", "OK\r\nOTA_ERROR 2 no end\r\nOTA_ERROR 5 no update is under way\r\n"));
}

static void test_session_ends_where_something_else_is_spoken(void **state)
{
    static const char *const bad[] = {"!000g", "!0005",  "!0000", "!1006", "!ffff",
                                      "!-001", "!{\nxx", "!\n",   "![x\n"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void)fresh(state);
        assert_true(push_tcp_feed(&session, "![\n", 3));
        assert_false(push_tcp_feed(&session, bad[i], strlen(bad[i])));
        assert_non_null(strstr(device.said, "OTA_ERROR 8 "));
        assert_true(device.n_aborted == 1 && !device.open);
        push_tcp_close(&session);
        assert_int_equal(device.n_aborted, 1);
    }
}

static void test_session_of_a_client_that_goes_leaves_nothing_open(void **state)
{
    (void)state;
    assert_true(talk("![\n!00", "OK\r\n"));
    push_tcp_close(&session);
    assert_true(device.n_aborted == 1 && !device.open);
}

static void test_session_lets_lines_pass_also_long_ones(void **state)
{
    char line[1000];

    (void)state;
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 2] = '\n';
    line[sizeof(line) - 1] = '\0';
    assert_true(talk(line, "OK\r\n"));
    line[0] = '?';
    assert_true(talk(line, "OK\r\n"));
    assert_true(talk("?\nhello\r\n\n", "OK\r\nOK\r\nOK\r\n"));
}

#define SHA_TEXT "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SAID     "5 " SHA_TEXT " cccccccccccccccc"
#define GREETING "OK airlift 1 window=32768 key=%s nonce=%s\r\n"
#define NONCE    "abababababababababababababababababababababababababababababababab"

static void order_line(const char *key, const char *nonce, char *out, size_t size)
{
    char text[256], mac[PUSH_HEX256_SIZE];
    uint8_t bytes[32];
    const int len = snprintf(text, sizeof(text), "airlift push 1\n%s\n" SAID "\n", nonce);

    assert_true(push_hmac_sha256(key, strlen(key), text, (size_t)len, bytes));
    push_hex(bytes, sizeof(bytes), mac);
    snprintf(out, size, "?image %s " SAID "\n", mac);
}

static void test_session_with_a_key_wants_a_fresh_proof_of_it(void **state)
{
    char line[400], greeting[200];

    (void)state;
    snprintf(greeting, sizeof(greeting), GREETING, "yes", NONCE);
    push_tcp_open(&session, &ops, NULL, "a key", false);
    assert_false(talk("![\n", "OTA_ERROR 6 this device wants a key: airlift push tcp --key-file\r\n"));
    assert_false(talk("!*\n", "OTA_ERROR 6 this device wants a key: airlift push tcp --key-file\r\n"));
    order_line("a key", NONCE, line, sizeof(line));
    assert_false(talk(line, "OTA_ERROR 6 the key is not this device's\r\n")); /* no nonce was handed out */
    assert_true(talk("?airlift 1\n", greeting));
    order_line("another key", NONCE, line, sizeof(line));
    assert_false(talk(line, "OTA_ERROR 6 the key is not this device's\r\n"));
    order_line("a key", NONCE, line, sizeof(line));
    assert_false(talk(line, "OTA_ERROR 6 the key is not this device's\r\n")); /* the nonce is used up */
    assert_int_equal(device.n_begun, 0);
    assert_true(talk("?airlift 1\n", greeting));
    assert_true(talk(line, "OK\r\n"));
    device.resume = 4096;
    assert_true(talk("![\n", "OK resume=4096\r\n"));
    assert_true(device.order.has_sha256 && device.order.size == 5 && device.order.sha256[1] == 0x11 &&
                !device.order.force);
    assert_true(talk("!*\n", "OK\r\n"));
}

static void test_session_takes_announcements_without_a_key_too(void **state)
{
    char greeting[200];

    (void)state;
    snprintf(greeting, sizeof(greeting), GREETING, "no", NONCE);
    assert_true(talk("?airlift 1\n", greeting));
    assert_true(talk("?image - " SAID " force\n![\n", "OK\r\nOK resume=0\r\n"));
    assert_true(device.order.force);
    assert_true(talk("![\n", "OK\r\n")); /* an announcement is for one update */
    assert_true(talk("?image - 0 " SHA_TEXT " cccccccccccccccc\n",
                     "OTA_ERROR 8 ?image MAC SIZE SHA256 CNONCE [force]\r\n"));
    assert_true(talk("?image x\n", "OTA_ERROR 8 ?image MAC SIZE SHA256 CNONCE [force]\r\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_session_takes_an_image_in_pieces_of_any_size, fresh),
        cmocka_unit_test_setup(test_session_answers_each_record_of_the_example, fresh),
        cmocka_unit_test_setup(test_session_tells_what_failed_once_for_each_record, fresh),
        cmocka_unit_test_setup(test_session_ends_where_something_else_is_spoken, fresh),
        cmocka_unit_test_setup(test_session_of_a_client_that_goes_leaves_nothing_open, fresh),
        cmocka_unit_test_setup(test_session_lets_lines_pass_also_long_ones, fresh),
        cmocka_unit_test_setup(test_session_with_a_key_wants_a_fresh_proof_of_it, fresh),
        cmocka_unit_test_setup(test_session_takes_announcements_without_a_key_too, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
