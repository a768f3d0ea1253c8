#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "signing_world.h"

static uint8_t file[SIGNED_LEN];
static uint8_t trusted[3][AL_SIG_KEY_DIGEST_SIZE];
static struct al_sig_policy policy;
static struct al_sig_check sig;
static struct al_image_check check;

/* Trust these keys, in this order; the rest of the policy is zeroed. */
static void trust(const char *a, const char *b, const char *c)
{
    const char *names[] = {a, b, c};

    policy = (struct al_sig_policy){.key = (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])trusted};
    for (unsigned i = 0; i < 3 && names[i] != NULL; i++) {
        load_key_digest(names[i], trusted[i]);
        policy.n_keys++;
    }
    sig.policy = &policy;
}

static int verify(void)
{
    return verify_bytes(file, SIGNED_LEN, 1000, &sig, &check);
}

static void expect(enum al_sig_fault fault)
{
    assert_int_equal(verify(), fault == AL_SIG_GOOD ? 0 : AL_ERR_SIGNATURE);
    assert_int_equal(check.fault, fault == AL_SIG_GOOD ? AL_IMAGE_GOOD : AL_IMAGE_NOT_TRUSTED);
    assert_int_equal(sig.fault, fault);
}

static uint8_t *block(unsigned i)
{
    return file + SECTOR_AT + i * AL_SIG_BLOCK_SIZE;
}

static void mend_crc(unsigned i)
{
    al_put_le32(block(i) + AL_SIG_CRC_OFF, al_crc32_zlib(0, block(i), AL_SIG_CRC_OFF));
}

/* Make the image whole again after a change of its bytes: its checksum and hash, as an attacker would. */
static void mend_image(void)
{
    uint8_t sum = 0xEF;
    uint32_t end = 7344 - AL_SHA256_SIZE, at = AL_IMAGE_HEADER_SIZE;

    for (unsigned i = 0; i < file[1]; i++) {
        uint32_t len = al_get_le32(file + at + 4);

        sum = al_image_checksum(sum, file + at + 8, len);
        at += 8 + len;
    }
    file[end - 1] = sum;
    assert_int_equal(al_sha256(file, end, file + end), 0);
}

/* --- What is accepted ------------------------------------------------------ */

static void test_signature_of_each_kind_is_accepted(void **state)
{
    static const char *const names[] = {"rsa_a", "rsa_b", "p256_a", "p256_b", "p384"};
    static const uint8_t types[] = {AL_SIG_RSA3072, AL_SIG_RSA3072, AL_SIG_P256, AL_SIG_P256, AL_SIG_P384};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        load_signed(names[i], file);
        trust(names[i], NULL, NULL);
        expect(AL_SIG_GOOD);
        assert_int_equal(sig.n_signers, 1);
        assert_int_equal(sig.signer[0].type, types[i]);
        assert_memory_equal(sig.signer[0].key_digest, trusted[0], AL_SIG_KEY_DIGEST_SIZE);
        assert_int_equal(check.info.len, 7344);
    }
}

static void test_signature_verdict_does_not_depend_on_pieces(void **state)
{
    (void)state;
    load_signed("three", file);
    trust("p384", NULL, NULL);
    for (uint32_t step = 1; step < 5000; step = step * 2 + 1) {
        assert_int_equal(verify_bytes(file, SIGNED_LEN, step, &sig, &check), 0);
        assert_int_equal(sig.n_signers, 3);
        assert_int_equal(sig.signer[2].fault, AL_SIG_GOOD);
    }
}

static void test_signature_any_block_is_enough(void **state)
{
    (void)state;
    load_signed("three", file);
    trust("rsa_b", NULL, NULL);
    expect(AL_SIG_GOOD);
    assert_int_equal(sig.signer[0].fault, AL_SIG_UNKNOWN_KEY);
    assert_int_equal(sig.signer[1].fault, AL_SIG_GOOD);
    assert_int_equal(sig.signer[2].fault, AL_SIG_IGNORED);
}

static void test_signature_listing_judges_each_block_without_trust(void **state)
{
    (void)state;
    load_signed("three", file);
    trust(NULL, NULL, NULL);
    policy.any_key = true;
    block(1)[900] ^= 1; /* in the signature */
    mend_crc(1);
    expect(AL_SIG_GOOD);
    assert_int_equal(sig.signer[0].fault, AL_SIG_GOOD);
    assert_int_equal(sig.signer[1].fault, AL_SIG_BAD);
    assert_int_equal(sig.signer[2].fault, AL_SIG_GOOD);
    block(2)[200] ^= 1;
    mend_crc(2);
    expect(AL_SIG_GOOD); /* by the first; the last does not take that back */
    assert_int_equal(sig.signer[2].fault, AL_SIG_BAD);
}

