/*
 * server.c - start and stop: the data directory, the workers, their limits.
 */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../artifact/artifact_s3.h"
#include "cert.h"
#include "host/file.h"
#include "host/log.h"
#include "listen.h"
#include "request.h"
#include "token.h"

#define MAX_WORKERS 16u

/* Descriptors kept for the database, uploads and the rest; connections get what is left. */
#define RESERVED_FDS 128u

/*
 * Bounds both a connection's memory and the size of its headers, which share it with the answer's: presigned
 * links are long, so 8 KiB of headers must pass.
 */
#define CONNECTION_POOL (16u * 1024u)

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct srv_server {
    struct srv_context context;
    struct srv_worker worker[MAX_WORKERS];
    unsigned n_workers;
    gnutls_datum_t ticket_key; /* one for all workers: a session resumes in any of them */
    struct srv_cert cert;
    bool watching;
    int lock_fd;
    char *cert_path; /* owned */
    char *database_path;
    char url[320];
    char token[SRV_TOKEN_SIZE]; /* "" unless this start made one */
};

/* --- The data directory ---------------------------------------------------- */

static char *path_in(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

/*
 * One server for a data directory: another one's uploads must not be swept away. The lock is the process's
 * own, not the descriptor's: a child that makes a patch has that for a moment, also when the server is gone.
 */
static int lock_data_dir(const char *data_dir, int *fd, char *err, size_t err_size)
{
    char *path = path_in(data_dir, "lock");
    *fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
    if (*fd < 0) {
        snprintf(err, err_size, "%s/lock: %s", data_dir, strerror(errno));
    } else if (fcntl(*fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET}) != 0) {
        snprintf(err, err_size, "%s: %s", data_dir,
                 errno == EAGAIN || errno == EACCES ? "another airlift server is using this data directory"
                                                    : strerror(errno));
        close(*fd);
        *fd = -1;
    }
    free(path);
    return *fd < 0 ? -1 : 0;
}

static int open_cert(struct srv_server *s, const struct srv_config *config, const char *host, char *err,
                     size_t err_size)
{
    char *key_path = config->key_path ? strdup(config->key_path) : path_in(config->data_dir, "key.pem");
    s->cert_path = config->cert_path ? strdup(config->cert_path) : path_in(config->data_dir, "cert.pem");
    int result = -1;
    if (!key_path || !s->cert_path) {
        snprintf(err, err_size, "out of memory");
    } else if (config->cert_path || srv_cert_make(s->cert_path, key_path, host, err, err_size) == 0) {
        result = srv_cert_load(&s->cert, s->cert_path, key_path, err, err_size);
    }
    free(key_path);
    if (result == 0 && !config->cert_path) {
        srv_cert_warn_host(&s->cert, host);
    }
    return result;
}

static int ensure_token(struct srv_server *s, char *err, size_t err_size)
{
    char hash[65];
    struct srv_store *store = s->worker[0].store;
    enum srv_status status = srv_store_get_token(store, SRV_ROLE_ADMIN, hash);
    if (status == SRV_NOT_FOUND) {
        status = srv_token_make(store, SRV_ROLE_ADMIN, s->token);
    }
    if (status != SRV_OK) {
        snprintf(err, err_size, "%s: the admin token could not be stored", s->database_path);
        return -1;
    }
    return 0;
}

static int open_data_dir(struct srv_server *s, const struct srv_config *config, const char *host, char *err,
                         size_t err_size)
{
    if (host_mkdirs(config->data_dir, 0755) != 0) {
        snprintf(err, err_size, "%s: %s", config->data_dir, strerror(errno));
        return -1;
    }
    s->database_path = path_in(config->data_dir, "airlift.db");
    if (!s->database_path) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    if (lock_data_dir(config->data_dir, &s->lock_fd, err, err_size) != 0 ||
        open_cert(s, config, host, err, err_size) != 0 ||
        srv_artifacts_open(&s->context.artifacts, config->data_dir, err, err_size) != 0) {
        return -1;
    }
    if (config->bucket && srv_bucket_open(&s->context.artifacts.bucket, config->bucket, config->s3,
                                          config->link_seconds, err, err_size) != 0) {
        return -1;
    }
    for (unsigned i = 0; i < s->n_workers; i++) {
        if (srv_store_open(s->database_path, &s->worker[i].store, err, err_size) != 0) {
            return -1;
        }
        s->worker[i].context = &s->context;
    }
    return 0;
}

/* --- Workers --------------------------------------------------------------- */

