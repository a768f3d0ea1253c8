/*
 * properties_test [SEED [ROUNDS]] - what must hold for every flash, however broken.
 *
 * Flashes are made at random, half of them nearly right: a table, OTA data and
 * images, then damage. Each boots under a checking port. A failure prints the
 * seed of its round, which replays it alone: properties_test SEED 1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../unit/test_image.h"
#include "airlift/boot.h"
#include "airlift/bytes.h"
#include "airlift/otadata.h"

#define FLASH_SIZE 0x80000u
#define N_SECTORS  (FLASH_SIZE / AL_SECTOR_SIZE)
#define OTADATA    0x9000u

static uint64_t first_seed = 1;
static unsigned n_rounds = 3000;
static uint64_t round_seed, random_state;

static uint32_t rnd(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16);
}

static uint32_t below(uint32_t n)
{
    return rnd() % n;
}

static bool one_in(uint32_t n)
{
    return below(n) == 0;
}

#define REQUIRE(claim) require((claim), #claim, __LINE__)
static void require(bool claim, const char *text, int line)
{
    if (!claim) {
        fprintf(stderr, "%s:%d: %s does not hold: properties_test %llu 1\n", __FILE__, line, text,
                (unsigned long long)round_seed);
        fail();
    }
}

/* --- The checking port ------------------------------------------------------- */

struct board {
    uint8_t bytes[FLASH_SIZE];
    uint8_t read[FLASH_SIZE];    /* how often each byte was read, at most 255 */
    uint32_t wrote_lo, wrote_hi; /* what was erased or programmed lies between them */
    unsigned n_ops;
};

static void note_write(struct board *b, uint32_t off, uint32_t len)
{
    REQUIRE(off <= FLASH_SIZE && len <= FLASH_SIZE - off);
    b->n_ops++;
    b->wrote_lo = off < b->wrote_lo ? off : b->wrote_lo;
    b->wrote_hi = off + len > b->wrote_hi ? off + len : b->wrote_hi;
}

static int board_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct board *b = ctx;

    REQUIRE(off <= FLASH_SIZE && len <= FLASH_SIZE - off);
    memcpy(buf, b->bytes + off, len);
    for (uint32_t i = off; i < off + len; i++) {
        b->read[i] = (uint8_t)(b->read[i] + (b->read[i] < 255));
    }
    return 0;
}

static int board_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    struct board *b = ctx;

    note_write(b, off, len);
    REQUIRE(off % 4 == 0 && len % 4 == 0);
    for (uint32_t i = 0; i < len; i++) {
        uint8_t byte = ((const uint8_t *)buf)[i];

        REQUIRE((b->bytes[off + i] & byte) == byte); /* programming sets no bit */
        b->bytes[off + i] = byte;
    }
    return 0;
}

static int board_erase(void *ctx, uint32_t off, uint32_t len)
{
    struct board *b = ctx;

    note_write(b, off, len);
    REQUIRE(off % AL_SECTOR_SIZE == 0 && len % AL_SECTOR_SIZE == 0);
    memset(b->bytes + off, 0xFF, len);
    return 0;
}

static struct al_flash port_of(struct board *b)
{
    memset(b->read, 0, sizeof(b->read));
    b->wrote_lo = FLASH_SIZE;
    b->wrote_hi = 0;
    b->n_ops = 0;
    return (struct al_flash){
        .ctx = b, .size = FLASH_SIZE, .read = board_read, .write = board_write, .erase = board_erase};
}

/* --- Making flashes --------------------------------------------------------------- */

static void put_image(uint8_t *flash, uint32_t off, uint32_t room)
{
    static uint8_t image[12 * 1024];
    uint32_t len = test_image(image, one_in(2) ? "1.0.0" : "2.0.0", below(20), 4 * below(2048));

    if (one_in(4)) { /* a changed header, segment header or description */
        image[below(AL_IMAGE_PREFIX_SIZE + 8)] = (uint8_t)rnd();
    }
    if (one_in(4)) {
        image[below(len)] ^= (uint8_t)(1u << below(8));
    }
    if (one_in(8)) { /* torn */
        len = below(len);
    }
    len = len < room ? len : room;
    len = off < FLASH_SIZE && len < FLASH_SIZE - off ? len : off < FLASH_SIZE ? FLASH_SIZE - off : 0;
    if (len > 0) {
        memcpy(flash + off, image, len);
    }
}

