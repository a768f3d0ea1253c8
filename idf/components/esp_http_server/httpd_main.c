/*
 * The server's task: connections come, are served one request at a time, and go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device/shared.h"
#include "esp_log.h"
#include "httpd.h"
#include "idf_runtime.h"

static const char *const TAG = "httpd";

ESP_EVENT_DEFINE_BASE(ESP_HTTP_SERVER_EVENT);

void httpd_event(esp_http_server_event_id_t id, const void *data, size_t size)
{
    (void)esp_event_post(ESP_HTTP_SERVER_EVENT, id, data, size,
                         pdMS_TO_TICKS(1000)); /* or there is no loop */
}

void httpd_wake(struct httpd_server *s)
{
    const uint64_t one = 1;

    if (write(s->wake, &one, sizeof one) < 0) {
        ESP_LOGE(TAG, "eventfd: %s", strerror(errno));
    }
}

/* ---- Listening --------------------------------------------------------------- */

/* Where on the host the firmware's port is. */
static uint16_t host_port(uint16_t port)
{
    const char *pairs = getenv(DEV_ENV_PORTS);

    while (pairs != NULL && *pairs != '\0') {
        unsigned from, to;

        if (sscanf(pairs, "%u=%u", &from, &to) == 2 && from == port && to <= UINT16_MAX) {
            return (uint16_t)to;
        }
        pairs = strchr(pairs, ',');
        pairs = pairs != NULL ? pairs + 1 : NULL;
    }
    return port;
}

