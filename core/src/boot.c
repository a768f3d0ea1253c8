#include "airlift/boot.h"

#include "airlift/bytes.h"
#include "airlift/otadata.h"

#define INDEX_FACTORY (-1)
#define INDEX_TEST    (-2)

/* One boot under way: what the table offers, and the verdict so far. */
struct boot {
    const struct al_flash *flash;
    const struct al_boot_config *config;
    struct al_boot_work *work;
    struct al_boot_result *out;
    const struct al_part *factory, *test, *otadata; /* NULL: not in the table */
    const struct al_part *slot[AL_MAX_OTA_SLOTS];   /* by subtype number */
    unsigned n_slots; /* every ota_x entry counts, gaps or not, as in ESP-IDF's bootloader */
    bool initial;     /* OTA data holds nothing: the app that starts is entered in it */
    bool unreadable;  /* flash failed under an image */
};

const char *al_boot_reason_name(enum al_boot_reason reason)
{
    switch (reason) {
    case AL_BOOT_SELECTED:
        return "selected";
    case AL_BOOT_DEFAULT:
        return "default";
    case AL_BOOT_INITIAL:
        return "initial";
    case AL_BOOT_FALLBACK:
        return "fallback";
    case AL_BOOT_TEST:
        return "test";
    case AL_BOOT_NO_TABLE:
        return "partition_table";
    case AL_BOOT_OTADATA_TOO_SMALL:
        return "otadata_too_small";
    case AL_BOOT_NO_APP:
        return "no_bootable_app";
    }
    return "unknown";
}

const char *al_boot_tried_text(const struct al_boot_tried *tried)
{
    return tried->secure_version_low              ? "secure version too low"
           : tried->fault == AL_IMAGE_NOT_TRUSTED ? al_sig_fault_text(tried->signature)
                                                  : al_image_fault_text(tried->fault);
}

/* --- The table ----------------------------------------------------------- */

/* ESP-IDF's bootloader takes an entry at offset 0 for none. */
static bool present(const struct al_part *p)
{
    return p != NULL && p->off != 0;
}

/* Where two entries have the same role, the later one has it. */
static void collect(struct boot *b)
{
    for (unsigned i = 0; i < b->work->table.n; i++) {
        const struct al_part *p = &b->work->table.part[i];

        if (p->type == AL_TYPE_APP) {
            if (p->subtype == AL_SUB_APP_FACTORY) {
                b->factory = p;
            } else if (p->subtype == AL_SUB_APP_TEST) {
                b->test = p;
            } else if (p->subtype >= AL_SUB_APP_OTA_0 && p->subtype <= AL_SUB_APP_OTA_15) {
                b->slot[p->subtype - AL_SUB_APP_OTA_0] = p;
                b->n_slots++;
            }
        } else if (p->type == AL_TYPE_DATA && p->subtype == AL_SUB_DATA_OTA) {
            b->otadata = p;
        }
    }
}

/* NULL if there is no such app, or it is empty. */
static const struct al_part *app_at(const struct boot *b, int index)
{
    const struct al_part *p = NULL;

    if (index == INDEX_FACTORY) {
        p = b->factory;
    } else if (index == INDEX_TEST) {
        p = b->test;
    } else if (index >= 0 && index < (int)AL_MAX_OTA_SLOTS) {
        p = b->slot[index];
    }
    return p != NULL && p->size > 0 ? p : NULL;
}

/* --- Anti-rollback ------------------------------------------------------- */

/* A slot's entry, even an empty one: its description is looked at all the same. */
static const struct al_part *slot_at(const struct boot *b, unsigned slot)
{
    return slot < AL_MAX_OTA_SLOTS ? b->slot[slot] : NULL;
}

/* The app's description is readable and its secure version not below the eFuse's. */
static bool new_enough(const struct boot *b, const struct al_part *p)
{
    struct al_image_desc desc;

    return present(p) && al_image_read_desc(b->flash, p->off, &desc) == 0 &&
           desc.secure_version >= b->out->secure_version;
}

/*
 * Raise the eFuse to what this app carries. Only after it was confirmed, or on
 * first boot. A version that the field can't hold is not burnt at all.
 */
