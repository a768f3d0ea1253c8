#include "nvs_build.h"

#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"

#define ENTRY_SIZE     32u
#define ENTRIES        126u
#define FIRST_ENTRY    64u /* offset in a page */
#define STATE_ACTIVE   0xFFFFFFFEu
#define STATE_FULL     0xFFFFFFFCu
#define V1_LENGTH_MAX  1984u
#define TYPE_STRING    0x21
#define TYPE_BLOB_V1   0x41
#define TYPE_BLOB_DATA 0x42
#define TYPE_BLOB_IDX  0x48
#define CHUNK_ANY      0xFF
#define CHUNKS_MAX     255u

struct nvs_build_key {
    uint8_t ns;
    char key[NVS_KEY_MAX + 1];
};

const char *nvs_build_error_text(enum nvs_build_error error)
{
    static const char *const texts[] = {
        [NVS_BUILD_OK] = "done",
        [NVS_BUILD_KEY] = "a name has 1 to 15 bytes",
        [NVS_BUILD_NO_NAMESPACE] = "it stands before the first namespace",
        [NVS_BUILD_NAMESPACES] = "there are more than 254 namespaces",
        [NVS_BUILD_TOO_LONG] = "the value is too long",
        [NVS_BUILD_FULL] = "the partition is full; give it a larger size",
        [NVS_BUILD_DUPLICATE] = "this key was there before in its namespace",
        [NVS_BUILD_MEMORY] = "out of memory",
    };
    return texts[error];
}

/* --- Pages ----------------------------------------------------------------- */

static uint8_t *page(const struct nvs_build *b)
{
    return b->bytes + (size_t)(b->n_pages - 1) * NVS_PAGE_SIZE;
}

static enum nvs_build_error open_page(struct nvs_build *b)
{
    if (b->n_pages == b->usable) {
        return NVS_BUILD_FULL;
    }
    if (b->n_pages) {
        al_put_le32(page(b), STATE_FULL);
    }
    b->n_pages++;
    b->entry = 0;
    uint8_t *p = page(b);
    al_put_le32(p, STATE_ACTIVE);
    al_put_le32(p + 4, b->n_pages - 1);
    p[8] = b->version == NVS_BUILD_V2 ? 0xFE : 0xFF;
    al_put_le32(p + 28, al_crc32_idf(p + 4, 24));
    return NVS_BUILD_OK;
}

/* Put bytes into the next entries of the page, and mark these as written. */
static void append(struct nvs_build *b, const void *data, size_t len)
{
    uint8_t *p = page(b);
    memcpy(p + FIRST_ENTRY + b->entry * ENTRY_SIZE, data, len);
    for (size_t n = (len + ENTRY_SIZE - 1) / ENTRY_SIZE; n; n--, b->entry++) {
        p[32 + b->entry / 4] = (uint8_t)(p[32 + b->entry / 4] & ~(1u << (b->entry % 4 * 2)));
    }
}

/* --- Entries --------------------------------------------------------------- */

static void make_head(uint8_t head[ENTRY_SIZE], uint8_t ns, unsigned type, unsigned span, const char *key)
{
    memset(head, 0xFF, ENTRY_SIZE);
    head[0] = ns;
    head[1] = (uint8_t)type;
    head[2] = (uint8_t)span;
    memset(head + 8, 0, 16);
    memcpy(head + 8, key, strlen(key));
}

static void append_head(struct nvs_build *b, uint8_t head[ENTRY_SIZE])
{
    uint8_t covered[28];
    memcpy(covered, head, 4);
    memcpy(covered + 4, head + 8, 24);
    al_put_le32(head + 4, al_crc32_idf(covered, sizeof covered));
    append(b, head, ENTRY_SIZE);
}

/* A head for data of `len` bytes, and the data. */
static void append_data(struct nvs_build *b, uint8_t head[ENTRY_SIZE], const void *data, size_t len)
{
    al_put_le16(head + 24, (uint16_t)len);
    al_put_le32(head + 28, al_crc32_idf(data, len));
    append_head(b, head);
    append(b, data, len);
}

static enum nvs_build_error append_integer(struct nvs_build *b, uint8_t ns, const char *key,
                                           enum nvs_build_type type, uint64_t value)
{
    uint8_t head[ENTRY_SIZE];
    enum nvs_build_error error = b->n_pages == 0 || b->entry >= ENTRIES ? open_page(b) : NVS_BUILD_OK;
    if (error == NVS_BUILD_OK) {
        make_head(head, ns, type, 1, key);
        for (unsigned i = 0; i < ((unsigned)type & 0x0Fu); i++) {
            head[24 + i] = (uint8_t)(value >> (8 * i));
        }
        append_head(b, head);
    }
    return error;
}

/* A value that lies on one page. */
static enum nvs_build_error append_whole(struct nvs_build *b, unsigned type, const char *key,
                                         const void *data, size_t len)
{
    uint8_t head[ENTRY_SIZE];
    unsigned span = 1 + (unsigned)((len + ENTRY_SIZE - 1) / ENTRY_SIZE);
    enum nvs_build_error error =
        b->n_pages == 0 || b->entry >= ENTRIES || b->entry + span >= ENTRIES ? open_page(b) : NVS_BUILD_OK;
    if (error == NVS_BUILD_OK) {
        make_head(head, b->ns, type, span, key);
        append_data(b, head, data, len);
    }
    return error;
}

