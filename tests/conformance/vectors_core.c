/*
 * Boot and image vectors, straight through core over a flash in RAM.
 */
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/boot.h"
#include "airlift/image.h"

static int ram_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    memcpy(buf, ((const struct vector *)ctx)->flash + off, len);
    return 0;
}

static int ram_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    uint8_t *to = ((const struct vector *)ctx)->flash + off;

    for (uint32_t i = 0; i < len; i++) {
        to[i] &= ((const uint8_t *)buf)[i];
    }
    return 0;
}

static int ram_erase(void *ctx, uint32_t off, uint32_t len)
{
    memset(((const struct vector *)ctx)->flash + off, 0xFF, len);
    return 0;
}

static struct al_flash ram_flash(const struct vector *v)
{
    return (struct al_flash){
        .ctx = (void *)v, .size = v->size, .read = ram_read, .write = ram_write, .erase = ram_erase};
}

static int burn(void *ctx, uint32_t version)
{
    *(uint32_t *)ctx = version;
    return 0;
}

const char *boot_once(const struct vector *v, const cJSON *config, uint32_t *secure_version, uint32_t *offset,
                      const char **reason)
{
    static struct al_boot_work work;
    static struct al_boot_result result;
    struct al_flash flash = ram_flash(v);
    struct al_boot_config c = {
        .ptable_off = AL_PTABLE_OFFSET,
        .rollback = truth(config, "rollback"),
        .anti_rollback = truth(config, "anti_rollback"),
        .rules = {.chip = al_chip_by_name(VECTOR_CHIP),
                  .chip_rev = VECTOR_CHIP_REV,
                  .blk_rev = VECTOR_BLK_REV},
        .secure_version = *secure_version,
        .burn_secure_version = burn,
        .burn_ctx = secure_version,
    };
    int err = al_boot(&flash, &c, &work, &result);

    if (err != 0) {
        mismatch(v, "al_boot: %s", al_strerror(err));
    }
    if (*secure_version != result.secure_version) {
        mismatch(v, "the eFuse says %u, the result %u", *secure_version, result.secure_version);
    }
    *offset = result.part.off;
    *reason = al_boot_reason_name(result.reason);
    return result.boots ? result.part.label : "none";
}

void judge_boot(const struct vector *v)
{
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(v->row, "expect");
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(v->row, "config");
    uint32_t secure_version = number(config, "efuse_secure_version");
    uint32_t offset;
    const char *reason;
    const char *label = boot_once(v, config, &secure_version, &offset, &reason);

    if (strcmp(label, text(expect, "boot")) != 0) {
        mismatch(v, "boots %s, expected %s", label, text(expect, "boot"));
    } else if (strcmp(label, "none") != 0 && offset != number(expect, "boot_offset")) {
        mismatch(v, "boots from 0x%x, expected 0x%x", offset, number(expect, "boot_offset"));
    } else if (strcmp(label, "none") == 0 && strcmp(reason, text(expect, "reason")) != 0) {
        mismatch(v, "reason %s, expected %s", reason, text(expect, "reason"));
    }
    if (cJSON_HasObjectItem(expect, "efuse_secure_version_after") &&
        secure_version != number(expect, "efuse_secure_version_after")) {
        mismatch(v, "eFuse %u, expected %u", secure_version, number(expect, "efuse_secure_version_after"));
    }
    check_flash(v, expect, v->flash, true);
}

/* --- Images -------------------------------------------------------------- */

static const char *esp_name(int err, enum al_image_fault fault)
{
    switch (err) {
    case 0:
        return "ESP_OK";
    case AL_ERR_CHIP:
        return "ESP_FAIL";
    case AL_ERR_IMAGE:
        return fault == AL_IMAGE_PART_TOO_LARGE ? "ESP_ERR_INVALID_ARG" : "ESP_ERR_IMAGE_INVALID";
    default:
        return "?";
    }
}

static void check_verdict(const struct vector *v, const char *what, const struct al_image_rules *rules)
{
    static struct al_image_check check;
    struct al_flash flash = ram_flash(v);
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(v->row, "expect");
    /* An odd size, so that headers and digest are split over reads. */
    uint8_t buf[AL_IMAGE_PREFIX_SIZE + 11];
    int err = al_image_verify(&flash, rules, &check, buf, sizeof(buf));
    const char *name = esp_name(err, check.fault);
    uint32_t len = err == 0 ? check.info.len : 0;

    if (strcmp(name, text(expect, what)) != 0) {
        mismatch(v, "%s: %s (%s), expected %s", what, name, al_image_fault_text(check.fault),
                 text(expect, what));
    }
    if (strcmp(what, "verify") == 0 && len != number(expect, "image_len")) {
        mismatch(v, "image_len %u, expected %u", len, number(expect, "image_len"));
    }
    if (strcmp(what, "metadata") == 0 && err == 0 && len != number(expect, "metadata_len")) {
        mismatch(v, "metadata_len %u, expected %u", len, number(expect, "metadata_len"));
    }
}

void judge_image(const struct vector *v)
{
    struct al_image_rules rules = {.flash_off = number(v->row, "flash_offset"),
                                   .part_size = number(v->row, "partition_size"),
                                   .chip = al_chip_by_name(VECTOR_CHIP),
                                   .chip_rev = VECTOR_CHIP_REV,
                                   .blk_rev = VECTOR_BLK_REV};
    uint32_t len;
    uint8_t *data = load_image(v, text(v->row, "image"), &len);

    memcpy(v->flash + rules.flash_off, data,
           len < v->size - rules.flash_off ? len : v->size - rules.flash_off);
    free(data);
    check_verdict(v, "verify", &rules);
    rules.for_load = true;
    check_verdict(v, "load", &rules);
    rules.for_load = false;
    rules.skip_integrity = true;
    check_verdict(v, "metadata", &rules);
}
