/*
 * nvs_entries.h - values as people write them: the CSV that ESP-IDF's NVS generator takes.
 */
#ifndef CLI_NVS_ENTRIES_H
#define CLI_NVS_ENTRIES_H

#include "nvs_build.h"

/*
 * Add one value.
 *
 * encoding  u8 i8 u16 i16 u32 i32 u64 i64 string hex2bin base64 binary
 * value     `len` bytes of text, or of a file's content
 *
 * Returns 0, or -1 with the reason in err.
 */
int nvs_entry_add(struct nvs_build *b, const char *key, const char *encoding, const char *value, size_t len,
                  char *err, size_t err_size);

/* The same with the content of a file. */
int nvs_entry_add_file(struct nvs_build *b, const char *key, const char *encoding, const char *path,
                       char *err, size_t err_size);

/*
 * Add all rows of a CSV file with the columns key, type, encoding, value; type is namespace,
 * data, or file (value is its path, relative to the working directory).
 * Returns 0, or -1 with file, row and reason in err.
 */
int nvs_entries_read(struct nvs_build *b, const char *path, char *err, size_t err_size);

#endif
