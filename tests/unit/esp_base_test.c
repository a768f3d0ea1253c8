/*
 * The system calls of the SDK: in this process, and in firmware that is run as
 * a device would run it (idf_base_app.c).
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "airlift/crc32.h"
#include "device/shared.h"
#include "driver/gpio.h"
#include "esp_check.h"
#include "esp_chip_info.h"
#include "esp_err.h"
#include "esp_heap_caps.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_netif.h"
#include "esp_random.h"
#include "esp_rom_crc.h"
#include "esp_rom_md5.h"
#include "esp_rom_sys.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "esp_tls_crypto.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "idf_runtime.h"

/* ---- A small device ------------------------------------------------------------- */

#define PATIENCE_MS 60000

struct device {
    struct dev_shared *shared;
    int shared_fd;
    pid_t app;
    int out; /* what it prints */
    int in;  /* its console input; never written to */
    const char *program;
    char text[8192];
};

static void device_on(struct device *d)
{
    memset(d, 0, sizeof *d);
    d->program = IDF_BASE_APP;
    d->shared = dev_shared_create(&d->shared_fd);
    assert_non_null(d->shared);
}

static void device_off(struct device *d)
{
    dev_shared_destroy(d->shared, d->shared_fd);
}

/* Start the app; without a device if `alone`. */
static void run(struct device *d, const char *what, const char *reset_reason, bool alone)
{
    char number[16];
    int out[2], in[2];

    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(in), 0);
    snprintf(number, sizeof number, "%d", d->shared_fd);
    fflush(stdout);
    d->app = fork();
    assert_true(d->app >= 0);
    if (d->app == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a case that fails leaves nothing running */
        setenv("IDF_BASE_APP", what, 1);
        setenv(DEV_ENV_RESET_REASON, reset_reason, 1);
        if (!alone) {
            setenv(DEV_ENV_SHARED_FD, number, 1);
        }
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        dup2(in[0], STDIN_FILENO);
        close(out[0]);
        close(in[1]);
        execl(d->program, d->program, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    close(in[0]);
    d->out = out[0];
    d->in = in[1];
    d->text[0] = '\0';
}

/* Read what it prints, until it has printed `wanted`, or, if that is NULL, until it has ended. */
static void read_until(struct device *d, const char *wanted)
{
    size_t len = strlen(d->text);
    struct pollfd poll_fd = {.fd = d->out, .events = POLLIN};
    ssize_t n;

    while (wanted == NULL || strstr(d->text, wanted) == NULL) {
        assert_true(poll(&poll_fd, 1, PATIENCE_MS) > 0);
        n = read(d->out, d->text + len, sizeof d->text - 1 - len);
        assert_true(n >= 0);
        if (n == 0) {
            assert_null(wanted);
            return;
        }
        len += (size_t)n;
        d->text[len] = '\0';
    }
}

/* How it ended, as waitpid() has it. */
static int wait_end(struct device *d)
{
    int status = 0;

    read_until(d, NULL);
    assert_int_equal(waitpid(d->app, &status, 0), d->app);
    close(d->out);
    close(d->in);
    return status;
}

static int kill_app(struct device *d)
{
    assert_int_equal(kill(d->app, SIGKILL), 0);
    return wait_end(d);
}

static void sleep_ms(long ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
}

static void wait_for_beats(struct device *d, unsigned n)
{
    uint64_t before = atomic_load(&d->shared->heartbeat);
    int waited;

    for (waited = 0; atomic_load(&d->shared->heartbeat) < before + n; waited += 20) {
        assert_true(waited < PATIENCE_MS);
        sleep_ms(20);
    }
}

/* Until a second passes without a beat. */
static void wait_for_silence(struct device *d)
{
    uint64_t before;
    int waited = 0;

    do {
        assert_true(waited < PATIENCE_MS);
        before = atomic_load(&d->shared->heartbeat);
        sleep_ms(1000);
        waited += 1000;
    } while (atomic_load(&d->shared->heartbeat) != before);
}

static void assert_exit(int status, int code)
{
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
}

static void assert_signal(int status, int number)
{
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), number);
}

/* ---- main() ------------------------------------------------------------------------ */

