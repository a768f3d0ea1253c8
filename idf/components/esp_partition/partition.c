#include "esp_partition.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/crypto.h"
#include "esp_image_format.h"
#include "idf_flash.h"

#define SHA_CHUNK 4096u /* bytes hashed at a time */

/* The table in ESP-IDF's form, made once. */
static struct {
    pthread_once_t once;
    size_t n;
    esp_partition_t entry[AL_PTABLE_MAX_ENTRIES];
} table = {.once = PTHREAD_ONCE_INIT};

struct esp_partition_iterator_opaque_ {
    esp_partition_type_t type;
    esp_partition_subtype_t subtype;
    const char *label; /* borrowed from the caller until it releases the iterator */
    size_t at;
};

static void load_table(void)
{
    const struct al_ptable *from = idf_ptable();

    for (size_t i = 0; i < from->n; i++) {
        const struct al_part *p = &from->part[i];
        esp_partition_t *e = &table.entry[i];

        e->flash_chip = esp_flash_default_chip;
        e->type = (esp_partition_type_t)p->type;
        e->subtype = (esp_partition_subtype_t)p->subtype;
        e->address = p->off;
        e->size = p->size;
        e->erase_size = SPI_FLASH_SEC_SIZE;
        memcpy(e->label, p->label, sizeof(e->label));
        e->encrypted = (p->flags & AL_PART_ENCRYPTED) != 0;
        e->readonly = (p->flags & AL_PART_READONLY) != 0;
    }
    table.n = from->n;
}

static bool matches(const esp_partition_t *p, esp_partition_type_t type, esp_partition_subtype_t subtype,
                    const char *label)
{
    return (type == ESP_PARTITION_TYPE_ANY || p->type == type) &&
           (subtype == ESP_PARTITION_SUBTYPE_ANY || p->subtype == subtype) &&
           (label == NULL || strcmp(p->label, label) == 0);
}

/* First match from entry `at` on, or table.n. */
static size_t search(size_t at, esp_partition_type_t type, esp_partition_subtype_t subtype, const char *label)
{
    pthread_once(&table.once, load_table);
    while (at < table.n && !matches(&table.entry[at], type, subtype, label)) {
        at++;
    }
    return at;
}

/* --- Finding ------------------------------------------------------------- */

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label)
{
    size_t at = search(0, type, subtype, label);

    return at < table.n ? &table.entry[at] : NULL;
}

esp_partition_iterator_t esp_partition_find(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                            const char *label)
{
    size_t at = search(0, type, subtype, label);
    esp_partition_iterator_t it;

    if (at == table.n) {
        return NULL;
    }
    it = malloc(sizeof(*it));
    if (it != NULL) {
        *it = (struct esp_partition_iterator_opaque_){type, subtype, label, at};
    }
    return it;
}

const esp_partition_t *esp_partition_get(esp_partition_iterator_t iterator)
{
    return iterator != NULL ? &table.entry[iterator->at] : NULL;
}

esp_partition_iterator_t esp_partition_next(esp_partition_iterator_t iterator)
{
    if (iterator == NULL) {
        return NULL;
    }
    iterator->at = search(iterator->at + 1, iterator->type, iterator->subtype, iterator->label);
    if (iterator->at == table.n) {
        free(iterator);
        return NULL;
    }
    return iterator;
}

void esp_partition_iterator_release(esp_partition_iterator_t iterator)
{
    free(iterator);
}

const esp_partition_t *esp_partition_verify(const esp_partition_t *partition)
{
    size_t at = 0;

    for (;;) {
        at = search(at, partition->type, partition->subtype, partition->label);
        if (at == table.n) {
            return NULL;
        }
        if (table.entry[at].address == partition->address && table.entry[at].size == partition->size) {
            return &table.entry[at];
        }
        at++;
    }
}

/* --- Reading and writing ------------------------------------------------- */

static esp_err_t check_range(const esp_partition_t *partition, size_t offset, size_t size)
{
    if (offset > partition->size) {
        return ESP_ERR_INVALID_ARG;
    }
    return size > partition->size - offset ? ESP_ERR_INVALID_SIZE : ESP_OK;
}

esp_err_t esp_partition_read(const esp_partition_t *partition, size_t src_offset, void *dst, size_t size)
{
    esp_err_t err = check_range(partition, src_offset, size);

    if (err != ESP_OK) {
        return err;
    }
    return idf_err(
        al_flash_read(idf_flash(), partition->address + (uint32_t)src_offset, dst, (uint32_t)size));
}

