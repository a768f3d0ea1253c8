/*
 * run.c - the device loop: boot, run the app, reset.
 */
#include "device/run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "airlift/boot.h"
#include "airlift/bytes.h"
#include "boot_log.h"
#include "console.h"
#include "control.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "device/shared.h"
#include "process.h"
#include "sleep.h"
#include "status.h"

#define BOOT_INTERVAL_S  0.2 /* a device in a crash loop shall not eat the machine */
#define ENDED_INTERVAL_S 1.0 /* an app that simply ended is likely to do so again */
#define POLL_MAX_MS      3600000.0

extern char **environ;

enum pause {
    PAUSE_OVER,    /* the time is up, or `enough` says so */
    PAUSE_ORDERED, /* an order was obeyed: reset, for d->reset */
    PAUSE_STOPPED, /* it stops here: result->stop is set */
};

/* A device that is switched on. */
struct device {
    const struct dev_run_options *options;
    struct dev_run_result *result;
    char *err;
    size_t err_size;
    char flash_path[PATH_MAX]; /* absolute: the app may change its directory */
    struct dev_desc desc;
    struct dev_flash *flash;
    struct dev_shared *shared;
    int shared_fd;
    int signal_fd;
    struct dev_console console;
    struct dev_control *control; /* NULL: nobody can reach it */
    struct dev_boot_log log;
    struct al_boot_work work;
    char outcome[80]; /* of the order being obeyed, for whoever gave it */
    double on_s;      /* when it was switched on */
    enum dev_reset reset;
    bool asleep;                    /* the app is gone; d->shared->sleep says what wakes the device */
    const struct dev_boot_pin *pin; /* that is looked at */
    enum pause boot_pause;          /* how that ended */
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool power_is_cut(const struct device *d)
{
    uint64_t cut = atomic_load(&d->shared->power_cut_at);
    return cut && atomic_load(&d->shared->flash_ops) >= cut;
}

/* --- Environment ----------------------------------------------------------- */

struct env {
    char **item; /* owned, as is each string behind `n_borrowed` */
    size_t n, n_borrowed;
};

static void env_free(struct env *env)
{
    for (size_t i = env->n_borrowed; i < env->n; i++) {
        free(env->item[i]);
    }
    free(env->item);
}

static bool is_named(const char *item, const char *name)
{
    size_t len = strlen(name);
    return strncmp(item, name, len) == 0 && item[len] == '=';
}

/* Ours plus `set` (pairs of name and value; a NULL value leaves ours alone). False: out of memory. */
static bool env_build(struct env *env, const char *const set[][2], size_t n_set)
{
    size_t n = 0;
    while (environ[n]) {
        n++;
    }
    *env = (struct env){.item = calloc(n + n_set + 1, sizeof *env->item)};
    if (!env->item) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool replaced = false;
        for (size_t j = 0; j < n_set; j++) {
            replaced = replaced || (set[j][1] && is_named(environ[i], set[j][0]));
        }
        if (!replaced) {
            env->item[env->n++] = environ[i];
        }
    }
    env->n_borrowed = env->n;
    for (size_t j = 0; j < n_set; j++) {
        if (!set[j][1]) {
            continue;
        }
        if (asprintf(&env->item[env->n], "%s=%s", set[j][0], set[j][1]) < 0) {
            env->item[env->n] = NULL;
            env_free(env);
            return false;
        }
        env->n++;
    }
    return true;
}

/* --- The program ----------------------------------------------------------- */

/*
 * The native program in a verified image's first segment, behind the app
 * description, in a memory file. -1 with errno.
 */
static int extract_program(const struct device *d, const struct al_part *part)
{
    const struct al_image_segment *segment = &d->work.check.info.segment[0];
    if (segment->len <= AL_IMAGE_DESC_SIZE) {
        errno = ENOEXEC;
        return -1;
    }
    const uint8_t *at = dev_flash_bytes(d->flash) + part->off + segment->off + AL_IMAGE_DESC_SIZE;
    size_t len = segment->len - AL_IMAGE_DESC_SIZE;
    int fd = memfd_create("airlift-app", MFD_CLOEXEC);
    while (fd >= 0 && len) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int why = errno;
            close(fd);
            errno = why;
            return -1;
        }
        at += n;
        len -= (size_t)n;
    }
    return fd;
}

