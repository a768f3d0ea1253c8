/*
 * ptable_csv.h - the CSV form of a partition table, by ESP-IDF's rules
 * (gen_esp32part.py; docs/formats.md, "CSV language"), and the tables that ESP-IDF
 * ships by name. No heap, no files: text in, table out, and back.
 */
#ifndef AIRLIFT_PTABLE_CSV_H
#define AIRLIFT_PTABLE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/ptable.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a CSV was refused: the categories of Espressif's generator. */
enum al_csv_error {
    AL_CSV_OK,
    AL_CSV_MISSING_TYPE,
    AL_CSV_MISSING_SUBTYPE,
    AL_CSV_MISSING_SIZE,
    AL_CSV_BAD_NUMBER,
    AL_CSV_BAD_KEYWORD,
    AL_CSV_UNKNOWN_FLAG,
    AL_CSV_OVERLAPS_TABLE,
    AL_CSV_OVERLAPS_PREVIOUS,
    AL_CSV_OVERLAP,
    AL_CSV_BELOW_TABLE,
    AL_CSV_UNALIGNED_OFFSET,
    AL_CSV_UNALIGNED_SIZE,
    AL_CSV_DUPLICATE_NAME,
    AL_CSV_MULTIPLE_OTADATA,
    AL_CSV_OTADATA_SIZE,
    AL_CSV_MULTIPLE_TEE_OTADATA,
    AL_CSV_TEE_OTADATA_SIZE,
    AL_CSV_NVS_TOO_SMALL,
    AL_CSV_READONLY_NOT_ALLOWED,
    AL_CSV_TOO_MANY_ENTRIES,
    AL_CSV_DOES_NOT_FIT,
    AL_CSV_BOOTLOADER_OFFSET_MISSING,
    AL_CSV_BOOTLOADER_ABOVE_TABLE,
    AL_CSV_RECOVERY_OFFSET_MISSING,
    AL_CSV_FIELD_OUT_OF_RANGE,
    AL_CSV_UNRESOLVED_VARIABLE,
    AL_CSV_BAD_ENCODING,
};

enum al_csv_secure { AL_CSV_SECURE_NONE, AL_CSV_SECURE_V1, AL_CSV_SECURE_V2 };

/* Look a $VARIABLE up: its value, or NULL if it is not set. */
typedef const char *al_csv_getenv(void *ctx, const char *name);

/* Zeroed means the defaults, except table_off. */
struct al_csv_options {
    uint32_t table_off;  /* AL_PTABLE_OFFSET unless told otherwise */
    uint32_t flash_size; /* 0: no upper bound is checked */
    bool no_md5;
    bool no_verify; /* skip the rules for each entry, names and overlaps */
    enum al_csv_secure secure;
    bool has_primary_bootloader_off;
    bool has_recovery_bootloader_off;
    uint32_t primary_bootloader_off;
    uint32_t recovery_bootloader_off;
    al_csv_getenv *getenv; /* NULL: no variable is set */
    void *getenv_ctx;
};

/* What went wrong (or what deserves a look), where, and on what. */
struct al_csv_report {
    enum al_csv_error error;
    unsigned line; /* 1-based, 0 if it is not about one line */
    char what[48]; /* the name, field or number at fault, printable; "" if none */

    /*
     * Entries named like a type or subtype that they are not, a likely slip:
     * how many, and bit i % 32 of word i / 32 for entry i.
     */
    unsigned n_warnings;
    uint32_t warned[3];
};

/*
 * Parse and verify.
 *
 * text, len  borrowed; need not be terminated; UTF-8/16/32 marks are honoured
 * out        written on success only
 * report     always written
 *
 * Errors come in the order of Espressif's tool, so that the same one is named
 * first: lines from the top, then offsets, then the entries' rules, then the table's.
 * Stack: about 6 KiB.
 *
 * Returns 0 or AL_ERR_FORMAT (report->error says which rule).
 */
AL_CHECK_RESULT int al_csv_parse(const char *text, size_t len, const struct al_csv_options *options,
                                 struct al_ptable *out, struct al_csv_report *report);

/* The error in words, for a line like "t.csv:3: 'nvs': below 0x3000 bytes ...". */
const char *al_csv_error_text(enum al_csv_error error);

/*
 * Print `table` as Espressif's tool does (two comment lines, hex offsets, K and
 * M sizes), NUL-terminated. Returns the length without NUL, or AL_ERR_SIZE if
 * it needs more than `size` bytes. 96 bytes a line and 128 for the head suffice.
 */
AL_CHECK_RESULT int al_csv_print(const struct al_ptable *table, char *buf, size_t size);

/*
 * ESP-IDF's own tables: "singleapp", "two_ota", "two_ota_large", ... (and
 * "arduino_default", "arduino_min_spiffs"). AL_ERR_NOT_FOUND for other names.
 */
AL_CHECK_RESULT int al_ptable_predefined(const char *name, struct al_ptable *out);

/* Name number `i` from 0, or NULL behind the last. */
const char *al_ptable_predefined_name(unsigned i);

/* Names of a type and of a subtype within it, or NULL if they have none. */
const char *al_part_type_name(uint8_t type);
const char *al_part_subtype_name(uint8_t type, uint8_t subtype, char buf[8]);

#ifdef __cplusplus
}
#endif

#endif
