/*
 * err.h - what every function of airlift's core returns.
 *
 * 0 or a count on success, else one of these. The numbers keep their meaning
 * once released. Thread safety: constants and a pure function.
 */
#ifndef AIRLIFT_ERR_H
#define AIRLIFT_ERR_H

#ifdef __cplusplus
extern "C" {
#endif

/* A result that nobody looks at is a bug. */
#define AL_CHECK_RESULT __attribute__((warn_unused_result))

enum al_err {
    AL_OK = 0,
    AL_ERR_ARG = -1,         /* an argument makes no sense; nothing was done */
    AL_ERR_IO = -2,          /* the flash port failed to read, program or erase */
    AL_ERR_NOT_FOUND = -3,   /* no such partition, record or slot */
    AL_ERR_STATE = -4,       /* not possible now (no active record, nothing written, ...) */
    AL_ERR_SIZE = -5,        /* does not fit: past the partition, or buffer too small */
    AL_ERR_IMAGE = -6,       /* not a whole, intact app image */
    AL_ERR_CHIP = -7,        /* intact so far, but for another chip, revision or eFuse block */
    AL_ERR_TABLE = -8,       /* partition table damaged or senseless */
    AL_ERR_CRYPTO = -9,      /* the crypto port failed */
    AL_ERR_SECURE_VER = -10, /* secure version below the eFuse's */
    AL_ERR_READONLY = -11,   /* partition is marked read-only */
    AL_ERR_FORMAT = -12,     /* text (CSV, version) that does not parse */
    AL_ERR_SIGNATURE = -13,  /* not signed as it must be */
};

/* Name and sense of a code, such as "AL_ERR_IO: flash operation failed". Static storage. */
const char *al_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif
