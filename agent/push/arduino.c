/*
 * ArduinoOTA's device side: invited by datagram, it connects to the host and
 * takes the image, telling after each piece how many bytes that was.
 *
 *     idle  --invitation, password set--> AUTH sent  --proof--> transfer --> idle, or a restart
 *           --invitation, none needed----------------------------^
 *
 * While the agent is busy an invitation is not answered, and hosts repeat it. The
 * update is begun before the host is told OK: what can't be taken is answered with
 * the reason, which they print.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift_push.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "lwip/sockets.h"
#include "mdns.h"

#include "arduino_proto.h"
#include "intake.h"
#include "sockets.h"

#define TAG        "push_arduino"
#define RESTART_MS 100u
#define POLL_MS    500u
#define PIECE      1460u /* bytes read at once, a TCP segment */
#define SILENCE_MS 1000u /* then the last count is told again */
#define N_SILENCES 3u
#define CONNECT_MS 8000u /* hosts wait 10 s */
#define PROOF_US   10000000
#define NAME_SIZE  64u

struct arduino {
    airlift_push_arduino_config_t config;
    enum push_scheme scheme;
    struct push_intake *intake;
    int udp_fd;
    struct sockaddr_in host; /* who sent the last datagram */
    struct push_invitation invitation;
    struct sockaddr_in invited_by;
    char nonce[PUSH_HEX256_SIZE]; /* handed out and not used yet; "" if none is */
    int64_t nonce_until_us;
    char name[NAME_SIZE];
    uint8_t piece[PIECE];
    _Atomic bool stop, ended;
};

static struct arduino *device; /* the one; NULL: not running */

/* --- Datagrams -------------------------------------------------------------------- */

static void answer(struct arduino *d, const char *text)
{
    /* Lost or not: the host repeats its invitation. */
    (void)sendto(d->udp_fd, text, strlen(text), 0, (const struct sockaddr *)&d->host, sizeof(d->host));
}

/* A datagram, or 0 bytes. */
static size_t receive_datagram(struct arduino *d, void *out, size_t size)
{
    socklen_t len = sizeof(d->host);
    const ssize_t n = recvfrom(d->udp_fd, out, size, MSG_DONTWAIT, (struct sockaddr *)&d->host, &len);

    return n > 0 ? (size_t)n : 0;
}

/* Those that came while nobody listened are too old to be answered. */
static void forget_datagrams(struct arduino *d)
{
    char old[PUSH_DATAGRAM_MAX + 1];

    while (receive_datagram(d, old, sizeof(old)) > 0) {
    }
}

/* --- The transfer ------------------------------------------------------------------- */

/* The texts of Arduino's Update library. */
static const char *error_text(airlift_fail_t fail, bool has_all)
{
    switch (fail) {
    case AIRLIFT_FAIL_UNSIGNED:
    case AIRLIFT_FAIL_UNKNOWN_KEY:
    case AIRLIFT_FAIL_REVOKED_KEY:
    case AIRLIFT_FAIL_BAD_SIGNATURE:
        return "Signature Verification Failed";
    case AIRLIFT_FAIL_SECURE_VERSION:
        return "Secure Version Too Low";
    case AIRLIFT_FAIL_HASH:
        return "MD5 Check Failed";
    case AIRLIFT_FAIL_SIZE:
        return "Not Enough Space";
    case AIRLIFT_FAIL_CHIP:
    case AIRLIFT_FAIL_VERSION:
        return "Bad Argument";
    case AIRLIFT_FAIL_FLASH:
        return "Flash Write Failed";
    case AIRLIFT_FAIL_NETWORK:
        return "Stream Read Timeout";
    case AIRLIFT_FAIL_STOPPED:
        return "Aborted";
    case AIRLIFT_FAIL_IMAGE:
        return has_all ? "Could Not Activate The Firmware" : "Wrong Magic Byte";
    default:
        return "Could Not Activate The Firmware";
    }
}

static bool set_blocking(int fd, bool blocking)
{
    const int flags = fcntl(fd, F_GETFL, 0);

    return flags >= 0 && fcntl(fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0;
}

/* Is there something to read, or room to write, within `ms`? */
static bool wait_for(int fd, bool to_write, uint32_t ms)
{
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (int)(ms % 1000) * 1000};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    return select(fd + 1, to_write ? NULL : &set, to_write ? &set : NULL, NULL, &limit) > 0;
}

