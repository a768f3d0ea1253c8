#include "nvs_page.h"

#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "nvs.h"

/* Offsets in a page. */
#define STATE_OFF   0u
#define SEQ_OFF     4u
#define VERSION_OFF 8u
#define CRC_OFF     28u
#define BITS_OFF    32u
#define ENTRIES_OFF 64u
#define HEADER_SIZE 32u

#define VERSION_2     0xFE /* multi-page blobs; version 1 is 0xFF */
#define STATE_RETIRED 0u   /* on flash: not a state that a valid page has */

/* Offsets in a head entry. */
#define HEAD_CRC_OFF   4u
#define HEAD_KEY_OFF   8u
#define HEAD_VALUE_OFF 24u

/* Entry states; 1 is illegal. Bit 0 cleared: written. Bit 1 cleared: erased. */
#define ENTRY_ERASED  0u
#define ENTRY_WRITTEN 2u
#define ENTRY_EMPTY   3u
#define BIT_WRITTEN   1u
#define BIT_ERASED    2u

/* ---- flash ---- */

static uint32_t entry_off(const struct nvs_page *page, unsigned entry)
{
    return page->off + ENTRIES_OFF + entry * NVS_ENTRY_SIZE;
}

static esp_err_t program(struct nvs_port *port, uint32_t off, const void *data, uint32_t len)
{
    if (port->readonly)
        return ESP_OK;
    esp_err_t err = port->write(port->ctx, off, data, len);
    if (err != ESP_OK)
        port->failed = true;
    return err;
}

static esp_err_t program_state(struct nvs_port *port, const struct nvs_page *page, uint32_t state)
{
    uint8_t raw[4];
    al_put_le32(raw, state);
    return program(port, page->off + STATE_OFF, raw, sizeof(raw));
}

/* ---- the entry state bits ---- */

static unsigned entry_state(const struct nvs_page *page, unsigned entry)
{
    return (unsigned)page->bits[entry / 4] >> 2 * (entry % 4) & 3u;
}

/* Clear one of the two bits of n entries, in one program operation. */
static esp_err_t clear_bit(struct nvs_port *port, struct nvs_page *page, unsigned first, unsigned n,
                           unsigned bit)
{
    uint8_t bits[sizeof(page->bits)];
    memcpy(bits, page->bits, sizeof(bits));
    for (unsigned i = first; i < first + n; i++)
        bits[i / 4] &= (uint8_t) ~(bit << 2 * (i % 4));

    unsigned from = first / 4;
    unsigned len = (first + n - 1) / 4 + 1 - from;
    if (memcmp(bits + from, page->bits + from, len) == 0)
        return ESP_OK;
    esp_err_t err = program(port, page->off + BITS_OFF + from, bits + from, len);
    if (err == ESP_OK)
        memcpy(page->bits, bits, sizeof(bits));
    return err;
}

/*
 * Written entries lose one bit. Empty ones lose two, the upper first: cut in
 * between they read as illegal, which is never taken for an item; the other way
 * round a half-programmed entry would read as written.
 */
static esp_err_t mark_erased(struct nvs_port *port, struct nvs_page *page, unsigned first, unsigned n)
{
    esp_err_t err = clear_bit(port, page, first, n, BIT_ERASED);
    return err == ESP_OK ? clear_bit(port, page, first, n, BIT_WRITTEN) : err;
}

/* ---- head entries ---- */

static uint32_t head_crc(const uint8_t raw[NVS_ENTRY_SIZE])
{
    uint8_t covered[NVS_ENTRY_SIZE - 4];
    memcpy(covered, raw, HEAD_CRC_OFF);
    memcpy(covered + HEAD_CRC_OFF, raw + HEAD_KEY_OFF, NVS_ENTRY_SIZE - HEAD_KEY_OFF);
    return al_crc32_idf(covered, sizeof(covered));
}

static void encode_head(const struct nvs_item *item, uint8_t raw[NVS_ENTRY_SIZE])
{
    raw[0] = item->ns;
    raw[1] = item->type;
    raw[2] = item->span;
    raw[3] = item->chunk;
    memcpy(raw + HEAD_KEY_OFF, item->key, sizeof(item->key));
    memcpy(raw + HEAD_VALUE_OFF, item->value, sizeof(item->value));
    al_put_le32(raw + HEAD_CRC_OFF, head_crc(raw));
}