/* Out of descriptors a worker would spin on accept(), so the limit must be reached before that. */
static unsigned connections_per_worker(unsigned n_workers)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 256;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    rlim_t fds = limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 1000000 ? 1000000 : limit.rlim_cur;
    rlim_t usable = fds > 2 * RESERVED_FDS ? fds - RESERVED_FDS : fds / 2;
    return usable > n_workers ? (unsigned)(usable / n_workers) : 1;
}

/* Tickets are off by default; a device that polls resumes at a fraction of a full handshake's cost. */
static void enable_tickets(const struct srv_server *s, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info && info->tls_session) {
        (void)gnutls_session_ticket_enable_server(info->tls_session, &s->ticket_key);
    }
}

static void on_connection(void *server, struct MHD_Connection *mhd, void **conn,
                          enum MHD_ConnectionNotificationCode what)
{
    struct srv_server *s = server;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        enable_tickets(s, mhd);
    }
    srv_on_connection(&s->context, mhd, conn, what);
}

/* libmicrohttpd's own messages: mostly clients that give up. */
static void on_message(void *ctx, const char *format, va_list args)
{
    (void)ctx;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\r\n")] = '\0';
    host_log(HOST_LOG_DEBUG, "http", "message", text, NULL);
}

static int start_worker(struct srv_server *s, struct srv_worker *w, unsigned n_connections)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_message, NULL}, /* first, so that it hears of the others */
        {MHD_OPTION_LISTEN_SOCKET, w->listen_fd, NULL},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, s->cert.cert_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, s->cert.key_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, TLS_PRIORITIES},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, n_connections, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_POOL, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SRV_IDLE_TIMEOUT_MS / 1000, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, s},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)srv_on_completed, w},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)srv_on_uri, w},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS | MHD_USE_ITC |
                     MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME;
    w->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, srv_on_request, w, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    return w->daemon ? 0 : -1;
}

static int start_workers(struct srv_server *s, unsigned timeout_ms, char *err, size_t err_size)
{
    if (gnutls_session_ticket_key_generate(&s->ticket_key) != 0) {
        snprintf(err, err_size, "GnuTLS could not make a key for session tickets");
        return -1;
    }
    int error = srv_watch_start(&s->context.watch, timeout_ms);
    if (error) {
        snprintf(err, err_size, "cannot start a thread: %s", strerror(error));
        return -1;
    }
    s->watching = true;
    unsigned n_connections = connections_per_worker(s->n_workers);
    for (unsigned i = 0; i < s->n_workers; i++) {
        if (start_worker(s, &s->worker[i], n_connections) != 0) {
            snprintf(err, err_size, "%s: the HTTPS server did not start: does GnuTLS accept %s?", s->url,
                     s->cert_path);
            return -1;
        }
    }
    return 0;
}

static unsigned count_workers(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus < 1 ? 1 : cpus > (long)MAX_WORKERS ? MAX_WORKERS : (unsigned)cpus;
}

/* Patches are extra: a server that can't make them serves images. */
static void start_maker(struct srv_server *s, unsigned patches_from)
{
    struct srv_maker *m = &s->context.maker;
    char err[256];
    (void)srv_metrics_load(&s->context.metrics, s->worker[0].store);
    m->artifacts = &s->context.artifacts;
    m->metrics = &s->context.metrics;
    m->n_from = patches_from;
    if (srv_store_open(s->database_path, &m->store, err, sizeof err) != 0) {
        host_log(HOST_LOG_ERROR, "no_patches", "reason", err, NULL);
        return;
    }
    int error = srv_maker_start(m);
    if (error) {
        host_log(HOST_LOG_ERROR, "no_patches", "reason", strerror(error), NULL);
    }
}

static int keep_signer_keys(struct srv_context *c, const struct srv_config *config, char *err,
                            size_t err_size)
{
    size_t len = config->n_signer_keys * sizeof *c->signer_keys;
    if (len == 0) {
        return 0;
    }
    c->signer_keys = malloc(len);
    if (!c->signer_keys) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    memcpy(c->signer_keys, config->signer_keys, len);
    c->n_signer_keys = config->n_signer_keys;
    return 0;
}

/* --- Public ---------------------------------------------------------------- */

int srv_start(const struct srv_config *config, struct srv_server **out, char *err, size_t err_size)
{
    struct srv_server *s = calloc(1, sizeof *s);
    struct srv_listen listen;
    char port[6];
    if (!s) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    s->lock_fd = -1;
    srv_served_begin(&s->context.metrics.served);
    srv_history_begin(&s->context.metrics.history);
    srv_fleet_begin(&s->context.fleet);
    s->n_workers = count_workers();
    int fd[MAX_WORKERS];
    for (unsigned i = 0; i < MAX_WORKERS; i++) {
        s->worker[i].listen_fd = -1;
    }
    if (keep_signer_keys(&s->context, config, err, err_size) != 0 ||
        srv_listen_parse(config->listen, &listen, port, err, err_size) != 0 ||
        open_data_dir(s, config, listen.host, err, err_size) != 0 ||
        srv_listen_open(config->listen, &listen, fd, s->n_workers, err, err_size) != 0) {
        srv_stop(s, 0);
        return -1;
    }
    for (unsigned i = 0; i < s->n_workers; i++) {
        s->worker[i].listen_fd = fd[i];
    }
    strcpy(s->context.authority, listen.authority);
    snprintf(s->url, sizeof s->url, "https://%s", listen.authority);
    unsigned timeout_ms = config->request_timeout_ms ? config->request_timeout_ms : SRV_REQUEST_TIMEOUT_MS;
    /* The token comes as late as possible: one made by a start that fails would never be shown. */
    bool started = ensure_token(s, err, err_size) == 0;
    if (started && config->patches_from > 0) {
        start_maker(s, config->patches_from); /* before the workers, whose threads wake it */
    }
    if (!started || start_workers(s, timeout_ms, err, err_size) != 0) {
        srv_stop(s, 0);
        return -1;
    }
    *out = s;
    return 0;
}

const char *srv_url(const struct srv_server *s)
{
    return s->url;
}

const char *srv_cert_path(const struct srv_server *s)
{
    return s->cert_path;
}

const char *srv_new_admin_token(const struct srv_server *s)
{
    return s->token[0] ? s->token : NULL;
}

void srv_stop(struct srv_server *s, unsigned grace_ms)
{
    atomic_store(&s->context.stopping, true);
    for (unsigned i = 0; i < s->n_workers; i++) {
        struct srv_worker *w = &s->worker[i];
        if (w->daemon) {
            MHD_quiesce_daemon(w->daemon); /* the socket is ours again */
        }
        /* Ends the listening; the descriptor stays, as the worker may just be taking it out of its epoll set. */
        if (w->listen_fd >= 0) {
            shutdown(w->listen_fd, SHUT_RDWR);
        }
    }
    int64_t until = srv_now_ms() + grace_ms;
    while (atomic_load(&s->context.n_running) > 0 && srv_now_ms() < until) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    while (atomic_load(&s->context.n_puts) > 0) { /* no daemon may stop while a request of its rests */
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    for (unsigned i = 0; i < s->n_workers; i++) {
        struct srv_worker *w = &s->worker[i];
        if (w->daemon) {
            MHD_stop_daemon(w->daemon);
        }
        if (w->listen_fd >= 0) {
            close(w->listen_fd);
        }
    }
    if (s->watching) {
        srv_watch_stop(&s->context.watch);
    }
    if (s->worker[0].store) {
        (void)srv_fleet_flush(&s->context.fleet, s->worker[0].store);
    }
    srv_maker_stop(&s->context.maker); /* after the last request, which may wake it */
    srv_store_close(s->context.maker.store);
    for (unsigned i = 0; i < s->n_workers; i++) {
        srv_store_close(s->worker[i].store);
    }
    srv_bucket_close(s->context.artifacts.bucket);
    srv_artifacts_close(&s->context.artifacts);
    srv_cert_free(&s->cert);
    gnutls_free(s->ticket_key.data);
    if (s->lock_fd >= 0) {
        close(s->lock_fd);
    }
    srv_served_free(&s->context.metrics.served);
    srv_history_free(&s->context.metrics.history);
    srv_fleet_free(&s->context.fleet);
    free(s->context.signer_keys);
    free(s->database_path);
    free(s->cert_path);
    free(s);
}

int srv_new_token(const char *data_dir, char token[SRV_TOKEN_SIZE], char *err, size_t err_size)
{
    char *path = path_in(data_dir, "airlift.db");
    struct srv_store *store = NULL;
    int result = -1;
    if (!path) {
        snprintf(err, err_size, "out of memory");
    } else if (access(path, F_OK) != 0) {
        snprintf(err, err_size, "%s: %s; the first start of the server makes it", path, strerror(errno));
    } else if (srv_store_open(path, &store, err, err_size) == 0) {
        if (srv_token_make(store, SRV_ROLE_ADMIN, token) == SRV_OK) {
            result = 0;
        } else {
            snprintf(err, err_size, "%s: the admin token could not be stored", path);
        }
    }
    srv_store_close(store);
    free(path);
    return result;
}

int srv_default_data_dir(char *out, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int len = -1;
    if (data && *data == '/') {
        len = snprintf(out, size, "%s/airlift", data);
    } else if (home && *home) {
        len = snprintf(out, size, "%s/.local/share/airlift", home);
    }
    return len > 0 && (size_t)len < size ? 0 : -1;
}
