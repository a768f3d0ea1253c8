/*
 * esp_ota_* vectors: each app runs as a process of its own over a flash file, as
 * firmware on the virtual device does, so nothing but flash and eFuses survives a reset.
 */
#include "vectors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "airlift/otadata.h"
#include "device/desc.h"
#include "device/shared.h"
#include "esp_ota_ops.h"
#include "esp_partition.h"

#define MAX_HANDLES 32

static struct {
    const char *name;
    esp_ota_handle_t value;
} handles[MAX_HANDLES];

static esp_ota_handle_t *handle_named(const char *name)
{
    for (unsigned i = 0; i < MAX_HANDLES; i++) {
        if (handles[i].name == NULL) {
            handles[i].name = name;
        }
        if (strcmp(handles[i].name, name) == 0) {
            return &handles[i].value;
        }
    }
    fprintf(stderr, "too many handles\n");
    exit(2);
}

/* --- Arguments ----------------------------------------------------------- */

static const esp_partition_t *partition_arg(const cJSON *args, const char *key)
{
    static esp_partition_t moved;
    const char *label = text(args, key);
    const esp_partition_t *p;

    if (label == NULL) {
        return NULL;
    }
    p = esp_partition_find_first(ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY,
                                 label[0] == '@' ? label + 1 : label);
    if (p != NULL && label[0] == '@') {
        moved = *p;
        moved.address += 0x1000;
        return &moved;
    }
    return p;
}

static esp_ota_handle_t handle_arg(const cJSON *args)
{
    const char *name = text(args, "handle");

    return name == NULL || strcmp(name, "bad") == 0 ? 0x5EED : *handle_named(name);
}

static size_t size_arg(const cJSON *args, const char *key)
{
    const char *name = text(args, key);

    if (name == NULL) {
        return number(args, key);
    }
    return strcmp(name, "OTA_SIZE_UNKNOWN") == 0 ? OTA_SIZE_UNKNOWN : OTA_WITH_SEQUENTIAL_WRITES;
}

/* The bytes of a write; NULL stands for a NULL pointer. */
static uint8_t *data_arg(const struct vector *v, const cJSON *args, uint32_t *len)
{
    const char *hex = text(args, "hex");
    uint8_t *image, *slice;
    uint32_t image_len;

    if (cJSON_HasObjectItem(args, "data")) {
        *len = number(args, "len");
        return NULL;
    }
    if (hex != NULL) {
        slice = malloc(strlen(hex) / 2 + 1);
        *len = from_hex(hex, slice, (uint32_t)strlen(hex) / 2);
        return slice;
    }
    image = load_image(v, text(args, "image"), &image_len);
    *len = number(args, "len");
    slice = malloc(*len + 1u);
    memcpy(slice, image + number(args, "image_offset"), *len);
    free(image);
    return slice;
}

/* --- Results ------------------------------------------------------------- */

static void expect_ret(const struct vector *v, const cJSON *step, esp_err_t got)
{
    if (strcmp(esp_err_to_name(got), text(step, "ret")) != 0) {
        mismatch(v, "%s: %s, expected %s", text(step, "call"), esp_err_to_name(got), text(step, "ret"));
    }
}

static void expect_partition(const struct vector *v, const cJSON *step, const esp_partition_t *got)
{
    const char *want = text(step, "partition");
    const char *have = got != NULL ? got->label : NULL;

    if ((want == NULL) != (have == NULL) || (want != NULL && strcmp(want, have) != 0)) {
        mismatch(v, "%s: %s, expected %s", text(step, "call"), have != NULL ? have : "NULL",
                 want != NULL ? want : "NULL");
    }
}

static void expect_value(const struct vector *v, const cJSON *step, unsigned got)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(step, "value");
    unsigned want = cJSON_IsNumber(value) ? (unsigned)value->valuedouble : cJSON_IsTrue(value) ? 1 : 0;

    if (got != want) {
        mismatch(v, "%s: %u, expected %u", text(step, "call"), got, want);
    }
}

static void expect_state(const struct vector *v, const cJSON *step, uint32_t got)
{
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(step, "state");
    const char *name = al_ota_state_name(got);
    bool same = cJSON_IsString(want) ? name != NULL && strcmp(name, want->valuestring) == 0
                                     : cJSON_IsNumber(want) && (uint32_t)want->valuedouble == got;

    if (!same) {
        mismatch(v, "%s: state %u is not as expected", text(step, "call"), got);
    }
}

static void expect_desc(const struct vector *v, const cJSON *step, const esp_app_desc_t *desc)
{
    if (strncmp(desc->version, text(step, "version"), 32) != 0 ||
        strncmp(desc->project_name, text(step, "project_name"), 32) != 0 ||
        desc->secure_version != number(step, "secure_version")) {
        mismatch(v, "%s: description differs", text(step, "call"));
    }
}

/* --- Calls --------------------------------------------------------------- */

static void call_begin(const struct vector *v, const cJSON *step, const cJSON *args)
{
    const char *name = text(args, "out_handle");

    expect_ret(v, step,
               esp_ota_begin(partition_arg(args, "partition"), size_arg(args, "image_size"),
                             name != NULL ? handle_named(name) : NULL));
}

