/*
 * provision_table.c - many devices from a table: a key, NVS and flash for each.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csv_table.h"
#include "device/desc.h"
#include "host/cmd.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/progress.h"
#include "nvs_entries.h"
#include "print_json.h"
#include "provision.h"
#include "provision_key.h"
#include "table_file.h"

#define FLASH_MAX (128u * 1024u * 1024u)

/* What the work on one device needs. */
struct line {
    const struct provision_table *p;
    struct csv_table table;
    int id_column;
    uint32_t nvs_size;
    struct host_buf flash; /* the file to copy; empty: none */
    struct al_part nvs;    /* where NVS lies in it */
    struct dev_desc desc;  /* what stands beside it */
    struct host_buf made;  /* made.csv */
    cJSON *list;           /* the same as JSON */
};

/* --- Names ----------------------------------------------------------------- */

/* It names files. */
static bool is_id(const char *id)
{
    size_t len = strlen(id);
    return len > 0 && len <= 64 && id[0] != '.' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static int check_ids(const struct line *l)
{
    const struct csv_table *t = &l->table;
    for (size_t i = 1; i < t->n_rows; i++) {
        const char *id = t->rows[i][l->id_column];
        if (!is_id(id)) {
            return host_fail(
                "%s: row %zu: id '%.64s' can't name a file: letters, digits, '.', '_' and '-' only",
                l->p->table, i + 1, id);
        }
        for (size_t k = 1; k < i; k++) {
            if (strcmp(t->rows[k][l->id_column], id) == 0) {
                return host_fail("%s: rows %zu and %zu: both have the id %s", l->p->table, k + 1, i + 1, id);
            }
        }
    }
    return 0;
}

static char *path_of(const struct line *l, const char *id, const char *ending)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s%s", l->p->out, id, ending) < 0 ? NULL : path;
}

/* --- One device ------------------------------------------------------------ */

static const struct provision_setting *find_setting(const char *name)
{
    for (const struct provision_setting *s = provision_settings; s->name; s++) {
        if (strcmp(s->name, name) == 0) {
            return s;
        }
    }
    return NULL;
}

static int add_column(struct nvs_build *b, const char *name, const char *value, char *err, size_t err_size)
{
    const struct provision_setting *setting = find_setting(name);
    char where[64];
    if (!setting) {
        return provision_add(b, name, value, err, err_size);
    }
    snprintf(where, sizeof where, "%s/%s", setting->ns, setting->key);
    return provision_add(b, where, value, err, err_size);
}

