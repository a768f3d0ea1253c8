#include "esp_netif.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esp_event.h"
#include "esp_log.h"
#include "netif_link.h"

#define MAX_NETIFS 8
#define NAME_SIZE  6 /* "st1" and its NUL, as chips have them */

static const char *TAG = "esp_netif";

ESP_EVENT_DEFINE_BASE(IP_EVENT);

struct esp_netif_obj {
    char *key;
    char *desc;
    char name[NAME_SIZE];
    int index; /* from 1 */
    int route_prio;
    esp_netif_flags_t flags;
    uint32_t got_ip_event;
    uint32_t lost_ip_event;
    uint8_t mac[6];
    esp_netif_iodriver_handle driver;
    esp_netif_dhcp_status_t dhcp;
    esp_netif_ip_info_t fixed; /* set by the program */
    esp_netif_ip_info_t last;  /* announced most recently */
    esp_netif_dns_info_t dns[ESP_NETIF_DNS_MAX];
    esp_ip6_addr_t link_local;
    bool has_link_local;
    bool up;
};

static struct {
    pthread_mutex_t lock;
    esp_netif_t *netif[MAX_NETIFS]; /* in the order of their making, without gaps */
    size_t n;
    int last_index;
    esp_netif_t *chosen; /* by esp_netif_set_default_netif() */
    char hostname[33];
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const esp_netif_netstack_config_t stack_sta = {"st"}, stack_ap = {"ap"}, stack_eth = {"en"};
const esp_netif_netstack_config_t *_g_esp_netif_netstack_default_wifi_sta = &stack_sta;
const esp_netif_netstack_config_t *_g_esp_netif_netstack_default_wifi_ap = &stack_ap;
const esp_netif_netstack_config_t *_g_esp_netif_netstack_default_eth = &stack_eth;

#define CLIENT_FLAGS (ESP_NETIF_DHCP_CLIENT | ESP_NETIF_FLAG_GARP | ESP_NETIF_FLAG_EVENT_IP_MODIFIED)

const esp_netif_inherent_config_t _g_esp_netif_inherent_sta_config = {
    .flags = CLIENT_FLAGS,
    .get_ip_event = IP_EVENT_STA_GOT_IP,
    .lost_ip_event = IP_EVENT_STA_LOST_IP,
    .if_key = "WIFI_STA_DEF",
    .if_desc = "sta",
    .route_prio = 100,
};
const esp_netif_inherent_config_t _g_esp_netif_inherent_ap_config = {
    .flags = ESP_NETIF_DHCP_SERVER | ESP_NETIF_FLAG_AUTOUP,
    .if_key = "WIFI_AP_DEF",
    .if_desc = "ap",
    .route_prio = 10,
};
const esp_netif_inherent_config_t _g_esp_netif_inherent_eth_config = {
    .flags = CLIENT_FLAGS,
    .get_ip_event = IP_EVENT_ETH_GOT_IP,
    .lost_ip_event = IP_EVENT_ETH_LOST_IP,
    .if_key = "ETH_DEF",
    .if_desc = "eth",
    .route_prio = 50,
};

/* --- The host's address ---------------------------------------------------- */

/* Connecting a datagram socket sends nothing, but the kernel chooses the address it would send from. */
static in_addr_t address_of_default_route(void)
{
    struct sockaddr_in outside = {.sin_family = AF_INET, .sin_port = htons(9)};
    struct sockaddr_in own = {0};
    socklen_t len = sizeof(own);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return INADDR_ANY;
    }
    outside.sin_addr.s_addr = htonl(0x08080808u);
    if (connect(fd, (struct sockaddr *)&outside, sizeof(outside)) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &len) != 0) {
        own.sin_addr.s_addr = INADDR_ANY;
    }
    (void)close(fd);
    return own.sin_addr.s_addr;
}

