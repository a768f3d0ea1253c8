/*
 * patches.h - what the server knows of patches, of the images that devices run, and of what was saved.
 *
 * Threads as in store.h.
 */
#ifndef SERVER_STORE_PATCHES_H
#define SERVER_STORE_PATCHES_H

#include "store.h"

/* What devices ask for: a format, and how much memory its decoder may take. */
enum srv_patch_kind {
    SRV_PATCH_OWN,   /* airlift's format */
    SRV_PATCH_SMALL, /* the same for a decoder of 12 KiB */
    SRV_PATCH_ESP,   /* esp_delta_ota's */
    SRV_PATCH_KINDS,
};

/* One way from an image to another, or to the same image compressed. */
struct srv_patch {
    char from_sha256[65]; /* of the file that devices run; "": any, the patch holds the whole image */
    char to_sha256[65];
    uint32_t from_size, to_size; /* bytes */
    enum srv_patch_kind kind;
    char format[17]; /* "airlift-delta-1" */
    uint32_t ram;    /* bytes that its decoder takes */
    uint32_t size;
    char sha256[65]; /* of the patch, its artifact's name */
};

enum srv_patch_state {
    SRV_PATCH_MADE,
    SRV_PATCH_USELESS, /* not smaller than nine tenths of the image: not offered, not tried again */
    SRV_PATCH_FAILED,  /* tried again after the next start */
};

/* Patches to an image that were made, smallest first. None: SRV_OK with *n 0. Free *out. */
enum srv_status srv_store_patches(struct srv_store *s, const char *to_sha256, struct srv_patch **out,
                                  size_t *n);

/* An image's hashes by blocks, which tell a device early that what it makes of a patch is wrong. */
#define SRV_BLOCKS_MAX 64u
struct srv_blocks {
    uint32_t size;                        /* bytes of each but the last */
    char sha256[16 * SRV_BLOCKS_MAX + 1]; /* the first 16 hex digits of each */
};

/* Power cut: noted or not; patches are offered without them then. */
enum srv_status srv_store_put_blocks(struct srv_store *s, const char *image_sha256,
                                     const struct srv_blocks *blocks);
/* SRV_NOT_FOUND */
enum srv_status srv_store_blocks(struct srv_store *s, const char *image_sha256, struct srv_blocks *out);

/* Note what came of making one. Power cut: noted or not; if not it is made again, into the same artifact. */
enum srv_status srv_store_put_patch(struct srv_store *s, const struct srv_patch *p,
                                    enum srv_patch_state state);

/* Forget the failed ones, so that they are tried again. */
enum srv_status srv_store_retry_patches(struct srv_store *s);

/*
 * Is the artifact a patch? `to` and *full are SHA-256 and length of the image it leads to; *live as in srv_store_artifact().
 * SRV_NOT_FOUND.
 */
enum srv_status srv_store_patch_artifact(struct srv_store *s, const char *sha256, uint32_t *size, char to[65],
                                         uint32_t *full, bool *live);

/*
 * A device says that it runs this image and takes patches of this kind. Noted if it is a release of the product, to the hour: most calls
 * only read. *noted: this one wrote.
 */
enum srv_status srv_store_saw(struct srv_store *s, const char *product, const char *sha256,
                              enum srv_patch_kind kind, bool *noted);

/* When a device that runs this image last asked, "2026-11-21T10:00:00Z"; "": none did. */
enum srv_status srv_store_seen(struct srv_store *s, const char *product, const char *sha256, char out[25]);

/*
 * The next patch that is missing, with its product and versions for the log. To the newest release of a product there shall
 * be patches, whole first,
 *
 *     of airlift's format           from the `n_from` older releases that devices taking it were seen running last
 *                                   (within 90 days); if no older one was seen at all, from the `n_from` newest
 *     for little memory, and        likewise, only where a device that takes nothing else was seen
 *     of esp_delta_ota's format
 *
 * *n_missing counts all. SRV_NOT_FOUND: none is.
 */
struct srv_patch_job {
    char product[65], from_version[33], to_version[33];
    struct srv_patch patch; /* from and to filled in */
    size_t n_missing;
};
enum srv_status srv_store_missing_patch(struct srv_store *s, unsigned n_from, struct srv_patch_job *out);

/* What was sent of an image and of patches to it, since the database was made. */
struct srv_served {
    char image_sha256[65];
    uint64_t image_bytes, patch_bytes;
    uint64_t saved_bytes; /* what whole images would have taken beyond patch_bytes */
    bool changed;         /* since it was stored; not in the store */
};
enum srv_status srv_store_served(struct srv_store *s, struct srv_served **out, size_t *n); /* free *out */
enum srv_status srv_store_put_served(struct srv_store *s, const struct srv_served *served);

/* The releases that are this image. Free *out. */
struct srv_release_name {
    char product[65], version[33];
};
enum srv_status srv_store_names(struct srv_store *s, const char *image_sha256, struct srv_release_name **out,
                                size_t *n);

/* Totals that outlive the process. A name never seen is 0. */
enum srv_status srv_store_total(struct srv_store *s, const char *name, uint64_t *value);
enum srv_status srv_store_set_total(struct srv_store *s, const char *name, uint64_t value);

#endif
