/*
 * hostile_delta.c - patches that no encoder made: does the decoder stay within the old file and the new slot, and is
 * a wrong image ever taken for the right one?
 *
 *     airlift-hostile [--count N] [--seed N]
 *
 * Small images of both kinds of chips are made, and real patches between them. Each round takes one, damages it
 * (bits, bytes, whole pieces, another patch's end, lengths and counts in the header, whose CRC is set right again) or
 * makes up all behind the header, and applies it in pieces of a random size, as a device does.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/crypto.h"
#include "delta/delta.h"

#define PAIRS     12u
#define IMAGE_MAX 2000u
#define PATCH_MAX 16384u
#define SLOT      65536u

struct pair {
    uint8_t *old, *new; /* malloc'd to the byte, so that a sanitizer sees the ends */
    size_t old_len, new_len;
    uint8_t new_sha256[AL_SHA256_SIZE];
    uint8_t *patch;
    size_t patch_len;
};

static struct pair pairs[PAIRS];
static const struct pair *now; /* the pair whose files the decoder is given */
static uint8_t slot[SLOT];
static uint32_t made;
static uint64_t state = 1, round_no;

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fprintf(stderr, "airlift-hostile: round %llu: ", (unsigned long long)round_no);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static uint32_t dice(uint32_t sides)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 20) % sides);
}

/* --- A device --------------------------------------------------------------- */

static int check(void *ctx, const struct al_delta_header *header)
{
    (void)ctx;
    return header->old_len == now->old_len && header->new_len <= SLOT ? 0 : AL_ERR_STATE;
}

static int read_old(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    if (off > now->old_len || len > now->old_len - off) {
        die("reads %u bytes at %u of the old file's %zu", len, off, now->old_len);
    }
    memcpy(buf, now->old + off, len);
    return 0;
}

static int read_new(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    if (off > made || len > made - off) {
        die("reads %u bytes at %u of the %u that were written", len, off, made);
    }
    memcpy(buf, slot + off, len);
    return 0;
}

static int write_new(void *ctx, const void *buf, uint32_t len)
{
    const struct al_delta *d = ctx;

    if (len > d->header.new_len - made) {
        die("writes %u bytes at %u of a new file of %u", len, made, d->header.new_len);
    }
    memcpy(slot + made, buf, len);
    made += len;
    return 0;
}

/* Did the decoder find nothing wrong? */
static bool apply(const uint8_t *patch, size_t len)
{
    static struct al_delta d;
    const struct al_delta_io io = {&d, check, read_old, read_new, write_new};
    const size_t step = dice(4) == 0 ? 1 + dice(100) : 4096;
    uint8_t sha256[AL_SHA256_SIZE];
    int result = 0;

    made = 0;
    al_delta_begin(&d, &io);
    for (size_t i = 0; i < len && result == 0; i += step) {
        result = al_delta_feed(&d, patch + i, len - i < step ? len - i : step);
    }
    if (result != 0 || al_delta_end(&d) != 0) {
        return false;
    }
    if (made != d.header.new_len) {
        die("is content with %u bytes of %u", made, d.header.new_len);
    }
    /* What a device does then: the manifest's hash decides. */
    if (al_sha256(slot, made, sha256) != 0) {
        die("no SHA-256");
    }
    if (memcmp(sha256, now->new_sha256, sizeof sha256) == 0 &&
        (made != now->new_len || memcmp(slot, now->new, made) != 0)) {
        die("another image passes for the right one");
    }
    return true;
}

/* --- Images and patches ------------------------------------------------------ */

static uint8_t noise(void)
{
    return (uint8_t)dice(256);
}

