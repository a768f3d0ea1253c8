/*
 * Signed by mbedTLS (PSA), checked by core over OpenSSL. The other direction, signed by
 * OpenSSL and checked over PSA, is signature_psa_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <mbedtls/pk.h>
#include <psa/crypto.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "signing_world.h"

static uint8_t file[SIGNED_LEN];

static void reverse(uint8_t *to, const uint8_t *from, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        to[i] = from[len - 1 - i];
    }
}

/* Import a PEM key into PSA: RSA as PKCS #1, ECDSA as the bare number. */
static psa_key_id_t import(const char *name, bool rsa, psa_algorithm_t algorithm)
{
    static uint8_t pem[4096], der[2048], number[64];
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    mbedtls_pk_context pk;
    psa_key_id_t id;
    char path[64];
    const uint8_t *key = number;
    size_t len;

    snprintf(path, sizeof(path), "%s.pem", name);
    pem[load(path, pem, sizeof(pem) - 1)] = '\0';
    mbedtls_pk_init(&pk);
    assert_int_equal(mbedtls_pk_parse_key(&pk, pem, strlen((char *)pem) + 1, NULL, 0), 0);
    if (rsa) {
        int n = mbedtls_pk_write_key_der(&pk, der, sizeof(der));

        assert_true(n > 0);
        len = (size_t)n;
        key = der + sizeof(der) - n;
        psa_set_key_type(&attributes, PSA_KEY_TYPE_RSA_KEY_PAIR);
    } else {
        len = mbedtls_pk_get_bitlen(&pk) / 8;
        assert_int_equal(mbedtls_mpi_write_binary(&mbedtls_pk_ec(pk)->d, number, len), 0);
        psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    }
    mbedtls_pk_free(&pk);
    psa_set_key_algorithm(&attributes, algorithm);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_SIGN_HASH);
    assert_int_equal(psa_import_key(&attributes, key, len, &id), PSA_SUCCESS);
    return id;
}

/* Put a signature of mbedTLS's making where OpenSSL's was. */
static void sign_again(const char *name, enum al_sig_type type, psa_algorithm_t algorithm)
{
    const struct al_sig_layout *at = al_sig_layout(type);
    uint8_t *block = file + SECTOR_AT;
    uint8_t signature[AL_RSA3072_SIZE], old[AL_RSA3072_SIZE];
    psa_key_id_t id = import(name, type == AL_SIG_RSA3072, algorithm);
    size_t len;

    assert_int_equal(psa_sign_hash(id, algorithm, block + AL_SIG_DIGEST_OFF, at->digest_len, signature,
                                   sizeof(signature), &len),
                     PSA_SUCCESS);
    assert_int_equal(psa_destroy_key(id), PSA_SUCCESS);
    memcpy(old, block + at->signature_off, len);
    if (type == AL_SIG_RSA3072) {
        reverse(block + at->signature_off, signature, len);
    } else {
        reverse(block + at->signature_off, signature, len / 2);
        reverse(block + at->signature_off + len / 2, signature + len / 2, len / 2);
    }
    assert_memory_not_equal(old, block + at->signature_off, len);
    al_put_le32(block + AL_SIG_CRC_OFF, al_crc32_zlib(0, block, AL_SIG_CRC_OFF));
}

static void test_signature_of_mbedtls_is_accepted_over_openssl(void **state)
{
    static const struct {
        const char *name;
        enum al_sig_type type;
        psa_algorithm_t algorithm;
    } kinds[] = {{"rsa_a", AL_SIG_RSA3072, PSA_ALG_RSA_PSS(PSA_ALG_SHA_256)},
                 {"p256_a", AL_SIG_P256, PSA_ALG_ECDSA(PSA_ALG_SHA_256)},
                 {"p384", AL_SIG_P384, PSA_ALG_ECDSA(PSA_ALG_SHA_384)}};
    static uint8_t trusted[1][AL_SIG_KEY_DIGEST_SIZE];
    static struct al_image_check check;
    static struct al_sig_check sig;
    const struct al_sig_policy policy = {.key = (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])trusted,
                                         .n_keys = 1};

    (void)state;
    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
    sig.policy = &policy;
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        load_signed(kinds[i].name, file);
        load_key_digest(kinds[i].name, trusted[0]);
        sign_again(kinds[i].name, kinds[i].type, kinds[i].algorithm);
        assert_int_equal(verify_bytes(file, SIGNED_LEN, 512, &sig, &check), 0);
        assert_int_equal(sig.signer[0].fault, AL_SIG_GOOD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature_of_mbedtls_is_accepted_over_openssl),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
