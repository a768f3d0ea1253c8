/*
 * cmd_otadata.c - airlift otadata show|erase|switch: which slot boots next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "airlift/boot.h"
#include "airlift/otadata.h"
#include "commands.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "print_json.h"

/* A device's flash with its table and OTA data found. */
struct target {
    struct dev_flash *flash;
    const struct al_flash *port;
    struct al_ptable table;
    const struct al_part *otadata;
    struct al_otadata data;
    unsigned n_slots;
};

static int open_target(const char *path, enum dev_flash_mode mode, struct target *t)
{
    struct dev_desc desc;
    char message[512];

    if (dev_desc_load(path, &desc, message, sizeof(message)) != 0 ||
        dev_flash_open(path, mode, NULL, &t->flash, message, sizeof(message)) != 0) {
        return host_fail("%s", message);
    }
    t->port = dev_flash_port(t->flash);
    if (al_ptable_read(t->port, desc.partition_table_offset, &t->table) != 0) {
        dev_flash_close(t->flash);
        return host_fail("%s: no valid partition table at 0x%x", path, (unsigned)desc.partition_table_offset);
    }
    t->n_slots = al_ptable_count_slots(&t->table);
    t->otadata = al_ptable_find(&t->table, AL_TYPE_DATA, AL_SUB_DATA_OTA);
    if (t->otadata == NULL || al_otadata_read(t->port, t->otadata, &t->data) != 0) {
        dev_flash_close(t->flash);
        return host_fail("%s: %s", path,
                         t->otadata == NULL ? "the table has no OTA data partition"
                                            : "the OTA data partition can't be read (smaller than 0x2000?)");
    }
    return 0;
}

/* "VALID", or a number that is none of the states. */
static const char *state_text(uint32_t state, char buf[16])
{
    const char *name = al_ota_state_name(state);

    if (name == NULL) {
        snprintf(buf, 16, "0x%08x", (unsigned)state);
        return buf;
    }
    return name;
}

/* --- show ------------------------------------------------------------------ */

static cJSON *record_json(const struct target *t, int sector)
{
    const struct al_ota_record *rec = &t->data.rec[sector];
    cJSON *out = cJSON_CreateObject();
    char buf[16];

    cJSON_AddNumberToObject(out, "sector", sector);
    cJSON_AddNumberToObject(out, "seq", rec->seq);
    cJSON_AddNumberToObject(out, "crc", rec->crc);
    cJSON_AddBoolToObject(out, "crc_valid", al_ota_record_crc_ok(rec));
    cJSON_AddStringToObject(out, "state", state_text(rec->state, buf));
    if (al_ota_record_crc_ok(rec) && t->n_slots > 0) {
        snprintf(buf, sizeof(buf), "ota_%u", al_otadata_slot(rec->seq, t->n_slots));
        cJSON_AddStringToObject(out, "slot", buf);
    } else {
        cJSON_AddNullToObject(out, "slot");
    }
    return out;
}

static int show_json(const struct target *t, int active, const struct al_part *next)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *records = cJSON_AddArrayToObject(root, "entries");

    cJSON_AddItemToArray(records, record_json(t, 0));
    cJSON_AddItemToArray(records, record_json(t, 1));
    if (active >= 0) {
        cJSON_AddNumberToObject(root, "active_entry", active);
    } else {
        cJSON_AddNullToObject(root, "active_entry");
    }
    if (next != NULL) {
        cJSON_AddStringToObject(root, "boot", next->label);
    } else {
        cJSON_AddNullToObject(root, "boot");
    }
    return print_json(root);
}

static void show_text(const struct target *t, int active, const struct al_part *next)
{
    printf("entry  seq         state           CRC    selects\n");
    for (int i = 0; i < 2; i++) {
        const struct al_ota_record *rec = &t->data.rec[i];
        char seq[16], slot[16], buf[16];

        if (rec->seq == 0xFFFFFFFFu) {
            printf("%d      blank\n", i);
            continue;
        }
        snprintf(seq, sizeof(seq), "%u", (unsigned)rec->seq);
        snprintf(slot, sizeof(slot), t->n_slots > 0 ? "ota_%u" : "-",
                 t->n_slots > 0 ? al_otadata_slot(rec->seq, t->n_slots) : 0);
        printf("%d      %-10s  %-14s  %s  %s%s\n", i, seq, state_text(rec->state, buf),
               al_ota_record_crc_ok(rec) ? "right" : "wrong", slot, i == active ? "  <- active" : "");
    }
    printf("next boot: %s\n", next != NULL ? next->label : "nothing");
}

