/*
 * Services, kept in a list and handed to the Avahi daemon whenever one runs.
 *
 * Avahi's callbacks run in its own thread, which holds the poll's lock; calls from
 * the firmware take the same lock.
 */
#include "mdns.h"

#include <avahi-client/client.h>
#include <avahi-client/publish.h>
#include <avahi-common/alternative.h>
#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-common/strlst.h>
#include <avahi-common/thread-watch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"

#define MAX_SERVICES 10u
#define NAME_SIZE    64u /* a DNS label and a NUL */

static const char *TAG = "mdns";

struct service {
    char instance[NAME_SIZE]; /* "": the default */
    char type[2 * NAME_SIZE]; /* "_arduino._tcp"; "" : free */
    uint16_t port;
    AvahiStringList *txt; /* owned */
};

static struct {
    AvahiThreadedPoll *poll; /* NULL: not initialised */
    AvahiClient *client;
    AvahiEntryGroup *group;
    char hostname[NAME_SIZE], instance[NAME_SIZE];
    unsigned clashes; /* of names, so far */
    struct service service[MAX_SERVICES];
} mdns;

/* --- With the daemon (with the poll's lock) ------------------------------------------ */

static void publish(void);

/* Somebody else on the network has the name: "lamp #2". */
static void name_for(const struct service *s, char *out, size_t size)
{
    const char *name = s->instance[0] != '\0'     ? s->instance
                       : mdns.instance[0] != '\0' ? mdns.instance
                       : mdns.hostname[0] != '\0' ? mdns.hostname
                                                  : "espressif";
    char *other = avahi_strdup(name);

    for (unsigned i = 0; i < mdns.clashes && other != NULL; i++) {
        char *next = avahi_alternative_service_name(other);

        avahi_free(other);
        other = next;
    }
    snprintf(out, size, "%s", other != NULL ? other : name);
    avahi_free(other);
}

static void on_group(AvahiEntryGroup *group, AvahiEntryGroupState state, void *arg)
{
    (void)arg;
    if (group != mdns.group) {
        return;
    }
    if (state == AVAHI_ENTRY_GROUP_COLLISION) {
        mdns.clashes++;
        publish();
    } else if (state == AVAHI_ENTRY_GROUP_ESTABLISHED) {
        ESP_LOGI(TAG, "announced");
    }
}

static int add(const struct service *s)
{
    char name[NAME_SIZE];

    name_for(s, name, sizeof(name));
    return avahi_entry_group_add_service_strlst(mdns.group, AVAHI_IF_UNSPEC, AVAHI_PROTO_UNSPEC, 0, name,
                                                s->type, NULL, NULL, s->port, s->txt);
}

/* Tell the daemon all of the list, in place of what it was told before. */
static void publish(void)
{
    unsigned n = 0;
    int err = 0;

    if (mdns.client == NULL || avahi_client_get_state(mdns.client) != AVAHI_CLIENT_S_RUNNING) {
        return; /* on_client() comes back to it */
    }
    if (mdns.group == NULL) {
        mdns.group = avahi_entry_group_new(mdns.client, on_group, NULL);
    } else {
        err = avahi_entry_group_reset(mdns.group);
    }
    for (unsigned i = 0; i < MAX_SERVICES && mdns.group != NULL && err == 0; i++) {
        if (mdns.service[i].type[0] != '\0') {
            err = add(&mdns.service[i]);
            n++;
        }
    }
    if (err == AVAHI_ERR_COLLISION && mdns.clashes < 20) {
        mdns.clashes++;
        publish();
        return;
    }
    if (mdns.group != NULL && err == 0 && n > 0) {
        err = avahi_entry_group_commit(mdns.group);
    }
    if (mdns.group == NULL || err != 0) {
        ESP_LOGW(TAG, "the services are not announced: %s",
                 avahi_strerror(err != 0 ? err : avahi_client_errno(mdns.client)));
    }
}

