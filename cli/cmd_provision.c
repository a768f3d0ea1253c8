/*
 * cmd_provision.c - airlift provision: NVS for one device, or for a table of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "host/file.h"
#include "nvs_entries.h"
#include "provision.h"

const struct provision_setting provision_settings[] = {
    {"id", "device", "id", "What the device is called; goes to device/id."},
    {"serial", "device", "serial", "Serial number; goes to device/serial."},
    {"wifi_ssid", "wifi", "ssid", "Name of the Wi-Fi network; goes to wifi/ssid."},
    {"wifi_password", "wifi", "password", "Its password; goes to wifi/password."},
    {"mqtt_url", "mqtt", "url", "Broker, mqtts://HOST:PORT; goes to mqtt/url."},
    {"mqtt_username", "mqtt", "username", "Name for the broker; goes to mqtt/username."},
    {"mqtt_password", "mqtt", "password", "Password for the broker; goes to mqtt/password."},
    {"server_url", "server", "url", "Address of the version manifest; goes to server/url."},
    {"server_token", "server", "token", "What the device shows the server; goes to server/token."},
    {0},
};
#define N_SETTINGS (sizeof provision_settings / sizeof provision_settings[0] - 1)

/* --- One value ------------------------------------------------------------- */

int provision_add(struct nvs_build *b, const char *where, const char *value, char *err, size_t err_size)
{
    const char *slash = strchr(where, '/'), *colon = slash ? strrchr(slash, ':') : NULL;
    char ns[NVS_KEY_MAX + 2], key[NVS_KEY_MAX + 2];
    if (!slash) {
        snprintf(err, err_size,
                 "%.60s: neither a setting that is known (--help lists them) nor "
                 "NAMESPACE/KEY[:ENCODING]",
                 where);
        return -1;
    }
    size_t ns_len = (size_t)(slash - where);
    size_t key_len = colon ? (size_t)(colon - slash) - 1 : strlen(slash + 1);
    snprintf(ns, sizeof ns, "%.*s", (int)(ns_len < sizeof ns ? ns_len : sizeof ns), where);
    snprintf(key, sizeof key, "%.*s", (int)(key_len < sizeof key ? key_len : sizeof key), slash + 1);
    enum nvs_build_error error = nvs_build_namespace(b, ns);
    if (error != NVS_BUILD_OK) {
        snprintf(err, err_size, "%s", nvs_build_error_text(error));
        return -1;
    }
    if (colon && strcmp(colon + 1, "file") == 0) {
        return nvs_entry_add_file(b, key, "string", value, err, err_size);
    }
    return nvs_entry_add(b, key, colon ? colon + 1 : "string", value, strlen(value), err, err_size);
}

static int save(const struct nvs_build *b, const char *path)
{
    const uint8_t *bytes;
    size_t len;
    char err[512];
    nvs_build_finish(b, &bytes, &len);
    return host_write_secret(path, bytes, len, err, sizeof err) == 0 ? 0 : host_fail("%s", err);
}

/* --- The command ----------------------------------------------------------- */

/* One partition, from files and options. */
static int provision_one(const struct provision_table *p, enum nvs_build_version version,
                         const char *const value[N_SETTINGS], const struct host_list *set)
{
    struct nvs_build b;
    char err[1200], where[64];
    enum nvs_build_error error = nvs_build_init(&b, p->size ? p->size : PROVISION_NVS_SIZE, version);
    int result = error == NVS_BUILD_OK ? 0 : host_fail("%s", nvs_build_error_text(error));
    for (int i = 0; i < p->n_common && result == 0; i++) {
        result = nvs_entries_read(&b, p->common[i], err, sizeof err) == 0 ? 0 : host_fail("%s", err);
    }
    for (size_t i = 0; i < N_SETTINGS && result == 0; i++) {
        snprintf(where, sizeof where, "%s/%s", provision_settings[i].ns, provision_settings[i].key);
        if (value[i] && provision_add(&b, where, value[i], err, sizeof err) != 0) {
            result = host_fail("provision: %s: %s", provision_settings[i].name, err);
        }
    }
    for (unsigned i = 0; i < set->n && result == 0; i++) {
        const char *equal = strchr(set->item[i], '=');
        char *name = strndup(set->item[i], equal ? (size_t)(equal - set->item[i]) : 0);
        if (!equal || !name) {
            result = host_fail("provision: --set %s: not NAMESPACE/KEY[:ENCODING]=VALUE", set->item[i]);
        } else if (provision_add(&b, name, equal + 1, err, sizeof err) != 0) {
            result = host_fail("provision: --set %s: %s", name, err);
        }
        free(name);
    }
    result = result ? result : save(&b, p->out);
    nvs_build_free(&b);
    return result;
}

static void name_option(const char *setting, char option[24])
{
    snprintf(option, 24, "%s", setting);
    for (char *p = option; *p; p++) {
        *p = *p == '_' ? '-' : *p;
    }
}

