/*
 * put.h - an upload on its way into the bucket, in a thread of its own, while the worker serves others.
 */
#ifndef SERVER_API_PUT_H
#define SERVER_API_PUT_H

#include <pthread.h>
#include <stdbool.h>

#include "request.h"

struct srv_put {
    struct srv_request *req;
    const struct srv_upload *upload;
    pthread_t thread;
    bool running; /* the thread is to be joined */
    enum srv_status status;
};

/*
 * Put a finished upload into the bucket. The request rests, and its handler is called again when that is done; the
 * upload is not to be touched until srv_put_end(). False: no thread could be started, nothing happens.
 */
bool srv_put_start(struct srv_put *p, struct srv_request *req, const struct srv_upload *upload);

/* Wait for its end: what came of it. Harmless twice, and without a start. */
enum srv_status srv_put_end(struct srv_put *p);

#endif
