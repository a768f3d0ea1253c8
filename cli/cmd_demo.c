/*
 * cmd_demo.c - airlift demo: the whole story on one machine, told in plain lines.
 *
 * Nothing here is special to the demo: it runs the same commands that a user
 * types, shows what they print, and checks that each step really happened.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "commands.h"
#include "host/file.h"
#include "server/server.h"

#define MAX_ROWS       16
#define STEP_TIMEOUT_S 60.0 /* for something to appear in a log */
#define PATH_SIZE      (PATH_MAX + 64)

/* One line of the table at the end: an app that was seen running. */
struct row {
    char what[48], from[20], verdict[40];
    uint64_t bytes, erases; /* of the update that brought it; 0: none */
    double seconds;
};

static struct {
    char prefix[PATH_MAX]; /* of the installation this program belongs to */
    char dir[64];          /* everything the demo makes */
    char airlift[PATH_SIZE];
    char url[128]; /* of the server */
    char token[128];
    pid_t server;
    FILE *server_log;
    bool verbose;
    struct row row[MAX_ROWS];
    unsigned n_rows;
} demo;

/* Ctrl-C ends the children with us: they get the signal too; we only tidy up. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

/* --- Telling --------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static void headline(const char *text)
{
    say("\n== %s", text);
}

/* A path below the demo's directory. */
__attribute__((format(printf, 2, 3))) static const char *below(char out[PATH_SIZE], const char *format, ...)
{
    int len = snprintf(out, PATH_SIZE, "%s/", demo.dir);
    va_list args;

    va_start(args, format);
    vsnprintf(out + len, PATH_SIZE - (size_t)len, format, args);
    va_end(args);
    return out;
}

/* --- Programs -------------------------------------------------------------- */

struct child {
    pid_t pid;
    FILE *out, *err;
};

static int spawn(struct child *c, char *const argv[])
{
    int out[2], err[2];

    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        return host_fail("demo: %s", strerror(errno));
    }
    fflush(NULL);
    c->pid = fork();
    if (c->pid < 0) {
        return host_fail("demo: %s", strerror(errno));
    }
    if (c->pid == 0) {
        int null = open("/dev/null", O_RDONLY);

        if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0) {
            _exit(127);
        }
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(out[1]);
    close(err[1]);
    c->out = fdopen(out[0], "r");
    c->err = fdopen(err[0], "r");
    if (c->out == NULL || c->err == NULL) {
        return host_fail("demo: %s", strerror(errno));
    }
    /* poll() must see what has not been read yet. */
    setvbuf(c->err, NULL, _IONBF, 0);
    return 0;
}

