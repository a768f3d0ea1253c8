/*
 * RTC_NOINIT_ATTR: variables that outlive a reset.
 *
 * The compiler gathers them in the section "rtc_noinit". When a device has
 * started this process, the pages of that section are replaced by pages of the
 * device's shared block before any of the firmware's code runs. From then on
 * each store is in the block at once: it needs no goodbye, so it also survives
 * SIGKILL. A variable keeps its place as long as its offset in the section does.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device/shared.h"
#include "kernel.h"

#define PAGE 4096u

/*
 * The section's start must be a page's start, so that the same offset is the
 * same place in every firmware. An empty piece with that alignment sees to it.
 * It lies behind the firmware's own, so the section's end is a page's end too.
 */
__asm__(".pushsection rtc_noinit, \"aw\", %nobits\n"
        ".balign 4096\n"
        ".popsection\n");

/* Set by the linker; both NULL if there is no such section. */
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

void rtc_memory_attach(void)
{
    /* volatile: the compiler takes the two for objects that are never at one address, nor at NULL */
    uint8_t *volatile start = __start_rtc_noinit;
    uint8_t *volatile stop = __stop_rtc_noinit;
    size_t len = (size_t)(stop - start);
    size_t span = round_up(len);
    off_t off = (off_t)round_up(offsetof(struct dev_shared, rtc_noinit));
    bool power_was_lost = dev_reset_from_name(getenv(DEV_ENV_RESET_REASON)) == DEV_RESET_POWERON;
    uint8_t *before;

    if (len == 0 || !dev_shared_inherited()) {
        return;
    }
    if (span > sizeof dev_shared_get()->rtc_noinit - PAGE || (uintptr_t)start % PAGE != 0) {
        give_up("the variables of RTC_NOINIT_ATTR do not fit");
    }
    /* Other variables may share the last page: they are put back as they were. */
    before = malloc(span);
    if (before == NULL) {
        give_up("out of memory");
    }
    memcpy(before, start, span);
    if (mmap(start, span, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, atoi(getenv(DEV_ENV_SHARED_FD)),
             off) == MAP_FAILED) {
        give_up("can't map it");
    }
    if (power_was_lost) {
        memcpy(start, before, span);
    } else {
        memcpy(start + len, before + len, span - len);
    }
    free(before);
}
