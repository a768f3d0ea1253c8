/*
 * server_artifact_test.c - uploads become artifacts, or nothing.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "artifact/artifact.h"

/* SHA-256 and MD5 of "abc" (FIPS 180-4, RFC 1321). */
#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define ABC_MD5    "900150983cd24fb0d6963f7d28e17f72"

struct world {
    char dir[64];
    struct srv_artifacts artifacts;
};

static unsigned count_files(const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    unsigned n = 0;
    struct dirent *entry;
    while ((entry = readdir(d))) {
        n += entry->d_name[0] != '.';
    }
    closedir(d);
    return n;
}

static int setup(void **state)
{
    char err[256];
    struct world *w = calloc(1, sizeof *w);
    strcpy(w->dir, "/tmp/airlift-artifact-XXXXXX");
    if (!mkdtemp(w->dir) || srv_artifacts_open(&w->artifacts, w->dir, err, sizeof err) != 0) {
        return -1;
    }
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char path[160];
    snprintf(path, sizeof path, "%s/%s", w->artifacts.artifacts_dir, ABC_SHA256);
    unlink(path);
    int result = rmdir(w->artifacts.artifacts_dir) | rmdir(w->artifacts.incoming_dir) | rmdir(w->dir);
    srv_artifacts_close(&w->artifacts);
    free(w);
    return result;
}

static void put_abc(struct world *w)
{
    struct srv_upload u;
    assert_int_equal(srv_upload_begin(&u, &w->artifacts), SRV_OK);
    assert_int_equal(srv_upload_write(&u, "a", 1), SRV_OK);
    assert_int_equal(srv_upload_write(&u, "bc", 2), SRV_OK);
    assert_int_equal(srv_upload_finish(&u), SRV_OK);
    assert_int_equal(u.size, 3);
    assert_string_equal(u.sha256_hex, ABC_SHA256);
    assert_string_equal(u.md5_hex, ABC_MD5);
    assert_int_equal(srv_upload_keep(&u), SRV_OK);
    srv_upload_discard(&u); /* harmless behind keep */
}

static void test_artifact_is_kept_under_its_hash(void **state)
{
    struct world *w = *state;
    struct srv_map map;
    assert_int_equal(srv_artifact_map(&w->artifacts, ABC_SHA256, 3, 0, 3, &map), SRV_NOT_FOUND);
    put_abc(w);
    put_abc(w); /* the same bytes again */
    assert_int_equal(count_files(w->artifacts.artifacts_dir), 1);
    assert_int_equal(count_files(w->artifacts.incoming_dir), 0);
    assert_int_equal(srv_artifact_map(&w->artifacts, ABC_SHA256, 3, 1, 2, &map), SRV_OK);
    assert_memory_equal(map.data, "bc", 2);
    srv_artifact_unmap(&map);
    assert_int_equal(srv_artifact_map(&w->artifacts, ABC_SHA256, 4, 0, 4, &map),
                     SRV_FAILED); /* wrong length */
}

static void test_artifact_discarded_uploads_leave_nothing(void **state)
{
    struct world *w = *state;
    struct srv_upload u;
    assert_int_equal(srv_upload_begin(&u, &w->artifacts), SRV_OK);
    assert_int_equal(srv_upload_write(&u, "abc", 3), SRV_OK);
    assert_int_equal(count_files(w->artifacts.incoming_dir), 1);
    srv_upload_discard(&u);
    srv_upload_discard(&u);
    assert_int_equal(srv_upload_begin(&u, &w->artifacts), SRV_OK);
    assert_int_equal(srv_upload_finish(&u), SRV_OK);
    srv_upload_discard(&u);
    assert_int_equal(count_files(w->artifacts.incoming_dir), 0);
    assert_int_equal(count_files(w->artifacts.artifacts_dir), 0);
}

static void test_artifact_full_disk_is_told_apart(void **state)
{
    struct world *w = *state;
    static const uint8_t block[8192];
    struct rlimit old, limit;
    struct srv_upload u;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 10000;
    assert_int_equal(srv_upload_begin(&u, &w->artifacts), SRV_OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum srv_status first = srv_upload_write(&u, block, sizeof block);
    enum srv_status second = srv_upload_write(&u, block, sizeof block);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(first, SRV_OK);
    assert_int_equal(second, SRV_FULL);
    srv_upload_discard(&u);
    assert_int_equal(count_files(w->artifacts.incoming_dir), 0);
}

static void test_artifact_start_removes_interrupted_uploads(void **state)
{
    struct world *w = *state;
    struct srv_upload u;
    char err[256];
    put_abc(w);
    assert_int_equal(srv_upload_begin(&u, &w->artifacts), SRV_OK);
    assert_int_equal(srv_upload_write(&u, "abc", 3), SRV_OK);
    struct srv_artifacts again;
    assert_int_equal(srv_artifacts_open(&again, w->dir, err, sizeof err), 0);
    assert_int_equal(count_files(again.incoming_dir), 0);
    assert_int_equal(count_files(again.artifacts_dir), 1);
    srv_artifacts_close(&again);
    srv_upload_discard(&u); /* its file is gone already: logged, no more */
    assert_int_equal(srv_artifacts_open(&again, "/proc/nowhere", err, sizeof err), -1);
    assert_non_null(strstr(err, "/proc/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_artifact_is_kept_under_its_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_artifact_discarded_uploads_leave_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_artifact_full_disk_is_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_artifact_start_removes_interrupted_uploads, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
