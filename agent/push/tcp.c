/*
 * The listener: one client at a time has a session, others are told so. Its task
 * only receives; flash is the agent's task's business (intake.h).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift_push.h"
#include "esp_log.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "lwip/sockets.h"

#include "led.h"
#include "sockets.h"
#include "tcp_session.h"

#define TAG        "push_tcp"
#define RESTART_MS 2000u /* after !*, as ever */
#define POLL_MS    500u  /* how soon a stop or a silence is noticed */
#define CHUNK      2048u /* bytes read at once */

struct listener {
    airlift_push_tcp_config_t config;
    struct push_intake *intake;
    int listen_fd, client_fd; /* -1: none */
    int64_t heard_us;         /* when the client said something last */
    bool broken;              /* an answer did not reach it */
    struct push_partings partings;
    struct push_tcp_session session;
    uint8_t chunk[CHUNK];
    _Atomic bool stop, ended;
};

static struct listener *listener; /* the one; NULL: not running */

/* --- What a session works with -------------------------------------------------- */

static void reply(void *ctx, const char *text, size_t len)
{
    struct listener *l = ctx;

    l->broken = l->broken || !push_send(l->client_fd, text, len);
}

static airlift_fail_t begin(void *ctx, const struct push_order *order, uint32_t *pos,
                            char why[AGENT_TEXT_SIZE])
{
    struct listener *l = ctx;
    const airlift_fail_t fail = push_intake_begin(l->intake, order, pos, why);

    push_led_set_updating(fail == AIRLIFT_FAIL_NONE);
    return fail;
}

static airlift_fail_t data(void *ctx, const void *bytes, size_t len, char why[AGENT_TEXT_SIZE])
{
    return push_intake_data(((struct listener *)ctx)->intake, bytes, len, why);
}

static airlift_fail_t end(void *ctx, bool *verified, char why[AGENT_TEXT_SIZE])
{
    const airlift_fail_t fail = push_intake_end(((struct listener *)ctx)->intake, verified, why);

    push_led_set_updating(fail == AIRLIFT_FAIL_NONE);
    return fail;
}

static void give_up(void *ctx)
{
    push_intake_abort(((struct listener *)ctx)->intake);
    push_led_set_updating(false);
}

static airlift_fail_t restart(void *ctx, char why[AGENT_TEXT_SIZE])
{
    return push_intake_restart(((struct listener *)ctx)->intake, RESTART_MS, why);
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    esp_fill_random(out, len);
}

static const struct push_tcp_ops ops = {
    .reply = reply,
    .begin = begin,
    .data = data,
    .end = end,
    .abort = give_up,
    .restart = restart,
    .random = random_bytes,
};

/* --- Clients -------------------------------------------------------------------- */

static void end_client(struct listener *l)
{
    push_tcp_close(&l->session);
    push_part(&l->partings, l->client_fd);
    l->client_fd = -1;
}

static void refuse(struct listener *l, int fd, enum push_tcp_error error, const char *why)
{
    char text[AGENT_TEXT_SIZE];

    (void)push_send(fd, text, push_tcp_refusal(error, why, text, sizeof(text)));
    push_part(&l->partings, fd);
}

static void welcome(struct listener *l)
{
    struct sockaddr_in peer;
    const int fd = push_accept(l->listen_fd, &peer);
    char name[32];

    if (fd < 0) {
        return;
    }
    push_name(&peer, name, sizeof(name));
    if (l->client_fd >= 0) {
        ESP_LOGW(TAG, "%s: told to wait, another sender is connected", name);
        refuse(l, fd, PUSH_TCP_BUSY, "another sender is connected");
    } else if (l->config.key == NULL && !l->config.allow_keyless && !push_is_loopback(&peer)) {
        ESP_LOGW(TAG, "%s: refused, no key is set", name);
        refuse(l, fd, PUSH_TCP_DENIED, "this device has no key yet and takes firmware from itself only");
    } else {
        ESP_LOGI(TAG, "%s connected", name);
        l->client_fd = fd;
        l->broken = false;
        l->heard_us = esp_timer_get_time();
        push_tcp_open(&l->session, &ops, l, l->config.key, l->config.allow_keyless);
    }
}

static void hear(struct listener *l)
{
    const ssize_t n = recv(l->client_fd, l->chunk, sizeof(l->chunk), 0);

    if (n <= 0) {
        if (l->session.open) {
            ESP_LOGW(TAG, "the sender is gone in the middle of an update");
        }
        end_client(l);
        return;
    }
    if (!push_tcp_feed(&l->session, l->chunk, (size_t)n) || l->broken) {
        end_client(l);
    }
    l->heard_us = esp_timer_get_time(); /* what the flash took is no silence */
}

