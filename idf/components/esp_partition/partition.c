#include "esp_partition.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/crypto.h"
#include "esp_image_format.h"
#include "idf_flash.h"
#include "idf_image.h"

#define SHA_CHUNK 4096u /* bytes hashed at a time */

#define MAX_REGISTERED 16u /* partitions that programs add at run time */

/* The table in ESP-IDF's form, made once, and behind its entries those that the program registered. */
static struct {
    pthread_once_t once;
    pthread_mutex_t lock; /* of n and of what is behind n_table */
    size_t n;
    size_t n_table;
    esp_partition_t *entry[AL_PTABLE_MAX_ENTRIES + MAX_REGISTERED];
    esp_partition_t of_table[AL_PTABLE_MAX_ENTRIES];
} table = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

struct esp_partition_iterator_opaque_ {
    esp_partition_type_t type;
    esp_partition_subtype_t subtype;
    const char *label; /* borrowed from the caller until it releases the iterator */
    size_t at;
    const esp_partition_t *found;
};

static void load_table(void)
{
    const struct al_ptable *from = idf_ptable();

    for (size_t i = 0; i < from->n; i++) {
        const struct al_part *p = &from->part[i];
        esp_partition_t *e = &table.of_table[i];

        table.entry[i] = e;
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
    table.n = table.n_table = from->n;
}

static bool matches(const esp_partition_t *p, esp_partition_type_t type, esp_partition_subtype_t subtype,
                    const char *label)
{
    return (type == ESP_PARTITION_TYPE_ANY || p->type == type) &&
           (subtype == ESP_PARTITION_SUBTYPE_ANY || p->subtype == subtype) &&
           (label == NULL || strcmp(p->label, label) == 0);
}

/* First match from entry *at on, which becomes its place; NULL if there is none. */
static const esp_partition_t *search(size_t *at, esp_partition_type_t type, esp_partition_subtype_t subtype,
                                     const char *label)
{
    const esp_partition_t *found = NULL;

    if (type == ESP_PARTITION_TYPE_ANY && subtype != ESP_PARTITION_SUBTYPE_ANY) {
        return NULL; /* a subtype means nothing without its type */
    }
    pthread_once(&table.once, load_table);
    pthread_mutex_lock(&table.lock);
    while (*at < table.n && !matches(table.entry[*at], type, subtype, label)) {
        (*at)++;
    }
    if (*at < table.n) {
        found = table.entry[*at];
    }
    pthread_mutex_unlock(&table.lock);
    return found;
}

/* --- Finding ------------------------------------------------------------- */

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                                const char *label)
{
    size_t at = 0;

    return search(&at, type, subtype, label);
}

esp_partition_iterator_t esp_partition_find(esp_partition_type_t type, esp_partition_subtype_t subtype,
                                            const char *label)
{
    size_t at = 0;
    const esp_partition_t *found = search(&at, type, subtype, label);
    esp_partition_iterator_t it;

    if (found == NULL) {
        return NULL;
    }
    it = malloc(sizeof(*it));
    if (it != NULL) {
        *it = (struct esp_partition_iterator_opaque_){type, subtype, label, at, found};
    }
    return it;
}

const esp_partition_t *esp_partition_get(esp_partition_iterator_t iterator)
{
    return iterator != NULL ? iterator->found : NULL;
}