static void run_alone_to_success(const char *what, const char *expected)
{
    struct device d;

    device_on(&d);
    run(&d, what, "poweron", true);
    assert_exit(wait_end(&d), 0);
    assert_non_null(strstr(d.text, expected));
    device_off(&d);
}

static void test_main_alone_ends_when_app_main_has_returned(void **state)
{
    (void)state;
    run_alone_to_success("hello", ") app: hello 1\n");
}

static void test_main_alone_ends_when_its_task_was_deleted(void **state)
{
    (void)state;
    run_alone_to_success("delete", "Calling app_main()");
}

static void test_main_alone_waits_for_tasks_and_timers(void **state)
{
    (void)state;
    run_alone_to_success("task", "task done\n");
    run_alone_to_success("timer", "timer expired\n");
}

static void test_main_on_a_device_goes_on_like_a_chip(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "hello", "poweron", false);
    read_until(&d, "Returned from app_main()");
    wait_for_beats(&d, 3);
    assert_signal(kill_app(&d), SIGKILL);
    device_off(&d);
}

static void test_task_that_returns_is_a_panic(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "fall_through", "poweron", false);
    assert_signal(wait_end(&d), SIGABRT);
    assert_non_null(strstr(d.text, "\"short\" returned"));
    device_off(&d);
}

/* ---- Resets --------------------------------------------------------------------------- */

static void test_restart_runs_shutdown_handlers_last_first(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "restart", "poweron", false);
    assert_exit(wait_end(&d), DEV_EXIT_RESTART);
    assert_non_null(strstr(d.text, "restartinghandler: second registered\nhandler: first registered\n"));
    device_off(&d);
}

static void dummy1(void)
{
}

static void dummy2(void)
{
}

static void test_restart_handlers_are_registered_once(void **state)
{
    (void)state;
    assert_int_equal(esp_register_shutdown_handler(dummy1), ESP_OK);
    assert_int_equal(esp_register_shutdown_handler(dummy1), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_register_shutdown_handler(dummy2), ESP_OK);
    assert_int_equal(esp_unregister_shutdown_handler(dummy1), ESP_OK);
    assert_int_equal(esp_unregister_shutdown_handler(dummy1), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_unregister_shutdown_handler(dummy2), ESP_OK);
}

static void test_error_check_is_a_panic_that_says_what(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "check", "poweron", false);
    assert_signal(wait_end(&d), SIGABRT);
    assert_non_null(strstr(d.text, "esp_err_t 0x101 (ESP_ERR_NO_MEM)"));
    assert_non_null(strstr(d.text, "app_main(): "));
    device_off(&d);
}

static void test_reset_reason_comes_from_the_device(void **state)
{
    static const struct {
        const char *name;
        esp_reset_reason_t reason;
    } reasons[] = {
        {"poweron", ESP_RST_POWERON},     {"sw", ESP_RST_SW},   {"panic", ESP_RST_PANIC},
        {"wdt", ESP_RST_TASK_WDT},        {"ext", ESP_RST_EXT}, {"brownout", ESP_RST_BROWNOUT},
        {"deepsleep", ESP_RST_DEEPSLEEP},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        setenv(DEV_ENV_RESET_REASON, reasons[i].name, 1);
        assert_int_equal(esp_reset_reason(), reasons[i].reason);
    }
    unsetenv(DEV_ENV_RESET_REASON);
    assert_int_equal(esp_reset_reason(), ESP_RST_POWERON);
}

static void boot_and_expect(struct device *d, const char *reset_reason, const char *line)
{
    run(d, "rtc", reset_reason, false);
    assert_signal(wait_end(d), SIGKILL);
    assert_non_null(strstr(d->text, line));
}