static bool is_scalar(uint8_t type)
{
    switch (type) {
    case NVS_TYPE_U8:
    case NVS_TYPE_I8:
    case NVS_TYPE_U16:
    case NVS_TYPE_I16:
    case NVS_TYPE_U32:
    case NVS_TYPE_I32:
    case NVS_TYPE_U64:
    case NVS_TYPE_I64:
    case NVS_TYPE_FLOAT:
    case NVS_TYPE_DOUBLE:
        return true;
    default:
        return false;
    }
}

/* False if the CRC is wrong or the fields make no sense together. */
static bool decode_head(const uint8_t raw[NVS_ENTRY_SIZE], struct nvs_item *item)
{
    if (al_get_le32(raw + HEAD_CRC_OFF) != head_crc(raw))
        return false;
    item->ns = raw[0];
    item->type = raw[1];
    item->span = raw[2];
    item->chunk = raw[3];
    memcpy(item->key, raw + HEAD_KEY_OFF, sizeof(item->key));
    memcpy(item->value, raw + HEAD_VALUE_OFF, sizeof(item->value));

    if (item->ns == 0xFF || item->key[sizeof(item->key) - 1] != 0)
        return false;
    if (nvs_item_has_data(item)) {
        if (item->type == NVS_TYPE_BLOB && item->chunk == NVS_NO_CHUNK)
            return false;
        uint32_t size = nvs_item_size(item);
        return size <= NVS_DATA_MAX && item->span == 1 + (size + NVS_ENTRY_SIZE - 1) / NVS_ENTRY_SIZE;
    }
    return item->span == 1 && (is_scalar(item->type) || item->type == NVS_TYPE_BLOB_INDEX);
}

static bool all_written(const struct nvs_page *page, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        if (entry_state(page, i) != ENTRY_WRITTEN)
            return false;
    }
    return true;
}

static uint16_t tag_of(const struct nvs_item *item)
{
    return nvs_item_tag(item->ns, item->key, item->type == NVS_TYPE_BLOB ? item->chunk : NVS_NO_CHUNK);
}

/* Look at the entry at i of a page being loaded, mend it, and say how many entries that settles. */
static esp_err_t load_entry(struct nvs_port *port, struct nvs_page *page, unsigned i, const uint8_t *raw,
                            unsigned *n_done)
{
    unsigned state = entry_state(page, i);
    *n_done = 1;
    if (state == ENTRY_EMPTY && al_is_blank(raw, NVS_ENTRY_SIZE))
        return ESP_OK;
    page->next = (uint8_t)(i + 1);
    if (state == ENTRY_ERASED)
        return ESP_OK;

    struct nvs_item item;
    if (state != ENTRY_WRITTEN || !decode_head(raw, &item) || i + item.span > NVS_N_ENTRIES)
        return mark_erased(port, page, i, 1);

    *n_done = item.span;
    page->next = (uint8_t)(i + item.span);
    if (!all_written(page, i, item.span))
        return nvs_page_erase_item(port, page, i, item.span);
    page->tag[i] = tag_of(&item);
    return ESP_OK;
}

/* ---- public ---- */

void nvs_item_init(struct nvs_item *item, uint8_t ns, uint8_t type, const char *key)
{
    item->ns = ns;
    item->type = type;
    item->span = 1;
    item->chunk = NVS_NO_CHUNK;
    memset(item->key, 0, sizeof(item->key));
    memcpy(item->key, key, strnlen(key, sizeof(item->key) - 1));
    memset(item->value, 0xFF, sizeof(item->value));
}

void nvs_item_set_data(struct nvs_item *item, const void *data, uint32_t len)
{
    item->span = (uint8_t)(1 + (len + NVS_ENTRY_SIZE - 1) / NVS_ENTRY_SIZE);
    al_put_le16(item->value, (uint16_t)len);
    al_put_le32(item->value + 4, al_crc32_idf(data, len));
}

uint32_t nvs_item_size(const struct nvs_item *item)
{
    if (nvs_item_has_data(item))
        return al_get_le16(item->value);
    return item->type == NVS_TYPE_BLOB_INDEX ? al_get_le32(item->value) : item->type & 0x0Fu;
}

bool nvs_item_has_data(const struct nvs_item *item)
{
    return item->type == NVS_TYPE_STR || item->type == NVS_TYPE_BLOB || item->type == NVS_TYPE_BLOB_V1;
}

