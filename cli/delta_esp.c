#include "delta_esp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/image.h"
#include "delta/esp_delta.h"
#include "host/hex.h"

#define MAX_RESULT (32u << 20) /* bytes */

/* --- Applying --------------------------------------------------------------- */

struct files {
    const struct host_buf *from;
    struct host_buf *out;
};

static int read_from(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct files *f = ctx;
    memcpy(buf, f->from->data + off, len);
    return 0;
}

static int write_out(void *ctx, const void *buf, uint32_t len)
{
    const struct files *f = ctx;
    return host_buf_append(f->out, buf, len) ? 0 : AL_ERR_SIZE;
}

/* *info of a whole app image. 0 or AL_ERR_*; *fault says why. */
static int look_at(const struct host_buf *image, struct al_image_info *info, enum al_image_fault *fault)
{
    static const struct al_image_rules any_chip = {0};
    struct al_image_check check;
    int result = al_image_check_begin(&check, &any_chip);
    if (result == 0) {
        const int fed = al_image_check_feed(&check, image->data, image->len);
        const int ended = al_image_check_end(&check, info);
        result = fed ? fed : ended;
    }
    *fault = check.fault;
    return result;
}

static int apply(const struct host_buf *from, const struct host_buf *patch, struct al_esp_delta *a,
                 struct host_buf *out)
{
    struct files files = {from, out};
    const struct al_esp_delta_io io = {&files, (uint32_t)from->len, MAX_RESULT, read_from, write_out};
    al_esp_delta_begin(a, &io);
    const int result = al_esp_delta_feed(a, patch->data, patch->len);
    return result == 0 ? al_esp_delta_end(a) : result;
}

int delta_esp_file_apply(const struct host_buf *from, const struct host_buf *patch, struct host_buf *out,
                         char *err, size_t err_size)
{
    struct al_esp_delta a;
    struct al_image_info info;
    enum al_image_fault fault;
    static const uint8_t nothing[AL_SHA256_SIZE];
    host_buf_init(out, MAX_RESULT);
    /* Before the base is looked at: a header that is none says more than a base that does not fit it. */
    if (patch->len < AL_ESP_DELTA_HEADER_SIZE || !al_esp_delta_recognise(patch->data, patch->len)) {
        snprintf(err, err_size, "this is no patch for esp_delta_ota");
    } else if (from->len > 0 && look_at(from, &info, &fault) != 0) {
        snprintf(err, err_size, "the old file is no whole app image: %s", al_image_fault_text(fault));
    } else if (memcmp(from->len > 0 ? info.sha256 : nothing, patch->data + 4, sizeof nothing) != 0) {
        snprintf(err, err_size, "the patch is for another old file");
    } else if (apply(from, patch, &a, out) != 0) {
        snprintf(err, err_size, "the patch is damaged");
    } else if (look_at(out, &info, &fault) != 0) {
        snprintf(err, err_size, "the patch gives no whole app image: %s", al_image_fault_text(fault));
    } else {
        return 0;
    }
    host_buf_free(out);
    return -1;
}

/* --- Making and showing ------------------------------------------------------- */

int delta_esp_file_make(const struct host_buf *from, const struct host_buf *to, struct host_buf *out,
                        char *err, size_t err_size)
{
    uint8_t *patch;
    size_t len;
    struct al_esp_delta a;
    struct host_buf again;
    if (delta_esp_make(from->data, from->len, to->data, to->len, &patch, &len, err, err_size) != 0) {
        return -1;
    }
    host_buf_init(out, len);
    host_buf_init(&again, to->len);
    bool good = host_buf_append(out, patch, len) && apply(from, out, &a, &again) == 0 &&
                again.len == to->len && memcmp(again.data, to->data, to->len) == 0;
    free(patch);
    host_buf_free(&again);
    if (!good) {
        snprintf(err, err_size, "the patch does not give the new file: please report this");
        host_buf_free(out);
    }
    return good ? 0 : -1;
}

static int read_nothing(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx, (void)off, (void)len;
    memset(buf, 0, len);
    return 0;
}

static int write_nothing(void *ctx, const void *buf, uint32_t len)
{
    (void)ctx, (void)buf, (void)len;
    return 0;
}

cJSON *delta_esp_file_info(const struct host_buf *patch, char *err, size_t err_size)
{
    /* Applied to nothing: that shows whether the patch is whole, whatever its base is. */
    const struct al_esp_delta_io io = {NULL, MAX_RESULT, MAX_RESULT, read_nothing, write_nothing};
    struct al_esp_delta a;
    char base[2 * AL_SHA256_SIZE + 1];
    al_esp_delta_begin(&a, &io);
    if (al_esp_delta_feed(&a, patch->data, patch->len) != 0 || al_esp_delta_end(&a) != 0) {
        snprintf(err, err_size, "the patch is damaged");
        return NULL;
    }
    host_hex_print(a.base_sha256, AL_SHA256_SIZE, base);
    cJSON *json = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(json, "format", DELTA_ESP_FORMAT) ||
        !cJSON_AddStringToObject(json, "base_sha256", base) ||
        !cJSON_AddNumberToObject(json, "to_size", a.to_len) ||
        !cJSON_AddNumberToObject(json, "size", (double)patch->len)) {
        cJSON_Delete(json);
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    return json;
}
