/*
 * NVS as firmware calls it, over partitions of a flash file.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "airlift/ptable.h"
#include "device/nor_flash.h"
#include "nvs.h"
#include "nvs_flash.h"

static char dir[] = "/tmp/nvs_test_XXXXXX";
static char path[64];

static void add_part(struct al_ptable *table, const char *label, uint32_t off, uint32_t size, uint8_t type,
                     uint8_t subtype, uint32_t flags)
{
    struct al_part *part = &table->part[table->n++];
    part->off = off;
    part->size = size;
    part->flags = flags;
    part->type = type;
    part->subtype = subtype;
    strcpy(part->label, label);
}

/* A flash file with several NVS partitions; AIRLIFT_FLASH names it. */
static int make_flash(void **state)
{
    (void)state;
    static struct al_ptable table;
    static uint8_t raw[AL_PTABLE_SIZE];
    char err[256];
    struct dev_flash *flash;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/flash.bin", dir);
    add_part(&table, "nvs", 0x9000, 0x4000, AL_TYPE_DATA, AL_SUB_DATA_NVS, 0);
    add_part(&table, "a_label_of_16_ch", 0x10000, 0x3000, AL_TYPE_DATA, AL_SUB_DATA_NVS, 0);
    add_part(&table, "fixed", 0x14000, 0x1000, AL_TYPE_DATA, AL_SUB_DATA_NVS, AL_PART_READONLY);
    add_part(&table, "secret", 0x15000, 0x3000, AL_TYPE_DATA, AL_SUB_DATA_NVS, AL_PART_ENCRYPTED);
    add_part(&table, "small", 0x18000, 0x2000, AL_TYPE_DATA, AL_SUB_DATA_NVS, 0);
    add_part(&table, "factory", 0x20000, 0x10000, AL_TYPE_APP, AL_SUB_APP_FACTORY, 0);
    assert_int_equal(al_ptable_build(&table, true, raw), 0);
    assert_int_equal(dev_flash_create(path, 0x40000, err, sizeof(err)), 0);
    assert_int_equal(dev_flash_open(path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof(err)), 0);
    const struct al_flash *port = dev_flash_port(flash);
    assert_int_equal(port->write(port->ctx, AL_PTABLE_OFFSET, raw, sizeof(raw)), 0);
    dev_flash_close(flash);
    setenv("AIRLIFT_FLASH", path, 1);
    setenv("AIRLIFT_RUNNING", "factory", 1);
    return 0;
}

