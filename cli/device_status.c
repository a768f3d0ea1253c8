/*
 * device_status.c - airlift device status: what a device is, has and does.
 *
 * What lies in its two files is read from there, running or off; a running
 * device is asked for the rest.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "airlift/boot.h"
#include "airlift/otadata.h"
#include "commands.h"
#include "device.h"
#include "device/control.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "efuse_text.h"
#include "print_json.h"

const char cmd_device_status_help[] =
    "Says whether the device whose flash is FLASH.bin runs, and if so since when, which app, and how often "
    "the sectors of each partition were erased and programmed since power-on. Running or off: the chip, its "
    "eFuses, what lies in each app partition and whether it verifies, its state in OTA data, and which app "
    "the next reset boots if nothing is written before. Changes nothing.\n"
    "\n"
    "An update writes each sector once: of the slot it went to, erases and programs are both at most 1 for "
    "one "
    "sector.\n"
    "\n"
    "With --json prints one document:\n"
    "  {\"running\": true, \"device\": {\"pid\", \"uptime_s\", \"boots\", \"reset_reason\", \"asleep\",\n"
    "   \"partition\", \"project\", \"version\", \"watchdog_s\",\n"
    "   \"gpio_in\": {PIN: LEVEL}, \"gpio_out\": {PIN: LEVEL},\n"
    "   \"flash\": {\"reads\", \"programs\", \"erases\", \"bytes_read\", \"bytes_programmed\", "
    "\"violations\"},\n"
    "   \"wear\": [{\"label\", \"sectors\", \"erases\", \"max_erases\", \"programs\", \"max_programs\"}]},\n"
    "   \"chip\", \"chip_revision\", \"efuse_block_revision\", \"rollback\", \"anti_rollback\",\n"
    "   \"secure_version\", \"secure_boot\", \"keys\": [{\"digest\": HEX | null, \"revoked\"}],\n"
    "   \"boots_next\": LABEL | null, \"boot_reason\",\n"
    "   \"apps\": [{\"label\", \"offset\", \"size\", \"image\": \"valid\" | \"invalid\" | \"empty\",\n"
    "     \"error\": TEXT | null, \"project\", \"version\", \"state\": \"VALID\" | ... | null, "
    "\"running\"}]}\n"
    "\"device\" is null when it is off. The exit status is 0 in both cases.\n"
    "\n"
    "Examples:\n"
    "  airlift device status dev.bin\n"
    "  airlift device status dev.bin --json | jq '.device.wear[] | select(.max_erases > 1)'";

enum content { CONTENT_EMPTY, CONTENT_VALID, CONTENT_INVALID };

struct app {
    const struct al_part *part;
    enum content content;
    const char *error; /* why it is invalid, or NULL */
    bool has_desc;
    struct al_image_desc desc;
    const char *state; /* in OTA data, or NULL */
    char state_text[16];
};

struct status {
    const char *path;
    cJSON *device; /* what a running one says; NULL: it is off */
    struct dev_desc desc;
    struct al_boot_work work;
    struct al_boot_result boot;
    struct al_ptable table; /* n is 0 if there is none */
    struct app app[AL_PTABLE_MAX_ENTRIES];
    unsigned n_apps;
};

/* --- Reading ----------------------------------------------------------------- */

/* The record that speaks of a slot; the newer one if both do. */
static void read_state(const struct al_otadata *data, unsigned n_slots, struct app *app)
{
    const struct al_ota_record *found = NULL;
    for (unsigned i = 0; i < 2; i++) {
        const struct al_ota_record *rec = &data->rec[i];
        bool speaks = n_slots && rec->seq != 0xFFFFFFFFu && al_ota_record_crc_ok(rec) &&
                      al_otadata_slot(rec->seq, n_slots) + AL_SUB_APP_OTA_0 == app->part->subtype;
        if (speaks && (!found || rec->seq > found->seq)) {
            found = rec;
        }
    }
    if (!found) {
        return;
    }
    app->state = al_ota_state_name(found->state);
    if (!app->state) {
        snprintf(app->state_text, sizeof app->state_text, "0x%08" PRIx32, found->state);
        app->state = app->state_text;
    }
}

