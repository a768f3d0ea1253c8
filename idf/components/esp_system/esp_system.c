#include "esp_system.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "device/shared.h"
#include "esp_heap_caps.h"
#include "esp_log.h"
#include "idf_runtime.h"

#define MAX_HANDLERS 5

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static shutdown_handler_t handlers[MAX_HANDLERS]; /* the first registered first, without gaps */
static unsigned n_handlers;

/* ---- Restarting ------------------------------------------------------------------ */

/* With the lock. n_handlers if it is not there. */
static unsigned find(shutdown_handler_t handle)
{
    unsigned i = 0;

    while (i < n_handlers && handlers[i] != handle) {
        i++;
    }
    return i;
}

esp_err_t esp_register_shutdown_handler(shutdown_handler_t handle)
{
    esp_err_t err = ESP_OK;

    pthread_mutex_lock(&lock);
    if (find(handle) < n_handlers) {
        err = ESP_ERR_INVALID_STATE;
    } else if (n_handlers == MAX_HANDLERS) {
        err = ESP_ERR_NO_MEM;
    } else {
        handlers[n_handlers++] = handle;
    }
    pthread_mutex_unlock(&lock);
    return err;
}

esp_err_t esp_unregister_shutdown_handler(shutdown_handler_t handle)
{
    unsigned i;

    pthread_mutex_lock(&lock);
    i = find(handle);
    if (i == n_handlers) {
        pthread_mutex_unlock(&lock);
        return ESP_ERR_INVALID_STATE;
    }
    n_handlers--;
    for (; i < n_handlers; i++) {
        handlers[i] = handlers[i + 1];
    }
    pthread_mutex_unlock(&lock);
    return ESP_OK;
}

/* Takes the last one off; NULL if there is none left. */
static shutdown_handler_t pop_handler(void)
{
    shutdown_handler_t handle;

    pthread_mutex_lock(&lock);
    handle = n_handlers > 0 ? handlers[--n_handlers] : NULL;
    pthread_mutex_unlock(&lock);
    return handle;
}

void esp_restart(void)
{
    shutdown_handler_t handle;

    idf_alive();
    /* Off the list before it runs: a handler that calls esp_restart() itself is not called for ever. */
    while ((handle = pop_handler()) != NULL) {
        handle();
    }
    fflush(stdout);
    fflush(stderr);
    /* Other tasks stop where they are, as on a chip: nothing of the process is cleaned up. */
    _exit(DEV_EXIT_RESTART);
}

esp_reset_reason_t esp_reset_reason(void)
{
    switch (dev_reset_from_name(getenv(DEV_ENV_RESET_REASON))) {
    case DEV_RESET_POWERON:
        return ESP_RST_POWERON;
    case DEV_RESET_SW:
        return ESP_RST_SW;
    case DEV_RESET_PANIC:
        return ESP_RST_PANIC;
    case DEV_RESET_WDT:
        return ESP_RST_TASK_WDT;
    case DEV_RESET_BROWNOUT:
        return ESP_RST_BROWNOUT;
    case DEV_RESET_EXT:
        return ESP_RST_EXT;
    case DEV_RESET_DEEPSLEEP:
        return ESP_RST_DEEPSLEEP;
    }
    return ESP_RST_UNKNOWN;
}

void esp_system_abort(const char *details)
{
    esp_log_write(ESP_LOG_ERROR, "system", "abort(): %s\n", details != NULL ? details : "");
    abort();
}

/* ---- What there is ----------------------------------------------------------------- */

uint32_t esp_get_free_heap_size(void)
{
    return (uint32_t)heap_caps_get_free_size(MALLOC_CAP_DEFAULT);
}

uint32_t esp_get_free_internal_heap_size(void)
{
    return (uint32_t)heap_caps_get_free_size(MALLOC_CAP_INTERNAL);
}

uint32_t esp_get_minimum_free_heap_size(void)
{
    return (uint32_t)heap_caps_get_minimum_free_size(MALLOC_CAP_DEFAULT);
}

const char *esp_get_idf_version(void)
{
    return IDF_VER;
}