uint16_t nvs_item_tag(uint8_t ns, const char *key, uint8_t chunk)
{
    uint32_t hash = al_crc32_idf(key, strnlen(key, NVS_KEY_NAME_MAX_SIZE));
    hash ^= ns * 0x9E3779B1u ^ chunk * 0x85EBCA6Bu;
    uint16_t tag = (uint16_t)(hash ^ hash >> 16);
    return tag != 0 ? tag : 1;
}

esp_err_t nvs_page_load(struct nvs_port *port, struct nvs_page *page, uint8_t *buf)
{
    page->state = NVS_PAGE_FREE;
    page->clean = false;
    page->next = 0;
    memset(page->tag, 0, sizeof(page->tag));
    esp_err_t err = port->read(port->ctx, page->off, buf, NVS_PAGE_SIZE);
    if (err != ESP_OK)
        return err;

    uint32_t state = al_get_le32(buf + STATE_OFF);
    if (state != NVS_PAGE_ACTIVE && state != NVS_PAGE_FULL && state != NVS_PAGE_FREEING)
        return ESP_OK;
    if (al_get_le32(buf + CRC_OFF) != al_crc32_idf(buf + SEQ_OFF, CRC_OFF - SEQ_OFF))
        return ESP_OK;
    if (buf[VERSION_OFF] < VERSION_2)
        return ESP_ERR_NVS_NEW_VERSION_FOUND;

    page->state = state;
    page->seq = al_get_le32(buf + SEQ_OFF);
    memcpy(page->bits, buf + BITS_OFF, sizeof(page->bits));
    unsigned n_done;
    for (unsigned i = 0; i < NVS_N_ENTRIES; i += n_done) {
        err = load_entry(port, page, i, buf + ENTRIES_OFF + i * NVS_ENTRY_SIZE, &n_done);
        if (err != ESP_OK)
            return err;
    }
    return ESP_OK;
}

esp_err_t nvs_page_activate(struct nvs_port *port, struct nvs_page *page, uint32_t seq)
{
    /*
     * A page that reads blank after a reset may be one whose erase was cut
     * short, with cells that still waver; so only an erase of our own counts.
     */
    if (!page->clean) {
        esp_err_t err = nvs_page_wipe(port, page);
        if (err != ESP_OK)
            return err;
    }

    uint8_t header[HEADER_SIZE];
    memset(header, 0xFF, sizeof(header));
    al_put_le32(header + STATE_OFF, NVS_PAGE_ACTIVE);
    al_put_le32(header + SEQ_OFF, seq);
    header[VERSION_OFF] = VERSION_2;
    al_put_le32(header + CRC_OFF, al_crc32_idf(header + SEQ_OFF, CRC_OFF - SEQ_OFF));

    /* Power cut: the CRC or the state is wrong, and the page is free. */
    page->clean = false;
    esp_err_t err = program(port, page->off, header, sizeof(header));
    if (err != ESP_OK)
        return err;
    page->state = NVS_PAGE_ACTIVE;
    page->seq = seq;
    page->next = 0;
    return ESP_OK;
}

esp_err_t nvs_page_mark(struct nvs_port *port, struct nvs_page *page, enum nvs_page_state state)
{
    esp_err_t err = program_state(port, page, state);
    if (err == ESP_OK)
        page->state = state;
    return err;
}

esp_err_t nvs_page_wipe(struct nvs_port *port, struct nvs_page *page)
{
    /*
     * The state goes first: an erase cut short can leave a valid header over
     * half-erased entries, and a page that reads FREEING must be whole, as its
     * copy is thrown away. Power cut: with any bit of the state cleared the page
     * is free.
     */
    if (page->state != NVS_PAGE_FREE) {
        esp_err_t err = program_state(port, page, STATE_RETIRED);
        if (err != ESP_OK)
            return err;
    }
    page->state = NVS_PAGE_FREE;
    page->clean = false;
    memset(page->tag, 0, sizeof(page->tag));
    esp_err_t err = port->readonly ? ESP_OK : port->erase(port->ctx, page->off, NVS_PAGE_SIZE);
    if (err != ESP_OK) {
        port->failed = true;
        return err;
    }
    page->clean = true;
    page->next = 0;
    memset(page->bits, 0xFF, sizeof(page->bits));
    return ESP_OK;
}