static uint32_t read_to;

static int read_file(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    read_to = off + len > read_to ? off + len : read_to;
    for (uint32_t i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = off + i < SIGNED_LEN ? file[off + i] : 0;
    }
    return 0;
}

static void test_signature_in_flash_is_read_to_the_sectors_end(void **state)
{
    const struct al_flash flash = {.size = 1 << 20, .read = read_file};
    const struct al_image_rules rules = {.signature = &sig, .part_size = 1 << 20};
    static uint8_t buf[AL_SIG_SECTOR_SIZE];

    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    for (uint32_t len = 288; len <= sizeof(buf); len += 1904) {
        read_to = 0;
        assert_int_equal(al_image_verify(&flash, &rules, &check, buf, len), 0);
        assert_int_equal(read_to, SIGNED_LEN);
    }
}

/* --- What is refused, and why ---------------------------------------------- */

static void test_signature_needs_a_trusted_key(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_b", "p256_a", NULL);
    expect(AL_SIG_UNKNOWN_KEY);
    trust(NULL, NULL, NULL); /* nobody is trusted: nobody is */
    expect(AL_SIG_UNKNOWN_KEY);
}

static void test_signature_of_a_revoked_key_is_refused(void **state)
{
    (void)state;
    load_signed("two", file);
    trust("rsa_b", "rsa_a", NULL);
    policy.revoked = 1 << 1;
    expect(AL_SIG_GOOD); /* by rsa_b, which is in the second block */
    assert_int_equal(sig.signer[0].fault, AL_SIG_REVOKED);
    policy.revoked = 1 << 0 | 1 << 1;
    expect(AL_SIG_REVOKED);
    policy.revoked = 1 << 2; /* a place without a key */
    expect(AL_SIG_GOOD);
}

static void test_signature_a_chip_of_one_key_looks_at_the_first_block(void **state)
{
    (void)state;
    load_signed("two", file);
    trust("rsa_b", NULL, NULL);
    policy.first_block_only = true;
    expect(AL_SIG_UNKNOWN_KEY);
    assert_int_equal(sig.signer[1].fault, AL_SIG_IGNORED);
    trust("rsa_a", NULL, NULL);
    policy.first_block_only = true;
    expect(AL_SIG_GOOD);
}

static void test_signature_half_a_digest_is_compared_where_eFuses_hold_half(void **state)
{
    (void)state;
    load_signed("p256_a", file);
    trust("p256_a", NULL, NULL);
    memset(trusted[0] + 16, 0, 16);
    expect(AL_SIG_UNKNOWN_KEY);
    policy.digest_len = 16;
    expect(AL_SIG_GOOD);
    trusted[0][15] ^= 1;
    expect(AL_SIG_UNKNOWN_KEY);
}

static void test_signature_p384_can_be_left_out(void **state)
{
    (void)state;
    load_signed("p384", file);
    trust("p384", NULL, NULL);
    policy.no_p384 = true;
    expect(AL_SIG_UNSUPPORTED);
}

static void test_signature_p192_is_named_and_refused(void **state)
{
    (void)state;
    load_signed("p192", file);
    trust("p192", NULL, NULL);
    expect(AL_SIG_UNSUPPORTED);
    assert_int_equal(sig.signer[0].type, AL_SIG_P192);
    assert_memory_equal(sig.signer[0].key_digest, trusted[0], AL_SIG_KEY_DIGEST_SIZE);
}

static void test_signature_salt_must_have_thirty_two_bytes(void **state)
{
    (void)state;
    load_signed("salt20", file);
    trust("rsa_a", NULL, NULL);
    expect(AL_SIG_BAD);
}

static void test_signature_changed_image_is_refused_though_whole(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    file[2000] ^= 0x10;
    mend_image();
    expect(AL_SIG_WRONG_DIGEST);
    /* The block's digest made to fit as well: now only the signature speaks against it. */
    assert_int_equal(al_sha256(file, CONTENT_LEN, block(0) + AL_SIG_DIGEST_OFF), 0);
    mend_crc(0);
    expect(AL_SIG_BAD);
}

static void test_signature_covers_hash_and_padding(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    file[CONTENT_LEN - 1] = 0xFE;
    expect(AL_SIG_WRONG_DIGEST);
    load_signed("rsa_a", file);
    file[7344] = 0xFE;
    expect(AL_SIG_WRONG_DIGEST);
}

