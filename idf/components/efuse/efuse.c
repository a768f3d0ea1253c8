#include "esp_efuse.h"

#include "idf_flash.h"

uint32_t esp_efuse_read_secure_version(void)
{
    uint32_t version;

    idf_chip_lock();
    version = idf_desc()->secure_version;
    idf_chip_unlock();
    return version;
}

bool esp_efuse_check_secure_version(uint32_t secure_version)
{
    return secure_version >= esp_efuse_read_secure_version();
}

esp_err_t esp_efuse_update_secure_version(uint32_t secure_version)
{
    uint32_t burnt = esp_efuse_read_secure_version();
    int err;

    if (secure_version > idf_desc()->chip->secure_version_bits) {
        return ESP_ERR_INVALID_ARG;
    }
    if (secure_version < burnt) {
        return ESP_FAIL;
    }
    if (secure_version == burnt) {
        return ESP_OK;
    }
    idf_chip_lock();
    err = dev_desc_burn_secure_version(idf_desc(), secure_version);
    idf_chip_unlock();
    return idf_err(err);
}

bool esp_efuse_get_digest_revoke(unsigned num_digest)
{
    bool revoked;

    idf_chip_lock();
    revoked = num_digest < 8 && (idf_desc()->revoked_keys >> num_digest & 1) != 0;
    idf_chip_unlock();
    return revoked;
}

esp_err_t esp_efuse_set_digest_revoke(unsigned num_digest)
{
    int err;

    idf_chip_lock();
    err = dev_desc_revoke_key(idf_desc(), num_digest);
    idf_chip_unlock();
    return idf_err(err);
}
