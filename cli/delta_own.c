#include "delta_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crypto.h"
#include "delta/delta.h"
#include "host/hex.h"
#include "host/progress.h"

/* --- Applying --------------------------------------------------------------- */

struct files {
    const struct host_buf *from;
    struct host_buf *out;
    bool other_base;
};

static int check(void *ctx, const struct al_delta_header *header)
{
    struct files *f = ctx;
    uint8_t sha256[AL_SHA256_SIZE];
    if (al_sha256(f->from->data, f->from->len, sha256) != 0) {
        return AL_ERR_CRYPTO;
    }
    f->other_base = f->from->len != header->old_len || memcmp(sha256, header->old_sha256, sizeof sha256) != 0;
    return f->other_base ? AL_ERR_STATE : 0;
}

static int read_from(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct files *f = ctx;
    memcpy(buf, f->from->data + off, len);
    return 0;
}

static int read_out(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct files *f = ctx;
    memcpy(buf, f->out->data + off, len);
    return 0;
}

static int write_out(void *ctx, const void *buf, uint32_t len)
{
    const struct files *f = ctx;
    return host_buf_append(f->out, buf, len) ? 0 : AL_ERR_SIZE;
}

bool delta_own_recognise(const struct host_buf *patch)
{
    return patch->len >= 4 && al_get_le32(patch->data) == AL_DELTA_MAGIC;
}

int delta_own_file_apply(const struct host_buf *from, const struct host_buf *patch, struct host_buf *out,
                         char *err, size_t err_size)
{
    struct files files = {.from = from, .out = out};
    const struct al_delta_io io = {&files, check, read_from, read_out, write_out};
    struct al_delta *d = malloc(sizeof *d);
    uint8_t sha256[AL_SHA256_SIZE];
    host_buf_init(out, AL_DELTA_MAX_LEN);
    if (!d) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    al_delta_begin(d, &io);
    int result = al_delta_feed(d, patch->data, patch->len);
    result = result ? result : al_delta_end(d);
    if (files.other_base) {
        snprintf(err, err_size, "the patch is for another old file");
    } else if (result == AL_ERR_SIZE) {
        snprintf(err, err_size, "the patch needs more memory than this decoder has");
    } else if (result != 0 || al_sha256(out->data, out->len, sha256) != 0 ||
               memcmp(sha256, d->header.new_sha256, sizeof sha256) != 0) {
        snprintf(err, err_size, "the patch is damaged");
        result = -1;
    }
    free(d);
    if (result != 0) {
        host_buf_free(out);
    }
    return result == 0 ? 0 : -1;
}

/* --- Making and showing ------------------------------------------------------- */

static void show_progress(void *ctx, uint64_t done)
{
    host_progress_update(ctx, done);
}

int delta_own_file_make(const struct host_buf *from, const struct host_buf *to, bool small,
                        struct host_buf *out, char *err, size_t err_size)
{
    struct host_progress bar;
    const struct delta_options options = {.n_map = small ? DELTA_SMALL_MAP : 0,
                                          .pool = small ? AL_DELTA_SMALL_POOL : 0,
                                          .progress = show_progress,
                                          .progress_ctx = &bar};
    uint8_t *patch;
    size_t len;
    struct host_buf again;
    host_progress_start(&bar, "comparing", to->len);
    const int result = delta_make(from->data, from->len, to->data, to->len, &options, &patch, &len);
    host_progress_end(&bar);
    if (result != 0) {
        snprintf(err, err_size, "%s",
                 result == AL_ERR_SIZE ? "the files have more than 16 MiB" : "out of memory");
        return -1;
    }
    host_buf_init(out, len);
    bool good =
        host_buf_append(out, patch, len) && delta_own_file_apply(from, out, &again, err, err_size) == 0;
    free(patch);
    if (good) {
        host_buf_free(&again);
        return 0;
    }
    host_buf_free(out);
    snprintf(err, err_size, "the patch does not give the new file: please report this");
    return -1;
}

cJSON *delta_own_file_info(const struct host_buf *patch, char *err, size_t err_size)
{
    struct al_delta_header h;
    char old[65], new[65];
    if (patch->len < AL_DELTA_HEADER_SIZE || al_delta_parse_header(patch->data, &h) != 0 ||
        h.patch_len != patch->len) {
        snprintf(err, err_size, "the patch is damaged or cut short");
        return NULL;
    }
    host_hex_print(h.old_sha256, sizeof h.old_sha256, old);
    host_hex_print(h.new_sha256, sizeof h.new_sha256, new);
    cJSON *json = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(json, "format", AL_DELTA_FORMAT) ||
        !cJSON_AddNumberToObject(json, "from_size", h.old_len) ||
        !cJSON_AddStringToObject(json, "from_sha256", old) ||
        !cJSON_AddNumberToObject(json, "to_size", h.new_len) ||
        !cJSON_AddStringToObject(json, "to_sha256", new) ||
        !cJSON_AddNumberToObject(json, "addresses", h.n_map) ||
        !cJSON_AddNumberToObject(json, "ram", al_delta_ram(&h)) ||
        !cJSON_AddNumberToObject(json, "size", (double)patch->len)) {
        cJSON_Delete(json);
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    return json;
}