esp_err_t nvs_page_append(struct nvs_port *port, struct nvs_page *page, const struct nvs_item *item,
                          const void *data, uint32_t len)
{
    unsigned entry = page->next;
    uint8_t raw[NVS_ENTRY_SIZE];
    encode_head(item, raw);

    /* Power cut: an entry with content that is not marked was being programmed. */
    esp_err_t err = program(port, entry_off(page, entry), raw, sizeof(raw));
    if (err != ESP_OK)
        return err;
    page->next = (uint8_t)(entry + item->span);

    /* Power cut from here on: the head is marked, some of its span is not. Incomplete. */
    err = clear_bit(port, page, entry, 1, BIT_WRITTEN);
    unsigned whole = len / NVS_ENTRY_SIZE;
    if (err == ESP_OK && whole > 0)
        err = program(port, entry_off(page, entry + 1), data, whole * NVS_ENTRY_SIZE);
    if (err == ESP_OK && whole > 0)
        err = clear_bit(port, page, entry + 1, whole, BIT_WRITTEN);
    unsigned tail = len % NVS_ENTRY_SIZE;
    if (err == ESP_OK && tail > 0) {
        memset(raw, 0xFF, sizeof(raw));
        memcpy(raw, (const uint8_t *)data + whole * NVS_ENTRY_SIZE, tail);
        err = program(port, entry_off(page, entry + 1 + whole), raw, sizeof(raw));
        if (err == ESP_OK)
            err = clear_bit(port, page, entry + 1 + whole, 1, BIT_WRITTEN);
    }
    if (err == ESP_OK)
        page->tag[entry] = tag_of(item);
    return err;
}

esp_err_t nvs_page_erase_item(struct nvs_port *port, struct nvs_page *page, unsigned entry, unsigned span)
{
    page->tag[entry] = 0;
    /* The head last, so that data never stand alone, where they could pass for an item. */
    if (span > 1) {
        esp_err_t err = mark_erased(port, page, entry + 1, span - 1);
        if (err != ESP_OK)
            return err;
    }
    return mark_erased(port, page, entry, 1);
}

esp_err_t nvs_page_purge(struct nvs_port *port, struct nvs_page *page)
{
    static const uint8_t zeros[NVS_ENTRY_SIZE];
    for (unsigned i = 0; i < NVS_N_ENTRIES; i++) {
        uint8_t raw[NVS_ENTRY_SIZE];
        if (entry_state(page, i) != ENTRY_ERASED)
            continue;
        esp_err_t err = port->read(port->ctx, entry_off(page, i), raw, sizeof(raw));
        if (err == ESP_OK && memcmp(raw, zeros, sizeof(raw)) != 0)
            err = program(port, entry_off(page, i), zeros, sizeof(zeros));
        if (err != ESP_OK)
            return err;
    }
    return ESP_OK;
}

esp_err_t nvs_page_read_item(struct nvs_port *port, const struct nvs_page *page, unsigned entry,
                             struct nvs_item *out)
{
    uint8_t raw[NVS_ENTRY_SIZE];
    esp_err_t err = port->read(port->ctx, entry_off(page, entry), raw, sizeof(raw));
    if (err != ESP_OK)
        return err;
    bool good = decode_head(raw, out) && all_written(page, entry, 1) && entry + out->span <= NVS_N_ENTRIES;
    return good ? ESP_OK : ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_page_read_data(struct nvs_port *port, const struct nvs_page *page, unsigned entry,
                             const struct nvs_item *item, void *buf)
{
    uint32_t size = nvs_item_size(item);
    esp_err_t err = ESP_OK;
    if (size > 0)
        err = port->read(port->ctx, entry_off(page, entry + 1), buf, size);
    if (err == ESP_OK && al_crc32_idf(buf, size) != al_get_le32(item->value + 4))
        err = ESP_ERR_NVS_NOT_FOUND;
    return err;
}

unsigned nvs_page_next_item(const struct nvs_page *page, unsigned from)
{
    while (from < NVS_N_ENTRIES && page->tag[from] == 0)
        from++;
    return from;
}

unsigned nvs_page_used(const struct nvs_page *page)
{
    unsigned n = 0;
    for (unsigned i = 0; i < NVS_N_ENTRIES; i++)
        n += entry_state(page, i) == ENTRY_WRITTEN;
    return n;
}
