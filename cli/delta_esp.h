/*
 * delta_esp.h - airlift delta's part that is about patches for esp_delta_ota.
 */
#ifndef CLI_DELTA_ESP_H
#define CLI_DELTA_ESP_H

#include <cjson/cJSON.h>

#include "host/file.h"

#define DELTA_ESP_FORMAT "esp_delta_ota"

/* Make a patch into *out, checked by applying it; from an empty `from` one that holds all of `to`. 0, or -1 with one line in err. */
int delta_esp_file_make(const struct host_buf *from, const struct host_buf *to, struct host_buf *out,
                        char *err, size_t err_size);

/*
 * Apply one into *out; `from` is empty for one that holds all of the new image. What it makes is checked as far as the patch allows: its base must be `from`, and the
 * result an app image that is whole. 0, or -1 with one line in err.
 */
int delta_esp_file_apply(const struct host_buf *from, const struct host_buf *patch, struct host_buf *out,
                         char *err, size_t err_size);

/* What its header says: format, base_sha256, to_size, size. NULL with one line in err. */
cJSON *delta_esp_file_info(const struct host_buf *patch, char *err, size_t err_size);

#endif
