/*
 * manifest.h - version.json: what is published, where it lies, how to know it.
 */
#ifndef AGENT_MANIFEST_H
#define AGENT_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift.h"
#include "airlift/crypto.h"

#define AGENT_VERSION_SIZE 33u /* bytes with NUL; an app description holds 31 or 32 characters */
#define AGENT_TEXT_SIZE    128u

struct agent_manifest {
    char version[AGENT_VERSION_SIZE]; /* "" if nothing is published: no update */
    char url[AIRLIFT_MAX_URL + 1];    /* absolute and allowed */
    uint8_t sha256[AL_SHA256_SIZE];   /* if has_sha256 */
    uint8_t md5[AL_MD5_SIZE];         /* if has_md5 */
    bool has_sha256;
    bool has_md5;
    bool mandatory;
    bool has_secure_version;
    uint32_t secure_version; /* of the image's description, for anti-rollback */
    uint32_t size;           /* bytes; 0 if not said */
};

/*
 * Parse `text`, `len` bytes followed by a NUL. Optional fields may be missing,
 * null or ""; of the wrong type or form they are an error, as is a missing
 * version or url. An empty version or url means that nothing is published.
 *
 * base_url    where the manifest came from, for a relative url
 * out         written in any case, meaningful on success
 * why         AGENT_TEXT_SIZE bytes: what is wrong
 *
 * Heap: the JSON tree, bounded because a text of more than 64 values is refused
 * unparsed; freed before return. Returns AIRLIFT_FAIL_NONE, _MANIFEST, _VERSION
 * or _URL.
 */
airlift_fail_t agent_manifest_parse(const char *text, size_t len, const char *base_url, bool allow_http,
                                    struct agent_manifest *out, char why[AGENT_TEXT_SIZE]);

/* --- Patches ------------------------------------------------------------- */

#define AGENT_PATCH_FORMATS  2u    /* that are understood */
#define AGENT_PATCH_URL_SIZE 2048u /* bytes with NUL; a patch with a longer one is passed over */

/* A file as its length and SHA-256; size 0: none. */
struct agent_file {
    uint32_t size; /* bytes */
    uint8_t sha256[AL_SHA256_SIZE];
};

/* The image's blocks; n 0: the manifest names none. */
#define AGENT_BLOCKS_MAX 64u
#define AGENT_BLOCK_UNIT 4096u /* bytes */
struct agent_blocks {
    uint32_t size; /* bytes of each but the last, a multiple of the unit */
    uint32_t n;
    uint8_t sha256[AGENT_BLOCKS_MAX][8]; /* the first bytes of theirs */
};

/* A patch that leads to the manifest's image; size 0: none. */
struct agent_patch {
    char url[AGENT_PATCH_URL_SIZE]; /* absolute and allowed */
    uint32_t size;                  /* bytes */
    uint8_t sha256[AL_SHA256_SIZE];
    uint8_t format; /* index into agent_patch_needs.format */
    bool whole;     /* needs no old image */
    struct agent_blocks blocks;
};

/* A format that can be decoded, and how large a patch of it may be. */
struct agent_patch_format {
    const char *name;
    uint32_t ram;  /* bytes for the decoder */
    uint32_t room; /* bytes for the patch */
};

/* What a patch must be to be of use. */
struct agent_patch_needs {
    struct agent_patch_format format[AGENT_PATCH_FORMATS];
    struct agent_file from; /* the running image; size 0: not known, whole ones only */
};

/*
 * Find the smallest useful one of the manifest's "patches":
 *
 *     [{"from": "<64 hex digits>", "from_size": 1504368, "url": "...", "size": 35142,
 *       "sha256": "<64 hex digits>", "format": "airlift-delta-1", "ram": 20480}, ...]
 *
 * with the image's blocks, the hashes' first 8 bytes each, in "blocks":
 *
 *     {"size": 65536, "sha256": "<16 hex digits for each block>"}
 *
 * Without "from" it holds the whole image, compressed. What can't be used or
 * understood is passed over: the image is there too. `text` has passed
 * agent_manifest_parse(). out->size is 0 if there is none.
 */
void agent_manifest_find_patch(const char *text, size_t len, const char *base_url, bool allow_http,
                               const struct agent_patch_needs *needs, struct agent_patch *out);

/*
 * A name for the image that does not depend on its URL: its SHA-256, or without
 * one a hash over version, size and MD5. Returns 0 or AL_ERR_CRYPTO.
 */
AL_CHECK_RESULT int agent_manifest_identity(const struct agent_manifest *m, uint8_t out[AL_SHA256_SIZE]);

#endif
