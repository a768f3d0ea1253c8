/*
 * cmd_boot.c - airlift boot: one power-on, without running the app.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "airlift/boot.h"
#include "commands.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "print_json.h"

/* What the command line says in place of the description. */
struct overrides {
    const char *chip, *chip_revision, *blk_revision;
    uint32_t table_off, secure_version;
    bool has_table_off, has_secure_version;
    bool rollback, no_rollback, anti_rollback, no_anti_rollback;
};

static void apply_revision(const char *text, const char *option, uint16_t *out)
{
    if (text != NULL && dev_revision_parse(text, out) != 0) {
        host_usage(&cmd_boot[0], "%s: '%s' is not a revision such as 0.4", option, text);
    }
}

static void apply(const struct overrides *o, struct dev_desc *desc)
{
    if (o->chip != NULL && (desc->chip = al_chip_by_name(o->chip)) == NULL) {
        host_usage(&cmd_boot[0], "--chip: '%s' is not a chip; try esp32, esp32c3, ...", o->chip);
    }
    apply_revision(o->chip_revision, "--chip-revision", &desc->chip_revision);
    apply_revision(o->blk_revision, "--efuse-block-revision", &desc->efuse_block_revision);
    if (o->has_table_off) {
        desc->partition_table_offset = o->table_off;
    }
    if (o->has_secure_version) {
        if (o->secure_version > desc->chip->secure_version_bits) {
            host_usage(&cmd_boot[0], "--secure-version: %s holds at most %u", desc->chip->name,
                       desc->chip->secure_version_bits);
        }
        desc->secure_version = o->secure_version;
    }
    if (o->rollback || o->no_rollback) {
        desc->rollback = o->rollback;
    }
    if (o->anti_rollback || o->no_anti_rollback) {
        desc->anti_rollback = o->anti_rollback;
    }
}

/*
 * Burn the file's eFuse, and nothing else of the description: what the command
 * line overrides is not stored.
 */
static int burn_stored(void *flash_path, uint32_t version)
{
    struct dev_desc stored;
    char message[512];

    if (dev_desc_load(flash_path, &stored, message, sizeof(message)) != 0) {
        return AL_ERR_IO;
    }
    stored.secure_version = version;
    return dev_desc_save(&stored, message, sizeof(message)) != 0 ? AL_ERR_IO : 0;
}

static int burn_nothing(void *ctx, uint32_t version)
{
    (void)ctx;
    (void)version;
    return 0;
}

static const char *app_name(int index, char buf[16])
{
    if (index == -1) {
        return "factory";
    }
    if (index == -2) {
        return "test";
    }
    snprintf(buf, 16, "ota_%d", index);
    return buf;
}

static int show_json(const struct al_boot_result *r)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *tried = cJSON_CreateArray();
    char buf[16];

    if (r->boots) {
        cJSON_AddStringToObject(root, "boot", r->part.label);
        cJSON_AddNumberToObject(root, "offset", r->part.off);
    } else {
        cJSON_AddNullToObject(root, "boot");
        cJSON_AddNullToObject(root, "offset");
    }
    cJSON_AddStringToObject(root, "reason", al_boot_reason_name(r->reason));
    cJSON_AddNumberToObject(root, "secure_version", r->secure_version);
    for (unsigned i = 0; i < r->n_tried; i++) {
        cJSON *t = cJSON_CreateObject();

        cJSON_AddStringToObject(t, "app", app_name(r->tried[i].index, buf));
        cJSON_AddStringToObject(t, "verdict", al_boot_tried_text(&r->tried[i]));
        cJSON_AddItemToArray(tried, t);
    }
    cJSON_AddItemToObject(root, "tried", tried);
    return print_json(root);
}

static void print_text(const struct al_boot_result *r)
{
    char buf[16];

    for (unsigned i = 0; i < r->n_tried; i++) {
        if (r->tried[i].fault != AL_IMAGE_GOOD || r->tried[i].secure_version_low) {
            printf("%s refused: %s\n", app_name(r->tried[i].index, buf), al_boot_tried_text(&r->tried[i]));
        }
    }
    if (r->boots) {
        printf("boots %s at 0x%x (%s)\n", r->part.label, (unsigned)r->part.off,
               al_boot_reason_name(r->reason));
    }
}

static enum al_boot_pin hold_factory_reset(void *ctx)
{
    (void)ctx;
    return AL_BOOT_PIN_FACTORY_RESET;
}

static enum al_boot_pin hold_test_app(void *ctx)
{
    (void)ctx;
    return AL_BOOT_PIN_TEST_APP;
}

/* What tells al_boot() that the pin of this name is held; NULL: none is. */
static enum al_boot_pin (*find_pin(const char *name))(void *)
{
    if (name == NULL) {
        return NULL;
    }
    if (strcmp(name, "factory-reset") != 0 && strcmp(name, "test") != 0) {
        host_usage(&cmd_boot[0], "--hold: '%s' is neither factory-reset nor test", name);
    }
    return name[0] == 'f' ? hold_factory_reset : hold_test_app;
}

