/*
 * Whatever a client sends, in whatever pieces: the session answers in whole lines, hands out
 * bytes only while an update is open, and leaves none open when the client is gone.
 *
 * The first byte decides about the key and how the rest is cut into pieces.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define SLOT_SIZE 65536u

static bool is_open, data_fails;
static size_t pos;

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void reply(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    require(len >= 4 && memcmp(text + len - 2, "\r\n", 2) == 0 && memchr(text, '\n', len) == text + len - 1);
    require(memcmp(text, "OK", 2) == 0 || memcmp(text, "OTA_ERROR ", 10) == 0);
}

static airlift_fail_t begin(void *ctx, const struct push_order *order, uint32_t *resume,
                            char why[AGENT_TEXT_SIZE])
{
    (void)ctx;
    if (is_open) {
        is_open = false; /* as push_intake_begin(): the same sender begins again */
    }
    snprintf(why, AGENT_TEXT_SIZE, "does not fit");
    pos = 0;
    *resume = 0;
    is_open = order->size <= SLOT_SIZE;
    return is_open ? AIRLIFT_FAIL_NONE : AIRLIFT_FAIL_SIZE;
}

static airlift_fail_t take(void *ctx, const void *bytes, size_t len, char why[AGENT_TEXT_SIZE])
{
    static volatile uint8_t sum;

    (void)ctx;
    require(is_open && len > 0 && len <= PUSH_RECORD_MAX);
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + ((const uint8_t *)bytes)[i]); /* all of it can be read */
    }
    pos += len;
    snprintf(why, AGENT_TEXT_SIZE, "too much");
    return pos > SLOT_SIZE || data_fails ? AIRLIFT_FAIL_SIZE : AIRLIFT_FAIL_NONE;
}

static airlift_fail_t end(void *ctx, bool *verified, char why[AGENT_TEXT_SIZE])
{
    (void)ctx;
    require(is_open);
    is_open = false;
    *verified = pos % 2 == 0;
    snprintf(why, AGENT_TEXT_SIZE, "damaged");
    return pos % 3 == 0 ? AIRLIFT_FAIL_NONE : AIRLIFT_FAIL_IMAGE;
}

static void give_up(void *ctx)
{
    (void)ctx;
    require(is_open);
    is_open = false;
}

static airlift_fail_t restart(void *ctx, char why[AGENT_TEXT_SIZE])
{
    (void)ctx, (void)why;
    return AIRLIFT_FAIL_NONE;
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    memset(out, 0xab, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct push_tcp_ops ops = {reply, begin, take, end, give_up, restart, random_bytes};
    struct push_tcp_session session;

    if (len == 0) {
        return 0;
    }
    const uint8_t how = data[0];
    const size_t piece = 1u + (how >> 3) * 7u;

    is_open = false;
    data_fails = (how & 4) != 0;
    push_tcp_open(&session, &ops, NULL, (how & 1) != 0 ? "a key" : NULL, (how & 2) != 0);
    for (size_t at = 1; at < len; at += piece) {
        const size_t n = len - at < piece ? len - at : piece;

        if (!push_tcp_feed(&session, data + at, n)) {
            break;
        }
        require(session.open == is_open);
    }
    push_tcp_close(&session);
    require(!is_open && !session.open);
    return 0;
}
