/*
 * status.c - what a running device says of itself.
 */
#include "status.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <unistd.h>

#include "device/wear.h"

/* Every call of cJSON may fail: its results are summed up in a bool. */
static bool add_text(cJSON *to, const char *name, const char *text)
{
    return text ? cJSON_AddStringToObject(to, name, text) != NULL : cJSON_AddNullToObject(to, name) != NULL;
}

static bool add_number(cJSON *to, const char *name, double number)
{
    return cJSON_AddNumberToObject(to, name, number) != NULL;
}

/* {"4": 1}: pins that are driven. */
static bool add_levels(cJSON *to, const char *name, const _Atomic int levels[DEV_GPIO_COUNT])
{
    cJSON *object = cJSON_AddObjectToObject(to, name);
    bool ok = object != NULL;
    for (unsigned i = 0; i < DEV_GPIO_COUNT; i++) {
        char pin[12];
        int level = atomic_load(&levels[i]);
        snprintf(pin, sizeof pin, "%u", i);
        ok = ok && (level < 0 || add_number(object, pin, level));
    }
    return ok;
}

static bool add_counters(cJSON *to, const struct dev_flash_counters *flash)
{
    cJSON *object = cJSON_AddObjectToObject(to, "flash");
    return object && add_number(object, "reads", (double)atomic_load(&flash->reads)) &&
           add_number(object, "programs", (double)atomic_load(&flash->programs)) &&
           add_number(object, "erases", (double)atomic_load(&flash->erases)) &&
           add_number(object, "bytes_read", (double)atomic_load(&flash->bytes_read)) &&
           add_number(object, "bytes_programmed", (double)atomic_load(&flash->bytes_programmed)) &&
           add_number(object, "violations", (double)atomic_load(&flash->violations));
}

static bool add_wear(cJSON *to, const struct dev_status *status)
{
    struct dev_wear wear[AL_PTABLE_MAX_ENTRIES];
    unsigned n = dev_wear_table(status->shared, status->flash, status->ptable_off, wear);
    cJSON *list = cJSON_AddArrayToObject(to, "wear");
    bool ok = list != NULL;
    for (unsigned i = 0; ok && i < n; i++) {
        cJSON *row = cJSON_CreateObject();
        ok = row && cJSON_AddItemToArray(list, row) && add_text(row, "label", wear[i].label) &&
             add_number(row, "sectors", wear[i].n_sectors) &&
             add_number(row, "erases", (double)wear[i].erases) &&
             add_number(row, "max_erases", wear[i].max_erases) &&
             add_number(row, "programs", (double)wear[i].programs) &&
             add_number(row, "max_programs", wear[i].max_programs);
    }
    return ok;
}

char *dev_status_json(const struct dev_status *status)
{
    cJSON *root = cJSON_CreateObject();
    const struct al_image_desc *desc = status->desc;
    bool ok = root && add_number(root, "pid", getpid()) && add_number(root, "uptime_s", status->uptime_s) &&
              add_number(root, "boots", status->boots) &&
              add_text(root, "reset_reason", dev_reset_name(status->reset)) &&
              cJSON_AddBoolToObject(root, "asleep", status->asleep) != NULL &&
              add_text(root, "partition", *status->partition ? status->partition : NULL) &&
              add_text(root, "project", desc ? desc->project : NULL) &&
              add_text(root, "version", desc ? desc->version : NULL) &&
              add_number(root, "watchdog_s", status->watchdog_s) &&
              add_levels(root, "gpio_in", status->shared->gpio_in) &&
              add_levels(root, "gpio_out", status->shared->gpio_out) &&
              add_counters(root, &status->shared->flash) && add_wear(root, status);
    char *text = ok ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text; /* from malloc(): nobody sets cJSON's hooks */
}
