/*
 * One connection: bytes in and out, contexts, and what other tasks ask of it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "httpd.h"
#include "idf_runtime.h"

static int socket_error(void)
{
    switch (errno) {
    case EAGAIN:
        return HTTPD_SOCK_ERR_TIMEOUT;
    case EINVAL:
    case EBADF:
    case EFAULT:
    case ENOTSOCK:
        return HTTPD_SOCK_ERR_INVALID;
    default:
        return HTTPD_SOCK_ERR_FAIL;
    }
}

static int default_send(httpd_handle_t hd, int fd, const char *buf, size_t len, int flags)
{
    ssize_t n;

    (void)hd;
    if (buf == NULL) {
        return HTTPD_SOCK_ERR_INVALID;
    }
    idf_block_enter();
    do {
        n = send(fd, buf, len, flags | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    idf_block_exit();
    return n < 0 ? socket_error() : (int)n;
}

static int default_recv(httpd_handle_t hd, int fd, char *buf, size_t len, int flags)
{
    ssize_t n;

    (void)hd;
    if (buf == NULL) {
        return HTTPD_SOCK_ERR_INVALID;
    }
    idf_block_enter();
    do {
        n = recv(fd, buf, len, flags);
    } while (n < 0 && errno == EINTR);
    idf_block_exit();
    return n < 0 ? socket_error() : (int)n;
}

static void set_int(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value); /* a wish: the connection works without */
}

void httpd_sess_open(struct httpd_sess *sess, int fd)
{
    const httpd_config_t *c = &sess->server->config;
    struct timeval in = {.tv_sec = c->recv_wait_timeout}, out = {.tv_sec = c->send_wait_timeout};

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &in, sizeof in);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &out, sizeof out);
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (c->enable_so_linger) {
        struct linger linger = {.l_onoff = 1, .l_linger = c->linger_timeout};

        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    if (c->keep_alive_enable) {
        set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, c->keep_alive_idle);
        set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, c->keep_alive_interval);
        set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, c->keep_alive_count);
    }
    pthread_mutex_lock(&sess->server->lock);
    sess->fd = fd;
    sess->used_at = ++sess->server->clock;
    sess->is_async = sess->must_close = false;
    sess->ctx = sess->transport_ctx = NULL;
    sess->free_ctx = sess->free_transport_ctx = NULL;
    sess->send = default_send;
    sess->recv = default_recv;
    sess->pending = NULL;
    sess->left = NULL;
    sess->left_off = sess->left_len = sess->left_room = 0;
    pthread_mutex_unlock(&sess->server->lock);
    if (c->open_fn != NULL && c->open_fn(sess->server, fd) != ESP_OK) {
        httpd_sess_close(sess);
        return;
    }
    httpd_event(HTTP_SERVER_EVENT_ON_CONNECTED, &fd, sizeof fd);
}

static void free_ctx(void *ctx, httpd_free_ctx_fn_t fn)
{
    if (ctx != NULL) {
        (fn != NULL ? fn : free)(ctx);
    }
}

/* An answer that was sent before the request was read to its end would be lost with a reset. */
static void close_gently(int fd)
{
    char waste[4096];

    (void)shutdown(fd, SHUT_WR);
    while (recv(fd, waste, sizeof waste, MSG_DONTWAIT) > 0) {
    }
    close(fd);
}

void httpd_sess_close(struct httpd_sess *sess)
{
    struct httpd_server *s = sess->server;
    void *ctx, *transport_ctx;
    int fd = sess->fd;

    /* The contexts first, as long as the socket's number is this connection's: freeing may end the transport. */
    pthread_mutex_lock(&s->lock);
    ctx = sess->ctx;
    transport_ctx = sess->transport_ctx;
    sess->ctx = sess->transport_ctx = NULL;
    pthread_mutex_unlock(&s->lock);
    free_ctx(ctx, sess->free_ctx);
    free_ctx(transport_ctx, sess->free_transport_ctx);
    free(sess->left);
    pthread_mutex_lock(&s->lock);
    sess->fd = -1;
    pthread_mutex_unlock(&s->lock);
    if (s->config.close_fn != NULL) {
        s->config.close_fn(s, fd);
    } else {
        close_gently(fd);
    }
    httpd_event(HTTP_SERVER_EVENT_DISCONNECTED, &fd, sizeof fd);
}