static void on_client(AvahiClient *client, AvahiClientState state, void *arg)
{
    (void)arg;
    mdns.client = client; /* the first call comes from within avahi_client_new() */
    switch (state) {
    case AVAHI_CLIENT_S_RUNNING:
        publish();
        break;
    case AVAHI_CLIENT_CONNECTING:
        ESP_LOGW(TAG, "no Avahi daemon runs: nothing is announced until one does");
        break;
    case AVAHI_CLIENT_S_REGISTERING:
    case AVAHI_CLIENT_S_COLLISION:
        if (mdns.group != NULL) {
            (void)avahi_entry_group_reset(mdns.group); /* the machine's own name is not settled */
        }
        break;
    case AVAHI_CLIENT_FAILURE:
        ESP_LOGW(TAG, "the Avahi daemon is gone: %s", avahi_strerror(avahi_client_errno(client)));
        break;
    }
}

/* --- The list --------------------------------------------------------------------------- */

static bool type_of(const char *service_type, const char *proto, char *out, size_t size)
{
    if (service_type == NULL || proto == NULL) {
        return false;
    }
    const int len = snprintf(out, size, "%s.%s", service_type, proto);

    return len > 0 && (size_t)len < size;
}

static struct service *find(const char *type)
{
    for (unsigned i = 0; i < MAX_SERVICES; i++) {
        if (strcmp(mdns.service[i].type, type) == 0) {
            return &mdns.service[i];
        }
    }
    return NULL;
}

static void forget(struct service *s)
{
    avahi_string_list_free(s->txt);
    memset(s, 0, sizeof(*s));
}

static AvahiStringList *make_txt(const mdns_txt_item_t *txt, size_t n)
{
    AvahiStringList *list = NULL;

    for (size_t i = n; i > 0; i--) { /* each is put before the others */
        list = avahi_string_list_add_pair(list, txt[i - 1].key, txt[i - 1].value);
    }
    return list;
}