static void test_rtc_memory_survives_sigkill_but_no_power_loss(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    boot_and_expect(&d, "poweron", "boots 0, note \"\", naps 5, ordinary 7, zeroed 0\n");
    boot_and_expect(&d, "panic", "boots 1, note \"kept\", naps 5, ordinary 7, zeroed 0\n");
    d.program = IDF_BASE_APP_MOVED; /* an update in between */
    boot_and_expect(&d, "sw", "boots 2, note \"kept\", naps 5, ordinary 7, zeroed 0\n");
    boot_and_expect(&d, "wdt", "boots 3, note \"kept\", naps 5, ordinary 7, zeroed 0\n");
    d.program = IDF_BASE_APP;
    boot_and_expect(&d, "deepsleep", "boots 4, note \"kept\", naps 6, ordinary 7, zeroed 0\n");
    d.program = IDF_BASE_APP_MOVED;
    boot_and_expect(&d, "deepsleep", "boots 5, note \"kept\", naps 7, ordinary 7, zeroed 0\n");
    d.program = IDF_BASE_APP;
    boot_and_expect(&d, "sw", "boots 6, note \"kept\", naps 5, ordinary 7, zeroed 0\n");
    boot_and_expect(&d, "poweron", "boots 0, note \"\", naps 5, ordinary 7, zeroed 0\n");
    device_off(&d);
}

/* ---- Heartbeat and task watchdog --------------------------------------------------------- */

static void test_heartbeat_stops_for_a_task_that_hogs_the_processor(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "hog", "poweron", false);
    wait_for_silence(&d);
    assert_int_equal(waitpid(d.app, NULL, WNOHANG), 0); /* alive, but not well */
    (void)kill_app(&d);
    device_off(&d);
}

static void test_heartbeat_goes_on_for_a_task_asleep_outside_the_api(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "read", "poweron", false);
    wait_for_beats(&d, 30);
    (void)kill_app(&d);
    device_off(&d);
}

static void test_heartbeat_stops_with_the_process(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "hello", "poweron", false);
    wait_for_beats(&d, 2);
    assert_int_equal(kill(d.app, SIGSTOP), 0);
    wait_for_silence(&d);
    (void)kill_app(&d);
    device_off(&d);
}

static void test_task_wdt_stops_the_heartbeat_and_names_the_task(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "silent", "poweron", false);
    read_until(&d, "\"main\" did not reset it in time");
    wait_for_silence(&d);
    (void)kill_app(&d);
    device_off(&d);
}

static void test_task_wdt_panics_if_told_to(void **state)
{
    struct device d;

    (void)state;
    device_on(&d);
    run(&d, "panic", "poweron", false);
    assert_signal(wait_end(&d), SIGABRT);
    assert_non_null(strstr(d.text, "\"main\" did not reset it in time"));
    device_off(&d);
}