static uint32_t some_seq(void)
{
    switch (below(6)) {
    case 0:
        return 0xFFFFFFFFu - below(4);
    case 1:
        return rnd();
    default:
        return below(20);
    }
}

static uint32_t some_state(void)
{
    static const uint32_t states[] = {AL_OTA_NEW,     AL_OTA_PENDING_VERIFY, AL_OTA_VALID,
                                      AL_OTA_INVALID, AL_OTA_ABORTED,        AL_OTA_UNDEFINED};

    return one_in(8) ? rnd() : states[below(6)];
}

static void put_record(uint8_t *at)
{
    struct al_ota_record rec;

    if (one_in(4)) {
        return; /* blank */
    }
    if (one_in(10)) {
        for (unsigned i = 0; i < AL_OTADATA_RECORD_SIZE; i++) {
            at[i] = (uint8_t)rnd();
        }
        return;
    }
    al_ota_record_init(&rec, some_seq(), some_state());
    if (one_in(6)) {
        rec.crc ^= 1u << below(32);
    }
    memcpy(at, &rec, one_in(8) ? below(33) : AL_OTADATA_RECORD_SIZE);
}

/* Slots from 0x10000 on, 32 KiB or 64 KiB each. */
static void put_table(uint8_t *flash, struct al_ptable *table)
{
    uint32_t at = 0x10000;
    unsigned n_slots = below(6);

    memset(table, 0, sizeof(*table));
    if (!one_in(12)) {
        table->part[table->n++] = (struct al_part){
            .off = OTADATA, .size = one_in(12) ? 0x1000 * below(4) : 0x2000, .type = AL_TYPE_DATA};
    }
    for (unsigned i = 0; i < n_slots + 2 && at < FLASH_SIZE; i++) {
        struct al_part *p = &table->part[table->n];
        uint8_t subtype = (uint8_t)(i < n_slots ? AL_SUB_APP_OTA_0 + i : i == n_slots ? 0 : AL_SUB_APP_TEST);

        if (i >= n_slots && one_in(2)) {
            continue;
        }
        *p = (struct al_part){.off = at, .size = 0x10000, .subtype = subtype};
        if (one_in(10)) { /* out of the ordinary: a gap, two of a kind, small, empty, unaligned, TEE */
            switch (below(6)) {
            case 0:
                p->subtype = (uint8_t)(AL_SUB_APP_OTA_0 + below(16));
                break;
            case 1:
                p->subtype = AL_SUB_APP_OTA_0;
                break;
            case 2:
                p->size = below(0x3000);
                break;
            case 3:
                p->size = 0;
                break;
            case 4:
                p->off += below(0x100);
                break;
            default:
                p->subtype = 0x30;
            }
        }
        snprintf(p->label, sizeof(p->label), "app%u", i);
        put_image(flash, p->off, p->size);
        at += one_in(2) ? 0x10000 : 0x20000;
        table->n++;
    }
    if (one_in(12)) {
        struct al_part *p = &table->part[table->n++];

        *p = (struct al_part){.off = OTADATA + 0x80 * below(64), .size = 0x2000, .type = AL_TYPE_DATA};
    }
    REQUIRE(al_ptable_build(table, !one_in(4), flash + AL_PTABLE_OFFSET) == 0);
}

static void make_flash(struct board *b)
{
    static struct al_ptable table;

    memset(b->bytes, 0xFF, sizeof(b->bytes));
    put_table(b->bytes, &table);
    put_record(b->bytes + OTADATA);
    put_record(b->bytes + OTADATA + AL_SECTOR_SIZE);
    if (one_in(6)) { /* damage the table; half the time with a right MD5 or none, so that it counts */
        b->bytes[AL_PTABLE_OFFSET + below(table.n * 32u + 64)] ^= (uint8_t)(1u << below(8));
    }
    if (one_in(10)) {
        for (uint32_t i = 0; i < AL_PTABLE_SIZE; i++) {
            b->bytes[AL_PTABLE_OFFSET + i] =
                i % 32 < 2 ? (uint8_t)(i % 2 == 0 ? 0xAA : 0x50) : (uint8_t)rnd();
        }
    }
}

