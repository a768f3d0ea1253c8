/*
 * tcp_session.h - one client of the TCP push protocol, without the socket.
 *
 * Fed with what the client sends, in pieces of any size, it answers through
 * `reply` and works through the other functions. docs/push.md has the protocol:
 * the records of 2016, one answer each, and our lines that begin with '?'.
 *
 *     state    begun by      left by
 *     idle     connection    ![ : open, if the device can
 *     open     ![            !] : idle; a failure: idle; the connection's end: idle
 *
 * Owns no memory but its struct. One thread.
 */
#ifndef PUSH_TCP_SESSION_H
#define PUSH_TCP_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake.h"
#include "secrets.h"

#define PUSH_RECORD_MAX 4096u  /* bytes of payload */
#define PUSH_LINE_MAX   320u   /* bytes; what is longer is cut off */
#define PUSH_TCP_WINDOW 32768u /* bytes of records that may be on their way unanswered */

/* n of OTA_ERROR n. 1 to 5 are those of 2016; an old client only looks for OK. */
enum push_tcp_error {
    PUSH_TCP_NO_PARTITION = 1,
    PUSH_TCP_NOT_ACTIVATED = 2,
    PUSH_TCP_BEGIN_FAILED = 3,
    PUSH_TCP_WRITE_FAILED = 4,
    PUSH_TCP_END_FAILED = 5,
    PUSH_TCP_DENIED = 6,
    PUSH_TCP_BUSY = 7,
    PUSH_TCP_BAD_RECORD = 8,
};

/* What the session works with. Each gets `ctx`. Those that may fail write `why`. */
struct push_tcp_ops {
    void (*reply)(void *ctx, const char *text, size_t len);
    airlift_fail_t (*begin)(void *ctx, const struct push_order *order, uint32_t *pos,
                            char why[AGENT_TEXT_SIZE]);
    airlift_fail_t (*data)(void *ctx, const void *data, size_t len, char why[AGENT_TEXT_SIZE]);
    airlift_fail_t (*end)(void *ctx, bool *verified, char why[AGENT_TEXT_SIZE]);
    void (*abort)(void *ctx);
    airlift_fail_t (*restart)(void *ctx, char why[AGENT_TEXT_SIZE]);
    void (*random)(void *ctx, uint8_t *out, size_t len);
};

struct push_tcp_session {
    const struct push_tcp_ops *ops; /* borrowed */
    void *ctx;
    const char *key;              /* borrowed; NULL: nobody is asked for one */
    bool keyless_may;             /* with a key: those without it are let in as well */
    struct push_order order;      /* of ?image */
    bool ordered;                 /* ?image was said: for the next ![ */
    bool allowed;                 /* has shown the key */
    char nonce[PUSH_HEX256_SIZE]; /* "" if none was handed out */
    bool open;                    /* between ![ and !] */
    uint8_t head[5];              /* of the record under way */
    uint32_t n_head;
    uint32_t payload_left;
    bool answered; /* the record under way, with an error; its rest is skipped */
    bool in_line;
    char line[PUSH_LINE_MAX];
    uint32_t n_line;
};

/* `key` NULL or "": none is needed. */
void push_tcp_open(struct push_tcp_session *s, const struct push_tcp_ops *ops, void *ctx, const char *key,
                   bool keyless_may);

/*
 * What the client sent. False: it speaks something else, or has been told no; the
 * connection is to be closed, with what was answered still sent.
 */
bool push_tcp_feed(struct push_tcp_session *s, const void *data, size_t len);

/* The client is gone: an update under way is given up. */
void push_tcp_close(struct push_tcp_session *s);

/* "OTA_ERROR n why\r\n" into out, for those who get no session. Returns its length. */
size_t push_tcp_refusal(enum push_tcp_error error, const char *why, char *out, size_t size);

#endif
