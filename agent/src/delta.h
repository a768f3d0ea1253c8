/*
 * delta.h - what delta.c, delta_decoder.c, delta_blocks.c and delta_bank.c share: a patch being decoded.
 */
#ifndef AGENT_DELTA_H
#define AGENT_DELTA_H

#include "agent.h"

struct agent_decoding {
    struct agent *a;
    const esp_partition_t *slot;
    bool streaming;       /* the patch is decoded as it comes, and the state is stored */
    uint32_t durable;     /* bytes of the image that are on flash */
    uint32_t made;        /* bytes decoded */
    uint32_t held;        /* the last of them, in a->buf.sector */
    uint32_t saved;       /* bytes of the image that the journal knows of */
    uint32_t stored;      /* bytes of the patch that the banks know of */
    uint32_t seq;         /* of the newest bank */
    struct al_hash block; /* if hashing: of the image's block that is being made */
    bool hashing;
    airlift_fail_t fail;
    _Alignas(8) uint8_t decoder[]; /* agent_decoder_size() bytes: the decoder of a->patch.format */
};

/* --- delta_decoder.c: airlift's format and esp_delta_ota's, as one -------------- */

extern const char agent_decoder_formats[]; /* their names, the preferred one first, with ", " between */
extern const char *const agent_decoder_name[AGENT_PATCH_FORMATS];
extern const uint32_t agent_decoder_ram[AGENT_PATCH_FORMATS]; /* bytes, as servers are told */

/* Bytes of a decoder's state, a multiple of 16, which is what flash encryption writes at a time. */
uint32_t agent_decoder_size(uint8_t format);

/* What a decoder reads and writes. Each returns 0 or a negative AL_ERR_*. */
int agent_decoding_read_old(void *ctx, uint32_t off, void *buf, uint32_t len);
int agent_decoding_read_new(void *ctx, uint32_t off, void *buf, uint32_t len);
int agent_decoding_take(void *ctx, const void *data, uint32_t len);

/* Begin with a->patch; or, with a state that came from elsewhere, go on. */
void agent_decoder_begin(struct agent_decoding *d);
void agent_decoder_go_on(struct agent_decoding *d);

/* Take the addresses of this run out of the state, so that it can be stored; agent_decoder_go_on() puts them back. */
void agent_decoder_detach(struct agent_decoding *d);

/* The patch's next bytes, and its end. 0 or AL_ERR_*. */
AL_CHECK_RESULT int agent_decoder_feed(struct agent_decoding *d, const void *data, size_t len);
AL_CHECK_RESULT int agent_decoder_end(const struct agent_decoding *d);

/* Bytes of the patch that it was fed. */
uint32_t agent_decoder_taken(const struct agent_decoding *d);

/* --- delta_blocks.c ------------------------------------------------------------------ */

/* Begin with the image's first block; go_on: in the one that byte d->durable lies in, up to which the slot is read. */
airlift_fail_t agent_blocks_begin(struct agent_decoding *d, bool go_on);

/* The next sector, in a->buf.sector, before it is written: AIRLIFT_FAIL_HASH if it ends a block that is wrong. */
airlift_fail_t agent_blocks_take(struct agent_decoding *d);

void agent_blocks_end(struct agent_decoding *d);

/* --- delta_bank.c -------------------------------------------------------------------- */

/*
 * Two banks in the slot's last sectors hold the state of a decoding: the decoder, and the
 * bytes of a sector that is not complete. They are written in turn.
 */

/* Bytes of both, whole sectors. */
uint32_t agent_bank_room(uint8_t format);

/*
 * Go on where the newer valid bank left a decoding of a->patch: fills in d->decoder, made, held,
 * durable, stored, seq, and a->buf.sector. False if there is none.
 */
bool agent_bank_load(struct agent_decoding *d);

/* Forget both. Power cut: one may be left; it is of the same slot and patch, or of no use. */
esp_err_t agent_bank_clear(const struct agent_decoding *d);

/*
 * Store the state in the older bank. All bytes of the image up to made - held are on flash. Power cut: the
 * newer bank is untouched, and the decoding goes on from it.
 */
esp_err_t agent_bank_save(struct agent_decoding *d);

#endif