static int remove_flash(void **state)
{
    (void)state;
    return unlink(path) == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static int fresh(void **state)
{
    (void)state;
    return nvs_flash_erase() == ESP_OK && nvs_flash_init() == ESP_OK ? 0 : -1;
}

static int done(void **state)
{
    (void)state;
    esp_err_t err = nvs_flash_deinit();
    return err == ESP_OK || err == ESP_ERR_NVS_NOT_INITIALIZED ? 0 : -1;
}

static nvs_handle_t open_rw(const char *name)
{
    nvs_handle_t h;
    assert_int_equal(nvs_open(name, NVS_READWRITE, &h), ESP_OK);
    return h;
}

static void test_nvs_init_says_why_not(void **state)
{
    (void)state;
    nvs_handle_t h;
    nvs_stats_t stats = {.used_entries = 5};
    assert_int_equal(nvs_open("ns", NVS_READWRITE, &h), ESP_ERR_NVS_NOT_INITIALIZED);
    assert_int_equal(nvs_get_stats(NULL, &stats), ESP_ERR_NVS_NOT_INITIALIZED);
    assert_int_equal(stats.used_entries, 0);
    assert_int_equal(nvs_flash_deinit(), ESP_ERR_NVS_NOT_INITIALIZED);
    assert_int_equal(nvs_flash_init_partition("nowhere"), ESP_ERR_NOT_FOUND);
    assert_int_equal(nvs_flash_init_partition("factory"), ESP_ERR_NOT_FOUND);
    assert_int_equal(nvs_flash_init_partition("a label that is too long"), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_flash_init_partition(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_flash_init_partition_ptr(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_flash_init_partition("secret"), ESP_ERR_NVS_WRONG_ENCRYPTION);
    assert_int_equal(nvs_flash_init_partition("small"), ESP_ERR_NVS_NO_FREE_PAGES);
    assert_int_equal(nvs_flash_erase_partition("nowhere"), ESP_ERR_NOT_FOUND);
    assert_int_equal(nvs_flash_erase_partition_ptr(NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_flash_init(), ESP_OK);
    assert_int_equal(nvs_flash_init(), ESP_OK);
    assert_int_equal(nvs_open_from_partition("fixed", "ns", NVS_READONLY, &h), ESP_ERR_NVS_PART_NOT_FOUND);
    assert_int_equal(nvs_get_stats("fixed", &stats), ESP_ERR_NVS_PART_NOT_FOUND);
}

static void test_nvs_open_says_why_not(void **state)
{
    (void)state;
    nvs_handle_t h;
    assert_int_equal(nvs_open("ns", NVS_READONLY, &h), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_open("", NVS_READWRITE, &h), ESP_ERR_NVS_INVALID_NAME);
    assert_int_equal(nvs_open("sixteen_chars_xx", NVS_READWRITE, &h), ESP_ERR_NVS_KEY_TOO_LONG);
    assert_int_equal(nvs_open(NULL, NVS_READWRITE, &h), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_open("ns", NVS_READWRITE, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_open("fifteen_chars_x", NVS_READWRITE, &h), ESP_OK);
    assert_int_equal(nvs_commit(h), ESP_OK);
    nvs_close(h);
    assert_int_equal(nvs_commit(h), ESP_ERR_NVS_INVALID_HANDLE);
    assert_int_equal(nvs_set_u8(h, "k", 1), ESP_ERR_NVS_INVALID_HANDLE);
    nvs_close(h);
    assert_int_equal(nvs_open("fifteen_chars_x", NVS_READONLY, &h), ESP_OK);
    nvs_close(h);
}

static void test_nvs_scalars_keep_value_and_type(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    int8_t i8;
    uint8_t u8 = 77;
    int16_t i16;
    uint16_t u16;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f;
    double d;
    assert_int_equal(nvs_set_i8(h, "i8", INT8_MIN), ESP_OK);
    assert_int_equal(nvs_set_u8(h, "u8", UINT8_MAX), ESP_OK);
    assert_int_equal(nvs_set_i16(h, "i16", INT16_MIN), ESP_OK);
    assert_int_equal(nvs_set_u16(h, "u16", UINT16_MAX), ESP_OK);
    assert_int_equal(nvs_set_i32(h, "i32", INT32_MIN), ESP_OK);
    assert_int_equal(nvs_set_u32(h, "u32", UINT32_MAX), ESP_OK);
    assert_int_equal(nvs_set_i64(h, "i64", INT64_MIN), ESP_OK);
    assert_int_equal(nvs_set_u64(h, "u64", UINT64_MAX - 1), ESP_OK);
    assert_int_equal(nvs_set_float(h, "f", -1.5f), ESP_OK);
    assert_int_equal(nvs_set_double(h, "d", 1e300), ESP_OK);
    assert_int_equal(nvs_get_u8(h, "i8", &u8), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(u8, 77);
    nvs_close(h);
    assert_int_equal(nvs_flash_deinit(), ESP_OK);
    assert_int_equal(nvs_flash_init(), ESP_OK);
    assert_int_equal(nvs_open("ns", NVS_READONLY, &h), ESP_OK);
    assert_int_equal(nvs_get_i8(h, "i8", &i8), ESP_OK);
    assert_int_equal(nvs_get_u8(h, "u8", &u8), ESP_OK);
    assert_int_equal(nvs_get_i16(h, "i16", &i16), ESP_OK);
    assert_int_equal(nvs_get_u16(h, "u16", &u16), ESP_OK);
    assert_int_equal(nvs_get_i32(h, "i32", &i32), ESP_OK);
    assert_int_equal(nvs_get_u32(h, "u32", &u32), ESP_OK);
    assert_int_equal(nvs_get_i64(h, "i64", &i64), ESP_OK);
    assert_int_equal(nvs_get_u64(h, "u64", &u64), ESP_OK);
    assert_int_equal(nvs_get_float(h, "f", &f), ESP_OK);
    assert_int_equal(nvs_get_double(h, "d", &d), ESP_OK);
    assert_true(i8 == INT8_MIN && u8 == UINT8_MAX && i16 == INT16_MIN && u16 == UINT16_MAX);
    assert_true(i32 == INT32_MIN && u32 == UINT32_MAX && i64 == INT64_MIN && u64 == UINT64_MAX - 1);
    assert_true(f == -1.5f && d == 1e300);
    assert_int_equal(nvs_get_u8(h, "u8", NULL), ESP_ERR_INVALID_ARG);
    nvs_close(h);
}

static void test_nvs_strings_and_blobs_tell_their_size(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    static char text[5000];
    char buf[8] = "before";
    size_t len = 0;
    assert_int_equal(nvs_set_str(h, "s", "hello"), ESP_OK);
    assert_int_equal(nvs_get_str(h, "s", NULL, &len), ESP_OK);
    assert_int_equal(len, 6);
    len = 5;
    assert_int_equal(nvs_get_str(h, "s", buf, &len), ESP_ERR_NVS_INVALID_LENGTH);
    assert_int_equal(len, 6);
    assert_string_equal(buf, "before");
    assert_int_equal(nvs_get_str(h, "s", buf, &len), ESP_OK);
    assert_string_equal(buf, "hello");
    assert_int_equal(nvs_get_str(h, "s", buf, NULL), ESP_ERR_NVS_INVALID_LENGTH);
    assert_int_equal(nvs_get_blob(h, "s", buf, &len), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_set_str(h, "s", NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_set_blob(h, "b", NULL, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_set_blob(h, "b", NULL, 0), ESP_OK);
    assert_int_equal(nvs_get_blob(h, "b", NULL, &len), ESP_OK);
    assert_int_equal(len, 0);
    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(nvs_set_str(h, "s", text), ESP_ERR_NVS_VALUE_TOO_LONG);
    assert_int_equal(nvs_set_blob(h, "b", text, sizeof(text)), ESP_OK);
    assert_int_equal(nvs_set_blob(h, "b", text, 12001), ESP_ERR_NVS_VALUE_TOO_LONG);
    len = 0;
    assert_int_equal(nvs_get_blob(h, "b", NULL, &len), ESP_OK);
    assert_int_equal(len, sizeof(text));
    nvs_close(h);
}

static void test_nvs_keys_must_have_a_name(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    uint8_t value;
    assert_int_equal(nvs_set_u8(h, "", 1), ESP_ERR_NVS_INVALID_NAME);
    assert_int_equal(nvs_set_u8(h, NULL, 1), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_set_u8(h, "sixteen_chars_xx", 1), ESP_ERR_NVS_KEY_TOO_LONG);
    assert_int_equal(nvs_get_u8(h, "sixteen_chars_xx", &value), ESP_ERR_NVS_KEY_TOO_LONG);
    assert_int_equal(nvs_set_u8(h, "fifteen_chars_x", 1), ESP_OK);
    assert_int_equal(nvs_get_u8(h, "fifteen_chars_x", &value), ESP_OK);
    assert_int_equal(nvs_get_u8(h, "fifteen_chars_y", &value), ESP_ERR_NVS_NOT_FOUND);
    nvs_close(h);
}

static void test_nvs_readonly_handles_write_nothing(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    assert_int_equal(nvs_set_u8(h, "k", 1), ESP_OK);
    nvs_close(h);
    assert_int_equal(nvs_open("ns", NVS_READONLY, &h), ESP_OK);
    assert_int_equal(nvs_set_u8(h, "k", 2), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_set_str(h, "k", "2"), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_set_blob(h, "k", "2", 1), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_erase_key(h, "k"), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_erase_all(h), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_purge_all(h), ESP_ERR_NVS_READ_ONLY);
    assert_int_equal(nvs_commit(h), ESP_OK);
    nvs_close(h);
}

static void test_nvs_readonly_partitions_open_for_reading_only(void **state)
{
    (void)state;
    nvs_handle_t h;
    assert_int_equal(nvs_flash_init_partition("fixed"), ESP_OK);
    assert_int_equal(nvs_open_from_partition("fixed", "ns", NVS_READWRITE, &h), ESP_ERR_NOT_ALLOWED);
    assert_int_equal(nvs_open_from_partition("fixed", "ns", NVS_READONLY, &h), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_flash_deinit_partition("fixed"), ESP_OK);
    assert_int_equal(nvs_flash_erase_partition("fixed"), ESP_ERR_NOT_ALLOWED);
}

static void test_nvs_partitions_and_namespaces_are_apart(void **state)
{
    (void)state;
    const char *other = "a_label_of_16_ch";
    nvs_handle_t h1 = open_rw("one"), h2 = open_rw("two"), h3;
    uint8_t value;
    assert_int_equal(nvs_flash_init_partition(other), ESP_OK);
    assert_int_equal(nvs_open_from_partition(other, "one", NVS_READWRITE, &h3), ESP_OK);
    assert_int_equal(nvs_set_u8(h1, "k", 1), ESP_OK);
    assert_int_equal(nvs_set_u8(h2, "k", 2), ESP_OK);
    assert_int_equal(nvs_get_u8(h3, "k", &value), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_erase_all(h1), ESP_OK);
    assert_int_equal(nvs_get_u8(h1, "k", &value), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_get_u8(h2, "k", &value), ESP_OK);
    assert_int_equal(value, 2);

    /* A partition that goes away takes its handles along, and no others. */
    assert_int_equal(nvs_flash_deinit_partition(other), ESP_OK);
    assert_int_equal(nvs_commit(h3), ESP_ERR_NVS_INVALID_HANDLE);
    assert_int_equal(nvs_commit(h2), ESP_OK);
    nvs_close(h1);
    nvs_close(h2);
}

static void test_nvs_find_key_and_erase_key(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    nvs_type_t type;
    assert_int_equal(nvs_find_key(h, "k", &type), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_erase_key(h, "k"), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_set_blob(h, "k", "x", 1), ESP_OK);
    assert_int_equal(nvs_find_key(h, "k", &type), ESP_OK);
    assert_int_equal(type, NVS_TYPE_BLOB);
    assert_int_equal(nvs_set_i16(h, "k", -1), ESP_OK);
    assert_int_equal(nvs_find_key(h, "k", &type), ESP_OK);
    assert_int_equal(type, NVS_TYPE_I16);
    assert_int_equal(nvs_find_key(h, "k", NULL), ESP_OK);
    assert_int_equal(nvs_erase_key(h, "k"), ESP_OK);
    assert_int_equal(nvs_find_key(h, "k", &type), ESP_ERR_NVS_NOT_FOUND);
    nvs_close(h);
}

static void test_nvs_stats_count_entries(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    nvs_stats_t stats;
    size_t used;
    assert_int_equal(nvs_set_u8(h, "n", 1), ESP_OK);                                           /* 1 entry */
    assert_int_equal(nvs_set_str(h, "s", "short"), ESP_OK);                                    /* 2 */
    assert_int_equal(nvs_set_blob(h, "b", "thirty-three bytes of data, no less", 33), ESP_OK); /* 4 */
    assert_int_equal(nvs_get_used_entry_count(h, &used), ESP_OK);
    assert_int_equal(used, 7);
    assert_int_equal(nvs_get_stats(NULL, &stats), ESP_OK);
    assert_int_equal(stats.used_entries, 8);
    assert_int_equal(stats.total_entries, 4 * 126);
    assert_int_equal(stats.free_entries, 4 * 126 - 8);
    assert_int_equal(stats.available_entries, 3 * 126 - 8);
    assert_int_equal(stats.namespace_count, 1);
    assert_int_equal(nvs_get_stats(NULL, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_get_used_entry_count(h, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_get_used_entry_count(h + 1, &used), ESP_ERR_NVS_INVALID_HANDLE);
    nvs_close(h);
}

/* "namespace.key " for each entry found. */
static void list(nvs_iterator_t it, char *out)
{
    esp_err_t err = ESP_OK;
    nvs_entry_info_t info;
    out[0] = 0;
    while (err == ESP_OK) {
        assert_int_equal(nvs_entry_info(it, &info), ESP_OK);
        sprintf(out + strlen(out), "%s.%s:%x ", info.namespace_name, info.key, (unsigned)info.type);
        err = nvs_entry_next(&it);
    }
    assert_int_equal(err, ESP_ERR_NVS_NOT_FOUND);
    assert_null(it);
    nvs_release_iterator(it);
}

static void test_nvs_iterators_list_what_is_asked_for(void **state)
{
    (void)state;
    nvs_handle_t h1 = open_rw("one"), h2 = open_rw("two");
    nvs_iterator_t it;
    nvs_entry_info_t info;
    char text[256];
    assert_int_equal(nvs_set_u8(h1, "n", 1), ESP_OK);
    assert_int_equal(nvs_set_blob(h2, "b", text, 100), ESP_OK);
    assert_int_equal(nvs_set_str(h2, "s", "x"), ESP_OK);
    assert_int_equal(nvs_entry_find("nvs", NULL, NVS_TYPE_ANY, &it), ESP_OK);
    list(it, text);
    assert_string_equal(text, "one.n:1 two.b:42 two.s:21 ");
    assert_int_equal(nvs_entry_find("nvs", "two", NVS_TYPE_STR, &it), ESP_OK);
    list(it, text);
    assert_string_equal(text, "two.s:21 ");
    assert_int_equal(nvs_entry_find_in_handle(h1, NVS_TYPE_ANY, &it), ESP_OK);
    list(it, text);
    assert_string_equal(text, "one.n:1 ");
    assert_int_equal(nvs_entry_find("nvs", "three", NVS_TYPE_ANY, &it), ESP_ERR_NVS_NOT_FOUND);
    assert_null(it);
    assert_int_equal(nvs_entry_find("fixed", NULL, NVS_TYPE_ANY, &it), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_entry_find_in_handle(h1, NVS_TYPE_BLOB, &it), ESP_ERR_NVS_NOT_FOUND);
    assert_int_equal(nvs_entry_find_in_handle(h2 + 9, NVS_TYPE_ANY, &it), ESP_ERR_NVS_INVALID_HANDLE);
    assert_int_equal(nvs_entry_find(NULL, NULL, NVS_TYPE_ANY, &it), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_entry_find("nvs", NULL, NVS_TYPE_ANY, NULL), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_entry_next(&it), ESP_ERR_INVALID_ARG);
    assert_int_equal(nvs_entry_info(NULL, &info), ESP_ERR_INVALID_ARG);

    /* Erasing while iterating is fine: the list was made before. */
    assert_int_equal(nvs_entry_find_in_handle(h2, NVS_TYPE_ANY, &it), ESP_OK);
    for (esp_err_t err = ESP_OK; err == ESP_OK; err = nvs_entry_next(&it)) {
        assert_int_equal(nvs_entry_info(it, &info), ESP_OK);
        assert_int_equal(nvs_erase_key(h2, info.key), ESP_OK);
    }
    assert_int_equal(nvs_entry_find_in_handle(h2, NVS_TYPE_ANY, &it), ESP_ERR_NVS_NOT_FOUND);
    nvs_close(h1);
    nvs_close(h2);
}

static void test_nvs_erase_forgets_everything(void **state)
{
    (void)state;
    nvs_handle_t h = open_rw("ns");
    assert_int_equal(nvs_set_u8(h, "k", 1), ESP_OK);
    assert_int_equal(nvs_flash_erase(), ESP_OK);
    assert_int_equal(nvs_commit(h), ESP_ERR_NVS_INVALID_HANDLE);
    assert_int_equal(nvs_flash_init(), ESP_OK);
    assert_int_equal(nvs_open("ns", NVS_READONLY, &h), ESP_ERR_NVS_NOT_FOUND);
}

static void test_nvs_purging_handles_leave_no_trace(void **state)
{
    (void)state;
    static uint8_t bytes[0x4000];
    const esp_partition_t *part =
        esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, "nvs");
    nvs_handle_t h;
    assert_int_equal(nvs_open("ns", NVS_READWRITE_PURGE, &h), ESP_OK);
    assert_int_equal(nvs_set_str(h, "s", "the old password"), ESP_OK);
    assert_int_equal(nvs_set_str(h, "s", "a new one"), ESP_OK);
    assert_int_equal(esp_partition_read(part, 0, bytes, sizeof(bytes)), ESP_OK);
    assert_null(memmem(bytes, sizeof(bytes), "old password", 12));
    assert_non_null(memmem(bytes, sizeof(bytes), "a new one", 9));
    nvs_close(h);
}

#define N_THREADS 4
#define N_ROUNDS  300

static void *count(void *arg)
{
    char key[8];
    nvs_handle_t h;
    snprintf(key, sizeof(key), "n%d", *(int *)arg);
    for (uint32_t i = 1; i <= N_ROUNDS; i++) {
        uint32_t value = 0;
        if (nvs_open("ns", NVS_READWRITE, &h) != ESP_OK)
            return "open";
        esp_err_t err = nvs_get_u32(h, key, &value);
        if (value != i - 1 || (err != ESP_OK && i > 1) || nvs_set_u32(h, key, i) != ESP_OK)
            return "value";
        nvs_close(h);
    }
    return NULL;
}

static void test_nvs_tasks_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    int ids[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, count, &ids[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        void *failure;
        assert_int_equal(pthread_join(threads[i], &failure), 0);
        assert_null(failure);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nvs_init_says_why_not, done),
        cmocka_unit_test_setup_teardown(test_nvs_open_says_why_not, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_scalars_keep_value_and_type, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_strings_and_blobs_tell_their_size, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_keys_must_have_a_name, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_readonly_handles_write_nothing, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_readonly_partitions_open_for_reading_only, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_partitions_and_namespaces_are_apart, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_find_key_and_erase_key, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_stats_count_entries, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_iterators_list_what_is_asked_for, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_erase_forgets_everything, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_purging_handles_leave_no_trace, fresh, done),
        cmocka_unit_test_setup_teardown(test_nvs_tasks_do_not_disturb_each_other, fresh, done),
    };
    return cmocka_run_group_tests(tests, make_flash, remove_flash);
}
