/*
 * What an S3 store answers, what the AWS files say, and what an HTTPUpdate client
 * sends: the first byte chooses, the rest is the text.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/httpupdate.h"
#include "s3/s3_ini.h"
#include "s3/s3_listing.h"
#include "s3/s3_sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool see(void *ctx, const struct srv_s3_object *object)
{
    assert(object->key && object->modified);
    return ++*(unsigned *)ctx < 1000;
}

static void read_ini(const char *text)
{
    char *value;
    if (srv_s3_ini_get(text, "default", NULL, "region", &value)) {
        free(value);
    }
    if (srv_s3_ini_get(text, "profile a", "s3", "addressing_style", &value)) {
        free(value);
    }
    (void)srv_s3_ini_has_section(text, "a");
}

/* Whatever the key is, the link is of URL characters only. */
static void sign(const char *text)
{
    char key[] = "K", region[] = "r-1", err[4096];
    const struct srv_s3 s3 = {.access_key = key, .secret_key = key, .region = region, .host_region = region};
    struct srv_s3_uri uri;
    struct host_buf url;
    if (srv_s3_uri_parse(text, &uri, err, sizeof err) != 0) {
        return;
    }
    host_buf_init(&url, SRV_S3_URL_MAX);
    if (srv_s3_presign(&s3, "GET", &uri, 0, 60, &url, err, sizeof err) == 0) {
        for (size_t i = 0; i < url.len; i++) {
            assert(url.data[i] > 0x20 && url.data[i] < 0x7F && !strchr("\"<>#", url.data[i]));
        }
    }
    host_buf_free(&url);
    srv_s3_uri_free(&uri);
}

/* Six fields, one behind the other. */
static void decide(char *text)
{
    const char *field[6] = {0};
    for (unsigned i = 0; i < 6 && text; i++) {
        field[i] = strsep(&text, "\n");
    }
    const struct srv_httpupdate_ask ask = {field[0], field[1], field[2], field[3], field[4], field[5]};
    const struct srv_httpupdate_offer offer = {"1.2.3", 1000, "00", "11", NULL};
    enum srv_httpupdate_verdict verdict = srv_httpupdate_decide(&ask, &offer);
    assert(verdict != SRV_HTTPUPDATE_SEND || !ask.version || strcmp(ask.version, "1.2.3") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    char *text = malloc(size), out[200];
    if (!text) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    unsigned n = 0;
    struct srv_s3_page page = {.each = see, .ctx = &n};
    switch (data[0] % 5) {
    case 0:
        read_ini(text);
        break;
    case 1:
        (void)srv_s3_page_parse(text, size - 1, &page);
        free(page.continuation);
        break;
    case 2:
        srv_s3_error_parse(text, size - 1, out, sizeof out);
        assert(!strchr(out, '\n'));
        break;
    case 3:
        sign(text);
        break;
    default:
        decide(text);
    }
    free(text);
    return 0;
}