static void test_signature_unsigned_and_v1_are_told_apart(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", "p256_a", NULL);
    memset(file + SECTOR_AT, 0xFF, AL_SIG_SECTOR_SIZE);
    expect(AL_SIG_UNSIGNED);
    memset(file + SECTOR_AT, 0x00, AL_SIG_SECTOR_SIZE); /* what happened to lie there */
    expect(AL_SIG_UNSIGNED);
    (void)load("app_v1.sig", file + 7344, 68);
    expect(AL_SIG_V1);
    assert_int_equal(verify_bytes(file, 7344 + 68, 100, &sig, &check), AL_ERR_SIGNATURE);
    assert_int_equal(sig.fault, AL_SIG_V1);
}

static void test_signature_sector_has_one_form(void **state)
{
    (void)state;
    trust("rsa_a", "rsa_b", NULL);
    load_signed("rsa_a", file);
    file[SIGNED_LEN - 1] = 0; /* behind the blocks' room */
    expect(AL_SIG_DAMAGED);
    load_signed("rsa_a", file);
    block(1)[0] = AL_SIG_BLOCK_MAGIC; /* half a block */
    expect(AL_SIG_DAMAGED);
    load_signed("two", file);
    block(1)[0] = 0;
    mend_crc(1);
    expect(AL_SIG_DAMAGED);
    load_signed("two", file);
    memcpy(block(2), block(1), AL_SIG_BLOCK_SIZE); /* a gap before the last */
    memset(block(1), 0xFF, AL_SIG_BLOCK_SIZE);
    expect(AL_SIG_DAMAGED);
    load_signed("two", file);
    block(0)[AL_SIG_BLOCK_SIZE - 1] = 1; /* behind the CRC */
    expect(AL_SIG_DAMAGED);
}

static void test_signature_block_of_another_version_is_not_trusted(void **state)
{
    (void)state;
    trust("p256_a", "rsa_a", NULL);
    load_signed("p256_a", file);
    block(0)[36] = 4; /* a curve nobody knows */
    mend_crc(0);
    expect(AL_SIG_UNSUPPORTED);
    load_signed("rsa_a", file);
    block(0)[1] = 1;
    mend_crc(0);
    expect(AL_SIG_UNSUPPORTED);
}

static void test_signature_sector_counts_to_what_must_fit(void **state)
{
    struct al_image_rules rules = {.signature = &sig, .part_size = SIGNED_LEN - 1};

    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    assert_int_equal(al_image_check_begin(&check, &rules), 0);
    assert_int_equal(al_image_check_feed(&check, file, SIGNED_LEN), AL_ERR_IMAGE);
    assert_int_equal(check.fault, AL_IMAGE_TOO_LONG);
    rules.part_size = SIGNED_LEN;
    assert_int_equal(al_image_check_begin(&check, &rules), 0);
    assert_int_equal(al_image_check_feed(&check, file, SIGNED_LEN), 0);
    assert_true(al_image_check_done(&check));
    assert_int_equal(al_image_check_end(&check, NULL), 0);
}

/* --- Every bit, every length ----------------------------------------------- */

#ifndef EACH_BIT
#define EACH_BIT 1 /* every how many bits one is flipped in a block whose CRC is made to fit */
#endif