static esp_netif_ip_info_t host_address(void)
{
    esp_netif_ip_info_t info = {.ip.addr = htonl(INADDR_LOOPBACK), .netmask.addr = htonl(0xFF000000u)};
    in_addr_t wanted = address_of_default_route();
    struct ifaddrs *list;

    if (getifaddrs(&list) != 0) {
        return info;
    }
    for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || i->ifa_netmask == NULL || i->ifa_addr->sa_family != AF_INET ||
            (i->ifa_flags & IFF_UP) == 0 || (i->ifa_flags & IFF_LOOPBACK) != 0) {
            continue;
        }
        in_addr_t ip = ((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr.s_addr;
        in_addr_t mask = ((const struct sockaddr_in *)(const void *)i->ifa_netmask)->sin_addr.s_addr;
        if (wanted == INADDR_ANY || ip == wanted) {
            info.ip.addr = ip;
            info.netmask.addr = mask;
            break;
        }
    }
    freeifaddrs(list);
    return info;
}

/* --- The list ----------------------------------------------------------------- */

/* With the lock. MAX_NETIFS if it is not there. */
static size_t place_of(const esp_netif_t *netif)
{
    for (size_t i = 0; i < all.n; i++) {
        if (all.netif[i] == netif) {
            return i;
        }
    }
    return MAX_NETIFS;
}

/* Takes the lock if the interface exists. */
static bool enter(const esp_netif_t *netif)
{
    pthread_mutex_lock(&all.lock);
    if (netif != NULL && place_of(netif) < MAX_NETIFS) {
        return true;
    }
    pthread_mutex_unlock(&all.lock);
    return false;
}

static void leave(void)
{
    pthread_mutex_unlock(&all.lock);
}

static void release(esp_netif_t *netif)
{
    free(netif->key);
    free(netif->desc);
    free(netif);
}

static esp_netif_t *make(const esp_netif_config_t *config)
{
    const esp_netif_inherent_config_t *base = config->base;
    esp_netif_t *netif = calloc(1, sizeof(*netif));

    if (netif == NULL) {
        return NULL;
    }
    netif->key = strdup(base->if_key);
    netif->desc = base->if_desc != NULL ? strdup(base->if_desc) : NULL;
    if (netif->key == NULL || (base->if_desc != NULL && netif->desc == NULL)) {
        release(netif);
        return NULL;
    }
    netif->flags = base->flags;
    netif->route_prio = base->route_prio;
    netif->got_ip_event = base->get_ip_event;
    netif->lost_ip_event = base->lost_ip_event;
    memcpy(netif->mac, base->mac, sizeof(netif->mac));
    if (base->ip_info != NULL) {
        netif->fixed = *base->ip_info;
    }
    if (config->driver != NULL) {
        netif->driver = config->driver->handle;
    }
    return netif;
}

esp_netif_t *esp_netif_new(const esp_netif_config_t *esp_netif_config)
{
    const char *prefix = "st";
    esp_netif_t *netif;
    bool full;

    if (esp_netif_config == NULL || esp_netif_config->base == NULL ||
        esp_netif_config->base->if_key == NULL) {
        return NULL;
    }
    if (esp_netif_get_handle_from_ifkey(esp_netif_config->base->if_key) != NULL) {
        ESP_LOGE(TAG, "there is an interface %s already", esp_netif_config->base->if_key);
        return NULL;
    }
    netif = make(esp_netif_config);
    if (netif == NULL) {
        return NULL;
    }
    if (esp_netif_config->stack != NULL) {
        prefix = esp_netif_config->stack->name;
    }
    pthread_mutex_lock(&all.lock);
    full = all.n == MAX_NETIFS;
    if (!full) {
        netif->index = ++all.last_index;
        (void)snprintf(netif->name, sizeof(netif->name), "%.2s%u", prefix, (unsigned)netif->index % 1000u);
        all.netif[all.n++] = netif;
    }
    pthread_mutex_unlock(&all.lock);
    if (full) {
        release(netif);
        return NULL;
    }
    return netif;
}

