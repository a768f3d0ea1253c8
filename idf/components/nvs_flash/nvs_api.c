/*
 * nvs_api.c - nvs.h: handles, and the lock and the checks around the storage.
 */
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "nvs.h"
#include "nvs_registry.h"

struct handle {
    struct handle *next;
    struct nvs_storage *st;
    nvs_handle_t id;
    nvs_open_mode_t mode;
    uint8_t ns;
};

struct nvs_opaque_iterator_t {
    size_t n;
    size_t at;
    nvs_entry_info_t list[];
};

static struct handle *handles;
static nvs_handle_t last_id;

/* ---- handles ---- */

static struct handle **find_slot(nvs_handle_t id)
{
    struct handle **slot = &handles;
    while (*slot != NULL && (*slot)->id != id)
        slot = &(*slot)->next;
    return slot;
}

void nvs_handles_drop(const struct nvs_storage *st)
{
    for (struct handle **slot = &handles; *slot != NULL;) {
        struct handle *h = *slot;
        if (h->st == st) {
            *slot = h->next;
            free(h);
        } else {
            slot = &h->next;
        }
    }
}

static esp_err_t check_name(const char *name)
{
    if (name == NULL)
        return ESP_ERR_INVALID_ARG;
    if (name[0] == 0)
        return ESP_ERR_NVS_INVALID_NAME;
    return strnlen(name, NVS_KEY_NAME_MAX_SIZE) < NVS_KEY_NAME_MAX_SIZE ? ESP_OK : ESP_ERR_NVS_KEY_TOO_LONG;
}

/* Take the lock and look the handle up. On ESP_OK the caller unlocks. */
static esp_err_t enter(nvs_handle_t id, bool to_write, struct handle **out)
{
    nvs_lock();
    *out = *find_slot(id);
    esp_err_t err = *out == NULL ? ESP_ERR_NVS_INVALID_HANDLE : ESP_OK;
    if (err == ESP_OK && to_write && (*out)->mode == NVS_READONLY)
        err = ESP_ERR_NVS_READ_ONLY;
    if (err != ESP_OK)
        nvs_unlock();
    return err;
}

/* The same, and the key makes sense. */
static esp_err_t enter_key(nvs_handle_t id, const char *key, bool to_write, struct handle **out)
{
    esp_err_t err = enter(id, to_write, out);
    if (err != ESP_OK)
        return err;
    err = check_name(key);
    if (err != ESP_OK)
        nvs_unlock();
    return err;
}

/* Leave after a write, making what it erased unreadable if the handle wants that. */
static esp_err_t leave_written(const struct handle *h, esp_err_t err)
{
    if (err == ESP_OK && h->mode == NVS_READWRITE_PURGE)
        err = nvs_storage_purge(h->st);
    nvs_unlock();
    return err;
}

/* Partition of a name, or the reason why there is none. */
static esp_err_t find_storage(const char *part_name, struct nvs_storage **out)
{
    *out = nvs_registry_find(part_name);
    if (*out != NULL)
        return ESP_OK;
    return nvs_registry_is_empty() ? ESP_ERR_NVS_NOT_INITIALIZED : ESP_ERR_NVS_PART_NOT_FOUND;
}

static esp_err_t open_handle(const char *part_name, const char *name, nvs_open_mode_t mode, struct handle *h)
{
    esp_err_t err = find_storage(part_name, &h->st);
    if (err != ESP_OK)
        return err;
    if (mode != NVS_READONLY && h->st->port.readonly)
        return ESP_ERR_NOT_ALLOWED;
    h->mode = mode;
    return nvs_storage_namespace(h->st, name, mode != NVS_READONLY, &h->ns);
}

/* ---- values ---- */

static esp_err_t set(nvs_handle_t id, nvs_type_t type, const char *key, const void *data, size_t len)
{
    struct handle *h;
    esp_err_t err = enter_key(id, key, true, &h);
    if (err != ESP_OK)
        return err;
    return leave_written(h, nvs_storage_set(h->st, h->ns, type, key, data, len));
}

static esp_err_t get(nvs_handle_t id, nvs_type_t type, const char *key, void *buf, size_t cap, size_t *size)
{
    struct handle *h;
    esp_err_t err = enter_key(id, key, false, &h);
    if (err != ESP_OK)
        return err;
    err = nvs_storage_get(h->st, h->ns, type, key, buf, cap, size);
    nvs_unlock();
    return err;
}