static int check_reference_agent(const struct device *d)
{
    const char *agent = d->options->reference_agent;
    const char *why = !agent ? "none is given" : access(agent, X_OK) ? strerror(errno) : NULL;
    if (!why) {
        return 0;
    }
    snprintf(d->err, d->err_size,
             "%s: its app is for a real chip, and the reference agent to run in its place is missing: %s%s%s",
             d->options->flash_path, agent ? agent : "", agent ? ": " : "", why);
    return AL_ERR_NOT_FOUND;
}

/* Run the app that was booted until it ends. AL_ERR_* with d->err set if that is not possible. */
static int run_app(struct device *d, const struct al_part *part, struct dev_process_end *end)
{
    bool native = d->work.check.info.header.chip_id == AL_CHIP_LINUX;
    int program_fd = -1;
    if (native) {
        program_fd = extract_program(d, part);
        if (program_fd < 0 && errno == ENOEXEC) {
            *end = (struct dev_process_end){.how = DEV_END_NO_EXEC, .number = ENOEXEC};
            return 0;
        }
        if (program_fd < 0) {
            snprintf(d->err, d->err_size, "the app can't be loaded: %s", strerror(errno));
            return AL_ERR_IO;
        }
    } else {
        int missing = check_reference_agent(d);
        if (missing) {
            return missing;
        }
    }

    char flash_fd[16], shared_fd[16];
    snprintf(flash_fd, sizeof flash_fd, "%d", dev_flash_fd(d->flash));
    snprintf(shared_fd, sizeof shared_fd, "%d", d->shared_fd);
    const char *const set[][2] = {
        {DEV_ENV_FLASH, d->flash_path},
        {DEV_ENV_RUNNING, part->label},
        {DEV_ENV_RESET_REASON, dev_reset_name(d->reset)},
        {DEV_ENV_MANIFEST_URL, d->options->manifest_url},
        {DEV_ENV_CA, d->options->ca_path},
        {DEV_ENV_FLASH_FD, flash_fd},
        {DEV_ENV_SHARED_FD, shared_fd},
    };
    struct env env;
    int result = AL_ERR_IO;
    if (!env_build(&env, set, sizeof set / sizeof set[0])) {
        snprintf(d->err, d->err_size, "%s", strerror(ENOMEM));
    } else {
        struct dev_process process = {
            .program_fd = program_fd,
            .program_path = d->options->reference_agent,
            .env = env.item,
            .inherit_fd = dev_flash_fd(d->flash),
            .console = &d->console,
            .control = d->control,
            .heartbeat = &d->shared->heartbeat,
            .watchdog_s = d->options->watchdog_s,
            .signal_fd = d->signal_fd,
        };
        fflush(d->console.log); /* the app writes to the same place */
        if (d->control) {
            dev_control_done(d->control, true, d->outcome);
        }
        result = dev_process_run(&process, end);
        if (result) {
            snprintf(d->err, d->err_size, "the app can't be run: %s", strerror(errno));
        }
        env_free(&env);
    }
    if (program_fd >= 0) {
        close(program_fd);
    }
    return result;
}

/* --- Orders ---------------------------------------------------------------- */

/* Erase OTA data as `idf.py erase-otadata` does. False: d->outcome says why not. */
static bool erase_otadata(struct device *d)
{
    const struct al_flash *flash = dev_flash_port(d->flash);
    int result = al_ptable_read(flash, d->desc.partition_table_offset, &d->work.table);
    const struct al_part *part =
        result ? NULL : al_ptable_find(&d->work.table, AL_TYPE_DATA, AL_SUB_DATA_OTA);
    if (!result && !part) {
        snprintf(d->outcome, sizeof d->outcome, "the table has no OTA data partition");
        return false;
    }
    if (!result) {
        result = al_flash_erase(flash, part->off, part->size);
    }
    if (result) {
        snprintf(d->outcome, sizeof d->outcome, "erasing OTA data: %s", al_strerror(result));
    }
    return result == 0;
}

