/*
 * boot_log.c - what ROM and bootloader print.
 */
#include "boot_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void dev_boot_log(const struct dev_boot_log *log, char level, const char *tag, const char *format, ...)
{
    if (log->quiet) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(log->to, "%c (%.0f) %s: %s\n", level, (now_s() - log->reset_s) * 1000, tag, text);
}

void dev_boot_log_line(const struct dev_boot_log *log, const char *format, ...)
{
    if (log->quiet) {
        return;
    }
    va_list args;
    va_start(args, format);
    vfprintf(log->to, format, args);
    va_end(args);
    fputc('\n', log->to);
}

/* The number and name that an ESP32's ROM prints. Panics end in a software reset there too. */
static const char *rom_cause(enum dev_reset reset)
{
    switch (reset) {
    case DEV_RESET_POWERON:
    case DEV_RESET_EXT:
        return "0x1 (POWERON)";
    case DEV_RESET_DEEPSLEEP:
        return "0x5 (DSLEEP)";
    case DEV_RESET_WDT:
        return "0x7 (TG0WDT_SYS_RST)";
    case DEV_RESET_SW:
    case DEV_RESET_PANIC:
        return "0xc (RTC_SW_CPU_RST)";
    case DEV_RESET_BROWNOUT:
        return "0xf (BROWNOUT_RST)";
    }
    return "0x0 (NO_MEAN)";
}

void dev_boot_log_reset(struct dev_boot_log *log, enum dev_reset reset, const struct dev_desc *desc,
                        uint32_t flash_size)
{
    log->reset_s = now_s();
    dev_boot_log_line(log, "ESP-ROM:airlift-" AIRLIFT_VERSION);
    dev_boot_log_line(log, "rst:%s,boot:0x8 (SPI_FAST_FLASH_BOOT)", rom_cause(reset));
    dev_boot_log(log, 'I', "boot", "airlift " AIRLIFT_VERSION " 2nd stage bootloader, reset reason: %s",
                 dev_reset_name(reset));
    char revision[8];
    dev_revision_print(desc->chip_revision, revision);
    dev_boot_log(log, 'I', "boot", "chip: %s, revision: v%s", desc->chip->name, revision);
    if (flash_size % (1u << 20) == 0) {
        dev_boot_log(log, 'I', "boot", "SPI Flash Size : %" PRIu32 "MB", flash_size >> 20);
    } else {
        dev_boot_log(log, 'I', "boot", "SPI Flash Size : %" PRIu32 "KB", flash_size >> 10);
    }
}

/* --- OTA data -------------------------------------------------------------- */

/* The bootloader uses the last one, should there be several. */
static const struct al_part *find_otadata(const struct al_ptable *table)
{
    const struct al_part *found = NULL;
    for (unsigned i = 0; i < table->n; i++) {
        const struct al_part *p = &table->part[i];
        if (p->type == AL_TYPE_DATA && p->subtype == AL_SUB_DATA_OTA) {
            found = p;
        }
    }
    return found;
}

void dev_boot_log_before(struct dev_boot_log *log, const struct al_flash *flash, const struct dev_desc *desc,
                         struct al_boot_work *work)
{
    log->has_before = false;
    if (log->quiet || al_ptable_read(flash, desc->partition_table_offset, &work->table)) {
        return;
    }
    const struct al_part *part = find_otadata(&work->table);
    log->has_before = part && al_otadata_read(flash, part, &log->before) == 0;
}

static void print_record(const struct al_ota_record *rec, char out[48])
{
    if (rec->seq == 0xFFFFFFFFu) {
        snprintf(out, 48, "blank");
        return;
    }
    const char *state = al_ota_state_name(rec->state);
    snprintf(out, 48, "seq %" PRIu32 " %s", rec->seq, state ? state : "(unknown state)");
}

static void log_otadata_changes(const struct dev_boot_log *log, const struct al_flash *flash,
                                const struct al_ptable *table)
{
    struct al_otadata after;
    const struct al_part *part = find_otadata(table);
    if (!log->has_before || !part || al_otadata_read(flash, part, &after)) {
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (memcmp(&log->before.rec[i], &after.rec[i], sizeof after.rec[i]) != 0) {
            char from[48], to[48];
            print_record(&log->before.rec[i], from);
            print_record(&after.rec[i], to);
            bool aborted = after.rec[i].state == AL_OTA_ABORTED;
            dev_boot_log(log, aborted ? 'W' : 'I', "boot", "OTA data, sector %u: %s -> %s%s", i, from, to,
                         aborted ? ": not confirmed before the reset, rolled back" : "");
        }
    }
}

/* --- Table and verdict ----------------------------------------------------- */

static const char *usage(const struct al_part *p)
{
    if (p->type == AL_TYPE_APP) {
        return p->subtype == AL_SUB_APP_FACTORY                                    ? "factory app"
               : p->subtype == AL_SUB_APP_TEST                                     ? "test app"
               : p->subtype >= AL_SUB_APP_OTA_0 && p->subtype <= AL_SUB_APP_OTA_15 ? "OTA app"
                                                                                   : "Unknown app";
    }
    if (p->type == AL_TYPE_DATA) {
        switch (p->subtype) {
        case AL_SUB_DATA_OTA:
            return "OTA data";
        case AL_SUB_DATA_PHY:
            return "RF data";
        case AL_SUB_DATA_NVS:
            return "WiFi data";
        case AL_SUB_DATA_NVS_KEYS:
            return "NVS keys";
        case AL_SUB_DATA_EFUSE:
            return "efuse";
        default:
            return "Unknown data";
        }
    }
    return "unknown";
}

