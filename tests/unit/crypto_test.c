#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "airlift/crypto.h"

static void test_crypto_hashes_known_text(void **state)
{
    struct al_hash h;
    uint8_t digest[AL_SHA256_SIZE];

    (void)state;
    assert_int_equal(al_sha256_init(&h), 0);
    assert_int_equal(al_hash_update(&h, "a", 1), 0);
    assert_int_equal(al_hash_update(&h, "bc", 2), 0);
    assert_int_equal(al_hash_final(&h, digest), 0);
    assert_memory_equal(digest, "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23", 16);
}

static void test_crypto_md5_writes_sixteen_bytes_only(void **state)
{
    struct al_hash h;
    uint8_t digest[AL_SHA256_SIZE] = {[16] = 0xA5, [31] = 0x5A};

    (void)state;
    assert_int_equal(al_md5_init(&h), 0);
    assert_int_equal(al_hash_update(&h, "abc", 3), 0);
    assert_int_equal(al_hash_final(&h, digest), 0);
    assert_memory_equal(digest, "\x90\x01\x50\x98\x3c\xd2\x4f\xb0\xd6\x96\x3f\x7d\x28\xe1\x7f\x72", 16);
    assert_int_equal(digest[16], 0xA5);
    assert_int_equal(digest[31], 0x5A);
}

static void test_crypto_abort_releases(void **state)
{
    struct al_hash h;

    (void)state;
    assert_int_equal(al_sha256_init(&h), 0);
    al_hash_abort(&h);
    al_hash_abort(&h); /* a second time is harmless */
    assert_int_not_equal(al_hash_update(&h, "x", 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crypto_hashes_known_text),
        cmocka_unit_test(test_crypto_md5_writes_sixteen_bytes_only),
        cmocka_unit_test(test_crypto_abort_releases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
