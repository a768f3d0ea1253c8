/*
 * push_arduino.c - the host of ArduinoOTA (docs/push.md).
 *
 * The device tells after each piece how many bytes that was, as digits without
 * anything between them, and tells the last number again in a silence: it can't
 * be added up. TCP itself paces us; what is not a digit is the device's result.
 */
#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "host/hex.h"
#include "push.h"

#define INVITATIONS   10
#define INVITATION_MS 5000
#define PROOF_MS      30000 /* a chip derives the key for a second or two, and may begin the update first */
#define ACCEPT_MS     20000
#define RESULT_FACTOR 4
#define SEND_BUFFER   16384 /* bytes; so that the progress shown is the device's */
#define ITERATIONS    10000
#define HEX_MAX       65

enum { CMD_FLASH = 0, CMD_FILESYSTEM = 100, CMD_AUTH = 200 };

struct host {
    int listen_fd, udp_fd, fd; /* -1: none */
    struct sockaddr_in device;
    char text[128]; /* what the device said that is not a count */
    size_t n_text;
    bool closed;
};

/* --- Authentication -------------------------------------------------------- */

static void hash_hex(const EVP_MD *type, const char *text, char out[HEX_MAX])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(text, strlen(text), digest, &len, type, NULL) != 1) {
        len = 0;
    }
    host_hex_print(digest, len, out);
    out[2 * len] = '\0';
}

/* What to answer to a challenge; the nonce's length tells the scheme. False: neither. */
static bool respond(const struct push_job *job, const struct host *h, const char *nonce, char cnonce[HEX_MAX],
                    char response[HEX_MAX])
{
    char text[4 * HEX_MAX + 512], salt[2 * HEX_MAX], p[HEX_MAX], k[HEX_MAX], address[INET_ADDRSTRLEN];
    const EVP_MD *type = strlen(nonce) == 32 ? EVP_md5() : strlen(nonce) == 64 ? EVP_sha256() : NULL;
    if (!type || strspn(nonce, "0123456789abcdefABCDEF") != strlen(nonce)) {
        return false;
    }
    inet_ntop(AF_INET, &h->device.sin_addr, address, sizeof address);
    snprintf(text, sizeof text, "%.300s%zu%s%s", job->name, job->image->len, job->md5, address);
    hash_hex(type, text, cnonce);
    hash_hex(type == EVP_md5() || job->md5_password ? EVP_md5() : EVP_sha256(), job->secret, p);
    if (type == EVP_md5()) {
        snprintf(text, sizeof text, "%s:%s:%s", p, nonce, cnonce);
    } else {
        unsigned char key[32];
        snprintf(salt, sizeof salt, "%.64s:%.64s", nonce, cnonce);
        if (PKCS5_PBKDF2_HMAC(p, (int)strlen(p), (const unsigned char *)salt, (int)strlen(salt), ITERATIONS,
                              EVP_sha256(), sizeof key, key) != 1) {
            return false;
        }
        host_hex_print(key, sizeof key, k);
        snprintf(text, sizeof text, "%s:%s:%s", k, nonce, cnonce);
    }
    hash_hex(type, text, response);
    return true;
}

/* --- Datagrams ---------------------------------------------------------------- */

/* The device's answer to a datagram that is sent up to `tries` times. */
static enum push_outcome exchange(struct push_job *job, struct host *h, const char *text, int tries,
                                  int64_t wait_ms, char *answer, size_t size)
{
    for (int i = 0; i < tries; i++) {
        if (sendto(h->udp_fd, text, strlen(text), 0, (struct sockaddr *)&h->device, sizeof h->device) < 0) {
            return push_fail(job, PUSH_LOST, "%s port %u: %s", job->host, (unsigned)job->port,
                             strerror(errno));
        }
        int64_t end = push_now_ms() + wait_ms;
        while (push_wait(h->udp_fd, POLLIN, end - push_now_ms()) == 1) {
            ssize_t n = recv(h->udp_fd, answer, size - 1, 0);
            if (n < 0 && errno == ECONNREFUSED) {
                return push_fail(job, PUSH_LOST, "%s: nothing listens at UDP port %u", job->host,
                                 (unsigned)job->port);
            }
            if (n > 0) {
                answer[n] = '\0';
                answer[strcspn(answer, "\r\n")] = '\0';
                return PUSH_DONE;
            }
        }
    }
    return push_fail(job, PUSH_LOST, "%s: no answer from UDP port %u", job->host, (unsigned)job->port);
}

