/*
 * flash_faults.h - the torture engine's device (../powercut), on a flash that is not well.
 *
 * The linker puts this flash between the chip and everybody who uses it, the
 * bootloader as well as the SDK. What is wrong with it lies in shared memory,
 * as the device's processes come and go.
 */
#ifndef FLASH_FAULTS_H
#define FLASH_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "torture.h"

/* An operation that fails once. */
enum fault_way {
    FAULT_REFUSED,   /* nothing is done, and an error is reported */
    FAULT_HALF,      /* half of it is done, and an error is reported */
    FAULT_DONE,      /* all of it is done, and yet an error is reported */
    FAULT_SILENT,    /* half of it is done, and success is reported */
    FAULT_ALL_AFTER, /* nothing from this operation on; until faults_heal() */
    N_FAULT_WAYS
};

/* A sector that is worn out. */
enum wear_way {
    WEAR_ERASE_FAILS,   /* its content stays, an error is reported */
    WEAR_PROGRAM_FAILS, /* it can be erased only */
    WEAR_STUCK,         /* some bits stay 0, and nobody says so */
    WEAR_STUCK_FIRST,   /* the same, in its first bytes */
    N_WEAR_WAYS
};

#define MAX_WORN 4u

struct faults {
    uint32_t ops; /* programs and sector erases since faults_heal() */
    uint32_t fail_at;
    uint32_t only_in; /* offset of the sector in which they are counted; 0: everywhere */
    enum fault_way way;
    unsigned n_worn;
    uint32_t worn[MAX_WORN]; /* offsets of sectors */
    enum wear_way wear;
    uint64_t seed;        /* of the stuck bits */
    uint32_t half_erased; /* a sector whose erase failed in silence; 0: none */
    uint32_t hits;        /* operations that went wrong */
    uint32_t reasons;     /* bit per airlift_fail_t that the agent reported */
};

extern struct faults *faults;

/* Make `faults` and board; once per program. */
void faults_init(uint32_t flash_size);

/* A sound flash again; counters at zero. */
void faults_heal(void);

#endif
