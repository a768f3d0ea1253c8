/*
 * The heartbeat: tells the device's watchdog that all tasks are well.
 *
 * A chip's task watchdog fires when the idle task starves, that is when a task
 * keeps the processor to itself. Here each task has a thread, so that is what
 * is looked for: a thread that uses the processor without a pause and without
 * calling the API. A thread that sleeps somewhere, in recv() or a mutex of its
 * own, is left alone, as on a chip; whoever wants more subscribes to the task
 * watchdog (esp_task_wdt.h), which adds its verdict here. A process that is
 * stopped as a whole does not beat either, for this is a thread of it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "device/shared.h"
#include "esp_log.h"
#include "idf_runtime.h"
#include "kernel.h"

#define BEAT_NS     100000000  /* ten beats a second */
#define HOG_NS      1000000000 /* of processor time at a stretch */
#define PAUSE_SHARE 10         /* a thread that used less than 1/10 of the time made a pause */
#define MAX_CHECKS  4

static bool (*checks[MAX_CHECKS])(void);
static unsigned n_checks;
static pthread_mutex_t checks_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t cpu_ns(pthread_t thread)
{
    clockid_t clock;
    struct timespec used;

    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) {
        return 0;
    }
    return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static bool is_well(TaskHandle_t task, int64_t elapsed_ns)
{
    uint64_t calls = atomic_load_explicit(&task->calls, memory_order_relaxed);
    int64_t cpu = cpu_ns(task->thread);
    int64_t used = cpu - task->cpu_seen_ns;

    task->cpu_seen_ns = cpu;
    if (calls != task->calls_seen || atomic_load(&task->blocked) > 0 || used < elapsed_ns / PAUSE_SHARE) {
        task->calls_seen = calls;
        task->hogged_ns = 0;
        return true;
    }
    task->hogged_ns += used;
    return task->hogged_ns < HOG_NS;
}

static bool all_tasks_are_well(int64_t elapsed_ns)
{
    bool well = true;
    TaskHandle_t task;

    kernel_lock_bare();
    for (task = kernel_first_task(); task != NULL; task = task->next) {
        well &= is_well(task, elapsed_ns);
    }
    kernel_unlock();
    return well;
}

static bool all_checks_pass(void)
{
    bool pass = true;
    unsigned i;

    pthread_mutex_lock(&checks_lock);
    for (i = 0; i < n_checks; i++) {
        pass &= checks[i]();
    }
    pthread_mutex_unlock(&checks_lock);
    return pass;
}

static void *beat(void *unused)
{
    struct dev_shared *shared = dev_shared_get();
    const struct timespec pause = {0, BEAT_NS};
    int64_t last = kernel_now_ns();
    int64_t now;
    bool well;

    (void)unused;
    for (;;) {
        nanosleep(&pause, NULL);
        now = kernel_now_ns();
        well = all_tasks_are_well(now - last);
        well &= all_checks_pass();
        if (well) {
            atomic_fetch_add(&shared->heartbeat, 1);
        }
        last = now;
    }
    return NULL;
}

static void start_thread(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;

    /* The firmware's signal handlers run in its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, beat, NULL) != 0) {
        ESP_LOGE("freertos", "can't start the heartbeat");
        abort();
    }
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void idf_add_health_check(bool (*check)(void))
{
    pthread_mutex_lock(&checks_lock);
    if (n_checks < MAX_CHECKS) {
        checks[n_checks++] = check;
    }
    pthread_mutex_unlock(&checks_lock);
}

void heartbeat_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, start_thread);
}