static enum push_outcome says(struct push_job *job, const char *text)
{
    return push_fail(job, PUSH_REFUSED, "%s: the device says: %.100s", job->host, text);
}

static enum push_outcome authenticate(struct push_job *job, struct host *h, const char *nonce)
{
    char cnonce[HEX_MAX], response[HEX_MAX], text[256], answer[128] = "";
    if (!job->secret) {
        return push_fail(job, PUSH_REFUSED,
                         "%s: the device wants a password: give it with --password-file or in "
                         "AIRLIFT_PUSH_PASSWORD",
                         job->host);
    }
    if (!respond(job, h, nonce, cnonce, response)) {
        return push_fail(job, PUSH_REFUSED, "%s: asks for the password in a way that is not known",
                         job->host);
    }
    snprintf(text, sizeof text, "%d %s %s\n", CMD_AUTH, cnonce, response);
    enum push_outcome outcome = exchange(job, h, text, 1, PROOF_MS, answer, sizeof answer);
    if (outcome != PUSH_DONE || strcmp(answer, "OK") == 0) {
        return outcome;
    }
    return strcmp(answer, "Authentication Failed") == 0
               ? push_fail(job, PUSH_REFUSED, "%s: the password is not the device's%s", job->host,
                           strlen(nonce) == 64 && !job->md5_password
                               ? " (or it stores its MD5: then --md5-password)"
                               : "")
               : says(job, answer);
}

static enum push_outcome invite(struct push_job *job, struct host *h)
{
    struct sockaddr_in here = {0};
    socklen_t len = sizeof here;
    char text[128], answer[128] = "";
    if (getsockname(h->listen_fd, (struct sockaddr *)&here, &len)) {
        return push_fail(job, PUSH_REFUSED, "%s", strerror(errno));
    }
    snprintf(text, sizeof text, "%d %u %zu %s\n", job->filesystem ? CMD_FILESYSTEM : CMD_FLASH,
             (unsigned)ntohs(here.sin_port), job->image->len, job->md5);
    enum push_outcome outcome = exchange(job, h, text, INVITATIONS, INVITATION_MS, answer, sizeof answer);
    if (outcome != PUSH_DONE || strcmp(answer, "OK") == 0) {
        return outcome;
    }
    return strncmp(answer, "AUTH ", 5) == 0 ? authenticate(job, h, answer + 5) : says(job, answer);
}

/* --- The image ------------------------------------------------------------------ */

