/*
 * portmacro.h - what the processor contributes: basic types, critical sections.
 *
 * There are no interrupts to mask. A critical section is one lock for the whole
 * program, which a task may take again while it holds it; so sections exclude
 * each other whichever portMUX_TYPE they name, as they do on one core.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint8_t StackType_t;
typedef int BaseType_t;
typedef unsigned int UBaseType_t;
typedef uint32_t TickType_t;

#define portBASE_TYPE      int
#define portSTACK_TYPE     uint8_t
#define portMAX_DELAY      ((TickType_t)0xFFFFFFFFUL) /* wait without limit */
#define portTICK_PERIOD_MS ((TickType_t)(1000 / configTICK_RATE_HZ))
#define portTICK_RATE_MS   portTICK_PERIOD_MS
#define portNUM_PROCESSORS 1
#define portBYTE_ALIGNMENT 16

typedef struct {
    uint32_t owner;
    uint32_t count;
} spinlock_t;
typedef spinlock_t portMUX_TYPE;

#define SPINLOCK_INITIALIZER \
    {                        \
        0, 0                 \
    }
#define portMUX_INITIALIZER_UNLOCKED SPINLOCK_INITIALIZER
#define portMUX_INITIALIZE(mux)      ((void)(*(mux) = (portMUX_TYPE)SPINLOCK_INITIALIZER))
#define spinlock_initialize(mux)     portMUX_INITIALIZE(mux)

void vPortEnterCritical(void);
void vPortExitCritical(void);
void vPortYield(void);

#define portENTER_CRITICAL(mux)      ((void)(mux), vPortEnterCritical())
#define portEXIT_CRITICAL(mux)       ((void)(mux), vPortExitCritical())
#define portENTER_CRITICAL_ISR(mux)  portENTER_CRITICAL(mux)
#define portEXIT_CRITICAL_ISR(mux)   portEXIT_CRITICAL(mux)
#define portENTER_CRITICAL_SAFE(mux) portENTER_CRITICAL(mux)
#define portEXIT_CRITICAL_SAFE(mux)  portEXIT_CRITICAL(mux)
#define portDISABLE_INTERRUPTS()     vPortEnterCritical()
#define portENABLE_INTERRUPTS()      vPortExitCritical()

#define portYIELD()                  vPortYield()
#define portYIELD_WITHIN_API()       vPortYield()
#define portYIELD_FROM_ISR(...)      ((void)0)
#define portEND_SWITCHING_ISR(woken) ((void)(woken))

/* One core, never inside an interrupt. */
static inline BaseType_t xPortGetCoreID(void)
{
    return 0;
}
static inline BaseType_t xPortInIsrContext(void)
{
    return 0;
}
static inline bool xPortCanYield(void)
{
    return true;
}

/* The heap of the process. */
void *pvPortMalloc(size_t size);
void vPortFree(void *block);
size_t xPortGetFreeHeapSize(void);
size_t xPortGetMinimumEverFreeHeapSize(void);

#ifdef __cplusplus
}
#endif
