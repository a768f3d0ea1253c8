/*
 * delta.h - what delta.c and delta_bank.c share: a patch being decoded.
 */
#ifndef AGENT_DELTA_H
#define AGENT_DELTA_H

#include "agent.h"
#include "airlift/esp_delta.h"

struct agent_decoding {
    struct agent *a;
    const esp_partition_t *slot;
    bool streaming;   /* the patch is decoded as it comes, and the state is stored */
    uint32_t durable; /* bytes of the image that are on flash */
    uint32_t made;    /* bytes decoded */
    uint32_t held;    /* the last of them, in a->buf.sector */
    uint32_t saved;   /* bytes of the image that the journal knows of */
    uint32_t stored;  /* bytes of the patch that the banks know of */
    uint32_t seq;     /* of the newest bank */
    airlift_fail_t fail;
    struct al_esp_delta decoder;
};

/*
 * Two banks in the slot's last sectors hold the state of a decoding: the decoder, and the
 * bytes of a sector that is not complete. They are written in turn.
 */

/* Bytes of both, whole sectors. */
uint32_t agent_bank_room(void);

/*
 * Go on where the newer valid bank left a decoding of a->patch: fills in d->decoder (but for its io), made, held,
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
