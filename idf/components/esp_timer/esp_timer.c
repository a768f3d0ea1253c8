/*
 * Timers in microseconds: alarms, and the task that runs their callbacks.
 */
#include "esp_timer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../freertos/alarm.h"
#include "idf_runtime.h"

#define MIN_PERIOD_US 50u
#define PRIORITY      22 /* of ESP-IDF's task */

struct esp_timer {
    struct alarm alarm; /* first: an alarm that is due is its timer */
    esp_timer_create_args_t args;
    uint64_t period_us; /* 0: one-shot */
    bool is_running;    /* its callback is */
    bool is_deleted;    /* free it when its callback returns */
};

static struct alarm_list timers;
static TaskHandle_t service;

/* ---- The service task, with the kernel lock ---------------------------------- */

static void expire(esp_timer_handle_t timer)
{
    int64_t period_ns = (int64_t)timer->period_us * 1000;
    int64_t next_ns = timer->alarm.at_ns + period_ns;
    int64_t late_ns = kernel_now_ns() - next_ns;

    if (period_ns > 0) {
        if (late_ns > 0 && timer->args.skip_unhandled_events) {
            next_ns += (late_ns / period_ns + 1) * period_ns;
        }
        alarm_set(&timers, &timer->alarm, next_ns);
    }
    timer->is_running = true;
    kernel_unlock();
    timer->args.callback(timer->args.arg);
    kernel_lock();
    timer->is_running = false;
    if (timer->is_deleted) {
        free(timer);
    }
}

static void serve(void *unused)
{
    struct alarm *due;

    (void)unused;
    kernel_lock();
    for (;;) {
        due = alarm_take_due(&timers);
        if (due != NULL) {
            expire((esp_timer_handle_t)due);
        } else {
            alarm_wait(&timers);
        }
    }
}

static void start_service(void)
{
    service = kernel_start_task(serve, "esp_timer", 0, NULL, PRIORITY, true, NULL);
}

static int64_t uptime_us(int64_t at_ns)
{
    return (at_ns - kernel_start_ns()) / 1000;
}

static esp_err_t start(esp_timer_handle_t timer, uint64_t after_us, uint64_t period_us)
{
    esp_err_t err = ESP_ERR_INVALID_STATE;

    if (timer == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    kernel_lock();
    if (!timer->alarm.is_set) {
        timer->period_us = period_us;
        alarm_set(&timers, &timer->alarm, kernel_now_ns() + (int64_t)after_us * 1000);
        err = ESP_OK;
    }
    kernel_unlock();
    return err;
}

/* ---- The API -------------------------------------------------------------------- */

esp_err_t esp_timer_early_init(void)
{
    return ESP_OK;
}

esp_err_t esp_timer_init(void)
{
    return ESP_ERR_INVALID_STATE; /* it is, from the start */
}

esp_err_t esp_timer_deinit(void)
{
    return ESP_ERR_INVALID_STATE; /* the SDK's own parts need it */
}

esp_err_t esp_timer_create(const esp_timer_create_args_t *create_args, esp_timer_handle_t *out_handle)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    esp_timer_handle_t timer;

    if (create_args == NULL || out_handle == NULL || create_args->callback == NULL ||
        create_args->dispatch_method != ESP_TIMER_TASK) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_once(&once, start_service);
    timer = calloc(1, sizeof *timer);
    if (service == NULL || timer == NULL) {
        free(timer);
        return ESP_ERR_NO_MEM;
    }
    timer->args = *create_args;
    *out_handle = timer;
    return ESP_OK;
}

esp_err_t esp_timer_start_once(esp_timer_handle_t timer, uint64_t timeout_us)
{
    return start(timer, timeout_us, 0);
}

esp_err_t esp_timer_start_periodic(esp_timer_handle_t timer, uint64_t period_us)
{
    period_us = period_us > MIN_PERIOD_US ? period_us : MIN_PERIOD_US;
    return start(timer, period_us, period_us);
}

