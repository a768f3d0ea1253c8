/*
 * arduino.c - one address for all devices of a product that update by Arduino's HTTPUpdate.
 */
#include <stdio.h>

#include "handlers.h"
#include "httpupdate.h"
#include "reply.h"

static const char *device_header(const struct srv_request *req, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "x-ESP32-%s", name);
    const char *value = srv_header(req, full);
    if (!value) {
        snprintf(full, sizeof full, "x-ESP8266-%s", name);
        value = srv_header(req, full);
    }
    return value;
}

static struct srv_httpupdate_ask read_ask(const struct srv_request *req)
{
    return (struct srv_httpupdate_ask){
        .sta_mac = device_header(req, "STA-MAC"),
        .mode = device_header(req, "mode"),
        .version = device_header(req, "version"),
        .free_space = device_header(req, "free-space"),
        .md5 = device_header(req, "sketch-md5"),
        .sha256 = device_header(req, "sketch-sha256"),
    };
}

static void refuse(struct srv_request *req, enum srv_httpupdate_verdict verdict, uint32_t size)
{
    if (verdict == SRV_HTTPUPDATE_NO_FILE) {
        srv_refuse(req, 404, "not_found", "there are no file system images here, only sketches");
    } else if (verdict == SRV_HTTPUPDATE_NO_ROOM) {
        srv_refuse(req, 403, "no_room", "the image has %lu bytes, more than x-ESP32-free-space",
                   (unsigned long)size);
    } else {
        srv_refuse(req, 403, "not_a_device",
                   "this path is for Arduino's HTTPUpdate, which sends x-ESP32-STA-MAC and x-ESP32-mode");
    }
}

static enum MHD_Result answer(struct srv_request *req, const struct srv_httpupdate_ask *ask,
                              const struct srv_release *r)
{
    const struct srv_httpupdate_offer offer = {
        .version = r->version,
        .size = r->size,
        .md5 = r->md5,
        .sha256 = r->sha256,
        .image_sha256 = r->image_sha256[0] ? r->image_sha256 : NULL,
    };
    enum srv_httpupdate_verdict verdict = srv_httpupdate_decide(ask, &offer);
    if (verdict == SRV_HTTPUPDATE_SEND) {
        return srv_send_image(req, r);
    }
    if (verdict == SRV_HTTPUPDATE_CURRENT) {
        struct srv_reply reply = srv_reply_copy(304, "");
        return srv_reply_send(req, &reply);
    }
    refuse(req, verdict, r->size);
    return MHD_YES;
}

enum MHD_Result srv_httpupdate_answer(struct srv_request *req)
{
    const struct srv_httpupdate_ask ask = read_ask(req);
    enum srv_httpupdate_verdict verdict = srv_httpupdate_check(&ask);
    struct srv_release r;
    if (verdict != SRV_HTTPUPDATE_SEND) {
        refuse(req, verdict, 0);
        return MHD_YES;
    }
    if (!srv_find_newest(req, &r)) {
        return MHD_YES;
    }
    const struct srv_fleet_word word = {
        .product = r.product, .id = ask.sta_mac, .version = ask.version, .md5 = ask.md5};
    srv_fleet_note(&req->worker->context->fleet, req->worker->store, &word);
    enum MHD_Result result = answer(req, &ask, &r);
    srv_release_clear(&r);
    return result;
}
