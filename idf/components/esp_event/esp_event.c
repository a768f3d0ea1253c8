/*
 * Event loops: a queue of posted events, a list of handlers, and a lock that is
 * held while handlers run.
 */
#include "esp_event.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../freertos/kernel.h"

/* As ESP-IDF's system event task. */
#define DEFAULT_QUEUE_SIZE CONFIG_ESP_SYSTEM_EVENT_QUEUE_SIZE
#define DEFAULT_TASK_NAME  "sys_evt"
#define DEFAULT_PRIORITY   20
#define ISR_DATA_SIZE      4u

struct handler {
    struct handler *next;
    esp_event_base_t base; /* NULL: any */
    int32_t id;            /* ESP_EVENT_ANY_ID: any */
    esp_event_handler_t function;
    void *arg;
    bool is_instance;
    bool is_gone; /* unregistered while handlers run: freed afterwards */
};

struct event {
    esp_event_base_t base; /* NULL: the loop's task is to end */
    int32_t id;
    void *data; /* owned; NULL: none */
};

struct loop {
    QueueHandle_t queue; /* of struct event */
    SemaphoreHandle_t lock;
    SemaphoreHandle_t ended; /* given by the task when it ends */
    struct handler *handlers;
    _Atomic(TaskHandle_t) runner; /* the task whose handlers run, or NULL */
    unsigned depth;               /* handlers may call esp_event_loop_run() */
    char name[configMAX_TASK_NAME_LEN];
    bool has_task;
};

static _Atomic(struct loop *) default_loop;

/* ---- Handlers, with the loop's lock -------------------------------------------- */

static bool wants(const struct handler *h, const struct event *event)
{
    return !h->is_gone && (h->base == ESP_EVENT_ANY_BASE || h->base == event->base) &&
           (h->id == ESP_EVENT_ANY_ID || h->id == event->id);
}

static struct handler **last_link(struct loop *loop)
{
    struct handler **link = &loop->handlers;

    while (*link != NULL) {
        link = &(*link)->next;
    }
    return link;
}

static void sweep(struct loop *loop)
{
    struct handler **link = &loop->handlers;
    struct handler *h;

    while ((h = *link) != NULL) {
        if (h->is_gone) {
            *link = h->next;
            free(h);
        } else {
            link = &h->next;
        }
    }
}

static struct handler *find(struct loop *loop, esp_event_base_t base, int32_t id,
                            esp_event_handler_t function)
{
    struct handler *h = loop->handlers;

    while (h != NULL &&
           (h->is_gone || h->is_instance || h->base != base || h->id != id || h->function != function)) {
        h = h->next;
    }
    return h;
}

static void dispatch(struct loop *loop, const struct event *event)
{
    TaskHandle_t runner_before;
    struct handler *h;
    struct handler *end; /* handlers that are registered from here on get the next event */

    xSemaphoreTakeRecursive(loop->lock, portMAX_DELAY);
    runner_before = atomic_exchange(&loop->runner, xTaskGetCurrentTaskHandle());
    loop->depth++;
    for (end = loop->handlers; end != NULL && end->next != NULL; end = end->next) {
    }
    for (h = loop->handlers; h != NULL; h = h == end ? NULL : h->next) {
        if (wants(h, event)) {
            h->function(h->arg, event->base, event->id, event->data);
        }
    }
    if (--loop->depth == 0) {
        sweep(loop);
    }
    atomic_store(&loop->runner, runner_before);
    xSemaphoreGiveRecursive(loop->lock);
}

/* ---- Loops --------------------------------------------------------------------- */

/* False when the loop is to end. */
static bool run_until(struct loop *loop, int64_t deadline_ns)
{
    struct event event;
    int64_t left_ns;
    TickType_t ticks = portMAX_DELAY;

    do {
        if (deadline_ns != KERNEL_FOREVER) {
            left_ns = deadline_ns - kernel_now_ns();
            ticks = left_ns <= 0 ? 0 : (TickType_t)(left_ns / kernel_ticks_to_ns(1)) + 1;
        }
        if (xQueueReceive(loop->queue, &event, ticks) != pdTRUE) {
            break;
        }
        if (event.base == NULL) {
            return false;
        }
        dispatch(loop, &event);
        free(event.data);
    } while (deadline_ns == KERNEL_FOREVER || kernel_now_ns() < deadline_ns);
    return true;
}

