/*
 * kernel.h - what all FreeRTOS objects here share: one lock, tasks, waiting.
 *
 * Private to the SDK. One mutex, the kernel lock, guards every object, so no
 * call can see another half done. Objects keep queues of waiting tasks; a task
 * waits on a condition variable of its own. A woken task looks again at what it
 * waited for, because another may have been faster; it waits on with the same
 * deadline then.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define KERNEL_FOREVER INT64_MAX

/* Waiting tasks, highest priority first, and first come first served among equals. Zeroed: empty. */
struct kernel_waitq {
    struct tskTaskControlBlock *first;
};

struct tskTaskControlBlock {
    struct tskTaskControlBlock *next; /* of all tasks */
    uint64_t number;                  /* never used twice, unlike the address */
    char name[configMAX_TASK_NAME_LEN];
    pthread_t thread;
    TaskFunction_t code; /* NULL for a thread that became a task by calling the API */
    void *arg;
    UBaseType_t priority;
    bool service;      /* the SDK's own: does not keep the program alive while it has nothing to do */
    bool started;      /* its thread runs */
    bool is_main;      /* the process's first thread */
    bool is_suspended; /* stops at its next call of the API */
    bool is_deleted;   /* ends at its next call of the API */

    pthread_cond_t wake;
    bool is_waiting;
    bool is_woken;         /* what it waited for may have come */
    bool is_aborted;       /* xTaskAbortDelay() */
    int64_t wait_deadline; /* while waiting */
    void *wait_detail;     /* while waiting: the object's; then a wake-up is meant for this task alone */
    struct kernel_waitq *waitq;
    struct tskTaskControlBlock *waitq_next;

    uint32_t note_value[configTASK_NOTIFICATION_ARRAY_ENTRIES];
    bool note_pending[configTASK_NOTIFICATION_ARRAY_ENTRIES];
    int note_waiting; /* index it waits for, or -1 */
    void *local[configNUM_THREAD_LOCAL_STORAGE_POINTERS];

    /* For the heartbeat: the task counts calls, the monitor compares. */
    _Atomic uint64_t calls;
    _Atomic int blocked; /* depth of waits inside the API */
    uint64_t calls_seen;
    int64_t cpu_seen_ns;
    int64_t hogged_ns;
};

/*
 * Take the kernel lock. Returns the calling task; a thread that was none becomes one. A suspended task
 * waits here until it is resumed, a deleted one ends here.
 */
TaskHandle_t kernel_lock(void);
void kernel_unlock(void);

/* The lock alone, for a thread that is not to become a task. */
void kernel_lock_bare(void);

/* The calling task, with or without the lock. */
TaskHandle_t kernel_self(void);

/* Nanoseconds of the monotonic clock, and the deadline `ticks` from now (0: past; portMAX_DELAY: never). */
int64_t kernel_now_ns(void);
int64_t kernel_deadline(TickType_t ticks);
int64_t kernel_ticks_to_ns(uint64_t ticks);
int64_t kernel_start_ns(void);
uint64_t kernel_ticks(void); /* since the start, not wrapped */
TickType_t kernel_tick_at(int64_t at_ns);

/*
 * With the lock: wait in q (or in none: NULL) until woken. False if the deadline came first, or is past.
 * The lock is released meanwhile.
 */
bool kernel_wait(struct kernel_waitq *q, int64_t deadline);

/* With the lock. One: the first that waits; nothing if none does. */
void kernel_wake(TaskHandle_t task);
void kernel_wake_one(struct kernel_waitq *q);
void kernel_wake_all(struct kernel_waitq *q);

/* With the lock: is that a task that lives? */
bool kernel_is_task(TaskHandle_t task);
TaskHandle_t kernel_first_task(void);

/* Start a task; `service` as in the struct. NULL without memory. *out, if given, is set before it runs. */
TaskHandle_t kernel_start_task(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                               UBaseType_t priority, bool service, TaskHandle_t *out);

/*
 * With the lock: have another task end. If it waits, or has not begun, this returns when it is gone; else
 * it ends at its next call of the API.
 */
void kernel_delete_other(TaskHandle_t task);

/* End the calling task, which holds the lock. The process's first thread goes on as kernel_idle() does. */
void kernel_end_self(void) __attribute__((noreturn));

/*
 * What the first thread does when its task has ended. On a device: nothing, for ever, as a chip would.
 * Else it ends the program, with success, once no other task is left and services have nothing to do.
 */
void kernel_idle(void) __attribute__((noreturn));

/* Start the thread that beats the heart, once. */
void heartbeat_start(void);

/* Give the variables of RTC_NOINIT_ATTR the memory that outlives a reset. */
void rtc_memory_attach(void);
