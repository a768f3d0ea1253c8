/*
 * cmd_device.c - airlift device run: switch a virtual device on.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device.h"
#include "device/run.h"
#include "device/shared.h"
#include "device_torture.h"
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

/* "80=8080": the firmware's HTTP server at port 80 is the host's port 8080. The app finds them in its environment. */
static void pass_ports(const struct host_cmd *cmd, const struct host_list *list)
{
    char pairs[sizeof list->item / sizeof list->item[0] * sizeof "65535=65535,"] = "";

    for (unsigned i = 0; i < list->n; i++) {
        unsigned from, to;
        char more;

        if (sscanf(list->item[i], "%5u=%5u%c", &from, &to, &more) != 2 || from == 0 || to == 0 ||
            from > 65535 || to > 65535) {
            host_usage(cmd, "--port %s: write PORT=HOSTPORT, such as 80=8080", list->item[i]);
        }
        snprintf(pairs + strlen(pairs), sizeof pairs - strlen(pairs), "%s%u=%u", i > 0 ? "," : "", from, to);
    }
    if (list->n > 0) {
        setenv(DEV_ENV_PORTS, pairs, 1);
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

static bool add_wear(cJSON *root, const struct dev_run_result *result)
{
    cJSON *list = cJSON_AddArrayToObject(root, "wear");
    bool ok = list != NULL;
    for (unsigned i = 0; ok && i < result->n_wear; i++) {
        const struct dev_wear *wear = &result->wear[i];
        cJSON *row = cJSON_CreateObject();
        ok = row && cJSON_AddItemToArray(list, row) && cJSON_AddStringToObject(row, "label", wear->label) &&
             cJSON_AddNumberToObject(row, "sectors", wear->n_sectors) &&
             cJSON_AddNumberToObject(row, "erases", (double)wear->erases) &&
             cJSON_AddNumberToObject(row, "max_erases", wear->max_erases) &&
             cJSON_AddNumberToObject(row, "programs", (double)wear->programs) &&
             cJSON_AddNumberToObject(row, "max_programs", wear->max_programs);
    }
    return ok;
}

static int print_document(FILE *to, const struct dev_run_result *result)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = root && cJSON_AddStringToObject(root, "stop", stop_name(result)) &&
              cJSON_AddNumberToObject(root, "boots", result->boots) &&
              (*result->last_booted ? cJSON_AddStringToObject(root, "last_booted", result->last_booted)
                                    : cJSON_AddNullToObject(root, "last_booted")) &&
              cJSON_AddNumberToObject(root, "programs", (double)result->programs) &&
              cJSON_AddNumberToObject(root, "erases", (double)result->erases) &&
              cJSON_AddNumberToObject(root, "violations", (double)result->violations) &&
              cJSON_AddNumberToObject(root, "max_wear", result->max_wear) && add_wear(root, result);
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

/* --- In the background ------------------------------------------------------- */

static void tell_parent(void *fd)
{
    ssize_t n = write(*(int *)fd, "+", 1);
    (void)n;
    close(*(int *)fd);
    *(int *)fd = -1;
}

/* The child's life: nothing of the terminal is left to it. Never returns. */
static _Noreturn void run_detached(struct dev_run_options *options, int tell_fd)
{
    struct dev_run_result result;
    char err[1024] = "";
    int nowhere = open("/dev/null", O_RDWR);
    if (setsid() < 0 || nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 || dup2(nowhere, STDOUT_FILENO) < 0 ||
        dup2(nowhere, STDERR_FILENO) < 0) {
        snprintf(err, sizeof err, "can't go into the background: %s", strerror(errno));
    } else {
        close(nowhere);
        options->detached = true;
        options->on_ready = tell_parent;
        options->ready_ctx = &tell_fd;
        if (dev_run(options, &result, err, sizeof err) == 0) {
            _exit(0);
        }
    }
    if (tell_fd >= 0) {
        ssize_t n = write(tell_fd, err, strlen(err));
        (void)n;
    }
    _exit(1);
}

/* Returns when the device is on and can be reached, with the exit code. */
static int detach(struct dev_run_options *options)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) {
        return host_fail("can't go into the background: %s", strerror(errno));
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        run_detached(options, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return host_fail("can't go into the background: %s", strerror(errno));
    }
    char text[1024];
    size_t len = 0;
    ssize_t n;
    while ((n = read(ends[0], text + len, sizeof text - 1 - len)) > 0 || (n < 0 && errno == EINTR)) {
        len += n > 0 ? (size_t)n : 0;
    }
    close(ends[0]);
    text[len] = '\0';
    if (strcmp(text, "+") != 0) {
        return host_fail("%s", len ? text : "the device ended before it was on");
    }
    printf("%s runs in the background, process %ld\n", options->flash_path, (long)pid);
    return 0;
}

static int run_device(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_device[CMD_DEVICE_RUN];
    struct dev_run_options options = {.watchdog_s = 10};
    struct host_list gpios = {.n = 0}, ports = {.n = 0};
    uint32_t power_cut = 0, max_boots = 0;
    const char *ca = NULL;
    const char *timing = NULL;
    bool json = false, background = false;
    const struct host_opt opts[] = {
        {"detach", 'd', HOST_OPT_FLAG, &background, NULL,
         "Run in the background; `airlift device monitor` shows what it prints.", NULL},
        {"gpio", 0, HOST_OPT_LIST, &gpios, "PIN=0|1",
         "Hold an input pin low or high; may be given several times.", NULL},
        {"port", 0, HOST_OPT_LIST, &ports, "PORT=HOSTPORT",
         "Where the app's HTTP server (esp_http_server.h) at PORT is on this machine; may be given several "
         "times. Ports below 1024 belong to root here, and two devices can't have the same.",
         NULL},
        {"watchdog", 0, HOST_OPT_SECONDS, &options.watchdog_s, "SECONDS",
         "Reset the app when it gives no sign of life for so long; 10 by default, 0 for never.", NULL},
        {"power-cut", 0, HOST_OPT_NUMBER, &power_cut, "N",
         "Cut the power in the middle of the N-th program or erase of the flash, counted from 1.", NULL},
        {"flash-timing", 0, HOST_OPT_TEXT, &timing, "CHIP",
         "Let erasing and programming take as long as on this flash chip, such as w25q32; no time by "
         "default.",
         NULL},
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
    if (json && background) {
        host_usage(cmd, "--json and --detach exclude each other");
    }
    parse_gpios(cmd, &gpios, options.gpio);
    pass_ports(cmd, &ports);
    if (timing) {
        char names[128];
        options.flash_timing = dev_flash_timing(timing);
        dev_flash_timing_names(names, sizeof names);
        if (!options.flash_timing) {
            host_usage(cmd, "--flash-timing %s: the chips known are %s", timing, names);
        }
    }
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

    if (background) {
        return detach(&options);
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
        status = print_document(document, &result);
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
    [CMD_DEVICE_RUN] =
        {
            .noun = "device",
            .verb = "run",
            .usage = "FLASH.bin [OPTIONS]",
            .summary = "switch a virtual device on",
            .help =
                "Runs the device whose flash is FLASH.bin and whose chip FLASH.bin.json describes: the "
                "bootloader "
                "chooses and verifies an app by ESP-IDF's rules, the app runs as a process, and a reset "
                "starts "
                "over. "
                "esp_restart() is a software reset; a crash of the process is a panic; silence is a watchdog "
                "reset. "
                "Flash and eFuses are kept in the two files, RTC memory until the device is switched off.\n"
                "\n"
                "An app built for the virtual device (chip linux) is executed as it lies in the flash. An "
                "app "
                "for a real "
                "chip can't be: the reference agent runs in its place, under the version that the image "
                "carries. "
                "It is looked for in ../libexec/airlift beside this program's directory; the environment "
                "variable "
                "AIRLIFT_REFERENCE_AGENT names another one.\n"
                "\n"
                "The device stops at Ctrl-C, at the planned power cut, after --max-boots, and when nothing "
                "boots "
                "(a chip would reset for ever). What is typed goes to the app. One device at a time can use "
                "a "
                "flash "
                "file.\n"
                "\n"
                "With --detach it runs in the background: `airlift device monitor` shows what it prints and "
                "types to it, "
                "`airlift device off` pulls the plug. A running device, in the background or not, also obeys "
                "`airlift device "
                "status`, `reset`, `power-cycle`, `gpio`, `erase-flash` and `erase-otadata`.\n"
                "\n"
                "With --json the last thing printed is one document:\n"
                "  {\"stop\": \"max_boots\" | \"power_cut\" | \"signal\" | \"no_app\" | \"error\",\n"
                "   \"boots\": N, \"last_booted\": LABEL | null, \"programs\": N, \"erases\": N,\n"
                "   \"violations\": N, \"max_wear\": N,\n"
                "   \"wear\": [{\"label\": LABEL, \"sectors\": N, \"erases\": N, \"max_erases\": N, "
                "\"programs\": N,\n"
                "     \"max_programs\": N}]}, a row for each partition, with the most for one of its "
                "sectors\n"
                "The exit status is 0 when the device stopped as asked, and 1 when nothing boots.\n"
                "\n"
                "Examples:\n"
                "  airlift device run dev.bin --manifest-url "
                "https://localhost:8443/firmware/demo/version.json "
                "--ca ca.pem\n"
                "  airlift device run dev.bin --port 80=8080\n"
                "  airlift device run dev.bin --power-cut 120\n"
                "  airlift device run dev.bin --gpio 4=0 --max-boots 1 --json",
            .run = run_device,
        },
    [CMD_DEVICE_STATUS] =
        {
            .noun = "device",
            .verb = "status",
            .usage = "FLASH.bin [--json]",
            .summary = "show a device's apps, versions, states and wear",
            .help = cmd_device_status_help,
            .run = cmd_device_status,
        },
    [CMD_DEVICE_MONITOR] =
        {
            .noun = "device",
            .verb = "monitor",
            .usage = "FLASH.bin [--replay SIZE]",
            .summary = "show what a running device prints, and type to it",
            .help = cmd_device_monitor_help,
            .run = cmd_device_monitor,
        },
    [CMD_DEVICE_RESET] =
        {
            .noun = "device",
            .verb = "reset",
            .usage = "FLASH.bin",
            .summary = "press the reset button of a running device",
            .help =
                "The app is stopped where it is and the device boots: esp_reset_reason() is ESP_RST_EXT. RTC "
                "memory and levels at the inputs stay. Returns when the next app starts.\n"
                "\n"
                "Examples:\n"
                "  airlift device reset dev.bin",
            .run = cmd_device_reset,
        },
    [CMD_DEVICE_POWER_CYCLE] =
        {
            .noun = "device",
            .verb = "power-cycle",
            .usage = "FLASH.bin",
            .summary = "switch a running device off and on again",
            .help =
                "As unplugging a board and plugging it in: esp_reset_reason() is ESP_RST_POWERON, RTC memory "
                "is lost, and the counters of wear begin at 0. Levels at the inputs stay.\n"
                "\n"
                "Examples:\n"
                "  airlift device power-cycle dev.bin",
            .run = cmd_device_power_cycle,
        },
    [CMD_DEVICE_OFF] =
        {
            .noun = "device",
            .verb = "off",
            .usage = "FLASH.bin",
            .summary = "switch a running device off",
            .help = "Pulls the plug: the app is stopped where it is, and `airlift device run` ends with "
                    "status 0.\n"
                    "\n"
                    "Examples:\n"
                    "  airlift device off dev.bin",
            .run = cmd_device_off,
        },
    [CMD_DEVICE_GPIO] =
        {
            .noun = "device",
            .verb = "gpio",
            .usage = "FLASH.bin PIN=0|1|z ...",
            .summary = "drive the input pins of a running device",
            .help =
                "Holds pins low (0) or high (1) from outside, or lets go of them (z), so that the app's pull "
                "resistors decide. `airlift device status` shows the levels, also those that the app "
                "drives.\n"
                "\n"
                "Examples:\n"
                "  airlift device gpio dev.bin 4=0 5=z",
            .run = cmd_device_gpio,
        },
    [CMD_DEVICE_ERASE_FLASH] =
        {
            .noun = "device",
            .verb = "erase-flash",
            .usage = "FLASH.bin",
            .summary = "erase everything, as esptool.py erase_flash does",
            .help = "Sets the whole flash to 0xFF; eFuses (FLASH.bin.json) stay. A running device is "
                    "stopped, erased "
                    "and reset; nothing boots then, so it goes off.\n"
                    "\n"
                    "Examples:\n"
                    "  airlift device erase-flash dev.bin",
            .run = cmd_device_erase_flash,
        },
    [CMD_DEVICE_ERASE_OTADATA] =
        {
            .noun = "device",
            .verb = "erase-otadata",
            .usage = "FLASH.bin",
            .summary = "erase OTA data and reset, as idf.py erase-otadata does",
            .help =
                "Erases the OTA data partition, so that the factory app boots next, or the first slot if "
                "there is "
                "none. A running device is stopped, its OTA data erased, and reset. `airlift otadata erase` "
                "does the same to a device that is off only.\n"
                "\n"
                "Examples:\n"
                "  airlift device erase-otadata dev.bin",
            .run = cmd_device_erase_otadata,
        },
    [CMD_DEVICE_EFUSE] =
        {
            .noun = "device",
            .verb = "efuse",
            .usage =
                "FLASH.bin [show | burn-key-digest KEY | enable-secure-boot | revoke N | secure-version N]",
            .summary = "show or burn the eFuses of secure boot and anti-rollback",
            .help = cmd_device_efuse_help,
            .run = cmd_device_efuse,
        },
    [CMD_DEVICE_TORTURE] =
        {
            .noun = "device",
            .verb = "torture",
            .usage = "[OPTIONS]",
            .summary = "cut a device's power at every flash operation of its life",
            .run = device_torture, /* its page is the program's */
        },
    [CMD_DEVICE_N] = {0},
};
