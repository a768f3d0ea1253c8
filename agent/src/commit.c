/*
 * Confirming the running version in OTA data, so that a power cut costs nothing.
 *
 * Two records lie in two sectors. The trial's one is PENDING, which any later
 * boot turns into ABORTED; the other one is the previous app's, or blank if that
 * was factory. N is the number of slots: seq + N selects the same slot as seq.
 *
 *     the trial's       the other         what a boot in between does
 *     ----------------  ----------------  --------------------------------------
 *     seq     PENDING   previous, VALID   previous app; the agent selects again
 *     seq     NEW       previous, VALID   the same trial once more
 *     seq     NEW       blank, torn       the same trial once more
 *     seq     NEW       seq + N, VALID    confirmed
 *     blank, torn       seq + N, VALID    confirmed; the way back is missing
 *     previous, VALID   seq + N, VALID    confirmed
 *
 * PENDING becomes NEW by clearing one bit, without an erase. The stock bootloader
 * reads every line as it does its own records: the larger sequence number wins.
 *
 * In the third line the trial's record is the only one, and the bootloader
 * rewrites it in place when it starts the trial again: a second cut just there
 * leaves none, and the default app boots - factory, else the lowest slot. So this
 * way is taken only where the default app is the previous one. Elsewhere ESP-IDF's
 * own way is the safe one: it rewrites the trial's record in place, the previous
 * app's stays all the time, and a cut boots that app, which selects this one again.
 */
#include "agent.h"

#include <stddef.h>
#include <string.h>

#include "esp_efuse.h"
#include "esp_flash_partitions.h"
#include "esp_rom_crc.h"

#define BLANK_SEQ UINT32_MAX

_Static_assert((ESP_OTA_IMG_PENDING_VERIFY & ESP_OTA_IMG_NEW) == ESP_OTA_IMG_NEW, "no bit has to be set");

struct records {
    const esp_partition_t *part;
    uint32_t n_slots;
    esp_ota_select_entry_t entry[2]; /* of sector 0 and sector 1 */
    unsigned active;                 /* sector of the record that counts; 0 if none does */
};

/* --- Records -------------------------------------------------------------- */

static uint32_t crc_of(uint32_t seq)
{
    return esp_rom_crc32_le(UINT32_MAX, (const uint8_t *)&seq, sizeof(seq));
}

static bool is_usable(const esp_ota_select_entry_t *e)
{
    return e->ota_seq != BLANK_SEQ && e->ota_state != ESP_OTA_IMG_INVALID &&
           e->ota_state != ESP_OTA_IMG_ABORTED && e->crc == crc_of(e->ota_seq);
}

static bool selects(const struct records *r, unsigned sector, const esp_partition_t *slot)
{
    return is_usable(&r->entry[sector]) && (r->entry[sector].ota_seq - 1) % r->n_slots ==
                                               (uint32_t)slot->subtype - ESP_PARTITION_SUBTYPE_APP_OTA_0;
}

static bool is_slot(const esp_partition_t *p)
{
    return p->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MIN && p->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MAX;
}

/* False if they can't be read. */
static bool read_records(struct records *out)
{
    out->part = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_OTA, NULL);
    out->n_slots = esp_ota_get_app_partition_count();
    if (out->part == NULL || out->n_slots < 2) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (esp_partition_read(out->part, i * AGENT_SECTOR_SIZE, &out->entry[i], sizeof(out->entry[i])) !=
            ESP_OK) {
            return false;
        }
    }
    const bool usable[2] = {is_usable(&out->entry[0]), is_usable(&out->entry[1])};

    out->active = usable[1] && (!usable[0] || out->entry[1].ota_seq > out->entry[0].ota_seq) ? 1 : 0;
    return true;
}

/* The same; false also if the running app is not the one they select. */
static bool read_own_records(const esp_partition_t *running, struct records *out)
{
    return read_records(out) && is_slot(running) && selects(out, out->active, running);
}