static int run_boot(int argc, char **argv)
{
    static struct al_boot_work work;
    static struct al_boot_result result;
    struct overrides o = {0};
    bool dry_run = false, json = false;
    const char *hold = NULL;
    const struct host_opt opts[] = {
        {"dry-run", 0, HOST_OPT_FLAG, &dry_run, NULL, "Write nothing: neither OTA data nor eFuses.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {"chip", 0, HOST_OPT_TEXT, &o.chip, "CHIP",
         "The chip, in place of what FLASH.bin.json says; so for all below.", NULL},
        {"chip-revision", 0, HOST_OPT_TEXT, &o.chip_revision, "M.N", "Its revision.", NULL},
        {"efuse-block-revision", 0, HOST_OPT_TEXT, &o.blk_revision, "M.N", "Its eFuse block revision.", NULL},
        {"partition-table-offset", 0, HOST_OPT_SIZE, &o.table_off, "OFFSET", "Where the table lies in flash.",
         &o.has_table_off},
        {"rollback", 0, HOST_OPT_FLAG, &o.rollback, NULL, "Bootloader built with rollback.", NULL},
        {"no-rollback", 0, HOST_OPT_FLAG, &o.no_rollback, NULL, "Bootloader built without rollback.", NULL},
        {"anti-rollback", 0, HOST_OPT_FLAG, &o.anti_rollback, NULL, "Bootloader built with anti-rollback.",
         NULL},
        {"no-anti-rollback", 0, HOST_OPT_FLAG, &o.no_anti_rollback, NULL,
         "Bootloader built without anti-rollback.", NULL},
        {"secure-version", 0, HOST_OPT_NUMBER, &o.secure_version, "N", "Secure version burnt in the eFuses.",
         &o.has_secure_version},
        {"hold", 0, HOST_OPT_TEXT, &hold, "PIN",
         "A pin is held: factory-reset (what it erases is in FLASH.bin.json) or test.", NULL},
        {0},
    };
    struct al_boot_config config;
    struct dev_desc desc;
    struct dev_flash *flash;
    char message[512];
    int err;

    if (host_parse(&cmd_boot[0], argc, argv, opts) != 1) {
        host_usage(&cmd_boot[0], "name one flash file");
    }
    if (dev_desc_load(argv[0], &desc, message, sizeof(message)) != 0) {
        return host_fail("%s", message);
    }
    apply(&o, &desc);
    if (dev_flash_open(argv[0], dry_run ? DEV_FLASH_SCRATCH : DEV_FLASH_WRITE, NULL, &flash, message,
                       sizeof(message)) != 0) {
        return host_fail("%s", message);
    }
    dev_desc_boot_config(&desc, &config);
    config.burn_secure_version = dry_run ? burn_nothing : burn_stored;
    config.burn_ctx = argv[0];
    config.held_pin = find_pin(hold);
    err = al_boot(dev_flash_port(flash), &config, &work, &result);
    dev_flash_close(flash);
    if (err != 0) {
        return host_fail("%s: booting: %s", argv[0], al_strerror(err));
    }
    if (json && show_json(&result) != 0) {
        return 1;
    }
    if (!json) {
        print_text(&result);
    }
    return result.boots ? 0 : host_fail("%s: nothing boots: %s", argv[0], al_boot_reason_name(result.reason));
}

const struct host_cmd cmd_boot[] = {
    {"boot", NULL, "FLASH.bin [--dry-run] [--json] [OPTIONS]", "one power-on: which app starts?",
     "Does what ESP-IDF's second-stage bootloader does with this flash, up to the point where\n"
     "the app would start, and says which one and why. Writes what a bootloader writes: OTA\n"
     "data (NEW becomes PENDING_VERIFY, PENDING_VERIFY becomes ABORTED, ...) and the secure\n"
     "version in FLASH.bin.json; with --dry-run nothing.\n\n"
     "The device is described by FLASH.bin.json; options override it for this boot. With secure\n"
     "boot on, each app that is tried must be signed by a key in its eFuses that is not revoked\n"
     "(airlift device efuse).\n\n"
     "With --json prints {\"boot\", \"offset\", \"reason\", \"secure_version\", \"tried\"}. boot is null\n"
     "when nothing starts; tried is [{\"app\", \"verdict\"}]. Reasons: selected, default, initial,\n"
     "fallback, test; or partition_table, otadata_too_small, no_bootable_app. Exits 1 if nothing\n"
     "starts.\n"
     "\nExamples:\n  airlift boot flash.bin\n  airlift boot flash.bin --dry-run --json",
     run_boot},
    {0},
};