static void flip(uint32_t bit)
{
    file[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

#if EACH_BIT == 1
/* Flip each bit of the image and its padding: the whole verification, each time. */
static void flip_content(void)
{
    for (uint32_t bit = 0; bit < CONTENT_LEN * 8; bit++) {
        flip(bit);
        if (verify_bytes(file, SIGNED_LEN, SIGNED_LEN, &sig, &check) == 0) {
            fail_msg("bit %u of byte %u can be flipped", (unsigned)bit % 8, (unsigned)bit / 8);
        }
        flip(bit);
    }
}
#endif

/*
 * Flip bits of the sector between two of its bytes. Where the sector begins no hash is
 * under way, so the state is a plain copy, and what was verified up to there stays so.
 */
static void flip_sector(uint32_t from, uint32_t to, bool mend)
{
    static struct al_image_check check_before;
    static struct al_sig_check sig_before;
    const struct al_image_rules rules = {.signature = &sig};

    assert_int_equal(al_image_check_begin(&check_before, &rules), 0);
    assert_int_equal(al_image_check_feed(&check_before, file, CONTENT_LEN), 0);
    sig_before = sig;
    for (uint32_t bit = from * 8; bit <= to * 8; bit += mend ? EACH_BIT : 1) {
        bool last = bit + (mend ? EACH_BIT : 1) > to * 8; /* nothing is flipped: good again */

        check = check_before;
        sig = sig_before;
        if (!last) {
            flip(SECTOR_AT * 8 + bit);
        }
        if (mend) {
            mend_crc(0);
        }
        int err = al_image_check_feed(&check, file + SECTOR_AT, AL_SIG_SECTOR_SIZE);

        if ((err == 0) != last) {
            fail_msg("bit %u of the sector's byte %u can be flipped", (unsigned)bit % 8, (unsigned)bit / 8);
        }
        if (!last) {
            flip(SECTOR_AT * 8 + bit);
        }
    }
}

static void test_signature_no_bit_of_a_signed_image_can_flip(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    policy.no_p384 = true;
#if EACH_BIT == 1
    flip_content();
    flip_sector(AL_SIG_BLOCK_SIZE, AL_SIG_SECTOR_SIZE, false);
#endif
    flip_sector(0, AL_SIG_BLOCK_SIZE, false);
}

static void test_signature_no_bit_of_an_ecdsa_block_can_flip(void **state)
{
    static const char *const names[] = {"p256_a", "p384"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        load_signed(names[i], file);
        trust(names[i], NULL, NULL);
        flip_sector(0, AL_SIG_BLOCK_SIZE, false);
    }
}

/* With the CRC made to fit, digest, key and signature are what refuses. */
static void test_signature_no_bit_of_a_block_can_flip_with_its_crc(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    flip_sector(0, 2, true); /* bytes 2 and 3 are covered by the CRC alone */
    flip_sector(4, AL_SIG_CRC_OFF, true);
    load_signed("p256_a", file);
    trust("p256_a", NULL, NULL);
    flip_sector(4, 165, true); /* what follows r and s is zero and covered by the CRC alone */
    load_signed("p384", file);
    trust("p384", NULL, NULL);
    flip_sector(4, 245, true);
}

static void test_signature_truncated_image_is_refused(void **state)
{
    (void)state;
    load_signed("rsa_a", file);
    trust("rsa_a", NULL, NULL);
    for (uint32_t len = 0; len < SIGNED_LEN; len = len < SECTOR_AT ? len + 512 : len + 1) {
        int err = verify_bytes(file, len, 1024, &sig, &check);

        if (len > SECTOR_AT) {
            assert_int_equal(err, AL_ERR_IMAGE); /* within the sector */
            assert_int_equal(check.fault, AL_IMAGE_TRUNCATED);
        } else if (len >= 7344) {
            assert_int_equal(err, AL_ERR_SIGNATURE);
            assert_int_equal(sig.fault, AL_SIG_UNSIGNED);
        } else {
            assert_int_not_equal(err, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature_of_each_kind_is_accepted),
        cmocka_unit_test(test_signature_verdict_does_not_depend_on_pieces),
        cmocka_unit_test(test_signature_any_block_is_enough),
        cmocka_unit_test(test_signature_listing_judges_each_block_without_trust),
        cmocka_unit_test(test_signature_in_flash_is_read_to_the_sectors_end),
        cmocka_unit_test(test_signature_needs_a_trusted_key),
        cmocka_unit_test(test_signature_of_a_revoked_key_is_refused),
        cmocka_unit_test(test_signature_a_chip_of_one_key_looks_at_the_first_block),
        cmocka_unit_test(test_signature_half_a_digest_is_compared_where_eFuses_hold_half),
        cmocka_unit_test(test_signature_p384_can_be_left_out),
        cmocka_unit_test(test_signature_p192_is_named_and_refused),
        cmocka_unit_test(test_signature_salt_must_have_thirty_two_bytes),
        cmocka_unit_test(test_signature_changed_image_is_refused_though_whole),
        cmocka_unit_test(test_signature_covers_hash_and_padding),
        cmocka_unit_test(test_signature_unsigned_and_v1_are_told_apart),
        cmocka_unit_test(test_signature_sector_has_one_form),
        cmocka_unit_test(test_signature_block_of_another_version_is_not_trusted),
        cmocka_unit_test(test_signature_sector_counts_to_what_must_fit),
        cmocka_unit_test(test_signature_no_bit_of_a_signed_image_can_flip),
        cmocka_unit_test(test_signature_no_bit_of_an_ecdsa_block_can_flip),
        cmocka_unit_test(test_signature_no_bit_of_a_block_can_flip_with_its_crc),
        cmocka_unit_test(test_signature_truncated_image_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
