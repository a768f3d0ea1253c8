#include "agent_world.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "airlift/boot.h"
#include "airlift/otadata.h"
#include "airlift/ptable.h"
#include "device/desc.h"
#include "device/shared.h"
#include "http_world.h"
#include "nvs_flash.h"
#include "test_image.h"

#define PAYLOAD 20000u

uint8_t world_flash[0x30000];
const char *world_manifest, *world_ca, *world_https;
_Atomic unsigned world_told, world_failed;

static uint8_t new_device[sizeof(world_flash)];
static uint8_t old_image[PAYLOAD + 512], new_image[PAYLOAD + 512];
static uint32_t old_len, new_len;
static struct http_world server;
static char flash_path[] = "/tmp/airlift-faults-XXXXXX", desc_path[64];
static int ready_pipe[2];

/* --- The flash as the bootloader sees it ---------------------------------------- */

static int read_bytes(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    memcpy(buf, world_flash + off, len);
    return 0;
}

static int write_bytes(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    (void)ctx;
    for (uint32_t i = 0; i < len; i++) {
        world_flash[off + i] &= ((const uint8_t *)buf)[i];
    }
    return 0;
}

static int erase_bytes(void *ctx, uint32_t off, uint32_t len)
{
    (void)ctx;
    memset(world_flash + off, 0xFF, len);
    return 0;
}

static const struct al_flash port = {
    .size = sizeof(world_flash), .read = read_bytes, .write = write_bytes, .erase = erase_bytes};

uint32_t world_boot(void)
{
    static struct al_boot_work work;
    struct al_boot_config config;
    struct al_boot_result result;
    struct dev_desc desc;

    if (dev_desc_load(flash_path, &desc, NULL, 0) != 0) {
        return 0;
    }
    dev_desc_boot_config(&desc, &config);
    return al_boot(&port, &config, &work, &result) == 0 && result.boots ? result.part.off : 0;
}

bool world_has_new_image(void)
{
    return memcmp(world_flash + WORLD_OTA_1, new_image, new_len) == 0;
}

/* --- The device -------------------------------------------------------------------- */

static void add(struct al_ptable *t, uint8_t type, uint8_t subtype, const char *label, uint32_t off,
                uint32_t size)
{
    struct al_part *p = &t->part[t->n++];

    *p = (struct al_part){.type = type, .subtype = subtype, .off = off, .size = size};
    strcpy(p->label, label);
}

static void make_device(void)
{
    static struct al_ptable table;
    const struct al_part otadata = {.off = 0x9000, .size = AL_OTADATA_SIZE};
    struct al_ota_record record;

    memset(world_flash, 0xFF, sizeof(world_flash));
    add(&table, AL_TYPE_DATA, AL_SUB_DATA_OTA, "otadata", 0x9000, AL_OTADATA_SIZE);
    add(&table, AL_TYPE_DATA, AL_SUB_DATA_NVS, "nvs", 0xB000, 0x4000);
    add(&table, AL_TYPE_APP, AL_SUB_APP_OTA_0, "ota_0", WORLD_OTA_0, 0x10000);
    add(&table, AL_TYPE_APP, AL_SUB_APP_OTA_0 + 1, "ota_1", WORLD_OTA_1, 0x10000);
    assert_int_equal(al_ptable_build(&table, true, world_flash + 0x8000), 0);
    memcpy(world_flash + WORLD_OTA_0, old_image, old_len);
    al_ota_record_init(&record, 1, AL_OTA_VALID);
    assert_int_equal(al_otadata_write(&port, &otadata, 0, &record), 0);
    memcpy(new_device, world_flash, sizeof(new_device));
}

void world_new_device(void)
{
    memcpy(world_flash, new_device, sizeof(world_flash));
}

static void write_file(const char *path, const void *data, size_t len)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(close(fd), 0);
}

