/*
 * table_file.h - load a partition table from wherever a user keeps one.
 */
#ifndef CLI_TABLE_FILE_H
#define CLI_TABLE_FILE_H

#include <stdbool.h>

#include "airlift/ptable_csv.h"

/* What the source turned out to be; told apart by its name, then by its bytes. */
enum table_form {
    TABLE_NAMED,  /* one of ESP-IDF's or Arduino's */
    TABLE_CSV,    /* a file, or "-" for standard input */
    TABLE_BINARY, /* the same, as gen_esp32part.py writes it */
    TABLE_FLASH,  /* lies in a whole flash file */
};

struct table_file {
    enum table_form form;
    struct al_ptable table;
    struct al_csv_report report; /* its warnings, for CSV; else none */
};

/*
 * Load `source`. Returns 0, or 1 after one line on stderr; `out` is then undefined.
 *
 * options    borrowed. CSV heeds all of them, with variables from the environment; a named
 *            table is placed behind table_off, as CSV without offsets would be. For
 *            the other forms only flash_size and no_md5 count.
 * off_given  in a flash file too the table lies at table_off; else where FILE.json says
 */
int table_file_load(const char *source, const struct al_csv_options *options, bool off_given,
                    struct table_file *out);

/* What to call `source` in a message. */
const char *table_file_name(const char *source);

#endif
