/*
 * The chip: flash and eFuses in memory, behind device/'s headers, so that core's
 * bootloader and the SDK's components use it as they use the real emulator.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device/desc.h"
#include "device/nor_flash.h"
#include "torture.h"

struct board *board;
void (*chip_story)(const char *format, ...);
bool chip_dense;

/* --- Random bits ------------------------------------------------------------ */

uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9E3779B97F4A7C15u * (b + 1);

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t a = seed ^ len, b = ~seed, v[2];

    for (; len >= 16; len -= 16, p += 16) {
        memcpy(v, p, 16);
        a = (a ^ v[0]) * 0xBF58476D1CE4E5B9u;
        a ^= a >> 29;
        b = (b ^ v[1]) * 0x94D049BB133111EBu;
        b ^= b >> 31;
    }
    for (; len > 0; len--) {
        a = (a ^ *p++) * 0xBF58476D1CE4E5B9u;
        a ^= a >> 29;
    }
    return mix(a, b);
}

/* --- Tears ------------------------------------------------------------------- */

/* A byte in which each bit is set with a chance of (variant + 1) of 4; variants from 3 on: 15 of 16. */
static uint8_t some_bits(uint64_t *rnd, unsigned variant)
{
    *rnd = mix(*rnd, 1);
    const uint8_t a = (uint8_t)*rnd, b = (uint8_t)(*rnd >> 8), c = (uint8_t)(*rnd >> 16);

    switch (variant % 4) {
    case 0:
        return a;
    case 1:
        return a & b;
    case 2:
        return a | b;
    default:
        return (uint8_t)(a | b | c | *rnd >> 24);
    }
}

static void tear_program(struct state *s, const struct op *op, const uint8_t *data, const struct tear *t)
{
    uint8_t *at = s->flash + op->off;
    uint64_t rnd = t->seed;

    if (t->kind == TEAR_PREFIX) {
        const uint32_t done = (uint32_t)(mix(rnd, 7) % op->len);

        memcpy(at, data, done);
        at[done] &= data[done] | some_bits(&rnd, 0);
        return;
    }
    for (uint32_t i = 0; i < op->len; i++) {
        at[i] &= (uint8_t)(data[i] | (uint8_t)~some_bits(&rnd, t->variant));
    }
}

static void tear_erase(struct state *s, const struct op *op, const struct tear *t)
{
    uint8_t *at = s->flash + op->off;
    uint64_t rnd = t->seed;

    if (t->kind == TEAR_PART && t->variant == 0) {
        const uint32_t done = (uint32_t)(mix(rnd, 7) % AL_SECTOR_SIZE);

        memset(at, 0xFF, done);
        at[done] |= some_bits(&rnd, 0);
        return;
    }
    for (uint32_t i = 0; i < AL_SECTOR_SIZE; i++) {
        const uint8_t rising = (uint8_t)(~at[i] & some_bits(&rnd, t->variant));

        if (t->kind == TEAR_UNSTABLE) {
            s->flips[i] = rising;
            at[i] |= rising & some_bits(&rnd, 0); /* what they settle at */
        } else {
            at[i] |= rising;
        }
    }
    if (t->kind == TEAR_UNSTABLE) {
        s->unstable = (struct unstable){.reads_left = 2, .sector = op->off, .seed = rnd};
    }
}

/* What is written over is stable again. */
static void settle(struct state *s, uint32_t off)
{
    if (s->unstable.reads_left > 0 && s->unstable.sector == off - off % AL_SECTOR_SIZE) {
        s->unstable = (struct unstable){0};
    }
}

static void apply(struct state *s, const struct op *op, const uint8_t *data)
{
    settle(s, op->off);
    if (op->kind == OP_ERASE) {
        memset(s->flash + op->off, 0xFF, AL_SECTOR_SIZE);
        return;
    }
    for (uint32_t i = 0; i < op->len; i++) {
        s->flash[op->off + i] &= data[i];
    }
}

void chip_tear(struct state *s, const struct op *op, const uint8_t *data, const struct tear *tear)
{
    if (tear->kind == TEAR_NOT_BEGUN) {
        return;
    }
    if (tear->kind == TEAR_DONE) {
        apply(s, op, data);
        return;
    }
    settle(s, op->off);
    if (op->kind == OP_PROGRAM) {
        tear_program(s, op, data, tear);
    } else {
        tear_erase(s, op, tear);
    }
}