static int burn(struct boot *b, const struct al_part *p)
{
    struct al_image_desc desc;
    int err;

    if (!present(p) || al_image_read_desc(b->flash, p->off, &desc) != 0 ||
        desc.secure_version <= b->out->secure_version ||
        (b->config->rules.chip != NULL && desc.secure_version > b->config->rules.chip->secure_version_bits)) {
        return 0;
    }
    if (b->config->burn_secure_version == NULL) {
        return AL_ERR_ARG;
    }
    err = b->config->burn_secure_version(b->config->burn_ctx, desc.secure_version);
    if (err == 0) {
        b->out->secure_version = desc.secure_version;
    }
    return err;
}

/* --- Selection ----------------------------------------------------------- */

/* Nothing there, or torn: not the same as rejected, which looks at seq and state. */
static bool empty(const struct al_ota_record *rec)
{
    return rec->seq == 0xFFFFFFFFu || !al_ota_record_crc_ok(rec);
}

static bool usable(const struct boot *b, const struct al_ota_record *rec)
{
    if (!al_ota_record_usable(rec)) {
        return false;
    }
    if (!b->config->anti_rollback) {
        return true;
    }
    return b->n_slots > 0 && new_enough(b, slot_at(b, al_otadata_slot(rec->seq, b->n_slots)));
}

static int active_sector(const struct boot *b, const struct al_otadata *data)
{
    bool usable0 = usable(b, &data->rec[0]);
    bool usable1 = usable(b, &data->rec[1]);

    if (usable0 && usable1) {
        return data->rec[0].seq >= data->rec[1].seq ? 0 : 1;
    }
    return usable0 ? 0 : usable1 ? 1 : -1;
}

/*
 * Rewrite one record. If that fails the boot goes on all the same, as ESP-IDF's
 * does: a worn-out sector must not stop the device. Only a flash that does not
 * answer any more ends it.
 */
static int rewrite(struct boot *b, unsigned sector, const struct al_ota_record *rec)
{
    uint8_t probe;

    return al_otadata_write(b->flash, b->otadata, sector, rec) == 0
               ? 0
               : al_flash_read(b->flash, b->otadata->off, &probe, sizeof(probe));
}

/* A trial that ended in a reset, whatever the cause, has failed. */
static int abort_unconfirmed(struct boot *b, struct al_otadata *data)
{
    for (unsigned i = 0; i < 2; i++) {
        if (data->rec[i].state == AL_OTA_PENDING_VERIFY) {
            int err;

            data->rec[i].state = AL_OTA_ABORTED;
            /* Cut here: the record is blank, the other one boots, only the verdict is lost. */
            err = rewrite(b, i, &data->rec[i]);
            if (err != 0) {
                return err;
            }
        }
    }
    return 0;
}

/* The active record's slot; its state moves on as the trial begins. */
static int select_active(struct boot *b, struct al_otadata *data, int *index)
{
    int active = b->n_slots > 0 ? active_sector(b, data) : -1;
    struct al_ota_record *rec;

    *index = INDEX_FACTORY;
    if (active < 0) {
        return 0;
    }
    rec = &data->rec[active];
    *index = (int)al_otadata_slot(rec->seq, b->n_slots);
    b->out->reason = AL_BOOT_SELECTED;
    if (b->config->rollback && rec->state == AL_OTA_NEW) {
        rec->state = AL_OTA_PENDING_VERIFY;
        /* Cut here: the previous app boots and the update waits in its slot. */
        return rewrite(b, (unsigned)active, rec);
    }
    if (b->config->anti_rollback && rec->state == AL_OTA_VALID) {
        return burn(b, slot_at(b, (unsigned)*index));
    }
    return 0;
}

/* Which index to start with. *gave_up: OTA data can't be read at all. */
static int choose(struct boot *b, int *index, bool *gave_up)
{
    struct al_otadata data;
    bool both_empty;
    int err;

    *index = INDEX_FACTORY;
    if (!present(b->otadata)) {
        return 0;
    }
    if (al_otadata_read(b->flash, b->otadata, &data) != 0) {
        *gave_up = true;
        return 0;
    }
    if (b->config->rollback) {
        err = abort_unconfirmed(b, &data);
        if (err != 0) {
            return err;
        }
    }
    both_empty = empty(&data.rec[0]) && empty(&data.rec[1]);
    if (b->config->anti_rollback) {
        b->initial = both_empty;
        return select_active(b, &data, index);
    }
    if ((al_ota_record_rejected(&data.rec[0]) && al_ota_record_rejected(&data.rec[1])) || b->n_slots == 0) {
        if (!present(b->factory)) {
            *index = 0;
            b->initial = both_empty;
        }
        return 0;
    }
    return select_active(b, &data, index);
}