static void read_app(struct status *s, const struct al_flash *flash, const struct al_boot_config *config,
                     struct app *app)
{
    uint8_t head[AL_IMAGE_HEADER_SIZE];
    memset(head, 0xFF, sizeof head);
    app->content = CONTENT_EMPTY;
    if (al_flash_read(flash, app->part->off, head, sizeof head) == 0) {
        for (size_t i = 0; i < sizeof head; i++) {
            app->content = head[i] == 0xFF ? app->content : CONTENT_INVALID;
        }
    }
    if (app->content == CONTENT_EMPTY) {
        return;
    }
    struct al_image_rules rules = config->rules;
    rules.flash_off = app->part->off;
    rules.part_size = app->part->size;
    rules.for_load = true;
    s->work.signature.policy = &config->trusted;
    rules.signature = config->secure_boot ? &s->work.signature : NULL;
    if (al_image_verify(flash, &rules, &s->work.check, s->work.buf, sizeof s->work.buf) == 0) {
        app->content = CONTENT_VALID;
    } else {
        app->error = s->work.check.fault == AL_IMAGE_NOT_TRUSTED ? al_sig_fault_text(s->work.signature.fault)
                                                                 : al_image_fault_text(s->work.check.fault);
    }
    app->has_desc = al_image_read_desc(flash, app->part->off, &app->desc) == 0;
}

static void read_apps(struct status *s, const struct al_flash *flash, const struct al_boot_config *config)
{
    struct al_otadata data;
    const struct al_part *part = al_ptable_find(&s->table, AL_TYPE_DATA, AL_SUB_DATA_OTA);
    bool has_data = part && al_otadata_read(flash, part, &data) == 0;
    for (unsigned i = 0; i < s->table.n; i++) {
        if (s->table.part[i].type != AL_TYPE_APP) {
            continue;
        }
        struct app *app = &s->app[s->n_apps++];
        app->part = &s->table.part[i];
        read_app(s, flash, config, app);
        if (has_data) {
            read_state(&data, al_ptable_count_slots(&s->table), app);
        }
    }
}

static int burn_nothing(void *ctx, uint32_t version)
{
    (void)ctx;
    (void)version;
    return 0;
}

/* Ask the device if it runs. 0, or the exit code after one line. */
static int ask(struct status *s)
{
    char err[1024], *text;
    int fd = dev_control_connect(s->path, err, sizeof err);
    if (fd == AL_ERR_STATE) {
        return 0;
    }
    if (fd < 0) {
        return host_fail("%s", err);
    }
    int result = dev_control_ask_fd(fd, "status", &text, err, sizeof err);
    close(fd);
    if (result) {
        return host_fail("%s: %s", s->path, err);
    }
    s->device = cJSON_Parse(text);
    free(text);
    return s->device ? 0 : host_fail("%s: the device's answer can't be understood", s->path);
}

static int read_status(struct status *s)
{
    char err[1024];
    struct dev_flash *flash;
    struct al_boot_config config;
    if (dev_desc_load(s->path, &s->desc, err, sizeof err) ||
        dev_flash_open(s->path, DEV_FLASH_SCRATCH, NULL, &flash, err, sizeof err)) {
        return host_fail("%s", err);
    }
    const struct al_flash *port = dev_flash_port(flash);
    dev_desc_boot_config(&s->desc, &config);
    config.burn_secure_version = burn_nothing;
    if (al_ptable_read(port, s->desc.partition_table_offset, &s->table)) {
        s->table.n = 0;
    }
    read_apps(s, port, &config);
    /* On a copy that is forgotten: it writes what a bootloader writes. */
    int result = al_boot(port, &config, &s->work, &s->boot);
    dev_flash_close(flash);
    return result ? host_fail("%s: booting: %s", s->path, al_strerror(result)) : 0;
}

/* --- As JSON ----------------------------------------------------------------- */

