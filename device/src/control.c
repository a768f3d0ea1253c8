/*
 * control.c - the socket that a running device listens on.
 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_path.h"
#include "device/control.h"

enum client_state {
    CLIENT_FREE,
    CLIENT_ASKING,    /* its line is not complete yet */
    CLIENT_WAITING,   /* for its order to be obeyed */
    CLIENT_ANSWERED,  /* `answer` is on its way; then it is hung up on */
    CLIENT_LISTENING, /* answered, and now a monitor */
};

struct client {
    enum client_state state;
    int fd;
    uint64_t since; /* when it came, in clients */
    bool wants_out; /* epoll tells when it takes more */
    bool said_all;  /* it sends no more, but may still listen */
    char line[DEV_CONTROL_LINE_MAX];
    size_t line_len;
    char *answer; /* owned */
    size_t answer_len, sent;
    uint64_t at; /* next byte of the console */
};

struct dev_control {
    struct dev_control_device device;
    struct sockaddr_un address;
    int listen_fd, epoll_fd;
    enum dev_order order; /* not taken yet */
    bool busy;            /* a client waits for its order to be obeyed */
    uint64_t n_came;
    struct client client[DEV_CONTROL_CLIENTS];
};

/* --- Clients ----------------------------------------------------------------- */

static void hang_up(struct client *client)
{
    close(client->fd); /* which also takes it out of epoll */
    free(client->answer);
    *client = (struct client){.fd = -1};
}

/* Tell epoll what we wait for: what the client sends, and, if `out`, that it takes more. */
static void wait_for(struct dev_control *c, struct client *client, bool out, bool said_all)
{
    if (client->wants_out == out && client->said_all == said_all) {
        return;
    }
    uint32_t in = said_all ? 0 : EPOLLIN;
    struct epoll_event event = {.events = out ? in | EPOLLOUT : in, .data.ptr = client};
    if (epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, client->fd, &event) == 0) {
        client->wants_out = out;
        client->said_all = said_all;
    }
}

/* A free place; else that of whoever has been holding one longest without being a monitor or owed an answer. */
static struct client *place_for_client(struct dev_control *c)
{
    struct client *oldest = NULL;
    for (unsigned i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        struct client *client = &c->client[i];
        if (client->state == CLIENT_FREE) {
            return client;
        }
        bool idle = client->state == CLIENT_ASKING || client->state == CLIENT_ANSWERED;
        if (idle && (!oldest || client->since < oldest->since)) {
            oldest = client;
        }
    }
    if (oldest) {
        hang_up(oldest);
    }
    return oldest;
}

static void accept_client(struct dev_control *c)
{
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    struct client *client = place_for_client(c);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (!client || epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
        close(fd);
        return;
    }
    *client = (struct client){.state = CLIENT_ASKING, .fd = fd, .since = c->n_came++};
}

/* --- Answers ----------------------------------------------------------------- */