static void run_task(void *arg)
{
    struct loop *loop = arg;

    while (run_until(loop, KERNEL_FOREVER)) {
    }
    xSemaphoreGive(loop->ended);
    vTaskDelete(NULL);
}

static void free_loop(struct loop *loop)
{
    struct event event;
    struct handler *next;

    if (loop->queue != NULL) {
        while (xQueueReceive(loop->queue, &event, 0) == pdTRUE) {
            free(event.data);
        }
        vQueueDelete(loop->queue);
    }
    if (loop->lock != NULL) {
        vSemaphoreDelete(loop->lock);
    }
    if (loop->ended != NULL) {
        vSemaphoreDelete(loop->ended);
    }
    while (loop->handlers != NULL) {
        next = loop->handlers->next;
        free(loop->handlers);
        loop->handlers = next;
    }
    free(loop);
}

esp_err_t esp_event_loop_create(const esp_event_loop_args_t *event_loop_args,
                                esp_event_loop_handle_t *event_loop)
{
    struct loop *loop;

    if (event_loop_args == NULL || event_loop == NULL || event_loop_args->queue_size <= 0) {
        return ESP_ERR_INVALID_ARG;
    }
    loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return ESP_ERR_NO_MEM;
    }
    loop->queue = xQueueCreate((UBaseType_t)event_loop_args->queue_size, sizeof(struct event));
    loop->lock = xSemaphoreCreateRecursiveMutex();
    loop->ended = xSemaphoreCreateBinary();
    if (loop->queue == NULL || loop->lock == NULL || loop->ended == NULL) {
        free_loop(loop);
        return ESP_ERR_NO_MEM;
    }
    if (event_loop_args->task_name != NULL) {
        loop->has_task = true;
        strncpy(loop->name, event_loop_args->task_name, sizeof loop->name - 1);
        if (kernel_start_task(run_task, loop->name, event_loop_args->task_stack_size, loop,
                              event_loop_args->task_priority, true, NULL) == NULL) {
            free_loop(loop);
            return ESP_FAIL;
        }
    }
    *event_loop = loop;
    return ESP_OK;
}