/* An app image in outline: data with pointers and text, then code with calls. */
static size_t make_image(uint8_t *p, bool riscv)
{
    const uint32_t data = 80 + dice(60) * 4, code = 160 + dice(100) * 4;
    const uint32_t data_addr = riscv ? 0x3C000020u : 0x3F400020u,
                   code_addr = riscv ? 0x42000020u : 0x400D0020u;
    const uint32_t code_off = 32 + data + 8;

    memset(p, 0, 24);
    p[0] = 0xE9;
    p[1] = 2;
    p[12] = riscv ? 5 : 0;
    al_put_le32(p + 24, data_addr);
    al_put_le32(p + 28, data);
    for (uint32_t i = 0; i < data; i += 4) {
        al_put_le32(p + 32 + i, dice(3) == 0   ? data_addr + dice(data)
                                : dice(3) == 0 ? code_addr + dice(code)
                                : dice(3) == 0
                                    ? (dice(2) ? code_addr - data_addr - i + dice(code) : 8 + dice(64))
                                    : 0x20202020u + dice(0x5F5F5F5Fu));
    }
    al_put_le32(p + code_off - 8, code_addr);
    al_put_le32(p + code_off - 4, code);
    for (uint32_t i = 0; i < code;) {
        uint8_t *at = p + code_off + i;
        const uint32_t left = code - i;

        if (riscv && left >= 8) {
            static const uint32_t forms[] = {0x000000EFu, 0x0000006Fu, 0x00000517u, 0x00050513u,
                                             0x3C0005B7u, 0x0005A583u, 0x42000637u, 0x00C62023u};
            al_put_le32(at, forms[dice(8)] | (dice(3) == 0 ? dice(4096) << 20 : 0));
            i += dice(3) == 0 ? 2 : 4;
            if (dice(3) == 0) {
                al_put_le16(p + code_off + i, (uint16_t)(0x4501u | dice(16) << 7));
                i += 2;
            }
        } else if (!riscv && left >= 3) {
            const uint32_t op = dice(6);
            at[0] = (uint8_t)(op == 0 ? 0xA5 : op == 1 ? 0x21 : op == 2 ? 0x46 : op == 3 ? 0x0D : noise());
            at[1] = noise();
            at[2] = (uint8_t)(op == 1 ? 0xFF : dice(4));
            i += (at[0] & 15) >= 8 && (at[0] & 15) < 14 ? 2 : 3;
        } else {
            at[0] = noise();
            i++;
        }
    }
    return code_off + code;
}

/* A new version: something inserted, some bytes changed, lengths set right. */
static size_t change_image(const uint8_t *old, size_t len, uint8_t *new)
{
    const uint32_t data = al_get_le32(old + 28), at = 32 + dice(data / 4) * 4, more = 4 * (1 + dice(40));
    const uint32_t changes = dice(20);

    memcpy(new, old, at);
    for (uint32_t i = 0; i < more; i++) {
        new[at + i] = noise();
    }
    memcpy(new + at + more, old + at, len - at);
    al_put_le32(new + 28, data + more);
    for (uint32_t i = 0; i < changes; i++) {
        new[32 + dice((uint32_t)len - 32)] = noise();
    }
    return len + more;
}

static void make_pair(struct pair *p, unsigned i)
{
    static uint8_t old[2 * IMAGE_MAX], new[2 * IMAGE_MAX];
    const struct delta_options options = {.n_map = i % 3 == 0 ? DELTA_SMALL_MAP : 0,
                                          .pool = i % 3 == 0 ? AL_DELTA_SMALL_POOL : 0};

    p->old_len = make_image(old, i % 2 != 0);
    p->new_len = change_image(old, p->old_len, new);
    p->old_len = i % 6 == 5 ? 0 : p->old_len; /* a whole image */
    p->old = malloc(p->old_len + !p->old_len);
    p->new = malloc(p->new_len);
    if (p->old == NULL || p->new == NULL) {
        die("out of memory");
    }
    memcpy(p->old, old, p->old_len);
    memcpy(p->new, new, p->new_len);
    if (al_sha256(p->new, p->new_len, p->new_sha256) != 0 ||
        delta_make(p->old, p->old_len, p->new, p->new_len, &options, &p->patch, &p->patch_len) != 0 ||
        p->patch_len > PATCH_MAX / 2) {
        die("no patch for pair %u", i);
    }
    now = p;
    if (!apply(p->patch, p->patch_len) || made != p->new_len || memcmp(slot, p->new, made) != 0) {
        die("pair %u's own patch does not give its new file", i);
    }
}