/* A connection to the host that invited us, or -1. */
static int connect_back(const struct arduino *d)
{
    const struct timeval limit = {.tv_sec = 5};
    struct sockaddr_in to = d->invited_by;
    const int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    int why = 0;
    socklen_t len = sizeof(why);

    to.sin_port = htons(d->invitation.port);
    if (fd < 0) {
        return -1;
    }
    if (!set_blocking(fd, false) ||
        (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) ||
        !wait_for(fd, true, CONNECT_MS) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &len) != 0 ||
        why != 0 || !set_blocking(fd, true) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* The next bytes of at most `want`; 0 if there are none. The last count is told again in a silence. */
static size_t receive(struct arduino *d, int fd, uint32_t want, const char *last_count)
{
    for (unsigned i = 0; i <= N_SILENCES && !d->stop; i++) {
        if (wait_for(fd, false, SILENCE_MS)) {
            const ssize_t n = recv(fd, d->piece, want < PIECE ? want : PIECE, 0);

            return n > 0 ? (size_t)n : 0;
        }
        if (i < N_SILENCES && last_count[0] != '\0' && !push_send(fd, last_count, strlen(last_count))) {
            return 0;
        }
    }
    return 0;
}

/* All of the image, from the connection into the intake. */
static airlift_fail_t transfer(struct arduino *d, int fd, bool *has_all, char why[AGENT_TEXT_SIZE])
{
    char count[12] = "";
    bool verified;

    for (uint32_t pos = 0; pos < d->invitation.size;) {
        const size_t n = receive(d, fd, d->invitation.size - pos, count);

        if (n == 0) {
            push_intake_abort(d->intake);
            snprintf(why, AGENT_TEXT_SIZE, "the host fell silent after %" PRIu32 " bytes", pos);
            return AIRLIFT_FAIL_NETWORK;
        }
        const airlift_fail_t fail = push_intake_data(d->intake, d->piece, n, why);

        if (fail != AIRLIFT_FAIL_NONE) {
            push_intake_abort(d->intake);
            return fail;
        }
        pos += (uint32_t)n;
        snprintf(count, sizeof(count), "%u", (unsigned)n);
        if (!push_send(fd, count, strlen(count))) {
            push_intake_abort(d->intake);
            snprintf(why, AGENT_TEXT_SIZE, "the host is gone after %" PRIu32 " bytes", pos);
            return AIRLIFT_FAIL_NETWORK;
        }
    }
    *has_all = true;
    return push_intake_end(d->intake, &verified, why);
}

/* Say the last thing so that it arrives: what the host still sends is read, not reset. */
static void hang_up(struct arduino *d, int fd, const char *text)
{
    (void)push_send(fd, text, strlen(text));
    (void)shutdown(fd, SHUT_WR);
    for (unsigned i = 0; i < 20 && wait_for(fd, false, 50); i++) {
        if (recv(fd, d->piece, PIECE, 0) <= 0) {
            break;
        }
    }
    (void)close(fd);
}

/* The host was told OK and the update is begun. */
static void run_update(struct arduino *d)
{
    const int fd = connect_back(d);
    char why[AGENT_TEXT_SIZE] = "", text[48];
    bool has_all = false;

    if (fd < 0) {
        push_intake_abort(d->intake);
        ESP_LOGW(TAG, "the host does not take our connection to its port %u", (unsigned)d->invitation.port);
        return;
    }
    const airlift_fail_t fail = transfer(d, fd, &has_all, why);

    if (fail != AIRLIFT_FAIL_NONE) {
        ESP_LOGW(TAG, "%s (%s)", why, airlift_fail_name(fail));
        snprintf(text, sizeof(text), "%s\r\n", error_text(fail, has_all));
        hang_up(d, fd, text);
        return;
    }
    hang_up(d, fd, "OK");
    if (!d->config.no_restart && push_intake_restart(d->intake, RESTART_MS, why) != AIRLIFT_FAIL_NONE) {
        ESP_LOGW(TAG, "no restart: %s", why);
    }
}

/* --- Invitations ---------------------------------------------------------------------- */

/* Whoever asked may; can the update begin? */
static void accept_invitation(struct arduino *d)
{
    struct push_order order = {.way = "ArduinoOTA",
                               .filesystem = d->invitation.filesystem,
                               .size = d->invitation.size,
                               .has_md5 = true};
    char why[AGENT_TEXT_SIZE] = "", name[32];
    uint32_t pos;

    push_name(&d->invited_by, name, sizeof(name));
    memcpy(order.md5, d->invitation.md5, sizeof(order.md5));
    const airlift_fail_t fail = push_intake_begin(d->intake, &order, &pos, why);

    if (fail != AIRLIFT_FAIL_NONE) {
        ESP_LOGW(TAG, "%s invites: %s", name, why);
        answer(d, fail == AIRLIFT_FAIL_BUSY    ? "Another update is under way"
                  : fail == AIRLIFT_FAIL_FLASH ? "Partition Could Not be Found"
                                               : error_text(fail, false));
        return;
    }
    ESP_LOGI(TAG, "%s sends %" PRIu32 " bytes for %s", name, d->invitation.size,
             d->invitation.filesystem ? "the filesystem" : "the next app slot");
    answer(d, "OK");
    run_update(d);
    forget_datagrams(d);
}

static void challenge(struct arduino *d)
{
    char text[PUSH_HEX256_SIZE + 8];
    uint8_t random[32];

    esp_fill_random(random, sizeof(random));
    if (!push_make_nonce(d->scheme, random, d->nonce)) {
        d->nonce[0] = '\0';
        return;
    }
    d->nonce_until_us = esp_timer_get_time() + PROOF_US;
    snprintf(text, sizeof(text), "AUTH %s", d->nonce);
    answer(d, text);
}

static void invited(struct arduino *d, const struct push_invitation *invitation)
{
    const char *busy = agent_busy();

    if (busy != NULL) {
        ESP_LOGW(TAG, "an invitation is not answered: %s", busy); /* hosts repeat it */
        return;
    }
    d->invitation = *invitation;
    d->invited_by = d->host;
    if (d->config.password != NULL) {
        challenge(d);
    } else if (d->config.allow_open || push_is_loopback(&d->host)) {
        accept_invitation(d);
    } else {
        ESP_LOGW(TAG, "an invitation is refused: no password is set");
        answer(d, "This device has no password yet");
    }
}

/* Good once, soon, and from the address it was given to; espota.py takes another port for it. */
static void proven(struct arduino *d, const struct push_proof *proof)
{
    char hash[PUSH_HEX256_SIZE], expected[PUSH_HEX256_SIZE];
    const bool in_time =
        esp_timer_get_time() < d->nonce_until_us && d->host.sin_addr.s_addr == d->invited_by.sin_addr.s_addr;
    const bool right = in_time && push_password_hash(d->scheme, d->config.password, hash) &&
                       push_expected_response(d->scheme, hash, d->nonce, proof->cnonce, expected) &&
                       strlen(expected) == strlen(proof->response) &&
                       push_same(expected, proof->response, strlen(expected));

    d->nonce[0] = '\0';
    if (right) {
        accept_invitation(d);
    } else {
        ESP_LOGW(TAG, "a host does not know the password");
        answer(d, "Authentication Failed");
    }
}

/* Anything else is dropped without an answer, as ArduinoOTA does. */
static void hear(struct arduino *d)
{
    char data[PUSH_DATAGRAM_MAX + 1];
    const size_t len = receive_datagram(d, data, sizeof(data));
    struct push_invitation invitation;
    struct push_proof proof;

    if (len == 0) {
        return;
    }
    if (push_parse_invitation(data, len, &invitation)) {
        invited(d, &invitation);
    } else if (d->nonce[0] != '\0' && push_parse_proof(data, len, d->scheme, &proof)) {
        proven(d, &proof);
    }
}

static void arduino_task(void *arg)
{
    struct arduino *d = arg;

    while (!d->stop) {
        if (wait_for(d->udp_fd, false, POLL_MS)) {
            hear(d);
        }
    }
    d->ended = true;
    vTaskDelete(NULL);
}

/* --- Announcement ---------------------------------------------------------------------- */

/* So that the Arduino IDE lists the device. Nothing depends on it. */
static void announce(struct arduino *d)
{
    mdns_txt_item_t txt[] = {
        {"board", d->config.board},
        {"tcp_check", "no"},
        {"ssh_upload", "no"},
        {"auth_upload", d->config.password != NULL ? "yes" : "no"},
    };
    esp_err_t err = mdns_init();

    if (err == ESP_OK) {
        err = mdns_hostname_set(d->name);
    }
    if (err == ESP_OK) {
        err = mdns_service_add(NULL, "_arduino", "_tcp", d->config.port, txt, sizeof(txt) / sizeof(txt[0]));
    }
    if (err != ESP_OK) {
        ESP_LOGW(TAG, "not announced over mDNS (%s): hosts need the address", esp_err_to_name(err));
    }
}

/* --- Public ------------------------------------------------------------------------------ */

static void set_defaults(struct arduino *d)
{
    airlift_push_arduino_config_t *c = &d->config;
    uint8_t mac[6] = {0};

    c->port = c->port != 0 ? c->port : 3232;
    c->password = c->password != NULL && c->password[0] != '\0' ? c->password : NULL;
    c->board = c->board != NULL ? c->board : "esp32";
    c->task_stack_size = c->task_stack_size != 0 ? c->task_stack_size : 5120;
    c->task_priority = c->task_priority != 0 ? c->task_priority : 5;
    d->scheme = c->md5_scheme ? PUSH_SCHEME_MD5 : PUSH_SCHEME_SHA256;
    if (c->hostname != NULL && c->hostname[0] != '\0') {
        snprintf(d->name, sizeof(d->name), "%s", c->hostname);
        return;
    }
    (void)esp_efuse_mac_get_default(mac);
    snprintf(d->name, sizeof(d->name), "esp32-%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
}

static void release(struct arduino *d)
{
    if (d->udp_fd >= 0) {
        (void)close(d->udp_fd);
    }
    push_intake_delete(d->intake);
    free(d);
    agent_release();
}

static int open_udp(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_ANY)}};
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static esp_err_t set_up(struct arduino *d)
{
    d->intake = push_intake_create();
    if (d->intake == NULL) {
        return ESP_ERR_NO_MEM;
    }
    d->udp_fd = open_udp(d->config.port);
    if (d->udp_fd < 0) {
        ESP_LOGE(TAG, "port %u can't be had: %s", (unsigned)d->config.port, strerror(errno));
        return ESP_FAIL;
    }
    if (xTaskCreate(arduino_task, "push_arduino", d->config.task_stack_size, d, d->config.task_priority,
                    NULL) != pdPASS) {
        return ESP_ERR_NO_MEM;
    }
    return ESP_OK;
}

