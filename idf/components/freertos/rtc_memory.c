/*
 * RTC_NOINIT_ATTR: variables that outlive a reset.
 *
 * The compiler gathers them in the section "rtc_noinit". When a device has
 * started this process, the pages of that section are replaced by pages of the
 * device's shared block before any of the firmware's code runs. From then on
 * each store is in the block at once: it needs no goodbye, so it also survives
 * SIGKILL. A variable keeps its place as long as its offset in the section does.
 *
 * Other variables share the first and the last page, and among them may be what
 * calls of library functions go through. So the pages are filled first, through
 * another mapping, and then put in place: nothing is ever seen half done.
 */
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

void rtc_memory_attach(void)
{
    uint8_t *start = __start_rtc_noinit;
    size_t len = (size_t)((uintptr_t)__stop_rtc_noinit - (uintptr_t)start);
    uint32_t head = (uint32_t)((uintptr_t)start % PAGE);
    size_t span = round_up(head + len);
    size_t off = round_up(offsetof(struct dev_shared, rtc_noinit));
    const char *fd = getenv(DEV_ENV_SHARED_FD);
    struct dev_shared *shared;
    uint8_t *pages;

    if (len == 0 || fd == NULL || !dev_shared_inherited()) {
        return;
    }
    if (len > DEV_RTC_SIZE) {
        give_up("the variables of RTC_NOINIT_ATTR do not fit");
    }
    shared = dev_shared_get();
    pages = (uint8_t *)shared + off;

    if (dev_reset_from_name(getenv(DEV_ENV_RESET_REASON)) == DEV_RESET_POWERON) {
        copy(pages + head, start, len);
    } else if (shared->rtc_noinit_head != head) {
        /* Another firmware, linked to another place. A reset in just this moment would lose them. */
        memmove(pages + head, pages + shared->rtc_noinit_head, DEV_RTC_SIZE);
    }
    shared->rtc_noinit_head = head;
    copy(pages, start - head, head);
    copy(pages + head + len, start + len, span - head - len);
    if (mmap(start - head, span, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, atoi(fd), (off_t)off) ==
        MAP_FAILED) {
        give_up("can't map it");
    }
}