/* --- Booting ------------------------------------------------------------------------ */

static int burn(void *ctx, uint32_t version)
{
    REQUIRE(version > *(uint32_t *)ctx && version <= 16);
    *(uint32_t *)ctx = version;
    return 0;
}

struct outcome {
    int err;
    uint32_t efuse;
    struct al_boot_result result;
};

static enum al_boot_pin test_pin_is_held(void *ctx)
{
    (void)ctx;
    return AL_BOOT_PIN_TEST_APP;
}

static struct al_boot_config config_for(uint32_t choice, struct outcome *out)
{
    struct al_boot_config c = {.ptable_off = AL_PTABLE_OFFSET,
                               .rollback = (choice & 3) != 0,
                               .anti_rollback = (choice & 3) == 3,
                               .skip_validate = (choice & 0x1C) == 4,
                               .held_pin = (choice & 0xE0) == 0x20 ? test_pin_is_held : NULL,
                               .rules = {.chip = al_chip_by_name("esp32c3"), .chip_rev = 4, .blk_rev = 103},
                               .burn_secure_version = burn,
                               .burn_ctx = &out->efuse};

    out->efuse = c.anti_rollback ? choice >> 8 & 3 : 0;
    c.secure_version = out->efuse;
    return c;
}

static void boot(struct board *b, uint32_t choice, struct outcome *out)
{
    static struct al_boot_work work;
    struct al_flash port = port_of(b);
    struct al_boot_config c;

    memset(out, 0, sizeof(*out));
    memset(&work, (int)choice & 0xFF, sizeof(work)); /* its contents do not matter */
    c = config_for(choice, out);
    out->err = al_boot(&port, &c, &work, &out->result);
    REQUIRE(out->efuse == out->result.secure_version);
}

/* The bootloader's OTA data partition: the last; NULL: none, or no table. */
static const struct al_part *otadata_of(const struct al_flash *port, struct al_ptable *table)
{
    const struct al_part *found = NULL;

    if (al_ptable_read(port, AL_PTABLE_OFFSET, table) != 0) {
        return NULL;
    }
    for (unsigned i = 0; i < table->n; i++) {
        if (table->part[i].type == AL_TYPE_DATA && table->part[i].subtype == AL_SUB_DATA_OTA) {
            found = &table->part[i];
        }
    }
    return found;
}

/* A table may say so; then OTA data replaces part of the app. */
static bool overlaps(const struct al_part *a, const struct al_part *b)
{
    return a->off < b->off + b->size && b->off < a->off + a->size;
}

/* What was written lies in the sectors of the two records. */
static void check_writes(struct board *b, const struct al_part *otadata)
{
    uint32_t lo, hi;

    if (b->n_ops == 0) {
        return;
    }
    REQUIRE(otadata != NULL);
    lo = otadata->off - otadata->off % AL_SECTOR_SIZE;
    hi = otadata->off + AL_SECTOR_SIZE;
    hi += AL_SECTOR_SIZE - hi % AL_SECTOR_SIZE;
    REQUIRE(b->wrote_lo >= lo && b->wrote_hi <= hi);
    REQUIRE(b->n_ops <= 6); /* two records aborted, one begun: an erase and a program each */
}

/*
 * No byte of OTA data or an app is read twice, save that anti-rollback asks for
 * descriptions. Bytes that several partitions share are left out.
 */
