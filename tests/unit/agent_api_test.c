/*
 * The public calls, on a blank device in a temporary file: without firmware, but
 * with partitions and NVS, and with a server that nobody can reach.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "airlift.h"
#include "airlift_push.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "lwip/sockets.h"
#include "nvs_flash.h"

#include "airlift/ptable_csv.h"

#define FLASH_SIZE 0x400000
#define WAIT       pdMS_TO_TICKS(20000) /* for what must happen */
#define URL        "https://127.0.0.1:1/version.json"
#define NOT_A_CERT "-----BEGIN CERTIFICATE-----\n"
#define MAX_EVENTS 16u

static char flash_path[] = "/tmp/airlift-agent-api-XXXXXX";

/* What the agent told, in order. Written by its task, read when `told` was given. */
static airlift_event_t events[MAX_EVENTS];
static unsigned n_events;
static char last_offer[AIRLIFT_MAX_OFFER_ID];
static SemaphoreHandle_t told;

static void on_event(const airlift_event_t *event, void *ctx)
{
    if (ctx == &n_events && n_events < MAX_EVENTS) {
        events[n_events++] = *event;
    }
    strcpy(last_offer, event->offer_id);
    if (event->id == AIRLIFT_EVENT_FAILED) {
        (void)xSemaphoreGive(told);
    }
}

static const airlift_config_t usual = {
    .manifest_url = URL,
    .cert_pem = NOT_A_CERT,
    .stabilisation_s = AIRLIFT_NO_WAIT,
    .attempts = 1,
    .check_interval_s = 3600,
    .retry_s = 3600,
    .on_event = on_event,
    .ctx = &n_events,
};

/* --- A blank device -------------------------------------------------------- */

static int make_device(void **state)
{
    static struct al_ptable table;
    static uint8_t raw[AL_SECTOR_SIZE], blank[AL_SECTOR_SIZE];
    const int fd = mkstemp(flash_path);

    (void)state;
    memset(blank, 0xFF, sizeof(blank));
    memset(raw, 0xFF, sizeof(raw));
    if (fd < 0 || al_ptable_predefined("two_ota", &table) != 0 || al_ptable_build(&table, true, raw) != 0) {
        return -1;
    }
    for (unsigned off = 0; off < FLASH_SIZE; off += AL_SECTOR_SIZE) {
        const void *sector = off == 0x8000 ? raw : blank;

        if (write(fd, sector, AL_SECTOR_SIZE) != AL_SECTOR_SIZE) {
            return -1;
        }
    }
    told = xSemaphoreCreateBinary();
    return told == NULL || close(fd) != 0 || setenv("AIRLIFT_FLASH", flash_path, 1) != 0 ||
           setenv("AIRLIFT_RUNNING", "factory", 1) != 0;
}

static int remove_device(void **state)
{
    (void)state;
    return unlink(flash_path);
}

/* --- Cases ------------------------------------------------------------------ */

static void test_api_refuses_a_configuration_without_trust(void **state)
{
    airlift_config_t config = usual;

    (void)state;
    assert_int_equal(airlift_start(NULL), ESP_ERR_INVALID_ARG);
    config.manifest_url = NULL;
    assert_int_equal(airlift_start(&config), ESP_ERR_INVALID_ARG);
    config.manifest_url = "http://127.0.0.1:1/version.json";
    assert_int_equal(airlift_start(&config), ESP_ERR_INVALID_ARG);
    config.manifest_url = URL;
    config.cert_pem = NULL;
    assert_int_equal(airlift_start(&config), ESP_ERR_INVALID_ARG);
}

static void test_api_calls_need_a_running_agent(void **state)
{
    airlift_status_t status;

    (void)state;
    assert_int_equal(airlift_stop(), ESP_ERR_INVALID_STATE);
    assert_int_equal(airlift_check_now(), ESP_ERR_INVALID_STATE);
    assert_int_equal(airlift_confirm(), ESP_ERR_INVALID_STATE);
    assert_int_equal(airlift_get_status(&status), ESP_ERR_INVALID_STATE);
    assert_int_equal(airlift_get_status(NULL), ESP_ERR_INVALID_ARG);
}

static const airlift_offer_t update = {.url = "https://127.0.0.1:1/fw.bin", .id = "lamp 7"};

