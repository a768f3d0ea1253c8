/*
 * In place of delta.c where CONFIG_AIRLIFT_DELTA is not set: images come whole.
 */
#include "agent.h"

const struct agent_running *agent_delta_running(struct agent *a)
{
    (void)a;
    return NULL;
}

bool agent_delta_needs(struct agent *a, struct agent_patch_needs *out)
{
    (void)a, (void)out;
    return false;
}

bool agent_delta_is_job(const struct agent *a, const struct agent_job *job)
{
    (void)a, (void)job;
    return false;
}

airlift_fail_t agent_delta_install(struct agent *a, const esp_partition_t *slot, bool *fall_back)
{
    (void)slot;
    *fall_back = true;
    return agent_fail(a, AIRLIFT_FAIL_IMAGE, "no decoder");
}
