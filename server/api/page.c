/*
 * page.c - the dashboard, for browsers. Its files say nothing that is secret: what it shows it asks the API for.
 */
#include "handlers.h"
#include "range.h"
#include "reply.h"
#include "web/files.h"

/* Whatever a device or an image calls itself, the browser runs nothing but these files, and asks nobody else. */
#define POLICY                                                                                      \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

enum MHD_Result srv_page_answer(struct srv_request *req)
{
    const struct web_file *file = web_file_find(req->path.file);
    if (!file) {
        srv_refuse(req, 404, "not_found", "there is nothing at this path");
        return MHD_YES;
    }
    struct srv_reply reply =
        srv_reply_static(srv_is_unchanged(req, file->etag) ? 304 : 200, file->data, file->len);
    srv_reply_header(&reply, "Content-Type", file->type);
    srv_reply_header(&reply, "ETag", file->etag);
    srv_reply_header(&reply, "Cache-Control", "no-cache"); /* the next airlift has other files */
    srv_reply_header(&reply, "Content-Security-Policy", POLICY);
    srv_reply_header(&reply, "Referrer-Policy", "no-referrer");
    srv_reply_header(&reply, "Cross-Origin-Opener-Policy", "same-origin");
    return srv_reply_send(req, &reply);
}
