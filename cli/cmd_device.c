/*
 * cmd_device.c - airlift device run: switch a virtual device on.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device/run.h"
#include "device/shared.h"
#include "host/cmd.h"

/* --- Options --------------------------------------------------------------- */

/* Where `cmake --install` puts it, seen from this program; AIRLIFT_REFERENCE_AGENT says otherwise. */
static const char *reference_agent_path(char buf[PATH_MAX])
{
    const char *chosen = getenv("AIRLIFT_REFERENCE_AGENT");
    if (chosen && *chosen) {
        return chosen;
    }
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0) {
        return NULL;
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) {
        return NULL;
    }
    *slash = '\0';
    int len = snprintf(buf, PATH_MAX, "%s/../libexec/airlift/airlift-reference-agent", self);
    return len > 0 && len < PATH_MAX ? buf : NULL;
}

/* "4=1": pin 4 is held high. */
static void parse_gpios(const struct host_cmd *cmd, const struct host_list *list, int levels[DEV_GPIO_COUNT])
{
    for (unsigned i = 0; i < DEV_GPIO_COUNT; i++) {
        levels[i] = -1;
    }
    for (unsigned i = 0; i < list->n; i++) {
        char pin_text[8];
        uint32_t pin;
        const char *equals = strchr(list->item[i], '=');
        size_t len = equals ? (size_t)(equals - list->item[i]) : 0;
        bool good =
            equals && len < sizeof pin_text && (strcmp(equals, "=0") == 0 || strcmp(equals, "=1") == 0);
        if (good) {
            memcpy(pin_text, list->item[i], len);
            pin_text[len] = '\0';
            good = host_parse_number(pin_text, &pin) && pin < DEV_GPIO_COUNT;
        }
        if (!good) {
            host_usage(cmd, "--gpio %s: write PIN=0 or PIN=1, with PIN from 0 to %d", list->item[i],
                       DEV_GPIO_COUNT - 1);
        }
        levels[pin] = equals[1] - '0';
    }
}

/* --- The end --------------------------------------------------------------- */

static const char *stop_name(const struct dev_run_result *result)
{
    switch (result->stop) {
    case DEV_STOP_MAX_BOOTS:
        return "max_boots";
    case DEV_STOP_POWER_CUT:
        return "power_cut";
    case DEV_STOP_NO_APP:
        return "no_app";
    case DEV_STOP_SIGNAL:
        return "signal";
    case DEV_STOP_ERROR:
        break;
    }
    return "error";
}

static int print_json(FILE *to, const struct dev_run_result *result)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = root && cJSON_AddStringToObject(root, "stop", stop_name(result)) &&
              cJSON_AddNumberToObject(root, "boots", result->boots) &&
              (*result->last_booted ? cJSON_AddStringToObject(root, "last_booted", result->last_booted)
                                    : cJSON_AddNullToObject(root, "last_booted")) &&
              cJSON_AddNumberToObject(root, "programs", (double)result->programs) &&
              cJSON_AddNumberToObject(root, "erases", (double)result->erases) &&
              cJSON_AddNumberToObject(root, "violations", (double)result->violations) &&
              cJSON_AddNumberToObject(root, "max_wear", result->max_wear);
    char *text = ok ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    if (!text) {
        return host_fail("out of memory");
    }
    bool written = fprintf(to, "%s\n", text) > 0 && fflush(to) == 0;
    cJSON_free(text);
    return written ? 0 : host_fail("standard output: %s", strerror(errno));
}

static void print_summary(const struct dev_run_options *options, const struct dev_run_result *result)
{
    static const char *const reasons[] = {
        [DEV_STOP_MAX_BOOTS] = "the number of boots asked for is reached",
        [DEV_STOP_POWER_CUT] = "power cut",
        [DEV_STOP_NO_APP] = "nothing boots",
        [DEV_STOP_SIGNAL] = "switched off",
        [DEV_STOP_ERROR] = "error",
    };
    char cut[48] = "";
    if (result->stop == DEV_STOP_POWER_CUT && options->power_cut_at) {
        snprintf(cut, sizeof cut, " in flash operation %" PRIu64, options->power_cut_at);
    }
    printf("--- device off: %s%s; %u boot%s%s%s, %" PRIu64 " programs, %" PRIu64 " erases, at most %" PRIu32
           " of one sector\n",
           reasons[result->stop], cut, result->boots, result->boots == 1 ? "" : "s",
           *result->last_booted ? ", last from " : "", result->last_booted, result->programs, result->erases,
           result->max_wear);
}

