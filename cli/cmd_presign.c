/*
 * cmd_presign.c - airlift presign: a link to an object in S3 that expires.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "print_json.h"
#include "s3_options.h"

/* "20261127T200341Z". */
static bool parse_date(const char *text, time_t *out)
{
    struct tm utc = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &utc);
    if (!end || *end) {
        return false;
    }
    *out = timegm(&utc);
    return true;
}

static void print_time(time_t when, char out[32])
{
    struct tm utc;
    out[0] = '\0';
    if (gmtime_r(&when, &utc)) {
        (void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
}

static int print_link(const char *url, const char *method, time_t until, bool json)
{
    if (!json) {
        return puts(url) < 0 || fflush(stdout) != 0 ? host_fail("standard output: %s", strerror(errno)) : 0;
    }
    char text[32];
    print_time(until, text);
    cJSON *root = cJSON_CreateObject();
    if (!cJSON_AddStringToObject(root, "url", url) || !cJSON_AddStringToObject(root, "method", method) ||
        !cJSON_AddStringToObject(root, "expires", text)) {
        cJSON_Delete(root);
        return host_fail("out of memory");
    }
    return print_json(root);
}

static bool is_method(const char *method)
{
    static const char *const known[] = {"GET", "PUT", "HEAD", "DELETE"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(method, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int run(int argc, char **argv)
{
    struct srv_s3_options options = {0};
    const char *method = "GET", *date = NULL;
    uint32_t expires = 3600;
    bool json = false;
    const struct host_opt opts[] = {
        {"expires-in", 0, HOST_OPT_NUMBER, &expires, "SECONDS",
         "How long the link is valid: 1 to 604800 (7 days), by default 3600.", NULL},
        {"method", 0, HOST_OPT_TEXT, &method, "M",
         "What the link is for: GET (the default), PUT, HEAD, DELETE.", NULL},
        {"date", 0, HOST_OPT_TEXT, &date, "YYYYMMDDTHHMMSSZ", "Valid from then on. By default: from now.",
         NULL},
        S3_OPTION_ROWS(options),
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print url, method and expires as JSON.", NULL},
        {0},
    };
    argc = host_parse(&cmd_presign[0], argc, argv, opts);
    if (argc != 1) {
        host_usage(&cmd_presign[0], argc ? "give one s3://BUCKET/KEY, not %d" : "which object?", argc);
    }
    if (!is_method(method)) {
        host_usage(&cmd_presign[0], "--method %s: it is GET, PUT, HEAD or DELETE", method);
    }
    if (expires < 1 || expires > SRV_S3_EXPIRY_MAX) {
        host_usage(&cmd_presign[0], "--expires-in %u: a link is valid for 1 to %u seconds", (unsigned)expires,
                   SRV_S3_EXPIRY_MAX);
    }
    time_t now = time(NULL);
    if (date && !parse_date(date, &now)) {
        host_usage(&cmd_presign[0], "--date %s: not of the form 20260131T235959Z", date);
    }

    char err[1024];
    struct srv_s3_uri uri;
    struct srv_s3 s3;
    if (srv_s3_uri_parse(argv[0], &uri, err, sizeof err) != 0) {
        return host_fail("presign: %s", err);
    }
    int result;
    if (srv_s3_open(&s3, &options, err, sizeof err) != 0) {
        result = host_fail("presign: %s", err);
    } else {
        struct host_buf url;
        host_buf_init(&url, SRV_S3_URL_MAX);
        result = srv_s3_presign(&s3, method, &uri, now, expires, &url, err, sizeof err) == 0
                     ? print_link((const char *)url.data, method, now + (time_t)expires, json)
                     : host_fail("presign: %s", err);
        host_buf_free(&url);
        srv_s3_close(&s3);
    }
    srv_s3_uri_free(&uri);
    return result;
}

const struct host_cmd cmd_presign[] = {
    {
        .noun = "presign",
        .usage = "s3://BUCKET/KEY [--expires-in SECONDS] [--region R] [--endpoint-url URL]",
        .summary = "make a link to an object in S3 that expires",
        .help =
            "Prints a link with which anyone can fetch the object until it expires, without credentials of "
            "their own. Nothing is sent: the link is computed, and whether the object exists is not looked "
            "at. It is the link that `aws s3 presign` makes.\n"
            "\n"
            "The link holds for the one method it is made for. Its Range may be chosen freely, so an "
            "interrupted download can go on until the link expires. Treat it like a password: keep it out "
            "of logs.\n"
            "\n" S3_CREDENTIALS_HELP "\n"
            "\n"
            "Examples:\n"
            "  airlift presign s3://firmware/lamp/1.4.3.bin --expires-in 600\n"
            "  airlift presign s3://firmware/lamp.bin --endpoint-url https://minio.example.com:9000\n"
            "  airlift presign s3://firmware/upload.bin --method PUT --json",
        .run = run,
    },
    {0},
};