static bool erase_flash(struct device *d)
{
    const struct al_flash *flash = dev_flash_port(d->flash);
    int result = al_flash_erase(flash, 0, flash->size);
    if (result) {
        snprintf(d->outcome, sizeof d->outcome, "erasing the flash: %s", al_strerror(result));
    }
    return result == 0;
}

/* What came in through the control socket; no app runs. True: reset, for d->reset. */
static bool obey(struct device *d)
{
    enum dev_order order = dev_control_take(d->control);
    bool ok = true;
    d->reset = DEV_RESET_EXT;
    *d->outcome = '\0';
    switch (order) {
    case DEV_ORDER_OFF:
        d->result->stop = DEV_STOP_SIGNAL;
        return false;
    case DEV_ORDER_POWER_CYCLE:
        dev_shared_power_cycle(d->shared);
        d->on_s = now_s();
        d->reset = DEV_RESET_POWERON;
        break;
    case DEV_ORDER_ERASE_FLASH:
        ok = erase_flash(d);
        break;
    case DEV_ORDER_ERASE_OTADATA:
        ok = erase_otadata(d);
        break;
    case DEV_ORDER_RESET:
    case DEV_ORDER_NONE:
        break;
    }
    if (power_is_cut(d)) {
        d->result->stop = DEV_STOP_POWER_CUT;
        return false;
    }
    if (!ok) { /* as a tool that fails leaves a board: it starts again */
        dev_control_done(d->control, false, d->outcome);
    }
    return true;
}

/* --- Resets ---------------------------------------------------------------- */

/* Say how the app ended. True: reset, for d->reset, and go on; false: result->stop is set. */
static bool after_app(struct device *d, const struct dev_process_end *end)
{
    enum dev_reset before = d->reset;
    d->reset = DEV_RESET_PANIC;
    switch (end->how) {
    case DEV_END_RESTART:
        d->reset = DEV_RESET_SW;
        return true;
    case DEV_END_SLEEP:
        d->reset = before; /* until something wakes it */
        d->asleep = true;
        return true;
    case DEV_END_WATCHDOG:
        dev_boot_log(&d->log, 'E', "task_wdt", "Task watchdog got triggered: no sign of life for %g s",
                     d->options->watchdog_s);
        d->reset = DEV_RESET_WDT;
        return true;
    case DEV_END_SIGNAL:
        dev_boot_log_line(&d->log, "Guru Meditation Error: Core  0 panic'ed (SIG%s: %s).",
                          sigabbrev_np(end->number), strsignal(end->number));
        return true;
    case DEV_END_NO_EXEC:
        dev_boot_log_line(
            &d->log, "Guru Meditation Error: Core  0 panic'ed (the image's program can't be executed: %s).",
            strerror(end->number));
        return true;
    case DEV_END_EXIT:
        if (end->number == 0) {
            dev_boot_log(&d->log, 'W', "app", "the app ended, which no app on a chip can do: restarting");
            d->reset = DEV_RESET_SW;
        } else {
            dev_boot_log_line(
                &d->log, "Guru Meditation Error: Core  0 panic'ed (the app's process exited with status %d).",
                end->number);
        }
        return true;
    case DEV_END_POWER_CUT:
        d->result->stop = DEV_STOP_POWER_CUT;
        return false;
    case DEV_END_STOPPED:
        d->result->stop = DEV_STOP_SIGNAL;
        return false;
    case DEV_END_ORDERED:
        return obey(d);
    }
    return false;
}

/*
 * Wait, but not longer than until somebody wants us to stop or orders something,
 * or `enough` (may be NULL) says so: it is asked again when a pin has changed.
 * when_s may be INFINITY.
 */
static enum pause pause_until(struct device *d, double when_s, bool (*enough)(const struct device *))
{
    for (;;) {
        struct pollfd fds[] = {
            {.fd = d->signal_fd, .events = POLLIN},
            {.fd = d->control ? dev_control_fd(d->control) : -1, .events = POLLIN},
        };
        if (d->control && dev_control_serve(d->control)) {
            return obey(d) ? PAUSE_ORDERED : PAUSE_STOPPED;
        }
        if (enough && enough(d)) { /* after serving: what was asked for may have moved a pin */
            return PAUSE_OVER;
        }
        double left_ms = fmin((when_s - now_s()) * 1000, POLL_MAX_MS);
        int n = poll(fds, 2, left_ms > 0 ? (int)left_ms + 1 : 0);
        if (n > 0 && fds[0].revents) {
            d->result->stop = DEV_STOP_SIGNAL;
            return PAUSE_STOPPED;
        }
        if (n == 0 && left_ms <= 0) {
            return PAUSE_OVER;
        }
    }
}

