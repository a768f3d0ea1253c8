/*
 * delta_own.h - airlift delta's part that is about airlift's own patches (airlift/delta.h).
 */
#ifndef CLI_DELTA_OWN_H
#define CLI_DELTA_OWN_H

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "host/file.h"

#define DELTA_OWN_FORMAT "airlift"

bool delta_own_recognise(const struct host_buf *patch);

/*
 * Make a patch into *out, checked by applying it; `from` is empty for one that holds all of `to`.
 * small: for decoders of 12 KiB. 0, or -1 with one line in err.
 */
int delta_own_file_make(const struct host_buf *from, const struct host_buf *to, bool small,
                        struct host_buf *out, char *err, size_t err_size);

/* Apply one into *out: base and result are held against their hashes. 0, or -1 with one line in err. */
int delta_own_file_apply(const struct host_buf *from, const struct host_buf *patch, struct host_buf *out,
                         char *err, size_t err_size);

/* What its header says. NULL with one line in err. */
cJSON *delta_own_file_info(const struct host_buf *patch, char *err, size_t err_size);

#endif
