/*
 * cmd_push.c - airlift push: send an image to a device that listens.
 */
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "host/file.h"
#include "host/hex.h"
#include "image_file.h"
#include "push.h"

#define IMAGE_MAX   (16u << 20) /* bytes */
#define WAIT_MAX_MS 8000

enum { CMD_PUSH_TCP, CMD_PUSH_ARDUINO };

/* --- The image and the secret -------------------------------------------------- */

static bool digest(const struct host_buf *image, const EVP_MD *type, uint8_t *out)
{
    return EVP_Digest(image->data, image->len, out, NULL, type, NULL) == 1;
}

/* 0, or 1 with the fault on stderr. */
static int load_image(const char *path, struct push_job *job, struct host_buf *image)
{
    char err[PUSH_ERR_SIZE];
    uint8_t md5[16];
    if (host_read_file(path, IMAGE_MAX, image, err, sizeof err)) {
        return host_fail("%s", err);
    }
    if (image->len == 0) {
        return host_fail("%s: the file is empty", path);
    }
    if (!job->filesystem && image_file_check(path, image, NULL, NULL)) {
        return 1;
    }
    if (!digest(image, EVP_sha256(), job->sha256) || !digest(image, EVP_md5(), md5)) {
        return host_fail("%s: the hash failed", path);
    }
    host_hex_print(md5, sizeof md5, job->md5);
    job->image = image;
    job->name = path;
    return 0;
}

/* The file's first line, in `out`. 0, or 1 with the fault on stderr. */
static int read_secret(const char *path, char *out, size_t size)
{
    char err[PUSH_ERR_SIZE];
    struct host_buf text;
    host_buf_init(&text, PUSH_SECRET_SIZE);
    if (host_read_file(path, PUSH_SECRET_SIZE, &text, err, sizeof err)) {
        host_buf_free(&text);
        return host_fail("%s", err);
    }
    size_t len = strcspn((const char *)text.data, "\r\n");
    bool fits = len > 0 && len < size;
    if (fits) {
        memcpy(out, text.data, len);
        out[len] = '\0';
    }
    host_buf_free(&text);
    return fits ? 0 : host_fail("%s: its first line is empty or too long", path);
}

/* --- Attempts ------------------------------------------------------------------ */

static int print_result(const struct push_job *job, unsigned attempts, double seconds, bool json)
{
    if (!json) {
        printf("pushed %s to %s: %zu bytes in %.1f s%s\n", job->name, job->host, job->image->len, seconds,
               job->no_restart ? "; the next restart starts it" : "; the device restarts into it");
        return 0;
    }
    char sha256[65];
    host_hex_print(job->sha256, sizeof job->sha256, sha256);
    cJSON *root = cJSON_CreateObject();
    bool ok = root && cJSON_AddStringToObject(root, "host", job->host) &&
              cJSON_AddNumberToObject(root, "port", job->port) &&
              cJSON_AddNumberToObject(root, "bytes", (double)job->image->len) &&
              cJSON_AddStringToObject(root, "sha256", sha256) &&
              cJSON_AddNumberToObject(root, "resumed_from", (double)job->resumed) &&
              cJSON_AddNumberToObject(root, "attempts", attempts) &&
              cJSON_AddNumberToObject(root, "seconds", seconds) &&
              cJSON_AddBoolToObject(root, "restarted", !job->no_restart);
    char *text = ok ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    int status = text && printf("%s\n", text) > 0 ? 0 : host_fail("out of memory");
    cJSON_free(text);
    return status;
}

/* Until it is done or makes no sense; `tries` failures in a row without a byte of progress end it. */
static int push(struct push_job *job, enum push_outcome (*attempt)(struct push_job *), uint32_t tries,
                bool json)
{
    int64_t begun = push_now_ms();
    size_t best = 0;
    uint32_t failures = 0;
    host_progress_start(&job->progress, "pushing", job->image->len);
    for (unsigned n = 1;; n++) {
        enum push_outcome outcome = attempt(job);
        if (outcome == PUSH_DONE) {
            host_progress_end(&job->progress);
            return print_result(job, n, (double)(push_now_ms() - begun) / 1000, json);
        }
        failures = job->acked > best ? 1 : failures + 1;
        best = job->acked > best ? job->acked : best;
        if (outcome == PUSH_REFUSED || failures >= tries) {
            host_progress_end(&job->progress);
            return host_fail("push: %s", job->err);
        }
        int64_t wait_ms = 500ll << (failures < 5 ? failures - 1 : 4);
        usleep((useconds_t)(wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS) * 1000);
    }
}

/* What the commands have in common: argv[0] is the device, argv[1] the image. */
static int run(const struct host_cmd *cmd, struct push_job *job, char **argv, uint16_t port,
               const char *secret_file, enum push_outcome (*attempt)(struct push_job *), uint32_t tries,
               bool json)
{
    if (!push_parse_target(argv[0], port, job->host, sizeof job->host, &job->port)) {
        host_usage(cmd, "%s: write HOST or HOST:PORT", argv[0]);
    }
    if (job->secret && !*job->secret) {
        job->secret = NULL;
    }
    if (secret_file) {
        if (read_secret(secret_file, job->from_file, sizeof job->from_file)) {
            return 1;
        }
        job->secret = job->from_file;
    }
    struct host_buf image;
    host_buf_init(&image, IMAGE_MAX);
    int status = load_image(argv[1], job, &image);
    if (status == 0) {
        status = push(job, attempt, tries, json);
    }
    host_buf_free(&image);
    return status;
}

/* --- tcp ------------------------------------------------------------------------ */