static void check_reads(struct board *b, const struct al_ptable *table, bool anti_rollback)
{
    static uint8_t owners[FLASH_SIZE];

    memset(owners, 0, sizeof(owners));
    memset(owners, 9, 0x9000); /* the table is read twice: checked, then taken over */
    for (unsigned i = 0; i < table->n; i++) {
        const struct al_part *p = &table->part[i];

        for (uint32_t at = p->off; at < p->off + p->size; at++) {
            owners[at] = (uint8_t)(owners[at] + (owners[at] < 9));
        }
        if (p->type == AL_TYPE_APP && anti_rollback) {
            for (uint32_t at = p->off + AL_IMAGE_DESC_OFF; at < p->off + AL_IMAGE_PREFIX_SIZE; at++) {
                if (at < FLASH_SIZE) {
                    owners[at] = 9;
                }
            }
        }
    }
    for (uint32_t at = 0; at < FLASH_SIZE; at++) {
        REQUIRE(owners[at] != 1 || b->read[at] <= 1);
    }
}

/* The image that starts is a good one for this chip. */
static void check_started(struct board *b, uint32_t choice, const struct outcome *out)
{
    static struct al_image_check check;
    static uint8_t buf[AL_IMAGE_PREFIX_SIZE + 5];
    struct al_flash port = port_of(b);
    struct outcome unused;
    struct al_image_rules rules = config_for(choice, &unused).rules;

    rules.flash_off = out->result.part.off;
    rules.part_size = out->result.part.size;
    rules.for_load = true;
    rules.skip_integrity = (choice & 0x1C) == 4;
    REQUIRE(al_image_verify(&port, &rules, &check, buf, sizeof(buf)) == 0);
    REQUIRE(b->n_ops == 0);
}

static void begin_round(unsigned i)
{
    round_seed = first_seed + i;
    random_state = round_seed * 0x9E3779B97F4A7C15u + 1;
    for (unsigned warm = 0; warm < 4; warm++) {
        (void)rnd();
    }
}

static void test_boot_holds_its_promises_on_any_flash(void **state)
{
    static struct board one, two;
    static struct al_ptable table;
    unsigned n_booted = 0;

    (void)state;
    for (unsigned i = 0; i < n_rounds; i++) {
        struct outcome a, again;
        const struct al_part *otadata;
        struct al_flash port;
        uint32_t choice;
        bool overlap;

        begin_round(i);
        make_flash(&one);
        memcpy(two.bytes, one.bytes, FLASH_SIZE);
        port = port_of(&two);
        otadata = otadata_of(&port, &table);
        if (otadata != NULL) {
            REQUIRE(otadata->off <= FLASH_SIZE && otadata->size <= FLASH_SIZE - otadata->off);
        }
        choice = rnd();
        boot(&one, choice, &a);
        REQUIRE(a.err == 0);
        check_writes(&one, otadata);
        overlap = otadata != NULL && otadata->off < OTADATA; /* on the table: a random one only */
        if (otadata != NULL && !overlap) {
            check_reads(&one, &table, (choice & 3) == 3);
        }
        REQUIRE(a.result.n_tried <= AL_BOOT_MAX_TRIED);
        boot(&two, choice, &again);
        REQUIRE(memcmp(&a, &again, sizeof(a)) == 0);
        REQUIRE(memcmp(one.bytes, two.bytes, FLASH_SIZE) == 0);
        if (a.result.boots) {
            n_booted++;
            if (one.n_ops == 0 || otadata == NULL || !overlaps(otadata, &a.result.part)) {
                check_started(&one, choice, &a);
            }
            REQUIRE(a.result.tried[a.result.n_tried - 1].fault == AL_IMAGE_GOOD);
        }
    }
    print_message("%u flashes from seed %llu on, %u boot\n", n_rounds, (unsigned long long)first_seed,
                  n_booted);
    assert_true(n_rounds < 100 || (n_booted > n_rounds / 4 && n_booted < n_rounds));
}

/* Peeking changes nothing, and on OTA data that needs no rewriting it names what is selected. */
static void test_peek_reads_only_and_agrees_with_boot(void **state)
{
    static struct board b;
    static struct al_ptable table;
    static uint8_t before[FLASH_SIZE];

    (void)state;
    for (unsigned i = 0; i < n_rounds; i++) {
        struct al_flash port;
        const struct al_part *first;
        bool readable;

        begin_round(i);
        make_flash(&b);
        memcpy(before, b.bytes, sizeof(before));
        port = port_of(&b);
        readable = otadata_of(&port, &table) != NULL;
        if (!readable) {
            continue;
        }
        port = port_of(&b);
        first = al_boot_peek(&port, &table);
        REQUIRE(b.n_ops == 0 && memcmp(before, b.bytes, sizeof(before)) == 0);
        REQUIRE(first == al_boot_peek(&port, &table));
        if (first != NULL) {
            REQUIRE(first >= table.part && first < table.part + table.n && first->type == AL_TYPE_APP);
        }
    }
}