/* The device connects to us; others that do are sent away. */
static enum push_outcome wait_for_device(struct push_job *job, struct host *h)
{
    int64_t end = push_now_ms() + ACCEPT_MS;
    while (push_wait(h->listen_fd, POLLIN, end - push_now_ms()) == 1) {
        struct sockaddr_in peer = {0};
        socklen_t len = sizeof peer;
        int size = SEND_BUFFER;
        h->fd = accept4(h->listen_fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (h->fd >= 0 && peer.sin_addr.s_addr == h->device.sin_addr.s_addr) {
            (void)setsockopt(h->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size); /* only for the looks */
            return PUSH_DONE;
        }
        if (h->fd >= 0) {
            close(h->fd);
            h->fd = -1;
        }
    }
    return push_fail(job, PUSH_LOST,
                     "%s: the device does not connect back (a firewall here? then --host-port)", job->host);
}

/* Counts are passed over; a result begins with what is not a digit. */
static void hear(struct host *h)
{
    char buf[512];
    ssize_t n = recv(h->fd, buf, sizeof buf, 0);
    h->closed = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
    for (ssize_t i = 0; i < n; i++) {
        bool is_count = h->n_text == 0 && isdigit((unsigned char)buf[i]);
        if (!is_count && h->n_text < sizeof h->text - 1) {
            h->text[h->n_text++] = buf[i];
        }
    }
    h->text[h->n_text] = '\0';
}

static enum push_outcome result(struct push_job *job, struct host *h)
{
    static const char *const final[] = {"Not Enough Space", "Wrong Magic Byte", "Could Not Activate",
                                        "Bad Argument", "Partition Could Not"};
    if (strstr(h->text, "OK")) {
        return PUSH_DONE;
    }
    h->text[strcspn(h->text, "\r\n")] = '\0';
    if (!h->text[0]) {
        return push_fail(job, PUSH_LOST, "%s: the connection broke off after %zu of %zu bytes", job->host,
                         job->acked, job->image->len);
    }
    enum push_outcome outcome = says(job, h->text);
    for (size_t i = 0; i < sizeof final / sizeof final[0]; i++) {
        if (strstr(h->text, final[i])) {
            return outcome;
        }
    }
    return PUSH_LOST;
}

static enum push_outcome send_image(struct push_job *job, struct host *h)
{
    const int64_t silence_ms = (int64_t)(job->timeout_s * 1000);
    while (job->acked < job->image->len && !h->closed && !h->n_text) {
        int ready = push_wait(h->fd, POLLIN | POLLOUT, silence_ms);
        if (ready != 1) {
            return push_fail(job, PUSH_LOST, "%s: the device takes nothing any more after %zu of %zu bytes",
                             job->host, job->acked, job->image->len);
        }
        size_t left = job->image->len - job->acked;
        ssize_t n = send(h->fd, job->image->data + job->acked, left < 4096 ? left : 4096, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN && push_wait(h->fd, POLLIN | POLLOUT, silence_ms) != 1) {
            continue;
        }
        job->acked += n > 0 ? (size_t)n : 0;
        host_progress_update(&job->progress, job->acked);
        hear(h);
    }
    int64_t end = push_now_ms() + RESULT_FACTOR * silence_ms;
    while (!h->closed && !strstr(h->text, "OK") && push_wait(h->fd, POLLIN, end - push_now_ms()) == 1) {
        hear(h);
    }
    return result(job, h);
}

/* --- One attempt ------------------------------------------------------------------ */

static enum push_outcome open_sockets(struct push_job *job, struct host *h)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(job->host_port)};
    if (inet_pton(AF_INET, job->host_ip ? job->host_ip : "0.0.0.0", &here.sin_addr) != 1) {
        return push_fail(job, PUSH_REFUSED, "--host-ip %s: not an IPv4 address", job->host_ip);
    }
    if (!push_resolve(job, &h->device)) {
        return PUSH_LOST;
    }
    int one = 1;
    h->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    h->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (h->listen_fd < 0 || h->udp_fd < 0 ||
        setsockopt(h->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(h->listen_fd, (struct sockaddr *)&here, sizeof here) || listen(h->listen_fd, 1)) {
        return push_fail(job, PUSH_REFUSED, "port %u of this machine: %s", (unsigned)job->host_port,
                         strerror(errno));
    }
    /* Only what the device itself sends is an answer, and a closed port is told. */
    if (connect(h->udp_fd, (struct sockaddr *)&h->device, sizeof h->device)) {
        return push_fail(job, PUSH_LOST, "%s: %s", job->host, strerror(errno));
    }
    return PUSH_DONE;
}

enum push_outcome push_arduino_attempt(struct push_job *job)
{
    struct host h = {.listen_fd = -1, .udp_fd = -1, .fd = -1};
    job->acked = 0;
    enum push_outcome outcome = open_sockets(job, &h);
    if (outcome == PUSH_DONE) {
        outcome = invite(job, &h);
    }
    if (outcome == PUSH_DONE) {
        outcome = wait_for_device(job, &h);
    }
    if (outcome == PUSH_DONE) {
        outcome = send_image(job, &h);
    }
    const int fds[] = {h.listen_fd, h.udp_fd, h.fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return outcome;
}
