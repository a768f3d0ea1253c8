/*
 * cmd_notify.c - airlift notify: tell devices over MQTT where their update lies.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "airlift/crypto.h"
#include "airlift/semver.h"
#include "commands.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/progress.h"
#include "image_file.h"
#include "json_read.h"
#include "mqtt_link.h"
#include "print_json.h"
#include "server/server.h"

#define MESSAGE_MAX 8192 /* bytes that a device takes */
#define URL_MAX     4096
#define TOPIC_MAX   256
#define CONNECT_S   30

struct notice {
    const char *device, *group, *topic, *status_topic;
    const char *url, *version, *sha256, *md5, *image, *id;
    uint32_t size;
    bool mandatory, force, retain, clear, wait, json;
    double timeout_s;

    /* What the fields above point to, if it was not given. */
    char own_id[17], own_sha256[65], own_version[33];
};

/* --- The message -------------------------------------------------------------- */

/* Fill in from the image what was not given. 0, or the exit code. */
static int read_image(struct notice *n)
{
    struct host_buf image;
    struct al_image_info info;
    uint8_t digest[AL_SHA256_SIZE];
    char err[1024];
    host_buf_init(&image, SRV_UPLOAD_MAX);
    int result =
        host_read_file(n->image, SRV_UPLOAD_MAX, &image, err, sizeof err) == 0 ? 0 : host_fail("%s", err);
    if (result == 0) {
        result = image_file_check(n->image, &image, &info, NULL);
    }
    if (result == 0 && al_sha256(image.data, image.len, digest) != 0) {
        result = host_fail("%s: the hash failed", n->image);
    }
    if (result == 0) {
        host_hex_print(digest, sizeof digest, n->own_sha256);
        if (n->sha256 && strcmp(n->sha256, n->own_sha256) != 0) {
            result = host_fail("%s: its SHA-256 is %s, not the one given", n->image, n->own_sha256);
        }
        n->sha256 = n->own_sha256;
        n->size = (uint32_t)image.len;
        if (!n->version && info.has_desc && al_semver_valid(info.desc.version)) {
            snprintf(n->own_version, sizeof n->own_version, "%s", info.desc.version);
            n->version = n->own_version;
        }
    }
    host_buf_free(&image);
    return result;
}

static void add_text(cJSON *root, const char *name, const char *value)
{
    if (value) {
        cJSON_AddStringToObject(root, name, value);
    }
}

/* The message's text, owned by the caller; NULL without memory. */
static char *compose(const struct notice *n)
{
    cJSON *root = cJSON_CreateObject();
    add_text(root, "update_url", n->url);
    add_text(root, "id", n->id);
    add_text(root, "version", n->version);
    add_text(root, "sha256", n->sha256);
    add_text(root, "md5", n->md5);
    if (n->size) {
        cJSON_AddNumberToObject(root, "size", n->size);
    }
    if (n->mandatory) {
        cJSON_AddTrueToObject(root, "mandatory");
    }
    if (n->force) {
        cJSON_AddTrueToObject(root, "force");
    }
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

/* --- The outcome -------------------------------------------------------------- */

struct watch {
    const struct notice *notice;
    struct host_progress bar;
    bool bar_shown;
    char *outcome; /* the status message that ends it, owned; NULL: not yet */
    int result;    /* exit code */
    char text[512];
};

static void end_watch(struct watch *w, const char *payload, const char *format, const char *a, const char *b)
{
    w->outcome = strdup(payload);
    snprintf(w->text, sizeof w->text, format, a, b);
    host_make_printable(w->text);
}

static void show_progress(struct watch *w, const cJSON *message)
{
    double bytes = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(message, "bytes"));
    double total = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(message, "total"));
    if (!(bytes >= 0 && total > 0 && bytes <= total && total < 1e9)) {
        return;
    }
    if (!w->bar_shown) {
        host_progress_start(&w->bar, "downloading", (uint64_t)total);
        w->bar_shown = true;
    }
    host_progress_update(&w->bar, (uint64_t)bytes);
}