static bool pins_wake(const struct device *d)
{
    return dev_sleep_pins_wake(d->shared);
}

/* Until something wakes the device, but not before `earliest_s`. */
static enum pause sleep_on(struct device *d, double earliest_s)
{
    double length_s = dev_sleep_length_s(d->shared);
    char text[80];

    dev_sleep_describe(d->shared, text, sizeof text);
    dev_boot_log_line(&d->log, "Entering deep sleep: wakes up %s.", text);
    fflush(d->console.log);
    enum pause pause = pause_until(d, fmax(now_s() + length_s, earliest_s), pins_wake);
    if (pause == PAUSE_OVER) {
        dev_sleep_woken(d->shared);
        d->reset = DEV_RESET_DEEPSLEEP;
    }
    d->asleep = false;
    return pause;
}

/* --- Pins at boot ---------------------------------------------------------- */

static bool pin_is_free(const struct device *d)
{
    int level = dev_pin_level(d->shared, (unsigned)d->pin->number);
    return (level >= 0 ? level : 1) != d->pin->level; /* the bootloader's pull is up */
}

/* Whether the pin is at its level, and stays there. *off: something else came in between. */
static bool is_held(struct device *d, const struct dev_boot_pin *pin, const char *what, bool *off)
{
    d->pin = pin;
    if (pin->number < 0 || pin_is_free(d)) {
        return false;
    }
    dev_boot_log(&d->log, 'I', "boot", "%s: pin %d is %d, counts in %" PRIu32 " s", what, pin->number,
                 pin->level, d->desc.pin_hold_s);
    fflush(d->console.log);
    double end_s = now_s() + d->desc.pin_hold_s;
    d->boot_pause = pause_until(d, end_s, pin_is_free);
    *off = d->boot_pause != PAUSE_OVER;
    return !*off && !pin_is_free(d);
}

/* For al_boot(). */
static enum al_boot_pin held_pin(void *ctx)
{
    struct device *d = ctx;
    bool off = false;
    if (is_held(d, &d->desc.factory_reset_pin, "factory reset", &off)) {
        dev_boot_log(&d->log, 'I', "boot", "Detect a condition of the factory reset");
        dev_boot_log(&d->log, 'I', "boot", "Data partitions to erase: %s%s", d->desc.factory_reset_labels,
                     d->desc.factory_reset_otadata ? ", and OTA data" : "");
        atomic_store(&d->shared->factory_reset, true);
        return AL_BOOT_PIN_FACTORY_RESET;
    }
    if (!off && is_held(d, &d->desc.test_pin, "test app", &off)) {
        dev_boot_log(&d->log, 'I', "boot", "Detect a boot condition of the test firmware");
        return AL_BOOT_PIN_TEST_APP;
    }
    return off ? AL_BOOT_PIN_OFF : AL_BOOT_PIN_NONE;
}

/* A reset turns all pins into inputs but those that are held; RTC memory stays. */
static void reset_peripherals(struct dev_shared *shared)
{
    for (unsigned i = 0; i < DEV_GPIO_COUNT; i++) {
        if (!atomic_load(&shared->gpio_held[i])) {
            atomic_store(&shared->gpio_out[i], -1);
        }
    }
}

