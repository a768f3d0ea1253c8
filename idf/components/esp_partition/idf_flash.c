#include "idf_flash.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/flash_timing.h"
#include "device/nor_flash.h"
#include "device/shared.h"
#include "esp_flash_internal.h"
#include "esp_image_format.h"
#include "idf_runtime.h"

static struct {
    pthread_once_t once;
    pthread_mutex_t lock;
    struct dev_flash *dev;
    const struct al_flash *raw; /* the emulator's port, not serialised */
    struct al_flash port;       /* what the SDK uses */
    struct al_ptable table;
    struct dev_desc desc;
} chip = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

static int locked_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    int err;

    (void)ctx;
    pthread_mutex_lock(&chip.lock);
    err = chip.raw->read(chip.raw->ctx, off, buf, len);
    pthread_mutex_unlock(&chip.lock);
    return err;
}

static int locked_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    int err;

    (void)ctx;
    pthread_mutex_lock(&chip.lock);
    err = chip.raw->write(chip.raw->ctx, off, buf, len);
    pthread_mutex_unlock(&chip.lock);
    return err;
}

/* Let others at the flash: a mutex alone would go back to whoever has just given it. */
static void let_others_in(void)
{
    const struct timespec pause = {0, 20000};

    idf_alive();
    (void)nanosleep(&pause, NULL);
}

/*
 * In steps: a whole slot takes seconds, for which nobody else could read. A chip
 * with the timing of a real one gets whole blocks where they fit, as from ESP-IDF's
 * driver: they are erased in a fifth of the time.
 */
static int locked_erase(void *ctx, uint32_t off, uint32_t len)
{
    const bool has_blocks = atomic_load(&dev_shared_get()->block_erase_us) != 0;
    uint32_t step;
    int err = 0;

    (void)ctx;
    for (uint32_t at = 0; err == 0 && at < len; at += step) {
        const bool is_block = has_blocks && (off + at) % DEV_BLOCK_SIZE == 0 && len - at >= DEV_BLOCK_SIZE;

        step = is_block ? DEV_BLOCK_SIZE : AL_SECTOR_SIZE;
        if (at > 0) {
            let_others_in();
        }
        pthread_mutex_lock(&chip.lock);
        err = chip.raw->erase(chip.raw->ctx, off + at, step);
        pthread_mutex_unlock(&chip.lock);
    }
    return err;
}

static _Noreturn void give_up(const char *why)
{
    fprintf(stderr, "airlift: %s\n", why);
    exit(1);
}

/*
 * The app's view of the table ends at its MD5 record; the bootloader's goes by
 * the number of records (al_ptable_parse). They differ if entries follow it.
 */
static void cut_table_at_md5(void)
{
    for (uint16_t i = 0; i < chip.table.n; i++) {
        static const uint8_t md5_magic[2] = {0xEB, 0xEB};
        uint8_t magic[2];

        if (al_flash_read(&chip.port, chip.desc.partition_table_offset + i * AL_PTABLE_RECORD_SIZE, magic,
                          sizeof(magic)) != 0 ||
            memcmp(magic, md5_magic, sizeof(magic)) == 0) {
            chip.table.n = i;
        }
    }
}

static void open_chip(void)
{
    const char *path = getenv(DEV_ENV_FLASH);
    const char *fd = getenv(DEV_ENV_FLASH_FD);
    char err[512] = "";
    int result;

    if (path == NULL) {
        give_up(
            "this firmware needs a flash: set AIRLIFT_FLASH to a flash file and AIRLIFT_RUNNING to the label "
            "of its partition, or run it with `airlift device run`");
    }
    if (dev_desc_load(path, &chip.desc, err, sizeof(err)) != 0) {
        give_up(err);
    }
    result = fd != NULL
                 ? dev_flash_open_fd(atoi(fd), dev_shared_get(), &chip.dev, err, sizeof(err))
                 : dev_flash_open(path, DEV_FLASH_WRITE, dev_shared_get(), &chip.dev, err, sizeof(err));
    if (result != 0) {
        give_up(err);
    }
    chip.raw = dev_flash_port(chip.dev);
    chip.port = (struct al_flash){
        .size = chip.raw->size, .read = locked_read, .write = locked_write, .erase = locked_erase};
    if (al_ptable_read(&chip.port, chip.desc.partition_table_offset, &chip.table) != 0) {
        chip.table.n = 0;
        fprintf(stderr, "airlift: no valid partition table at 0x%x of %s\n",
                (unsigned)chip.desc.partition_table_offset, path);
    }
    cut_table_at_md5();
}