void esp_netif_destroy(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return;
    }
    size_t at = place_of(esp_netif);
    memmove(&all.netif[at], &all.netif[at + 1], (all.n - at - 1) * sizeof(all.netif[0]));
    all.n--;
    if (all.chosen == esp_netif) {
        all.chosen = NULL;
    }
    leave();
    release(esp_netif);
}

esp_err_t esp_netif_attach(esp_netif_t *esp_netif, esp_netif_iodriver_handle driver_handle)
{
    esp_netif_driver_base_t *driver = driver_handle;

    if (driver == NULL || !enter(esp_netif)) {
        return ESP_ERR_INVALID_ARG;
    }
    esp_netif->driver = driver_handle;
    leave();
    driver->netif = esp_netif;
    return driver->post_attach != NULL ? driver->post_attach(esp_netif, driver_handle) : ESP_OK;
}

esp_netif_t *netif_of_driver(esp_netif_iodriver_handle driver)
{
    esp_netif_t *found = NULL;

    pthread_mutex_lock(&all.lock);
    for (size_t i = 0; driver != NULL && i < all.n; i++) {
        if (all.netif[i]->driver == driver) {
            found = all.netif[i];
        }
    }
    pthread_mutex_unlock(&all.lock);
    return found;
}

esp_netif_t *esp_netif_get_handle_from_ifkey(const char *if_key)
{
    esp_netif_t *found = NULL;

    pthread_mutex_lock(&all.lock);
    for (size_t i = 0; if_key != NULL && i < all.n; i++) {
        if (strcmp(all.netif[i]->key, if_key) == 0) {
            found = all.netif[i];
        }
    }
    pthread_mutex_unlock(&all.lock);
    return found;
}

esp_netif_t *esp_netif_next_unsafe(esp_netif_t *esp_netif)
{
    esp_netif_t *next = NULL;

    pthread_mutex_lock(&all.lock);
    size_t at = esp_netif == NULL ? 0 : place_of(esp_netif) + 1;
    if (at < all.n) {
        next = all.netif[at];
    }
    pthread_mutex_unlock(&all.lock);
    return next;
}

esp_netif_t *esp_netif_next(esp_netif_t *esp_netif)
{
    return esp_netif_next_unsafe(esp_netif);
}

esp_netif_t *esp_netif_find_if(esp_netif_find_predicate_t fn, void *ctx)
{
    esp_netif_t *netif = NULL;

    while (fn != NULL && (netif = esp_netif_next_unsafe(netif)) != NULL) {
        if (fn(netif, ctx)) {
            return netif;
        }
    }
    return NULL;
}

size_t esp_netif_get_nr_of_ifs(void)
{
    pthread_mutex_lock(&all.lock);
    size_t n = all.n;
    pthread_mutex_unlock(&all.lock);
    return n;
}

esp_err_t esp_netif_tcpip_exec(esp_netif_callback_fn fn, void *ctx)
{
    return fn != NULL ? fn(ctx) : ESP_ERR_INVALID_ARG;
}

/* --- Up and down ---------------------------------------------------------------- */

void netif_link_up(esp_netif_t *netif)
{
    ip_event_got_ip_t event = {.esp_netif = netif};

    if (!enter(netif)) {
        return;
    }
    netif->up = true;
    if ((netif->flags & ESP_NETIF_DHCP_SERVER) != 0) {
        leave();
        return;
    }
    event.ip_info = netif->fixed.ip.addr != 0 ? netif->fixed : host_address();
    event.ip_changed = memcmp(&event.ip_info, &netif->last, sizeof(event.ip_info)) != 0;
    netif->last = event.ip_info;
    int32_t id = (int32_t)netif->got_ip_event;
    const char *desc = netif->desc;
    leave();
    ESP_LOGI(TAG, "%s ip: " IPSTR ", mask: " IPSTR ", gw: " IPSTR, desc != NULL ? desc : "",
             IP2STR(&event.ip_info.ip), IP2STR(&event.ip_info.netmask), IP2STR(&event.ip_info.gw));
    (void)esp_event_post(IP_EVENT, id, &event, sizeof(event), portMAX_DELAY);
}