void chip_step(struct state *s, const struct op *op, const uint8_t *data)
{
    s->unstable = op->unstable; /* reads have gone by since the operation before */
    apply(s, op, data);
}

unsigned chip_tears(const struct op *op, struct tear out[MAX_TEARS])
{
    static const struct tear programs[] = {{'n', 0, 0}, {'p', 0, 0}, {'p', 1, 0}, {'b', 0, 0}, {'b', 1, 0},
                                           {'b', 2, 0}, {'d', 0, 0}, {'b', 3, 0}, {'b', 7, 0}};
    static const struct tear erases[] = {{'n', 0, 0}, {'e', 0, 0}, {'e', 1, 0}, {'e', 2, 0},
                                         {'u', 0, 0}, {'u', 1, 0}, {'u', 2, 0}, {'d', 0, 0}};

    if (op->kind == OP_PROGRAM) {
        memcpy(out, programs, sizeof(programs));
        return sizeof(programs) / sizeof(programs[0]) - (chip_dense ? 0 : 2);
    }
    memcpy(out, erases, sizeof(erases));
    return sizeof(erases) / sizeof(erases[0]);
}

/* --- The flash ----------------------------------------------------------------- */

static int chip_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct state *s = board->state;
    struct unstable *u = &s->unstable;

    (void)ctx;
    memcpy(buf, s->flash + off, len);
    if (u->reads_left > 0 && off < u->sector + AL_SECTOR_SIZE && off + len > u->sector) {
        const uint32_t lo = off > u->sector ? off : u->sector;
        const uint32_t hi = off + len < u->sector + AL_SECTOR_SIZE ? off + len : u->sector + AL_SECTOR_SIZE;

        for (uint32_t at = lo; at < hi; at++) {
            ((uint8_t *)buf)[at - off] ^=
                (uint8_t)(s->flips[at - u->sector] & mix(u->seed, (uint64_t)at << 2 | u->reads_left));
        }
        u->reads_left--;
    }
    return 0;
}

static void record(const struct op *op, const uint8_t *data)
{
    const uint32_t len = op->kind == OP_PROGRAM ? op->len : 0;

    if (board->n_ops == MAX_LOG_OPS || len > board->data_size - board->data_len) {
        board->overflow = true;
        return;
    }
    struct op *to = &board->op[board->n_ops++];

    *to = *op;
    to->data = board->data_len;
    to->world = board->state->world;
    to->unstable = board->state->unstable;
    if (len > 0) {
        memcpy(board->data + board->data_len, data, len);
        board->data_len += len;
    }
}

/* One program, or the erase of one sector. */
static void operate(const struct op *op, const uint8_t *data)
{
    board->ops++;
    if (board->recording) {
        record(op, data);
    }
    if (chip_story != NULL) {
        char place[40];

        chip_story("  op %u: %s %u bytes at %s", board->ops, op->kind == OP_ERASE ? "erase" : "program",
                   op->len, device_place(op->off, place));
    }
    apply(board->state, op, data);
}

static int chip_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    const uint8_t *data = buf;

    (void)ctx;
    for (uint32_t i = 0; i < len; i++) {
        if (data[i] & ~board->state->flash[off + i]) {
            board->violated = true;
            return AL_ERR_IO;
        }
    }
    const struct op op = {.kind = OP_PROGRAM, .off = off, .len = len};

    if (len > 0) {
        operate(&op, data);
    }
    return 0;
}

static int chip_erase(void *ctx, uint32_t off, uint32_t len)
{
    (void)ctx;
    for (const uint32_t end = off + len; off < end; off += AL_SECTOR_SIZE) {
        const struct op op = {.kind = OP_ERASE, .off = off, .len = AL_SECTOR_SIZE};

        operate(&op, NULL);
    }
    return 0;
}

static struct al_flash port = {.read = chip_read, .write = chip_write, .erase = chip_erase};

const struct al_flash *chip_port(void)
{
    port.size = board->flash_size;
    return &port;
}

