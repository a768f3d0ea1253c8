/*
 * provision.h - what a device is given before it leaves the desk: settings, an identity, NVS.
 */
#ifndef CLI_PROVISION_H
#define CLI_PROVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "nvs_build.h"

#define PROVISION_NVS_SIZE 0x6000u /* bytes, where nothing else is said: ESP-IDF's own tables have it */

/* A setting by the name that people use for it, and where it lies in NVS; all are strings. */
struct provision_setting {
    const char *name; /* "wifi_ssid": a column of a table; as an option "--wifi-ssid" */
    const char *ns, *key;
    const char *help;
};

extern const struct provision_setting provision_settings[]; /* ended by name NULL */

/*
 * "NAMESPACE/KEY" or "NAMESPACE/KEY:ENCODING" (a string by default; the encoding "file": a
 * string that is the content of the file named by the value). 0, or -1 with err.
 */
int provision_add(struct nvs_build *b, const char *where, const char *value, char *err, size_t err_size);

struct provision_table {
    const char *table; /* CSV, a row a device */
    const char *out;   /* directory, made if missing, readable by its owner only */
    char **common;     /* NVS CSV files, for all devices */
    int n_common;
    const char *flash;  /* flash file to copy for each device; NULL: none */
    uint32_t size;      /* of the NVS partition, bytes; 0: as in `flash`, else PROVISION_NVS_SIZE */
    bool keys;          /* make each device a P-256 key */
    const char *key_at; /* where in NVS it goes: "NAMESPACE/KEY" */
    bool json;
};

/*
 * For each row: DIR/ID.key.pem (unless it is there), DIR/ID.nvs.bin, DIR/ID.flash.bin, then
 * DIR/made.csv. Each file is replaced atomically and a key is never replaced, so the
 * same command, given again after it was interrupted, completes the work and
 * changes nothing that is done. Returns the exit code.
 */
int provision_run_table(const struct provision_table *p);

#endif
