/*
 * desc.c - FLASH.bin.json: the file, and what is burnt in it.
 */
#include "device/desc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "desc_json.h"

#define FILE_MAX 65536u /* bytes; a description has a few hundred */

static const uint8_t default_mac[6] = {0x24, 0x0A, 0xC4, 0x00, 0x00, 0x01};

/* --- Files ----------------------------------------------------------------- */

/* The whole file with a NUL behind it, for free(); *out is NULL with result 0 if there is no such file. */
static int read_file(const struct dev_complaint *c, char **out, size_t *out_len)
{
    *out = NULL;
    int fd = open(c->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return 0;
    }
    if (fd < 0) {
        return dev_complain(c, AL_ERR_IO, "%s", strerror(errno));
    }
    int result = 0;
    size_t len = 0;
    char *text = malloc(FILE_MAX + 1);
    ssize_t n = text ? 1 : -1;
    while (n > 0 && len <= FILE_MAX) {
        n = read(fd, text + len, FILE_MAX + 1 - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        result = dev_complain(c, AL_ERR_IO, "%s", strerror(errno));
    } else if (len > FILE_MAX) {
        result = dev_complain(c, AL_ERR_FORMAT, "larger than %u bytes", FILE_MAX);
    } else {
        text[len] = '\0';
        *out = text;
        *out_len = len;
        text = NULL;
    }
    free(text);
    close(fd);
    return result;
}

static int sync_directory_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int result = fsync(fd) && errno != EINVAL ? -1 : 0; /* EINVAL: a file system that can't */
    int why = errno;
    close(fd);
    errno = why;
    return result;
}

/* 0, or -1 with errno. */
static int replace_file(const char *path, const char *text)
{
    char tmp[PATH_MAX];
    int n = snprintf(tmp, sizeof tmp, "%s.%ld.tmp", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof tmp) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        return -1;
    }
    bool ok = dprintf(fd, "%s\n", text) == (int)strlen(text) + 1;
    /* On disk before it gets its name: a power cut leaves the old description or all of the new one. */
    ok = ok && fsync(fd) == 0;
    int why = errno;
    if (close(fd) && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(tmp, path)) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        unlink(tmp);
        errno = why;
        return -1;
    }
    return sync_directory_of(path);
}

/* --- Public ---------------------------------------------------------------- */

int dev_desc_load(const char *flash_path, struct dev_desc *out, char *err, size_t err_size)
{
    *out = (struct dev_desc){
        .chip = al_chip_by_id(AL_CHIP_LINUX),
        .partition_table_offset = AL_PTABLE_OFFSET,
        .rollback = true,
        .factory_reset_pin = {.number = -1},
        .test_pin = {.number = -1},
        .pin_hold_s = 5,
        .factory_reset_labels = "nvs",
    };
    memcpy(out->mac, default_mac, sizeof out->mac);
    int n = snprintf(out->path, sizeof out->path, "%s.json", flash_path);
    if (n < 0 || (size_t)n >= sizeof out->path) {
        snprintf(err, err_size, "%.64s...: %s", flash_path, strerror(ENAMETOOLONG));
        return AL_ERR_IO;
    }
    struct dev_complaint c = {.path = out->path, .text = err, .size = err_size};
    char *text;
    size_t len = 0;
    int result = read_file(&c, &text, &len);
    if (result == 0 && text) {
        result = dev_desc_read_json(text, len, out, &c);
    }
    free(text);
    return result;
}

int dev_desc_save(const struct dev_desc *desc, char *err, size_t err_size)
{
    struct dev_complaint c = {.path = desc->path, .text = err, .size = err_size};
    char *old, *text = NULL;
    size_t old_len = 0;
    int result = read_file(&c, &old, &old_len);
    result = result ? result : dev_desc_write_json(old, old_len, desc, &text, &c);
    if (result == 0 && replace_file(desc->path, text)) {
        result = dev_complain(&c, AL_ERR_IO, "%s", strerror(errno));
    }
    free(old);
    free(text);
    return result;
}

/* Make `desc`, which differs from `before` in what is burnt, last; else take that back. */
static int burn(struct dev_desc *desc, const struct dev_desc *before)
{
    char err[512];
    int result = dev_desc_save(desc, err, sizeof err);
    if (result) {
        fprintf(stderr, "%s\n", err);
        *desc = *before;
    }
    return result;
}

int dev_desc_burn_secure_version(void *ctx, uint32_t version)
{
    struct dev_desc *desc = ctx;
    if (version > desc->chip->secure_version_bits) {
        return AL_ERR_ARG;
    }
    if (version < desc->secure_version) {
        return AL_ERR_STATE;
    }
    if (version == desc->secure_version) {
        return 0;
    }
    struct dev_desc before = *desc;
    desc->secure_version = version;
    return burn(desc, &before);
}

int dev_desc_revoke_key(struct dev_desc *desc, unsigned index)
{
    if (index >= DEV_MAX_KEYS || desc->chip->one_signer) {
        return AL_ERR_ARG;
    }
    if (desc->revoked_keys & 1u << index) {
        return 0;
    }
    struct dev_desc before = *desc;
    desc->revoked_keys |= (uint8_t)(1u << index);
    return burn(desc, &before);
}

void dev_desc_boot_config(struct dev_desc *desc, struct al_boot_config *out)
{
    *out = (struct al_boot_config){
        .ptable_off = desc->partition_table_offset,
        .rollback = desc->rollback,
        .anti_rollback = desc->anti_rollback,
        .rules = {.chip = desc->chip, .chip_rev = desc->chip_revision, .blk_rev = desc->efuse_block_revision},
        .secure_boot = desc->secure_boot,
        .secure_version = desc->secure_version,
        .burn_secure_version = dev_desc_burn_secure_version,
        .burn_ctx = desc,
        .reset_labels = desc->factory_reset_labels,
        .reset_otadata = desc->factory_reset_otadata,
    };
    dev_desc_trusted_keys(desc, &out->trusted);
}