/* --- Factory reset ------------------------------------------------------- */

static bool is_listed(const char *list, const char *label)
{
    uint32_t at = 0;

    while (list != NULL && *list != '\0') {
        bool ends = *list == ',' || *list == ' ';

        if (!ends && (at == UINT32_MAX || label[at] != *list)) {
            at = UINT32_MAX; /* another word */
        } else if (!ends) {
            at++;
        } else if (at > 0 && at != UINT32_MAX && label[at] == '\0') {
            return true;
        } else {
            at = 0;
        }
        list++;
    }
    return at > 0 && at != UINT32_MAX && label[at] == '\0';
}

/*
 * Erase what a factory reset erases. A partition that refuses does not keep the
 * others from it; only a flash that does not answer any more ends the boot.
 */
static int reset_data(struct boot *b)
{
    uint8_t probe;

    for (unsigned i = 0; i < b->work->table.n; i++) {
        const struct al_part *p = &b->work->table.part[i];

        if (p->type == AL_TYPE_DATA && (is_listed(b->config->reset_labels, p->label) ||
                                        (b->config->reset_otadata && p->subtype == AL_SUB_DATA_OTA))) {
            /* Cut here: what is left is erased by the next boot, if the pin is held still. */
            if (al_flash_erase(b->flash, p->off, p->size) == 0) {
                continue;
            }
            b->out->reset_failed = true;
            if (al_flash_read(b->flash, p->off, &probe, sizeof(probe)) != 0) {
                return AL_ERR_IO;
            }
        }
    }
    return 0;
}

/* --- Loading ------------------------------------------------------------- */

/* Try one app. Returns 1 if it starts, 0 if not, AL_ERR_CRYPTO. */
static int try_app(struct boot *b, int index)
{
    const struct al_part *p = app_at(b, index);
    struct al_image_rules rules = b->config->rules;
    struct al_boot_tried *tried;
    int err;

    if (p == NULL) {
        return 0;
    }
    tried = &b->out->tried[b->out->n_tried++];
    tried->index = (int8_t)index;
    tried->fault = AL_IMAGE_GOOD;
    tried->secure_version_low = b->config->anti_rollback && !new_enough(b, p);
    if (tried->secure_version_low) {
        return 0;
    }
    rules.flash_off = p->off;
    rules.part_size = p->size;
    rules.for_load = true;
    rules.skip_integrity = b->config->skip_validate;
    b->work->signature.policy = &b->config->trusted;
    rules.signature = b->config->secure_boot ? &b->work->signature : NULL;
    err = al_image_verify(b->flash, &rules, &b->work->check, b->work->buf, sizeof(b->work->buf));
    tried->fault = b->work->check.fault;
    if (tried->fault == AL_IMAGE_NOT_TRUSTED) {
        tried->signature = b->work->signature.fault;
    }
    if (err == AL_ERR_CRYPTO) {
        return err;
    }
    if (err == AL_ERR_IO) {
        /* Another app may lie where flash can still be read. */
        tried->fault = AL_IMAGE_UNREADABLE;
        b->unreadable = true;
    }
    if (err != 0) {
        return 0;
    }
    b->out->part = *p;
    b->out->boots = true;
    return 1;
}

/* The first app to start on blank OTA data is entered there, as confirmed. */
static int enter_initial(struct boot *b, int index)
{
    struct al_ota_record rec;
    int err;

    al_ota_record_init(&rec, (uint32_t)index + 1, AL_OTA_VALID);
    /* Cut here: OTA data is still empty, and the next boot does the same again. */
    err = rewrite(b, 0, &rec);
    if (err != 0 || !b->config->anti_rollback) {
        return err;
    }
    return burn(b, app_at(b, index));
}