/* Selecting a slot makes it the next one, from whatever stood there; and it keeps the record that boots. */
static void test_select_takes_effect_on_any_otadata(void **state)
{
    static struct board b;
    const struct al_part part = {.off = OTADATA, .size = AL_OTADATA_SIZE, .type = AL_TYPE_DATA};

    (void)state;
    for (unsigned i = 0; i < n_rounds; i++) {
        struct al_otadata before, after;
        struct al_flash port;
        unsigned n, slot;
        int active, err;

        begin_round(i);
        memset(b.bytes + OTADATA, 0xFF, AL_OTADATA_SIZE);
        put_record(b.bytes + OTADATA);
        put_record(b.bytes + OTADATA + AL_SECTOR_SIZE);
        n = 1 + below(16);
        slot = below(n);
        port = port_of(&b);
        REQUIRE(al_otadata_read(&port, &part, &before) == 0);
        active = al_otadata_active(&before);
        err = al_otadata_select(&port, &part, slot, n, AL_OTA_NEW);
        REQUIRE(al_otadata_read(&port, &part, &after) == 0);
        if (active >= 0 && before.rec[active].seq > 0xFFFFFF00u) {
            continue; /* the numbers are used up */
        }
        REQUIRE(err == 0 && b.n_ops == 2);
        REQUIRE(al_otadata_active(&after) >= 0);
        REQUIRE(al_otadata_slot(after.rec[al_otadata_active(&after)].seq, n) == slot);
        REQUIRE(after.rec[al_otadata_active(&after)].state == AL_OTA_NEW);
        if (active >= 0 && al_otadata_slot(before.rec[active].seq, n) != slot) {
            REQUIRE(memcmp(&before.rec[active], &after.rec[active], sizeof(before.rec[active])) == 0);
        }
    }
}

/* A table that is accepted lies in the chip, and comes out of its own encoding again. */
static void test_any_table_is_read_alike(void **state)
{
    static struct board b;
    static struct al_ptable table, again;
    static uint8_t raw[AL_PTABLE_SIZE];

    (void)state;
    for (unsigned i = 0; i < n_rounds; i++) {
        struct al_flash port;
        int err;

        begin_round(i);
        make_flash(&b);
        port = port_of(&b);
        memset(&table, 0, sizeof(table));
        memset(&again, 0, sizeof(again));
        err = al_ptable_read(&port, AL_PTABLE_OFFSET, &table);
        REQUIRE(err == al_ptable_parse(b.bytes + AL_PTABLE_OFFSET, FLASH_SIZE, &again));
        REQUIRE(memcmp(&table, &again, sizeof(table)) == 0);
        REQUIRE(err == 0 || err == AL_ERR_TABLE);
        if (err == 0) {
            REQUIRE(al_ptable_build(&table, table.has_md5, raw) == 0);
            memset(&again, 0, sizeof(again));
            REQUIRE(al_ptable_parse(raw, FLASH_SIZE, &again) == 0);
            REQUIRE(memcmp(&table, &again, sizeof(table)) == 0);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot_holds_its_promises_on_any_flash),
        cmocka_unit_test(test_peek_reads_only_and_agrees_with_boot),
        cmocka_unit_test(test_select_takes_effect_on_any_otadata),
        cmocka_unit_test(test_any_table_is_read_alike),
    };

    if (argc > 1) {
        first_seed = strtoull(argv[1], NULL, 0);
    }
    if (argc > 2) {
        n_rounds = (unsigned)strtoul(argv[2], NULL, 0);
    }
    print_message("seed %llu, %u rounds\n", (unsigned long long)first_seed, n_rounds);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