/* Scalars lie on flash little-endian, in as many bytes as the type's low nibble says. */
static esp_err_t set_scalar(nvs_handle_t id, nvs_type_t type, const char *key, uint64_t value)
{
    uint8_t raw[8];
    al_put_le32(raw, (uint32_t)value);
    al_put_le32(raw + 4, (uint32_t)(value >> 32));
    return set(id, type, key, raw, (size_t)type & 0x0F);
}

static esp_err_t get_scalar(nvs_handle_t id, nvs_type_t type, const char *key, uint64_t *out)
{
    uint8_t raw[8] = {0};
    size_t size;
    esp_err_t err = get(id, type, key, raw, sizeof(raw), &size);
    if (err == ESP_OK)
        *out = al_get_le32(raw) | (uint64_t)al_get_le32(raw + 4) << 32;
    return err;
}

static esp_err_t get_var(nvs_handle_t id, nvs_type_t type, const char *key, void *out, size_t *length)
{
    if (length == NULL)
        return ESP_ERR_NVS_INVALID_LENGTH;
    size_t size;
    esp_err_t err = get(id, type, key, out, out != NULL ? *length : 0, &size);
    if (err == ESP_OK || err == ESP_ERR_NVS_INVALID_LENGTH)
        *length = size;
    return err;
}

/* ---- iterators ---- */

/* Fill list, if it is not NULL, and count. ns 0: all of them. */
static esp_err_t list_keys(struct nvs_storage *st, uint8_t ns, nvs_type_t type, nvs_entry_info_t *list,
                           size_t *n)
{
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    esp_err_t err;
    *n = 0;
    while ((err = nvs_storage_next(st, &cur, &loc)) == ESP_OK) {
        nvs_type_t shown = nvs_storage_shown_type(&loc.item);
        const char *name = st->names[loc.item.ns];
        if (shown == NVS_TYPE_ANY || (type != NVS_TYPE_ANY && shown != type) || name[0] == 0 ||
            (ns != 0 && loc.item.ns != ns))
            continue;
        if (list != NULL) {
            memcpy(list[*n].namespace_name, name, NVS_NS_NAME_MAX_SIZE);
            memcpy(list[*n].key, loc.item.key, NVS_KEY_NAME_MAX_SIZE);
            list[*n].type = shown;
        }
        ++*n;
    }
    return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
}

static esp_err_t make_iterator(struct nvs_storage *st, uint8_t ns, nvs_type_t type, nvs_iterator_t *out)
{
    size_t n;
    esp_err_t err = list_keys(st, ns, type, NULL, &n);
    if (err != ESP_OK)
        return err;
    if (n == 0)
        return ESP_ERR_NVS_NOT_FOUND;
    struct nvs_opaque_iterator_t *it = malloc(sizeof(*it) + n * sizeof(it->list[0]));
    if (it == NULL)
        return ESP_ERR_NO_MEM;
    it->at = 0;
    err = list_keys(st, ns, type, it->list, &it->n);
    if (err != ESP_OK)
        free(it);
    else
        *out = it;
    return err;
}

/* ---- public ---- */

esp_err_t nvs_open_from_partition(const char *part_name, const char *namespace_name,
                                  nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    if (part_name == NULL || out_handle == NULL)
        return ESP_ERR_INVALID_ARG;
    esp_err_t err = check_name(namespace_name);
    if (err != ESP_OK)
        return err;
    struct handle *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return ESP_ERR_NO_MEM;

    nvs_lock();
    err = open_handle(part_name, namespace_name, open_mode, h);
    if (err == ESP_OK) {
        h->id = ++last_id;
        h->next = handles;
        handles = h;
        *out_handle = h->id;
    }
    nvs_unlock();
    if (err != ESP_OK)
        free(h);
    return err;
}

esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    return nvs_open_from_partition(NVS_DEFAULT_PART_NAME, namespace_name, open_mode, out_handle);
}

void nvs_close(nvs_handle_t handle)
{
    nvs_lock();
    struct handle **slot = find_slot(handle);
    struct handle *h = *slot;
    if (h != NULL)
        *slot = h->next;
    nvs_unlock();
    free(h);
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    struct handle *h;
    esp_err_t err = enter(handle, false, &h);
    if (err == ESP_OK)
        nvs_unlock();
    return err;
}

esp_err_t nvs_set_i8(nvs_handle_t handle, const char *key, int8_t value)
{
    return set_scalar(handle, NVS_TYPE_I8, key, (uint64_t)value);
}