/* From `start` down to factory, then the slots above, then the test app. By index, not age. */
static int load(struct boot *b, int start)
{
    int index = start;
    int err;

    for (;;) {
        err = try_app(b, index);
        if (err != 0) {
            break;
        }
        if (index == INDEX_TEST) {
            b->out->reason = AL_BOOT_NO_APP;
            return b->unreadable ? AL_ERR_IO : 0;
        }
        if (index <= start && index > INDEX_FACTORY) {
            index--;
        } else {
            index = index == INDEX_FACTORY ? start + 1 : index + 1;
            if (index >= (int)b->n_slots || index >= (int)AL_MAX_OTA_SLOTS) {
                index = INDEX_TEST;
            }
        }
    }
    if (err < 0) {
        return err;
    }
    if (b->initial && index >= 0) {
        b->out->reason = AL_BOOT_INITIAL;
        return enter_initial(b, index);
    }
    if (index != start) {
        /* OTA data stays as it is: the broken app is tried first again next time. */
        bool had_choice = b->out->reason == AL_BOOT_SELECTED || b->out->n_tried > 1;

        b->out->reason = had_choice ? AL_BOOT_FALLBACK : AL_BOOT_DEFAULT;
    }
    return 0;
}

/* --- Public -------------------------------------------------------------- */

int al_boot(const struct al_flash *flash, const struct al_boot_config *config, struct al_boot_work *work,
            struct al_boot_result *out)
{
    struct boot b = {.flash = flash, .config = config, .work = work, .out = out};
    bool gave_up = false;
    int index;
    int err;

    memset(out, 0, sizeof(*out));
    out->secure_version = config->secure_version;
    if (config->secure_boot && config->skip_validate) {
        return AL_ERR_ARG;
    }
    err = al_ptable_read(flash, config->ptable_off, &work->table);
    if (err == AL_ERR_TABLE || err == AL_ERR_SIZE) {
        out->reason = AL_BOOT_NO_TABLE;
        return 0;
    }
    if (err != 0) {
        return err;
    }
    collect(&b);
    out->reason = AL_BOOT_DEFAULT;
    err = choose(&b, &index, &gave_up);
    if (err != 0) {
        return err;
    }
    out->selected = index;
    if (gave_up) { /* as ESP-IDF: before it looks at a pin */
        out->reason = AL_BOOT_OTADATA_TOO_SMALL;
        return 0;
    }
    switch (config->held_pin != NULL ? config->held_pin(config->pin_ctx) : AL_BOOT_PIN_NONE) {
    case AL_BOOT_PIN_NONE:
        break;
    case AL_BOOT_PIN_FACTORY_RESET:
        err = reset_data(&b);
        if (err != 0) {
            return err;
        }
        b.initial = false;
        out->reason = AL_BOOT_DEFAULT;
        err = choose(&b, &out->selected, &gave_up);
        if (err != 0) {
            return err;
        }
        if (gave_up) {
            out->reason = AL_BOOT_OTADATA_TOO_SMALL;
            return 0;
        }
        index = out->selected;
        break;
    case AL_BOOT_PIN_TEST_APP:
        err = try_app(&b, INDEX_TEST);
        out->reason = err > 0 ? AL_BOOT_TEST : AL_BOOT_NO_APP;
        return err < 0 ? err : b.unreadable ? AL_ERR_IO : 0;
    case AL_BOOT_PIN_OFF:
        return AL_ERR_STATE;
    }
    return load(&b, index);
}

/* factory, else the lowest slot, else the test app. */
static const struct al_part *default_app(const struct al_ptable *table)
{
    for (unsigned subtype = AL_SUB_APP_FACTORY; subtype <= AL_SUB_APP_TEST;
         subtype = subtype == AL_SUB_APP_FACTORY ? AL_SUB_APP_OTA_0 : subtype + 1) {
        const struct al_part *p = al_ptable_find(table, AL_TYPE_APP, (uint8_t)subtype);

        if (p != NULL) {
            return p;
        }
    }
    return NULL;
}

const struct al_part *al_boot_peek(const struct al_flash *flash, const struct al_ptable *table)
{
    const struct al_part *otadata = al_ptable_find(table, AL_TYPE_DATA, AL_SUB_DATA_OTA);
    unsigned n_slots = al_ptable_count_slots(table);
    struct al_otadata data;
    int active;

    if (otadata == NULL || al_otadata_read(flash, otadata, &data) != 0) {
        return NULL;
    }
    active = al_otadata_active(&data);
    if (n_slots == 0 || active < 0) {
        return default_app(table);
    }
    return al_ptable_find(table, AL_TYPE_APP,
                          (uint8_t)(AL_SUB_APP_OTA_0 + al_otadata_slot(data.rec[active].seq, n_slots)));
}
