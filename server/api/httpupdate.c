#include "httpupdate.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "airlift/semver.h"

static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 19 && !text[digits];
}

static bool same_hex(const char *a, const char *b)
{
    return a && b && strcasecmp(a, b) == 0;
}

enum srv_httpupdate_verdict srv_httpupdate_check(const struct srv_httpupdate_ask *ask)
{
    if ((!ask->sta_mac && !ask->mode) || (ask->free_space && !is_number(ask->free_space))) {
        return SRV_HTTPUPDATE_STRANGER;
    }
    if (!ask->mode || strcmp(ask->mode, "sketch") == 0) {
        return SRV_HTTPUPDATE_SEND;
    }
    return strcmp(ask->mode, "spiffs") == 0 ? SRV_HTTPUPDATE_NO_FILE : SRV_HTTPUPDATE_STRANGER;
}

enum srv_httpupdate_verdict srv_httpupdate_decide(const struct srv_httpupdate_ask *ask,
                                                  const struct srv_httpupdate_offer *offer)
{
    enum srv_httpupdate_verdict verdict = srv_httpupdate_check(ask);
    if (verdict != SRV_HTTPUPDATE_SEND) {
        return verdict;
    }
    if (same_hex(ask->md5, offer->md5) || same_hex(ask->sha256, offer->sha256) ||
        same_hex(ask->sha256, offer->image_sha256)) {
        return SRV_HTTPUPDATE_CURRENT;
    }
    if (ask->version && *ask->version) {
        bool ordered = al_semver_valid(ask->version) && al_semver_valid(offer->version);
        if (ordered ? al_semver_compare(offer->version, ask->version) <= 0
                    : strcmp(offer->version, ask->version) == 0) {
            return SRV_HTTPUPDATE_CURRENT;
        }
    }
    if (ask->free_space && strtoull(ask->free_space, NULL, 10) < offer->size) {
        return SRV_HTTPUPDATE_NO_ROOM;
    }
    return SRV_HTTPUPDATE_SEND;
}
