#include "kernel.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "airlift_sdkconfig.h"
#include "device/shared.h"
#include "esp_log.h"
#include "idf_runtime.h"

/* Libraries of the host (TLS, name resolution, printf) need far more stack than a chip's. */
#define HOST_STACK (2048u * 1024u)

static const char *const TAG = "freertos";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_quiet = PTHREAD_COND_INITIALIZER;
static TaskHandle_t tasks; /* all, newest first */
static uint64_t last_number;
static struct kernel_waitq enders; /* tasks that wait for another to be gone */
static int64_t start_ns;
static pthread_key_t task_key; /* for its destructor: a thread that ends takes its task along */
static __thread TaskHandle_t current;

/* ---- Time ------------------------------------------------------------- */

int64_t kernel_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t kernel_start_ns(void)
{
    return start_ns;
}

int64_t kernel_ticks_to_ns(uint64_t ticks)
{
    uint64_t hz = airlift_sdkconfig.freertos_hz;

    return (int64_t)(ticks / hz * 1000000000u + ticks % hz * 1000000000u / hz);
}

int64_t kernel_deadline(TickType_t ticks)
{
    if (ticks == 0) {
        return 0;
    }
    return ticks == portMAX_DELAY ? KERNEL_FOREVER : kernel_now_ns() + kernel_ticks_to_ns(ticks);
}

int64_t idf_uptime_us(void)
{
    return (kernel_now_ns() - start_ns) / 1000;
}

static uint64_t ticks_at(int64_t at_ns)
{
    return (uint64_t)((at_ns - start_ns) / 1000) * airlift_sdkconfig.freertos_hz / 1000000u;
}

TickType_t kernel_tick_at(int64_t at_ns)
{
    return (TickType_t)ticks_at(at_ns);
}

uint64_t kernel_ticks(void)
{
    return ticks_at(kernel_now_ns());
}

/* ---- The list of tasks ------------------------------------------------- */

static TaskHandle_t new_task(const char *name, UBaseType_t priority)
{
    TaskHandle_t task = calloc(1, sizeof *task);
    pthread_condattr_t attr;

    if (task == NULL) {
        return NULL;
    }
    snprintf(task->name, sizeof task->name, "%s", name != NULL ? name : "");
    task->priority = priority < configMAX_PRIORITIES ? priority : configMAX_PRIORITIES - 1;
    task->note_waiting = -1;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&task->wake, &attr);
    pthread_condattr_destroy(&attr);
    return task;
}

static void free_task(TaskHandle_t task)
{
    pthread_cond_destroy(&task->wake);
    free(task);
}

static void add_task(TaskHandle_t task)
{
    task->number = ++last_number;
    task->next = tasks;
    tasks = task;
}

static void remove_task(TaskHandle_t task)
{
    TaskHandle_t *link = &tasks;

    while (*link != task) {
        link = &(*link)->next;
    }
    *link = task->next;
    kernel_wake_all(&enders);
    pthread_cond_signal(&all_quiet);
}

bool kernel_is_task(TaskHandle_t task)
{
    TaskHandle_t t = tasks;

    while (t != NULL && t != task) {
        t = t->next;
    }
    return t != NULL;
}

TaskHandle_t kernel_first_task(void)
{
    return tasks;
}

/* Runs in a thread that ends, however it came to. */
static void on_thread_exit(void *task)
{
    pthread_mutex_lock(&lock);
    remove_task(task);
    pthread_mutex_unlock(&lock);
    current = NULL;
    free_task(task);
}

static void become(TaskHandle_t task)
{
    current = task;
    /* Without its key the task would be leaked when the thread ends, and looked at after its death. */
    if (pthread_setspecific(task_key, task) != 0) {
        esp_log_write(ESP_LOG_ERROR, TAG, "no memory for a task\n");
        abort();
    }
}

static TaskHandle_t adopt_thread(void)
{
    bool is_main = getpid() == gettid();
    TaskHandle_t task = new_task(is_main ? "main" : "thread", 1);

    if (task == NULL) {
        esp_log_write(ESP_LOG_ERROR, TAG, "no memory for a task\n");
        abort();
    }
    task->thread = pthread_self();
    task->started = true;
    task->is_main = is_main;
    become(task);
    pthread_mutex_lock(&lock);
    add_task(task);
    pthread_mutex_unlock(&lock);
    heartbeat_start();
    return task;
}

TaskHandle_t kernel_self(void)
{
    return current != NULL ? current : adopt_thread();
}

/* ---- Waiting ----------------------------------------------------------- */

