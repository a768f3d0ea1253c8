/*
 * intake.h - an image that somebody pushes: from the listener's task into the slot.
 *
 * The listener's task receives and fills sectors, the agent's task checks and
 * writes them, so that the network and the flash work at the same time. What is
 * installed this way gets the same trial, confirmation and memory of failures as
 * what the agent fetches, and only one update at a time is under way: the agent's
 * task does one thing after the other.
 *
 * Threads: all calls from one task, the listener's.
 */
#ifndef PUSH_INTAKE_H
#define PUSH_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "freertos/queue.h"

/* What is going to come. */
struct push_order {
    const char *way; /* "TCP", for log lines; static storage */
    bool filesystem; /* for the data partition spiffs, else fat; no trial, nothing is selected */
    bool force;      /* also an image that failed its trial here */
    uint32_t size;   /* bytes; 0: not said */
    bool has_sha256, has_md5;
    uint8_t sha256[AL_SHA256_SIZE];
    uint8_t md5[AL_MD5_SIZE];
};

struct push_intake;

/* NULL: no memory (about 9 KiB). */
struct push_intake *push_intake_create(void);

/* An update under way is given up. NULL is fine. */
void push_intake_delete(struct push_intake *in);

/*
 * Begin. Waits for the agent's task, which may be asking for a manifest, some seconds.
 *
 * *pos  bytes that an earlier attempt at the same image (its SHA-256 tells) left on
 *       flash: go on there. A whole number of sectors, or all of it.
 * why   what is wrong
 *
 * Returns AIRLIFT_FAIL_NONE; _BUSY; _SIZE; _FLASH if there is no partition for it;
 * _KNOWN_BAD if it failed its trial here.
 */
airlift_fail_t push_intake_begin(struct push_intake *in, const struct push_order *order, uint32_t *pos,
                                 char why[AGENT_TEXT_SIZE]);

/*
 * The next bytes. Returns when they are in memory; waits while both sectors are
 * being written. A failure of the flash is told by the next call, or by end().
 *
 * Power cut: the partition holds a prefix of the image; if its SHA-256 was said the
 * journal names the part that need not be sent again. What boots is not affected.
 */
airlift_fail_t push_intake_data(struct push_intake *in, const void *data, size_t len,
                                char why[AGENT_TEXT_SIZE]);

/*
 * All has come: write the rest, verify, and select for the next boot, on trial.
 * The update is over either way. Power cut: what ran before, or the new image, on trial.
 *
 * *verified  the image itself is good: a failure is then one of selecting it
 */
airlift_fail_t push_intake_end(struct push_intake *in, bool *verified, char why[AGENT_TEXT_SIZE]);

/* Nothing more will come. What is there can be gone on with. Nothing is under way: no effect. */
void push_intake_abort(struct push_intake *in);

/*
 * Restart the device in `delay_ms`, as soon as the agent's task is free. Returns at
 * once. AIRLIFT_FAIL_BUSY if an update or a trial is under way.
 */
airlift_fail_t push_intake_restart(struct push_intake *in, uint32_t delay_ms, char why[AGENT_TEXT_SIZE]);

/* The tasks' meeting point, for intake_write.c. */

#define PUSH_N_SECTORS 2u

enum push_op { PUSH_OP_DATA, PUSH_OP_END, PUSH_OP_ABORT };

struct push_msg {
    uint8_t op;     /* enum push_op */
    uint8_t sector; /* of DATA */
    uint16_t len;   /* likewise: all of it, or the last bytes */
};

struct push_answer {
    airlift_fail_t fail;
    bool verified;
    uint32_t pos;
};

struct push_intake {
    struct push_order order;
    QueueHandle_t orders;  /* struct push_msg, to the agent's task */
    QueueHandle_t free;    /* uint8_t, sectors that may be filled */
    QueueHandle_t answers; /* struct push_answer, to the listener's task */
    bool open;             /* an update is under way */
    bool has_sector;       /* one is being filled */
    uint8_t sector;        /* which */
    uint32_t held;         /* bytes in it */
    uint32_t restart_ms;
    _Atomic int failed;        /* airlift_fail_t of the agent's side; `why` was written before it */
    char why[AGENT_TEXT_SIZE]; /* of that */
    uint8_t buf[PUSH_N_SECTORS][AGENT_SECTOR_SIZE];
};

/* The agent's side of one update: from the open slot to the answer. `ctx` is the intake. */
void push_write_image(struct agent *a, void *ctx);

#endif