/* Exit status, 128 + N for signal N. */
static int join(struct child *c)
{
    int status = 0;

    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    fclose(c->out);
    fclose(c->err);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Run to the end. Its output is shown if it fails, or with --verbose. */
static int run(char *const argv[])
{
    struct host_buf text;
    struct child c;
    char line[4096];
    int status;

    host_buf_init(&text, 1u << 20);
    if (spawn(&c, argv) != 0) {
        return 1;
    }
    while (fgets(line, sizeof(line), c.out) != NULL) {
        (void)host_buf_printf(&text, "    %s", line);
    }
    while (fgets(line, sizeof(line), c.err) != NULL) {
        (void)host_buf_printf(&text, "    %s", line);
    }
    status = join(&c);
    if (text.data != NULL && (status != 0 || demo.verbose)) {
        fputs((const char *)text.data, stdout);
    }
    host_buf_free(&text);
    return status == 0 ? 0 : host_fail("demo: `%s %s` ended with %d", argv[0], argv[1], status);
}

/* --- The server ------------------------------------------------------------ */

/* The rest of a line behind `prefix`, into out; false if it is another line. */
static bool after(const char *line, const char *prefix, char *out, size_t size)
{
    size_t len = strlen(prefix);

    if (strncmp(line, prefix, len) != 0) {
        return false;
    }
    snprintf(out, size, "%.*s", (int)strcspn(line + len, "\r\n"), line + len);
    return true;
}

static int start_server(void)
{
    char data[PATH_SIZE], line[1024];
    struct child c;

    headline("An update server starts");
    say("   airlift serve --listen 127.0.0.1:0 --data %s", below(data, "server"));
    if (spawn(&c, (char *[]){demo.airlift, "serve", "--listen", "127.0.0.1:0", "--data", data, "--json-log",
                             NULL}) != 0) {
        return 1;
    }
    demo.server = c.pid;
    demo.server_log = c.err;
    while (demo.url[0] == '\0' && fgets(line, sizeof(line), c.out) != NULL) {
        (void)after(line, "admin token: ", demo.token, sizeof(demo.token));
        (void)after(line, "listening on ", demo.url, sizeof(demo.url));
    }
    if (demo.url[0] == '\0' || demo.token[0] == '\0') {
        return host_fail("demo: the server did not start");
    }
    /* From here on it only logs; a full pipe must not stop it. */
    if (fcntl(fileno(c.err), F_SETFL, O_NONBLOCK) != 0 || setenv("AIRLIFT_TOKEN", demo.token, 1) != 0) {
        return host_fail("demo: %s", strerror(errno));
    }
    say("   It listens on %s, made itself a certificate, and an admin token for publishing.", demo.url);
    return 0;
}

/* Firmware bytes that it sent since the last call. */
static uint64_t bytes_sent(void)
{
    uint64_t sum = 0;
    char line[4096];

    clearerr(demo.server_log);
    while (fgets(line, sizeof(line), demo.server_log) != NULL) {
        cJSON *entry = cJSON_Parse(line);
        const cJSON *path = cJSON_GetObjectItemCaseSensitive(entry, "path");
        const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(entry, "bytes");

        if (cJSON_IsString(path) &&
            (strstr(path->valuestring, "/artifacts/") != NULL || strstr(path->valuestring, ".bin") != NULL)) {
            sum += cJSON_IsString(bytes)   ? strtoull(bytes->valuestring, NULL, 10)
                   : cJSON_IsNumber(bytes) ? (uint64_t)bytes->valuedouble
                                           : 0;
        }
        cJSON_Delete(entry);
    }
    return sum;
}

static int publish(const char *image, const char *product, const char *version, const char *notes)
{
    char ca[PATH_SIZE];
    char *argv[] = {demo.airlift,
                    "publish",
                    (char *)image,
                    "--product",
                    (char *)product,
                    "--server",
                    demo.url,
                    "--ca",
                    (char *)below(ca, "server/cert.pem"),
                    "--notes",
                    (char *)notes,
                    version != NULL ? "--version" : NULL,
                    (char *)version,
                    NULL};

    say("   airlift publish %s --product %s%s%s", strrchr(image, '/') + 1, product,
        version != NULL ? " --version " : "", version != NULL ? version : "");
    return run(argv);
}

/* --- The device ------------------------------------------------------------ */

/* "airlift: running 1.4.3 from ota_0" in a log line: the app's version and partition. */
static bool seen_running(const char *line, char version[33], char label[17])
{
    const char *at = strstr(line, "airlift: running ");

    return at != NULL && sscanf(at, "airlift: running %32s from %16s", version, label) == 2;
}

/* Lines worth showing to somebody who has never seen a boot log. */
static bool worth_showing(const char *line)
{
    static const char *const shown[] = {"rst:", "Loaded app", "OTA data, sector", "airlift:", "self-test",
                                        " E (", "E ("};

    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (strstr(line, shown[i]) != NULL) {
            return true;
        }
    }
    return demo.verbose;
}

/* Read the device's log until a line contains `wanted`. Notes who runs from where. */
static int watch(struct child *c, const char *wanted, char version[33], char label[17])
{
    double deadline = now_s() + STEP_TIMEOUT_S;
    char line[1024];

    while (now_s() < deadline && !interrupted) {
        struct pollfd p = {.fd = fileno(c->err), .events = POLLIN};

        if (poll(&p, 1, 1000) <= 0) {
            continue;
        }
        if (fgets(line, sizeof(line), c->err) == NULL) {
            return interrupted ? 1 : host_fail("demo: the device stopped before it said \"%s\"", wanted);
        }
        (void)seen_running(line, version, label);
        if (worth_showing(line)) {
            printf("   | %s", line);
            fflush(stdout);
        }
        if (strstr(line, wanted) != NULL) {
            return 0;
        }
    }
    return interrupted
               ? 1
               : host_fail("demo: the device did not say \"%s\" within %.0f s", wanted, STEP_TIMEOUT_S);
}

/* Switch it off; its last word is a JSON document with the flash operations. */
static int switch_off(struct child *c, uint64_t *erases)
{
    char text[4096] = "", drop[1024];
    size_t len = 0;
    cJSON *summary;
    const cJSON *count;

    kill(c->pid, SIGTERM);
    while (fgets(drop, sizeof(drop), c->err) != NULL) {
    }
    while (len < sizeof(text) - 1 && fgets(text + len, (int)(sizeof(text) - len), c->out) != NULL) {
        len = strlen(text);
    }
    summary = cJSON_Parse(text);
    count = cJSON_GetObjectItemCaseSensitive(summary, "erases");
    *erases = cJSON_IsNumber(count) ? (uint64_t)count->valuedouble : 0;
    cJSON_Delete(summary);
    return join(c) == 0 ? 0 : host_fail("demo: the device ended abnormally");
}

