/*
 * schedule.h - when is the next check? Pure: the random number comes from outside.
 */
#ifndef AGENT_SCHEDULE_H
#define AGENT_SCHEDULE_H

#include <stdint.h>

/*
 * Seconds until the next check.
 *
 * interval_s     between checks while all is well
 * retry_s        wait after the first check whose attempts all failed
 * failed_checks  in a row; each doubles the wait, up to the interval
 * random         all 32 bits count: spreads the result over +-10 %, so that a
 *                fleet that came up together does not ask together
 *
 * Never below AIRLIFT_MIN_INTERVAL_S.
 */
uint32_t agent_schedule_next(uint32_t interval_s, uint32_t retry_s, uint32_t failed_checks, uint32_t random);

#endif