static bool is_blank(const struct records *r, unsigned sector)
{
    const uint8_t *bytes = (const uint8_t *)&r->entry[sector];

    for (size_t i = 0; i < sizeof(r->entry[sector]); i++) {
        if (bytes[i] != 0xFF) {
            return false;
        }
    }
    return true;
}

/* Make a sector blank: the other one's record decides, during and after it. */
static esp_err_t blank(struct records *r, unsigned sector)
{
    if (is_blank(r, sector)) {
        return ESP_OK;
    }
    /* A cut in it leaves bits between the old record and none: its CRC fails, or
     * its state is unclear, but never is its number larger than the other's. */
    const esp_err_t err = esp_partition_erase_range(r->part, sector * AGENT_SECTOR_SIZE, AGENT_SECTOR_SIZE);

    memset(&r->entry[sector], 0xFF, sizeof(r->entry[sector]));
    return err;
}

static esp_err_t write_record(struct records *r, unsigned sector, uint32_t seq, uint32_t state)
{
    const uint32_t at = sector * AGENT_SECTOR_SIZE;
    esp_ota_select_entry_t e;
    esp_err_t err = blank(r, sector);

    memset(&e, 0xFF, sizeof(e));
    e.ota_seq = seq;
    e.ota_state = state;
    e.crc = crc_of(seq);
    if (err == ESP_OK && !r->part->encrypted) {
        /* The CRC does not cover the state, so it comes last, by itself: a cut
         * here or within leaves no record, not one with half a state. */
        err = esp_partition_write(r->part, at, &e, offsetof(esp_ota_select_entry_t, crc));
        if (err == ESP_OK) {
            err = esp_partition_write(r->part, at + offsetof(esp_ota_select_entry_t, crc), &e.crc,
                                      sizeof(e.crc));
        }
    } else if (err == ESP_OK) {
        err = esp_partition_write(r->part, at, &e, sizeof(e)); /* encryption takes whole blocks only */
    }
    /* A chip whose cells are worn may take a record and give another back. */
    if (err == ESP_OK) {
        err = esp_partition_read(r->part, at, &r->entry[sector], sizeof(r->entry[sector]));
    }
    if (err == ESP_OK && memcmp(&r->entry[sector], &e, sizeof(e)) != 0) {
        err = ESP_ERR_INVALID_RESPONSE;
    }
    return err;
}

/*
 * Erase a sector that is not active, blank or not: the bootloader will have to
 * erase it to note that the trial began, and one that can't be erased any more
 * must be found out before that. A cut in it: the active record decides.
 */
static esp_err_t try_erase(struct records *r, unsigned sector)
{
    memset(&r->entry[sector], 0xFF, sizeof(r->entry[sector]));
    return esp_partition_erase_range(r->part, sector * AGENT_SECTOR_SIZE, AGENT_SECTOR_SIZE);
}

/* --- Which way? ----------------------------------------------------------- */

/* Without any record the previous app would boot: factory, or the lowest slot if there is none. */
static bool is_default(const esp_partition_t *previous)
{
    const esp_partition_t *app =
        esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_FACTORY, NULL);

    if (app == NULL) {
        app = esp_partition_find_first(ESP_PARTITION_TYPE_APP, ESP_PARTITION_SUBTYPE_APP_OTA_0, NULL);
    }
    return app != NULL && app->address == previous->address;
}

/* With anti-rollback the eFuse is to be burnt, which ESP-IDF does when its own record is durable. */
static bool has_efuse_to_burn(const esp_partition_t *running)
{
    esp_app_desc_t desc;

    return esp_ota_get_partition_description(running, &desc) == ESP_OK &&
           desc.secure_version > esp_efuse_read_secure_version();
}

/* --- Shared with the other files ------------------------------------------ */

bool agent_is_unconfirmed(const esp_partition_t *running)
{
    struct records r;

    return read_records(&r) && is_slot(running) &&
           (!selects(&r, r.active, running) || r.entry[r.active].ota_state != ESP_OTA_IMG_VALID);
}