static void test_task_wdt_knows_its_subscribers(void **state)
{
    const esp_task_wdt_config_t config = {.timeout_ms = 60000};
    esp_task_wdt_user_handle_t user;

    (void)state;
    assert_int_equal(esp_task_wdt_init(&config), ESP_ERR_INVALID_STATE); /* done at start-up */
    assert_int_equal(esp_task_wdt_reconfigure(&config), ESP_OK);
    assert_int_equal(esp_task_wdt_status(NULL), ESP_ERR_NOT_FOUND);
    assert_int_equal(esp_task_wdt_reset(), ESP_ERR_NOT_FOUND);
    assert_int_equal(esp_task_wdt_add(NULL), ESP_OK);
    assert_int_equal(esp_task_wdt_add(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_task_wdt_status(NULL), ESP_OK);
    assert_int_equal(esp_task_wdt_reset(), ESP_OK);
    assert_int_equal(esp_task_wdt_deinit(), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_task_wdt_add_user("part", &user), ESP_OK);
    assert_int_equal(esp_task_wdt_reset_user(user), ESP_OK);
    assert_int_equal(esp_task_wdt_delete(NULL), ESP_OK);
    assert_int_equal(esp_task_wdt_delete(NULL), ESP_ERR_NOT_FOUND);
    assert_int_equal(esp_task_wdt_delete_user(user), ESP_OK);
    assert_int_equal(esp_task_wdt_deinit(), ESP_OK);
    assert_int_equal(esp_task_wdt_add(NULL), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_task_wdt_status(NULL), ESP_ERR_INVALID_STATE);
    assert_int_equal(esp_task_wdt_init(&config), ESP_OK);
}

/* ---- Errors --------------------------------------------------------------------------------- */

static void test_err_names_are_those_of_esp_idf(void **state)
{
    char buf[64];

    (void)state;
    assert_string_equal(esp_err_to_name(ESP_OK), "ESP_OK");
    assert_string_equal(esp_err_to_name(ESP_FAIL), "ESP_FAIL");
    assert_string_equal(esp_err_to_name(0x10C), "ESP_ERR_NOT_FINISHED");
    assert_string_equal(esp_err_to_name(0x1102), "ESP_ERR_NVS_NOT_FOUND");
    assert_string_equal(esp_err_to_name(0x1503), "ESP_ERR_OTA_VALIDATE_FAILED");
    assert_string_equal(esp_err_to_name(0x2002), "ESP_ERR_IMAGE_INVALID");
    assert_string_equal(esp_err_to_name(0x3012), "ESP_ERR_WIFI_POST");
    assert_string_equal(esp_err_to_name(0x6001), "ESP_ERR_FLASH_OP_FAIL");
    assert_string_equal(esp_err_to_name(0x700A), "ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE");
    assert_string_equal(esp_err_to_name(0x801A), "ESP_ERR_MBEDTLS_SSL_HANDSHAKE_FAILED");
    assert_string_equal(esp_err_to_name(0x9001), "ESP_ERR_HTTPS_OTA_IN_PROGRESS");
    assert_string_equal(esp_err_to_name(0x7FFFFFFF), "ERROR");
    assert_string_equal(esp_err_to_name_r(ESP_ERR_TIMEOUT, buf, sizeof buf), "ESP_ERR_TIMEOUT");
    assert_string_equal(esp_err_to_name_r(ENOENT, buf, sizeof buf), "No such file or directory");
    assert_string_equal(esp_err_to_name_r(0x123456, buf, sizeof buf), "ERROR 0x123456(1193046)");
    assert_string_equal(esp_err_to_name_r(ESP_ERR_TIMEOUT, buf, 8), "ESP_ERR");
}

/* ---- Log -------------------------------------------------------------------------------------- */

static char logged[1024];

static int capture(const char *format, va_list args)
{
    size_t len = strlen(logged);

    return vsnprintf(logged + len, sizeof logged - len, format, args);
}

static esp_err_t fail_early(bool ok)
{
    ESP_RETURN_ON_FALSE(ok, ESP_ERR_INVALID_SIZE, "check", "not %s", "ok");
    return ESP_OK;
}

static void test_log_has_level_time_and_tag(void **state)
{
    unsigned ms;
    char end[32];

    (void)state;
    logged[0] = '\0';
    assert_ptr_equal(esp_log_set_vprintf(capture), vprintf);
    ESP_LOGI("net", "up %d", 5);
    assert_int_equal(sscanf(logged, "I (%u) net: %31[^\n]", &ms, end), 2);
    assert_string_equal(end, "up 5");
    assert_int_equal(logged[strlen(logged) - 1], '\n');
    logged[0] = '\0';
    assert_int_equal(fail_early(false), ESP_ERR_INVALID_SIZE);
    assert_non_null(strstr(logged, ") check: fail_early("));
    assert_ptr_equal(esp_log_set_vprintf(vprintf), capture);
}

static void test_log_level_is_per_tag(void **state)
{
    (void)state;
    logged[0] = '\0';
    esp_log_set_vprintf(capture);
    assert_int_equal(esp_log_level_get("a"), ESP_LOG_INFO);
    esp_log_level_set("a", ESP_LOG_ERROR);
    ESP_LOGW("a", "hidden");
    ESP_LOGE("a", "shown");
    ESP_LOGW("b", "other");
    assert_null(strstr(logged, "hidden"));
    assert_non_null(strstr(logged, "a: shown"));
    assert_non_null(strstr(logged, "b: other"));
    esp_log_level_set("*", ESP_LOG_NONE);
    logged[0] = '\0';
    ESP_LOGE("a", "hidden");
    assert_string_equal(logged, "");
    esp_log_level_set("*", ESP_LOG_INFO);
    assert_int_equal(esp_log_level_get("a"), ESP_LOG_INFO);
    esp_log_set_vprintf(vprintf);
}

static void test_log_dumps_buffers(void **state)
{
    (void)state;
    logged[0] = '\0';
    esp_log_set_vprintf(capture);
    ESP_LOG_BUFFER_HEX("hex",
                       "\x01\xAB"
                       "0123456789ABCDEF",
                       18);
    assert_non_null(strstr(logged, ") hex: 01 ab 30 31 32 33 34 35 36 37 38 39 41 42 43 44 \n"));
    assert_non_null(strstr(logged, ") hex: 45 46 \n"));
    logged[0] = '\0';
    ESP_LOG_BUFFER_HEXDUMP("dump", "Hello\n", 6, ESP_LOG_INFO);
    assert_non_null(strstr(logged, "48 65 6c 6c 6f 0a "));
    assert_non_null(strstr(logged, "|Hello.|"));
    esp_log_set_vprintf(vprintf);
}

/* ---- The chip ------------------------------------------------------------------------------------ */

static void test_mac_addresses_come_from_efuse_and_count_up(void **state)
{
    const uint8_t custom[6] = {0x02, 1, 2, 3, 4, 0xFE};
    uint8_t mac[8];
    uint8_t local[6];

    (void)state;
    assert_int_equal(esp_efuse_mac_get_default(mac), ESP_OK);
    assert_memory_equal(mac, "\x24\x0a\xc4\x00\x00\x0a", 6); /* main() wrote it into the flash file's .json */
    assert_int_equal(esp_read_mac(mac, ESP_MAC_WIFI_STA), ESP_OK);
    assert_memory_equal(mac, "\x24\x0a\xc4\x00\x00\x0a", 6);
    assert_int_equal(esp_read_mac(mac, ESP_MAC_ETH), ESP_OK);
    assert_memory_equal(mac, "\x24\x0a\xc4\x00\x00\x0d", 6);
    assert_int_equal(esp_derive_local_mac(local, mac), ESP_OK);
    assert_memory_equal(local, "\x26\x0a\xc4\x00\x00\x0d", 6);
    assert_int_equal(esp_derive_local_mac(local, local), ESP_OK);
    assert_memory_equal(local, "\x22\x0a\xc4\x00\x00\x0d", 6);
    assert_int_equal(esp_read_mac(mac, ESP_MAC_IEEE802154), ESP_OK);
    assert_memory_equal(mac, "\x24\x0a\xc4\xff\xfe\x00\x00\x0a", 8);
    assert_int_equal(esp_efuse_mac_get_custom(mac), ESP_ERR_INVALID_MAC);
    assert_int_equal(esp_base_mac_addr_set((const uint8_t *)"\x01\0\0\0\0\0"), ESP_ERR_INVALID_ARG);
    assert_int_equal(esp_base_mac_addr_set(custom), ESP_OK);
    assert_int_equal(esp_read_mac(mac, ESP_MAC_BT), ESP_OK);
    assert_memory_equal(mac, "\x02\x01\x02\x03\x04\x00", 6);
    assert_int_equal(esp_efuse_mac_get_default(mac), ESP_OK);
    assert_memory_equal(mac, "\x24\x0a\xc4\x00\x00\x0a", 6);
}

static void test_chip_info_is_that_of_the_device(void **state)
{
    esp_chip_info_t info;

    (void)state;
    esp_chip_info(&info);
    assert_int_equal(info.model, CHIP_ESP32C3);
    assert_int_equal(info.revision, 103);
    assert_int_equal(info.cores, 1);
}

static void test_gpio_reads_the_outside_or_its_pull(void **state)
{
    struct dev_shared *shared = dev_shared_get();
    gpio_config_t config = {
        .pin_bit_mask = BIT64(4) | BIT64(40), .mode = GPIO_MODE_INPUT, .pull_up_en = GPIO_PULLUP_ENABLE};

    (void)state;
    assert_int_equal(gpio_config(&config), ESP_OK);
    assert_int_equal(gpio_get_level(GPIO_NUM_4), 1);
    assert_int_equal(gpio_get_level(GPIO_NUM_40), 1);
    assert_int_equal(gpio_set_pull_mode(GPIO_NUM_4, GPIO_PULLDOWN_ONLY), ESP_OK);
    assert_int_equal(gpio_get_level(GPIO_NUM_4), 0);
    atomic_store(&shared->gpio_in[4], 1);
    atomic_store(&shared->gpio_in[40], 0);
    assert_int_equal(gpio_get_level(GPIO_NUM_4), 1);
    assert_int_equal(gpio_get_level(GPIO_NUM_40), 0);

    assert_int_equal(atomic_load(&shared->gpio_out[5]), -1);
    assert_int_equal(gpio_set_level(GPIO_NUM_5, 1), ESP_OK);
    assert_int_equal(gpio_set_direction(GPIO_NUM_5, GPIO_MODE_OUTPUT), ESP_OK);
    assert_int_equal(atomic_load(&shared->gpio_out[5]), 1);
    assert_int_equal(gpio_get_level(GPIO_NUM_5), 0); /* no input */
    assert_int_equal(gpio_reset_pin(GPIO_NUM_5), ESP_OK);
    assert_int_equal(atomic_load(&shared->gpio_out[5]), -1);

    config.intr_type = GPIO_INTR_MAX;
    assert_int_equal(gpio_config(&config), ESP_ERR_INVALID_ARG);
    assert_int_equal(gpio_set_level(GPIO_NUM_MAX, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(gpio_reset_pin(GPIO_NUM_NC), ESP_ERR_INVALID_ARG);
}

static void give_from_handler(void *arg)
{
    BaseType_t woken = pdFALSE;

    xSemaphoreGiveFromISR((SemaphoreHandle_t)arg, &woken);
    portYIELD_FROM_ISR(woken);
}

static void test_gpio_interrupts_at_edges_and_levels(void **state)
{
    struct dev_shared *shared = dev_shared_get();
    SemaphoreHandle_t fell = xSemaphoreCreateCounting(1000, 0), low = xSemaphoreCreateCounting(1000, 0);
    const gpio_config_t config = {.pin_bit_mask = BIT64(6) | BIT64(7),
                                  .mode = GPIO_MODE_INPUT,
                                  .pull_up_en = GPIO_PULLUP_ENABLE,
                                  .intr_type = GPIO_INTR_NEGEDGE};
    const TickType_t long_time = pdMS_TO_TICKS(60000), moment = pdMS_TO_TICKS(50);

    (void)state;
    assert_int_equal(gpio_config(&config), ESP_OK);
    assert_int_equal(gpio_isr_handler_add(GPIO_NUM_6, give_from_handler, fell), ESP_ERR_INVALID_STATE);
    assert_int_equal(gpio_install_isr_service(ESP_INTR_FLAG_IRAM), ESP_OK);
    assert_int_equal(gpio_install_isr_service(0), ESP_ERR_INVALID_STATE);
    assert_int_equal(gpio_isr_handler_add(GPIO_NUM_6, give_from_handler, fell), ESP_OK);
    assert_int_equal(gpio_set_intr_type(GPIO_NUM_7, GPIO_INTR_LOW_LEVEL), ESP_OK);
    assert_int_equal(gpio_isr_handler_add(GPIO_NUM_7, give_from_handler, low), ESP_OK);
    assert_int_equal(xSemaphoreTake(fell, moment), pdFALSE);
    atomic_store(&shared->gpio_in[6], 0);
    assert_int_equal(xSemaphoreTake(fell, long_time), pdTRUE);
    assert_int_equal(xSemaphoreTake(fell, moment), pdFALSE); /* once for an edge */
    atomic_store(&shared->gpio_in[6], 1);
    assert_int_equal(xSemaphoreTake(fell, moment), pdFALSE);
    assert_int_equal(gpio_intr_disable(GPIO_NUM_6), ESP_OK);
    atomic_store(&shared->gpio_in[6], 0);
    assert_int_equal(xSemaphoreTake(fell, moment), pdFALSE);
    assert_int_equal(gpio_intr_enable(GPIO_NUM_6), ESP_OK); /* that edge is past */
    assert_int_equal(xSemaphoreTake(fell, moment), pdFALSE);

    assert_int_equal(xSemaphoreTake(low, 0), pdFALSE);
    atomic_store(&shared->gpio_in[7], 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(xSemaphoreTake(low, long_time), pdTRUE); /* again and again */
    }
    assert_int_equal(gpio_isr_handler_remove(GPIO_NUM_7), ESP_OK);
    assert_int_equal(gpio_set_intr_type(GPIO_NUM_7, GPIO_INTR_MAX), ESP_ERR_INVALID_ARG);
    gpio_uninstall_isr_service();
    assert_int_equal(gpio_isr_handler_remove(GPIO_NUM_6), ESP_ERR_INVALID_STATE);
    vTaskDelay(moment); /* a call that has begun may still be under way */
    vSemaphoreDelete(fell);
    vSemaphoreDelete(low);
}

static void test_heap_tells_about_itself(void **state)
{
    multi_heap_info_t info;

    (void)state;
    heap_caps_get_info(&info, MALLOC_CAP_DEFAULT);
    assert_int_equal(info.total_free_bytes + info.total_allocated_bytes, heap_caps_get_total_size(0));
    assert_true(info.minimum_free_bytes > 0 && info.minimum_free_bytes <= info.total_free_bytes);
    assert_true(heap_caps_check_integrity_all(true));
}

static void test_tls_lends_base64_and_sha1(void **state)
{
    static const unsigned char sha1_abc[] =
        "\xA9\x99\x3E\x36\x47\x06\x81\x6A\xBA\x3E\x25\x71\x78\x50\xC2\x6C\x9C\xD0\xD8\x9D";
    unsigned char text[16], digest[20];
    size_t len;

    (void)state;
    assert_int_equal(esp_crypto_base64_encode(text, sizeof text, &len, (const unsigned char *)"user:pw", 7),
                     0);
    assert_int_equal(len, 12);
    assert_string_equal((char *)text, "dXNlcjpwdw==");
    assert_int_not_equal(esp_crypto_base64_encode(text, 12, &len, (const unsigned char *)"user:pw", 7), 0);
    assert_int_equal(len, 13);
    assert_int_equal(esp_crypto_sha1((const unsigned char *)"abc", 3, digest), 0);
    assert_memory_equal(digest, sha1_abc, 20);
}

static void test_random_fills_everything(void **state)
{
    uint8_t a[32] = {0}, b[32] = {0};

    (void)state;
    esp_fill_random(a, sizeof a);
    esp_fill_random(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a + 24, "\0\0\0\0\0\0\0\0", 8);
}

static void test_heap_shrinks_by_what_is_taken(void **state)
{
    size_t before = heap_caps_get_free_size(MALLOC_CAP_8BIT);
    void *block = heap_caps_aligned_alloc(64, 300000, MALLOC_CAP_8BIT);

    (void)state;
    assert_non_null(block);
    assert_int_equal((uintptr_t)block % 64, 0);
#ifndef __SANITIZE_ADDRESS__ /* whose heap has no statistics */
#ifndef __SANITIZE_THREAD__
    assert_true(esp_get_free_heap_size() <= before - 300000);
#endif
#endif
    heap_caps_free(block);
    assert_true(esp_get_minimum_free_heap_size() <= before);
}

/* ---- The ROM ----------------------------------------------------------------------------------------- */

static void test_rom_crc_has_the_two_conventions(void **state)
{
    const uint8_t *digits = (const uint8_t *)"123456789";

    (void)state;
    assert_int_equal(esp_rom_crc32_le(0, digits, 9), 0xCBF43926);
    assert_int_equal(esp_rom_crc32_le(0xFFFFFFFF, digits, 9), al_crc32_idf(digits, 9));
    assert_int_equal(esp_rom_crc32_le(esp_rom_crc32_le(0, digits, 4), digits + 4, 5), 0xCBF43926);
    assert_int_equal(esp_rom_crc32_be(0, digits, 9), 0xFC891918);       /* CRC-32/BZIP2 */
    assert_int_equal(esp_rom_crc16_le(0, digits, 9), 0x906E);           /* CRC-16/IBM-SDLC */
    assert_int_equal(esp_rom_crc16_be(0, digits, 9), 0xD64E);           /* CRC-16/GENIBUS */
    assert_int_equal(esp_rom_crc8_be(0xFF, digits, 9), (uint8_t)~0xF4); /* CRC-8/SMBUS */
    assert_int_equal(esp_rom_crc8_le(0, digits, 9), (uint8_t)~0xD0);    /* CRC-8/ROHC */
}

static void test_rom_md5_of_pieces(void **state)
{
    md5_context_t context;
    uint8_t digest[ESP_ROM_MD5_DIGEST_LEN];

    (void)state;
    esp_rom_md5_init(&context);
    esp_rom_md5_update(&context, "a", 1);
    esp_rom_md5_update(&context, "bc", 2);
    esp_rom_md5_final(digest, &context);
    assert_memory_equal(digest, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72", 16);
}

static void test_rom_delay_lasts_at_least_as_long(void **state)
{
    int64_t before = esp_timer_get_time();

    (void)state;
    esp_rom_delay_us(3000);
    assert_true(esp_timer_get_time() - before >= 3000);
}

static void test_network_is_there_at_once(void **state)
{
    const char *name = NULL;

    (void)state;
    assert_int_equal(esp_netif_init(), ESP_OK);
    assert_int_equal(esp_netif_set_hostname(NULL, "lamp"), ESP_OK);
    assert_int_equal(esp_netif_get_hostname(NULL, &name), ESP_OK);
    assert_string_equal(name, "lamp");
    assert_int_equal(esp_netif_set_hostname(NULL, "a_name_that_is_longer_than_it_may_be"),
                     ESP_ERR_ESP_NETIF_INVALID_PARAMS);
}

/* A flash file's description, for the tests of the chip. */
static char flash_path[] = "/tmp/esp_base_test_XXXXXX";
static char json_path[64];

static int make_device_files(void **state)
{
    FILE *json;
    int fd = mkstemp(flash_path);

    (void)state;
    if (fd < 0) {
        return -1;
    }
    close(fd);
    snprintf(json_path, sizeof json_path, "%s.json", flash_path);
    json = fopen(json_path, "w");
    if (json == NULL) {
        return -1;
    }
    fputs("{\"chip\":\"esp32c3\",\"chip_revision\":\"1.3\",\"mac\":\"24:0a:c4:00:00:0a\"}\n", json);
    setenv(DEV_ENV_FLASH, flash_path, 1);
    return fclose(json);
}

static int remove_device_files(void **state)
{
    (void)state;
    unlink(json_path);
    return unlink(flash_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_main_alone_ends_when_app_main_has_returned),
        cmocka_unit_test(test_main_alone_ends_when_its_task_was_deleted),
        cmocka_unit_test(test_main_alone_waits_for_tasks_and_timers),
        cmocka_unit_test(test_main_on_a_device_goes_on_like_a_chip),
        cmocka_unit_test(test_task_that_returns_is_a_panic),
        cmocka_unit_test(test_restart_runs_shutdown_handlers_last_first),
        cmocka_unit_test(test_restart_handlers_are_registered_once),
        cmocka_unit_test(test_error_check_is_a_panic_that_says_what),
        cmocka_unit_test(test_reset_reason_comes_from_the_device),
        cmocka_unit_test(test_rtc_memory_survives_sigkill_but_no_power_loss),
        cmocka_unit_test(test_heartbeat_stops_for_a_task_that_hogs_the_processor),
        cmocka_unit_test(test_heartbeat_goes_on_for_a_task_asleep_outside_the_api),
        cmocka_unit_test(test_heartbeat_stops_with_the_process),
        cmocka_unit_test(test_task_wdt_stops_the_heartbeat_and_names_the_task),
        cmocka_unit_test(test_task_wdt_panics_if_told_to),
        cmocka_unit_test(test_task_wdt_knows_its_subscribers),
        cmocka_unit_test(test_err_names_are_those_of_esp_idf),
        cmocka_unit_test(test_log_has_level_time_and_tag),
        cmocka_unit_test(test_log_level_is_per_tag),
        cmocka_unit_test(test_log_dumps_buffers),
        cmocka_unit_test(test_mac_addresses_come_from_efuse_and_count_up),
        cmocka_unit_test(test_chip_info_is_that_of_the_device),
        cmocka_unit_test(test_gpio_reads_the_outside_or_its_pull),
        cmocka_unit_test(test_gpio_interrupts_at_edges_and_levels),
        cmocka_unit_test(test_heap_tells_about_itself),
        cmocka_unit_test(test_tls_lends_base64_and_sha1),
        cmocka_unit_test(test_random_fills_everything),
        cmocka_unit_test(test_heap_shrinks_by_what_is_taken),
        cmocka_unit_test(test_rom_crc_has_the_two_conventions),
        cmocka_unit_test(test_rom_md5_of_pieces),
        cmocka_unit_test(test_rom_delay_lasts_at_least_as_long),
        cmocka_unit_test(test_network_is_there_at_once),
    };

    return cmocka_run_group_tests(tests, make_device_files, remove_device_files);
}