static void test_api_install_refuses_what_it_cannot_keep(void **state)
{
    static char long_url[AIRLIFT_MAX_URL + 2] = "https://127.0.0.1/", long_id[AIRLIFT_MAX_OFFER_ID + 1];
    airlift_config_t config = usual;
    airlift_offer_t offer = update;

    (void)state;
    memset(long_url + strlen(long_url), 'x', sizeof(long_url) - 1 - strlen(long_url));
    memset(long_id, 'x', sizeof(long_id) - 1);
    assert_int_equal(airlift_install(&update), ESP_ERR_INVALID_STATE);
    config.stabilisation_s = 3600; /* nothing begins meanwhile */
    assert_int_equal(airlift_start(&config), ESP_OK);
    assert_int_equal(airlift_install(NULL), ESP_ERR_INVALID_ARG);
    offer.url = NULL;
    assert_int_equal(airlift_install(&offer), ESP_ERR_INVALID_ARG);
    offer.url = "http://127.0.0.1:1/fw.bin";
    assert_int_equal(airlift_install(&offer), ESP_ERR_INVALID_ARG);
    offer.url = long_url;
    assert_int_equal(airlift_install(&offer), ESP_ERR_INVALID_ARG);
    offer = update;
    offer.id = long_id;
    assert_int_equal(airlift_install(&offer), ESP_ERR_INVALID_ARG);
    offer.id = NULL;
    offer.version = long_id;
    assert_int_equal(airlift_install(&offer), ESP_ERR_INVALID_ARG);
    long_url[AIRLIFT_MAX_URL] = '\0';
    offer = update;
    offer.url = long_url;
    assert_int_equal(airlift_install(&offer), ESP_OK);
    assert_int_equal(airlift_install(&update), ESP_ERR_NOT_FINISHED);
    assert_int_equal(airlift_stop(), ESP_OK);
}

static void test_api_an_offer_outlives_a_restart(void **state)
{
    airlift_config_t config = usual;

    (void)state;
    config.manifest_url = NULL;
    assert_int_equal(airlift_start(&config), ESP_ERR_INVALID_ARG); /* who is to say that it is well? */
    config.confirm_by_app = true;
    for (unsigned start = 0; start < 2; start++) {
        last_offer[0] = '\0';
        assert_int_equal(airlift_start(&config), ESP_OK);
        if (start == 0) {
            assert_int_equal(airlift_install(&update), ESP_OK);
        }
        assert_true(xSemaphoreTake(told, WAIT));
        assert_int_equal(airlift_stop(), ESP_OK);
        assert_string_equal(last_offer, "lamp 7");
    }
}

/* The same again replaces the link in silence; another one is the end of the first. */
static void test_api_a_later_offer_takes_the_place(void **state)
{
    const airlift_offer_t again = {.url = "https://127.0.0.1:1/fw.bin?fresh", .id = "lamp 7"},
                          other = {.url = "https://127.0.0.1:1/other.bin", .id = "lamp 8"};
    airlift_config_t config = usual;
    airlift_status_t status;

    (void)state;
    config.manifest_url = NULL;
    config.confirm_by_app = true;
    assert_int_equal(airlift_start(&config), ESP_OK); /* "lamp 7" is recalled, and cannot be fetched */
    assert_true(xSemaphoreTake(told, WAIT));
    n_events = 0;
    assert_int_equal(airlift_install(&again), ESP_OK);
    assert_true(xSemaphoreTake(told, WAIT));
    assert_int_equal(n_events, 1);
    assert_int_equal(airlift_install(&other), ESP_OK);
    assert_true(xSemaphoreTake(told, WAIT));
    assert_int_equal(airlift_get_status(&status), ESP_OK);
    assert_string_equal(status.offer_id, "lamp 8");
    assert_int_equal(airlift_stop(), ESP_OK);
    assert_int_equal(n_events, 3);
    assert_int_equal(events[1].id, AIRLIFT_EVENT_OFFER_ENDED);
    assert_int_equal(events[1].reason, AIRLIFT_FAIL_STOPPED);
    assert_int_equal(events[2].id, AIRLIFT_EVENT_FAILED);
}

static void test_api_start_needs_nvs(void **state)
{
    (void)state;
    assert_int_not_equal(airlift_start(&usual), ESP_OK);
    assert_int_equal(nvs_flash_init(), ESP_OK);
    assert_int_equal(airlift_start(&usual), ESP_OK);
    assert_int_equal(airlift_start(&usual), ESP_ERR_INVALID_STATE);
    assert_true(xSemaphoreTake(told, WAIT));
    assert_int_equal(airlift_stop(), ESP_OK);
    assert_int_equal(airlift_stop(), ESP_ERR_INVALID_STATE);
}

