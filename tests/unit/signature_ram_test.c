/*
 * What a signed image's verification costs: each byte is read once, and core's own memory
 * stays below 4 KiB. The crypto port is replaced by functions that use next to no stack
 * and no memory, so what is measured is core's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "airlift/image.h"

#define IMAGE_LEN  (4u << 20) /* 4 MiB, the signature sector included */
#define SECTOR_AT  (IMAGE_LEN - AL_SIG_SECTOR_SIZE)
#define READ_SIZE  1024u
#define STACK_SIZE (256u << 10)
#define PAINT      0xA5

/* --- A crypto port of no weight: every digest is zero, every signature right --- */

static uint64_t hashed;
static unsigned open_hashes, key_operations;

int al_sha256_init(struct al_hash *h)
{
    h->opaque[0] = AL_SHA256_SIZE;
    open_hashes++;
    return 0;
}

int al_sha384_init(struct al_hash *h)
{
    h->opaque[0] = AL_SHA384_SIZE;
    open_hashes++;
    return 0;
}

int al_md5_init(struct al_hash *h)
{
    (void)h;
    return AL_ERR_CRYPTO;
}

int al_hash_clone(struct al_hash *to, const struct al_hash *from)
{
    to->opaque[0] = from->opaque[0];
    open_hashes++;
    return 0;
}

int al_hash_update(struct al_hash *h, const void *data, size_t len)
{
    (void)data;
    hashed += h->opaque[0] == AL_SHA256_SIZE ? len : 0;
    return 0;
}

int al_hash_final(struct al_hash *h, uint8_t *digest)
{
    memset(digest, 0, (size_t)h->opaque[0]);
    open_hashes--;
    return 0;
}

void al_hash_abort(struct al_hash *h)
{
    (void)h;
    open_hashes--;
}

int al_verify_rsa3072_pss(const uint8_t modulus[AL_RSA3072_SIZE], uint32_t exponent,
                          const uint8_t signature[AL_RSA3072_SIZE], const uint8_t digest[AL_SHA256_SIZE])
{
    (void)modulus;
    (void)exponent;
    (void)signature;
    (void)digest;
    key_operations++;
    return 0;
}

int al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature, const uint8_t *digest)
{
    (void)size;
    (void)point;
    (void)signature;
    (void)digest;
    return AL_ERR_SIGNATURE;
}

/* --- A flash that counts --------------------------------------------------- */

static uint8_t *image;
static uint32_t next_off;
static bool in_order = true;

static int count_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    in_order = in_order && off == next_off;
    next_off = off + len;
    memcpy(buf, image + off, len);
    return 0;
}

static void make_image(void)
{
    const struct al_image_new what = {.header = {.n_segments = 1, .chip_id = 5, .max_rev = 0xFFFF}};
    uint32_t seg_len = SECTOR_AT - 32 - 16; /* headers before it, checksum behind it */
    uint8_t *block = image + SECTOR_AT;

    memset(image, 0xFF, IMAGE_LEN);
    al_image_build_prefix(&what, 0x3C000020, seg_len, image);
    memset(image + 32 + seg_len, 0, 16);
    image[32 + seg_len + 15] = al_image_checksum(0xEF, image + AL_IMAGE_DESC_OFF, seg_len);
    memset(block, 0, AL_SIG_BLOCK_SIZE);
    block[0] = AL_SIG_BLOCK_MAGIC;
    block[1] = 2;
    al_put_le32(block + AL_SIG_CRC_OFF, al_crc32_zlib(0, block, AL_SIG_CRC_OFF));
}

/* --- One verification on a painted stack ----------------------------------- */

static struct al_image_check check;
static struct al_sig_check sig;
static uint8_t buf[READ_SIZE];
static uint8_t *stack;
static size_t used_at_entry;
static int result;

static void *run(void *unused)
{
    static const uint8_t key[1][AL_SIG_KEY_DIGEST_SIZE];
    static const struct al_sig_policy policy = {.key = key, .n_keys = 1};
    const struct al_flash flash = {.size = IMAGE_LEN, .read = count_read};
    const struct al_image_rules rules = {.part_size = IMAGE_LEN, .signature = &sig};
    uint8_t here;

    used_at_entry = (size_t)(stack + STACK_SIZE - &here);
    sig.policy = &policy;
    result = al_image_verify(&flash, &rules, &check, buf, sizeof(buf));
    return unused;
}

static void test_signature_check_reads_once_and_stays_small(void **state)
{
    size_t own = sizeof(check) + sizeof(sig) - 3 * sizeof(struct al_hash) + sizeof(buf);
    pthread_attr_t attr;
    pthread_t thread;
    size_t used = STACK_SIZE;

    (void)state;
    image = malloc(IMAGE_LEN);
    stack = aligned_alloc(4096, STACK_SIZE);
    assert_non_null(image);
    assert_non_null(stack);
    make_image();
    /* Once before: the first call of a library's function resolves it, on the stack too. */
    (void)run(NULL);
    hashed = next_off = key_operations = 0;
    memset(stack, PAINT, STACK_SIZE);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, stack, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attr, run, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attr);

    assert_int_equal(result, 0);
    assert_int_equal(sig.fault, AL_SIG_GOOD);
    assert_int_equal(key_operations, 1);
    assert_int_equal(open_hashes, 0);
    assert_true(in_order);
    assert_int_equal(next_off, IMAGE_LEN);
    /* SHA-256 goes over each byte before the sector once; the key's own digest is 776 bytes. */
    assert_int_equal(hashed, SECTOR_AT + 776);

    for (size_t i = 0; i < STACK_SIZE && stack[i] == PAINT; i++) {
        used--;
    }
    used -= used_at_entry;
    print_message("verification of %u bytes: %zu bytes of structs and buffers, %zu of stack\n", IMAGE_LEN,
                  own, used);
    assert_true(own < 4096);
#ifndef __SANITIZE_ADDRESS__ /* which puts its own things on the stack */
    assert_true(own + used <= 4096);
#endif
    free(image);
    free(stack);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature_check_reads_once_and_stays_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
