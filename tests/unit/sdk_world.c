/* sdk_world.c - one app's life over a flash file. */
#include "sdk_world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/desc.h"
#include "device/shared.h"
#include "esp_log.h"
#include "idf_flash.h"
#include "test_image.h"

struct world world;
bool fail_allocations;

/* --- Allocations (linked with --wrap) ---------------------------------------- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t size)
{
    return fail_allocations ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fail_allocations ? NULL : __real_calloc(n, size);
}

/* --- The world ------------------------------------------------------------------ */

static const struct al_ptable usual = {
    .n = 10,
    .part = {{WORLD_OTADATA, 0x2000, 0, AL_TYPE_DATA, AL_SUB_DATA_OTA, "otadata"},
             {0xB000, 0x3000, 0, AL_TYPE_DATA, AL_SUB_DATA_NVS, "nvs"},
             {0x10000, WORLD_SLOT_SIZE, 0, AL_TYPE_APP, AL_SUB_APP_FACTORY, "factory"},
             {0x20000, WORLD_SLOT_SIZE, 0, AL_TYPE_APP, AL_SUB_APP_OTA_0, "ota_0"},
             {0x30000, WORLD_SLOT_SIZE, 0, AL_TYPE_APP, AL_SUB_APP_OTA_0 + 1, "ota_1"},
             {0x40000, WORLD_SLOT_SIZE, 0, AL_TYPE_APP, AL_SUB_APP_OTA_0 + 2, "ota_2"},
             {0x50000, WORLD_SLOT_SIZE, 0, AL_TYPE_APP, AL_SUB_APP_TEST, "test"},
             {0x60000, WORLD_SLOT_SIZE, 0, AL_TYPE_DATA, AL_SUB_DATA_UNDEFINED, "storage"},
             {0x70000, WORLD_SLOT_SIZE, 0, AL_TYPE_BOOTLOADER, 1, "boot_spare"},
             {0x80000, 0x1000, 0, AL_TYPE_PARTITION_TABLE, 1, "table_spare"}},
};

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

struct al_part *world_part(const char *label)
{
    for (unsigned i = 0; i < world.table.n; i++) {
        if (strcmp(world.table.part[i].label, label) == 0) {
            return &world.table.part[i];
        }
    }
    fprintf(stderr, "no partition %s\n", label);
    abort();
}

void world_remove(const char *label)
{
    struct al_part *p = world_part(label);
    size_t after = (size_t)(&world.table.part[world.table.n] - (p + 1));

    memmove(p, p + 1, after * sizeof(*p));
    world.table.n--;
}

uint32_t world_image(const char *label, const char *version, uint32_t secure_version)
{
    const struct al_part *p = world_part(label);
    uint32_t len;

    memset(world.flash + p->off, 0xFF, p->size);
    len = test_image(world.flash + p->off, version, secure_version, 512);
    assert_true(len > 0);
    return len;
}

void world_record(unsigned sector, uint32_t seq, uint32_t state)
{
    struct al_ota_record rec;
    uint8_t *at = world.flash + world_part("otadata")->off + sector * AL_SECTOR_SIZE;

    al_ota_record_init(&rec, seq, state);
    memcpy(at, &rec, sizeof(rec)); /* 32 bytes without gaps, and this machine is little-endian */
}

struct al_ota_record world_read_record(unsigned sector)
{
    struct al_ota_record rec;

    memcpy(&rec, world.flash + world_part("otadata")->off + sector * AL_SECTOR_SIZE, sizeof(rec));
    return rec;
}

void world_reset(void)
{
    memset(&world, 0, sizeof(world));
    memset(world.flash, 0xFF, sizeof(world.flash));
    world.table = usual;
    world.running = "ota_0";
    world.rollback = true;
    world_image("factory", "0.9.0", 0);
    world_image("ota_0", "1.0.0", 1);
    world_image("ota_1", "2.0.0", 2);
    world_image("test", "3.0.0", 3);
    world_record(0, 1, AL_OTA_VALID);
}

/* --- Running ---------------------------------------------------------------------- */

static _Noreturn void be_the_app(void (*app)(void), const char *flash_path)
{
    static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        signal(caught[i], SIG_DFL); /* a crash is the app's end, not the test runner's business */
    }
    setenv(DEV_ENV_FLASH, flash_path, 1);
    setenv(DEV_ENV_RUNNING, world.running, 1);
    esp_log_level_set("*", ESP_LOG_NONE);
    app();
    exit(0);
}

void world_run(void (*app)(void), int exit_status)
{
    static const char *const revoked[8] = {"", "0", "1", "0,1", "2", "0,2", "1,2", "0,1,2"};
    char dir[] = "/tmp/airlift-sdk-XXXXXX";
    char flash_path[64], desc_path[80], json[800], err[256];
    struct dev_desc desc;
    FILE *f;
    pid_t pid;
    int status;

    assert_non_null(mkdtemp(dir));
    snprintf(flash_path, sizeof(flash_path), "%s/flash.bin", dir);
    snprintf(desc_path, sizeof(desc_path), "%s.json", flash_path);
    snprintf(
        json, sizeof(json),
        "{\"chip\":\"esp32c3\",\"chip_revision\":\"0.4\",\"efuse_block_revision\":\"1.3\",\"rollback\":%s,"
        "\"anti_rollback\":%s,\"secure_boot\":%s,\"secure_version\":%u,\"key_digests\":[%s],"
        "\"revoked_keys\":[%s]}",
        world.rollback ? "true" : "false", world.anti_rollback ? "true" : "false",
        world.secure_boot ? "true" : "false", world.secure_version, world.key_digests,
        revoked[world.revoked_keys & 7]);
    if (!world.own_table) {
        assert_int_equal(al_ptable_build(&world.table, !world.no_md5, world.flash + AL_PTABLE_OFFSET), 0);
    }
    write_file(flash_path, world.flash, sizeof(world.flash));
    write_file(desc_path, json, strlen(json));
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        be_the_app(app, flash_path);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    f = fopen(flash_path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(world.flash, 1, sizeof(world.flash), f), sizeof(world.flash));
    fclose(f);
    assert_int_equal(dev_desc_load(flash_path, &desc, err, sizeof(err)), 0);
    world.secure_version = desc.secure_version;
    world.revoked_keys = desc.revoked_keys;
    unlink(flash_path);
    unlink(desc_path);
    rmdir(dir);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), exit_status);
}

const esp_partition_t *part(const char *label)
{
    const esp_partition_t *p =
        esp_partition_find_first(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, label);

    if (p == NULL) {
        fprintf(stderr, "the app finds no partition %s\n", label);
        _exit(1);
    }
    return p;
}

void world_want(long long have, long long expected, const char *have_text, const char *expected_text,
                const char *file, int line)
{
    if (have != expected) {
        fprintf(stderr, "%s:%d: %s is %lld (0x%llx), not %s (0x%llx)\n", file, line, have_text, have,
                (unsigned long long)have, expected_text, (unsigned long long)expected);
        _exit(1);
    }
}