/* A status message of ours: does it end the watch? */
static void look_at(struct watch *w, const cJSON *message, const char *payload)
{
    const char *state = json_text(message, "state", NULL);
    const char *text = json_text(message, "text", NULL);
    const char *running = json_text(message, "running", NULL);
    if (!state) {
        return;
    }
    if (strcmp(state, "downloading") == 0) {
        show_progress(w, message);
    } else if (strcmp(state, "succeeded") == 0 || strcmp(state, "up_to_date") == 0) {
        end_watch(w, payload, *state == 's' ? "%s runs %s" : "%s is up to date with %s", w->notice->device,
                  running ? running : "it");
    } else if (strcmp(state, "failed") == 0 || strcmp(state, "rejected") == 0 ||
               strcmp(state, "rolled_back") == 0) {
        w->result = 1;
        end_watch(w, payload, "%s: %s", state, text ? text : "no reason given");
    } else if (strcmp(state, "link_needed") == 0) {
        w->result = 1;
        end_watch(w, payload, "%s: the link has expired; send it again with a fresh one, and --id %s", state,
                  w->notice->id);
    }
}

static void on_status(void *ctx, const char *topic, const char *payload, size_t len)
{
    struct watch *w = ctx;
    (void)topic;
    cJSON *message = cJSON_ParseWithLength(payload, len);
    const char *id = json_text(message, "id", NULL);
    if (!w->outcome && w->notice->id && id && strcmp(id, w->notice->id) == 0) {
        look_at(w, message, payload);
    }
    cJSON_Delete(message);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int wait_for_outcome(struct cli_mqtt *link, struct watch *w)
{
    double deadline = now_s() + w->notice->timeout_s;
    char err[1024];
    int result = 0;
    while (!w->outcome && result == 0) {
        if (cli_mqtt_receive(link, 200, err, sizeof err) != 0) {
            result = host_fail("notify: %s", err);
        } else if (!w->outcome && now_s() >= deadline) {
            result = host_fail("notify: %s has told no outcome within %.0f s; it goes on by itself",
                               w->notice->device, w->notice->timeout_s);
        }
    }
    if (w->bar_shown) {
        host_progress_end(&w->bar);
    }
    if (result != 0) {
        return result;
    }
    if (w->notice->json && print_json(cJSON_Parse(w->outcome)) != 0) {
        return 1;
    }
    if (w->result != 0) {
        return host_fail("notify: %s: %s", w->notice->device, w->text);
    }
    if (!w->notice->json) {
        printf("%s\n", w->text);
    }
    return 0;
}

/* --- The command ---------------------------------------------------------------- */

static int print_published(const struct notice *n, const char *topic, const char *text)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "topic", topic);
    cJSON_AddBoolToObject(root, "retained", n->retain);
    cJSON_AddItemToObject(root, "message", *text ? cJSON_Parse(text) : cJSON_CreateNull());
    return print_json(root);
}

static int send_notice(struct notice *n, const struct cli_mqtt_config *config, const char *topic,
                       const char *status, const char *text)
{
    struct watch watch = {.notice = n};
    char err[1024];
    struct cli_mqtt *link = cli_mqtt_open(config, on_status, &watch, err, sizeof err);
    if (!link) {
        return host_fail("notify: %s", err);
    }
    int result = 0;
    /* Before the message, so that nothing the device says is missed. */
    if ((n->wait && cli_mqtt_subscribe(link, status, err, sizeof err) != 0) ||
        cli_mqtt_publish(link, topic, text, strlen(text), n->retain || n->clear, err, sizeof err) != 0) {
        result = host_fail("notify: %s", err);
    } else if (n->wait) {
        result = wait_for_outcome(link, &watch);
    } else if (n->json) {
        result = print_published(n, topic, text);
    } else {
        printf("%s %s\n", n->clear ? "cleared" : "published to", topic);
    }
    cli_mqtt_close(link);
    free(watch.outcome);
    return result == 0 && fflush(stdout) != 0 ? host_fail("notify: standard output: %s", strerror(errno))
                                              : result;
}