/* Bytes taken, 0 if none now, -1 if the client is gone. */
static ssize_t send_some(int fd, const void *data, size_t len)
{
    ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* Send on what the client still gets. */
static void send_more(struct dev_control *c, struct client *client)
{
    ssize_t n = 1;
    while (client->answer && n > 0) {
        n = send_some(client->fd, client->answer + client->sent, client->answer_len - client->sent);
        client->sent += n > 0 ? (size_t)n : 0;
        if (client->sent == client->answer_len) {
            free(client->answer);
            client->answer = NULL;
        }
    }
    if (n < 0 || (!client->answer && client->state == CLIENT_ANSWERED)) {
        hang_up(client);
        return;
    }
    if (client->state == CLIENT_LISTENING && !client->answer) {
        uint8_t text[4096];
        for (;;) {
            uint64_t at = client->at;
            size_t len = dev_console_read(c->device.console, &at, text, sizeof text);
            n = len ? send_some(client->fd, text, len) : 0;
            if (n < 0) {
                hang_up(client);
                return;
            }
            if (n == 0) {
                break;
            }
            client->at = at - len + (size_t)n;
        }
    }
    bool lags = client->state == CLIENT_LISTENING && client->at != c->device.console->total;
    wait_for(c, client, client->answer || lags, client->said_all);
}

static void answer(struct dev_control *c, struct client *client, enum client_state next, bool ok,
                   const char *text)
{
    int len = asprintf(&client->answer, "%s%s%s\n", ok ? "ok" : "error", *text ? " " : "", text);
    if (len < 0) {
        client->answer = NULL;
        hang_up(client);
        return;
    }
    client->answer_len = (size_t)len;
    client->state = next;
    send_more(c, client);
}

static void refuse(struct dev_control *c, struct client *client, const char *why)
{
    answer(c, client, CLIENT_ANSWERED, false, why);
}

/* --- Requests ---------------------------------------------------------------- */

static void set_gpio(struct dev_control *c, struct client *client, const char *words)
{
    unsigned pin;
    char level[2], more;
    if (sscanf(words, "%2u %1s %c", &pin, level, &more) != 2 || pin >= DEV_GPIO_COUNT ||
        !strchr("01z", *level)) {
        refuse(c, client, "gpio: write gpio PIN 0, 1 or z");
        return;
    }
    atomic_store(&c->device.shared->gpio_in[pin], *level == 'z' ? -1 : *level - '0');
    answer(c, client, CLIENT_ANSWERED, true, "");
}

static void start_monitor(struct dev_control *c, struct client *client, const char *words)
{
    unsigned long replay = strtoul(words, NULL, 10);
    uint64_t total = c->device.console->total;
    client->at = replay < total ? total - replay : 0;
    answer(c, client, CLIENT_LISTENING, true, c->device.console->pipe_fd >= 0 ? "input" : "no-input");
}

static void obey_line(struct dev_control *c, struct client *client)
{
    static const struct {
        const char *word;
        enum dev_order order;
    } orders[] = {
        {"reset", DEV_ORDER_RESET},
        {"power-cycle", DEV_ORDER_POWER_CYCLE},
        {"off", DEV_ORDER_OFF},
        {"erase-flash", DEV_ORDER_ERASE_FLASH},
        {"erase-otadata", DEV_ORDER_ERASE_OTADATA},
    };
    const char *line = client->line;
    if (strcmp(line, "status") == 0) {
        char *status = c->device.status(c->device.ctx);
        answer(c, client, CLIENT_ANSWERED, status != NULL, status ? status : "out of memory");
        free(status);
        return;
    }
    if (strncmp(line, "gpio ", 5) == 0) {
        set_gpio(c, client, line + 5);
        return;
    }
    if (strcmp(line, "monitor") == 0 || strncmp(line, "monitor ", 8) == 0) {
        start_monitor(c, client, line + 7);
        return;
    }
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        if (strcmp(line, orders[i].word) == 0 && c->busy) {
            refuse(c, client, "the device is busy with another command");
            return;
        }
        if (strcmp(line, orders[i].word) == 0) {
            c->order = orders[i].order;
            c->busy = true;
            client->state = CLIENT_WAITING;
            return;
        }
    }
    refuse(c, client, "unknown request");
}

/* Something came, or the client hung up. */
static void read_client(struct dev_control *c, struct client *client)
{
    char text[1024];
    bool asking = client->state == CLIENT_ASKING;
    size_t room = asking ? sizeof client->line - client->line_len : sizeof text;
    ssize_t n = recv(client->fd, asking ? client->line + client->line_len : text, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n == 0 && !asking && !client->said_all) {
        wait_for(c, client, client->wants_out, true);
        return;
    }
    if (n <= 0) { /* an order it has given is obeyed all the same */
        hang_up(client);
        return;
    }
    if (client->state == CLIENT_LISTENING) {
        dev_console_type(c->device.console, text, (size_t)n);
    }
    if (!asking) {
        return;
    }
    client->line_len += (size_t)n;
    char *newline = memchr(client->line, '\n', client->line_len);
    if (!newline && client->line_len == sizeof client->line) {
        refuse(c, client, "the request is too long");
        return;
    }
    if (newline) {
        *newline = '\0';
        if (newline > client->line && newline[-1] == '\r') {
            newline[-1] = '\0';
        }
        obey_line(c, client);
    }
}