esp_err_t agent_select_slot(const esp_partition_t *slot)
{
    const uint32_t number = (uint32_t)slot->subtype - ESP_PARTITION_SUBTYPE_APP_OTA_0;
    esp_app_desc_t desc;
    struct records r;

    if (!read_records(&r) || r.part->encrypted || selects(&r, r.active, slot) ||
        (is_usable(&r.entry[r.active]) && r.entry[r.active].ota_seq >= BLANK_SEQ - r.n_slots) ||
        esp_ota_get_partition_description(slot, &desc) != ESP_OK ||
        desc.secure_version < esp_efuse_read_secure_version()) {
        return esp_ota_set_boot_partition(slot); /* refuses what is too old */
    }
    if (!is_usable(&r.entry[r.active])) {
        /* A cut until it is whole boots what boots without a record, as now. */
        const esp_err_t err = try_erase(&r, 0);

        return err == ESP_OK ? write_record(&r, 0, number + 1, ESP_OTA_IMG_NEW) : err;
    }
    const uint32_t seq = r.entry[r.active].ota_seq;
    const uint32_t steps = (number + r.n_slots - (seq - 1) % r.n_slots) % r.n_slots;

    const esp_err_t err = try_erase(&r, r.active ^ 1);

    /* A cut until it is whole boots what was selected before, whose record stays. */
    return err == ESP_OK ? write_record(&r, r.active ^ 1, seq + steps, ESP_OTA_IMG_NEW) : err;
}

esp_err_t agent_keep_way_back(const esp_partition_t *running, const esp_partition_t *previous)
{
    struct records r;

    if (previous == NULL || !read_own_records(running, &r)) {
        return ESP_OK; /* unknown, or none of our business */
    }
    const unsigned other = r.active ^ 1;

    if (!is_slot(previous)) {
        /* A cut in it: the running app's record stays, and this is done again. */
        return selects(&r, other, running) || !is_usable(&r.entry[other]) ? blank(&r, other) : ESP_OK;
    }
    if (is_usable(&r.entry[other]) && !selects(&r, other, running)) {
        return ESP_OK;
    }
    const uint32_t back = ((uint32_t)running->subtype + r.n_slots - (uint32_t)previous->subtype) % r.n_slots;

    if (r.entry[r.active].ota_seq <= back) {
        return ESP_OK; /* no lower number is left */
    }
    /* Likewise: until this record is whole, rolling back is not possible, but
     * nothing else has changed. */
    return write_record(&r, other, r.entry[r.active].ota_seq - back, ESP_OTA_IMG_VALID);
}

esp_err_t agent_commit(const esp_partition_t *running, const esp_partition_t *previous)
{
    const uint32_t trial_again = ESP_OTA_IMG_NEW;
    struct records r;

    if (read_records(&r) && is_slot(running) && !selects(&r, r.active, running)) {
        /* We run, but nothing says so: the bootloader failed to write our record.
         * A cut until it is whole boots the previous app, which selects us again. */
        const esp_err_t err = agent_select_slot(running);

        if (err != ESP_OK) {
            return err;
        }
    }
    if (previous == NULL || !read_own_records(running, &r) || r.part->encrypted ||
        r.entry[r.active].ota_state != ESP_OTA_IMG_PENDING_VERIFY ||
        r.entry[r.active].ota_seq >= BLANK_SEQ - r.n_slots || has_efuse_to_burn(running) ||
        !is_default(previous)) {
        return esp_ota_mark_app_valid_cancel_rollback();
    }
    /* One bit goes: a cut before it ends the trial, a cut after it repeats it. */
    esp_err_t err = esp_partition_write(
        r.part, r.active * AGENT_SECTOR_SIZE + offsetof(esp_ota_select_entry_t, ota_state), &trial_again,
        sizeof(trial_again));

    if (err == ESP_OK) {
        /* A cut until this is whole repeats the trial; after it the version stays. */
        err = write_record(&r, r.active ^ 1, r.entry[r.active].ota_seq + r.n_slots, ESP_OTA_IMG_VALID);
    }
    return err == ESP_OK ? agent_keep_way_back(running, previous) : err;
}