/* ---- Bytes ----------------------------------------------------------------- */

int httpd_sess_recv(struct httpd_sess *sess, char *buf, size_t len)
{
    if (sess->left_len > 0) {
        size_t n = len < sess->left_len ? len : sess->left_len;

        memcpy(buf, sess->left + sess->left_off, n);
        sess->left_off += n;
        sess->left_len -= n;
        return (int)n;
    }
    return sess->recv(sess->server, sess->fd, buf, len, 0);
}

int httpd_sess_send(struct httpd_sess *sess, const char *buf, size_t len)
{
    size_t sent = 0;

    while (sent < len) {
        int n = sess->send(sess->server, sess->fd, buf + sent, len - sent, 0);

        if (n <= 0) {
            return n < 0 ? n : HTTPD_SOCK_ERR_FAIL;
        }
        sent += (size_t)n;
    }
    return (int)len;
}

bool httpd_sess_put_back(struct httpd_sess *sess, const char *buf, size_t len)
{
    if (len > sess->left_room) {
        char *more = realloc(sess->left, len);

        if (more == NULL) {
            return false;
        }
        sess->left = more;
        sess->left_room = len;
    }
    if (len > 0) {
        memcpy(sess->left, buf, len);
    }
    sess->left_off = 0;
    sess->left_len = len;
    return true;
}

bool httpd_sess_has_left(struct httpd_sess *sess)
{
    return sess->left_len > 0 || (sess->pending != NULL && sess->pending(sess->server, sess->fd) > 0);
}

/* ---- By socket, from any task ---------------------------------------------- */

struct httpd_sess *httpd_sess_find(struct httpd_server *s, int fd)
{
    for (unsigned i = 0; s != NULL && fd >= 0 && i < s->config.max_open_sockets; i++) {
        if (s->sess[i].fd == fd) {
            return &s->sess[i];
        }
    }
    return NULL;
}

/* The connection, and the lock if there is one. */
static struct httpd_sess *lock_found(httpd_handle_t handle, int fd)
{
    struct httpd_server *s = handle;
    struct httpd_sess *sess;

    if (s == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&s->lock);
    sess = httpd_sess_find(s, fd);
    if (sess == NULL) {
        pthread_mutex_unlock(&s->lock);
    }
    return sess;
}

void *httpd_sess_get_ctx(httpd_handle_t handle, int sockfd)
{
    struct httpd_sess *sess = lock_found(handle, sockfd);
    void *ctx = NULL;

    if (sess != NULL) {
        ctx = sess->ctx;
        pthread_mutex_unlock(&sess->server->lock);
    }
    return ctx;
}

/* Another context in place of *ctx. */
static void replace(void **ctx, httpd_free_ctx_fn_t *fn, void *new_ctx, httpd_free_ctx_fn_t new_fn)
{
    if (*ctx != new_ctx) {
        free_ctx(*ctx, *fn);
    }
    *ctx = new_ctx;
    *fn = new_fn;
}

void httpd_sess_set_ctx(httpd_handle_t handle, int sockfd, void *ctx, httpd_free_ctx_fn_t free_fn)
{
    struct httpd_sess *sess = lock_found(handle, sockfd);

    if (sess != NULL) {
        replace(&sess->ctx, &sess->free_ctx, ctx, free_fn);
        pthread_mutex_unlock(&sess->server->lock);
    }
}

void *httpd_sess_get_transport_ctx(httpd_handle_t handle, int sockfd)
{
    struct httpd_sess *sess = lock_found(handle, sockfd);
    void *ctx = NULL;

    if (sess != NULL) {
        ctx = sess->transport_ctx;
        pthread_mutex_unlock(&sess->server->lock);
    }
    return ctx;
}

