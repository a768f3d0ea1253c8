/*
 * s3_config.c - credentials, region and endpoint, from where the AWS tools take them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "s3_ini.h"
#include "server/s3.h"

#define FILE_MAX_SIZE (1024u * 1024u)

/* The two files' texts; "" where there is none. */
struct files {
    struct host_buf config, credentials;
    char config_path[4096], credentials_path[4096];
};

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int read_optional(const char *variable, const char *name, char path[4096], struct host_buf *out,
                         char *err, size_t err_size)
{
    const char *given = env(variable), *home = env("HOME");
    host_buf_init(out, FILE_MAX_SIZE);
    int len = given ? snprintf(path, 4096, "%s", given)
                    : snprintf(path, 4096, "%s/.aws/%s", home ? home : "", name);
    if (len < 0 || len >= 4096) {
        snprintf(err, err_size, "the path of the AWS %s file is too long", name);
        return -1;
    }
    if (access(path, F_OK) != 0) {
        return host_buf_append(out, "", 0) ? 0 : -1;
    }
    return host_read_file(path, FILE_MAX_SIZE, out, err, err_size);
}

static const char *text_of(const struct host_buf *b)
{
    return b->data ? (const char *)b->data : "";
}

/* In the config file all but the default profile are called [profile NAME]. */
static bool config_get(const struct files *f, const char *profile, const char *parent, const char *key,
                       char **out)
{
    char section[300];
    bool is_default = strcmp(profile, "default") == 0;
    snprintf(section, sizeof section, "%s%s", is_default ? "" : "profile ", profile);
    if (!srv_s3_ini_get(text_of(&f->config), section, parent, key, out)) {
        return false;
    }
    return *out || !is_default || srv_s3_ini_get(text_of(&f->config), "profile default", parent, key, out);
}

static bool has_profile(const struct files *f, const char *profile)
{
    char section[300];
    snprintf(section, sizeof section, "profile %s", profile);
    return strcmp(profile, "default") == 0 || srv_s3_ini_has_section(text_of(&f->config), section) ||
           srv_s3_ini_has_section(text_of(&f->credentials), profile);
}

static bool copy(const char *value, char **out)
{
    *out = value ? strdup(value) : NULL;
    return !value || *out;
}

/* --- Credentials ----------------------------------------------------------- */

static bool from_environment(struct srv_s3 *s3)
{
    return copy(env("AWS_ACCESS_KEY_ID"), &s3->access_key) &&
           copy(env("AWS_SECRET_ACCESS_KEY"), &s3->secret_key) &&
           copy(env("AWS_SESSION_TOKEN"), &s3->session_token);
}

/* From the credentials file, else from the config file, which may hold them too. */
static bool from_profile(struct srv_s3 *s3, const struct files *f, const char *profile)
{
    const char *text = text_of(&f->credentials);
    bool ok = srv_s3_ini_get(text, profile, NULL, "aws_access_key_id", &s3->access_key) &&
              srv_s3_ini_get(text, profile, NULL, "aws_secret_access_key", &s3->secret_key) &&
              srv_s3_ini_get(text, profile, NULL, "aws_session_token", &s3->session_token);
    if (ok && !s3->access_key) {
        free(s3->secret_key);
        free(s3->session_token);
        ok = config_get(f, profile, NULL, "aws_access_key_id", &s3->access_key) &&
             config_get(f, profile, NULL, "aws_secret_access_key", &s3->secret_key) &&
             config_get(f, profile, NULL, "aws_session_token", &s3->session_token);
    }
    return ok;
}

/* --- The rest -------------------------------------------------------------- */

static bool find_region(struct srv_s3 *s3, const struct files *f, const char *profile, const char *given)
{
    char *from_file = NULL;
    const char *region = given ? given : env("AWS_REGION") ? env("AWS_REGION") : env("AWS_DEFAULT_REGION");
    if (!region) {
        if (!config_get(f, profile, NULL, "region", &from_file)) {
            return false;
        }
        region = from_file;
    }
    /* Without a region the AWS tools use the global host and sign for us-east-1. */
    bool global = !region || !*region || strcmp(region, "aws-global") == 0;
    bool ok =
        copy(global ? "us-east-1" : region, &s3->region) && copy(global ? NULL : region, &s3->host_region);
    free(from_file);
    return ok;
}

static bool find_endpoint(struct srv_s3 *s3, const struct files *f, const char *profile, const char *given)
{
    const char *url = given                        ? given
                      : env("AWS_ENDPOINT_URL_S3") ? env("AWS_ENDPOINT_URL_S3")
                                                   : env("AWS_ENDPOINT_URL");
    if (!url) {
        return config_get(f, profile, NULL, "endpoint_url", &s3->endpoint);
    }
    return copy(url, &s3->endpoint);
}

static bool is_url(const char *url)
{
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7
                                                         : "";
    return *host && *host != '/' && !strpbrk(url, " ?#@\t\r\n\"<>");
}

static bool find_addressing(struct srv_s3 *s3, const struct files *f, const char *profile)
{
    char *style = NULL;
    if (!config_get(f, profile, "s3", "addressing_style", &style)) {
        return false;
    }
    s3->addressing = style && strcmp(style, "path") == 0      ? SRV_S3_ADDRESS_PATH
                     : style && strcmp(style, "virtual") == 0 ? SRV_S3_ADDRESS_VIRTUAL
                                                              : SRV_S3_ADDRESS_AUTO;
    free(style);
    return true;
}