esp_err_t airlift_push_arduino_start(const airlift_push_arduino_config_t *config)
{
    if (config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (device != NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    esp_err_t err = agent_hold();

    if (err != ESP_OK) {
        return err;
    }
    struct arduino *d = calloc(1, sizeof(*d));

    if (d == NULL) {
        agent_release();
        return ESP_ERR_NO_MEM;
    }
    d->config = *config;
    d->udp_fd = -1;
    set_defaults(d);
    err = set_up(d);
    if (err != ESP_OK) {
        release(d);
        return err;
    }
    device = d;
    if (!d->config.no_mdns) {
        announce(d);
    }
    ESP_LOGI(TAG, "%s waits for invitations on port %u, %s", d->name, (unsigned)d->config.port,
             d->config.password != NULL ? "with a password"
             : d->config.allow_open     ? "from anybody"
                                        : "from this device itself only: no password is set");
    return ESP_OK;
}

esp_err_t airlift_push_arduino_stop(void)
{
    struct arduino *d = device;

    if (d == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    device = NULL;
    d->stop = true;
    while (!d->ended) {
        vTaskDelay(pdMS_TO_TICKS(20));
    }
    if (!d->config.no_mdns) {
        (void)mdns_service_remove("_arduino", "_tcp"); /* never announced: nothing to remove */
    }
    release(d);
    return ESP_OK;
}