void httpd_sess_set_transport_ctx(httpd_handle_t handle, int sockfd, void *ctx, httpd_free_ctx_fn_t free_fn)
{
    struct httpd_sess *sess = lock_found(handle, sockfd);

    if (sess != NULL) {
        replace(&sess->transport_ctx, &sess->free_transport_ctx, ctx, free_fn);
        pthread_mutex_unlock(&sess->server->lock);
    }
}

esp_err_t httpd_sess_set_send_override(httpd_handle_t hd, int sockfd, httpd_send_func_t send_func)
{
    struct httpd_sess *sess = lock_found(hd, sockfd);

    if (sess == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    sess->send = send_func != NULL ? send_func : default_send;
    pthread_mutex_unlock(&sess->server->lock);
    return ESP_OK;
}

esp_err_t httpd_sess_set_recv_override(httpd_handle_t hd, int sockfd, httpd_recv_func_t recv_func)
{
    struct httpd_sess *sess = lock_found(hd, sockfd);

    if (sess == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    sess->recv = recv_func != NULL ? recv_func : default_recv;
    pthread_mutex_unlock(&sess->server->lock);
    return ESP_OK;
}

esp_err_t httpd_sess_set_pending_override(httpd_handle_t hd, int sockfd, httpd_pending_func_t pending_func)
{
    struct httpd_sess *sess = lock_found(hd, sockfd);

    if (sess == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    sess->pending = pending_func;
    pthread_mutex_unlock(&sess->server->lock);
    return ESP_OK;
}

esp_err_t httpd_sess_update_lru_counter(httpd_handle_t handle, int sockfd)
{
    struct httpd_sess *sess = lock_found(handle, sockfd);

    if (sess == NULL) {
        return handle == NULL ? ESP_ERR_INVALID_ARG : ESP_ERR_NOT_FOUND;
    }
    sess->used_at = ++sess->server->clock;
    pthread_mutex_unlock(&sess->server->lock);
    return ESP_OK;
}

esp_err_t httpd_sess_trigger_close(httpd_handle_t handle, int sockfd)
{
    struct httpd_sess *sess = lock_found(handle, sockfd);

    if (sess == NULL) {
        return handle == NULL ? ESP_ERR_INVALID_ARG : ESP_ERR_NOT_FOUND;
    }
    sess->must_close = true;
    pthread_mutex_unlock(&sess->server->lock);
    httpd_wake(handle);
    return ESP_OK;
}

esp_err_t httpd_get_client_list(httpd_handle_t handle, size_t *fds, int *client_fds)
{
    struct httpd_server *s = handle;
    size_t n = 0;

    if (s == NULL || fds == NULL || client_fds == NULL || *fds < s->config.max_open_sockets) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->config.max_open_sockets; i++) {
        if (s->sess[i].fd >= 0) {
            client_fds[n++] = s->sess[i].fd;
        }
    }
    pthread_mutex_unlock(&s->lock);
    *fds = n;
    return ESP_OK;
}

int httpd_socket_send(httpd_handle_t hd, int sockfd, const char *buf, size_t buf_len, int flags)
{
    struct httpd_sess *sess = lock_found(hd, sockfd);
    httpd_send_func_t fn;

    if (sess == NULL) {
        return HTTPD_SOCK_ERR_INVALID;
    }
    fn = sess->send;
    pthread_mutex_unlock(&sess->server->lock);
    return fn(hd, sockfd, buf, buf_len, flags);
}

int httpd_socket_recv(httpd_handle_t hd, int sockfd, char *buf, size_t buf_len, int flags)
{
    struct httpd_sess *sess = lock_found(hd, sockfd);
    httpd_recv_func_t fn;

    if (sess == NULL) {
        return HTTPD_SOCK_ERR_INVALID;
    }
    fn = sess->recv;
    pthread_mutex_unlock(&sess->server->lock);
    return fn(hd, sockfd, buf, buf_len, flags);
}