/* Region names go into host names. */
static bool is_region(const char *region)
{
    return strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") ==
           strlen(region);
}

/* Returns false with err. */
static bool check(struct srv_s3 *s3, const struct files *f, const char *profile, char *err, size_t err_size)
{
    if (!s3->access_key || !s3->secret_key || !*s3->access_key || !*s3->secret_key) {
        snprintf(
            err, err_size,
            "no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write profile %s to %s",
            profile, f->credentials_path);
    } else if (!is_region(s3->region)) {
        snprintf(err, err_size, "%s: not the name of a region, such as eu-central-1", s3->region);
    } else if (s3->endpoint && !is_url(s3->endpoint)) {
        snprintf(err, err_size, "%s: an endpoint is http://HOST[:PORT] or https://HOST[:PORT]", s3->endpoint);
    } else {
        return true;
    }
    return false;
}

static int fill(struct srv_s3 *s3, const struct files *f, const struct srv_s3_options *o, char *err,
                size_t err_size)
{
    const char *profile = o->profile ? o->profile : env("AWS_PROFILE") ? env("AWS_PROFILE") : "default";
    if (strlen(profile) > 256 || !has_profile(f, profile)) {
        snprintf(err, err_size, "profile %.256s is neither in %s nor in %s", profile, f->config_path,
                 f->credentials_path);
        return -1;
    }
    /* The environment stands behind a profile that is asked for by name, before all others. */
    bool ok = o->profile || !env("AWS_ACCESS_KEY_ID") ? from_profile(s3, f, profile) : from_environment(s3);
    if (ok && o->profile && !s3->access_key) {
        free(s3->secret_key);
        free(s3->session_token);
        ok = from_environment(s3);
    }
    ok = ok && find_region(s3, f, profile, o->region) && find_endpoint(s3, f, profile, o->endpoint_url) &&
         find_addressing(s3, f, profile) &&
         copy(o->ca_path ? o->ca_path : env("AWS_CA_BUNDLE"), &s3->ca_path);
    if (!ok) {
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    if (!check(s3, f, profile, err, err_size)) {
        return -1;
    }
    if (s3->endpoint) {
        size_t len = strlen(s3->endpoint);
        while (len && s3->endpoint[len - 1] == '/') {
            s3->endpoint[--len] = '\0';
        }
    }
    return 0;
}

int srv_s3_open(struct srv_s3 *s3, const struct srv_s3_options *options, char *err, size_t err_size)
{
    struct files f;
    memset(s3, 0, sizeof *s3);
    host_buf_init(&f.credentials, FILE_MAX_SIZE);
    int result = read_optional("AWS_CONFIG_FILE", "config", f.config_path, &f.config, err, err_size);
    if (result == 0) {
        result = read_optional("AWS_SHARED_CREDENTIALS_FILE", "credentials", f.credentials_path,
                               &f.credentials, err, err_size);
    }
    if (result == 0) {
        result = fill(s3, &f, options, err, err_size);
    }
    host_buf_free(&f.config);
    host_buf_free(&f.credentials);
    if (result != 0) {
        srv_s3_close(s3);
    }
    return result;
}

void srv_s3_close(struct srv_s3 *s3)
{
    if (s3->secret_key) {
        explicit_bzero(s3->secret_key, strlen(s3->secret_key));
    }
    free(s3->access_key);
    free(s3->secret_key);
    free(s3->session_token);
    free(s3->region);
    free(s3->host_region);
    free(s3->endpoint);
    free(s3->ca_path);
    memset(s3, 0, sizeof *s3);
}

/* --- s3://bucket/key ------------------------------------------------------- */

int srv_s3_uri_parse(const char *text, struct srv_s3_uri *out, char *err, size_t err_size)
{
    size_t scheme = strlen(SRV_S3_URI_SCHEME);
    out->bucket = out->key = NULL;
    if (strncmp(text, SRV_S3_URI_SCHEME, scheme) != 0) {
        snprintf(err, err_size, "%s: an S3 address is s3://BUCKET/KEY", text);
        return -1;
    }
    const char *bucket = text + scheme;
    size_t len = strcspn(bucket, "/");
    const char *key = bucket[len] == '/' ? bucket + len + 1 : bucket + len;
    if (len < 1 || len > 255 ||
        strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != len) {
        snprintf(err, err_size, "%s: a bucket's name has letters, digits, '.', '-' and '_' only", text);
        return -1;
    }
    if (strlen(key) > SRV_S3_KEY_MAX) {
        snprintf(err, err_size, "%.64s...: a key has at most %u bytes", text, SRV_S3_KEY_MAX);
        return -1;
    }
    out->bucket = strndup(bucket, len);
    out->key = strdup(key);
    if (!out->bucket || !out->key) {
        srv_s3_uri_free(out);
        snprintf(err, err_size, "out of memory");
        return -1;
    }
    return 0;
}

void srv_s3_uri_free(struct srv_s3_uri *uri)
{
    free(uri->bucket);
    free(uri->key);
    uri->bucket = uri->key = NULL;
}
