/*
 * The task watchdog: a list of who has to call in, and a look at it at each
 * beat of the heart (idf_runtime.h).
 */
#include "esp_task_wdt.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idf_runtime.h"
#include "sdkconfig.h"

struct esp_task_wdt_user_handle_s {
    struct esp_task_wdt_user_handle_s *next;
    TaskHandle_t task; /* NULL: a user */
    char name[configMAX_TASK_NAME_LEN];
    int64_t seen_us;
    bool is_late; /* and said so */
};

static const char *const TAG = "task_wdt";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct esp_task_wdt_user_handle_s *entries;
static bool is_set_up = true;
static esp_task_wdt_config_t settings = {.timeout_ms = CONFIG_ESP_TASK_WDT_TIMEOUT_S * 1000};

/* ---- With the lock ---------------------------------------------------------------- */

/* The link to a task's or a user's entry; it links to NULL if there is none. */
static struct esp_task_wdt_user_handle_s **find(TaskHandle_t task, esp_task_wdt_user_handle_t user)
{
    struct esp_task_wdt_user_handle_s **link = &entries;

    while (*link != NULL && (user != NULL ? *link != user : (*link)->task != task)) {
        link = &(*link)->next;
    }
    return link;
}

/* Everybody starts anew. */
static void reset_all(void)
{
    struct esp_task_wdt_user_handle_s *e;

    for (e = entries; e != NULL; e = e->next) {
        e->seen_us = idf_uptime_us();
        e->is_late = false;
    }
}

/* ---- The heartbeat asks ------------------------------------------------------------ */

static bool check(void)
{
    bool all_in_time = true;
    bool panic = false;
    struct esp_task_wdt_user_handle_s *e;

    pthread_mutex_lock(&lock);
    for (e = entries; is_set_up && e != NULL; e = e->next) {
        if (idf_uptime_us() - e->seen_us <= (int64_t)settings.timeout_ms * 1000) {
            continue;
        }
        all_in_time = false;
        if (!e->is_late) {
            /* Straight to the console: this thread is no task and can't log as one. */
            printf("E (%u) %s: Task watchdog got triggered: \"%s\" did not reset it in time\n",
                   (unsigned)(idf_uptime_us() / 1000), TAG, e->name);
            e->is_late = true;
            panic = settings.trigger_panic;
        }
    }
    pthread_mutex_unlock(&lock);
    if (panic) {
        printf("E (%u) %s: Aborting.\n", (unsigned)(idf_uptime_us() / 1000), TAG);
        fflush(stdout);
        abort();
    }
    return all_in_time;
}

static void add_check(void)
{
    idf_add_health_check(check);
}

/* ---- Setting up -------------------------------------------------------------------- */

static esp_err_t configure(const esp_task_wdt_config_t *config, bool expect_set_up)
{
    esp_err_t err = ESP_ERR_INVALID_STATE;

    if (config == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    pthread_mutex_lock(&lock);
    if (is_set_up == expect_set_up) {
        settings = *config;
        is_set_up = true;
        reset_all();
        err = ESP_OK;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

esp_err_t esp_task_wdt_init(const esp_task_wdt_config_t *config)
{
    return configure(config, false);
}

esp_err_t esp_task_wdt_reconfigure(const esp_task_wdt_config_t *config)
{
    return configure(config, true);
}

esp_err_t esp_task_wdt_deinit(void)
{
    esp_err_t err = ESP_ERR_INVALID_STATE;

    pthread_mutex_lock(&lock);
    if (is_set_up && entries == NULL) {
        is_set_up = false;
        err = ESP_OK;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

/* ---- Subscribing ------------------------------------------------------------------- */

static esp_err_t add(TaskHandle_t task, const char *name, esp_task_wdt_user_handle_t *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct esp_task_wdt_user_handle_s *e = calloc(1, sizeof *e);
    esp_err_t err = ESP_OK;

    if (e == NULL) {
        return ESP_ERR_NO_MEM;
    }
    pthread_once(&once, add_check);
    e->task = task;
    e->seen_us = idf_uptime_us();
    strncpy(e->name, name, sizeof e->name - 1);
    pthread_mutex_lock(&lock);
    if (!is_set_up) {
        err = ESP_ERR_INVALID_STATE;
    } else if (task != NULL && *find(task, NULL) != NULL) {
        err = ESP_ERR_INVALID_ARG;
    } else {
        e->next = entries;
        entries = e;
    }
    pthread_mutex_unlock(&lock);
    if (err != ESP_OK) {
        free(e);
    } else if (out != NULL) {
        *out = e;
    }
    return err;
}

static esp_err_t reset(TaskHandle_t task, esp_task_wdt_user_handle_t user)
{
    struct esp_task_wdt_user_handle_s *e;
    esp_err_t err = ESP_ERR_NOT_FOUND;

    pthread_mutex_lock(&lock);
    e = *find(task, user);
    if (!is_set_up) {
        err = ESP_ERR_INVALID_STATE;
    } else if (e != NULL) {
        e->seen_us = idf_uptime_us();
        e->is_late = false;
        err = ESP_OK;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

static esp_err_t drop(TaskHandle_t task, esp_task_wdt_user_handle_t user)
{
    struct esp_task_wdt_user_handle_s **link;
    struct esp_task_wdt_user_handle_s *e = NULL;
    esp_err_t err = ESP_ERR_NOT_FOUND;

    pthread_mutex_lock(&lock);
    link = find(task, user);
    if (!is_set_up) {
        err = ESP_ERR_INVALID_STATE;
    } else if (*link != NULL) {
        e = *link;
        *link = e->next;
        err = ESP_OK;
    }
    pthread_mutex_unlock(&lock);
    free(e);
    return err;
}

static TaskHandle_t or_self(TaskHandle_t task)
{
    TaskHandle_t self = xTaskGetCurrentTaskHandle();

    return task != NULL ? task : self;
}

esp_err_t esp_task_wdt_add(TaskHandle_t task_handle)
{
    TaskHandle_t task = or_self(task_handle);

    return add(task, pcTaskGetName(task), NULL);
}

esp_err_t esp_task_wdt_reset(void)
{
    return reset(or_self(NULL), NULL);
}

esp_err_t esp_task_wdt_delete(TaskHandle_t task_handle)
{
    return drop(or_self(task_handle), NULL);
}

esp_err_t esp_task_wdt_status(TaskHandle_t task_handle)
{
    TaskHandle_t task = or_self(task_handle);
    esp_err_t err;

    pthread_mutex_lock(&lock);
    if (!is_set_up) {
        err = ESP_ERR_INVALID_STATE;
    } else {
        err = *find(task, NULL) != NULL ? ESP_OK : ESP_ERR_NOT_FOUND;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

esp_err_t esp_task_wdt_add_user(const char *user_name, esp_task_wdt_user_handle_t *user_handle_ret)
{
    if (user_name == NULL || user_handle_ret == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    idf_alive();
    return add(NULL, user_name, user_handle_ret);
}

esp_err_t esp_task_wdt_reset_user(esp_task_wdt_user_handle_t user_handle)
{
    idf_alive();
    return user_handle != NULL ? reset(NULL, user_handle) : ESP_ERR_INVALID_ARG;
}

esp_err_t esp_task_wdt_delete_user(esp_task_wdt_user_handle_t user_handle)
{
    idf_alive();
    return user_handle != NULL ? drop(NULL, user_handle) : ESP_ERR_INVALID_ARG;
}
