#include "s3_listing.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 8
#define TEXT_MAX  (4u * 1024u)

/* The elements around the one being read, and that one's text. */
struct reader {
    XML_Parser parser;
    struct host_buf text;
    int depth;
    bool failed;
    void (*end)(struct reader *r, const char *name);
    /* A listing's */
    struct srv_s3_page *page;
    bool is_listing;
    char *key, *modified, *size;
    /* An error's */
    char *code, *message;
};

/* Names come with or without a namespace; expat puts it in front, after our separator. */
static const char *local_name(const char *name)
{
    const char *bar = strrchr(name, '|');
    return bar ? bar + 1 : name;
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
    struct reader *r = ctx;
    (void)attributes;
    if (r->depth == 0 && strcmp(local_name(name), "ListBucketResult") == 0) {
        r->is_listing = true;
    }
    if (++r->depth > DEPTH_MAX) {
        r->failed = true;
        XML_StopParser(r->parser, XML_FALSE);
    }
    host_buf_free(&r->text);
    host_buf_init(&r->text, TEXT_MAX);
}

static void on_text(void *ctx, const char *text, int len)
{
    struct reader *r = ctx;
    if (!host_buf_append(&r->text, text, (size_t)len)) {
        r->failed = true;
        XML_StopParser(r->parser, XML_FALSE);
    }
}

static void on_end(void *ctx, const char *name)
{
    struct reader *r = ctx;
    r->depth--;
    r->end(r, local_name(name));
    host_buf_free(&r->text);
    host_buf_init(&r->text, TEXT_MAX);
}

/* A document type could name entities that grow without bound. */
static void on_doctype(void *ctx, const char *name, const char *system, const char *public, int internal)
{
    struct reader *r = ctx;
    (void)name, (void)system, (void)public, (void)internal;
    r->failed = true;
    XML_StopParser(r->parser, XML_FALSE);
}

static void keep(struct reader *r, char **where)
{
    free(*where);
    *where = strdup(r->text.data ? (const char *)r->text.data : "");
    r->failed = r->failed || !*where;
}

static bool read_xml(const char *xml, size_t len, struct reader *r)
{
    r->parser = XML_ParserCreateNS(NULL, '|');
    if (!r->parser || len > 1u << 30) {
        XML_ParserFree(r->parser);
        return false;
    }
    host_buf_init(&r->text, TEXT_MAX);
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetCharacterDataHandler(r->parser, on_text);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    bool ok = XML_Parse(r->parser, xml, (int)len, XML_TRUE) == XML_STATUS_OK;
    XML_ParserFree(r->parser);
    host_buf_free(&r->text);
    return ok && !r->failed;
}

/* --- Listings -------------------------------------------------------------- */

static void end_object(struct reader *r)
{
    char *end = NULL;
    struct srv_s3_object object = {.key = r->key, .modified = r->modified ? r->modified : ""};
    object.size = r->size ? strtoull(r->size, &end, 10) : 0;
    if (!r->key || !r->size || end == r->size || *end) {
        r->failed = true;
    } else if (!r->page->stopped && !r->page->each(r->page->ctx, &object)) {
        r->page->stopped = true;
    }
    free(r->key);
    free(r->modified);
    free(r->size);
    r->key = r->modified = r->size = NULL;
}

static void end_of_listing(struct reader *r, const char *name)
{
    if (!r->is_listing) {
        return;
    }
    if (r->depth == 2 && strcmp(name, "Key") == 0) {
        keep(r, &r->key);
    } else if (r->depth == 2 && strcmp(name, "LastModified") == 0) {
        keep(r, &r->modified);
    } else if (r->depth == 2 && strcmp(name, "Size") == 0) {
        keep(r, &r->size);
    } else if (r->depth == 1 && strcmp(name, "Contents") == 0) {
        end_object(r);
    } else if (r->depth == 1 && strcmp(name, "NextContinuationToken") == 0) {
        keep(r, &r->page->continuation);
    }
}

bool srv_s3_page_parse(const char *xml, size_t len, struct srv_s3_page *page)
{
    struct reader r = {.end = end_of_listing, .page = page};
    bool ok = read_xml(xml, len, &r);
    free(r.key);
    free(r.modified);
    free(r.size);
    return ok && r.is_listing;
}

/* --- Errors ---------------------------------------------------------------- */

static void end_of_error(struct reader *r, const char *name)
{
    if (r->depth == 1 && strcmp(name, "Code") == 0) {
        keep(r, &r->code);
    } else if (r->depth == 1 && strcmp(name, "Message") == 0) {
        keep(r, &r->message);
    }
}

void srv_s3_error_parse(const char *xml, size_t len, char *out, size_t size)
{
    struct reader r = {.end = end_of_error};
    out[0] = '\0';
    if (read_xml(xml, len, &r) && r.code) {
        snprintf(out, size, "%s%s%s", r.code, r.message && *r.message ? ": " : "",
                 r.message ? r.message : "");
    }
    /* It goes into one line. */
    for (char *p = out; *p; p++) {
        *p = (unsigned char)*p < 0x20 ? ' ' : *p;
    }
    free(r.code);
    free(r.message);
}