static void test_api_check_now_does_not_wait_for_the_interval(void **state)
{
    airlift_status_t status;

    (void)state;
    n_events = 0;
    assert_int_equal(airlift_start(&usual), ESP_OK);
    assert_true(xSemaphoreTake(told, WAIT));
    assert_int_equal(airlift_check_now(), ESP_OK);
    assert_true(xSemaphoreTake(told, WAIT));
    assert_int_equal(airlift_get_status(&status), ESP_OK);
    assert_int_equal(status.last_failure, AIRLIFT_FAIL_NETWORK);
    assert_int_not_equal(strlen(status.last_failure_text), 0);
    assert_int_equal(airlift_confirm(), ESP_ERR_INVALID_STATE); /* nothing is on trial */
    assert_int_equal(airlift_stop(), ESP_OK);

    assert_int_equal(n_events, 4);
    for (unsigned i = 0; i < n_events; i += 2) {
        assert_int_equal(events[i].id, AIRLIFT_EVENT_CHECKING);
        assert_int_equal(events[i + 1].id, AIRLIFT_EVENT_FAILED);
        assert_int_equal(events[i + 1].reason, AIRLIFT_FAIL_NETWORK);
    }
}

static void test_api_stop_ends_the_stabilisation_at_once(void **state)
{
    airlift_config_t config = usual;
    airlift_status_t status;

    (void)state;
    n_events = 0;
    config.stabilisation_s = 3600;
    assert_int_equal(airlift_start(&config), ESP_OK);
    assert_int_equal(airlift_get_status(&status), ESP_OK);
    assert_int_equal(status.state, AIRLIFT_STATE_STABILISING);
    assert_int_equal(airlift_stop(), ESP_OK); /* or the test's time runs out */
    assert_int_equal(n_events, 0);
}

/* A port that nobody has, and that socket; keep it to keep the port. */
static uint16_t take_port(int type, int *fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    *fd = socket(AF_INET, type, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &len), 0);
    assert_true(type == SOCK_DGRAM || listen(*fd, 1) == 0);
    return ntohs(address.sin_port);
}

static void test_api_listeners_live_within_the_agents_life(void **state)
{
    int tcp_fd, udp_fd;
    const airlift_push_tcp_config_t tcp = {
        .port = take_port(SOCK_STREAM, &tcp_fd), .led = true, .led_gpio = 5};
    const airlift_push_arduino_config_t arduino = {.port = take_port(SOCK_DGRAM, &udp_fd), .no_mdns = true};

    (void)state;
    assert_int_equal(airlift_push_tcp_start(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(airlift_push_arduino_start(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(airlift_push_tcp_start(&tcp), ESP_ERR_INVALID_STATE); /* no agent */
    assert_int_equal(airlift_push_arduino_start(&arduino), ESP_ERR_INVALID_STATE);
    assert_int_equal(airlift_push_tcp_stop(), ESP_ERR_INVALID_STATE);
    assert_int_equal(airlift_push_arduino_stop(), ESP_ERR_INVALID_STATE);

    assert_int_equal(airlift_start(&usual), ESP_OK);
    assert_true(xSemaphoreTake(told, WAIT));
    assert_int_equal(airlift_push_tcp_start(&tcp), ESP_FAIL); /* somebody has the port */
    assert_int_equal(airlift_push_arduino_start(&arduino), ESP_FAIL);
    assert_int_equal(close(tcp_fd) | close(udp_fd), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(airlift_push_tcp_start(&tcp), ESP_OK);
        assert_int_equal(airlift_push_tcp_start(&tcp), ESP_ERR_INVALID_STATE);
        assert_int_equal(airlift_push_arduino_start(&arduino), ESP_OK);
        assert_int_equal(airlift_push_arduino_start(&arduino), ESP_ERR_INVALID_STATE);
        assert_int_equal(airlift_stop(), ESP_ERR_INVALID_STATE);
        assert_int_equal(airlift_push_tcp_stop(), ESP_OK);
        assert_int_equal(airlift_stop(), ESP_ERR_INVALID_STATE);
        assert_int_equal(airlift_push_arduino_stop(), ESP_OK);
    }
    assert_int_equal(airlift_stop(), ESP_OK);
}

static void test_api_names_every_reason(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= AIRLIFT_FAIL_DENIED; i++) {
        assert_string_not_equal(airlift_fail_name((airlift_fail_t)i), "unknown");
    }
    assert_string_equal(airlift_fail_name((airlift_fail_t)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_refuses_a_configuration_without_trust),
        cmocka_unit_test(test_api_calls_need_a_running_agent),
        cmocka_unit_test(test_api_start_needs_nvs),
        cmocka_unit_test(test_api_check_now_does_not_wait_for_the_interval),
        cmocka_unit_test(test_api_stop_ends_the_stabilisation_at_once),
        cmocka_unit_test(test_api_install_refuses_what_it_cannot_keep),
        cmocka_unit_test(test_api_an_offer_outlives_a_restart),
        cmocka_unit_test(test_api_a_later_offer_takes_the_place),
        cmocka_unit_test(test_api_listeners_live_within_the_agents_life),
        cmocka_unit_test(test_api_names_every_reason),
    };
    return cmocka_run_group_tests(tests, make_device, remove_device);
}