static int notify(struct notice *n, const struct cli_mqtt_config *config)
{
    char topic[TOPIC_MAX], status[TOPIC_MAX];
    if (n->image) {
        int result = read_image(n);
        if (result != 0) {
            return result;
        }
    }
    if (n->wait && !n->id) {
        uint8_t noise[8];
        if (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise) {
            return host_fail("notify: no random numbers: %s", strerror(errno));
        }
        host_hex_print(noise, sizeof noise, n->own_id);
        n->id = n->own_id;
    }
    snprintf(topic, sizeof topic,
             n->topic    ? "%s"
             : n->device ? "devices/%s/update"
                         : "groups/%s/update",
             n->topic    ? n->topic
             : n->device ? n->device
                         : n->group);
    snprintf(status, sizeof status, n->status_topic ? "%s" : "devices/%s/status",
             n->status_topic ? n->status_topic
             : n->device     ? n->device
                             : "");
    char *text = n->clear ? strdup("") : compose(n);
    int result;
    if (!text) {
        result = host_fail("notify: out of memory");
    } else if (strlen(text) > MESSAGE_MAX) {
        result = host_fail("notify: the message has %zu bytes; devices take %d", strlen(text), MESSAGE_MAX);
    } else {
        result = send_notice(n, config, topic, status, text);
    }
    free(text);
    return result;
}

/* The first line of a file. 0, or the exit code. */
static int read_password(const char *path, struct host_buf *buf)
{
    char err[1024];
    if (host_read_file(path, 4096, buf, err, sizeof err) != 0) {
        return host_fail("notify: %s", err);
    }
    buf->data[strcspn((char *)buf->data, "\r\n")] = '\0';
    return 0;
}

static bool is_hex(const char *text, size_t digits)
{
    return strlen(text) == digits && strspn(text, "0123456789abcdef") == digits;
}

static bool is_topic_part(const char *text)
{
    return *text && !strpbrk(text, "+#/") && strlen(text) <= 64;
}

static bool is_link(const char *url)
{
    return (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) && strlen(url) <= URL_MAX;
}

static void check_usage(const struct notice *n, const struct cli_mqtt_config *c)
{
    if (!c->broker || !*c->broker) {
        host_usage(&cmd_notify[0], "--broker is missing");
    }
    if (!!n->device + !!n->group + !!n->topic != 1) {
        host_usage(&cmd_notify[0], "give one of --device, --group and --topic");
    }
    if ((n->device && !is_topic_part(n->device)) || (n->group && !is_topic_part(n->group))) {
        host_usage(&cmd_notify[0], "a device or group is at most 64 characters without / + #");
    }
    if (n->topic && (strpbrk(n->topic, "+#") || strlen(n->topic) >= TOPIC_MAX)) {
        host_usage(&cmd_notify[0], "--topic is too long, or has a wildcard");
    }
    if (!n->url == !n->clear) {
        host_usage(&cmd_notify[0], n->url ? "--clear takes no --url" : "--url is missing");
    }
    if (n->url && !is_link(n->url)) {
        host_usage(&cmd_notify[0], "--url is not an https:// or http:// URL of at most %d characters",
                   URL_MAX);
    }
    if ((n->sha256 && !is_hex(n->sha256, 64)) || (n->md5 && !is_hex(n->md5, 32))) {
        host_usage(&cmd_notify[0], "--sha256 and --md5 are 64 and 32 lower-case hex digits");
    }
    if (n->wait && (n->clear || (!n->device && !n->status_topic))) {
        host_usage(&cmd_notify[0], "--wait needs --device or --status-topic: one device's outcome");
    }
    if (!c->cert != !c->key) {
        host_usage(&cmd_notify[0], "--cert and --key only make sense together");
    }
}

