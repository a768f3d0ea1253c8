/*
 * What the agent and the SDK's components need of FreeRTOS and the system, for a
 * firmware that is one thread in which time never passes: each wait returns at
 * once, and a second goes by whenever somebody asks for the time.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "device/shared.h"
#include "esp_log.h"
#include "esp_random.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "torture.h"

static int64_t now_us;
static EventBits_t event_bits; /* the agent has one group */

/* --- Time and tasks ----------------------------------------------------------- */

int64_t esp_timer_get_time(void)
{
    return now_us += 1000000;
}

void vTaskDelay(const TickType_t ticks)
{
    (void)ticks;
}

/* The task runs to its end first, as one of higher priority would. */
BaseType_t xTaskCreate(TaskFunction_t code, const char *const name, const configSTACK_DEPTH_TYPE depth,
                       void *const arg, UBaseType_t priority, TaskHandle_t *const created)
{
    (void)name, (void)depth, (void)priority, (void)created;
    code(arg);
    return pdPASS;
}

void vTaskDelete(TaskHandle_t task)
{
    (void)task;
}

/* --- Events and locks ----------------------------------------------------------- */

EventBits_t xEventGroupSetBits(EventGroupHandle_t group, const EventBits_t bits)
{
    (void)group;
    return event_bits |= bits;
}

EventBits_t xEventGroupClearBits(EventGroupHandle_t group, const EventBits_t bits)
{
    const EventBits_t before = event_bits;

    (void)group;
    event_bits &= ~bits;
    return before;
}

EventBits_t xEventGroupWaitBits(EventGroupHandle_t group, const EventBits_t bits, const BaseType_t clear,
                                const BaseType_t all, TickType_t ticks)
{
    (void)group, (void)bits, (void)clear, (void)all, (void)ticks;
    return event_bits;
}

BaseType_t xQueueSemaphoreTake(QueueHandle_t queue, TickType_t ticks)
{
    (void)queue, (void)ticks;
    return pdTRUE;
}

BaseType_t xQueueGenericSend(QueueHandle_t queue, const void *const item, TickType_t ticks,
                             const BaseType_t where)
{
    (void)queue, (void)item, (void)ticks, (void)where;
    return pdTRUE;
}

/* --- The system -------------------------------------------------------------------- */

void app_ends(int status)
{
    fflush(stdout);
    _exit(status);
}

void esp_restart(void)
{
    app_ends(DEV_EXIT_RESTART);
}

esp_reset_reason_t esp_reset_reason(void)
{
    switch (board->state->world.reset) {
    case DEV_RESET_SW:
        return ESP_RST_SW;
    case DEV_RESET_PANIC:
        return ESP_RST_PANIC;
    default:
        return ESP_RST_POWERON;
    }
}

uint32_t esp_random(void)
{
    return 4; /* a life is repeatable */
}

/* --- Log lines: only where a story is told ------------------------------------------- */

uint32_t esp_log_timestamp(void)
{
    return (uint32_t)(now_us / 1000);
}

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    char line[300];
    va_list args;

    (void)level, (void)tag;
    if (chip_story == NULL) {
        return;
    }
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    line[strcspn(line, "\n")] = '\0';
    chip_story("      | %s", line);
}

esp_log_level_t esp_log_level_get(const char *tag)
{
    (void)tag;
    return chip_story != NULL ? ESP_LOG_INFO : ESP_LOG_NONE;
}

/* --- agent.c's part, without its task --------------------------------------------------- */

EventBits_t agent_wait(struct agent *a, uint32_t seconds, EventBits_t bits)
{
    (void)a, (void)seconds;
    return event_bits & (bits | AGENT_BIT_STOP);
}

bool agent_stopping(struct agent *a)
{
    (void)a;
    return false;
}