static int run_show(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_otadata[0];
    bool json = false;
    const struct host_opt opts[] = {{"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
                                    {0}};
    struct target t;
    const struct al_part *next;
    int active;
    int result = 0;

    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    if (open_target(argv[0], DEV_FLASH_READ, &t) != 0) {
        return 1;
    }
    active = al_otadata_active(&t.data);
    next = al_boot_peek(t.port, &t.table);
    if (json) {
        result = show_json(&t, active, next);
    } else {
        show_text(&t, active, next);
    }
    dev_flash_close(t.flash);
    return result;
}

/* --- erase ----------------------------------------------------------------- */

static int run_erase(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_otadata[1];
    const struct host_opt opts[] = {{0}};
    struct target t;
    int err;

    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    if (open_target(argv[0], DEV_FLASH_WRITE, &t) != 0) {
        return 1;
    }
    err = al_flash_erase(t.port, t.otadata->off, AL_OTADATA_SIZE);
    dev_flash_close(t.flash);
    if (err != 0) {
        return host_fail("%s: erasing OTA data: %s", argv[0], al_strerror(err));
    }
    printf("OTA data erased: the default app boots next\n");
    return 0;
}

/* --- switch ---------------------------------------------------------------- */

/* The slot's number, or -1 after saying why not. */
static int wanted_slot(const struct target *t, const char *path, bool by_slot, uint32_t slot,
                       const char *name)
{
    const struct al_part *p;
    unsigned number;

    if (by_slot) {
        p = slot < AL_MAX_OTA_SLOTS
                ? al_ptable_find(&t->table, AL_TYPE_APP, (uint8_t)(AL_SUB_APP_OTA_0 + slot))
                : NULL;
        if (p == NULL) {
            return host_fail("%s: no slot ota_%u in the partition table", path, (unsigned)slot), -1;
        }
    } else {
        p = al_ptable_find_label(&t->table, name);
        if (p == NULL || p->type != AL_TYPE_APP || p->subtype < AL_SUB_APP_OTA_0 ||
            p->subtype > AL_SUB_APP_OTA_15) {
            return host_fail("%s: '%s' is not an OTA app partition of this device", path, name), -1;
        }
    }
    number = p->subtype - AL_SUB_APP_OTA_0;
    if (number >= t->n_slots) {
        return host_fail("%s: %s can't be selected: a slot below it is missing", path, p->label), -1;
    }
    return (int)number;
}

static int run_switch(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_otadata[2];
    uint32_t slot = 0;
    const char *name = NULL;
    bool by_slot = false;
    const struct host_opt opts[] = {
        {"slot", 0, HOST_OPT_NUMBER, &slot, "N", "Slot number: 0 is ota_0.", &by_slot},
        {"name", 0, HOST_OPT_TEXT, &name, "LABEL", "The partition's label instead.", NULL},
        {0},
    };
    struct target t;
    int wanted, err;

    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one flash file");
    }
    if (by_slot == (name != NULL)) {
        host_usage(cmd, "give either --slot N or --name LABEL");
    }
    if (open_target(argv[0], DEV_FLASH_WRITE, &t) != 0) {
        return 1;
    }
    wanted = wanted_slot(&t, argv[0], by_slot, slot, name);
    err =
        wanted < 0 ? 0 : al_otadata_select(t.port, t.otadata, (unsigned)wanted, t.n_slots, AL_OTA_UNDEFINED);
    dev_flash_close(t.flash);
    if (wanted < 0) {
        return 1;
    }
    if (err != 0) {
        return host_fail("%s: writing OTA data: %s", argv[0], al_strerror(err));
    }
    printf("ota_%d boots next\n", wanted);
    return 0;
}

const struct host_cmd cmd_otadata[] = {
    {"otadata", "show", "FLASH.bin [--json]", "show both OTA data entries and what boots next",
     "Prints sequence number, state and CRC of the two entries, the slot each selects, and\n"
     "which app the bootloader starts next if its image verifies.\n"
     "\nExamples:\n  airlift otadata show flash.bin",
     run_show},
    {"otadata", "erase", "FLASH.bin", "erase OTA data: the default app boots next",
     "Erases the OTA data partition, as `idf.py erase-otadata` does. The factory app boots\n"
     "next, or the first slot if there is none.\n"
     "\nExamples:\n  airlift otadata erase flash.bin",
     run_erase},
    {"otadata", "switch", "FLASH.bin --slot N | --name LABEL", "choose the slot that boots next",
     "Writes one OTA data entry, as `otatool.py switch_ota_partition` does, but only the one\n"
     "that is not active, so that a power cut leaves the old choice, and with a state that\n"
     "boots (otatool keeps whatever state the entry had, ABORTED too).\n"
     "\nExamples:\n  airlift otadata switch flash.bin --slot 1\n  airlift otadata switch flash.bin --name "
     "ota_0",
     run_switch},
    {0},
};