/* What one power-on shall show: a line of its log, then what runs, then how the table puts it. */
struct story {
    const char *project; /* "http_pull" */
    const char *flash;   /* path */
    const char *product;
    const char *wanted; /* the line that ends it */
    const char *what;   /* the table's row: "1.4.3" */
    const char *from;   /* its partition */
    const char *verdict;
};

static void add_row(const char *project, const char *what, const char *from, const char *verdict,
                    uint64_t bytes, uint64_t erases, double seconds)
{
    struct row *r;

    if (demo.n_rows == MAX_ROWS) {
        return;
    }
    r = &demo.row[demo.n_rows++];
    snprintf(r->what, sizeof(r->what), "%s %s", project, what);
    snprintf(r->from, sizeof(r->from), "%s", from);
    snprintf(r->verdict, sizeof(r->verdict), "%s", verdict);
    r->bytes = bytes;
    r->erases = erases;
    r->seconds = seconds;
}

/* Run the device until the story's line; *label is the partition that runs then. */
static int run_device(const struct story *s, char version[33], char label[17])
{
    char url[512], ca[PATH_SIZE];
    double start = now_s();
    uint64_t erases;
    struct child c;
    int failed;

    snprintf(url, sizeof(url), "%s/firmware/%s/version.json", demo.url, s->product);
    say("   airlift device run %s --manifest-url %s", strrchr(s->flash, '/') + 1, url);
    (void)bytes_sent();
    if (spawn(&c, (char *[]){demo.airlift, "device", "run", (char *)s->flash, "--manifest-url", url, "--ca",
                             (char *)below(ca, "server/cert.pem"), "--json", NULL}) != 0) {
        return 1;
    }
    failed = watch(&c, s->wanted, version, label);
    if (switch_off(&c, &erases) != 0 || failed) {
        return 1;
    }
    add_row(s->project, s->what, s->from, s->verdict, bytes_sent(), erases, now_s() - start);
    return 0;
}

static int expect(const char *what, const char *got, const char *wanted)
{
    return strcmp(got, wanted) == 0 ? 0 : host_fail("demo: %s is %s, not %s", what, got, wanted);
}

/* --- Part one: firmware built here ----------------------------------------- */

static int copy_file(const char *from, const char *to)
{
    struct host_buf data;
    char err[512];
    int failed = host_read_file(from, 64u << 20, &data, err, sizeof(err));

    if (failed == 0) {
        failed = host_write_file(to, data.data, data.len, err, sizeof(err));
        host_buf_free(&data);
    }
    return failed == 0 ? 0 : host_fail("demo: %s", err);
}

static int write_text(const char *path, const char *text)
{
    char err[512];

    return host_write_file(path, text, strlen(text), err, sizeof(err)) == 0 ? 0 : host_fail("demo: %s", err);
}

/* The example project, with this server's certificate in it. */
static int prepare_project(void)
{
    char from[PATH_SIZE], to[PATH_SIZE], cert[PATH_SIZE], idf[PATH_SIZE];

    snprintf(from, sizeof(from), "%s/share/airlift/examples/http_pull", demo.prefix);
    snprintf(idf, sizeof(idf), "%s/share/airlift/idf", demo.prefix);
    if (access(from, R_OK) != 0) {
        return host_fail("demo: %s is missing: run the installed airlift (make demo does)", from);
    }
    if (setenv("IDF_PATH", idf, 1) != 0 ||
        run((char *[]){"cp", "-r", from, (char *)below(to, "http_pull"), NULL}) != 0) {
        return 1;
    }
    if (host_mkdirs(below(to, "http_pull/server_certs"), 0755) != 0) {
        return host_fail("demo: %s: %s", to, strerror(errno));
    }
    if (copy_file(below(cert, "server/cert.pem"), below(to, "http_pull/server_certs/ca_cert.pem")) != 0) {
        return 1;
    }
    return write_text(below(to, "http_pull/quick.defaults"),
                      "CONFIG_HTTP_PULL_STABILISATION_S=1\nCONFIG_HTTP_PULL_CHECK_INTERVAL_S=5\n") != 0 ||
           write_text(below(to, "http_pull/sick.defaults"), "CONFIG_HTTP_PULL_SELF_TEST_FAILS=y\n") != 0;
}

