#include "tcp_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#define HEAD_SIZE 5u /* '!' and four hex digits */

/* --- Answers ------------------------------------------------------------------ */

size_t push_tcp_refusal(enum push_tcp_error error, const char *why, char *out, size_t size)
{
    const int len = snprintf(out, size, "OTA_ERROR %d %s\r\n", (int)error, why);

    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static void say(struct push_tcp_session *s, const char *text)
{
    s->ops->reply(s->ctx, text, strlen(text));
}

static void say_ok(struct push_tcp_session *s)
{
    say(s, "OK\r\n");
}

/* After a failure the update is over; another one may begin. */
static void say_error(struct push_tcp_session *s, enum push_tcp_error error, const char *why)
{
    char text[AGENT_TEXT_SIZE + 24];

    if (s->open) {
        s->ops->abort(s->ctx);
        s->open = false;
    }
    s->ops->reply(s->ctx, text, push_tcp_refusal(error, why, text, sizeof(text)));
}

/* --- Records ------------------------------------------------------------------ */

static bool may_work(const struct push_tcp_session *s)
{
    return s->key == NULL || s->allowed || s->keyless_may;
}

static const char needs_key[] = "this device wants a key: airlift push tcp --key-file";

static enum push_tcp_error begin_error(airlift_fail_t fail)
{
    switch (fail) {
    case AIRLIFT_FAIL_BUSY:
        return PUSH_TCP_BUSY;
    case AIRLIFT_FAIL_FLASH:
        return PUSH_TCP_NO_PARTITION;
    default:
        return PUSH_TCP_BEGIN_FAILED;
    }
}

static bool begin(struct push_tcp_session *s)
{
    const struct push_order unknown = {.way = "TCP"};
    char why[AGENT_TEXT_SIZE] = "", text[48];
    uint32_t pos = 0;

    if (!may_work(s)) {
        say_error(s, PUSH_TCP_DENIED, needs_key);
        return false;
    }
    const airlift_fail_t fail = s->ops->begin(s->ctx, s->ordered ? &s->order : &unknown, &pos, why);

    s->open = fail == AIRLIFT_FAIL_NONE;
    if (!s->open) {
        say_error(s, begin_error(fail), why);
    } else if (s->ordered) {
        snprintf(text, sizeof(text), "OK resume=%" PRIu32 "\r\n", pos);
        say(s, text);
    } else {
        say_ok(s);
    }
    s->ordered = false;
    return true;
}

static void end(struct push_tcp_session *s)
{
    char why[AGENT_TEXT_SIZE] = "";
    bool verified = false;

    if (!s->open) {
        say_error(s, PUSH_TCP_END_FAILED, "no update is under way");
        return;
    }
    s->open = false;
    const airlift_fail_t fail = s->ops->end(s->ctx, &verified, why);

    if (fail == AIRLIFT_FAIL_NONE) {
        say_ok(s);
    } else {
        say_error(s, verified ? PUSH_TCP_NOT_ACTIVATED : PUSH_TCP_END_FAILED, why);
    }
}

static bool restart(struct push_tcp_session *s)
{
    char why[AGENT_TEXT_SIZE] = "";

    if (!may_work(s)) {
        say_error(s, PUSH_TCP_DENIED, needs_key);
        return false;
    }
    const airlift_fail_t fail = s->ops->restart(s->ctx, why);

    if (fail == AIRLIFT_FAIL_NONE) {
        say_ok(s);
    } else {
        say_error(s, PUSH_TCP_BUSY, why);
    }
    return true;
}

/* Some of the record's payload. A failure is answered at once, anything else at the record's end. */
static void take_payload(struct push_tcp_session *s, const uint8_t *data, size_t len)
{
    char why[AGENT_TEXT_SIZE] = "";

    if (s->open) {
        const airlift_fail_t fail = s->ops->data(s->ctx, data, len, why);

        if (fail != AIRLIFT_FAIL_NONE) {
            say_error(s, PUSH_TCP_WRITE_FAILED, why);
            s->answered = true;
        }
    }
    s->payload_left -= (uint32_t)len;
    if (s->payload_left > 0) {
        return;
    }
    if (s->open) {
        say_ok(s);
    } else if (!s->answered) {
        say_error(s, PUSH_TCP_WRITE_FAILED, "no update is under way");
    }
    s->answered = false;
}

/* The header is complete. False: it is none. */
static bool begin_payload(struct push_tcp_session *s)
{
    uint8_t length[2];

    if (!push_unhex((const char *)s->head + 1, length, 2)) {
        return false;
    }
    const uint32_t whole = (uint32_t)length[0] << 8 | length[1];

    if (whole <= HEAD_SIZE || whole > HEAD_SIZE + PUSH_RECORD_MAX) {
        return false;
    }
    s->payload_left = whole - HEAD_SIZE;
    return true;
}

/* --- Lines -------------------------------------------------------------------- */

static void greet(struct push_tcp_session *s)
{
    uint8_t bytes[AL_SHA256_SIZE];
    char text[160];

    s->ops->random(s->ctx, bytes, sizeof(bytes));
    push_hex(bytes, sizeof(bytes), s->nonce);
    snprintf(text, sizeof(text), "OK airlift 1 window=%u key=%s nonce=%s\r\n", PUSH_TCP_WINDOW,
             s->key == NULL ? "no" : "yes", s->nonce);
    say(s, text);
}

/* Is `mac` the right one over what the client says? The nonce is used up. */
static bool has_key(struct push_tcp_session *s, const char *said, const char *mac)
{
    char text[PUSH_LINE_MAX + PUSH_HEX256_SIZE + 32];
    uint8_t theirs[AL_SHA256_SIZE], ours[AL_SHA256_SIZE];
    const int len = snprintf(text, sizeof(text), "airlift push 1\n%s\n%s\n", s->nonce, said);
    const bool fresh = s->nonce[0] != '\0';

    s->nonce[0] = '\0';
    return fresh && len > 0 && (size_t)len < sizeof(text) && strlen(mac) == 2 * sizeof(theirs) &&
           push_unhex(mac, theirs, sizeof(theirs)) &&
           push_hmac_sha256(s->key, strlen(s->key), text, (size_t)len, ours) &&
           push_same(theirs, ours, sizeof(ours));
}

/* "SIZE SHA256 CNONCE [force]": what is to come. The text is used up. */
static bool parse_order(char *said, struct push_order *out)
{
    const char *size = push_word(&said), *sha256 = push_word(&said), *cnonce = push_word(&said);
    const char *force = push_word(&said);

    memset(out, 0, sizeof(*out));
    out->way = "TCP";
    out->has_sha256 = true;
    out->force = force != NULL;
    return push_decimal(size, &out->size) && out->size > 0 && sha256 != NULL && strlen(sha256) == 64 &&
           push_unhex(sha256, out->sha256, sizeof(out->sha256)) && cnonce != NULL && strlen(cnonce) >= 16 &&
           (force == NULL || strcmp(force, "force") == 0) && push_word(&said) == NULL;
}

/* "?image MAC SIZE SHA256 CNONCE [force]"; the MAC is over all behind it. */
static bool take_order(struct push_tcp_session *s, char *words)
{
    char *said = strchr(words, ' ');

    if (said == NULL) {
        say_error(s, PUSH_TCP_BAD_RECORD, "?image MAC SIZE SHA256 CNONCE [force]");
        return true;
    }
    *said++ = '\0';
    if (s->key != NULL && !has_key(s, said, words)) {
        if (strcmp(words, "-") == 0 && s->keyless_may) {
            s->allowed = false;
        } else {
            say_error(s, PUSH_TCP_DENIED,
                      strcmp(words, "-") == 0 ? needs_key : "the key is not this device's");
            return false;
        }
    } else {
        s->allowed = true;
    }
    s->ordered = parse_order(said, &s->order);
    if (s->ordered) {
        say_ok(s);
    } else {
        say_error(s, PUSH_TCP_BAD_RECORD, "?image MAC SIZE SHA256 CNONCE [force]");
    }
    return true;
}

static bool take_line(struct push_tcp_session *s)
{
    static const char image[] = "?image ";

    s->line[s->n_line] = '\0';
    if (s->n_line > 0 && s->line[s->n_line - 1] == '\r') {
        s->line[s->n_line - 1] = '\0';
    }
    if (strcmp(s->line, "?airlift 1") == 0) {
        greet(s);
        return true;
    }
    if (strncmp(s->line, image, sizeof(image) - 1) == 0) {
        return take_order(s, s->line + sizeof(image) - 1);
    }
    if (s->line[0] == '!') {
        if (strcmp(s->line, "![") == 0) {
            return begin(s);
        }
        if (strcmp(s->line, "!]") == 0) {
            end(s);
            return true;
        }
        if (strcmp(s->line, "!*") == 0) {
            return restart(s);
        }
        say_error(s, PUSH_TCP_BAD_RECORD, "not a record");
        return false;
    }
    say_ok(s); /* as ever: any other line is fine */
    return true;
}

/* --- The stream --------------------------------------------------------------- */

static bool add_to_line(struct push_tcp_session *s, char c)
{
    if (c == '\n') {
        s->in_line = false;
        return take_line(s);
    }
    if (s->n_line < sizeof(s->line) - 1) {
        s->line[s->n_line++] = c == '\0' ? '?' : c;
    }
    return true;
}

/* What is gathered of a header turns out to be the beginning of a line. */
static bool head_is_line(struct push_tcp_session *s)
{
    const uint32_t n = s->n_head;

    s->n_head = 0;
    s->n_line = 0;
    s->in_line = true;
    for (uint32_t i = 0; i < n; i++) {
        if (!add_to_line(s, (char)s->head[i])) {
            return false;
        }
    }
    return true;
}

/* One byte that is not payload. */
static bool take_byte(struct push_tcp_session *s, uint8_t byte)
{
    if (s->in_line) {
        return add_to_line(s, (char)byte);
    }
    s->head[s->n_head++] = byte;
    if (s->head[0] != '!' || (s->n_head == 2 && strchr("[]*\r\n", byte) != NULL && byte != '\0')) {
        return head_is_line(s);
    }
    if (s->n_head == HEAD_SIZE) {
        s->n_head = 0;
        if (!begin_payload(s)) {
            say_error(s, PUSH_TCP_BAD_RECORD, "not a record: ! and four hex digits from 0006 to 1005");
            return false;
        }
    }
    return true;
}

bool push_tcp_feed(struct push_tcp_session *s, const void *data, size_t len)
{
    const uint8_t *at = data;

    while (len > 0) {
        if (s->payload_left > 0) {
            const size_t n = s->payload_left < len ? s->payload_left : len;

            take_payload(s, at, n);
            at += n;
            len -= n;
        } else if (take_byte(s, *at)) {
            at++;
            len--;
        } else {
            return false;
        }
    }
    return true;
}

void push_tcp_open(struct push_tcp_session *s, const struct push_tcp_ops *ops, void *ctx, const char *key,
                   bool keyless_may)
{
    memset(s, 0, sizeof(*s));
    s->ops = ops;
    s->ctx = ctx;
    s->key = key != NULL && key[0] != '\0' ? key : NULL;
    s->keyless_may = keyless_may;
}

void push_tcp_close(struct push_tcp_session *s)
{
    if (s->open) {
        s->ops->abort(s->ctx);
        s->open = false;
    }
}