/* A socket for IPv6 and IPv4, or for IPv4 where there is no IPv6. -1: none. */
static int bound_socket(uint16_t port)
{
    const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    const struct sockaddr_in any4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int yes = 1, no = 0;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) == 0 &&
        bind(fd, (const struct sockaddr *)&any6, sizeof any6) == 0) {
        return fd;
    }
    if (fd >= 0 && errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
        close(fd);
        return -1;
    }
    if (fd >= 0) {
        close(fd);
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
                    bind(fd, (const struct sockaddr *)&any4, sizeof any4) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static esp_err_t start_listening(struct httpd_server *s)
{
    uint16_t asked = s->config.server_port, port = host_port(asked);

    s->listener = bound_socket(port);
    if (s->listener < 0 || listen(s->listener, s->config.backlog_conn) != 0) {
        ESP_LOGE(TAG, "port %u: %s%s", port, strerror(errno),
                 port == asked ? " (airlift device run --port PORT=ANOTHER puts it elsewhere)" : "");
        return ESP_FAIL;
    }
    if (port != asked) {
        ESP_LOGI(TAG, "port %u is the host's port %u", asked, port);
    }
    return ESP_OK;
}

/* ---- The task ---------------------------------------------------------------- */

/* A free place for a connection, made by closing the one that was idle longest if that is wished. NULL: none. */
static struct httpd_sess *free_place(struct httpd_server *s, bool purge)
{
    struct httpd_sess *oldest = NULL;

    for (unsigned i = 0; i < s->config.max_open_sockets; i++) {
        struct httpd_sess *sess = &s->sess[i];

        if (sess->fd < 0) {
            return sess;
        }
        if (!sess->is_async && (oldest == NULL || sess->used_at < oldest->used_at)) {
            oldest = sess;
        }
    }
    if (purge && oldest != NULL) {
        httpd_sess_close(oldest);
        return oldest;
    }
    return NULL;
}

static bool can_accept(struct httpd_server *s)
{
    for (unsigned i = 0; i < s->config.max_open_sockets; i++) {
        if (s->sess[i].fd < 0 || (s->config.lru_purge_enable && !s->sess[i].is_async)) {
            return true;
        }
    }
    return false;
}

static void accept_one(struct httpd_server *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    struct httpd_sess *place;

    if (fd < 0) {
        return; /* it has gone already */
    }
    place = free_place(s, s->config.lru_purge_enable);
    if (place == NULL) {
        close(fd);
        return;
    }
    httpd_sess_open(place, fd);
}

static void serve(struct httpd_sess *sess)
{
    (void)httpd_sess_update_lru_counter(sess->server, sess->fd);
    if (!httpd_serve(sess)) {
        sess->must_close = true;
    }
}

/* Close those that are to be closed; false if the server is to stop. */
static bool tidy(struct httpd_server *s)
{
    bool stop;

    for (unsigned i = 0; i < s->config.max_open_sockets; i++) {
        if (s->sess[i].fd >= 0 && s->sess[i].must_close && !s->sess[i].is_async) {
            httpd_sess_close(&s->sess[i]);
        }
    }
    pthread_mutex_lock(&s->lock);
    stop = s->stop;
    pthread_mutex_unlock(&s->lock);
    return !stop;
}

static void do_work(struct httpd_server *s)
{
    struct httpd_work *all, *next;

    pthread_mutex_lock(&s->lock);
    all = s->work;
    s->work = NULL;
    s->work_end = &s->work;
    pthread_mutex_unlock(&s->lock);
    for (; all != NULL; all = next) {
        next = all->next;
        all->run(all->arg);
        free(all);
    }
}

/* Wait until something happens, and see to it. */
static void step(struct httpd_server *s, struct pollfd *polls)
{
    unsigned n = s->config.max_open_sockets;
    bool is_left = false;
    uint64_t ignored;

    polls[0] = (struct pollfd){.fd = s->wake, .events = POLLIN};
    polls[1] = (struct pollfd){.fd = can_accept(s) ? s->listener : -1, .events = POLLIN};
    for (unsigned i = 0; i < n; i++) {
        struct httpd_sess *sess = &s->sess[i];

        polls[2 + i] = (struct pollfd){.fd = sess->is_async ? -1 : sess->fd, .events = POLLIN};
        is_left = is_left || (sess->fd >= 0 && !sess->is_async && httpd_sess_has_left(sess));
    }
    idf_block_enter();
    (void)poll(polls, 2 + n, is_left ? 0 : -1);
    idf_block_exit();
    if (polls[0].revents != 0 && read(s->wake, &ignored, sizeof ignored) < 0 && errno != EAGAIN) {
        ESP_LOGE(TAG, "eventfd: %s", strerror(errno));
    }
    do_work(s);
    for (unsigned i = 0; i < n && tidy(s); i++) {
        struct httpd_sess *sess = &s->sess[i];

        if (polls[2 + i].fd >= 0 && polls[2 + i].fd == sess->fd && !sess->is_async &&
            (polls[2 + i].revents != 0 || httpd_sess_has_left(sess))) {
            serve(sess);
        }
    }
    if (polls[1].revents != 0) {
        accept_one(s);
    }
}

static void task(void *arg)
{
    struct httpd_server *s = arg;
    struct pollfd *polls = calloc(2u + s->config.max_open_sockets, sizeof *polls);

    if (polls == NULL) {
        ESP_LOGE(TAG, "out of memory");
    } else {
        while (tidy(s)) {
            step(s, polls);
        }
    }
    free(polls);
    for (unsigned i = 0; i < s->config.max_open_sockets; i++) {
        if (s->sess[i].fd >= 0) {
            httpd_sess_close(&s->sess[i]);
        }
    }
    xSemaphoreGive(s->ended);
    vTaskDelete(NULL);
}

/* ---- Start and stop ---------------------------------------------------------- */

static void free_global(void *ctx, httpd_free_ctx_fn_t fn)
{
    if (ctx != NULL) {
        (fn != NULL ? fn : free)(ctx);
    }
}

static void free_server(struct httpd_server *s)
{
    struct httpd_work *next;

    for (; s->work != NULL; s->work = next) {
        next = s->work->next;
        free(s->work);
    }
    for (unsigned i = 0; i < s->n_uris; i++) {
        free((char *)s->uri[i].uri);
    }
    if (s->listener >= 0) {
        close(s->listener);
    }
    if (s->wake >= 0) {
        close(s->wake);
    }
    if (s->ended != NULL) {
        vSemaphoreDelete(s->ended);
    }
    pthread_mutex_destroy(&s->lock);
    free(s->uri);
    free(s->sess);
    free(s);
}

static struct httpd_server *new_server(const httpd_config_t *config)
{
    struct httpd_server *s = calloc(1, sizeof *s);

    if (s == NULL) {
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->config = *config;
    s->listener = -1;
    s->work_end = &s->work;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->ended = xSemaphoreCreateBinary();
    s->sess = calloc(config->max_open_sockets, sizeof *s->sess);
    s->uri = calloc(config->max_uri_handlers + 1u, sizeof *s->uri);
    if (s->wake < 0 || s->ended == NULL || s->sess == NULL || s->uri == NULL) {
        free_server(s);
        return NULL;
    }
    for (unsigned i = 0; i < config->max_open_sockets; i++) {
        s->sess[i].server = s;
        s->sess[i].fd = -1;
    }
    return s;
}

esp_err_t httpd_start(httpd_handle_t *handle, const httpd_config_t *config)
{
    struct httpd_server *s;
    esp_err_t err;

    if (handle == NULL || config == NULL || config->max_open_sockets == 0 ||
        config->max_uri_len > HTTPD_URI_ROOM) {
        return ESP_ERR_INVALID_ARG;
    }
    s = new_server(config);
    if (s == NULL) {
        return ESP_ERR_HTTPD_ALLOC_MEM;
    }
    err = start_listening(s);
    if (err == ESP_OK && xTaskCreatePinnedToCore(task, "httpd", (uint32_t)config->stack_size, s,
                                                 config->task_priority, NULL, config->core_id) != pdPASS) {
        err = ESP_ERR_HTTPD_TASK;
    }
    if (err != ESP_OK) {
        free_server(s);
        return err;
    }
    *handle = s;
    httpd_event(HTTP_SERVER_EVENT_START, NULL, 0);
    return ESP_OK;
}

esp_err_t httpd_stop(httpd_handle_t handle)
{
    struct httpd_server *s = handle;

    if (s == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_mutex_unlock(&s->lock);
    httpd_wake(s);
    xSemaphoreTake(s->ended, portMAX_DELAY);
    free_global(s->config.global_user_ctx, s->config.global_user_ctx_free_fn);
    free_global(s->config.global_transport_ctx, s->config.global_transport_ctx_free_fn);
    free_server(s);
    httpd_event(HTTP_SERVER_EVENT_STOP, NULL, 0);
    return ESP_OK;
}

void *httpd_get_global_user_ctx(httpd_handle_t handle)
{
    return ((struct httpd_server *)handle)->config.global_user_ctx;
}

void *httpd_get_global_transport_ctx(httpd_handle_t handle)
{
    return ((struct httpd_server *)handle)->config.global_transport_ctx;
}

esp_err_t httpd_queue_work(httpd_handle_t handle, httpd_work_fn_t work, void *arg)
{
    struct httpd_server *s = handle;
    struct httpd_work *item;

    if (s == NULL || work == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    item = malloc(sizeof *item);
    if (item == NULL) {
        return ESP_FAIL;
    }
    *item = (struct httpd_work){.run = work, .arg = arg};
    pthread_mutex_lock(&s->lock);
    *s->work_end = item;
    s->work_end = &item->next;
    pthread_mutex_unlock(&s->lock);
    httpd_wake(s);
    return ESP_OK;
}