static esp_err_t set_name(char out[NAME_SIZE], const char *name)
{
    if (name == NULL || strlen(name) >= NAME_SIZE) {
        return ESP_ERR_INVALID_ARG;
    }
    if (mdns.poll == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    avahi_threaded_poll_lock(mdns.poll);
    strcpy(out, name);
    publish();
    avahi_threaded_poll_unlock(mdns.poll);
    return ESP_OK;
}

/* --- Public ------------------------------------------------------------------------------ */

esp_err_t mdns_init(void)
{
    int err = 0;

    if (mdns.poll != NULL) {
        return ESP_OK;
    }
    mdns.poll = avahi_threaded_poll_new();
    if (mdns.poll == NULL) {
        return ESP_ERR_NO_MEM;
    }
    /* Waits for a daemon; without D-Bus it fails at once. */
    mdns.client =
        avahi_client_new(avahi_threaded_poll_get(mdns.poll), AVAHI_CLIENT_NO_FAIL, on_client, NULL, &err);
    if (mdns.client == NULL) {
        ESP_LOGW(TAG, "nothing is announced: %s", avahi_strerror(err));
    } else if (avahi_threaded_poll_start(mdns.poll) != 0) {
        mdns_free();
        return ESP_ERR_NO_MEM;
    }
    return ESP_OK;
}

void mdns_free(void)
{
    if (mdns.poll == NULL) {
        return;
    }
    if (mdns.client != NULL) {
        (void)avahi_threaded_poll_stop(mdns.poll);
        avahi_client_free(mdns.client); /* with its group */
    }
    for (unsigned i = 0; i < MAX_SERVICES; i++) {
        forget(&mdns.service[i]);
    }
    avahi_threaded_poll_free(mdns.poll);
    memset(&mdns, 0, sizeof(mdns));
}

esp_err_t mdns_hostname_set(const char *hostname)
{
    return set_name(mdns.hostname, hostname);
}

esp_err_t mdns_hostname_get(char *hostname)
{
    if (hostname == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (mdns.poll == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    strcpy(hostname, mdns.hostname);
    return ESP_OK;
}

esp_err_t mdns_instance_name_set(const char *instance_name)
{
    return set_name(mdns.instance, instance_name);
}

esp_err_t mdns_service_add(const char *instance_name, const char *service_type, const char *proto,
                           uint16_t port, mdns_txt_item_t txt[], size_t num_items)
{
    struct service new = {.port = port};
    esp_err_t err = ESP_OK;

    if (!type_of(service_type, proto, new.type, sizeof(new.type)) || port == 0 ||
        (instance_name != NULL && strlen(instance_name) >= sizeof(new.instance)) ||
        (num_items > 0 && txt == NULL)) {
        return ESP_ERR_INVALID_ARG;
    }
    if (mdns.poll == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    strcpy(new.instance, instance_name != NULL ? instance_name : "");
    avahi_threaded_poll_lock(mdns.poll);
    struct service *room = find("");

    if (find(new.type) != NULL) {
        err = ESP_ERR_INVALID_ARG;
    } else if (room == NULL) {
        err = ESP_ERR_NO_MEM;
    } else {
        new.txt = make_txt(txt, num_items);
        *room = new;
        publish();
    }
    avahi_threaded_poll_unlock(mdns.poll);
    return err;
}

/* Change one service of the list and tell the daemon. `change` may be NULL: nothing but that. */
static esp_err_t with_service(const char *service_type, const char *proto,
                              void (*change)(struct service *, void *), void *arg)
{
    char type[2 * NAME_SIZE];

    if (!type_of(service_type, proto, type, sizeof(type))) {
        return ESP_ERR_INVALID_ARG;
    }
    if (mdns.poll == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    avahi_threaded_poll_lock(mdns.poll);
    struct service *s = find(type);

    if (s != NULL) {
        change(s, arg);
        publish();
    }
    avahi_threaded_poll_unlock(mdns.poll);
    return s != NULL ? ESP_OK : ESP_ERR_NOT_FOUND;
}

static void do_remove(struct service *s, void *arg)
{
    (void)arg;
    forget(s);
}

esp_err_t mdns_service_remove(const char *service_type, const char *proto)
{
    return with_service(service_type, proto, do_remove, NULL);
}

esp_err_t mdns_service_remove_all(void)
{
    if (mdns.poll == NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    avahi_threaded_poll_lock(mdns.poll);
    for (unsigned i = 0; i < MAX_SERVICES; i++) {
        forget(&mdns.service[i]);
    }
    publish();
    avahi_threaded_poll_unlock(mdns.poll);
    return ESP_OK;
}

static void do_set_port(struct service *s, void *port)
{
    s->port = *(const uint16_t *)port;
}

esp_err_t mdns_service_port_set(const char *service_type, const char *proto, uint16_t port)
{
    return port != 0 ? with_service(service_type, proto, do_set_port, &port) : ESP_ERR_INVALID_ARG;
}

static void do_set_txt(struct service *s, void *list)
{
    avahi_string_list_free(s->txt);
    s->txt = list;
}

esp_err_t mdns_service_txt_set(const char *service_type, const char *proto, mdns_txt_item_t txt[],
                               uint8_t num_items)
{
    if (num_items > 0 && txt == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    AvahiStringList *list = make_txt(txt, num_items);
    const esp_err_t err = with_service(service_type, proto, do_set_txt, list);

    if (err != ESP_OK) {
        avahi_string_list_free(list);
    }
    return err;
}

static void do_set_item(struct service *s, void *arg)
{
    const mdns_txt_item_t *item = arg;
    AvahiStringList *kept = NULL;

    for (AvahiStringList *i = s->txt; i != NULL; i = avahi_string_list_get_next(i)) {
        const size_t len = strlen(item->key);
        const char *text = (const char *)avahi_string_list_get_text(i);

        if (strncmp(text, item->key, len) != 0 || text[len] != '=') {
            kept = avahi_string_list_add(kept, text);
        }
    }
    avahi_string_list_free(s->txt);
    s->txt = avahi_string_list_add_pair(avahi_string_list_reverse(kept), item->key, item->value);
}

esp_err_t mdns_service_txt_item_set(const char *service_type, const char *proto, const char *key,
                                    const char *value)
{
    mdns_txt_item_t item = {key, value};

    return key != NULL && value != NULL ? with_service(service_type, proto, do_set_item, &item)
                                        : ESP_ERR_INVALID_ARG;
}
