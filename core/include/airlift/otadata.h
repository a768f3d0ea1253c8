/*
 * otadata.h - which app slot does the next boot start?
 *
 * Two 32-byte records lie in two sectors; the newer usable one wins. Layout and
 * rules: docs/formats.md, "OTA data". Bootloader, app API and tools share this.
 */
#ifndef AIRLIFT_OTADATA_H
#define AIRLIFT_OTADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/err.h"
#include "airlift/flash.h"
#include "airlift/ptable.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_OTADATA_RECORD_SIZE 32u     /* bytes */
#define AL_OTADATA_SIZE        0x2000u /* bytes, the partition */

#define AL_OTA_NEW            0u
#define AL_OTA_PENDING_VERIFY 1u
#define AL_OTA_VALID          2u
#define AL_OTA_INVALID        3u
#define AL_OTA_ABORTED        4u
#define AL_OTA_UNDEFINED      0xFFFFFFFFu

/* One record as stored; unused bytes are kept as read. */
struct al_ota_record {
    uint32_t seq; /* 0xFFFFFFFF: blank */
    uint8_t label[20];
    uint32_t state;
    uint32_t crc;
};

struct al_otadata {
    struct al_ota_record rec[2]; /* of sector 0 and sector 1 */
};

/*
 * Read both records. Two reads of 32 bytes.
 * AL_ERR_SIZE if the partition is smaller than AL_OTADATA_SIZE; AL_ERR_IO.
 */
AL_CHECK_RESULT int al_otadata_read(const struct al_flash *flash, const struct al_part *part,
                                    struct al_otadata *out);

/* The sequence number's own CRC is right. The CRC does not cover the state. */
bool al_ota_record_crc_ok(const struct al_ota_record *rec);

/* Blank, or marked INVALID or ABORTED. The CRC plays no part. */
bool al_ota_record_rejected(const struct al_ota_record *rec);

/* Not rejected, and the CRC is right. */
bool al_ota_record_usable(const struct al_ota_record *rec);

/* Sector of the active record (larger seq of the usable ones, a tie is 0), or -1. */
int al_otadata_active(const struct al_otadata *data);

/* Slot that `seq` selects among n_slots: (seq - 1) mod n_slots. n_slots > 0. */
unsigned al_otadata_slot(uint32_t seq, unsigned n_slots);

/*
 * Smallest sequence number >= seq that selects `slot`; pass seq 0 if there is no
 * active record. 0 if the 32 bits are used up (after four billion updates). The
 * very last number, 0xFFFFFFFF, is handed out as ESP-IDF does, though it reads
 * as blank: such an update does not take effect.
 */
uint32_t al_otadata_next_seq(uint32_t seq, unsigned slot, unsigned n_slots);

/* Fill in label FF, state and CRC for `seq`. */
void al_ota_record_init(struct al_ota_record *rec, uint32_t seq, uint32_t state);

/*
 * Rewrite one sector: erase it, then program the record as given (its CRC too).
 * Of a partition that is not sector aligned, the sector that holds the record.
 *
 * Power cut: between the two the record is blank, and torn in the second it
 * fails its CRC, so the other sector's record decides. A torn state with the
 * CRC already right counts as usable with an unknown state.
 */
AL_CHECK_RESULT int al_otadata_write(const struct al_flash *flash, const struct al_part *part,
                                     unsigned sector, const struct al_ota_record *rec);

/*
 * Make `slot` the next boot's, as esp_ota_set_boot_partition does: the other
 * sector gets the next sequence number; if the active record already selects
 * `slot`, its own sector is rewritten with the same number.
 *
 * Power cut: until the record is whole, the previously active one decides.
 *
 * Returns 0; AL_ERR_ARG if slot >= n_slots or the partition is not aligned; AL_ERR_STATE if no sequence number is
 * left; AL_ERR_SIZE, AL_ERR_IO.
 */
AL_CHECK_RESULT int al_otadata_select(const struct al_flash *flash, const struct al_part *part, unsigned slot,
                                      unsigned n_slots, uint32_t state);

/* "NEW", "VALID", ... or NULL for other numbers. */
const char *al_ota_state_name(uint32_t state);

#ifdef __cplusplus
}
#endif

#endif