static int run_tcp(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_push[CMD_PUSH_TCP];
    struct push_job job = {.timeout_s = 30, .secret = getenv("AIRLIFT_PUSH_KEY")};
    const char *key_file = NULL;
    uint32_t tries = 6;
    bool json = false;
    const struct host_opt opts[] = {
        {"key-file", 'k', HOST_OPT_TEXT, &key_file, "FILE",
         "The device's key, in the first line of a file. Default: AIRLIFT_PUSH_KEY, else none.", NULL},
        {"no-restart", 0, HOST_OPT_FLAG, &job.no_restart, NULL,
         "Leave it to the device when it restarts into the new version.", NULL},
        {"force", 0, HOST_OPT_FLAG, &job.force, NULL,
         "Also an image that was rolled back on this device before.", NULL},
        {"tries", 0, HOST_OPT_NUMBER, &tries, "N",
         "Give up after so many attempts in a row that got no further; 6 by default.", NULL},
        {"timeout", 0, HOST_OPT_SECONDS, &job.timeout_s, "SECONDS",
         "Silence of the device that is taken for a lost connection; 30 by default.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print the result as JSON.", NULL},
        {0},
    };
    if (host_parse(cmd, argc, argv, opts) != 2) {
        host_usage(cmd, "give the device and the image");
    }
    return run(cmd, &job, argv, 80, key_file, push_tcp_attempt, tries, json);
}

/* --- arduino --------------------------------------------------------------------- */

static int run_arduino(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_push[CMD_PUSH_ARDUINO];
    struct push_job job = {.timeout_s = 10, .secret = getenv("AIRLIFT_PUSH_PASSWORD")};
    const char *password_file = NULL;
    uint32_t tries = 3, host_port = 0;
    bool json = false;
    const struct host_opt opts[] = {
        {"password", 'a', HOST_OPT_TEXT, &job.secret, "TEXT",
         "The device's password. Others on this machine can see it: better AIRLIFT_PUSH_PASSWORD or a file.",
         NULL},
        {"password-file", 0, HOST_OPT_TEXT, &password_file, "FILE", "The same, in the first line of a file.",
         NULL},
        {"md5-password", 'm', HOST_OPT_FLAG, &job.md5_password, NULL,
         "The device has the password's MD5 in place of its SHA-256.", NULL},
        {"spiffs", 's', HOST_OPT_FLAG, &job.filesystem, NULL,
         "The image is one of a file system, for the device's data partition.", NULL},
        {"host-ip", 'I', HOST_OPT_TEXT, &job.host_ip, "ADDRESS",
         "Address of this machine at which the device is waited for; any by default.", NULL},
        {"host-port", 'P', HOST_OPT_NUMBER, &host_port, "PORT",
         "Port of this machine, likewise; any free one by default.", NULL},
        {"tries", 0, HOST_OPT_NUMBER, &tries, "N", "Give up after so many attempts; 3 by default.", NULL},
        {"timeout", 't', HOST_OPT_SECONDS, &job.timeout_s, "SECONDS",
         "Silence of the device that is taken for a lost connection; 10 by default.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print the result as JSON.", NULL},
        {0},
    };
    if (host_parse(cmd, argc, argv, opts) != 2) {
        host_usage(cmd, "give the device and the image");
    }
    if (host_port > 65535) {
        host_usage(cmd, "--host-port %u: ports end at 65535", host_port);
    }
    job.host_port = (uint16_t)host_port;
    return run(cmd, &job, argv, 3232, password_file, push_arduino_attempt, tries, json);
}

/* --- Rows ------------------------------------------------------------------------ */

const struct host_cmd cmd_push[] = {
    [CMD_PUSH_TCP] =
        {
            .noun = "push",
            .verb = "tcp",
            .usage = "HOST[:PORT] IMG [OPTIONS]",
            .summary = "push an image to a device over plain TCP",
            .help =
                "Sends the image to a device that listens for it, on port 80 unless another one is given, "
                "and "
                "restarts the device. The device verifies the image, puts it on trial, and rolls it back if "
                "its "
                "health check fails.\n"
                "\n"
                "The protocol is that of the esp32-ota project of 2016; a device of that time is updated as "
                "its "
                "own script does it. A device with airlift's listener also asks for the key, if it has one, "
                "takes "
                "more than one record at a time, and goes on where a lost attempt stopped.\n"
                "\n"
                "The connection is not encrypted: with a key nobody else can install firmware, but anybody "
                "on "
                "the way can read it.\n"
                "\n"
                "Exit status: 0 pushed, 1 failed (one line says why), 2 wrong usage.\n"
                "\n"
                "Examples:\n"
                "  airlift push tcp 192.168.0.17 build/app.bin\n"
                "  airlift push tcp lamp.local:8032 build/app.bin --key-file lamp.key --json",
            .run = run_tcp,
        },
    [CMD_PUSH_ARDUINO] =
        {
            .noun = "push",
            .verb = "arduino",
            .usage = "HOST[:PORT] IMG [OPTIONS]",
            .summary = "push an image to a device that runs ArduinoOTA",
            .help =
                "Does what espota.py does: invites the device by a datagram, to port 3232 unless another one "
                "is "
                "given, shows that it knows the password, waits for the device's connection and sends the "
                "image. "
                "Both ways in which Arduino's core asks for the password are known. The device restarts by "
                "itself.\n"
                "\n"
                "The device connects to this machine: a firewall has to let it, which is easier with a fixed "
                "--host-port. The protocol has no way to go on after a lost connection; each attempt sends "
                "all "
                "of the image. Nothing is encrypted.\n"
                "\n"
                "Exit status: 0 pushed, 1 failed (one line says why), 2 wrong usage.\n"
                "\n"
                "Examples:\n"
                "  airlift push arduino 192.168.0.17 build/sketch.bin --password-file lamp.password\n"
                "  airlift push arduino lamp.local data.spiffs.bin --spiffs",
            .run = run_arduino,
        },
    {0},
};