static void log_table(const struct dev_boot_log *log, const struct al_ptable *table)
{
    dev_boot_log(log, 'I', "boot", "Partition Table:");
    dev_boot_log(log, 'I', "boot", "## Label            Usage          Type ST Offset   Length");
    for (unsigned i = 0; i < table->n; i++) {
        const struct al_part *p = &table->part[i];
        dev_boot_log(log, 'I', "boot", "%2u %-16s %-16s %02x %02x %08" PRIx32 " %08" PRIx32, i, p->label,
                     usage(p), p->type, p->subtype, p->off, p->size);
    }
    dev_boot_log(log, 'I', "boot", "End of partition table");
}

static void index_name(int index, char out[16])
{
    if (index >= 0) {
        snprintf(out, 16, "ota_%d", index);
    } else {
        snprintf(out, 16, "%s", index == -1 ? "factory" : "test");
    }
}

static void log_skipped(const struct dev_boot_log *log, const struct al_boot_result *result)
{
    for (unsigned i = 0; i < result->n_tried; i++) {
        const struct al_boot_tried *tried = &result->tried[i];
        if (tried->fault == AL_IMAGE_GOOD && !tried->secure_version_low) {
            continue;
        }
        char name[16];
        index_name(tried->index, name);
        dev_boot_log(log, 'W', tried->fault == AL_IMAGE_NOT_TRUSTED ? "secure_boot_v2" : "boot",
                     "%s app skipped: %s", name, al_boot_tried_text(tried));
    }
}

static bool is_in(const struct al_range *ranges, size_t n, uint32_t address)
{
    for (size_t i = 0; i < n; i++) {
        if (address >= ranges[i].lo && address < ranges[i].hi) {
            return true;
        }
    }
    return false;
}

/* As the loader lists them: what is mapped stays in flash, what is loaded is copied to RAM. */
static void log_segments(const struct dev_boot_log *log, const struct al_chip *chip,
                         const struct al_part *part, const struct al_image_info *info)
{
    for (unsigned i = 0; i < info->header.n_segments; i++) {
        const struct al_image_segment *s = &info->segment[i];
        const char *what =
            is_in(chip->mapped, sizeof chip->mapped / sizeof chip->mapped[0], s->load_addr) ? " map"
            : is_in(chip->load, sizeof chip->load / sizeof chip->load[0], s->load_addr)     ? " load"
                                                                                            : "";
        dev_boot_log(log, 'I', "esp_image",
                     "segment %u: paddr=%08" PRIx32 " vaddr=%08" PRIx32 " size=%05" PRIx32 "h (%6" PRIu32
                     ")%s",
                     i, part->off + s->off, s->load_addr, s->len, s->len, what);
    }
}

/* Which of the eFuses' keys it was. */
static void log_signer(const struct dev_boot_log *log, const struct dev_desc *desc,
                       const struct al_sig_check *check)
{
    unsigned len = desc->chip->key_digest_len ? desc->chip->key_digest_len : AL_SIG_KEY_DIGEST_SIZE;
    for (unsigned i = 0; i < check->n_signers; i++) {
        const struct al_sig_signer *s = &check->signer[i];
        for (unsigned key = 0; s->fault == AL_SIG_GOOD && key < desc->n_key_digests; key++) {
            if (memcmp(desc->key_digests[key], s->key_digest, len) == 0) {
                dev_boot_log(log, 'I', "secure_boot_v2", "signature verified: %s, key %u",
                             al_sig_type_text((enum al_sig_type)s->type), key);
                return;
            }
        }
    }
}

void dev_boot_log_result(struct dev_boot_log *log, const struct al_flash *flash, const struct dev_desc *desc,
                         const struct al_boot_work *work, const struct al_boot_result *result)
{
    if (log->quiet) {
        return;
    }
    if (result->reason == AL_BOOT_NO_TABLE) {
        dev_boot_log(log, 'E', "boot", "Failed to verify partition table");
    } else {
        log_table(log, &work->table);
        log_otadata_changes(log, flash, &work->table);
        log_skipped(log, result);
    }
    if (result->reason == AL_BOOT_OTADATA_TOO_SMALL) {
        dev_boot_log(log, 'E', "boot", "ota_info partition is smaller than 0x2000 bytes, or can't be read");
    }
    if (!result->boots) {
        if (result->reason == AL_BOOT_NO_APP) {
            dev_boot_log(log, 'E', "boot", "No bootable app partitions in the partition table");
        }
        dev_boot_log(log, 'E', "boot", "nothing to start: a chip would reset and try again for ever");
        return;
    }
    const struct al_image_info *info = &work->check.info;
    if (result->reason == AL_BOOT_DEFAULT && result->part.subtype == AL_SUB_APP_FACTORY) {
        dev_boot_log(log, 'I', "boot", "Defaulting to factory image");
    }
    log_segments(log, desc->chip, &result->part, info);
    if (desc->secure_boot) {
        log_signer(log, desc, &work->signature);
    }
    dev_boot_log(log, 'I', "boot", "Loaded app from partition at offset 0x%" PRIx32, result->part.off);
    dev_boot_log(
        log, 'I', "boot", "%s: %s %s (%s)", result->part.label, info->has_desc ? info->desc.project : "app",
        info->has_desc ? info->desc.version : "of unknown version", al_boot_reason_name(result->reason));
}