esp_err_t nvs_set_u8(nvs_handle_t handle, const char *key, uint8_t value)
{
    return set_scalar(handle, NVS_TYPE_U8, key, value);
}

esp_err_t nvs_set_i16(nvs_handle_t handle, const char *key, int16_t value)
{
    return set_scalar(handle, NVS_TYPE_I16, key, (uint64_t)value);
}

esp_err_t nvs_set_u16(nvs_handle_t handle, const char *key, uint16_t value)
{
    return set_scalar(handle, NVS_TYPE_U16, key, value);
}

esp_err_t nvs_set_i32(nvs_handle_t handle, const char *key, int32_t value)
{
    return set_scalar(handle, NVS_TYPE_I32, key, (uint64_t)value);
}

esp_err_t nvs_set_u32(nvs_handle_t handle, const char *key, uint32_t value)
{
    return set_scalar(handle, NVS_TYPE_U32, key, value);
}

esp_err_t nvs_set_i64(nvs_handle_t handle, const char *key, int64_t value)
{
    return set_scalar(handle, NVS_TYPE_I64, key, (uint64_t)value);
}

esp_err_t nvs_set_u64(nvs_handle_t handle, const char *key, uint64_t value)
{
    return set_scalar(handle, NVS_TYPE_U64, key, value);
}

esp_err_t nvs_set_float(nvs_handle_t handle, const char *key, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return set_scalar(handle, NVS_TYPE_FLOAT, key, bits);
}

esp_err_t nvs_set_double(nvs_handle_t handle, const char *key, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return set_scalar(handle, NVS_TYPE_DOUBLE, key, bits);
}

esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value)
{
    return value != NULL ? set(handle, NVS_TYPE_STR, key, value, strlen(value) + 1) : ESP_ERR_INVALID_ARG;
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    if (value == NULL && length > 0)
        return ESP_ERR_INVALID_ARG;
    return set(handle, NVS_TYPE_BLOB, key, value, length);
}

/* The eight integer types differ in nothing but their C type. */
#define DEFINE_GET(name, c_type, nvs_type)                                            \
    esp_err_t nvs_get_##name(nvs_handle_t handle, const char *key, c_type *out_value) \
    {                                                                                 \
        uint64_t value;                                                               \
        if (out_value == NULL)                                                        \
            return ESP_ERR_INVALID_ARG;                                               \
        esp_err_t err = get_scalar(handle, nvs_type, key, &value);                    \
        if (err == ESP_OK)                                                            \
            *out_value = (c_type)value;                                               \
        return err;                                                                   \
    }

DEFINE_GET(i8, int8_t, NVS_TYPE_I8)
DEFINE_GET(u8, uint8_t, NVS_TYPE_U8)
DEFINE_GET(i16, int16_t, NVS_TYPE_I16)
DEFINE_GET(u16, uint16_t, NVS_TYPE_U16)
DEFINE_GET(i32, int32_t, NVS_TYPE_I32)
DEFINE_GET(u32, uint32_t, NVS_TYPE_U32)
DEFINE_GET(i64, int64_t, NVS_TYPE_I64)
DEFINE_GET(u64, uint64_t, NVS_TYPE_U64)

esp_err_t nvs_get_float(nvs_handle_t handle, const char *key, float *out_value)
{
    uint64_t value = 0;
    if (out_value == NULL)
        return ESP_ERR_INVALID_ARG;
    esp_err_t err = get_scalar(handle, NVS_TYPE_FLOAT, key, &value);
    uint32_t bits = (uint32_t)value;
    if (err == ESP_OK)
        memcpy(out_value, &bits, sizeof(bits));
    return err;
}

esp_err_t nvs_get_double(nvs_handle_t handle, const char *key, double *out_value)
{
    uint64_t bits;
    if (out_value == NULL)
        return ESP_ERR_INVALID_ARG;
    esp_err_t err = get_scalar(handle, NVS_TYPE_DOUBLE, key, &bits);
    if (err == ESP_OK)
        memcpy(out_value, &bits, sizeof(bits));
    return err;
}

esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out_value, size_t *length)
{
    return get_var(handle, NVS_TYPE_STR, key, out_value, length);
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length)
{
    return get_var(handle, NVS_TYPE_BLOB, key, out_value, length);
}

