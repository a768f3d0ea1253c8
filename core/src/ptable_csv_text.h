/*
 * ptable_csv_text.h - partition CSV as text: encodings, variables, fields, numbers.
 *
 * Knows nothing of partitions but their words. The text is read once, a
 * character at a time, so that neither lines nor names need a buffer of their
 * length. Language: docs/formats.md, "CSV language".
 */
#ifndef CORE_PTABLE_CSV_TEXT_H
#define CORE_PTABLE_CSV_TEXT_H

#include "airlift/ptable_csv.h"

struct al_csv_text {
    const uint8_t *at, *end;
    uint8_t width; /* bytes of a unit: 1, 2, 4 for UTF-8, -16, -32 */
    bool big_endian;
};

/* Text under way. Copy it to look ahead; the text and options stay borrowed. */
struct al_csv_reader {
    struct al_csv_text text;
    struct al_csv_text value; /* of the variable being read */
    const struct al_csv_options *options;
};

/* What stands between two commas, without the spaces around it. */
struct al_csv_field {
    char text[128];                   /* UTF-8: its beginning, not terminated */
    uint32_t len;                     /* of all of it */
    uint32_t hash;                    /* over all of it */
    uint32_t spaced_len, spaced_hash; /* with the spaces that may yet turn out to trail */
};

/* Start behind the byte-order mark. False if the text breaks the rules of its encoding. */
AL_CHECK_RESULT bool al_csv_open(struct al_csv_reader *r, const char *text, size_t len,
                                 const struct al_csv_options *options);

/* "$NAME" is the very next, after expansion: a variable that is not set. */
bool al_csv_starts_with_variable(struct al_csv_reader ahead);

/* Read a field and what ends it: true for a comma, false for the end of the line. */
bool al_csv_read_field(struct al_csv_reader *r, struct al_csv_field *out);

/* Which words may stand for a number: none, types, or the subtypes of a type. */
enum { AL_CSV_NO_WORDS = -2, AL_CSV_TYPE_WORDS = -1 };

/*
 * A number or word, times 1024 for each K behind it and 1024 * 1024 for each M.
 * False if it is neither. Of values too large for any field the low bits are
 * right, so that alignment is judged as it should be; sums of two fit.
 */
AL_CHECK_RESULT bool al_csv_field_value(const struct al_csv_field *f, int words, int64_t *out);

#endif
