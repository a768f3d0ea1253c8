/*
 * update.h - one update session: bytes go into a partition, in order.
 *
 *   begin -> write ... write -> end -> commit        (or abort, anywhere)
 *   resume -^
 *
 * The session is the caller's memory; several may be open on different
 * partitions. Not thread safe on one session. The image is not looked at while
 * it is written (feed an al_image_check beside it for that); end() verifies it
 * from flash, so what was checked is what will boot.
 */
#ifndef AIRLIFT_UPDATE_H
#define AIRLIFT_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/err.h"
#include "airlift/flash.h"
#include "airlift/image.h"
#include "airlift/otadata.h"
#include "airlift/ptable.h"

#ifdef __cplusplus
extern "C" {
#endif

#define AL_UPDATE_SIZE_UNKNOWN 0xFFFFFFFFu /* erase the whole partition at begin */
#define AL_UPDATE_SEQUENTIAL   0xFFFFFFFEu /* erase each sector when it is reached */

struct al_update {
    const struct al_flash *flash; /* borrowed until end or abort */
    struct al_part part;
    uint32_t pos;    /* bytes taken so far, where the next write goes */
    uint32_t erased; /* bytes from the partition's start known to be erased or written */
    bool sequential;
    uint8_t *buf;  /* borrowed sector buffer, or NULL: write through */
    uint32_t held; /* bytes in buf not yet on flash */
};

/*
 * Start writing at the partition's first byte.
 *
 * size  bytes to come: so much is erased now, rounded up to a sector; or
 *       AL_UPDATE_SIZE_UNKNOWN or AL_UPDATE_SEQUENTIAL
 * buf   AL_SECTOR_SIZE bytes, borrowed: then each sector is programmed once, in
 *       one call, whatever the sizes of the writes. NULL: each write goes
 *       straight to flash, as esp_ota_write does.
 *
 * Returns 0; AL_ERR_READONLY; AL_ERR_SIZE if size exceeds the partition; AL_ERR_IO.
 */
AL_CHECK_RESULT int al_update_begin(struct al_update *u, const struct al_flash *flash,
                                    const struct al_part *part, uint32_t size, void *buf);

/*
 * Go on at byte `pos` of a partition written before. Erases nothing now. With
 * `buf`, pos must be a multiple of AL_SECTOR_SIZE (AL_ERR_ARG). Without it and
 * inside a sector, that sector's rest must still be blank. AL_ERR_SIZE if pos
 * lies past the end.
 */
AL_CHECK_RESULT int al_update_resume(struct al_update *u, const struct al_flash *flash,
                                     const struct al_part *part, bool sequential, uint32_t pos, void *buf);

/*
 * In a sequential session: erase the sectors that the next `len` bytes need and
 * that are not erased yet. write() does it itself; a caller that looks at the
 * bytes after erasing and before programming, as esp_ota_write does, calls it first.
 */
AL_CHECK_RESULT int al_update_prepare(struct al_update *u, uint32_t len);

/*
 * Take the next bytes; any length. AL_ERR_SIZE if they would pass the
 * partition's end (nothing is written), AL_ERR_IO.
 *
 * Power cut: the partition holds a prefix of the image, with at most the
 * sector being worked on torn. What boots is not affected.
 */
AL_CHECK_RESULT int al_update_write(struct al_update *u, const void *data, uint32_t len);

/* Put the held bytes of a buffered session on flash. Called by end(). */
AL_CHECK_RESULT int al_update_flush(struct al_update *u);

/* Bytes that are on flash for good: where a resume may start. */
uint32_t al_update_durable(const struct al_update *u);

/*
 * Finish writing and verify the image from flash. The session is over either
 * way. rules->flash_off and part_size are filled in here; c and read_buf are
 * workspace (read_buf may be the session's own buffer).
 *
 * Returns 0; AL_ERR_STATE if nothing was written; what al_image_verify returns.
 */
AL_CHECK_RESULT int al_update_end(struct al_update *u, const struct al_image_rules *rules,
                                  struct al_image_check *c, void *read_buf, uint32_t read_len);

/* Forget the session. Flash is left as it is. */
void al_update_abort(struct al_update *u);

/*
 * Select the verified slot for the next boot. See al_otadata_select() for what
 * a power cut leaves.
 *
 * Returns 0; AL_ERR_NOT_FOUND without OTA data partition; AL_ERR_ARG if `part`
 * is no OTA slot; AL_ERR_IO.
 */
AL_CHECK_RESULT int al_update_commit(const struct al_flash *flash, const struct al_ptable *table,
                                     const struct al_part *part, bool rollback);

#ifdef __cplusplus
}
#endif

#endif
