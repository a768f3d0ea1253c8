/*
 * efuse_text.h - a device's key eFuses, for people and as JSON.
 */
#ifndef CLI_EFUSE_TEXT_H
#define CLI_EFUSE_TEXT_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "device/desc.h"

#define EFUSE_KEY_TEXT 32 /* bytes */

/* "e237e7816c6b... (revoked)". False if nothing was burnt for key `index`, neither digest nor revocation. */
bool efuse_key_text(const struct dev_desc *desc, unsigned index, char out[EFUSE_KEY_TEXT]);

/* [{"digest": HEX | null, "revoked"}], for each key that the chip has room for. */
cJSON *efuse_keys_json(const struct dev_desc *desc);

#endif