static int run(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_provision[0];
    struct provision_table p = {.key_at = "device/key"};
    struct host_list set = {0};
    const char *value[N_SETTINGS] = {0};
    char names[N_SETTINGS][24];
    uint32_t version = 2;
    bool no_keys = false, any = false;
    const struct host_opt fixed[] = {
        {"table", 0, HOST_OPT_TEXT, &p.table, "DEVICES.csv", "Table with a row for each device.", NULL},
        {"out", 'o', HOST_OPT_TEXT, &p.out, "DIR|NVS.bin", "With --table a directory, else a file.", NULL},
        {"size", 0, HOST_OPT_SIZE, &p.size, "SIZE", "Size of the NVS partition: as in --flash, else 0x6000.",
         NULL},
        {"version", 0, HOST_OPT_NUMBER, &version, "V",
         "Format of blobs: 2 (the default), over several pages, or 1, of ESP-IDF before 3.2.", NULL},
        {"flash", 0, HOST_OPT_TEXT, &p.flash, "FLASH.bin",
         "With --table: copy this flash file for each device, with its NVS in place.", NULL},
        {"no-keys", 0, HOST_OPT_FLAG, &no_keys, NULL, "With --table: make no key for the devices.", NULL},
        {"key-at", 0, HOST_OPT_TEXT, &p.key_at, "NAMESPACE/KEY", "Where the key goes; device/key by default.",
         NULL},
        {"set", 0, HOST_OPT_LIST, &set, "NAMESPACE/KEY[:ENCODING]=VALUE",
         "Any other value; may be given again.", NULL},
        {"json", 0, HOST_OPT_FLAG, &p.json, NULL, "With --table: print what was made as JSON.", NULL},
    };
    enum { N_FIXED = sizeof fixed / sizeof fixed[0] };
    struct host_opt opts[N_FIXED + N_SETTINGS + 1] = {0};
    memcpy(opts, fixed, sizeof fixed);
    for (size_t i = 0; i < N_SETTINGS; i++) {
        name_option(provision_settings[i].name, names[i]);
        opts[N_FIXED + i] =
            (struct host_opt){names[i], 0, HOST_OPT_TEXT, &value[i], "V", provision_settings[i].help, NULL};
    }
    p.n_common = host_parse(cmd, argc, argv, opts);
    p.common = argv;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        any = any || value[i];
    }
    any = any || set.n;
    if (!p.out) {
        host_usage(cmd, "--out is missing");
    }
    if (version != 1 && version != 2) {
        host_usage(cmd, "--version is 1 or 2");
    }
    if (p.size % NVS_PAGE_SIZE != 0) {
        host_usage(cmd,
                   "--size: a multiple of 4096 bytes; three pages at least for NVS that firmware writes");
    }
    if (!p.table) {
        if (p.flash || no_keys || p.json) {
            host_usage(cmd, "--flash, --no-keys and --json go with --table");
        }
        if (!any && !p.n_common) {
            host_usage(cmd, "nothing to write: give a CSV file, settings, or --table");
        }
        return provision_one(&p, version == 1 ? NVS_BUILD_V1 : NVS_BUILD_V2, value, &set);
    }
    if (any || version != 2) {
        host_usage(cmd,
                   "with --table the settings are columns, or rows of a CSV file; blobs are of version 2");
    }
    p.keys = !no_keys;
    return provision_run_table(&p);
}

const struct host_cmd cmd_provision[] = {
    {
        .noun = "provision",
        .usage = "[IN.csv...] [SETTINGS] --out NVS.bin | --table DEVICES.csv [IN.csv...] --out DIR",
        .summary = "give devices their settings, serial numbers and keys",
        .help =
            "Makes an NVS partition from CSV files and options. The CSV is that of ESP-IDF's NVS partition "
            "generator, "
            "and so are the bytes: the first row is key,type,encoding,value; type is namespace, data, or "
            "file (value "
            "is a path); encoding is u8 i8 u16 i16 u32 i32 u64 i64 string hex2bin base64 or binary. Lines "
            "that begin "
            "with # are comments. A key that stands twice in a namespace is refused.\n"
            "\n"
            "With --table, makes for each row of a CSV file: a P-256 key (ID.key.pem), an NVS partition that "
            "holds "
            "the entries of the IN.csv files, the row's values and the key (ID.nvs.bin), with --flash a "
            "whole flash "
            "image (ID.flash.bin), and in the end made.csv, which lists them with the SHA-256 of each public "
            "key. "
            "Columns are settings by name (id, serial, wifi_ssid, ...: the options below, with _), or "
            "NAMESPACE/KEY[:ENCODING]; id must be there and names the files; mac goes to the chip's "
            "description "
            "beside the flash image; empty fields are left out. Encodings are those above, and file: a "
            "string with "
            "the content of the file that the field names.\n"
            "\n"
            "Given again, the command goes on where it was interrupted: a key that exists is used and never "
            "replaced, and the same table gives the same bytes. The files hold secrets; the directory is "
            "made "
            "readable by its owner only.\n"
            "\n"
            "Examples:\n"
            "  airlift provision settings.csv --out nvs.bin --size 0x6000\n"
            "  airlift provision --wifi-ssid lab --wifi-password secret --set app/brightness:u8=40 --out "
            "nvs.bin\n"
            "  airlift provision --table devices.csv --out factory/\n"
            "  airlift provision --table devices.csv --out factory/ --flash base.bin --key-at mqtt_s3/key\n"
            "  airlift flash write dev.bin --partition nvs nvs.bin",
        .run = run,
    },
    {0},
};
