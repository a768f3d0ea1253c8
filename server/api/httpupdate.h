/*
 * httpupdate.h - what Arduino's HTTPUpdate asks, and what it is told. Pure functions.
 *
 * The client (httpUpdate of arduino-esp32, ESPhttpUpdate of the ESP8266) sends what it runs in
 * headers named x-ESP32-... or x-ESP8266-..., and takes 200 with an image, 304 for
 * "nothing to do", 403 and 404 for errors.
 */
#ifndef SERVER_API_HTTPUPDATE_H
#define SERVER_API_HTTPUPDATE_H

#include <stdbool.h>
#include <stdint.h>

/* Values of the headers, without their prefix; NULL where one is absent. Borrowed. */
struct srv_httpupdate_ask {
    const char *sta_mac;
    const char *mode;       /* "sketch", "spiffs" */
    const char *version;    /* the caller's text, often absent */
    const char *free_space; /* bytes that an update may have */
    const char *md5;        /* of the running sketch, hex */
    const char *sha256;     /* of the running partition's image, hex */
};

/* What is published. */
struct srv_httpupdate_offer {
    const char *version;
    uint32_t size;            /* bytes */
    const char *md5;          /* of the file, hex */
    const char *sha256;       /* of the file, hex */
    const char *image_sha256; /* of the image, as its partition names it, hex; NULL: not known */
};

enum srv_httpupdate_verdict {
    SRV_HTTPUPDATE_SEND,     /* 200 */
    SRV_HTTPUPDATE_CURRENT,  /* 304 */
    SRV_HTTPUPDATE_STRANGER, /* 403: not an HTTPUpdate client, or its headers make no sense */
    SRV_HTTPUPDATE_NO_ROOM,  /* 403: the image is larger than what the device has free */
    SRV_HTTPUPDATE_NO_FILE,  /* 404: a file system image, of which there are none */
};

/* Is this a request of such a client, and for an image? SEND: yes, decide with the offer. */
enum srv_httpupdate_verdict srv_httpupdate_check(const struct srv_httpupdate_ask *ask);

/*
 * Decide. The same bytes are never sent again, whatever version the device names; then a
 * version that can be ordered by semver decides, and only a newer one is sent;
 * then a version that can't, by being the same text; without a version, the bytes.
 */
enum srv_httpupdate_verdict srv_httpupdate_decide(const struct srv_httpupdate_ask *ask,
                                                  const struct srv_httpupdate_offer *offer);

#endif
