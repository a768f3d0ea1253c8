/*
 * cmd_serve.c - airlift serve: the update server in one process.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "host/log.h"
#include "image_signers.h"
#include "s3_options.h"
#include "server/server.h"

#define STOP_GRACE_MS 10000u

static int new_token(const char *data_dir)
{
    char err[512], token[SRV_TOKEN_SIZE];
    if (srv_new_token(data_dir, token, err, sizeof err) != 0) {
        return host_fail("serve: %s", err);
    }
    printf("admin token: %s\n", token);
    return fflush(stdout) == 0 ? 0 : host_fail("serve: the token could not be printed; make another");
}

/* "listening on" comes last: who has read it has read everything. */
static int announce(const struct srv_server *server, const char *data_dir)
{
    const char *token = srv_new_admin_token(server);
    if (token) {
        printf("admin token: %s\n", token);
        fprintf(stderr, "The admin token is shown only now; publishing needs it, in AIRLIFT_TOKEN or in "
                        "~/.config/airlift/token.\n");
    }
    printf("certificate %s\n", srv_cert_path(server));
    printf("data %s\n", data_dir);
    printf("listening on %s\n", srv_url(server));
    return fflush(stdout) == 0 ? 0 : -1;
}

/* Until SIGINT or SIGTERM, which every thread has blocked. */
static void wait_for_signal(const sigset_t *signals)
{
    int number;
    while (sigwait(signals, &number) != 0) {
    }
    host_log(HOST_LOG_INFO, "stopping", "signal", number == SIGINT ? "SIGINT" : "SIGTERM", NULL);
}