static int run_device(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_device[0];
    struct dev_run_options options = {.watchdog_s = 10};
    struct host_list gpios = {.n = 0};
    uint32_t power_cut = 0, max_boots = 0;
    const char *ca = NULL;
    bool json = false;
    const struct host_opt opts[] = {
        {"gpio", 0, HOST_OPT_LIST, &gpios, "PIN=0|1",
         "Hold an input pin low or high; may be given several times.", NULL},
        {"watchdog", 0, HOST_OPT_SECONDS, &options.watchdog_s, "SECONDS",
         "Reset the app when it gives no sign of life for so long; 10 by default, 0 for never.", NULL},
        {"power-cut", 0, HOST_OPT_NUMBER, &power_cut, "N",
         "Cut the power in the middle of the N-th program or erase of the flash, counted from 1.", NULL},
        {"max-boots", 0, HOST_OPT_NUMBER, &max_boots, "N", "Stop when the N-th app started has ended.", NULL},
        {"manifest-url", 0, HOST_OPT_TEXT, &options.manifest_url, "URL",
         "Where the app shall look for updates, in place of what it was built with.", NULL},
        {"ca", 0, HOST_OPT_TEXT, &ca, "FILE", "Certificate (PEM) of the server, likewise.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL,
         "Print a JSON document at the end; the device's log then goes to standard error.", NULL},
        {0},
    };
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    parse_gpios(cmd, &gpios, options.gpio);
    options.flash_path = argv[0];
    options.power_cut_at = power_cut;
    options.max_boots = max_boots;
    char agent[PATH_MAX], ca_path[PATH_MAX];
    options.reference_agent = reference_agent_path(agent);
    if (ca) {
        options.ca_path = realpath(ca, ca_path);
        if (!options.ca_path || access(ca_path, R_OK)) {
            return host_fail("%s: %s", ca, strerror(errno));
        }
    }
    if (access(options.flash_path, F_OK)) {
        return host_fail("%s: %s (airlift flash new makes a device)", options.flash_path, strerror(errno));
    }

    /* With --json standard output is for the document alone, and so the app must not have it either. */
    FILE *document = stdout;
    if (json) {
        int fd = dup(STDOUT_FILENO);
        document = fd < 0 ? NULL : fdopen(fd, "w");
        if (!document || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
            return host_fail("standard output: %s", strerror(errno));
        }
    }
    struct dev_run_result result;
    char err[1024] = "";
    int failed = dev_run(&options, &result, err, sizeof err);
    int status = 0;
    if (json) {
        status = print_json(document, &result);
        fclose(document);
    } else if (!failed) {
        print_summary(&options, &result);
    }
    if (failed) {
        return host_fail("%s", err);
    }
    if (result.stop == DEV_STOP_NO_APP) {
        return host_fail("%s: nothing boots (airlift boot %s --dry-run says why)", options.flash_path,
                         options.flash_path);
    }
    return status;
}

/* --- Rows ------------------------------------------------------------------ */

const struct host_cmd cmd_device[] = {
    {
        .noun = "device",
        .verb = "run",
        .usage = "FLASH.bin [OPTIONS]",
        .summary = "switch a virtual device on",
        .help =
            "Runs the device whose flash is FLASH.bin and whose chip FLASH.bin.json describes: the "
            "bootloader "
            "chooses and verifies an app by ESP-IDF's rules, the app runs as a process, and a reset starts "
            "over. "
            "esp_restart() is a software reset; a crash of the process is a panic; silence is a watchdog "
            "reset. "
            "Flash and eFuses are kept in the two files, RTC memory until the device is switched off.\n"
            "\n"
            "An app built for the virtual device (chip linux) is executed as it lies in the flash. An app "
            "for a real "
            "chip can't be: the reference agent runs in its place, under the version that the image carries. "
            "It is looked for in ../libexec/airlift beside this program's directory; the environment "
            "variable "
            "AIRLIFT_REFERENCE_AGENT names another one.\n"
            "\n"
            "The device stops at Ctrl-C, at the planned power cut, after --max-boots, and when nothing boots "
            "(a chip would reset for ever). What is typed goes to the app. One device at a time can use a "
            "flash "
            "file.\n"
            "\n"
            "With --json the last thing printed is one document:\n"
            "  {\"stop\": \"max_boots\" | \"power_cut\" | \"signal\" | \"no_app\" | \"error\",\n"
            "   \"boots\": N, \"last_booted\": LABEL | null, \"programs\": N, \"erases\": N,\n"
            "   \"violations\": N, \"max_wear\": N}\n"
            "The exit status is 0 when the device stopped as asked, and 1 when nothing boots.\n"
            "\n"
            "Examples:\n"
            "  airlift device run dev.bin --manifest-url https://localhost:8443/firmware/demo/version.json "
            "--ca ca.pem\n"
            "  airlift device run dev.bin --power-cut 120\n"
            "  airlift device run dev.bin --gpio 4=0 --max-boots 1 --json",
        .run = run_device,
    },
    {0},
};
