/*
 * server_cert_test.c - the development certificate, read back by OpenSSL.
 */
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/cert.h"

struct world {
    char dir[64], cert[96], key[96], other[96];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/airlift-cert-XXXXXX");
    if (!mkdtemp(w->dir)) {
        return -1;
    }
    snprintf(w->cert, sizeof w->cert, "%s/cert.pem", w->dir);
    snprintf(w->key, sizeof w->key, "%s/key.pem", w->dir);
    snprintf(w->other, sizeof w->other, "%s/other.pem", w->dir);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    unlink(w->cert);
    unlink(w->key);
    unlink(w->other);
    int result = rmdir(w->dir);
    free(w);
    return result;
}

static void make(struct world *w, const char *host)
{
    char err[256] = "";
    assert_int_equal(srv_cert_make(w->cert, w->key, host, err, sizeof err), 0);
}

static X509 *load(struct world *w)
{
    struct srv_cert pair;
    char err[256] = "";
    assert_int_equal(srv_cert_load(&pair, w->cert, w->key, err, sizeof err), 0);
    BIO *bio = BIO_new_mem_buf(pair.cert_pem, -1);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    srv_cert_free(&pair);
    assert_non_null(cert);
    return cert;
}

static void test_cert_verifies_as_its_own_root(void **state)
{
    struct world *w = *state;
    make(w, "127.0.0.1");
    X509 *cert = load(w);
    X509_STORE *roots = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(roots, cert), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, roots, cert, NULL), 1);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_purpose(ctx, X509_PURPOSE_SSL_SERVER);
    assert_int_equal(X509_verify_cert(ctx), 1);
    assert_int_equal(X509_check_ca(cert), 1);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(cert)), EVP_PKEY_EC);
    int days, seconds;
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert)), 1);
    assert_in_range(days, 3649, 3650);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(roots);
    X509_free(cert);
    struct stat st;
    assert_int_equal(stat(w->key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_cert_names_where_the_server_is_reached(void **state)
{
    struct world *w = *state;
    char machine[256] = "";
    assert_int_equal(gethostname(machine, sizeof machine - 1), 0);
    make(w, "192.0.2.7");
    X509 *cert = load(w);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "192.0.2.7", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "192.0.2.8", 0), 0);
    assert_int_equal(X509_check_host(cert, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(cert, machine, 0, 0, NULL), 1);
    X509_free(cert);
}

static void test_cert_for_a_wildcard_names_this_machine(void **state)
{
    struct world *w = *state;
    make(w, "0.0.0.0");
    X509 *cert = load(w);
    assert_int_equal(X509_check_ip_asc(cert, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(cert, "0.0.0.0", 0), 0);
    X509_free(cert);
}

static void test_cert_is_made_once_and_a_lone_key_is_replaced(void **state)
{
    struct world *w = *state;
    make(w, "127.0.0.1");
    X509 *first = load(w);
    make(w, "127.0.0.1");
    X509 *second = load(w);
    assert_int_equal(X509_cmp(first, second), 0);
    unlink(w->cert); /* as a power cut between the two files leaves it */
    make(w, "127.0.0.1");
    X509 *third = load(w);
    assert_int_not_equal(X509_cmp(first, third), 0);
    X509_free(first);
    X509_free(second);
    X509_free(third);
}

static void expect_refused(struct world *w, const char *cert, const char *key, const char *why)
{
    (void)w;
    struct srv_cert pair;
    char err[256] = "";
    assert_int_equal(srv_cert_load(&pair, cert, key, err, sizeof err), -1);
    assert_non_null(strstr(err, why));
}

static void test_cert_wrong_files_are_named(void **state)
{
    struct world *w = *state;
    make(w, "127.0.0.1");
    assert_int_equal(rename(w->key, w->other), 0);
    expect_refused(w, w->cert, w->key, "key.pem");
    unlink(w->cert);
    make(w, "127.0.0.1");
    expect_refused(w, w->cert, w->other, "belongs to another key");
    expect_refused(w, w->key, w->key, "not a certificate");
    expect_refused(w, w->cert, w->cert, "not an unencrypted private key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cert_verifies_as_its_own_root, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cert_names_where_the_server_is_reached, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cert_for_a_wildcard_names_this_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cert_is_made_once_and_a_lone_key_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cert_wrong_files_are_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
