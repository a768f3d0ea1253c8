/*
 * shared.h - what a virtual device keeps while it has power.
 *
 * One block of shared memory (a memfd), made by `airlift device run` and
 * inherited by the app process it starts: operation counters, GPIO levels, RTC
 * memory, the watchdog's heartbeat, and the planned power cut. It lives exactly
 * as long as the device is powered. A firmware program started by hand has none
 * and gets a private one.
 *
 * Threads and processes: counters are C11 atomics; `rtc` belongs to whichever
 * program is running (bootloader or app, never both).
 */
#ifndef DEVICE_SHARED_H
#define DEVICE_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Environment of a firmware process (docs/architecture.md, "The virtual device"). */
#define DEV_ENV_FLASH        "AIRLIFT_FLASH"        /* path of the flash file */
#define DEV_ENV_RUNNING      "AIRLIFT_RUNNING"      /* label of the running partition */
#define DEV_ENV_RESET_REASON "AIRLIFT_RESET_REASON" /* a dev_reset_name() */
#define DEV_ENV_MANIFEST_URL "AIRLIFT_MANIFEST_URL" /* device run --manifest-url */
#define DEV_ENV_CA           "AIRLIFT_CA"           /* device run --ca, a PEM file */
#define DEV_ENV_PORTS        "AIRLIFT_PORTS"        /* device run --port, "80=8080,443=8443" */
#define DEV_ENV_FLASH_FD     "AIRLIFT_FLASH_FD"     /* internal: the open, locked flash file */
#define DEV_ENV_SHARED_FD    "AIRLIFT_SHARED_FD"    /* internal: this block */

/* How a firmware process ends; a signal is a panic. */
#define DEV_EXIT_RESTART   90 /* esp_restart() */
#define DEV_EXIT_POWER_CUT 91 /* the planned power cut was reached */
#define DEV_EXIT_SLEEP     92 /* deep sleep, as struct dev_sleep says */

enum dev_reset {
    DEV_RESET_POWERON,
    DEV_RESET_SW, /* esp_restart() */
    DEV_RESET_PANIC,
    DEV_RESET_WDT,
    DEV_RESET_BROWNOUT,
    DEV_RESET_EXT, /* the reset button */
    DEV_RESET_DEEPSLEEP,
};

/* "poweron", "sw", "panic", "wdt", "brownout", "ext", "deepsleep". */
const char *dev_reset_name(enum dev_reset reset);
enum dev_reset dev_reset_from_name(const char *name); /* unknown: DEV_RESET_POWERON */

/* What may end a deep sleep, and what did; bits. The pins' bits are the indices of dev_sleep.pins. */
#define DEV_WAKE_EXT0  (1u << 0) /* one pin */
#define DEV_WAKE_EXT1  (1u << 1) /* several */
#define DEV_WAKE_GPIO  (1u << 2)
#define DEV_WAKE_TIMER (1u << 3)
#define DEV_WAKE_PINS  3u

#define DEV_GPIO_COUNT  64
#define DEV_RTC_SIZE    8192u  /* bytes of RTC memory */
#define DEV_MAX_SECTORS 32768u /* wear counters: flash up to 128 MiB */

struct dev_flash_counters {
    _Atomic uint64_t reads, programs, erases; /* operations */
    _Atomic uint64_t bytes_read, bytes_programmed;
    _Atomic uint64_t sectors_erased;
    _Atomic uint64_t violations; /* programs that would have needed a 0 -> 1 */
};

/* How to wake up: written by the app before DEV_EXIT_SLEEP. What woke it: by the device. */
struct dev_sleep {
    _Atomic uint32_t sources;  /* DEV_WAKE_* */
    _Atomic uint64_t timer_us; /* for DEV_WAKE_TIMER: length of the sleep */
    struct {
        _Atomic uint64_t mask;  /* these pins */
        _Atomic int level;      /* at that level, */
        _Atomic bool all;       /* all of them at once, or any */
        _Atomic uint64_t found; /* those that were, when it woke up */
    } pins[DEV_WAKE_PINS];
    _Atomic uint32_t woken_by; /* DEV_WAKE_* */
};

struct dev_shared {
    uint32_t magic;
    /*
     * Of this struct in the device that made the block. Fields are only ever
     * appended and none changes its meaning, so an older program finds its own
     * in a newer device's block; a program newer than its device gives up.
     */
    uint32_t size;
    _Atomic uint64_t heartbeat;           /* grows while the app is alive and well */
    _Atomic uint64_t power_cut_at;        /* program/erase operation that is torn, 1-based; 0: none */
    _Atomic uint64_t flash_ops;           /* program and erase operations so far */
    _Atomic int gpio_in[DEV_GPIO_COUNT];  /* levels from outside; -1: not driven (pulls decide) */
    _Atomic int gpio_out[DEV_GPIO_COUNT]; /* levels the app drives; -1: not an output */
    struct dev_flash_counters flash;
    _Atomic uint32_t wear[DEV_MAX_SECTORS]; /* erases of each sector since power-on */
    uint8_t rtc[DEV_RTC_SIZE];

    /*
     * RTC_NOINIT_ATTR variables of the app: the pages from the first page boundary of this array
     * on are mapped over them.
     */
    uint8_t rtc_noinit[DEV_RTC_SIZE + 4096];

    _Atomic uint32_t sector_programs[DEV_MAX_SECTORS]; /* programs that touched each sector since power-on */

    struct dev_sleep sleep;
    _Atomic bool gpio_held[DEV_GPIO_COUNT]; /* gpio_out stays as it is over resets and sleep */
    _Atomic bool factory_reset;             /* the bootloader did one; the app that asks clears it */

    /* RTC_DATA_ATTR variables, in the same way; an app finds its own again after deep sleep only. */
    uint8_t rtc_data[DEV_RTC_SIZE + 4096];

    /* What the flash takes for its work (device/flash_timing.h); 0: no time. Set before an app runs. */
    _Atomic uint32_t sector_erase_us, block_erase_us, page_program_us;
};

/*
 * Make a new block. *fd is its descriptor, to be inherited (not close-on-exec).
 * NULL with errno set on failure.
 */
struct dev_shared *dev_shared_create(int *fd);

/*
 * The block of this process: the one named by DEV_ENV_SHARED_FD, else a private
 * one made at the first call. Never NULL (ends the process when out of memory).
 * Thread safe.
 */
struct dev_shared *dev_shared_get(void);

/* True if a device started this process, i.e. the block was inherited. */
bool dev_shared_inherited(void);

void dev_shared_destroy(struct dev_shared *shared, int fd);

/* A pin's level: what drives it from outside, else an output's; -1 if nobody does. */
int dev_pin_level(const struct dev_shared *shared, unsigned pin);

/*
 * Off and on again: counters, wear and RTC memory are zeros, outputs inputs. What
 * comes from outside stays: gpio_in, the planned power cut and the flash's timing. No app may run.
 */
void dev_shared_power_cycle(struct dev_shared *shared);

#endif
