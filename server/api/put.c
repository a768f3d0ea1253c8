/*
 * put.c - an upload on its way into the bucket.
 */
#include "put.h"

static void *put_thread(void *arg)
{
    struct srv_put *p = arg;
    struct srv_context *context = p->req->worker->context;
    p->status = srv_upload_put(p->upload);
    MHD_resume_connection(p->req->mhd); /* from here on the request may end, which joins this thread */
    atomic_fetch_sub(&context->n_puts, 1);
    return NULL;
}

bool srv_put_start(struct srv_put *p, struct srv_request *req, const struct srv_upload *upload)
{
    *p = (struct srv_put){.req = req, .upload = upload, .status = SRV_FAILED};
    struct srv_context *context = req->worker->context;
    srv_watch_extend(&context->watch, req->conn, upload->size);
    atomic_fetch_add(&context->n_puts, 1);
    MHD_suspend_connection(req->mhd);
    p->running = pthread_create(&p->thread, NULL, put_thread, p) == 0;
    if (!p->running) {
        MHD_resume_connection(req->mhd);
        atomic_fetch_sub(&context->n_puts, 1);
    }
    return p->running;
}

enum srv_status srv_put_end(struct srv_put *p)
{
    if (p->running) {
        p->running = false;
        (void)pthread_join(p->thread, NULL);
    }
    return p->status;
}