esp_partition_iterator_t esp_partition_next(esp_partition_iterator_t iterator)
{
    if (iterator == NULL) {
        return NULL;
    }
    iterator->at++;
    iterator->found = search(&iterator->at, iterator->type, iterator->subtype, iterator->label);
    if (iterator->found == NULL) {
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
    const char *label = partition->label[0] != '\0' ? partition->label : NULL;

    for (size_t at = 0;; at++) {
        const esp_partition_t *p = search(&at, partition->type, partition->subtype, label);

        if (p == NULL || (p->address == partition->address && p->size == partition->size)) {
            return p;
        }
    }
}

/* --- Registering ---------------------------------------------------------- */

/* With the lock. */
static esp_err_t add(esp_partition_t *p)
{
    if (table.n == sizeof(table.entry) / sizeof(table.entry[0])) {
        return ESP_ERR_NO_MEM;
    }
    for (size_t i = 0; i < table.n; i++) {
        const esp_partition_t *other = table.entry[i];

        if (p->address < other->address + other->size && other->address < p->address + p->size) {
            return ESP_ERR_INVALID_ARG;
        }
    }
    table.entry[table.n++] = p;
    return ESP_OK;
}

esp_err_t esp_partition_register_external(esp_flash_t *flash_chip, size_t offset, size_t size,
                                          const char *label, esp_partition_type_t type,
                                          esp_partition_subtype_t subtype,
                                          const esp_partition_t **out_partition)
{
    esp_partition_t *p;
    esp_err_t err;

    if (out_partition != NULL) {
        *out_partition = NULL;
    }
    if (offset > idf_flash()->size || size > idf_flash()->size - offset) {
        return ESP_ERR_INVALID_SIZE;
    }
    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return ESP_ERR_NO_MEM;
    }
    p->flash_chip = flash_chip != NULL ? flash_chip : esp_flash_default_chip;
    p->type = type;
    p->subtype = subtype;
    p->address = (uint32_t)offset;
    p->size = (uint32_t)size;
    p->erase_size = SPI_FLASH_SEC_SIZE;
    memcpy(p->label, label != NULL ? label : "", strnlen(label != NULL ? label : "", sizeof(p->label) - 1));

    pthread_once(&table.once, load_table);
    pthread_mutex_lock(&table.lock);
    err = add(p);
    pthread_mutex_unlock(&table.lock);
    if (err != ESP_OK) {
        free(p);
    } else if (out_partition != NULL) {
        *out_partition = p;
    }
    return err;
}

esp_err_t esp_partition_deregister_external(const esp_partition_t *partition)
{
    esp_err_t err = ESP_ERR_NOT_FOUND;
    esp_partition_t *gone = NULL;

    pthread_once(&table.once, load_table);
    pthread_mutex_lock(&table.lock);
    for (size_t i = 0; i < table.n; i++) {
        if (table.entry[i] == partition && i < table.n_table) {
            err = ESP_ERR_INVALID_ARG; /* the table's own */
            break;
        } else if (table.entry[i] == partition) {
            gone = table.entry[i];
            table.n--;
            memmove(&table.entry[i], &table.entry[i + 1], (table.n - i) * sizeof(table.entry[0]));
            err = ESP_OK;
            break;
        }
    }
    pthread_mutex_unlock(&table.lock);
    free(gone);
    return err;
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

esp_err_t esp_partition_copy(const esp_partition_t *dest_part, uint32_t dest_offset,
                             const esp_partition_t *src_part, uint32_t src_offset, size_t size)
{
    uint8_t buf[SPI_FLASH_SEC_SIZE];
    esp_err_t err;

    if (dest_part == NULL || src_part == NULL || dest_part == src_part || src_offset > src_part->size ||
        dest_offset > dest_part->size) {
        return ESP_ERR_INVALID_ARG;
    }
    if (size == SIZE_MAX) {
        size = src_part->size - src_offset;
    }
    if (size > src_part->size - src_offset || size > dest_part->size - dest_offset) {
        return ESP_ERR_INVALID_SIZE;
    }
    err = esp_partition_erase_range(
        dest_part, dest_offset, (size + SPI_FLASH_SEC_SIZE - 1) / SPI_FLASH_SEC_SIZE * SPI_FLASH_SEC_SIZE);
    for (size_t at = 0; err == ESP_OK && at < size; at += sizeof(buf)) {
        size_t part = size - at < sizeof(buf) ? size - at : sizeof(buf);

        err = esp_partition_read(src_part, src_offset + at, buf, part);
        if (err == ESP_OK) {
            err = esp_partition_write(dest_part, dest_offset + at, buf, part);
        }
    }
    return err;
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

/* What lies where a chip's bootloader does is one, whatever the descriptor's type says. */
static bool holds_bootloader(const esp_partition_t *partition)
{
    return partition->type == ESP_PARTITION_TYPE_BOOTLOADER ||
           partition->address == idf_desc()->chip->bootloader_off;
}

esp_err_t esp_partition_get_sha256(const esp_partition_t *partition, uint8_t *sha_256)
{
    struct al_image_rules rules;
    esp_image_metadata_t data;

    if (sha_256 == NULL || partition->size == 0) {
        return ESP_ERR_INVALID_ARG;
    }
    if (partition->type != ESP_PARTITION_TYPE_APP && partition->type != ESP_PARTITION_TYPE_BOOTLOADER) {
        return hash_range(partition->address, partition->size, sha_256);
    }
    idf_image_rules(&rules);
    rules.flash_off = partition->address;
    rules.part_size = partition->size;
    rules.bootloader = holds_bootloader(partition);
    if (idf_image_verify(&rules, IDF_IMAGE_TRUST_ANY, true, &data) != ESP_OK) {
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