esp_err_t nvs_find_key(nvs_handle_t handle, const char *key, nvs_type_t *out_type)
{
    struct handle *h;
    nvs_type_t type;
    esp_err_t err = enter_key(handle, key, false, &h);
    if (err != ESP_OK)
        return err;
    err = nvs_storage_find_type(h->st, h->ns, key, &type);
    nvs_unlock();
    if (err == ESP_OK && out_type != NULL)
        *out_type = type;
    return err;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    struct handle *h;
    esp_err_t err = enter_key(handle, key, true, &h);
    return err == ESP_OK ? leave_written(h, nvs_storage_erase_key(h->st, h->ns, key)) : err;
}

esp_err_t nvs_erase_all(nvs_handle_t handle)
{
    struct handle *h;
    esp_err_t err = enter(handle, true, &h);
    return err == ESP_OK ? leave_written(h, nvs_storage_erase_ns(h->st, h->ns)) : err;
}

esp_err_t nvs_purge_all(nvs_handle_t handle)
{
    struct handle *h;
    esp_err_t err = enter(handle, true, &h);
    if (err != ESP_OK)
        return err;
    err = nvs_storage_purge(h->st);
    nvs_unlock();
    return err;
}

esp_err_t nvs_get_stats(const char *part_name, nvs_stats_t *nvs_stats)
{
    if (nvs_stats == NULL)
        return ESP_ERR_INVALID_ARG;
    memset(nvs_stats, 0, sizeof(*nvs_stats));
    struct nvs_storage *st;
    nvs_lock();
    esp_err_t err = find_storage(part_name != NULL ? part_name : NVS_DEFAULT_PART_NAME, &st);
    if (err == ESP_OK)
        nvs_storage_stats(st, nvs_stats);
    nvs_unlock();
    return err;
}

esp_err_t nvs_get_used_entry_count(nvs_handle_t handle, size_t *used_entries)
{
    if (used_entries == NULL)
        return ESP_ERR_INVALID_ARG;
    *used_entries = 0;
    struct handle *h;
    size_t n;
    esp_err_t err = enter(handle, false, &h);
    if (err != ESP_OK)
        return err;
    err = nvs_storage_entries(h->st, h->ns, &n);
    nvs_unlock();
    if (err == ESP_OK)
        *used_entries = n;
    return err;
}

esp_err_t nvs_entry_find(const char *part_name, const char *namespace_name, nvs_type_t type,
                         nvs_iterator_t *output_iterator)
{
    if (part_name == NULL || output_iterator == NULL)
        return ESP_ERR_INVALID_ARG;
    *output_iterator = NULL;
    nvs_lock();
    struct nvs_storage *st = nvs_registry_find(part_name);
    uint8_t ns = 0;
    esp_err_t err = st != NULL ? ESP_OK : ESP_ERR_NVS_NOT_FOUND;
    if (err == ESP_OK && namespace_name != NULL)
        err = namespace_name[0] != 0 ? nvs_storage_namespace(st, namespace_name, false, &ns)
                                     : ESP_ERR_NVS_NOT_FOUND;
    if (err == ESP_OK)
        err = make_iterator(st, ns, type, output_iterator);
    nvs_unlock();
    return err;
}

esp_err_t nvs_entry_find_in_handle(nvs_handle_t handle, nvs_type_t type, nvs_iterator_t *output_iterator)
{
    if (output_iterator == NULL)
        return ESP_ERR_INVALID_ARG;
    *output_iterator = NULL;
    struct handle *h;
    esp_err_t err = enter(handle, false, &h);
    if (err != ESP_OK)
        return err;
    err = make_iterator(h->st, h->ns, type, output_iterator);
    nvs_unlock();
    return err;
}

esp_err_t nvs_entry_next(nvs_iterator_t *iterator)
{
    if (iterator == NULL || *iterator == NULL)
        return ESP_ERR_INVALID_ARG;
    struct nvs_opaque_iterator_t *it = *iterator;
    if (it->at + 1 < it->n) {
        it->at++;
        return ESP_OK;
    }
    free(it);
    *iterator = NULL;
    return ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_entry_info(const nvs_iterator_t iterator, nvs_entry_info_t *out_info)
{
    if (iterator == NULL || out_info == NULL)
        return ESP_ERR_INVALID_ARG;
    *out_info = iterator->list[iterator->at];
    return ESP_OK;
}

void nvs_release_iterator(nvs_iterator_t iterator)
{
    free(iterator);
}
