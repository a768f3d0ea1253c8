#include "failures.h"

#include <string.h>

/* Only these become labels: anyone may say anything. */
#define TEXT(name, text) text,
static const char *const names[SRV_N_FAILURES] = {"other", AIRLIFT_FAIL_REASONS(TEXT)};

const char *srv_failures_note(struct srv_failures *f, const char *said)
{
    unsigned found = 0;
    if (!said) {
        return NULL;
    }
    for (unsigned i = 1; i < SRV_N_FAILURES; i++) {
        found = strcmp(said, names[i]) == 0 ? i : found;
    }
    atomic_fetch_add(&f->n[found], 1);
    return names[found];
}

bool srv_failures_print(struct host_buf *out, const struct srv_failures *f)
{
    bool ok = host_buf_printf(
        out, "# HELP airlift_device_failures_total Checks by devices whose last update failed.\n"
             "# TYPE airlift_device_failures_total counter\n");
    for (unsigned i = 0; i < SRV_N_FAILURES && ok; i++) {
        unsigned long long n = atomic_load(&f->n[i]);
        ok = n == 0 ||
             host_buf_printf(out, "airlift_device_failures_total{reason=\"%s\"} %llu\n", names[i], n);
    }
    return ok;
}

bool srv_failures_add(cJSON *to, const struct srv_failures *f)
{
    cJSON *json = cJSON_AddObjectToObject(to, "failures");
    bool ok = json != NULL;
    for (unsigned i = 0; i < SRV_N_FAILURES && ok; i++) {
        unsigned long long n = atomic_load(&f->n[i]);
        ok = n == 0 || cJSON_AddNumberToObject(json, names[i], (double)n);
    }
    return ok;
}
