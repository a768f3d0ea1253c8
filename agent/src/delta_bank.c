#include "delta.h"

#include <stddef.h>
#include <string.h>

#include "airlift/crc32.h"

#define MAGIC       0x4B4E4244u
#define HEADER_SIZE 64u

/* A bank's first bytes, written last. */
struct header {
    uint32_t magic;
    uint32_t seq; /* the newer one has the larger */
    uint8_t patch[AL_SHA256_SIZE];
    uint32_t made, held;
    uint8_t build[12]; /* first bytes of the running app's ELF's SHA-256: another one's decoder may differ */
    uint32_t crc;      /* of all before, the decoder and the sector */
};

_Static_assert(sizeof(struct header) == HEADER_SIZE, "the layout is stored");

static uint32_t decoder_size(const struct agent_decoding *d)
{
    return agent_decoder_size(d->a->patch.format);
}

/* Header, decoder, sector: rounded up to sectors. */
static uint32_t bank_size(uint8_t format)
{
    return (HEADER_SIZE + agent_decoder_size(format) + AGENT_SECTOR_SIZE + AGENT_SECTOR_SIZE - 1) /
           AGENT_SECTOR_SIZE * AGENT_SECTOR_SIZE;
}

static uint32_t bank_off(const struct agent_decoding *d, uint32_t seq)
{
    return d->slot->size - (1 + seq % 2) * bank_size(d->a->patch.format);
}

static uint32_t crc_of(const struct agent_decoding *d, const struct header *h)
{
    uint32_t crc = al_crc32_zlib(0, h, offsetof(struct header, crc));

    crc = al_crc32_zlib(crc, d->decoder, decoder_size(d));
    return al_crc32_zlib(crc, d->a->buf.sector, AGENT_SECTOR_SIZE);
}

/* What bears this state: no other build can take it up. */
static void note_build(const struct agent_decoding *d, uint8_t out[12])
{
    esp_app_desc_t running;

    memset(out, 0, 12);
    if (esp_ota_get_partition_description(d->a->running, &running) == ESP_OK) {
        memcpy(out, running.app_elf_sha256, 12);
    }
}

static bool read_header(const struct agent_decoding *d, uint32_t bank, struct header *h)
{
    uint8_t build[sizeof(h->build)];

    note_build(d, build);
    return esp_partition_read(d->slot, bank_off(d, bank), h, sizeof(*h)) == ESP_OK && h->magic == MAGIC &&
           memcmp(h->build, build, sizeof(build)) == 0 && h->seq % 2 == bank && h->held < AGENT_SECTOR_SIZE &&
           h->made >= h->held && (h->made - h->held) % AGENT_SECTOR_SIZE == 0 &&
           h->made <= d->a->manifest.size && memcmp(h->patch, d->a->patch.sha256, sizeof(h->patch)) == 0;
}

static bool load(struct agent_decoding *d, const struct header *h)
{
    const uint32_t off = bank_off(d, h->seq);

    if (esp_partition_read(d->slot, off + HEADER_SIZE, d->decoder, decoder_size(d)) != ESP_OK ||
        esp_partition_read(d->slot, off + HEADER_SIZE + decoder_size(d), d->a->buf.sector,
                           AGENT_SECTOR_SIZE) != ESP_OK ||
        crc_of(d, h) != h->crc) {
        return false;
    }
    d->made = d->saved = h->made;
    d->held = h->held;
    d->durable = h->made - h->held;
    d->stored = agent_decoder_taken(d);
    d->seq = h->seq;
    return d->stored < d->a->patch.size;
}

uint32_t agent_bank_room(uint8_t format)
{
    return 2 * bank_size(format);
}

bool agent_bank_load(struct agent_decoding *d)
{
    struct header h[2];
    const bool good[2] = {read_header(d, 0, &h[0]), read_header(d, 1, &h[1])};
    const unsigned newer = good[1] && (!good[0] || h[1].seq > h[0].seq);

    return (good[newer] && load(d, &h[newer])) || (good[!newer] && load(d, &h[!newer]));
}

esp_err_t agent_bank_clear(const struct agent_decoding *d)
{
    const esp_err_t err = esp_partition_erase_range(d->slot, bank_off(d, 0), AGENT_SECTOR_SIZE);

    return err == ESP_OK ? esp_partition_erase_range(d->slot, bank_off(d, 1), AGENT_SECTOR_SIZE) : err;
}

esp_err_t agent_bank_save(struct agent_decoding *d)
{
    const uint32_t off = bank_off(d, d->seq + 1);
    struct header h = {.magic = MAGIC, .seq = d->seq + 1, .made = d->made, .held = d->held};

    memcpy(h.patch, d->a->patch.sha256, sizeof(h.patch));
    note_build(d, h.build);
    agent_decoder_detach(d);
    h.crc = crc_of(d, &h);

    /* A cut until the header is whole: the other bank is the newer valid one. */
    esp_err_t err = esp_partition_erase_range(d->slot, off, bank_size(d->a->patch.format));
    if (err == ESP_OK) {
        err = esp_partition_write(d->slot, off + HEADER_SIZE, d->decoder, decoder_size(d));
    }
    if (err == ESP_OK) {
        err = esp_partition_write(d->slot, off + HEADER_SIZE + decoder_size(d), d->a->buf.sector,
                                  AGENT_SECTOR_SIZE);
    }
    if (err == ESP_OK) {
        err = esp_partition_write(d->slot, off, &h, sizeof(h));
    }
    agent_decoder_go_on(d);
    if (err == ESP_OK) {
        d->seq++;
        d->stored = agent_decoder_taken(d);
    }
    return err;
}
