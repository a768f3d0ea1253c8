/*
 * push_tcp.c - the sender of the TCP push protocol (docs/push.md).
 *
 * A device of 2016 answers OK to any line that begins with '?': then it gets one
 * record at a time and from the image's start. Ours says more, and gets as many
 * records as its window holds, from where an earlier attempt stopped.
 */
#include <errno.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/hex.h"
#include "push.h"

#define CHUNK       4096u /* payload of a record; only the last one may be shorter */
#define HEAD        5u
#define MAX_RECORDS 64u /* unanswered, whatever the device's window is */
#define END_FACTOR  4   /* verifying takes longer than taking a record */

#define OTA_ERROR_DENIED 6
#define OTA_ERROR_BUSY   7

struct link {
    int fd;
    char in[512]; /* received, not yet a line */
    size_t n_in;
};

/* What the device said of itself. */
struct device {
    bool is_ours, has_key;
    unsigned window; /* bytes */
    char nonce[65];
};

/* --- Lines ------------------------------------------------------------------ */

static enum push_outcome lost(struct push_job *job, const char *why)
{
    return push_fail(job, PUSH_LOST, "%s: %s after %zu of %zu bytes", job->host, why, job->acked,
                     job->image->len);
}

/* What has arrived, without waiting. False: the connection is gone. */
static bool receive(struct link *l)
{
    ssize_t n = recv(l->fd, l->in + l->n_in, sizeof l->in - l->n_in, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return true;
    }
    l->n_in += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* Take a line, without CR LF, out of what has arrived. False: not whole yet. */
static bool take_line(struct link *l, char *out, size_t size)
{
    char *end = memchr(l->in, '\n', l->n_in);
    if (!end) {
        if (l->n_in == sizeof l->in) {
            l->n_in = 0; /* no device says so much: it is not one */
        }
        return false;
    }
    size_t len = (size_t)(end - l->in), keep = len < size - 1 ? len : size - 1;
    memcpy(out, l->in, keep);
    out[keep] = '\0';
    out[strcspn(out, "\r")] = '\0';
    l->n_in -= len + 1;
    memmove(l->in, end + 1, l->n_in);
    return true;
}

/* "OK..." goes on; anything else is the device's reason. */
static enum push_outcome judge(struct push_job *job, const char *line)
{
    int number;
    if (strncmp(line, "OK", 2) == 0) {
        return PUSH_DONE;
    }
    if (sscanf(line, "OTA_ERROR %d", &number) != 1) {
        return push_fail(job, PUSH_REFUSED,
                         "%s: not a device that takes pushed firmware: it answers \"%.60s\"", job->host,
                         line);
    }
    static const char *const meanings[] = {"",
                                           "no partition for it",
                                           "cannot be activated",
                                           "begin failed",
                                           "write failed",
                                           "end failed: the image is damaged or not for this device"};
    const char *text = line + strcspn(line, "0123456789");
    text += strspn(text, "0123456789 ");
    if (!*text && number >= 1 && number <= 5) {
        text = meanings[number];
    }
    return push_fail(job, number == OTA_ERROR_BUSY ? PUSH_LOST : PUSH_REFUSED, "%s: the device says: %s",
                     job->host, text);
}

static enum push_outcome wait_line(struct push_job *job, struct link *l, double timeout_s, char *line,
                                   size_t size)
{
    int64_t end = push_now_ms() + (int64_t)(timeout_s * 1000);
    while (!take_line(l, line, size)) {
        int64_t left = end - push_now_ms();
        if (left <= 0 || push_wait(l->fd, POLLIN, left) != 1) {
            return lost(job, "no answer");
        }
        if (!receive(l)) {
            return lost(job, "the connection broke off");
        }
    }
    return judge(job, line);
}

static enum push_outcome send_all(struct push_job *job, struct link *l, const void *data, size_t len)
{
    const uint8_t *at = data;
    while (len) {
        ssize_t n = send(l->fd, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN && push_wait(l->fd, POLLOUT, (int64_t)(job->timeout_s * 1000)) == 1) {
            continue;
        }
        if (n < 0 && errno != EINTR) {
            return lost(job, "the connection broke off");
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return PUSH_DONE;
}

/* Say a line, hear one. */
static enum push_outcome ask(struct push_job *job, struct link *l, const char *text, double timeout_s,
                             char *line, size_t size)
{
    enum push_outcome outcome = send_all(job, l, text, strlen(text));
    /* The device may have said why before it closed. */
    enum push_outcome heard = wait_line(job, l, timeout_s, line, size);
    return outcome == PUSH_DONE || heard == PUSH_REFUSED ? heard : outcome;
}

/* --- The beginning ------------------------------------------------------------ */

static enum push_outcome greet(struct push_job *job, struct link *l, struct device *d)
{
    char line[256], has_key[8] = "";
    enum push_outcome outcome = ask(job, l, "?airlift 1\n", job->timeout_s, line, sizeof line);
    if (outcome != PUSH_DONE) {
        return outcome;
    }
    d->is_ours =
        sscanf(line, "OK airlift 1 window=%u key=%7s nonce=%64s", &d->window, has_key, d->nonce) == 3;
    d->has_key = strcmp(has_key, "yes") == 0;
    job->old_device = !d->is_ours;
    if (d->has_key && !job->secret) {
        return push_fail(job, PUSH_REFUSED,
                         "%s: the device wants its key: give it with --key-file or in AIRLIFT_PUSH_KEY",
                         job->host);
    }
    return PUSH_DONE;
}

/* Which image is to come, and that we have the key. */
static enum push_outcome announce(struct push_job *job, struct link *l, const struct device *d)
{
    char sha256[65], cnonce[33], said[160], text[256], order[256], mac_text[65] = "-", line[256];
    uint8_t random[16], mac[32];
    host_hex_print(job->sha256, sizeof job->sha256, sha256);
    if (RAND_bytes(random, sizeof random) != 1) {
        return push_fail(job, PUSH_REFUSED, "no random numbers");
    }
    host_hex_print(random, sizeof random, cnonce);
    snprintf(said, sizeof said, "%zu %s %s%s", job->image->len, sha256, cnonce, job->force ? " force" : "");
    if (d->has_key) {
        snprintf(text, sizeof text, "airlift push 1\n%s\n%s\n", d->nonce, said);
        if (!HMAC(EVP_sha256(), job->secret, (int)strlen(job->secret), (const unsigned char *)text,
                  strlen(text), mac, NULL)) {
            return push_fail(job, PUSH_REFUSED, "no HMAC");
        }
        host_hex_print(mac, sizeof mac, mac_text);
    }
    snprintf(order, sizeof order, "?image %s %s\n", mac_text, said);
    return ask(job, l, order, job->timeout_s, line, sizeof line);
}

static enum push_outcome begin(struct push_job *job, struct link *l, const struct device *d)
{
    char line[256];
    enum push_outcome outcome = d->is_ours ? announce(job, l, d) : PUSH_DONE;
    if (outcome == PUSH_DONE) {
        /* A device may read back what it has, before it answers. */
        outcome = ask(job, l, "![\n", job->timeout_s * END_FACTOR, line, sizeof line);
    }
    size_t pos = 0;
    if (outcome == PUSH_DONE && sscanf(line, "OK resume=%zu", &pos) == 1 && pos > job->image->len) {
        return push_fail(job, PUSH_REFUSED, "%s: the device has more bytes than the image", job->host);
    }
    job->resumed = job->acked = outcome == PUSH_DONE ? pos : 0;
    return outcome;
}

/* --- Records ------------------------------------------------------------------- */

/* The records on their way: a ring of their lengths. */
struct flight {
    uint16_t len[MAX_RECORDS];
    unsigned first, n;
    size_t bytes; /* with headers */
    size_t limit;
};

static bool may_fly(const struct flight *f, size_t payload)
{
    return f->n == 0 || (f->n < MAX_RECORDS && f->bytes + HEAD + payload <= f->limit);
}

static enum push_outcome take_answers(struct push_job *job, struct link *l, struct flight *f)
{
    char line[256];
    while (f->n && take_line(l, line, sizeof line)) {
        enum push_outcome outcome = judge(job, line);
        if (outcome != PUSH_DONE) {
            return outcome;
        }
        size_t len = f->len[f->first];
        f->first = (f->first + 1) % MAX_RECORDS;
        f->n--;
        f->bytes -= HEAD + len;
        job->acked += len;
        host_progress_update(&job->progress, job->acked);
    }
    return PUSH_DONE;
}

static enum push_outcome send_record(struct push_job *job, struct link *l, struct flight *f, size_t pos,
                                     size_t len)
{
    uint8_t record[HEAD + CHUNK];
    char head[HEAD + 1];
    snprintf(head, sizeof head, "!%04x", (unsigned)(HEAD + len) & 0xffff);
    memcpy(record, head, HEAD);
    memcpy(record + HEAD, job->image->data + pos, len);
    f->len[(f->first + f->n) % MAX_RECORDS] = (uint16_t)len;
    f->n++;
    f->bytes += HEAD + len;
    return send_all(job, l, record, HEAD + len);
}

static enum push_outcome send_image(struct push_job *job, struct link *l, const struct device *d)
{
    struct flight f = {.limit = d->is_ours ? d->window : 0};
    size_t pos = job->acked;
    while (pos < job->image->len || f.n) {
        size_t left = job->image->len - pos, len = left < CHUNK ? left : CHUNK;
        enum push_outcome outcome = PUSH_DONE;
        if (len && may_fly(&f, len)) {
            outcome = send_record(job, l, &f, pos, len);
            pos += len;
        } else if (push_wait(l->fd, POLLIN, (int64_t)(job->timeout_s * 1000)) != 1) {
            outcome = lost(job, "no answer");
        }
        /* Also when sending failed: the device may have said why. */
        bool there = receive(l);
        enum push_outcome answered = take_answers(job, l, &f);
        if (answered != PUSH_DONE || outcome != PUSH_DONE) {
            return answered != PUSH_DONE ? answered : outcome;
        }
        if (!there) {
            return lost(job, "the connection broke off");
        }
    }
    return PUSH_DONE;
}

/* --- One attempt ------------------------------------------------------------------ */

static enum push_outcome converse(struct push_job *job, struct link *l)
{
    struct device d = {0};
    char line[256];
    enum push_outcome outcome = greet(job, l, &d);
    if (outcome == PUSH_DONE) {
        outcome = begin(job, l, &d);
    }
    if (outcome == PUSH_DONE) {
        outcome = send_image(job, l, &d);
    }
    if (outcome == PUSH_DONE) {
        outcome = ask(job, l, "!]\n", job->timeout_s * END_FACTOR, line, sizeof line);
    }
    if (outcome == PUSH_DONE && !job->no_restart) {
        outcome = ask(job, l, "!*\n", job->timeout_s, line, sizeof line);
    }
    return outcome;
}

enum push_outcome push_tcp_attempt(struct push_job *job)
{
    struct link l = {.fd = push_connect(job)};
    if (l.fd < 0) {
        return PUSH_LOST;
    }
    enum push_outcome outcome = converse(job, &l);
    close(l.fd);
    return outcome;
}