static bool is_running(const struct status *s, const struct app *app)
{
    const cJSON *label = cJSON_GetObjectItemCaseSensitive(s->device, "partition");
    return cJSON_IsString(label) && strcmp(label->valuestring, app->part->label) == 0;
}

static void add_text(cJSON *to, const char *name, const char *text)
{
    if (text) {
        cJSON_AddStringToObject(to, name, text);
    } else {
        cJSON_AddNullToObject(to, name);
    }
}

static cJSON *app_json(const struct status *s, const struct app *app)
{
    static const char *const contents[] = {"empty", "valid", "invalid"};
    cJSON *out = cJSON_CreateObject();
    cJSON_AddStringToObject(out, "label", app->part->label);
    cJSON_AddNumberToObject(out, "offset", app->part->off);
    cJSON_AddNumberToObject(out, "size", app->part->size);
    cJSON_AddStringToObject(out, "image", contents[app->content]);
    add_text(out, "error", app->error);
    add_text(out, "project", app->has_desc ? app->desc.project : NULL);
    add_text(out, "version", app->has_desc ? app->desc.version : NULL);
    add_text(out, "state", app->state);
    cJSON_AddBoolToObject(out, "running", is_running(s, app));
    return out;
}

static int show_json(struct status *s)
{
    char revision[8];
    cJSON *root = cJSON_CreateObject();
    cJSON_AddBoolToObject(root, "running", s->device != NULL);
    cJSON_AddItemToObject(root, "device", s->device ? cJSON_Duplicate(s->device, true) : cJSON_CreateNull());
    cJSON_AddStringToObject(root, "chip", s->desc.chip->name);
    dev_revision_print(s->desc.chip_revision, revision);
    cJSON_AddStringToObject(root, "chip_revision", revision);
    dev_revision_print(s->desc.efuse_block_revision, revision);
    cJSON_AddStringToObject(root, "efuse_block_revision", revision);
    cJSON_AddBoolToObject(root, "rollback", s->desc.rollback);
    cJSON_AddBoolToObject(root, "anti_rollback", s->desc.anti_rollback);
    cJSON_AddNumberToObject(root, "secure_version", s->desc.secure_version);
    cJSON_AddBoolToObject(root, "secure_boot", s->desc.secure_boot);
    cJSON_AddItemToObject(root, "keys", efuse_keys_json(&s->desc));
    add_text(root, "boots_next", s->boot.boots ? s->boot.part.label : NULL);
    cJSON_AddStringToObject(root, "boot_reason", al_boot_reason_name(s->boot.reason));
    cJSON *apps = cJSON_AddArrayToObject(root, "apps");
    for (unsigned i = 0; i < s->n_apps; i++) {
        cJSON_AddItemToArray(apps, app_json(s, &s->app[i]));
    }
    return print_json(root);
}

/* --- For people -------------------------------------------------------------- */

static double number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "-";
}

static void show_levels(const cJSON *device, const char *name, const char *title)
{
    const cJSON *pin;
    const cJSON *pins = cJSON_GetObjectItemCaseSensitive(device, name);
    if (cJSON_GetArraySize(pins) == 0) {
        return;
    }
    printf("%s", title);
    cJSON_ArrayForEach(pin, pins)
    {
        printf(" %s=%.0f", pin->string, pin->valuedouble);
    }
    putchar('\n');
}

static void show_device(const struct status *s)
{
    const cJSON *d = s->device;
    bool asleep = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(d, "asleep"));
    printf("%-9s process %.0f, for %.0f s; boot %.0f, after reset '%s'\n", asleep ? "asleep" : "running",
           number(d, "pid"), number(d, "uptime_s"), number(d, "boots"), text(d, "reset_reason"));
    printf("app       %s: %s %s\n", text(d, "partition"), text(d, "project"), text(d, "version"));
    if (number(d, "watchdog_s") > 0) {
        printf("watchdog  %g s\n", number(d, "watchdog_s"));
    } else {
        printf("watchdog  off\n");
    }
    show_levels(d, "gpio_in", "inputs   ");
    show_levels(d, "gpio_out", "outputs  ");
}