void netif_link_down(esp_netif_t *netif)
{
    if (enter(netif)) {
        netif->up = false;
        netif->has_link_local = false;
        leave();
    }
}

bool netif_is_device_name(const char *name)
{
    bool found = false;

    pthread_mutex_lock(&all.lock);
    for (size_t i = 0; i < all.n; i++) {
        found = found || strcmp(all.netif[i]->name, name) == 0;
    }
    pthread_mutex_unlock(&all.lock);
    return found;
}

esp_err_t esp_netif_init(void)
{
    return ESP_OK;
}

esp_err_t esp_netif_deinit(void)
{
    return ESP_ERR_NOT_SUPPORTED;
}

/* --- Names and numbers ------------------------------------------------------------ */

const char *esp_netif_get_desc(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return NULL;
    }
    leave();
    return esp_netif->desc;
}

const char *esp_netif_get_ifkey(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return NULL;
    }
    leave();
    return esp_netif->key;
}

int esp_netif_get_route_prio(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return -1;
    }
    int prio = esp_netif->route_prio;
    leave();
    return prio;
}

int esp_netif_set_route_prio(esp_netif_t *esp_netif, int route_prio)
{
    if (!enter(esp_netif)) {
        return -1;
    }
    esp_netif->route_prio = route_prio;
    leave();
    return route_prio;
}

esp_err_t esp_netif_get_netif_impl_name(esp_netif_t *esp_netif, char *name)
{
    if (name == NULL || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    memcpy(name, esp_netif->name, sizeof(esp_netif->name));
    leave();
    return ESP_OK;
}

int esp_netif_get_netif_impl_index(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return -1;
    }
    int index = esp_netif->index;
    leave();
    return index;
}

bool esp_netif_is_netif_up(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return false;
    }
    bool up = esp_netif->up;
    leave();
    return up;
}

esp_netif_t *esp_netif_get_default_netif(void)
{
    esp_netif_t *best;

    pthread_mutex_lock(&all.lock);
    best = all.chosen;
    for (size_t i = 0; all.chosen == NULL && i < all.n; i++) {
        if (all.netif[i]->up && (best == NULL || all.netif[i]->route_prio > best->route_prio)) {
            best = all.netif[i];
        }
    }
    pthread_mutex_unlock(&all.lock);
    return best;
}

esp_err_t esp_netif_set_default_netif(esp_netif_t *esp_netif)
{
    if (!enter(esp_netif)) {
        return ESP_ERR_INVALID_ARG;
    }
    all.chosen = esp_netif;
    leave();
    return ESP_OK;
}