static void enqueue(struct kernel_waitq *q, TaskHandle_t task)
{
    TaskHandle_t *link = &q->first;

    while (*link != NULL && (*link)->priority >= task->priority) {
        link = &(*link)->waitq_next;
    }
    task->waitq = q;
    task->waitq_next = *link;
    *link = task;
}

static void dequeue(TaskHandle_t task)
{
    TaskHandle_t *link;

    if (task->waitq == NULL) {
        return;
    }
    link = &task->waitq->first;
    while (*link != task) {
        link = &(*link)->waitq_next;
    }
    *link = task->waitq_next;
    task->waitq = NULL;
}

void kernel_wake(TaskHandle_t task)
{
    dequeue(task);
    task->is_woken = true;
    pthread_cond_signal(&task->wake);
}

void kernel_wake_one(struct kernel_waitq *q)
{
    if (q->first != NULL) {
        kernel_wake(q->first);
    }
}

void kernel_wake_all(struct kernel_waitq *q)
{
    while (q->first != NULL) {
        kernel_wake(q->first);
    }
}

/* Sleep once. False when the deadline has passed. */
static bool sleep_until(TaskHandle_t self, int64_t deadline)
{
    struct timespec at = {deadline / 1000000000, deadline % 1000000000};

    if (deadline == KERNEL_FOREVER) {
        pthread_cond_wait(&self->wake, &lock);
        return true;
    }
    return pthread_cond_timedwait(&self->wake, &lock, &at) != ETIMEDOUT;
}

/* A suspended task stays here, a deleted one ends here. */
static void obey(TaskHandle_t self)
{
    atomic_fetch_add(&self->blocked, 1);
    self->is_waiting = true;
    self->wait_deadline = KERNEL_FOREVER;
    while (self->is_suspended && !self->is_deleted) {
        pthread_cond_wait(&self->wake, &lock);
    }
    self->is_waiting = false;
    atomic_fetch_sub(&self->blocked, 1);
    if (self->is_deleted) {
        kernel_end_self();
    }
}

bool kernel_wait(struct kernel_waitq *q, int64_t deadline)
{
    TaskHandle_t self = current;

    if (deadline <= kernel_now_ns()) {
        return false;
    }
    self->is_woken = false;
    self->is_aborted = false;
    self->wait_deadline = deadline;
    self->is_waiting = true;
    if (q != NULL) {
        enqueue(q, self);
    }
    if (self->service) {
        pthread_cond_signal(&all_quiet);
    }
    atomic_fetch_add(&self->blocked, 1);
    while (!self->is_woken && !self->is_aborted && !self->is_deleted && sleep_until(self, deadline)) {
    }
    atomic_fetch_sub(&self->blocked, 1);
    dequeue(self);
    self->is_waiting = false;
    if (self->is_deleted || self->is_suspended) {
        if (self->is_woken && q != NULL && self->wait_detail == NULL) {
            kernel_wake_one(q); /* it takes nothing now, so the next in the queue may */
        }
        obey(self);
    }
    return self->is_woken;
}

TaskHandle_t kernel_lock(void)
{
    TaskHandle_t self = kernel_self();

    atomic_fetch_add_explicit(&self->calls, 1, memory_order_relaxed);
    pthread_mutex_lock(&lock);
    if (self->is_deleted || self->is_suspended) {
        obey(self);
    }
    return self;
}

void kernel_lock_bare(void)
{
    pthread_mutex_lock(&lock);
}

void kernel_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void idf_alive(void)
{
    atomic_fetch_add_explicit(&kernel_self()->calls, 1, memory_order_relaxed);
}

void idf_block_enter(void)
{
    atomic_fetch_add(&kernel_self()->blocked, 1);
}

void idf_block_exit(void)
{
    TaskHandle_t self = kernel_self();

    atomic_fetch_add_explicit(&self->calls, 1, memory_order_relaxed);
    atomic_fetch_sub(&self->blocked, 1);
}

/* ---- Beginning and end -------------------------------------------------- */

static void *run_task(void *arg)
{
    TaskHandle_t self = arg;

    become(self);
    /* The creator holds the lock until the handle is written; a task deleted by then ends here. */
    kernel_lock();
    self->started = true;
    kernel_unlock();
    self->code(self->arg);
    ESP_LOGE(TAG, "task \"%s\" returned; a task ends with vTaskDelete(NULL)", self->name);
    abort();
}