/* A digest as `airlift keys digest` prints it, or else a key. */
static bool is_digest(const char *text)
{
    return strlen(text) == 2 * AL_SIG_KEY_DIGEST_SIZE &&
           strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

/* The keys that uploads must be signed with. 0, or 1 with a line on stderr. */
static int read_signers(const struct host_list *named, struct image_signers *out, struct srv_config *config)
{
    struct host_list keys = {0}, digests = {0};
    for (unsigned i = 0; i < named->n; i++) {
        struct host_list *list = is_digest(named->item[i]) ? &digests : &keys;
        list->item[list->n++] = named->item[i];
    }
    if (image_signers_trust(&cmd_serve[0], &keys, &digests, out) != 0) {
        return 1;
    }
    config->signer_keys = out->policy.key;
    config->n_signer_keys = out->policy.n_keys;
    return 0;
}

static int run(int argc, char **argv)
{
    struct host_list required = {0};
    struct image_signers signers;
    struct srv_config config = {.listen = SRV_DEFAULT_LISTEN};
    bool token_new = false, json_log = false;
    struct srv_s3_options s3 = {0};
    uint32_t patches = 4, link_expiry = 600;
    double request_timeout = 30;
    const struct host_opt opts[] = {
        {"listen", 0, HOST_OPT_TEXT, &config.listen, "HOST:PORT",
         "Address to listen on. Default 127.0.0.1:8443: this machine only. 0.0.0.0:8443 takes connections "
         "from anywhere, port 0 takes a free port.",
         NULL},
        {"data", 0, HOST_OPT_TEXT, &config.data_dir, "DIR",
         "Where releases, images, certificate and key are kept. Default ~/.local/share/airlift "
         "($XDG_DATA_HOME/airlift).",
         NULL},
        {"cert", 0, HOST_OPT_TEXT, &config.cert_path, "FILE",
         "Certificate chain, PEM. Without it a self-signed development certificate is made in DIR/cert.pem.",
         NULL},
        {"key", 0, HOST_OPT_TEXT, &config.key_path, "FILE", "Private key of --cert, PEM, not encrypted.",
         NULL},
        {"request-timeout", 0, HOST_OPT_SECONDS, &request_timeout, "SECONDS",
         "How long a client may take for the TLS handshake and for a request's headers. A body gets as long "
         "again, and a second more for each 4 KiB. Default 30.",
         NULL},
        {"patches", 0, HOST_OPT_NUMBER, &patches, "N",
         "Make patches to each product's newest release, from the N older ones that devices run. They are "
         "made in "
         "the background, one at a time. Default 4; 0: none, also of whole images.",
         NULL},
        {"store", 0, HOST_OPT_TEXT, &config.bucket, "s3://BUCKET[/PREFIX]",
         "Keep images in an S3 bucket. Devices get links to it that expire, and fetch them there; DIR "
         "caches.",
         NULL},
        {"link-expiry", 0, HOST_OPT_NUMBER, &link_expiry, "SECONDS",
         "How long such a link is valid: 1 to 604800, by default 600.", NULL},
        S3_OPTION_ROWS(s3),
        {"require-signature", 0, HOST_OPT_LIST, &required, "DIGEST",
         "Refuse images that are not signed with this key, or one of several: its digest (airlift keys "
         "digest), or a PEM file with its public half. Default: what is not signed passes too.",
         NULL},
        {"token-new", 0, HOST_OPT_FLAG, &token_new, NULL,
         "Replace the admin token, print the new one, and exit. A running server takes it at once.", NULL},
        {"json-log", 0, HOST_OPT_FLAG, &json_log, NULL, "Log lines on standard error as JSON objects.", NULL},
        {0},
    };
    argc = host_parse(&cmd_serve[0], argc, argv, opts);
    if (argc != 0) {
        host_usage(&cmd_serve[0], "unexpected '%s'", argv[0]);
    }
    if (!config.cert_path != !config.key_path) {
        host_usage(&cmd_serve[0], "--cert and --key belong together");
    }
    if (request_timeout < 0.1 || request_timeout > 3600) {
        host_usage(&cmd_serve[0], "--request-timeout is 0.1 to 3600 seconds");
    }
    if (patches > 64) {
        host_usage(&cmd_serve[0], "--patches is 0 to 64");
    }
    if (link_expiry < 1 || link_expiry > SRV_S3_EXPIRY_MAX) {
        host_usage(&cmd_serve[0], "--link-expiry is 1 to %u seconds", SRV_S3_EXPIRY_MAX);
    }
    if (read_signers(&required, &signers, &config) != 0) {
        return 1;
    }
    config.s3 = &s3;
    config.link_seconds = link_expiry;
    config.patches_from = patches;
    config.request_timeout_ms = (unsigned)(request_timeout * 1000);
    char default_dir[4096];
    if (!config.data_dir) {
        if (srv_default_data_dir(default_dir, sizeof default_dir) != 0) {
            return host_fail("serve: no home directory is known; give --data DIR");
        }
        config.data_dir = default_dir;
    }
    if (token_new) {
        return new_token(config.data_dir);
    }

    host_log_setup(HOST_LOG_INFO, json_log);
    /* A closed socket and a file size limit come back as errors from the calls that meet them. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) {
        return host_fail("serve: signals could not be blocked");
    }

    struct srv_server *server;
    char err[512];
    if (srv_start(&config, &server, err, sizeof err) != 0) {
        return host_fail("serve: %s", err);
    }
    int result = 0;
    if (announce(server, config.data_dir) != 0) {
        result = host_fail("serve: standard output is closed");
    } else {
        host_log(HOST_LOG_INFO, "listening", "url", srv_url(server), "data", config.data_dir, NULL);
        wait_for_signal(&signals);
    }
    srv_stop(server, STOP_GRACE_MS);
    host_log(HOST_LOG_INFO, "stopped", NULL);
    return result;
}

const struct host_cmd cmd_serve[] = {
    {
        .noun = "serve",
        .usage = "[--listen HOST:PORT] [--data DIR] [--cert FILE --key FILE]",
        .summary = "run the update server",
        .help = "Serves releases over HTTPS: a manifest for each product, images with Range and ETag, an API "
                "to publish, and for browsers a dashboard, at its address. It runs in the foreground until "
                "SIGINT or SIGTERM, then gives running "
                "downloads ten seconds to end.\n"
                "\n"
                "The first start makes the data directory, a self-signed certificate (for --ca of clients "
                "and for pinning in devices) and the admin token, which is printed once and kept as a "
                "hash. On standard output appear, one to a line: the admin token (first start only), "
                "\"certificate FILE\", \"data DIR\" and, once connections are taken, \"listening on URL\". "
                "Logs go to standard error.\n"
                "\n"
                "Examples:\n"
                "\n"
                "  airlift serve\n"
                "  airlift serve --require-signature release-pub.pem\n"
                "  airlift serve --listen 0.0.0.0:443 --data /var/lib/airlift \\\n"
                "      --cert /etc/airlift/fullchain.pem --key /etc/airlift/key.pem\n",
        .run = run,
    },
    {0},
};