static void call_resume(const struct vector *v, const cJSON *step, const cJSON *args)
{
    const char *name = text(args, "out_handle");

    expect_ret(v, step,
               esp_ota_resume(partition_arg(args, "partition"), size_arg(args, "erase_size"),
                              number(args, "image_offset"), name != NULL ? handle_named(name) : NULL));
}

static void call_write(const struct vector *v, const cJSON *step, const cJSON *args)
{
    uint32_t len;
    uint8_t *data = data_arg(v, args, &len);

    if (cJSON_HasObjectItem(args, "offset")) {
        expect_ret(v, step, esp_ota_write_with_offset(handle_arg(args), data, len, number(args, "offset")));
    } else {
        expect_ret(v, step, esp_ota_write(handle_arg(args), data, len));
    }
    free(data);
}

static void call_description(const struct vector *v, const cJSON *step, const cJSON *args)
{
    esp_app_desc_t desc;
    esp_err_t err = esp_ota_get_partition_description(partition_arg(args, "partition"), &desc);

    expect_ret(v, step, err);
    if (err == ESP_OK) {
        expect_desc(v, step, &desc);
    }
}

static void call_state(const struct vector *v, const cJSON *step, const cJSON *args)
{
    esp_ota_img_states_t state;
    esp_err_t err = esp_ota_get_state_partition(partition_arg(args, "partition"), &state);

    expect_ret(v, step, err);
    if (err == ESP_OK) {
        expect_state(v, step, state);
    }
}

static void call_sha256(const struct vector *v, const cJSON *step, const cJSON *args)
{
    uint8_t sha[32], want[32];
    esp_err_t err = esp_partition_get_sha256(partition_arg(args, "partition"), sha);

    expect_ret(v, step, err);
    if (err == ESP_OK) {
        from_hex(text(step, "sha256"), want, sizeof(want));
        if (memcmp(sha, want, sizeof(sha)) != 0) {
            mismatch(v, "esp_partition_get_sha256: other digest");
        }
    }
}

static void call(const struct vector *v, const cJSON *step)
{
    const char *name = text(step, "call");
    const cJSON *args = cJSON_GetObjectItemCaseSensitive(step, "args");

    if (strcmp(name, "esp_ota_begin") == 0) {
        call_begin(v, step, args);
    } else if (strcmp(name, "esp_ota_resume") == 0) {
        call_resume(v, step, args);
    } else if (strcmp(name, "esp_ota_write") == 0 || strcmp(name, "esp_ota_write_with_offset") == 0) {
        call_write(v, step, args);
    } else if (strcmp(name, "esp_ota_set_final_partition") == 0) {
        expect_ret(v, step,
                   esp_ota_set_final_partition(handle_arg(args), partition_arg(args, "final"),
                                               truth(args, "finalize_with_copy") || truth(args, "copy")));
    } else if (strcmp(name, "esp_ota_end") == 0) {
        expect_ret(v, step, esp_ota_end(handle_arg(args)));
    } else if (strcmp(name, "esp_ota_abort") == 0) {
        expect_ret(v, step, esp_ota_abort(handle_arg(args)));
    } else if (strcmp(name, "esp_ota_set_boot_partition") == 0) {
        expect_ret(v, step, esp_ota_set_boot_partition(partition_arg(args, "partition")));
    } else if (strcmp(name, "esp_ota_set_boot_partition_skip_validate") == 0) {
        expect_ret(v, step, esp_ota_set_boot_partition_skip_validate(partition_arg(args, "partition")));
    } else if (strcmp(name, "esp_ota_get_boot_partition") == 0) {
        expect_partition(v, step, esp_ota_get_boot_partition());
    } else if (strcmp(name, "esp_ota_get_running_partition") == 0) {
        expect_partition(v, step, esp_ota_get_running_partition());
    } else if (strcmp(name, "esp_ota_get_next_update_partition") == 0) {
        const cJSON *from = cJSON_GetArrayItem(args, 0);

        expect_partition(
            v, step,
            esp_ota_get_next_update_partition(from != NULL ? partition_arg(args, from->string) : NULL));
    } else if (strcmp(name, "esp_ota_get_app_partition_count") == 0) {
        expect_value(v, step, esp_ota_get_app_partition_count());
    } else if (strcmp(name, "esp_ota_get_partition_description") == 0) {
        call_description(v, step, args);
    } else if (strcmp(name, "esp_ota_get_state_partition") == 0) {
        call_state(v, step, args);
    } else if (strcmp(name, "esp_ota_get_last_invalid_partition") == 0) {
        expect_partition(v, step, esp_ota_get_last_invalid_partition());
    } else if (strcmp(name, "esp_ota_mark_app_valid_cancel_rollback") == 0) {
        expect_ret(v, step, esp_ota_mark_app_valid_cancel_rollback());
    } else if (strcmp(name, "esp_ota_mark_app_invalid_rollback") == 0) {
        expect_ret(v, step, esp_ota_mark_app_invalid_rollback());
    } else if (strcmp(name, "esp_ota_check_rollback_is_possible") == 0) {
        expect_value(v, step, esp_ota_check_rollback_is_possible());
    } else if (strcmp(name, "esp_ota_erase_last_boot_app_partition") == 0) {
        expect_ret(v, step, esp_ota_erase_last_boot_app_partition());
    } else if (strcmp(name, "esp_ota_invalidate_inactive_ota_data_slot") == 0) {
        expect_ret(v, step, esp_ota_invalidate_inactive_ota_data_slot());
    } else if (strcmp(name, "esp_partition_get_sha256") == 0) {
        call_sha256(v, step, args);
    } else {
        mismatch(v, "unknown call %s", name);
    }
}