static int build(const char *version, bool sick)
{
    char source[PATH_SIZE], dir[PATH_SIZE], ver[64], config[PATH_SIZE + 32], defaults[256];

    below(source, "http_pull");
    below(dir, "http_pull/%s", version);
    snprintf(ver, sizeof(ver), "-DPROJECT_VER=%s", version);
    snprintf(config, sizeof(config), "-DSDKCONFIG=%s/sdkconfig", dir);
    snprintf(defaults, sizeof(defaults), "-DSDKCONFIG_DEFAULTS=sdkconfig.defaults;quick.defaults%s",
             sick ? ";sick.defaults" : "");
    say("   building http_pull %s%s", version, sick ? ", with a self-test that fails" : "");
    return run((char *[]){"cmake", "-G", "Ninja", "-S", source, "-B", dir, ver, config, defaults, NULL}) !=
               0 ||
           run((char *[]){"cmake", "--build", dir, NULL}) != 0;
}

static int part_one(void)
{
    char flash[PATH_SIZE], image[PATH_SIZE], version[33] = "", label[17] = "";
    struct story good = {.project = "http_pull",
                         .flash = flash,
                         .product = "http_pull",
                         .wanted = "confirmed after its health check",
                         .what = "1.4.3",
                         .from = "ota_0",
                         .verdict = "confirmed"};
    struct story bad = {.project = "http_pull",
                        .flash = flash,
                        .product = "http_pull",
                        .wanted = "was rolled back",
                        .what = "1.4.4",
                        .from = "ota_1",
                        .verdict = "failed its self-test, rolled back"};

    headline("Firmware is built: examples/http_pull in three versions");
    if (prepare_project() != 0 || build("1.4.2", false) != 0 || build("1.4.3", false) != 0 ||
        build("1.4.4", true) != 0) {
        return 1;
    }
    if (copy_file(below(image, "http_pull/1.4.2/flash.bin"), below(flash, "device.bin")) != 0 ||
        copy_file(below(image, "http_pull/1.4.2/flash.bin.json"), below(image, "device.bin.json")) != 0) {
        return 1;
    }
    say("   device.bin is the flash of a virtual ESP32 with 1.4.2 in its factory partition.");

    headline("1.4.3 is published; the device finds it, installs it in ota_0, and confirms it");
    if (publish(below(image, "http_pull/1.4.3/http_pull.bin"), "http_pull", NULL, "a good release") != 0) {
        return 1;
    }
    add_row("http_pull", "1.4.2", "factory", "was there", 0, 0, 0);
    if (run_device(&good, version, label) != 0 || expect("the running version", version, "1.4.3") != 0 ||
        expect("its partition", label, "ota_0") != 0) {
        return 1;
    }

    headline("1.4.4 is published; its self-test fails, and the device goes back by itself");
    if (publish(below(image, "http_pull/1.4.4/http_pull.bin"), "http_pull", NULL, "a bad release") != 0) {
        return 1;
    }
    if (run_device(&bad, version, label) != 0 || expect("the running version", version, "1.4.3") != 0 ||
        expect("its partition", label, "ota_0") != 0) {
        return 1;
    }
    add_row("http_pull", "1.4.3", "ota_0", "runs again", 0, 0, 0);
    return 0;
}

/* --- Part two: real firmware ----------------------------------------------- */

static int part_two(void)
{
    char flash[PATH_SIZE], old[PATH_SIZE], new[PATH_SIZE], version[33] = "", label[17] = "";
    struct story s = {.project = "WLED",
                      .flash = flash,
                      .product = "wled",
                      .wanted = "confirmed after its health check",
                      .what = "0.14.3",
                      .from = "app1",
                      .verdict = "confirmed"};

    headline("The same with real firmware: WLED for the ESP32-C3, 0.14.2 to 0.14.3");
    say("   This computer can't run RISC-V code for a C3, so airlift's reference agent runs in the");
    say("   image's place. Download, verification, flash, boot and rollback are the real ones.");
    snprintf(old, sizeof(old), "%s/share/airlift/demo/wled-esp32c3-0.14.2.bin", demo.prefix);
    snprintf(new, sizeof(new), "%s/share/airlift/demo/wled-esp32c3-0.14.3.bin", demo.prefix);
    say("   airlift flash new wled.bin --size 4MB --table arduino_min_spiffs --factory "
        "wled-esp32c3-0.14.2.bin");
    if (run((char *[]){demo.airlift, "flash", "new", (char *)below(flash, "wled.bin"), "--size", "4MB",
                       "--table", "arduino_min_spiffs", "--factory", old, NULL}) != 0 ||
        publish(new, "wled", "0.14.3", "WLED 0.14.3") != 0) {
        return 1;
    }
    add_row("WLED", "0.14.2", "app0", "was there", 0, 0, 0);
    if (setenv("AIRLIFT_AGENT_STABILISATION_S", "1", 1) != 0 ||
        setenv("AIRLIFT_AGENT_INTERVAL_S", "5", 1) != 0) {
        return host_fail("demo: %s", strerror(errno));
    }
    if (run_device(&s, version, label) != 0 || expect("the running version", version, "0.14.3") != 0 ||
        expect("its partition", label, "app1") != 0) {
        return 1;
    }
    return 0;
}

