/*
 * nvs_registry.h - the initialised partitions, and the lock over all of NVS.
 *
 * Everything below is called with the lock held.
 */
#pragma once

#include <stdbool.h>

#include "nvs_storage.h"

void nvs_lock(void);
void nvs_unlock(void);

/* Storage of an initialised partition, or NULL. */
struct nvs_storage *nvs_registry_find(const char *label);

bool nvs_registry_is_empty(void);

/* Forget the handles of a partition that goes away (nvs_api.c). */
void nvs_handles_drop(const struct nvs_storage *st);