esp_err_t esp_timer_restart(esp_timer_handle_t timer, uint64_t timeout_us)
{
    esp_err_t err = ESP_ERR_INVALID_STATE;

    if (timer == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    kernel_lock();
    if (timer->alarm.is_set) {
        if (timer->period_us > 0) {
            timeout_us = timeout_us > MIN_PERIOD_US ? timeout_us : MIN_PERIOD_US;
            timer->period_us = timeout_us;
        }
        alarm_set(&timers, &timer->alarm, kernel_now_ns() + (int64_t)timeout_us * 1000);
        err = ESP_OK;
    }
    kernel_unlock();
    return err;
}

esp_err_t esp_timer_stop(esp_timer_handle_t timer)
{
    esp_err_t err = ESP_ERR_INVALID_STATE;

    if (timer == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    kernel_lock();
    if (timer->alarm.is_set) {
        alarm_clear(&timers, &timer->alarm);
        err = ESP_OK;
    }
    kernel_unlock();
    return err;
}

esp_err_t esp_timer_delete(esp_timer_handle_t timer)
{
    bool free_now = false;
    esp_err_t err = ESP_ERR_INVALID_STATE;

    if (timer == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    kernel_lock();
    if (!timer->alarm.is_set) {
        timer->is_deleted = true;
        free_now = !timer->is_running;
        err = ESP_OK;
    }
    kernel_unlock();
    if (free_now) {
        free(timer);
    }
    return err;
}

bool esp_timer_is_active(esp_timer_handle_t timer)
{
    bool active;

    if (timer == NULL) {
        return false;
    }
    kernel_lock();
    active = timer->alarm.is_set;
    kernel_unlock();
    return active;
}

int64_t esp_timer_get_time(void)
{
    idf_alive();
    return idf_uptime_us();
}

/* The first alarm; of those that do not skip what they missed, if `wake_up`. */
static int64_t next_alarm(bool wake_up)
{
    int64_t at_us = INT64_MAX;
    struct alarm *alarm;

    kernel_lock();
    alarm = timers.first;
    while (alarm != NULL && wake_up && ((esp_timer_handle_t)alarm)->args.skip_unhandled_events) {
        alarm = alarm->next;
    }
    if (alarm != NULL) {
        at_us = uptime_us(alarm->at_ns);
    }
    kernel_unlock();
    return at_us;
}

int64_t esp_timer_get_next_alarm(void)
{
    return next_alarm(false);
}

int64_t esp_timer_get_next_alarm_for_wake_up(void)
{
    return next_alarm(true);
}

esp_err_t esp_timer_get_period(esp_timer_handle_t timer, uint64_t *period)
{
    if (timer == NULL || period == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    kernel_lock();
    *period = timer->period_us;
    kernel_unlock();
    return ESP_OK;
}

esp_err_t esp_timer_get_expiry_time(esp_timer_handle_t timer, uint64_t *expiry)
{
    esp_err_t err = ESP_ERR_NOT_SUPPORTED;

    if (timer == NULL || expiry == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    kernel_lock();
    if (timer->period_us == 0) {
        *expiry = (uint64_t)uptime_us(timer->alarm.at_ns);
        err = ESP_OK;
    }
    kernel_unlock();
    return err;
}

esp_err_t esp_timer_dump(FILE *stream)
{
    struct alarm *alarm;
    esp_timer_handle_t timer;

    kernel_lock();
    for (alarm = timers.first; alarm != NULL; alarm = alarm->next) {
        timer = (esp_timer_handle_t)alarm;
        fprintf(stream, "%-20s %12" PRIu64 " %12" PRIi64 "\n",
                timer->args.name != NULL ? timer->args.name : "-", timer->period_us, uptime_us(alarm->at_ns));
    }
    kernel_unlock();
    return ESP_OK;
}