/* --- Damage ------------------------------------------------------------------ */

static void damage(uint8_t *p, size_t *len)
{
    const size_t body = *len - AL_DELTA_HEADER_SIZE;

    switch (dice(8)) {
    case 0:
    case 1:
        p[AL_DELTA_HEADER_SIZE + dice((uint32_t)body)] ^= (uint8_t)(1u << dice(8));
        break;
    case 2:
        p[AL_DELTA_HEADER_SIZE + dice((uint32_t)body)] = noise();
        break;
    case 3: { /* a piece moves */
        const uint32_t n = 1 + dice(16), from = dice((uint32_t)body), to = dice((uint32_t)body);
        memmove(p + AL_DELTA_HEADER_SIZE + to, p + AL_DELTA_HEADER_SIZE + from,
                n < body - from && n < body - to ? n : 1);
        break;
    }
    case 4: { /* another patch's end */
        const struct pair *other = &pairs[dice(PAIRS)];
        const size_t at = AL_DELTA_HEADER_SIZE + dice((uint32_t)body);
        if (at < other->patch_len) {
            memcpy(p + at, other->patch + at, other->patch_len - at);
            *len = other->patch_len;
        }
        break;
    }
    case 5: /* cut or longer */
        if (dice(2)) {
            *len = AL_DELTA_HEADER_SIZE + 4 + dice((uint32_t)body);
        } else {
            for (uint32_t n = 1 + dice(64); n > 0; n--) {
                p[(*len)++] = noise();
            }
        }
        break;
    case 6: /* counts and lengths of the header */
        switch (dice(4)) {
        case 0:
            p[5] = noise();
            break;
        case 1:
            al_put_le16(p + 6, (uint16_t)dice(dice(2) ? 2000 : 40));
            break;
        case 2:
            al_put_le32(p + 12, dice(2) ? dice(SLOT + 2) : al_get_le32(p + 12) + dice(9) - 4);
            break;
        default:
            al_put_le32(p + 8, dice(IMAGE_MAX));
            break;
        }
        break;
    default: /* all made up from somewhere on */
        for (size_t at = AL_DELTA_HEADER_SIZE + dice((uint32_t)body); at < *len; at++) {
            p[at] = noise();
        }
        break;
    }
}

int main(int argc, char **argv)
{
    uint64_t count = 100000, whole = 0, right = 0;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--count") == 0) {
            count = strtoull(argv[i + 1], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            state = strtoull(argv[i + 1], NULL, 10) * 0x9E3779B97F4A7C15u | 1u;
        } else {
            fprintf(stderr, "Usage: %s [--count N] [--seed N]\n", argv[0]);
            return 2;
        }
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        make_pair(&pairs[i], i);
    }
    for (round_no = 1; round_no <= count; round_no++) {
        static uint8_t patch[PATCH_MAX];

        now = &pairs[dice(PAIRS)];
        size_t len = now->patch_len;
        memcpy(patch, now->patch, len);
        for (uint32_t n = 1 + dice(3); n > 0; n--) {
            damage(patch, &len);
        }
        al_put_le32(patch + 16, (uint32_t)len);
        al_put_le32(patch + 84, al_crc32_zlib(0, patch, 84));
        if (apply(patch, len)) {
            whole++;
            right += made == now->new_len && memcmp(slot, now->new, made) == 0;
        }
    }
    printf("%llu hostile patches: all stayed within the old file and the slot; %llu decoded to their end, "
           "%llu of them "
           "to the right image, the others' SHA-256 gave them away\n",
           (unsigned long long)count, (unsigned long long)whole, (unsigned long long)right);
    for (unsigned i = 0; i < PAIRS; i++) {
        free(pairs[i].old);
        free(pairs[i].new);
        free(pairs[i].patch);
    }
    return 0;
}