static int build_nvs(const struct line *l, char **row, const char *key_pem, struct nvs_build *b, char *err,
                     size_t err_size)
{
    enum nvs_build_error error = nvs_build_init(b, l->nvs_size, NVS_BUILD_V2);
    if (error != NVS_BUILD_OK) {
        snprintf(err, err_size, "%s", nvs_build_error_text(error));
        return -1;
    }
    for (int i = 0; i < l->p->n_common; i++) {
        if (nvs_entries_read(b, l->p->common[i], err, err_size) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < l->table.n_columns; i++) {
        char why[600];
        bool skip = !row[i][0] || strcmp(l->table.rows[0][i], "mac") == 0;
        if (!skip && add_column(b, l->table.rows[0][i], row[i], why, sizeof why) != 0) {
            snprintf(err, err_size, "column %s: %s", l->table.rows[0][i], why);
            return -1;
        }
    }
    return key_pem ? provision_add(b, l->p->key_at, key_pem, err, err_size) : 0;
}

static bool sha256_hex(const void *data, size_t len, char hex[65])
{
    uint8_t digest[32];
    if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    host_hex_print(digest, sizeof digest, hex);
    return true;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    char byte[3] = "";
    if (strlen(text) != 17) {
        return false;
    }
    for (unsigned i = 0; i < 6; i++) {
        memcpy(byte, text + 3 * i, 2);
        if (!host_hex_parse(byte, &mac[i], 1) || (i < 5 && text[3 * i + 2] != ':')) {
            return false;
        }
    }
    return true;
}

/* A copy of the flash with this device's NVS in its place, and what the chip is beside it. */
static int write_flash(struct line *l, char **row, const char *path, const uint8_t *nvs, size_t len,
                       char *err, size_t err_size)
{
    memset(l->flash.data + l->nvs.off, 0xFF, l->nvs.size);
    memcpy(l->flash.data + l->nvs.off, nvs, len);
    int mac = csv_table_column(&l->table, "mac");
    struct dev_desc desc = l->desc;
    if (mac >= 0 && row[mac][0] && !parse_mac(row[mac], desc.mac)) {
        snprintf(err, err_size, "%.40s: a MAC address is 24:0a:c4:00:00:01", row[mac]);
        return -1;
    }
    snprintf(desc.path, sizeof desc.path, "%s.json", path);
    if (host_write_secret(path, l->flash.data, l->flash.len, err, err_size) != 0) {
        return -1;
    }
    return dev_desc_save(&desc, err, err_size) == 0 ? 0 : -1;
}

static int note(struct line *l, const char *id, const char *nvs_sha256, const char *public_sha256)
{
    cJSON *json = cJSON_CreateObject();
    bool ok = host_buf_printf(&l->made, "%s,%s.nvs.bin,%s,%s\n", id, id, nvs_sha256, public_sha256) &&
              cJSON_AddStringToObject(json, "id", id) &&
              cJSON_AddStringToObject(json, "nvs_sha256", nvs_sha256) &&
              (!*public_sha256 || cJSON_AddStringToObject(json, "public_key_sha256", public_sha256));
    if (!ok || !cJSON_AddItemToArray(l->list, json)) {
        cJSON_Delete(json);
        return -1;
    }
    return 0;
}

static int make_device(struct line *l, char **row, char *err, size_t err_size)
{
    const char *id = row[l->id_column];
    char *key_path = path_of(l, id, ".key.pem"), *nvs_path = path_of(l, id, ".nvs.bin"),
         *flash_path = path_of(l, id, ".flash.bin");
    char public_hex[65] = "", nvs_hex[65];
    struct host_buf pem;
    struct nvs_build b = {0};
    const uint8_t *bytes;
    size_t len;
    int result = -1;
    host_buf_init(&pem, 16384);
    if (!key_path || !nvs_path || !flash_path) {
        snprintf(err, err_size, "out of memory");
    } else if ((!l->p->keys || provision_key(key_path, &pem, public_hex, err, err_size) == 0) &&
               build_nvs(l, row, l->p->keys ? (const char *)pem.data : NULL, &b, err, err_size) == 0) {
        nvs_build_finish(&b, &bytes, &len);
        if (!sha256_hex(bytes, len, nvs_hex)) {
            snprintf(err, err_size, "the hash failed");
        } else if (host_write_secret(nvs_path, bytes, len, err, err_size) == 0 &&
                   (!l->flash.len || write_flash(l, row, flash_path, bytes, len, err, err_size) == 0)) {
            result = note(l, id, nvs_hex, public_hex);
            if (result != 0) {
                snprintf(err, err_size, "out of memory");
            }
        }
    }
    nvs_build_free(&b);
    if (pem.data) {
        explicit_bzero(pem.data, pem.len);
    }
    host_buf_free(&pem);
    free(key_path);
    free(nvs_path);
    free(flash_path);
    return result;
}

/* --- All of them ----------------------------------------------------------- */

static int load_flash(struct line *l)
{
    static struct table_file file; /* static: it is large */
    const struct al_csv_options options = {.table_off = 0x8000};
    char err[512];
    if (!l->p->flash) {
        l->nvs_size = l->p->size ? l->p->size : PROVISION_NVS_SIZE;
        return 0;
    }
    if (table_file_load(l->p->flash, &options, false, &file) != 0) {
        return 1;
    }
    if (file.form != TABLE_FLASH) {
        return host_fail("%s: not a whole flash file (airlift flash new makes one)", l->p->flash);
    }
    const struct al_part *nvs = al_ptable_find(&file.table, AL_TYPE_DATA, AL_SUB_DATA_NVS);
    if (!nvs) {
        return host_fail("%s: its table has no NVS partition", l->p->flash);
    }
    l->nvs = *nvs;
    l->nvs_size = l->p->size ? l->p->size : nvs->size;
    if (l->nvs_size > nvs->size) {
        return host_fail("--size: the NVS partition of %s has 0x%x bytes", l->p->flash, (unsigned)nvs->size);
    }
    if (host_read_file(l->p->flash, FLASH_MAX, &l->flash, err, sizeof err) != 0 ||
        dev_desc_load(l->p->flash, &l->desc, err, sizeof err) != 0) {
        return host_fail("%s", err);
    }
    return (uint64_t)nvs->off + nvs->size <= l->flash.len
               ? 0
               : host_fail("%s: too short for its table", l->p->flash);
}

static int make_devices(struct line *l)
{
    struct host_progress bar;
    char err[1200], *made_path = path_of(l, "made", ".csv");
    int result = made_path && host_buf_printf(&l->made, "id,nvs,nvs_sha256,public_key_sha256\n")
                     ? 0
                     : host_fail("out of memory");
    host_progress_start(&bar, "devices", l->table.n_rows - 1);
    for (size_t i = 1; i < l->table.n_rows && result == 0; i++) {
        if (make_device(l, l->table.rows[i], err, sizeof err) != 0) {
            host_progress_end(&bar);
            result = host_fail("provision: %s, row %zu (%s): %s", l->p->table, i + 1,
                               l->table.rows[i][l->id_column], err);
        }
        host_progress_update(&bar, i);
    }
    host_progress_end(&bar);
    if (result == 0 && host_write_file(made_path, l->made.data, l->made.len, err, sizeof err) != 0) {
        result = host_fail("%s", err);
    }
    free(made_path);
    return result;
}

int provision_run_table(const struct provision_table *p)
{
    struct line l = {.p = p, .list = cJSON_CreateArray()};
    char err[1024];
    host_buf_init(&l.flash, FLASH_MAX);
    host_buf_init(&l.made, FLASH_MAX);
    int result = csv_table_read(&l.table, p->table, err, sizeof err) == 0 ? 0 : host_fail("%s", err);
    if (result == 0) {
        l.id_column = csv_table_column(&l.table, "id");
        result = l.id_column < 0 ? host_fail("%s: no column id in the first row", p->table) : check_ids(&l);
    }
    result = result ? result : load_flash(&l);
    if (result == 0 && host_mkdirs(p->out, 0700) != 0) {
        result = host_fail("%s: %s", p->out, strerror(errno));
    }
    result = result ? result : make_devices(&l);
    if (result == 0 && p->json) {
        result = print_json(l.list);
        l.list = NULL;
    } else if (result == 0) {
        printf("%zu devices in %s, listed in %s/made.csv\n", l.table.n_rows - 1, p->out, p->out);
        result = fflush(stdout) == 0 ? 0 : host_fail("standard output: %s", strerror(errno));
    }
    cJSON_Delete(l.list);
    csv_table_free(&l.table);
    host_buf_free(&l.flash);
    host_buf_free(&l.made);
    return result;
}