/* --- The end --------------------------------------------------------------- */

static void print_table(void)
{
    headline("What ran, from where, and what it took");
    say("   %-18s %-9s %13s %8s %8s  %s", "what ran", "from", "bytes fetched", "erases", "seconds", "");
    for (unsigned i = 0; i < demo.n_rows; i++) {
        const struct row *r = &demo.row[i];

        if (r->seconds > 0) {
            say("   %-18s %-9s %13llu %8llu %8.1f  %s", r->what, r->from, (unsigned long long)r->bytes,
                (unsigned long long)r->erases, r->seconds, r->verdict);
        } else {
            say("   %-18s %-9s %13s %8s %8s  %s", r->what, r->from, "-", "-", "-", r->verdict);
        }
    }
}

static void clean_up(bool keep)
{
    if (demo.server > 0) {
        kill(demo.server, SIGTERM);
        waitpid(demo.server, NULL, 0);
        demo.server = 0;
    }
    if (keep) {
        say("\nEverything is kept in %s. The server's dashboard shows what happened:", demo.dir);
        say("   %s serve --data %s/server", demo.airlift, demo.dir);
        say("   open https://%s/ in a browser; token: %s", SRV_DEFAULT_LISTEN, demo.token);
    } else if (demo.dir[0] != '\0') {
        (void)run((char *[]){"rm", "-rf", demo.dir, NULL});
    }
}

static int find_prefix(void)
{
    ssize_t len = readlink("/proc/self/exe", demo.prefix, sizeof(demo.prefix) - 1);
    char *slash;

    if (len <= 0) {
        return host_fail("demo: /proc/self/exe: %s", strerror(errno));
    }
    demo.prefix[len] = '\0';
    snprintf(demo.airlift, sizeof(demo.airlift), "%s", demo.prefix);
    for (int i = 0; i < 2; i++) {
        slash = strrchr(demo.prefix, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    }
    return 0;
}

static int run_demo(int argc, char **argv)
{
    bool keep = false;
    const struct host_opt opts[] = {
        {"keep", 0, HOST_OPT_FLAG, &keep, NULL, "Keep the files: server data, projects, flash.", NULL},
        {"verbose", 'v', HOST_OPT_FLAG, &demo.verbose, NULL,
         "Show every line of the device's log and of the builds.", NULL},
        {0},
    };
    double start = now_s();
    int failed;

    if (host_parse(&cmd_demo[0], argc, argv, opts) != 0) {
        host_usage(&cmd_demo[0], "takes no arguments");
    }
    if (find_prefix() != 0) {
        return 1;
    }
    snprintf(demo.dir, sizeof(demo.dir), "/tmp/airlift-demo-XXXXXX");
    if (mkdtemp(demo.dir) == NULL) {
        return host_fail("demo: %s: %s", demo.dir, strerror(errno));
    }
    sigaction(SIGINT, &(struct sigaction){.sa_handler = on_signal}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_signal}, NULL);
    say("airlift: over-the-air updates for ESP32-class devices. This shows them on a virtual one.");
    failed = start_server() != 0 || part_one() != 0 || part_two() != 0;
    if (!failed) {
        print_table();
        say("\nDone in %.0f s: every step happened as told.", now_s() - start);
        if (!keep) {
            say("%s demo --keep leaves the server's data, to look at on its dashboard.", demo.airlift);
        }
    }
    clean_up(keep);
    return interrupted ? 128 + interrupted : failed;
}

const struct host_cmd cmd_demo[] = {
    {"demo", NULL, "[--keep] [--verbose]", "show the whole story on one machine",
     "Starts an update server, builds a firmware in three versions, and runs a virtual ESP32 that\n"
     "updates itself over HTTPS from 1.4.2 to 1.4.3, confirms it after its health check, and goes\n"
     "back from a bad 1.4.4 by itself. Then the same with two real releases of WLED. Everything\n"
     "happens on this machine, in a temporary directory, on the loopback interface.\n\n"
     "Exits 1 if any step did not happen. Needs cmake, ninja and a C compiler for the builds.\n"
     "\nExamples:\n  airlift demo\n  airlift demo --keep --verbose",
     run_demo},
    {0},
};