TaskHandle_t kernel_start_task(TaskFunction_t code, const char *name, uint32_t stack, void *arg,
                               UBaseType_t priority, bool service, TaskHandle_t *out)
{
    TaskHandle_t task = new_task(name, priority);
    pthread_attr_t attr;
    int error;

    if (task == NULL) {
        return NULL;
    }
    heartbeat_start();
    task->code = code;
    task->arg = arg;
    task->service = service;
    pthread_attr_init(&attr);
    error = pthread_attr_setstacksize(&attr, (HOST_STACK + stack + 4095u) & ~(size_t)4095u);
    kernel_lock();
    add_task(task);
    if (out != NULL) {
        *out = task;
    }
    if (error == 0) {
        error = pthread_create(&task->thread, &attr, run_task, task);
    }
    if (error != 0) {
        remove_task(task);
        if (out != NULL) {
            *out = NULL;
        }
    }
    kernel_unlock();
    pthread_attr_destroy(&attr);
    if (error != 0) {
        free_task(task);
        return NULL;
    }
    return task;
}

/*
 * Threads are joined, not detached: a thread that is still taking itself apart
 * when the process exits may hold what its libraries keep for each thread. Each
 * one that ends waits for the one before it, so only the last is left to exit().
 */
static pthread_t last_ended;
static bool has_ended;

static void join_last(void)
{
    pthread_mutex_lock(&lock);
    pthread_t last = last_ended;
    bool join = has_ended && !pthread_equal(last, pthread_self());
    pthread_mutex_unlock(&lock);
    if (join) {
        pthread_join(last, NULL);
    }
}

void kernel_end_self(void)
{
    static bool registered;
    bool is_main = current->is_main;
    bool is_ours = current->code != NULL;
    pthread_t before = last_ended;
    bool join_before = is_ours && has_ended;

    if (is_ours) {
        last_ended = pthread_self();
        has_ended = true;
        if (!registered) {
            registered = atexit(join_last) == 0;
        }
    }
    pthread_mutex_unlock(&lock);
    if (is_main) {
        kernel_idle();
    }
    if (join_before) {
        pthread_join(before, NULL);
    }
    pthread_exit(NULL);
}

static bool is_alive(TaskHandle_t task, uint64_t number)
{
    return kernel_is_task(task) && task->number == number;
}

void kernel_delete_other(TaskHandle_t task)
{
    uint64_t number = task->number;
    bool ends_now = task->is_waiting || !task->started;

    task->is_deleted = true;
    pthread_cond_signal(&task->wake);
    while (ends_now && is_alive(task, number)) {
        kernel_wait(&enders, KERNEL_FOREVER);
    }
}

static bool is_quiet(void)
{
    TaskHandle_t t = tasks;

    while (t != NULL && t->service && t->is_waiting && !t->is_woken && t->wait_deadline == KERNEL_FOREVER) {
        t = t->next;
    }
    return t == NULL;
}

void kernel_idle(void)
{
    TaskHandle_t self = current;

    if (self != NULL) {
        pthread_setspecific(task_key, NULL);
        on_thread_exit(self);
    }
    if (dev_shared_inherited()) {
        for (;;) {
            pause();
        }
    }
    pthread_mutex_lock(&lock);
    while (!is_quiet()) {
        pthread_cond_wait(&all_quiet, &lock);
    }
    pthread_mutex_unlock(&lock);
    exit(EXIT_SUCCESS);
}

/* Before any constructor of the firmware, so that they may use all of this. */
__attribute__((constructor(101))) static void start(void)
{
    start_ns = kernel_now_ns();
    if (pthread_key_create(&task_key, on_thread_exit) != 0) {
        abort();
    }
    /* A console shows a line when it is complete, also where it is a pipe. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    rtc_memory_attach();
    if (dev_shared_inherited()) {
        heartbeat_start();
    }
}

/* ---- Critical sections -------------------------------------------------- */

static pthread_mutex_t critical;
static pthread_once_t critical_once = PTHREAD_ONCE_INIT;

static void make_critical(void)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&critical, &attr);
    pthread_mutexattr_destroy(&attr);
}

void vPortEnterCritical(void)
{
    pthread_once(&critical_once, make_critical);
    pthread_mutex_lock(&critical);
}

void vPortExitCritical(void)
{
    pthread_mutex_unlock(&critical);
}

void vPortYield(void)
{
    idf_alive();
    sched_yield();
}

void vAssertCalled(const char *file, int line, const char *condition)
{
    esp_log_write(ESP_LOG_ERROR, TAG, "assert failed: %s:%d (%s)\n", file, line, condition);
    abort();
}
