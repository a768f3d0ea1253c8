/*
 * vectors_test DIR FILE.jsonl [ID] - run golden vectors, print the failing ids.
 */
#include "vectors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/crc32.h"
#include "airlift/ptable.h"

static bool failed;

void mismatch(const struct vector *v, const char *format, ...)
{
    va_list args;

    failed = true;
    printf("%s: ", v->id);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

bool case_failed(void)
{
    return failed;
}

static _Noreturn void die(const char *what, const char *on)
{
    fprintf(stderr, "vectors_test: %s: %s\n", on, what);
    exit(2);
}

static uint8_t *load_file(const char *path, uint32_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data;
    long size;

    if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
        die("can't be read", path);
    }
    rewind(f);
    data = malloc((size_t)size + 1);
    if (data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size) {
        die("can't be read", path);
    }
    data[size] = '\0';
    fclose(f);
    *len = (uint32_t)size;
    return data;
}

uint8_t *load_image(const struct vector *v, const char *name, uint32_t *len)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/images/%s.bin", v->dir, name);
    return load_file(path, len);
}

uint32_t number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsNumber(item) ? (uint32_t)item->valuedouble : 0;
}

const char *text(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool truth(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

uint32_t from_hex(const char *hex, uint8_t *out, uint32_t room)
{
    uint32_t n = 0;

    for (; hex[0] != '\0' && hex[1] != '\0' && n < room; hex += 2) {
        unsigned byte;

        if (sscanf(hex, "%2x", &byte) != 1) {
            die("bad hex", hex);
        }
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static void place(struct vector *v, const cJSON *write)
{
    uint32_t off = number(write, "offset");
    const char *hex = text(write, "hex");
    const char *image = text(write, "image");
    uint32_t room = off < v->size ? v->size - off : 0;

    if (hex != NULL) {
        from_hex(hex, v->flash + off, room);
    } else if (image != NULL) {
        uint32_t len;
        uint8_t *data = load_image(v, image, &len);

        memcpy(v->flash + off, data, len < room ? len : room);
        free(data);
    } else {
        uint8_t fill = 0;
        uint32_t len = number(write, "len");

        from_hex(text(write, "fill"), &fill, 1);
        memset(v->flash + off, fill, len < room ? len : room);
    }
}

/* The partition table at 0x8000, whatever its MD5 says: only to find otadata again. */
static uint32_t find_otadata(const struct vector *v, bool last)
{
    uint32_t found = 0;

    for (uint32_t off = AL_PTABLE_OFFSET; off < AL_PTABLE_OFFSET + AL_PTABLE_SIZE; off += 32) {
        const uint8_t *e = v->flash + off;

        if (e[0] != 0xAA || e[1] != 0x50) {
            break;
        }
        if (e[2] == AL_TYPE_DATA && e[3] == AL_SUB_DATA_OTA && (found == 0 || last)) {
            found = (uint32_t)e[4] | (uint32_t)e[5] << 8 | (uint32_t)e[6] << 16 | (uint32_t)e[7] << 24;
        }
    }
    return found;
}

void check_flash(const struct vector *v, const cJSON *expect, const uint8_t *flash, bool last)
{
    const cJSON *otadata = cJSON_GetObjectItemCaseSensitive(expect, "otadata_after");
    uint32_t off = find_otadata(v, last);
    uint32_t crc = al_crc32_zlib(0, flash, v->size);

    for (int i = 0; i < 2 && cJSON_IsArray(otadata); i++) {
        uint8_t want[32];

        from_hex(cJSON_GetArrayItem(otadata, i)->valuestring, want, sizeof(want));
        if (memcmp(want, flash + off + i * 0x1000, sizeof(want)) != 0) {
            mismatch(v, "otadata sector %d differs", i);
        }
    }
    if (crc != number(expect, "flash_crc32_after")) {
        mismatch(v, "flash differs: CRC-32 %u, expected %u", crc, number(expect, "flash_crc32_after"));
    }
}

static void run_case(const char *dir, const char *file, const cJSON *row)
{
    struct vector v = {.id = text(row, "id"), .row = row, .dir = dir, .size = number(row, "flash_size")};
    const cJSON *writes = cJSON_GetObjectItemCaseSensitive(row, "writes");
    const cJSON *write;

    v.flash = malloc(v.size);
    if (v.flash == NULL) {
        die("out of memory", v.id);
    }
    memset(v.flash, 0xFF, v.size);
    cJSON_ArrayForEach(write, writes)
    {
        place(&v, write);
    }
    if (strcmp(file, "boot.jsonl") == 0) {
        judge_boot(&v);
    } else if (strcmp(file, "images.jsonl") == 0) {
        judge_image(&v);
    } else if (strcmp(file, "ota_api.jsonl") == 0) {
        judge_api(&v);
    } else {
        judge_lifecycle(&v);
    }
    free(v.flash);
}

int main(int argc, char **argv)
{
    unsigned n_passed = 0, n_failed = 0;
    char path[1024];
    uint32_t len;
    char *lines, *line, *save = NULL;

    if (argc < 3) {
        die("usage: vectors_test DIR FILE.jsonl [ID]", argv[0]);
    }
    snprintf(path, sizeof(path), "%s/%s", argv[1], argv[2]);
    lines = (char *)load_file(path, &len);
    for (line = strtok_r(lines, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        cJSON *row = cJSON_Parse(line);

        if (row == NULL) {
            die("not JSON", line);
        }
        if (argc < 4 || strcmp(argv[3], text(row, "id")) == 0) {
            failed = false;
            run_case(argv[1], argv[2], row);
            *(failed ? &n_failed : &n_passed) += 1;
        }
        cJSON_Delete(row);
    }
    free(lines);
    printf("%u passed, %u failed\n", n_passed, n_failed);
    return n_failed != 0 || n_passed == 0;
}