static void image_text(const struct app *app, char out[80])
{
    if (app->content == CONTENT_EMPTY) {
        snprintf(out, 80, "empty");
    } else if (app->content == CONTENT_INVALID) {
        snprintf(out, 80, "invalid: %s", app->error);
    } else {
        snprintf(out, 80, "%s %s", app->has_desc ? app->desc.project : "app",
                 app->has_desc ? app->desc.version : "of unknown version");
    }
}

static void show_apps(const struct status *s)
{
    char image[80], size[24];
    int width = 12;
    for (unsigned i = 0; i < s->n_apps; i++) {
        image_text(&s->app[i], image);
        width = (int)strlen(image) > width ? (int)strlen(image) : width;
    }
    printf("\n%-16s %-9s %-6s %-*s %s\n", "app partition", "offset", "size", width, "image", "state");
    for (unsigned i = 0; i < s->n_apps; i++) {
        const struct app *app = &s->app[i];
        const char *notes[] = {
            app->state,
            is_running(s, app) ? "running" : NULL,
            s->boot.boots && s->boot.part.off == app->part->off ? "boots next" : NULL,
        };
        image_text(app, image);
        host_print_size(app->part->size, size);
        printf("%-16s 0x%-7" PRIx32 " %-6s %-*s", app->part->label, app->part->off, size, width, image);
        for (unsigned j = 0, n = 0; j < 3; j++) {
            if (notes[j]) {
                printf("%s%s", n++ ? ", " : " ", notes[j]);
            }
        }
        putchar('\n');
    }
    if (!s->boot.boots) {
        printf("nothing boots: %s\n", al_boot_reason_name(s->boot.reason));
    }
}

static void show_wear(const cJSON *device)
{
    const cJSON *row, *flash = cJSON_GetObjectItemCaseSensitive(device, "flash");
    printf("\n%-16s %8s  %19s  %19s\n", "since power-on", "sectors", "erases max/sector",
           "programs max/sector");
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(device, "wear"))
    {
        printf("%-16s %8.0f  %8.0f %10.0f  %8.0f %10.0f\n", text(row, "label"), number(row, "sectors"),
               number(row, "erases"), number(row, "max_erases"), number(row, "programs"),
               number(row, "max_programs"));
    }
    printf("flash: %.0f reads, %.0f programs, %.0f erases", number(flash, "reads"), number(flash, "programs"),
           number(flash, "erases"));
    if (number(flash, "violations") > 0) {
        printf(", %.0f programs refused", number(flash, "violations"));
    }
    putchar('\n');
}

static void show_text(const struct status *s)
{
    char revision[8];
    dev_revision_print(s->desc.chip_revision, revision);
    if (s->device) {
        show_device(s);
    } else {
        printf("off\n");
    }
    printf("chip      %s v%s, secure version %" PRIu32 ", rollback %s, anti-rollback %s\n",
           s->desc.chip->name, revision, s->desc.secure_version, s->desc.rollback ? "on" : "off",
           s->desc.anti_rollback ? "on" : "off");
    printf("security  secure boot %s", s->desc.secure_boot ? "on" : "off");
    for (unsigned i = 0; i < DEV_MAX_KEYS; i++) {
        char key[EFUSE_KEY_TEXT];
        if (efuse_key_text(&s->desc, i, key)) {
            printf(", key %u %s", i, key);
        }
    }
    putchar('\n');
    if (s->table.n) {
        show_apps(s);
    } else {
        printf("no valid partition table at 0x%" PRIx32 "\n", s->desc.partition_table_offset);
    }
    if (s->device) {
        show_wear(s->device);
    }
}

int cmd_device_status(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_device[CMD_DEVICE_STATUS];
    bool json = false;
    const struct host_opt opts[] = {{"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
                                    {0}};
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    static struct status s;
    s = (struct status){.path = argv[0]};
    int failed = ask(&s);
    failed = failed ? failed : read_status(&s);
    if (!failed && json) {
        failed = show_json(&s);
    } else if (!failed) {
        show_text(&s);
    }
    cJSON_Delete(s.device);
    return failed;
}