int world_start(void **state)
{
    static const char desc[] = "{\"chip\":\"esp32c3\",\"rollback\":true}";
    static char manifest[400], url[80], https[80];
    char sha256[2 * AL_SHA256_SIZE + 1] = "";
    uint8_t digest[AL_SHA256_SIZE];
    struct al_hash hash;

    (void)state;
    old_len = test_image(old_image, "1.0.0", 0, PAYLOAD);
    new_len = test_image(new_image, "2.0.0", 0, PAYLOAD);
    assert_int_equal(al_sha256_init(&hash), 0);
    assert_int_equal(al_hash_update(&hash, new_image, new_len), 0);
    assert_int_equal(al_hash_final(&hash, digest), 0);
    for (unsigned i = 0; i < sizeof(digest); i++) {
        sprintf(sha256 + 2 * i, "%02x", digest[i]);
    }
    snprintf(manifest, sizeof(manifest),
             "{\"version\":\"2.0.0\",\"url\":\"new.bin\",\"sha256\":\"%s\",\"size\":%u}", sha256, new_len);
    http_world_start(&server, NULL);
    http_world_write(&server, "version.json", manifest, strlen(manifest));
    http_world_write(&server, "new.bin", new_image, new_len);
    snprintf(url, sizeof(url), "%s", http_world_plain_url(&server, "/version.json"));
    snprintf(https, sizeof(https), "%s", http_world_url(&server, "/version.json"));
    world_manifest = url;
    world_https = https;
    world_ca = server.ca_pem;

    assert_int_equal(close(mkstemp(flash_path)), 0);
    snprintf(desc_path, sizeof(desc_path), "%s.json", flash_path);
    write_file(desc_path, desc, strlen(desc));
    make_device();
    return 0;
}

int world_stop(void **state)
{
    (void)state;
    http_world_stop(&server);
    return unlink(flash_path) | unlink(desc_path);
}

/* --- A boot ------------------------------------------------------------------------ */

static pid_t start_app(uint32_t slot, void (*app)(void))
{
    write_file(flash_path, world_flash, sizeof(world_flash));
    assert_int_equal(pipe2(ready_pipe, O_CLOEXEC), 0);
    fflush(stdout);
    fflush(stderr);
    const pid_t pid = fork();

    if (pid == 0) {
        (void)close(ready_pipe[0]);
        (void)alarm(120);
        if (setenv(DEV_ENV_FLASH, flash_path, 1) != 0 ||
            setenv(DEV_ENV_RUNNING, slot == WORLD_OTA_0 ? "ota_0" : "ota_1", 1) != 0) {
            world_give_up("environment", 0);
        }
        app();
        exit(0); /* with the leak check, where there is one */
    }
    assert_true(pid > 0);
    (void)close(ready_pipe[1]);
    return pid;
}

static int end_app(pid_t pid)
{
    int status, fd;

    (void)close(ready_pipe[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fd = open(flash_path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, world_flash, sizeof(world_flash)), sizeof(world_flash));
    (void)close(fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int world_run(uint32_t slot, void (*app)(void))
{
    return end_app(start_app(slot, app));
}

int world_run_until_ready(uint32_t slot, void (*app)(void))
{
    const pid_t pid = start_app(slot, app);
    char byte;

    assert_int_equal(read(ready_pipe[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    return end_app(pid);
}

/* --- In the app ----------------------------------------------------------------------- */

void world_say_ready(void)
{
    if (write(ready_pipe[1], "", 1) != 1) {
        world_give_up("pipe", 0);
    }
}

void world_give_up(const char *what, int number)
{
    fprintf(stderr, "the app gives up: %s (%d)\n", what, number);
    _exit(1);
}

static void on_event(const airlift_event_t *event, void *ctx)
{
    (void)ctx;
    if (event->id == AIRLIFT_EVENT_FAILED) {
        world_failed |= 1u << event->reason;
    }
    world_told |= 1u << event->id;
}

airlift_config_t world_config(void)
{
    return (airlift_config_t){
        .manifest_url = world_manifest,
        .allow_http = true,
        .stabilisation_s = AIRLIFT_NO_WAIT,
        .attempt_delay_s = AIRLIFT_NO_WAIT,
        .check_interval_s = 3600,
        .retry_s = 3600,
        .journal_bytes = 4096,
        .manual_restart = true,
        .on_event = on_event,
    };
}

bool world_wait(unsigned events)
{
    const struct timespec pause = {0, 2000000};

    for (unsigned i = 0; i < 30000; i++) {
        if (world_told & events) {
            return true;
        }
        (void)nanosleep(&pause, NULL);
    }
    return false;
}