/* One way from reset to the end of the app, and what reset follows. False: it stops here; result in *status. */
static bool live_once(struct device *d, double *pause_s, int *status)
{
    struct al_boot_config config;
    struct al_boot_result boot;
    struct dev_process_end end;
    const struct al_flash *flash = dev_flash_port(d->flash);

    /* Read anew each time: an app may have burnt an eFuse. */
    *status = dev_desc_load(d->options->flash_path, &d->desc, d->err, d->err_size);
    if (*status) {
        return false;
    }
    dev_desc_boot_config(&d->desc, &config);
    dev_boot_log_reset(&d->log, d->reset, &d->desc, flash->size);
    dev_boot_log_before(&d->log, flash, &d->desc, &d->work);
    config.held_pin = d->reset == DEV_RESET_DEEPSLEEP ? NULL : held_pin;
    config.pin_ctx = d;
    int result = al_boot(flash, &config, &d->work, &boot);
    if (result == AL_ERR_STATE) {
        return d->boot_pause == PAUSE_ORDERED;
    }
    if (result && power_is_cut(d)) {
        d->result->stop = DEV_STOP_POWER_CUT;
        return false;
    }
    if (result) {
        snprintf(d->err, d->err_size, "%s: the bootloader failed: %s", d->options->flash_path,
                 al_strerror(result));
        *status = result;
        return false;
    }
    if (boot.reset_failed) {
        dev_boot_log(&d->log, 'E', "boot", "Not all partitions were erased");
    }
    dev_boot_log_result(&d->log, flash, &d->desc, &d->work, &boot);
    if (!boot.boots) {
        d->result->stop = DEV_STOP_NO_APP;
        return false;
    }
    d->result->boots++;
    snprintf(d->result->last_booted, sizeof d->result->last_booted, "%s", boot.part.label);
    *status = run_app(d, &boot.part, &end);
    if (*status) {
        return false;
    }
    *pause_s = end.how == DEV_END_EXIT && end.number == 0 ? ENDED_INTERVAL_S : BOOT_INTERVAL_S;
    return after_app(d, &end);
}

static int live(struct device *d)
{
    unsigned max_boots = d->options->max_boots;
    for (;;) {
        int status = 0;
        double pause_s = 0, started = now_s();
        reset_peripherals(d->shared);
        if (!live_once(d, &pause_s, &status)) {
            return status;
        }
        if (max_boots && d->result->boots >= max_boots) {
            d->result->stop = DEV_STOP_MAX_BOOTS;
            return 0;
        }
        fflush(d->console.log);
        enum pause pause =
            d->asleep ? sleep_on(d, started + pause_s) : pause_until(d, started + pause_s, NULL);
        if (pause == PAUSE_STOPPED) {
            return 0;
        }
    }
}

/* --- Power ----------------------------------------------------------------- */