esp_err_t esp_netif_get_mac(esp_netif_t *esp_netif, uint8_t mac[])
{
    if (mac == NULL || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    memcpy(mac, esp_netif->mac, sizeof(esp_netif->mac));
    leave();
    return ESP_OK;
}

esp_err_t esp_netif_set_mac(esp_netif_t *esp_netif, uint8_t mac[])
{
    if (mac == NULL || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    memcpy(esp_netif->mac, mac, sizeof(esp_netif->mac));
    leave();
    return ESP_OK;
}

esp_err_t esp_netif_set_hostname(esp_netif_t *esp_netif, const char *hostname)
{
    (void)esp_netif;
    if (hostname == NULL || strlen(hostname) >= sizeof(all.hostname)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    pthread_mutex_lock(&all.lock);
    strcpy(all.hostname, hostname);
    pthread_mutex_unlock(&all.lock);
    return ESP_OK;
}

esp_err_t esp_netif_get_hostname(esp_netif_t *esp_netif, const char **hostname)
{
    esp_err_t err = ESP_OK;

    (void)esp_netif;
    if (hostname == NULL) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    pthread_mutex_lock(&all.lock);
    if (all.hostname[0] == '\0' && gethostname(all.hostname, sizeof(all.hostname) - 1) != 0) {
        err = ESP_FAIL;
    }
    pthread_mutex_unlock(&all.lock);
    *hostname = all.hostname;
    return err;
}

/* --- Addresses ----------------------------------------------------------------------- */

esp_err_t esp_netif_get_ip_info(esp_netif_t *esp_netif, esp_netif_ip_info_t *ip_info)
{
    if (ip_info == NULL || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    *ip_info = esp_netif->fixed.ip.addr != 0 ? esp_netif->fixed
               : esp_netif->up               ? esp_netif->last
                                             : (esp_netif_ip_info_t){0};
    leave();
    return ESP_OK;
}

esp_err_t esp_netif_set_ip_info(esp_netif_t *esp_netif, const esp_netif_ip_info_t *ip_info)
{
    esp_err_t err = ESP_OK;

    if (ip_info == NULL || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    if ((esp_netif->flags & ESP_NETIF_DHCP_CLIENT) != 0 && esp_netif->dhcp != ESP_NETIF_DHCP_STOPPED) {
        err = ESP_ERR_ESP_NETIF_DHCP_NOT_STOPPED;
    } else {
        esp_netif->fixed = *ip_info;
    }
    leave();
    return err;
}

esp_err_t esp_netif_dhcpc_start(esp_netif_t *esp_netif)
{
    bool up;

    if (!enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    esp_netif->dhcp = ESP_NETIF_DHCP_STARTED;
    esp_netif->fixed = (esp_netif_ip_info_t){0};
    up = esp_netif->up;
    leave();
    if (up) {
        netif_link_up(esp_netif);
    }
    return ESP_OK;
}

esp_err_t esp_netif_dhcpc_stop(esp_netif_t *esp_netif)
{
    esp_err_t err = ESP_OK;

    if (!enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    if (esp_netif->dhcp == ESP_NETIF_DHCP_STOPPED) {
        err = ESP_ERR_ESP_NETIF_DHCP_ALREADY_STOPPED;
    }
    esp_netif->dhcp = ESP_NETIF_DHCP_STOPPED;
    leave();
    return err;
}

esp_err_t esp_netif_dhcpc_get_status(esp_netif_t *esp_netif, esp_netif_dhcp_status_t *status)
{
    if (status == NULL || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    *status = esp_netif->dhcp;
    leave();
    return ESP_OK;
}

/* Start or stop an access point's server. */
static esp_err_t set_dhcps(esp_netif_t *esp_netif, esp_netif_dhcp_status_t to, esp_err_t already)
{
    esp_err_t err = ESP_ERR_ESP_NETIF_INVALID_PARAMS;

    if (!enter(esp_netif)) {
        return err;
    }
    if ((esp_netif->flags & ESP_NETIF_DHCP_SERVER) != 0) {
        err = esp_netif->dhcp == to ? already : ESP_OK;
        esp_netif->dhcp = to;
    }
    leave();
    return err;
}

esp_err_t esp_netif_dhcps_start(esp_netif_t *esp_netif)
{
    return set_dhcps(esp_netif, ESP_NETIF_DHCP_STARTED, ESP_ERR_ESP_NETIF_DHCP_ALREADY_STARTED);
}

esp_err_t esp_netif_dhcps_stop(esp_netif_t *esp_netif)
{
    return set_dhcps(esp_netif, ESP_NETIF_DHCP_STOPPED, ESP_ERR_ESP_NETIF_DHCP_ALREADY_STOPPED);
}

esp_err_t esp_netif_dhcps_get_status(esp_netif_t *esp_netif, esp_netif_dhcp_status_t *status)
{
    return esp_netif_dhcpc_get_status(esp_netif, status);
}

esp_err_t esp_netif_set_dns_info(esp_netif_t *esp_netif, esp_netif_dns_type_t type, esp_netif_dns_info_t *dns)
{
    if (dns == NULL || type >= ESP_NETIF_DNS_MAX || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    esp_netif->dns[type] = *dns;
    leave();
    return ESP_OK;
}

esp_err_t esp_netif_get_dns_info(esp_netif_t *esp_netif, esp_netif_dns_type_t type, esp_netif_dns_info_t *dns)
{
    if (dns == NULL || type >= ESP_NETIF_DNS_MAX || !enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    *dns = esp_netif->dns[type];
    leave();
    return ESP_OK;
}

esp_err_t esp_netif_create_ip6_linklocal(esp_netif_t *esp_netif)
{
    ip_event_got_ip6_t event = {.esp_netif = esp_netif};
    uint8_t *out = (uint8_t *)event.ip6_info.ip.addr;

    if (!enter(esp_netif)) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    if (!esp_netif->up) {
        leave();
        return ESP_FAIL;
    }
    /* fe80::/64 and the MAC with ff:fe in its middle, its universal bit inverted */
    const uint8_t *mac = esp_netif->mac;
    const uint8_t bytes[16] = {0xfe,   0x80,   0,    0,    0,      0,      0,     0, (uint8_t)(mac[0] ^ 2u),
                               mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
    memcpy(out, bytes, sizeof(bytes));
    event.ip6_info.ip.zone = (uint8_t)esp_netif->index;
    esp_netif->link_local = event.ip6_info.ip;
    esp_netif->has_link_local = true;
    leave();
    (void)esp_event_post(IP_EVENT, IP_EVENT_GOT_IP6, &event, sizeof(event), portMAX_DELAY);
    return ESP_OK;
}

esp_err_t esp_netif_get_ip6_linklocal(esp_netif_t *esp_netif, esp_ip6_addr_t *if_ip6)
{
    if (if_ip6 == NULL) {
        return ESP_ERR_ESP_NETIF_INVALID_PARAMS;
    }
    return esp_netif_get_all_ip6(esp_netif, if_ip6) == 1 ? ESP_OK : ESP_FAIL;
}

int esp_netif_get_all_ip6(esp_netif_t *esp_netif, esp_ip6_addr_t if_ip6[])
{
    int n = 0;

    if (if_ip6 != NULL && enter(esp_netif)) {
        if (esp_netif->has_link_local) {
            if_ip6[n++] = esp_netif->link_local;
        }
        leave();
    }
    return n;
}

esp_ip6_addr_type_t esp_netif_ip6_get_addr_type(esp_ip6_addr_t *ip6_addr)
{
    const uint8_t *b = (const uint8_t *)ip6_addr->addr;
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(b, mapped, sizeof(mapped)) == 0) {
        return ESP_IP6_ADDR_IS_IPV4_MAPPED_IPV6;
    }
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) {
        return ESP_IP6_ADDR_IS_LINK_LOCAL;
    }
    if (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0) {
        return ESP_IP6_ADDR_IS_SITE_LOCAL;
    }
    if ((b[0] & 0xfe) == 0xfc) {
        return ESP_IP6_ADDR_IS_UNIQUE_LOCAL;
    }
    return (b[0] & 0xe0) == 0x20 ? ESP_IP6_ADDR_IS_GLOBAL : ESP_IP6_ADDR_IS_UNKNOWN;
}

char *esp_ip4addr_ntoa(const esp_ip4_addr_t *addr, char *buf, int buflen)
{
    char text[INET_ADDRSTRLEN];

    (void)inet_ntop(AF_INET, &addr->addr, text, sizeof(text));
    if (buf == NULL || buflen <= 0 || strlen(text) >= (size_t)buflen) {
        return NULL;
    }
    return strcpy(buf, text);
}

uint32_t esp_ip4addr_aton(const char *addr)
{
    return inet_addr(addr);
}

esp_err_t esp_netif_str_to_ip4(const char *src, esp_ip4_addr_t *dst)
{
    if (src == NULL || dst == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    return inet_pton(AF_INET, src, &dst->addr) == 1 ? ESP_OK : ESP_FAIL;
}

esp_err_t esp_netif_str_to_ip6(const char *src, esp_ip6_addr_t *dst)
{
    if (src == NULL || dst == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    dst->zone = 0;
    return inet_pton(AF_INET6, src, dst->addr) == 1 ? ESP_OK : ESP_FAIL;
}