static void ensure_open(void)
{
    pthread_once(&chip.once, open_chip);
}

const struct al_flash *idf_flash(void)
{
    ensure_open();
    return &chip.port;
}

const uint8_t *idf_flash_bytes(void)
{
    ensure_open();
    return dev_flash_bytes(chip.dev);
}

const struct al_ptable *idf_ptable(void)
{
    ensure_open();
    return &chip.table;
}

struct dev_desc *idf_desc(void)
{
    ensure_open();
    return &chip.desc;
}

void idf_chip_lock(void)
{
    ensure_open();
    pthread_mutex_lock(&chip.lock);
}

void idf_chip_unlock(void)
{
    pthread_mutex_unlock(&chip.lock);
}

void idf_image_rules(struct al_image_rules *out)
{
    ensure_open();
    *out = (struct al_image_rules){.chip = chip.desc.chip,
                                   .chip_rev = chip.desc.chip_revision,
                                   .blk_rev = chip.desc.efuse_block_revision,
                                   .any_offset = true};
}

esp_err_t idf_err(int al_err)
{
    switch (al_err) {
    case AL_OK:
        return ESP_OK;
    case AL_ERR_ARG:
        return ESP_ERR_INVALID_ARG;
    case AL_ERR_IO:
        return ESP_ERR_FLASH_OP_FAIL;
    case AL_ERR_NOT_FOUND:
        return ESP_ERR_NOT_FOUND;
    case AL_ERR_STATE:
        return ESP_ERR_INVALID_STATE;
    case AL_ERR_SIZE:
        return ESP_ERR_INVALID_SIZE;
    case AL_ERR_IMAGE:
        return ESP_ERR_IMAGE_INVALID;
    case AL_ERR_READONLY:
        return ESP_ERR_NOT_ALLOWED;
    default:
        return ESP_FAIL;
    }
}

/* --- esp_flash.h: the chip itself ---------------------------------------- */

struct esp_flash_t {
    int unused;
};

static struct esp_flash_t the_chip;
esp_flash_t *esp_flash_default_chip = &the_chip;

static esp_err_t flash_err(int al_err)
{
    return al_err == AL_ERR_SIZE ? ESP_ERR_INVALID_ARG : idf_err(al_err);
}

esp_err_t esp_flash_read(esp_flash_t *flash, void *buffer, uint32_t address, uint32_t length)
{
    (void)flash;
    return flash_err(al_flash_read(idf_flash(), address, buffer, length));
}

esp_err_t esp_flash_write(esp_flash_t *flash, const void *buffer, uint32_t address, uint32_t length)
{
    (void)flash;
    return flash_err(al_flash_write(idf_flash(), address, buffer, length));
}

esp_err_t esp_flash_erase_region(esp_flash_t *flash, uint32_t start, uint32_t len)
{
    (void)flash;
    return flash_err(al_flash_erase(idf_flash(), start, len));
}

esp_err_t esp_flash_get_size(esp_flash_t *flash, uint32_t *out_size)
{
    (void)flash;
    if (out_size == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    *out_size = idf_flash()->size;
    return ESP_OK;
}

esp_err_t esp_flash_set_dangerous_write_protection(esp_flash_t *flash, const bool protect)
{
    (void)protect;
    return flash != NULL ? ESP_OK : ESP_ERR_INVALID_ARG;
}
