#include "nvs_flash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nvs_registry.h"

struct part {
    struct part *next;
    struct nvs_storage *st;
    char label[NVS_PART_NAME_MAX_SIZE + 1];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct part *parts;

/* ---- the port: an ESP-IDF partition ---- */

static esp_err_t part_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    return esp_partition_read_raw(ctx, off, buf, len);
}

static esp_err_t part_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    return esp_partition_write_raw(ctx, off, buf, len);
}

static esp_err_t part_erase(void *ctx, uint32_t off, uint32_t len)
{
    return esp_partition_erase_range(ctx, off, len);
}

/* ---- the registry ---- */

static struct part **find_slot(const char *label)
{
    struct part **slot = &parts;
    while (*slot != NULL && strcmp((*slot)->label, label) != 0)
        slot = &(*slot)->next;
    return slot;
}

static esp_err_t close_part(const char *label)
{
    struct part **slot = find_slot(label);
    struct part *part = *slot;
    if (part == NULL)
        return ESP_ERR_NVS_NOT_INITIALIZED;
    *slot = part->next;
    nvs_handles_drop(part->st);
    nvs_storage_close(part->st);
    free(part);
    return ESP_OK;
}

static esp_err_t open_part(const esp_partition_t *partition)
{
    struct part *part = *find_slot(partition->label);
    if (part != NULL)
        return part->st->port.failed ? nvs_storage_load(part->st) : ESP_OK;
    if (partition->encrypted)
        return ESP_ERR_NVS_WRONG_ENCRYPTION;

    part = calloc(1, sizeof(*part));
    if (part == NULL)
        return ESP_ERR_NO_MEM;
    struct nvs_port port = {
        .ctx = (void *)(uintptr_t)partition, /* never written through */
        .size = partition->size,
        .readonly = partition->readonly,
        .read = part_read,
        .write = part_write,
        .erase = part_erase,
    };
    esp_err_t err = nvs_storage_open(&port, &part->st);
    if (err != ESP_OK) {
        free(part);
        return err;
    }
    memcpy(part->label, partition->label, strnlen(partition->label, NVS_PART_NAME_MAX_SIZE));
    part->next = parts;
    parts = part;
    return ESP_OK;
}

static esp_err_t find_partition(const char *label, const esp_partition_t **out)
{
    if (label == NULL || strlen(label) > NVS_PART_NAME_MAX_SIZE)
        return ESP_ERR_INVALID_ARG;
    *out = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, label);
    return *out != NULL ? ESP_OK : ESP_ERR_NOT_FOUND;
}

/* ---- for nvs_api.c ---- */

void nvs_lock(void)
{
    pthread_mutex_lock(&lock);
}

void nvs_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

struct nvs_storage *nvs_registry_find(const char *label)
{
    struct part *part = *find_slot(label);
    return part != NULL ? part->st : NULL;
}

bool nvs_registry_is_empty(void)
{
    return parts == NULL;
}

/* ---- public ---- */

esp_err_t nvs_flash_init_partition_ptr(const esp_partition_t *partition)
{
    if (partition == NULL)
        return ESP_ERR_INVALID_ARG;
    nvs_lock();
    esp_err_t err = open_part(partition);
    nvs_unlock();
    return err;
}

esp_err_t nvs_flash_init_partition(const char *partition_label)
{
    const esp_partition_t *partition;
    esp_err_t err = find_partition(partition_label, &partition);
    return err == ESP_OK ? nvs_flash_init_partition_ptr(partition) : err;
}

esp_err_t nvs_flash_init(void)
{
    return nvs_flash_init_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t nvs_flash_deinit_partition(const char *partition_label)
{
    if (partition_label == NULL)
        return ESP_ERR_INVALID_ARG;
    nvs_lock();
    esp_err_t err = close_part(partition_label);
    nvs_unlock();
    return err;
}

esp_err_t nvs_flash_deinit(void)
{
    return nvs_flash_deinit_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t nvs_flash_erase_partition_ptr(const esp_partition_t *partition)
{
    if (partition == NULL)
        return ESP_ERR_INVALID_ARG;
    nvs_lock();
    esp_err_t err = close_part(partition->label);
    if (err == ESP_OK || err == ESP_ERR_NVS_NOT_INITIALIZED)
        err = esp_partition_erase_range(partition, 0, partition->size);
    nvs_unlock();
    return err;
}

esp_err_t nvs_flash_erase_partition(const char *part_name)
{
    const esp_partition_t *partition;
    esp_err_t err = find_partition(part_name, &partition);
    return err == ESP_OK ? nvs_flash_erase_partition_ptr(partition) : err;
}

esp_err_t nvs_flash_erase(void)
{
    return nvs_flash_erase_partition(NVS_DEFAULT_PART_NAME);
}
