/*
 * What a device is made of when a scenario begins.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/crypto.h"
#include "airlift/image.h"
#include "airlift/otadata.h"
#include "delta/delta.h"
#include "delta/esp_delta.h"
#include "torture.h"

#define OTADATA_OFF 0x9000u
#define NVS_OFF     0xB000u
#define APPS_OFF    0x10000u

const struct geometry geometry_small = {.slot_size = 0x8000, .image_size = 0x7E00, .nvs_size = 0x3000};
/* Room behind an image for two states of airlift's own decoder, and not for a patch that holds all of it. */
static const struct geometry geometry_stream = {
    .slot_size = 0x1E000, .image_size = 0x10400, .nvs_size = 0x3000};
const struct geometry geometry_large = {.slot_size = 0x140000, .image_size = 0x98000, .nvs_size = 0x4000};

struct image images[MAX_VERSIONS], patch;
const struct scenario *scenario;
struct geometry geometry;
uint8_t device_keys[N_TRUSTED][AL_SIG_KEY_DIGEST_SIZE];

static struct al_ptable table;

static const struct geometry *geometry_of(const struct scenario *sc, const struct geometry *g)
{
    return sc->whole && !sc->esp ? &geometry_stream : g;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "airlift-torture: %s failed\n", what);
    exit(1);
}

/* --- Images ------------------------------------------------------------------ */

/*
 * A byte of an image. Versions have nothing in common, unless the scenario tells them by patches: then only
 * each third KiB and an insertion are new.
 */
static uint8_t content(unsigned version, uint32_t at)
{
    const bool is_new = !scenario->delta || at / 1024 % 3 == 1;

    return is_new ? (uint8_t)mix(version, at) : (uint8_t)mix(MAX_VERSIONS, at + version * 4);
}

/* Pad the image and put the signature sector behind it. */
static void sign(struct image *im, enum signer signer)
{
    const uint32_t len = al_sig_sector_off(im->len);

    memset(im->data + im->len, 0xFF, len - im->len);
    im->len = len + AL_SIG_SECTOR_SIZE;
    if (!signer_sign(signer, im->data, len, im->data + len) ||
        (signer < N_TRUSTED && al_sig_key_digest(im->data + len, AL_SIG_P256, device_keys[signer]) != 0)) {
        give_up("signing an image");
    }
}

/* Random bytes under a description; each version has other bytes and another length. */
static void make_image(struct image *im, unsigned version, const struct scenario *sc)
{
    /* A patch needs room behind the image. */
    const bool has_spare = sc->delta && geometry.slot_size != geometry_stream.slot_size;
    const uint32_t spare = has_spare ? geometry.slot_size * (sc->whole ? 53 : 48) / 128 : 0;
    /* Signatures need room too; and the less there is to download, the more lives can be lived. */
    const uint32_t less = sc->secure_boot ? 4 * AL_SIG_SECTOR_SIZE : 0;
    const uint32_t seg_len = geometry.image_size - less - spare - version * 1028 - 512;
    struct al_image_new what = {.header = {.n_segments = 1, .chip_id = AL_CHIP_LINUX, .hash_appended = true},
                                .desc = {.secure_version = sc->secure_version[version]}};
    struct al_hash hash;

    free(im->data);
    im->data = malloc(geometry.slot_size);
    if (im->data == NULL) {
        give_up("allocating an image");
    }
    snprintf(im->version, sizeof(im->version), "1.%u.0", version);
    snprintf(im->etag, sizeof(im->etag), "\"image-%u\"", version);
    strcpy(what.desc.version, im->version);
    strcpy(what.desc.project, "torture");
    al_image_build_prefix(&what, 0, seg_len, im->data);

    const uint32_t end = AL_IMAGE_HEADER_SIZE + AL_IMAGE_SEGMENT_SIZE + seg_len;

    for (uint32_t i = AL_IMAGE_PREFIX_SIZE; i < end; i++) {
        im->data[i] = content(version, i);
    }
    const uint8_t *seg = im->data + AL_IMAGE_HEADER_SIZE + AL_IMAGE_SEGMENT_SIZE;
    const uint8_t sum = al_image_checksum(0xEF, seg, seg_len);
    int tail = AL_ERR_CRYPTO;

    if (al_sha256_init(&hash) == 0) {
        if (al_hash_update(&hash, im->data, end) == 0) {
            tail = al_image_build_tail(&hash, end, sum, im->data + end);
        } else {
            al_hash_abort(&hash);
        }
    }
    if (tail < 0) {
        give_up("building an image");
    }
    im->len = end + (uint32_t)tail;
    if (sc->secure_boot) {
        sign(im, sc->signer[version]);
    }

    if (al_sha256_init(&hash) != 0 || al_hash_update(&hash, im->data, im->len) != 0 ||
        al_hash_final(&hash, im->sha256) != 0 || al_md5_init(&hash) != 0 ||
        al_hash_update(&hash, im->data, im->len) != 0 || al_hash_final(&hash, im->md5) != 0) {
        give_up("hashing an image");
    }
}

static void make_patch(const struct scenario *sc)
{
    const struct image *from = &images[sc->first], *to = &images[sc->step[0].version];
    struct al_hash hash;

    free(patch.data);
    patch = (struct image){.etag = "\"patch\""};
    const uint8_t *old = sc->whole ? NULL : from->data;
    const size_t old_len = sc->whole ? 0 : from->len;
    const struct delta_options options = {0};
    char err[100] = "making a patch";
    size_t len;

    if (sc->esp ? delta_esp_make(old, old_len, to->data, to->len, &patch.data, &len, err, sizeof(err)) != 0
                : delta_make(old, old_len, to->data, to->len, &options, &patch.data, &len) != 0) {
        give_up(err);
    }
    patch.len = (uint32_t)len;
    if (sc->bad_patch) {
        patch.data[patch.len / 2] ^= 0x10;
    }
    if (al_sha256_init(&hash) != 0 || al_hash_update(&hash, patch.data, patch.len) != 0 ||
        al_hash_final(&hash, patch.sha256) != 0) {
        give_up("hashing a patch");
    }
}