static int run(int argc, char **argv)
{
    struct notice n = {.timeout_s = 600};
    struct cli_mqtt_config c = {.broker = getenv("AIRLIFT_BROKER"), .timeout_s = CONNECT_S};
    const char *password_file = NULL;
    struct host_buf password;
    const struct host_opt opts[] = {
        {"broker", 0, HOST_OPT_TEXT, &c.broker, "URL",
         "mqtt://HOST[:PORT] or mqtts://HOST[:PORT]. Default: AIRLIFT_BROKER.", NULL},
        {"device", 'd', HOST_OPT_TEXT, &n.device, "ID", "Publish to devices/ID/update.", NULL},
        {"group", 'g', HOST_OPT_TEXT, &n.group, "G", "Publish to groups/G/update.", NULL},
        {"topic", 0, HOST_OPT_TEXT, &n.topic, "T", "Publish to this topic.", NULL},
        {"url", 0, HOST_OPT_TEXT, &n.url, "URL", "Where the image lies; a presigned link will do.", NULL},
        {"image", 0, HOST_OPT_TEXT, &n.image, "FILE",
         "The image itself, to fill in version, SHA-256 and size. It is verified, not sent.", NULL},
        {"version", 0, HOST_OPT_TEXT, &n.version, "V", "Version of the image.", NULL},
        {"sha256", 0, HOST_OPT_TEXT, &n.sha256, "HEX", "SHA-256 of the image.", NULL},
        {"md5", 0, HOST_OPT_TEXT, &n.md5, "HEX", "MD5 of the image.", NULL},
        {"size", 0, HOST_OPT_SIZE, &n.size, "BYTES", "Size of the image.", NULL},
        {"id", 0, HOST_OPT_TEXT, &n.id, "ID",
         "Name of this update in the device's status messages. Default with --wait: a random one.", NULL},
        {"mandatory", 0, HOST_OPT_FLAG, &n.mandatory, NULL, "Do not ask the app whether it suits.", NULL},
        {"force", 0, HOST_OPT_FLAG, &n.force, NULL, "Also install a version that is not newer.", NULL},
        {"retain", 0, HOST_OPT_FLAG, &n.retain, NULL,
         "The broker keeps the message for devices that connect later.", NULL},
        {"clear", 0, HOST_OPT_FLAG, &n.clear, NULL, "Remove the retained message instead.", NULL},
        {"wait", 0, HOST_OPT_FLAG, &n.wait, NULL, "Follow the device's status until there is an outcome.",
         NULL},
        {"status-topic", 0, HOST_OPT_TEXT, &n.status_topic, "T",
         "Where to follow it. Default: devices/ID/status.", NULL},
        {"timeout", 0, HOST_OPT_SECONDS, &n.timeout_s, "S", "How long to wait for the outcome. Default: 600.",
         NULL},
        {"cafile", 0, HOST_OPT_TEXT, &c.cafile, "FILE",
         "Certificate to trust, PEM. Default: the system's certificates.", NULL},
        {"cert", 0, HOST_OPT_TEXT, &c.cert, "FILE", "Client certificate, PEM.", NULL},
        {"key", 0, HOST_OPT_TEXT, &c.key, "FILE", "Its key, PEM.", NULL},
        {"username", 0, HOST_OPT_TEXT, &c.username, "NAME", "For brokers that want one.", NULL},
        {"password-file", 0, HOST_OPT_TEXT, &password_file, "FILE", "File whose first line is the password.",
         NULL},
        {"json", 0, HOST_OPT_FLAG, &n.json, NULL,
         "Print what was published, or with --wait the outcome, as JSON.", NULL},
        {0},
    };
    if (host_parse(&cmd_notify[0], argc, argv, opts) != 0) {
        host_usage(&cmd_notify[0], "takes options only");
    }
    check_usage(&n, &c);
    host_buf_init(&password, 4096);
    int result = password_file ? read_password(password_file, &password) : 0;
    if (result == 0) {
        c.password = (const char *)password.data;
        result = notify(&n, &c);
    }
    host_buf_free(&password);
    return result;
}

const struct host_cmd cmd_notify[] = {
    {
        .noun = "notify",
        .usage = "--broker URL (--device ID | --group G | --topic T) --url URL [--image FILE] [--wait]",
        .summary = "tell devices over MQTT where their update lies",
        .help =
            "Publishes an update message. Devices that listen (airlift_mqtt.h) fetch the image over HTTPS, "
            "verify it, "
            "try it, and tell on their status topic what became of it. docs/mqtt.md describes topics and "
            "messages.\n"
            "\n"
            "With --wait the command ends with the device's outcome: 0 if the new version runs or ran "
            "already, 1 if it "
            "was refused, failed or was rolled back, or if there is no outcome in time. Ctrl-C ends the "
            "waiting, not the update.\n"
            "\n"
            "Examples:\n"
            "\n"
            "  airlift notify --broker mqtts://mq.example.com --device lamp-7 --url "
            "https://fw.example.com/1.4.3.bin "
            "--image build/lamp.bin --wait\n"
            "  link=$(airlift presign s3://fw/lamp/1.4.3.bin --expires-in 3600)\n"
            "  airlift notify --broker mqtts://mq.example.com --cafile ca.pem --cert admin.pem --key "
            "admin.key "
            "--group lamps --retain --url \"$link\"\n"
            "  airlift notify --broker mqtt://127.0.0.1 --group lamps --clear\n",
        .run = run,
    },
    {0},
};
