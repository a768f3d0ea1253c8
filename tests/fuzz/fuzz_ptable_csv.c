/*
 * Any bytes as partition CSV: no crash, every refusal has a reason, and an
 * accepted table survives printing and parsing again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/ptable_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static const char *fake_getenv(void *ctx, const char *name)
{
    (void)ctx;
    return strlen(name) == 1 ? "a,$b\xff\xc2\xa0#" : NULL;
}

/* Labels that CSV can say: not cut, each its own, and without what the language itself uses. */
static bool labels_are_plain(const struct al_ptable *table)
{
    for (unsigned i = 0; i < table->n; i++) {
        const char *label = table->part[i].label;
        size_t len = strlen(label);
        if (len == AL_LABEL_SIZE || strcspn(label, "#$") != len) {
            return false;
        }
        if (al_ptable_find_label(table, label) != &table->part[i]) {
            return false;
        }
    }
    return true;
}

static void check_round_trip(const struct al_ptable *table, const struct al_csv_options *options)
{
    static char text[AL_PTABLE_MAX_ENTRIES * 96 + 128];
    static struct al_ptable again;
    struct al_csv_report report;
    int text_len = al_csv_print(table, text, sizeof text);
    require(text_len > 0 && text[text_len] == '\0');
    if (!labels_are_plain(table)) {
        return;
    }
    require(al_csv_parse(text, (size_t)text_len, options, &again, &report) == AL_OK);
    require(again.n == table->n && again.has_md5 == table->has_md5);
    require(memcmp(again.part, table->part, sizeof again.part) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct al_ptable table;
    struct al_csv_options options = {.table_off = AL_PTABLE_OFFSET, .getenv = fake_getenv};
    struct al_csv_report report;
    uint8_t raw[AL_PTABLE_SIZE];
    uint8_t choice = len > 0 ? data[len - 1] : 0;

    options.no_md5 = (choice & 1) != 0;
    options.no_verify = (choice & 2) != 0;
    options.flash_size = (choice & 4) != 0 ? 0x400000 : 0;
    options.secure = (choice & 8) != 0 ? AL_CSV_SECURE_V1 : AL_CSV_SECURE_NONE;
    options.has_primary_bootloader_off = options.has_recovery_bootloader_off = (choice & 16) != 0;
    options.primary_bootloader_off = 0x1000;
    options.recovery_bootloader_off = 0x3F0000;

    int err = al_csv_parse((const char *)data, len, &options, &table, &report);
    require(err == AL_OK || err == AL_ERR_FORMAT);
    require((err == AL_OK) == (report.error == AL_CSV_OK));
    require(memchr(report.what, '\0', sizeof report.what) != NULL);
    require(al_csv_error_text(report.error)[0] != '\0');
    if (err == AL_OK) {
        require(al_ptable_build(&table, !options.no_md5, raw) == AL_OK);
        if (memchr(data, '\0', len) == NULL) { /* in a name it ends the label, but not the name */
            check_round_trip(&table, &options);
        }
    }
    return 0;
}