uint8_t device_version_at(const struct state *s, uint32_t off)
{
    for (uint8_t v = 0; v < MAX_VERSIONS; v++) {
        if (memcmp(s->flash + off, images[v].data, images[v].len) == 0) {
            return v;
        }
    }
    return NO_VERSION;
}

bool device_has_confirmed(bool (*is)(uint8_t version, uint8_t arg), uint8_t arg)
{
    const struct al_part part = {.off = OTADATA_OFF, .size = AL_OTADATA_SIZE};
    struct al_otadata data;

    if (board->state->unstable.reads_left > 0) {
        return true; /* nobody can say what the app saw; and looking must not change it */
    }
    if (al_otadata_read(chip_port(), &part, &data) != 0) {
        return false;
    }
    for (unsigned i = 0; i < 2; i++) {
        const struct al_ota_record *r = &data.rec[i];

        if (r->state == AL_OTA_VALID && al_ota_record_usable(r)) {
            const unsigned slot = al_otadata_slot(r->seq, scenario->n_slots);
            const struct al_part *p = al_ptable_find(&table, AL_TYPE_APP, (uint8_t)(AL_SUB_APP_OTA_0 + slot));
            const uint8_t version = p != NULL ? device_version_at(board->state, p->off) : NO_VERSION;

            if (version != NO_VERSION && is(version, arg)) {
                return true;
            }
        }
    }
    return false;
}

/* --- The table ------------------------------------------------------------------ */

static struct al_part *add(uint8_t type, uint8_t subtype, const char *label, uint32_t off, uint32_t size)
{
    struct al_part *p = &table.part[table.n++];

    *p = (struct al_part){.type = type, .subtype = subtype, .off = off, .size = size};
    snprintf(p->label, sizeof(p->label), "%s", label);
    return p;
}

static void make_table(const struct scenario *sc)
{
    uint32_t off = APPS_OFF;

    table = (struct al_ptable){0};
    (void)add(AL_TYPE_DATA, AL_SUB_DATA_OTA, "otadata", OTADATA_OFF, AL_OTADATA_SIZE);
    (void)add(AL_TYPE_DATA, AL_SUB_DATA_NVS, "nvs", NVS_OFF, geometry.nvs_size);
    if (sc->factory) {
        (void)add(AL_TYPE_APP, AL_SUB_APP_FACTORY, "factory", off, geometry.slot_size);
        off += geometry.slot_size;
    }
    for (unsigned i = 0; i < sc->n_slots; i++) {
        char label[8];

        snprintf(label, sizeof(label), "ota_%u", i);
        (void)add(AL_TYPE_APP, (uint8_t)(AL_SUB_APP_OTA_0 + i), label, off, geometry.slot_size);
        off += geometry.slot_size;
    }
}

uint32_t device_flash_size(const struct scenario *sc, const struct geometry *g)
{
    return APPS_OFF + (sc->n_slots + (sc->factory ? 1u : 0u)) * geometry_of(sc, g)->slot_size;
}

const char *device_place(uint32_t off, char out[40])
{
    for (unsigned i = 0; i < table.n; i++) {
        const struct al_part *p = &table.part[i];

        if (off >= p->off && off - p->off < p->size) {
            snprintf(out, 40, "%s+0x%x", p->label, off - p->off);
            return out;
        }
    }
    snprintf(out, 40, "0x%x", off);
    return out;
}

/* --- At first --------------------------------------------------------------------- */

static void place_app(uint8_t subtype, uint8_t version)
{
    const struct al_part *p = al_ptable_find(&table, AL_TYPE_APP, subtype);

    if (p != NULL && version != NO_VERSION) {
        memcpy(board->state->flash + p->off, images[version].data, images[version].len);
    }
}

void device_make(const struct scenario *sc, const struct geometry *g)
{
    struct state *s = board->state;

    scenario = sc;
    geometry = *geometry_of(sc, g);
    for (unsigned v = 0; v < MAX_VERSIONS; v++) {
        make_image(&images[v], v, sc);
    }
    if (sc->delta) {
        make_patch(sc);
    }
    make_table(sc);
    memset(s, 0, sizeof(*s));
    memset(s->flash, 0xFF, board->flash_size);
    if (al_ptable_build(&table, true, s->flash + PTABLE_OFF) != 0) {
        give_up("building a partition table");
    }
    place_app(AL_SUB_APP_FACTORY, sc->content[0]);
    for (unsigned i = 0; i < sc->n_slots; i++) {
        place_app((uint8_t)(AL_SUB_APP_OTA_0 + i), sc->content[1 + i]);
    }
    const struct al_part otadata = {.off = OTADATA_OFF, .size = AL_OTADATA_SIZE};

    for (unsigned i = 0; i < 2; i++) {
        struct al_ota_record rec;

        if (sc->record[i].seq != 0) {
            al_ota_record_init(&rec, sc->record[i].seq, sc->record[i].state);
            if (al_otadata_write(chip_port(), &otadata, i, &rec) != 0) {
                give_up("writing OTA data");
            }
        }
    }
    s->world = (struct world){
        .floor = sc->first,
        .drops_left = sc->drops,
        .writes_left = sc->writes,
        .value_old = 1,
        .value_new = 1,
        .secure_version = sc->secure_version[sc->first],
    };
}