/* --- The app process ----------------------------------------------------- */

static void write_all(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(2);
    }
}

static void read_back(const char *path, uint8_t *data, size_t len)
{
    FILE *f = fopen(path, "rb");

    if (f == NULL || fread(data, 1, len, f) != len) {
        perror(path);
        exit(2);
    }
    fclose(f);
}

static void run_calls(const struct vector *v, const cJSON *calls)
{
    const cJSON *step;

    cJSON_ArrayForEach(step, calls)
    {
        call(v, step);
    }
    fflush(stdout);
}

/* Run `calls` as the app in partition `running`; v->flash and *secure_version are what it leaves. */
static void run_app(const struct vector *v, const cJSON *config, const char *running, const cJSON *calls,
                    uint32_t *secure_version)
{
    char dir[] = "/tmp/airlift-vectors-XXXXXX";
    char flash_path[64], desc_path[80], json[512], err[256];
    struct dev_desc desc;
    int report[2];
    pid_t pid;
    int status;
    char byte;

    if (mkdtemp(dir) == NULL || pipe(report) != 0) {
        perror("vectors_test");
        exit(2);
    }
    snprintf(flash_path, sizeof(flash_path), "%s/flash.bin", dir);
    snprintf(desc_path, sizeof(desc_path), "%s.json", flash_path);
    snprintf(json, sizeof(json),
             "{\"chip\":\"" VECTOR_CHIP "\",\"chip_revision\":\"0.4\",\"efuse_block_revision\":\"1.3\","
             "\"rollback\":%s,\"anti_rollback\":%s,\"secure_version\":%u}",
             truth(config, "rollback") ? "true" : "false", truth(config, "anti_rollback") ? "true" : "false",
             *secure_version);
    write_all(flash_path, v->flash, v->size);
    write_all(desc_path, json, strlen(json));
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        close(report[0]);
        setenv(DEV_ENV_FLASH, flash_path, 1);
        setenv(DEV_ENV_RUNNING, running, 1);
        run_calls(v, calls);
        if (case_failed() && write(report[1], "x", 1) != 1) {
            _exit(2);
        }
        _exit(0);
    }
    close(report[1]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        mismatch(v, "the app in %s ended abnormally", running);
    }
    if (read(report[0], &byte, 1) == 1) {
        mismatch(v, "(in the app above)");
    }
    close(report[0]);
    read_back(flash_path, v->flash, v->size);
    if (dev_desc_load(flash_path, &desc, err, sizeof(err)) != 0) {
        mismatch(v, "%s", err);
    } else {
        *secure_version = desc.secure_version;
    }
    unlink(flash_path);
    unlink(desc_path);
    rmdir(dir);
}

static void check_efuse(const struct vector *v, const cJSON *expect, uint32_t secure_version)
{
    if (cJSON_HasObjectItem(expect, "efuse_secure_version_after") &&
        secure_version != number(expect, "efuse_secure_version_after")) {
        mismatch(v, "eFuse %u, expected %u", secure_version, number(expect, "efuse_secure_version_after"));
    }
}

void judge_api(const struct vector *v)
{
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(v->row, "config");
    const cJSON *expect = cJSON_GetObjectItemCaseSensitive(v->row, "expect");
    uint32_t secure_version = number(config, "efuse_secure_version");

    run_app(v, config, text(v->row, "running"), cJSON_GetObjectItemCaseSensitive(v->row, "steps"),
            &secure_version);
    check_flash(v, expect, v->flash, false);
    check_efuse(v, expect, secure_version);
}

void judge_lifecycle(const struct vector *v)
{
    const cJSON *config = cJSON_GetObjectItemCaseSensitive(v->row, "config");
    uint32_t secure_version = number(config, "efuse_secure_version");
    const cJSON *step;

    cJSON_ArrayForEach(step, cJSON_GetObjectItemCaseSensitive(v->row, "steps"))
    {
        if (strcmp(text(step, "do"), "boot") == 0) {
            uint32_t offset;
            const char *reason;
            const char *label = boot_once(v, config, &secure_version, &offset, &reason);

            if (strcmp(label, text(step, "boot")) != 0) {
                mismatch(v, "boots %s, expected %s", label, text(step, "boot"));
            }
        } else {
            run_app(v, config, text(step, "running"), cJSON_GetObjectItemCaseSensitive(step, "calls"),
                    &secure_version);
        }
        check_flash(v, step, v->flash, false);
        check_efuse(v, step, secure_version);
    }
}
