#include "schedule.h"

#include "airlift.h"

#define MAX_INTERVAL_S 31536000u /* a year: keeps the sums below within 32 bits */

static uint32_t wait_before_jitter(uint32_t interval_s, uint32_t retry_s, uint32_t failed_checks)
{
    uint32_t wait = retry_s;

    if (failed_checks == 0) {
        return interval_s;
    }
    while (--failed_checks > 0 && wait < interval_s) {
        wait *= 2;
    }
    return wait < interval_s ? wait : interval_s;
}

uint32_t agent_schedule_next(uint32_t interval_s, uint32_t retry_s, uint32_t failed_checks, uint32_t random)
{
    if (interval_s > MAX_INTERVAL_S) {
        interval_s = MAX_INTERVAL_S;
    }
    const uint32_t wait = wait_before_jitter(interval_s, retry_s, failed_checks);
    const uint32_t span = wait / 5; /* from -10 % to +10 % */
    const uint32_t spread = (uint32_t)((uint64_t)random * (span + 1) >> 32);
    const uint32_t next = wait - span / 2 + spread;

    return next > AIRLIFT_MIN_INTERVAL_S ? next : AIRLIFT_MIN_INTERVAL_S;
}