/* Chunks that fill page after page, and their index behind the last. */
static enum nvs_build_error append_chunks(struct nvs_build *b, const char *key, const uint8_t *data,
                                          size_t len)
{
    uint8_t head[ENTRY_SIZE];
    unsigned n_chunks = 0;
    size_t off = 0;
    enum nvs_build_error error = b->n_pages == 0 || b->entry >= ENTRIES ? open_page(b) : NVS_BUILD_OK;
    while (error == NVS_BUILD_OK && (n_chunks == 0 || off < len)) {
        if (n_chunks == CHUNKS_MAX) {
            return NVS_BUILD_TOO_LONG;
        }
        size_t room = (size_t)(ENTRIES - b->entry - 1) * ENTRY_SIZE;
        size_t chunk = len - off < room ? len - off : room;
        make_head(head, b->ns, TYPE_BLOB_DATA, 1 + (unsigned)((chunk + ENTRY_SIZE - 1) / ENTRY_SIZE), key);
        head[3] = (uint8_t)n_chunks++;
        append_data(b, head, data + off, chunk);
        off += chunk;
        if (off < len || room - chunk < ENTRY_SIZE) {
            error = open_page(b);
        }
    }
    if (error == NVS_BUILD_OK) {
        make_head(head, b->ns, TYPE_BLOB_IDX, 1, key);
        al_put_le32(head + 24, (uint32_t)len);
        head[28] = (uint8_t)n_chunks;
        head[29] = 0; /* the first chunk's index */
        append_head(b, head);
    }
    return error;
}

/* --- Keys ------------------------------------------------------------------ */

static enum nvs_build_error note_key(struct nvs_build *b, const char *key)
{
    size_t len = strlen(key);
    if (len == 0 || len > NVS_KEY_MAX) {
        return NVS_BUILD_KEY;
    }
    if (b->ns == 0) {
        return NVS_BUILD_NO_NAMESPACE;
    }
    for (size_t i = 0; i < b->n_keys; i++) {
        if (b->keys[i].ns == b->ns && strcmp(b->keys[i].key, key) == 0) {
            return NVS_BUILD_DUPLICATE;
        }
    }
    if (b->n_keys == b->keys_cap) {
        size_t cap = b->keys_cap ? 2 * b->keys_cap : 64;
        struct nvs_build_key *keys = realloc(b->keys, cap * sizeof *keys);
        if (!keys) {
            return NVS_BUILD_MEMORY;
        }
        b->keys = keys;
        b->keys_cap = cap;
    }
    b->keys[b->n_keys].ns = b->ns;
    memcpy(b->keys[b->n_keys++].key, key, len + 1);
    return NVS_BUILD_OK;
}

/* --- Public ---------------------------------------------------------------- */

enum nvs_build_error nvs_build_init(struct nvs_build *b, uint32_t size, enum nvs_build_version version)
{
    memset(b, 0, sizeof *b);
    b->bytes = malloc(size ? size : 1);
    if (!b->bytes) {
        return NVS_BUILD_MEMORY;
    }
    memset(b->bytes, 0xFF, size);
    b->size = size;
    b->version = version;
    unsigned n = size / NVS_PAGE_SIZE;
    b->usable = n < 3 ? n : n - 1;
    return open_page(b);
}

void nvs_build_free(struct nvs_build *b)
{
    free(b->bytes);
    free(b->keys);
    memset(b, 0, sizeof *b);
}

enum nvs_build_error nvs_build_namespace(struct nvs_build *b, const char *name)
{
    size_t len = strlen(name);
    if (len == 0 || len > NVS_KEY_MAX) {
        return NVS_BUILD_KEY;
    }
    for (unsigned i = 0; i < b->n_namespaces; i++) {
        if (strcmp(b->namespaces[i], name) == 0) {
            b->ns = (uint8_t)(i + 1);
            return NVS_BUILD_OK;
        }
    }
    if (b->n_namespaces == NVS_NAMESPACES) {
        return NVS_BUILD_NAMESPACES;
    }
    memcpy(b->namespaces[b->n_namespaces++], name, len + 1);
    b->ns = (uint8_t)b->n_namespaces;
    return append_integer(b, 0, name, NVS_BUILD_U8, b->ns);
}

enum nvs_build_error nvs_build_integer(struct nvs_build *b, const char *key, enum nvs_build_type type,
                                       uint64_t value)
{
    enum nvs_build_error error = note_key(b, key);
    return error == NVS_BUILD_OK ? append_integer(b, b->ns, key, type, value) : error;
}

enum nvs_build_error nvs_build_string(struct nvs_build *b, const char *key, const char *text, size_t len)
{
    char with_nul[NVS_STRING_MAX];
    if (len + 1 > (b->version == NVS_BUILD_V1 ? V1_LENGTH_MAX : NVS_STRING_MAX)) {
        return NVS_BUILD_TOO_LONG;
    }
    enum nvs_build_error error = note_key(b, key);
    if (error == NVS_BUILD_OK) {
        memcpy(with_nul, text, len);
        with_nul[len] = '\0';
        error = append_whole(b, TYPE_STRING, key, with_nul, len + 1);
    }
    return error;
}

enum nvs_build_error nvs_build_blob(struct nvs_build *b, const char *key, const void *data, size_t len)
{
    if (b->version == NVS_BUILD_V1 && len > V1_LENGTH_MAX) {
        return NVS_BUILD_TOO_LONG;
    }
    enum nvs_build_error error = note_key(b, key);
    if (error == NVS_BUILD_OK) {
        error = b->version == NVS_BUILD_V1 ? append_whole(b, TYPE_BLOB_V1, key, data, len)
                                           : append_chunks(b, key, data, len);
    }
    return error;
}

void nvs_build_finish(const struct nvs_build *b, const uint8_t **bytes, size_t *len)
{
    *bytes = b->bytes;
    *len = b->size / NVS_PAGE_SIZE < 3 ? (size_t)b->n_pages * NVS_PAGE_SIZE : b->size;
}