static void *shared_memory(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        perror("airlift-torture: memory");
        exit(1);
    }
    return p;
}

struct board *board_new(uint32_t flash_size)
{
    struct board *b = shared_memory(sizeof(*b));

    b->flash_size = flash_size;
    b->state = shared_memory(sizeof(struct state) + flash_size);
    b->op = shared_memory(MAX_LOG_OPS * sizeof(struct op));
    b->data_size = 16 * flash_size;
    b->data = shared_memory(b->data_size);
    return b;
}

/* --- device/nor_flash.h: the SDK's way in ------------------------------------------ */

int dev_flash_open(const char *path, enum dev_flash_mode mode, struct dev_shared *shared,
                   struct dev_flash **out, char *err, size_t err_size)
{
    (void)path, (void)mode, (void)shared, (void)err, (void)err_size;
    *out = NULL;
    return 0;
}

int dev_flash_open_fd(int fd, struct dev_shared *shared, struct dev_flash **out, char *err, size_t err_size)
{
    (void)fd;
    return dev_flash_open("", DEV_FLASH_WRITE, shared, out, err, err_size);
}

const struct al_flash *dev_flash_port(const struct dev_flash *flash)
{
    (void)flash;
    return chip_port();
}

const uint8_t *dev_flash_bytes(const struct dev_flash *flash)
{
    (void)flash;
    return board->state->flash;
}

/* --- device/desc.h: the eFuses ------------------------------------------------------- */

int dev_desc_load(const char *flash_path, struct dev_desc *out, char *err, size_t err_size)
{
    (void)flash_path, (void)err, (void)err_size;
    *out = (struct dev_desc){
        .chip = al_chip_by_id(AL_CHIP_LINUX),
        .partition_table_offset = PTABLE_OFF,
        .rollback = true,
        .anti_rollback = scenario->anti_rollback,
        .secure_version = board->state->world.secure_version,
        .secure_boot = scenario->secure_boot,
        .n_key_digests = N_TRUSTED,
        .revoked_keys = board->state->world.revoked,
    };
    memcpy(out->key_digests, device_keys, sizeof(device_keys));
    return 0;
}

static void burnt(bool confirmed, const char *what)
{
    if (!confirmed && board->failed == LIFE_GOOD) {
        board->failed = LIFE_TOO_EARLY;
        snprintf(board->why, sizeof(board->why), "%s", what);
    }
}

static bool is_new_enough(uint8_t version, uint8_t burnt_version)
{
    return scenario->secure_version[version] >= burnt_version;
}

static bool is_trusted(uint8_t version, uint8_t revoked)
{
    return signer_trusted(scenario->signer[version], revoked);
}

/* Burning is one instant: burnt or not, never half. */
int dev_desc_burn_secure_version(void *desc, uint32_t version)
{
    struct dev_desc *d = desc;

    if (version < d->secure_version) {
        return AL_ERR_STATE;
    }
    burnt(device_has_confirmed(is_new_enough, (uint8_t)version), "a secure version");
    d->secure_version = version;
    board->state->world.secure_version = (uint8_t)version;
    if (chip_story != NULL) {
        chip_story("  eFuse burnt up to secure version %u", version);
    }
    return 0;
}

int dev_desc_revoke_key(struct dev_desc *desc, unsigned index)
{
    desc->revoked_keys |= (uint8_t)(1u << index);
    burnt(device_has_confirmed(is_trusted, desc->revoked_keys), "a revocation");
    board->state->world.revoked = desc->revoked_keys;
    if (chip_story != NULL) {
        chip_story("  eFuse burnt: key %u is revoked", index);
    }
    return 0;
}

void dev_desc_boot_config(struct dev_desc *desc, struct al_boot_config *out)
{
    *out = (struct al_boot_config){
        .ptable_off = desc->partition_table_offset,
        .rollback = desc->rollback,
        .anti_rollback = desc->anti_rollback,
        .rules = {.chip = desc->chip},
        .secure_boot = desc->secure_boot,
        .secure_version = desc->secure_version,
        .burn_secure_version = dev_desc_burn_secure_version,
        .burn_ctx = desc,
    };
    dev_desc_trusted_keys(desc, &out->trusted);
}
