/*
 * Variables that outlive a reset: RTC_NOINIT_ATTR any but power-on, RTC_DATA_ATTR
 * deep sleep alone.
 *
 * The compiler gathers them in the sections "rtc_noinit" and "rtc_data". When a
 * device has started this process, the pages of a section are replaced by pages of
 * the device's shared block before any of the firmware's code runs. From then on
 * each store is in the block at once: it needs no goodbye, so it also survives
 * SIGKILL. A variable keeps its place as long as its offset in the section does.
 *
 * Other variables may share the last page, and among them may be what
 * calls of library functions go through. So the pages are filled first, through
 * another mapping, and then put in place: nothing is ever seen half done.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device/shared.h"
#include "kernel.h"

#define PAGE 4096u

/* Set by the linker; NULL if the firmware has no such variables. */
extern uint8_t __start_rtc_noinit[] __attribute__((weak));
extern uint8_t __stop_rtc_noinit[] __attribute__((weak));
extern uint8_t __start_rtc_data[] __attribute__((weak));
extern uint8_t __stop_rtc_data[] __attribute__((weak));

/* So that each section begins on a page of its own: the two must not share one. */
__attribute__((section("rtc_noinit"), aligned(PAGE), used)) static uint8_t noinit_page[0];
__attribute__((section("rtc_data"), aligned(PAGE), used)) static uint8_t data_page[0];

static size_t round_up(size_t n)
{
    return (n + PAGE - 1) / PAGE * PAGE;
}

static void give_up(const char *why)
{
    fprintf(stderr, "airlift: RTC memory: %s\n", why);
    abort();
}

/* memcpy() as it is without a sanitizer, which would object to what lies between variables. */
__attribute__((no_sanitize("address", "undefined"))) static void copy(uint8_t *to, const uint8_t *from,
                                                                      size_t len)
{
    volatile uint8_t *out = to; /* or the compiler makes it a call of memcpy() again */

    while (len-- > 0) {
        *out++ = *from++;
    }
}

/*
 * One section, start .. stop, and its array in the shared block: `off` bytes into
 * it. keep: what the array holds counts, else the section's initial values.
 */
static void attach(uint8_t *start, const uint8_t *stop, size_t off, bool keep, int fd)
{
    size_t len = (size_t)((uintptr_t)stop - (uintptr_t)start);
    size_t span = round_up(len);
    uint8_t *pages;

    if (len == 0) {
        return;
    }
    if (span > DEV_RTC_SIZE) {
        give_up("the variables do not fit");
    }
    off = round_up(off);
    pages = (uint8_t *)dev_shared_get() + off;
    if (!keep) {
        copy(pages, start, len);
    }
    copy(pages + len, start + len, span - len);
    if (mmap(start, span, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)off) == MAP_FAILED) {
        give_up("can't map it");
    }
}

void rtc_memory_attach(void)
{
    const char *fd = getenv(DEV_ENV_SHARED_FD);
    enum dev_reset reset = dev_reset_from_name(getenv(DEV_ENV_RESET_REASON));

    if (fd == NULL || !dev_shared_inherited()) {
        return;
    }
    attach(__start_rtc_noinit, __stop_rtc_noinit, offsetof(struct dev_shared, rtc_noinit),
           reset != DEV_RESET_POWERON, atoi(fd));
    attach(__start_rtc_data, __stop_rtc_data, offsetof(struct dev_shared, rtc_data),
           reset == DEV_RESET_DEEPSLEEP, atoi(fd));
}
