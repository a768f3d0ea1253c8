/*
 * client.h - publish an image to an update server, ask it for what it knows.
 */
#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/signers.h"

/* What a publisher says of an image before it is sent. */
struct srv_upload_claim {
    char version[33]; /* under which it is published */
    char chip[16];    /* as al_chip has it */
    uint32_t secure_version;
    char sha256[65]; /* of the file, lower case hex */
    struct srv_signers signers;
};

struct srv_upload_request {
    const char *server;  /* "https://HOST[:PORT]"; other schemes are refused: the token must not leak */
    const char *ca_path; /* PEM to trust, NULL: the system's */
    const char *token;   /* admin token */
    const char *product;
    const char *version; /* for images whose own version can't be ordered; NULL: the image's */
    const char *notes;   /* NULL: none */
    bool mandatory;
    bool confirm;                               /* publish also what could leave devices behind */
    const void *image;                          /* borrowed */
    size_t len;                                 /* bytes */
    void (*progress)(void *ctx, uint64_t done); /* NULL, or told the bytes sent */
    void *progress_ctx;
};

struct srv_upload_answer {
    bool created;     /* false: the server had these bytes already */
    bool unconfirmed; /* on failure: it would be published with `confirm` */
    char *document;   /* the release as JSON; owned by the caller, free() */
};

/*
 * Ask whether the image would be taken, GET /v1/products/PRODUCT/check, by all of the request but the image itself. 0 if
 * so, with a document that has nothing else to say; else -1 with one line in err, and out->unconfirmed.
 */
int srv_client_check(const struct srv_upload_request *request, const struct srv_upload_claim *claim,
                     struct srv_upload_answer *out, char *err, size_t err_size);

/*
 * Upload; three attempts if the connection fails, which is safe: the same bytes under the same
 * version are one release, however often they arrive.
 *
 * Returns 0, or -1 with one line in err: the server's reason, or why it was not reached.
 */
int srv_client_publish(const struct srv_upload_request *request, struct srv_upload_answer *out, char *err,
                       size_t err_size);

/*
 * GET a path such as "/v1/stats": *document is JSON, owned by the caller, free(). Arguments, attempts and result
 * as above.
 */
int srv_client_get(const char *server, const char *ca_path, const char *token, const char *path,
                   char **document, char *err, size_t err_size);

#endif