/* --- The socket -------------------------------------------------------------- */

bool dev_control_serve(struct dev_control *c)
{
    struct epoll_event event[DEV_CONTROL_CLIENTS + 1];
    int n = epoll_wait(c->epoll_fd, event, DEV_CONTROL_CLIENTS + 1, 0);
    bool came = false;
    for (int i = 0; i < n; i++) {
        struct client *client = event[i].data.ptr;
        came = came || !client;
        if (client && client->state != CLIENT_FREE && event[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            read_client(c, client);
        }
    }
    /* Last: a newcomer may take a place that this round's events speak of. */
    if (came) {
        accept_client(c);
    }
    for (unsigned i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        if (c->client[i].answer || c->client[i].state == CLIENT_LISTENING) {
            send_more(c, &c->client[i]);
        }
    }
    return c->order != DEV_ORDER_NONE;
}

enum dev_order dev_control_take(struct dev_control *c)
{
    enum dev_order order = c->order;
    c->order = DEV_ORDER_NONE;
    return order;
}

void dev_control_done(struct dev_control *c, bool ok, const char *text)
{
    c->busy = false;
    for (unsigned i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        if (c->client[i].state == CLIENT_WAITING) {
            answer(c, &c->client[i], CLIENT_ANSWERED, ok, text);
        }
    }
}

int dev_control_fd(const struct dev_control *c)
{
    return c->epoll_fd;
}

/* In the first place that takes it. False with errno. */
static bool listen_somewhere(struct dev_control *c, const struct stat *flash)
{
    errno = ENOENT;
    for (unsigned n = 0; n < DEV_CONTROL_DIRS; n++) {
        if (!dev_control_path(flash, n, true, &c->address)) {
            continue;
        }
        unlink(c->address.sun_path);
        if (bind(c->listen_fd, (struct sockaddr *)&c->address, sizeof c->address) == 0) {
            return listen(c->listen_fd, DEV_CONTROL_CLIENTS) == 0;
        }
    }
    c->address.sun_path[0] = '\0';
    return false;
}

int dev_control_open(struct dev_control **out, const struct stat *flash,
                     const struct dev_control_device *device)
{
    struct dev_control *c = calloc(1, sizeof *c);
    if (!c) {
        return AL_ERR_IO;
    }
    c->device = *device;
    for (unsigned i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        c->client[i].fd = -1;
    }
    struct epoll_event event = {.events = EPOLLIN};
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->epoll_fd < 0 || c->listen_fd < 0 || !listen_somewhere(c, flash) ||
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->listen_fd, &event)) {
        int why = errno;
        dev_control_close(c);
        errno = why;
        return AL_ERR_IO;
    }
    *out = c;
    return 0;
}

void dev_control_refuse_newcomers(struct dev_control *c)
{
    if (*c->address.sun_path) {
        unlink(c->address.sun_path);
        c->address.sun_path[0] = '\0';
    }
    if (c->listen_fd >= 0) {
        close(c->listen_fd);
        c->listen_fd = -1;
    }
}

void dev_control_close(struct dev_control *c)
{
    if (!c) {
        return;
    }
    for (unsigned i = 0; i < DEV_CONTROL_CLIENTS; i++) {
        if (c->client[i].answer || c->client[i].state == CLIENT_LISTENING) {
            send_more(c, &c->client[i]);
        }
        if (c->client[i].state != CLIENT_FREE) {
            hang_up(&c->client[i]);
        }
    }
    dev_control_refuse_newcomers(c);
    if (c->epoll_fd >= 0) {
        close(c->epoll_fd);
    }
    free(c);
}