static void listen_task(void *arg)
{
    struct listener *l = arg;

    while (!l->stop) {
        fd_set readable;
        int most = l->listen_fd > l->client_fd ? l->listen_fd : l->client_fd;
        struct timeval wait = {.tv_usec = POLL_MS * 1000};

        FD_ZERO(&readable);
        FD_SET(l->listen_fd, &readable);
        if (l->client_fd >= 0) {
            FD_SET(l->client_fd, &readable);
        }
        most = push_partings_watch(&l->partings, &readable, most);
        if (select(most + 1, &readable, NULL, NULL, &wait) < 0) {
            FD_ZERO(&readable);
            vTaskDelay(pdMS_TO_TICKS(POLL_MS));
        }
        push_partings_serve(&l->partings, &readable);
        if (l->client_fd >= 0 && FD_ISSET(l->client_fd, &readable)) {
            hear(l);
        } else if (l->client_fd >= 0 &&
                   esp_timer_get_time() - l->heard_us > (int64_t)l->config.timeout_s * 1000000) {
            ESP_LOGW(TAG, "nothing came for %" PRIu32 " s: the sender is taken for gone",
                     l->config.timeout_s);
            end_client(l);
        }
        if (FD_ISSET(l->listen_fd, &readable)) {
            welcome(l);
        }
    }
    if (l->client_fd >= 0) {
        end_client(l);
    }
    push_partings_end(&l->partings);
    l->ended = true;
    vTaskDelete(NULL);
}

/* --- Public --------------------------------------------------------------------- */

static void set_defaults(airlift_push_tcp_config_t *c)
{
    c->port = c->port != 0 ? c->port : 80;
    c->key = c->key != NULL && c->key[0] != '\0' ? c->key : NULL;
    c->timeout_s = c->timeout_s != 0 ? c->timeout_s : 30;
    c->task_stack_size = c->task_stack_size != 0 ? c->task_stack_size : 4096;
    c->task_priority = c->task_priority != 0 ? c->task_priority : 5;
}

static void release(struct listener *l)
{
    if (l->listen_fd >= 0) {
        (void)close(l->listen_fd);
    }
    push_intake_delete(l->intake);
    free(l);
    agent_release();
}

static esp_err_t set_up(struct listener *l)
{
    l->intake = push_intake_create();
    if (l->intake == NULL) {
        return ESP_ERR_NO_MEM;
    }
    l->listen_fd = push_listen(l->config.port);
    if (l->listen_fd < 0) {
        ESP_LOGE(TAG, "port %u can't be had: %s", (unsigned)l->config.port, strerror(errno));
        return ESP_FAIL;
    }
    if (l->config.led) {
        const esp_err_t err = push_led_start(l->config.led_gpio);

        if (err != ESP_OK) {
            return err;
        }
    }
    if (xTaskCreate(listen_task, "push_tcp", l->config.task_stack_size, l, l->config.task_priority, NULL) !=
        pdPASS) {
        push_led_stop();
        return ESP_ERR_NO_MEM;
    }
    return ESP_OK;
}

esp_err_t airlift_push_tcp_start(const airlift_push_tcp_config_t *config)
{
    if (config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (listener != NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    esp_err_t err = agent_hold();

    if (err != ESP_OK) {
        return err;
    }
    struct listener *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        agent_release();
        return ESP_ERR_NO_MEM;
    }
    l->config = *config;
    l->listen_fd = l->client_fd = -1;
    set_defaults(&l->config);
    push_partings_init(&l->partings);
    err = set_up(l);
    if (err != ESP_OK) {
        release(l);
        return err;
    }
    listener = l;
    ESP_LOGI(TAG, "waiting for firmware on port %u, %s", (unsigned)l->config.port,
             l->config.key != NULL     ? "with a key"
             : l->config.allow_keyless ? "from anybody"
                                       : "from this device itself only: no key is set");
    return ESP_OK;
}

esp_err_t airlift_push_tcp_stop(void)
{
    struct listener *l = listener;

    if (l == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    listener = NULL;
    l->stop = true;
    while (!l->ended) {
        vTaskDelay(pdMS_TO_TICKS(20));
    }
    push_led_stop();
    release(l);
    return ESP_OK;
}