esp_err_t esp_event_loop_delete(esp_event_loop_handle_t event_loop)
{
    const struct event end = {NULL, 0, NULL};
    struct loop *loop = event_loop;

    if (loop == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    if (loop->has_task) {
        (void)xQueueSendToFront(loop->queue, &end, portMAX_DELAY);
        (void)xSemaphoreTake(loop->ended, portMAX_DELAY);
    }
    free_loop(loop);
    return ESP_OK;
}

esp_err_t esp_event_loop_run(esp_event_loop_handle_t event_loop, TickType_t ticks_to_run)
{
    if (event_loop == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    (void)run_until(event_loop, kernel_deadline(ticks_to_run));
    return ESP_OK;
}

esp_err_t esp_event_loop_create_default(void)
{
    const esp_event_loop_args_t args = {
        .queue_size = DEFAULT_QUEUE_SIZE, .task_name = DEFAULT_TASK_NAME, .task_priority = DEFAULT_PRIORITY};
    struct loop *none = NULL;
    esp_event_loop_handle_t loop;
    esp_err_t err;

    if (atomic_load(&default_loop) != NULL) {
        return ESP_ERR_INVALID_STATE;
    }
    err = esp_event_loop_create(&args, &loop);
    if (err == ESP_OK && !atomic_compare_exchange_strong(&default_loop, &none, loop)) {
        (void)esp_event_loop_delete(loop); /* another task was faster */
        err = ESP_ERR_INVALID_STATE;
    }
    return err;
}

esp_err_t esp_event_loop_delete_default(void)
{
    struct loop *loop = atomic_exchange(&default_loop, NULL);

    return loop != NULL ? esp_event_loop_delete(loop) : ESP_ERR_INVALID_STATE;
}

/* ---- Registering ------------------------------------------------------------------ */

static esp_err_t add(struct loop *loop, esp_event_base_t base, int32_t id, esp_event_handler_t function,
                     void *arg, bool is_instance, esp_event_handler_instance_t *instance)
{
    struct handler *h;

    if (loop == NULL || function == NULL || (base == ESP_EVENT_ANY_BASE && id != ESP_EVENT_ANY_ID)) {
        return ESP_ERR_INVALID_ARG;
    }
    xSemaphoreTakeRecursive(loop->lock, portMAX_DELAY);
    h = is_instance ? NULL : find(loop, base, id, function);
    if (h == NULL) {
        h = calloc(1, sizeof *h);
        if (h != NULL) {
            h->base = base;
            h->id = id;
            h->function = function;
            h->is_instance = is_instance;
            *last_link(loop) = h;
        }
    }
    if (h != NULL) {
        h->arg = arg;
    }
    xSemaphoreGiveRecursive(loop->lock);
    if (h != NULL && instance != NULL) {
        *instance = h;
    }
    return h != NULL ? ESP_OK : ESP_ERR_NO_MEM;
}

/* Either a handler function, or an instance. */
static esp_err_t drop(struct loop *loop, esp_event_base_t base, int32_t id, esp_event_handler_t function,
                      esp_event_handler_instance_t instance)
{
    struct handler *h;

    if (loop == NULL || (function == NULL && instance == NULL) ||
        (base == ESP_EVENT_ANY_BASE && id != ESP_EVENT_ANY_ID)) {
        return ESP_ERR_INVALID_ARG;
    }
    xSemaphoreTakeRecursive(loop->lock, portMAX_DELAY);
    if (instance == NULL) {
        h = find(loop, base, id, function);
    } else {
        for (h = loop->handlers; h != NULL && (h != instance || h->base != base || h->id != id);
             h = h->next) {
        }
    }
    if (h != NULL) {
        h->is_gone = true;
    }
    if (loop->depth == 0) {
        sweep(loop);
    }
    xSemaphoreGiveRecursive(loop->lock);
    return ESP_OK;
}

esp_err_t esp_event_handler_register_with(esp_event_loop_handle_t event_loop, esp_event_base_t event_base,
                                          int32_t event_id, esp_event_handler_t event_handler,
                                          void *event_handler_arg)
{
    return add(event_loop, event_base, event_id, event_handler, event_handler_arg, false, NULL);
}

esp_err_t esp_event_handler_register(esp_event_base_t event_base, int32_t event_id,
                                     esp_event_handler_t event_handler, void *event_handler_arg)
{
    struct loop *loop = atomic_load(&default_loop);

    return loop == NULL ? ESP_ERR_INVALID_STATE
                        : add(loop, event_base, event_id, event_handler, event_handler_arg, false, NULL);
}

esp_err_t esp_event_handler_instance_register_with(esp_event_loop_handle_t event_loop,
                                                   esp_event_base_t event_base, int32_t event_id,
                                                   esp_event_handler_t event_handler, void *event_handler_arg,
                                                   esp_event_handler_instance_t *instance)
{
    return add(event_loop, event_base, event_id, event_handler, event_handler_arg, true, instance);
}

esp_err_t esp_event_handler_instance_register(esp_event_base_t event_base, int32_t event_id,
                                              esp_event_handler_t event_handler, void *event_handler_arg,
                                              esp_event_handler_instance_t *instance)
{
    struct loop *loop = atomic_load(&default_loop);

    return loop == NULL ? ESP_ERR_INVALID_STATE
                        : add(loop, event_base, event_id, event_handler, event_handler_arg, true, instance);
}

esp_err_t esp_event_handler_unregister_with(esp_event_loop_handle_t event_loop, esp_event_base_t event_base,
                                            int32_t event_id, esp_event_handler_t event_handler)
{
    return drop(event_loop, event_base, event_id, event_handler, NULL);
}

esp_err_t esp_event_handler_unregister(esp_event_base_t event_base, int32_t event_id,
                                       esp_event_handler_t event_handler)
{
    struct loop *loop = atomic_load(&default_loop);

    return loop == NULL ? ESP_ERR_INVALID_STATE : drop(loop, event_base, event_id, event_handler, NULL);
}

esp_err_t esp_event_handler_instance_unregister_with(esp_event_loop_handle_t event_loop,
                                                     esp_event_base_t event_base, int32_t event_id,
                                                     esp_event_handler_instance_t instance)
{
    return drop(event_loop, event_base, event_id, NULL, instance);
}

esp_err_t esp_event_handler_instance_unregister(esp_event_base_t event_base, int32_t event_id,
                                                esp_event_handler_instance_t instance)
{
    struct loop *loop = atomic_load(&default_loop);

    return loop == NULL ? ESP_ERR_INVALID_STATE : drop(loop, event_base, event_id, NULL, instance);
}

/* ---- Posting ----------------------------------------------------------------------- */

esp_err_t esp_event_post_to(esp_event_loop_handle_t event_loop, esp_event_base_t event_base, int32_t event_id,
                            const void *event_data, size_t event_data_size, TickType_t ticks_to_wait)
{
    struct loop *loop = event_loop;
    struct event event = {event_base, event_id, NULL};

    if (loop == NULL || event_base == ESP_EVENT_ANY_BASE || event_id == ESP_EVENT_ANY_ID ||
        (event_data == NULL && event_data_size > 0)) {
        return ESP_ERR_INVALID_ARG;
    }
    if (event_data_size > 0) {
        event.data = malloc(event_data_size);
        if (event.data == NULL) {
            return ESP_ERR_NO_MEM;
        }
        memcpy(event.data, event_data, event_data_size);
    }
    if (atomic_load(&loop->runner) == xTaskGetCurrentTaskHandle()) {
        ticks_to_wait = 0; /* it would wait for itself */
    }
    if (xQueueSend(loop->queue, &event, ticks_to_wait) != pdTRUE) {
        free(event.data);
        return ESP_ERR_TIMEOUT;
    }
    return ESP_OK;
}

esp_err_t esp_event_post(esp_event_base_t event_base, int32_t event_id, const void *event_data,
                         size_t event_data_size, TickType_t ticks_to_wait)
{
    struct loop *loop = atomic_load(&default_loop);

    return loop == NULL
               ? ESP_ERR_INVALID_STATE
               : esp_event_post_to(loop, event_base, event_id, event_data, event_data_size, ticks_to_wait);
}

esp_err_t esp_event_isr_post_to(esp_event_loop_handle_t event_loop, esp_event_base_t event_base,
                                int32_t event_id, const void *event_data, size_t event_data_size,
                                BaseType_t *task_unblocked)
{
    esp_err_t err;

    (void)task_unblocked;
    if (event_data_size > ISR_DATA_SIZE) {
        return ESP_ERR_INVALID_ARG;
    }
    err = esp_event_post_to(event_loop, event_base, event_id, event_data, event_data_size, 0);
    return err == ESP_ERR_TIMEOUT ? ESP_FAIL : err;
}

esp_err_t esp_event_isr_post(esp_event_base_t event_base, int32_t event_id, const void *event_data,
                             size_t event_data_size, BaseType_t *task_unblocked)
{
    struct loop *loop = atomic_load(&default_loop);

    return loop == NULL ? ESP_ERR_INVALID_STATE
                        : esp_event_isr_post_to(loop, event_base, event_id, event_data, event_data_size,
                                                task_unblocked);
}

esp_err_t esp_event_dump(FILE *file)
{
    struct loop *loop = atomic_load(&default_loop);
    struct handler *h;

    if (loop == NULL) {
        return ESP_OK;
    }
    xSemaphoreTakeRecursive(loop->lock, portMAX_DELAY);
    fprintf(file, "%s: %u waiting\n", loop->name, uxQueueMessagesWaiting(loop->queue));
    for (h = loop->handlers; h != NULL; h = h->next) {
        fprintf(file, "  %p %s:%d\n", (void *)h, h->base != NULL ? h->base : "any", (int)h->id);
    }
    xSemaphoreGiveRecursive(loop->lock);
    return ESP_OK;
}
