#include "airlift/otadata.h"

#include "airlift/bytes.h"
#include "airlift/crc32.h"

#define BLANK_SEQ 0xFFFFFFFFu

static void decode(const uint8_t *raw, struct al_ota_record *rec)
{
    rec->seq = al_get_le32(raw);
    memcpy(rec->label, raw + 4, sizeof(rec->label));
    rec->state = al_get_le32(raw + 24);
    rec->crc = al_get_le32(raw + 28);
}

static void encode(const struct al_ota_record *rec, uint8_t *raw)
{
    al_put_le32(raw, rec->seq);
    memcpy(raw + 4, rec->label, sizeof(rec->label));
    al_put_le32(raw + 24, rec->state);
    al_put_le32(raw + 28, rec->crc);
}

static uint32_t seq_crc(uint32_t seq)
{
    uint8_t raw[4];

    al_put_le32(raw, seq);
    return al_crc32_idf(raw, sizeof(raw));
}

int al_otadata_read(const struct al_flash *flash, const struct al_part *part, struct al_otadata *out)
{
    if (part->size < AL_OTADATA_SIZE) {
        return AL_ERR_SIZE;
    }
    for (unsigned i = 0; i < 2; i++) {
        uint8_t raw[AL_OTADATA_RECORD_SIZE];
        int err = al_flash_read(flash, part->off + i * AL_SECTOR_SIZE, raw, sizeof(raw));

        if (err != 0) {
            return err;
        }
        decode(raw, &out->rec[i]);
    }
    return 0;
}

bool al_ota_record_crc_ok(const struct al_ota_record *rec)
{
    return rec->crc == seq_crc(rec->seq);
}

bool al_ota_record_rejected(const struct al_ota_record *rec)
{
    return rec->seq == BLANK_SEQ || rec->state == AL_OTA_INVALID || rec->state == AL_OTA_ABORTED;
}

bool al_ota_record_usable(const struct al_ota_record *rec)
{
    return !al_ota_record_rejected(rec) && al_ota_record_crc_ok(rec);
}

int al_otadata_active(const struct al_otadata *data)
{
    bool usable0 = al_ota_record_usable(&data->rec[0]);
    bool usable1 = al_ota_record_usable(&data->rec[1]);

    if (usable0 && usable1) {
        return data->rec[0].seq >= data->rec[1].seq ? 0 : 1;
    }
    return usable0 ? 0 : usable1 ? 1 : -1;
}

unsigned al_otadata_slot(uint32_t seq, unsigned n_slots)
{
    return (seq - 1) % n_slots;
}

uint32_t al_otadata_next_seq(uint32_t seq, unsigned slot, unsigned n_slots)
{
    uint32_t first = (slot + 1) % n_slots;
    uint32_t steps;

    if (seq == 0) {
        return slot + 1;
    }
    if (seq <= first) {
        return first;
    }
    steps = (seq - first - 1) / n_slots + 1;
    if (steps > (BLANK_SEQ - first) / n_slots) {
        return 0;
    }
    return first + steps * n_slots;
}

void al_ota_record_init(struct al_ota_record *rec, uint32_t seq, uint32_t state)
{
    memset(rec->label, 0xFF, sizeof(rec->label));
    rec->seq = seq;
    rec->state = state;
    rec->crc = seq_crc(seq);
}

int al_otadata_write(const struct al_flash *flash, const struct al_part *part, unsigned sector,
                     const struct al_ota_record *rec)
{
    uint32_t off = part->off + sector * AL_SECTOR_SIZE;
    uint8_t raw[AL_OTADATA_RECORD_SIZE];
    int err;

    encode(rec, raw);
    /* Cut after this erase: the record is blank and the other sector's decides. */
    err = al_flash_erase(flash, off - off % AL_SECTOR_SIZE, AL_SECTOR_SIZE);
    if (err != 0) {
        return err;
    }
    if (off % 4 != 0) {
        return AL_ERR_ARG; /* as ESP-IDF's bootloader: erased, but flash takes no write there */
    }
    /* Cut within: sequence number and CRC don't match yet, again the other decides. */
    return al_flash_write(flash, off, raw, sizeof(raw));
}

int al_otadata_select(const struct al_flash *flash, const struct al_part *part, unsigned slot,
                      unsigned n_slots, uint32_t state)
{
    struct al_otadata data;
    struct al_ota_record *rec;
    int active;
    unsigned sector;
    uint32_t seq;
    int err;

    if (slot >= n_slots || part->off % AL_SECTOR_SIZE != 0) {
        return AL_ERR_ARG;
    }
    err = al_otadata_read(flash, part, &data);
    if (err != 0) {
        return err;
    }
    active = al_otadata_active(&data);
    if (active >= 0 && al_otadata_slot(data.rec[active].seq, n_slots) == slot) {
        sector = (unsigned)active;
        seq = data.rec[active].seq;
    } else {
        /* The other sector, so that the active record stands until this one is whole. */
        sector = active < 0 ? 0 : (unsigned)active ^ 1;
        seq = al_otadata_next_seq(active < 0 ? 0 : data.rec[active].seq, slot, n_slots);
        if (seq == 0) {
            return AL_ERR_STATE;
        }
    }
    rec = &data.rec[sector];
    rec->seq = seq;
    rec->state = state;
    rec->crc = seq_crc(seq);
    return al_otadata_write(flash, part, sector, rec);
}

const char *al_ota_state_name(uint32_t state)
{
    switch (state) {
    case AL_OTA_NEW:
        return "NEW";
    case AL_OTA_PENDING_VERIFY:
        return "PENDING_VERIFY";
    case AL_OTA_VALID:
        return "VALID";
    case AL_OTA_INVALID:
        return "INVALID";
    case AL_OTA_ABORTED:
        return "ABORTED";
    case AL_OTA_UNDEFINED:
        return "UNDEFINED";
    default:
        return NULL;
    }
}