esp_err_t esp_partition_write(const esp_partition_t *partition, size_t dst_offset, const void *src,
                              size_t size)
{
    esp_err_t err;

    if (partition->readonly) {
        return ESP_ERR_NOT_ALLOWED;
    }
    err = check_range(partition, dst_offset, size);
    if (err != ESP_OK) {
        return err;
    }
    return idf_err(
        al_flash_write(idf_flash(), partition->address + (uint32_t)dst_offset, src, (uint32_t)size));
}

esp_err_t esp_partition_read_raw(const esp_partition_t *partition, size_t src_offset, void *dst, size_t size)
{
    return esp_partition_read(partition, src_offset, dst, size);
}

esp_err_t esp_partition_write_raw(const esp_partition_t *partition, size_t dst_offset, const void *src,
                                  size_t size)
{
    return esp_partition_write(partition, dst_offset, src, size);
}

esp_err_t esp_partition_erase_range(const esp_partition_t *partition, size_t offset, size_t size)
{
    esp_err_t err;

    if (partition->readonly) {
        return ESP_ERR_NOT_ALLOWED;
    }
    err = check_range(partition, offset, size);
    if (err != ESP_OK) {
        return err;
    }
    if (size % partition->erase_size != 0) {
        return ESP_ERR_INVALID_SIZE;
    }
    if (offset % partition->erase_size != 0) {
        return ESP_ERR_INVALID_ARG;
    }
    return idf_err(al_flash_erase(idf_flash(), partition->address + (uint32_t)offset, (uint32_t)size));
}

esp_err_t esp_partition_mmap(const esp_partition_t *partition, size_t offset, size_t size,
                             esp_partition_mmap_memory_t memory, const void **out_ptr,
                             esp_partition_mmap_handle_t *out_handle)
{
    esp_err_t err = check_range(partition, offset, size);

    (void)memory;
    if (err != ESP_OK) {
        return err;
    }
    if (partition->address + offset + size > idf_flash()->size) {
        return ESP_ERR_INVALID_SIZE;
    }
    *out_ptr = idf_flash_bytes() + partition->address + offset;
    *out_handle = 1;
    return ESP_OK;
}

void esp_partition_munmap(esp_partition_mmap_handle_t handle)
{
    (void)handle;
}

void spi_flash_munmap(spi_flash_mmap_handle_t handle)
{
    (void)handle;
}

uint32_t esp_partition_get_main_flash_sector_size(void)
{
    return SPI_FLASH_SEC_SIZE;
}

/* --- Digests ------------------------------------------------------------- */

static esp_err_t hash_range(uint32_t address, uint32_t size, uint8_t *sha_256)
{
    uint8_t buf[SHA_CHUNK];
    struct al_hash hash;
    int err = al_sha256_init(&hash);

    if (err != 0) {
        return ESP_FAIL;
    }
    while (err == 0 && size > 0) {
        uint32_t part = size < sizeof(buf) ? size : (uint32_t)sizeof(buf);

        err = al_flash_read(idf_flash(), address, buf, part);
        if (err == 0) {
            err = al_hash_update(&hash, buf, part);
        }
        address += part;
        size -= part;
    }
    if (err != 0) {
        al_hash_abort(&hash);
        return idf_err(err);
    }
    return idf_err(al_hash_final(&hash, sha_256));
}

esp_err_t esp_partition_get_sha256(const esp_partition_t *partition, uint8_t *sha_256)
{
    esp_partition_pos_t pos = {partition->address, partition->size};
    esp_image_metadata_t data;

    if (partition->type != ESP_PARTITION_TYPE_APP && partition->type != ESP_PARTITION_TYPE_BOOTLOADER) {
        return hash_range(partition->address, partition->size, sha_256);
    }
    if (esp_image_verify(ESP_IMAGE_VERIFY_SILENT, &pos, &data) != ESP_OK) {
        return ESP_ERR_IMAGE_INVALID;
    }
    memcpy(sha_256, data.image_digest, ESP_IMAGE_HASH_LEN);
    return ESP_OK;
}

bool esp_partition_check_identity(const esp_partition_t *partition_1, const esp_partition_t *partition_2)
{
    uint8_t sha_1[32], sha_2[32];

    return partition_1->type == partition_2->type && esp_partition_get_sha256(partition_1, sha_1) == ESP_OK &&
           esp_partition_get_sha256(partition_2, sha_2) == ESP_OK && memcmp(sha_1, sha_2, sizeof(sha_1)) == 0;
}
