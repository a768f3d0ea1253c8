/*
 * store.h - what the server knows: products, releases, tokens.
 *
 * Threads: a store is used by one thread at a time; each worker opens its own on the
 * same file. Failures (SRV_FAILED) are logged here, with the database's reason.
 */
#ifndef SERVER_STORE_STORE_H
#define SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "server/signers.h"
#include "status.h"

#define SRV_NOTES_MAX 4096u /* bytes of UTF-8 */

struct srv_release {
    char product[65];
    char version[33];
    char project[33];        /* from the image's description */
    uint16_t chip_id;        /* likewise */
    uint32_t secure_version; /* likewise */
    uint32_t size;           /* bytes */
    char sha256[65];         /* of the whole file, lower case hex */
    char md5[33];
    char image_sha256[65]; /* of the image in it, as devices name it; "": not known */
    struct srv_signers signers;
    bool mandatory;
    bool withdrawn;
    char created[25]; /* "2026-11-21T10:00:00Z" */
    char *notes;      /* owned, NULL if there are none; srv_release_clear() */
};

void srv_release_clear(struct srv_release *r);
void srv_releases_free(struct srv_release *list, size_t n);

struct srv_store;

/*
 * Open, making the tables if the file is new. 0, or -1 with one line in err (also for a
 * database that a newer airlift wrote).
 */
int srv_store_open(const char *path, struct srv_store **out, char *err, size_t err_size);
void srv_store_close(struct srv_store *s); /* NULL is allowed */

/* Transactions; see db.h. The functions below also work inside one. */
enum srv_status srv_store_begin(struct srv_store *s);
enum srv_status srv_store_commit(struct srv_store *s);
void srv_store_rollback(struct srv_store *s);

/* --- Releases -------------------------------------------------------------- */

/* All releases of a product, withdrawn ones too, newest version first. None: SRV_NOT_FOUND. */
enum srv_status srv_store_list(struct srv_store *s, const char *product, struct srv_release **out, size_t *n);

/* All releases of all products, by product; otherwise likewise. None: SRV_OK with *n 0. */
enum srv_status srv_store_list_all(struct srv_store *s, struct srv_release **out, size_t *n);

/* One release. *out is cleared first; srv_release_clear() afterwards. */
enum srv_status srv_store_get(struct srv_store *s, const char *product, const char *version,
                              struct srv_release *out);

/* The newest release, by semver, that is not withdrawn. One indexed look-up. */
enum srv_status srv_store_newest(struct srv_store *s, const char *product, struct srv_release *out);

/*
 * Add a release (and its product, if it is the first), or, if that version exists, replace its
 * `mandatory`, `withdrawn` and `notes`, and what is known of the image. To be called inside a transaction, in which the
 * caller has checked that chip and bytes agree with what is there.
 */
enum srv_status srv_store_put(struct srv_store *s, const struct srv_release *r);

/* Withdraw: devices are no longer offered it. Inside a transaction. SRV_NOT_FOUND. */
enum srv_status srv_store_withdraw(struct srv_store *s, const char *product, const char *version);

/* Size of an artifact, and whether a release that is not withdrawn uses it. SRV_NOT_FOUND. */
enum srv_status srv_store_artifact(struct srv_store *s, const char *sha256, uint32_t *size, bool *live);

/* --- Tokens ---------------------------------------------------------------- */

/* SHA-256 (hex) of the token for `role`. SRV_NOT_FOUND. */
enum srv_status srv_store_get_token(struct srv_store *s, const char *role, char sha256[65]);
enum srv_status srv_store_set_token(struct srv_store *s, const char *role, const char *sha256);

/* Can the database be read? */
enum srv_status srv_store_ping(struct srv_store *s);

/* Now, or then, as `created` has it. */
void srv_timestamp(char out[25]);
void srv_timestamp_of(time_t when, char out[25]);

#endif