/* Signals that end the device, unless they are ignored (nohup). They arrive at a descriptor. */
static int catch_signals(sigset_t *before)
{
    static const int enders[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof enders / sizeof enders[0]; i++) {
        struct sigaction action;
        if (sigaction(enders[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            sigaddset(&set, enders[i]);
        }
    }
    if (sigprocmask(SIG_BLOCK, &set, before)) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Use up what came in, or it would strike as soon as it is let through again. */
static void release_signals(int fd, const sigset_t *before)
{
    struct signalfd_siginfo info;
    while (fd >= 0 && read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
    }
    if (fd >= 0) {
        close(fd);
    }
    sigprocmask(SIG_SETMASK, before, NULL);
}

static char *status_json(void *ctx)
{
    const struct device *d = ctx;
    const struct al_image_info *info = &d->work.check.info;
    const struct dev_status status = {
        .uptime_s = now_s() - d->on_s,
        .boots = d->result->boots,
        .reset = d->reset,
        .asleep = d->asleep,
        .partition = d->result->last_booted,
        .desc = *d->result->last_booted && info->has_desc ? &info->desc : NULL,
        .watchdog_s = d->options->watchdog_s,
        .shared = d->shared,
        .flash = dev_flash_port(d->flash),
        .ptable_off = d->desc.partition_table_offset,
    };
    return dev_status_json(&status);
}

/* A device that can't be reached is one all the same. */
static void open_control(struct device *d)
{
    struct stat st;
    const struct dev_control_device device = {
        .shared = d->shared, .console = &d->console, .status = status_json, .ctx = d};
    if (fstat(dev_flash_fd(d->flash), &st) || dev_control_open(&d->control, &st, &device)) {
        fprintf(stderr, "airlift: no control socket, so commands can't reach this device: %s\n",
                strerror(errno));
        d->control = NULL;
    }
}

/* What the client hears whose order the device did not survive. */
static const char *farewell(const struct dev_run_result *result)
{
    switch (result->stop) {
    case DEV_STOP_MAX_BOOTS:
        return "the number of boots asked for is reached: the device is off";
    case DEV_STOP_POWER_CUT:
        return "the power was cut: the device is off";
    case DEV_STOP_NO_APP:
        return "nothing boots: the device is off";
    case DEV_STOP_SIGNAL:
    case DEV_STOP_ERROR:
        break;
    }
    return "the device is off";
}

static int power_on(struct device *d)
{
    d->signal_fd = -1;
    d->shared_fd = -1;
    d->on_s = now_s();
    d->shared = dev_shared_create(&d->shared_fd);
    if (!d->shared) {
        snprintf(d->err, d->err_size, "no shared memory: %s", strerror(errno));
        return AL_ERR_IO;
    }
    atomic_store(&d->shared->power_cut_at, d->options->power_cut_at);
    if (d->options->flash_timing) {
        atomic_store(&d->shared->sector_erase_us, d->options->flash_timing->sector_erase_us);
        atomic_store(&d->shared->block_erase_us, d->options->flash_timing->block_erase_us);
        atomic_store(&d->shared->page_program_us, d->options->flash_timing->page_program_us);
    }
    for (unsigned i = 0; i < DEV_GPIO_COUNT; i++) {
        atomic_store(&d->shared->gpio_in[i], d->options->gpio[i]);
    }
    int result =
        dev_flash_open(d->options->flash_path, DEV_FLASH_WRITE, d->shared, &d->flash, d->err, d->err_size);
    if (result) {
        return result;
    }
    if (!realpath(d->options->flash_path, d->flash_path) ||
        dev_console_open(&d->console, !d->options->detached)) {
        snprintf(d->err, d->err_size, "%s: %s", d->options->flash_path, strerror(errno));
        return AL_ERR_IO;
    }
    d->log.to = d->console.log;
    open_control(d);
    return 0;
}

static void power_off(struct device *d)
{
    if (d->console.log) {
        fflush(d->console.log);
    }
    if (d->control) {
        dev_control_refuse_newcomers(d->control);
    }
    if (d->flash) {
        d->result->n_wear = dev_wear_table(d->shared, dev_flash_port(d->flash),
                                           d->desc.partition_table_offset, d->result->wear);
    }
    dev_flash_close(d->flash);
    if (d->control) { /* only now: whoever hears it may use the flash file at once */
        dev_control_done(d->control, true, farewell(d->result));
        dev_control_close(d->control);
    }
    dev_console_close(&d->console);
    if (d->shared) {
        struct dev_run_result *result = d->result;
        result->programs = atomic_load(&d->shared->flash.programs);
        result->erases = atomic_load(&d->shared->flash.erases);
        result->violations = atomic_load(&d->shared->flash.violations);
        for (unsigned i = 0; i < DEV_MAX_SECTORS; i++) {
            uint32_t wear = atomic_load_explicit(&d->shared->wear[i], memory_order_relaxed);
            result->max_wear = wear > result->max_wear ? wear : result->max_wear;
        }
    }
    dev_shared_destroy(d->shared, d->shared_fd);
}

int dev_run(const struct dev_run_options *options, struct dev_run_result *result, char *err, size_t err_size)
{
    *result = (struct dev_run_result){.stop = DEV_STOP_ERROR};
    struct device *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(err, err_size, "%s", strerror(ENOMEM));
        return AL_ERR_IO;
    }
    *d = (struct device){.options = options, .result = result, .err = err, .err_size = err_size};
    d->log.quiet = options->quiet;
    d->reset = DEV_RESET_POWERON;

    int status = power_on(d);
    if (status == 0) {
        sigset_t before;
        sigemptyset(&before);
        d->signal_fd = catch_signals(&before);
        if (d->signal_fd < 0) {
            snprintf(err, err_size, "signals can't be caught: %s", strerror(errno));
            status = AL_ERR_IO;
        } else {
            if (options->on_ready) {
                options->on_ready(options->ready_ctx);
            }
            status = live(d);
        }
        release_signals(d->signal_fd, &before);
    }
    if (status) {
        result->stop = DEV_STOP_ERROR;
    }
    power_off(d);
    free(d);
    return status;
}
