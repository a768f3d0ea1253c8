/*
 * Whose signatures count: the eFuses' keys, or the running app's own.
 */
#include "esp_secure_boot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "airlift_sdkconfig.h"
#include "airlift_signature.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "idf_flash.h"
#include "idf_image.h"

static const char *TAG = "secure_boot_v2";

static _Thread_local enum al_sig_fault last_fault;

enum al_sig_fault airlift_last_signature_fault(void)
{
    return last_fault;
}

void idf_note_signature_fault(enum al_sig_fault fault)
{
    last_fault = fault;
}

bool esp_secure_boot_enabled(void)
{
    return idf_desc()->secure_boot;
}

/* --- The running app's signers --------------------------------------------------------- */

struct workspace {
    struct al_image_check image;
    struct al_sig_check signature;
    uint8_t buf[AL_SECTOR_SIZE];
};

/* Asked once: nothing writes to the slot that the app runs from. */
static struct {
    pthread_mutex_t lock;
    bool known;
    esp_image_sig_public_key_digests_t signers;
} running = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Only signatures that fit the app's bytes count; ESP_OK also if there are none. */
static esp_err_t read_signers(esp_image_sig_public_key_digests_t *out)
{
    static const struct al_sig_policy anyone = {.any_key = true};
    const esp_partition_t *part = esp_ota_get_running_partition();
    struct workspace *w = part != NULL ? malloc(sizeof(*w)) : NULL;
    struct al_image_rules rules;
    int err;

    memset(out, 0, sizeof(*out));
    if (w == NULL) {
        return part != NULL ? ESP_ERR_NO_MEM : ESP_FAIL;
    }
    idf_image_rules(&rules);
    rules.flash_off = part->address;
    rules.part_size = part->size;
    rules.signature = &w->signature;
    w->signature.policy = &anyone;
    w->signature.n_signers = 0;
    err = al_image_verify(idf_flash(), &rules, &w->image, w->buf, sizeof(w->buf));
    for (unsigned i = 0; err == 0 && i < w->signature.n_signers; i++) {
        if (w->signature.signer[i].fault == AL_SIG_GOOD) {
            memcpy(out->key_digests[out->num_digests++], w->signature.signer[i].key_digest,
                   ESP_SECURE_BOOT_DIGEST_LEN);
        }
    }
    free(w);
    return err == AL_ERR_IO || err == AL_ERR_CRYPTO ? ESP_FAIL : ESP_OK;
}

static esp_err_t running_signers(esp_image_sig_public_key_digests_t *out)
{
    esp_err_t err = ESP_OK;

    pthread_mutex_lock(&running.lock);
    if (!running.known) {
        err = read_signers(&running.signers);
        running.known = err == ESP_OK;
    }
    *out = running.signers;
    pthread_mutex_unlock(&running.lock);
    return err;
}

esp_err_t esp_secure_boot_get_signature_blocks_for_running_app(
    bool digest_public_keys, esp_image_sig_public_key_digests_t *public_key_digests)
{
    esp_err_t err;

    if (public_key_digests == NULL) {
        return ESP_ERR_INVALID_ARG;
    }
    err = running_signers(public_key_digests);
    if (!digest_public_keys) {
        memset(public_key_digests->key_digests, 0, sizeof(public_key_digests->key_digests));
    }
    return err != ESP_OK || public_key_digests->num_digests > 0 ? err : ESP_ERR_NOT_FOUND;
}

/* --- The policy ------------------------------------------------------------------------ */

static void trust_efuses(struct idf_trusted_keys *out)
{
    const struct dev_desc *desc = idf_desc();

    idf_chip_lock();
    dev_desc_trusted_keys(desc, &out->policy);
    memcpy(out->key, desc->key_digests, sizeof(desc->key_digests));
    idf_chip_unlock();
    out->policy.key = (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])out->key;
}

static void trust_key(struct idf_trusted_keys *out, const uint8_t *digest)
{
    if (out->policy.n_keys < sizeof(out->key) / sizeof(out->key[0])) {
        memcpy(out->key[out->policy.n_keys++], digest, AL_SIG_KEY_DIGEST_SIZE);
    }
}

static esp_err_t trust_signers(struct idf_trusted_keys *out)
{
    esp_image_sig_public_key_digests_t signers;
    esp_err_t err = running_signers(&signers);

    out->policy = (struct al_sig_policy){.key = (const uint8_t(*)[AL_SIG_KEY_DIGEST_SIZE])out->key};
    for (unsigned i = 0; i < signers.num_digests; i++) {
        trust_key(out, signers.key_digests[i]);
    }
    for (uint32_t i = 0; i < airlift_sdkconfig.n_trusted_key_digests; i++) {
        trust_key(out, airlift_sdkconfig.trusted_key_digests[i]);
    }
    if (err == ESP_OK && out->policy.n_keys == 0) {
        ESP_LOGE(TAG, "updates must be signed, but this app is not and names no keys: none can be accepted");
    }
    return err;
}

esp_err_t idf_trusted_keys(enum idf_image_trust trust, struct idf_trusted_keys *out, bool *needed)
{
    *needed = false;
    if (trust == IDF_IMAGE_TRUST_ANY) {
        return ESP_OK;
    }
    if (esp_secure_boot_enabled()) {
        *needed = true;
        trust_efuses(out);
        return ESP_OK;
    }
    if (trust == IDF_IMAGE_TRUST_UPDATE && airlift_sdkconfig.secure_signed_on_update_no_secure_boot) {
        *needed = true;
        return trust_signers(out);
    }
    return ESP_OK;
}

/* --- Bytes that are no image ----------------------------------------------------------- */

/* Bytes of flash through `feed`, in pieces. */
static int stream(struct workspace *w, uint32_t addr, uint32_t len,
                  int (*feed)(void *to, const uint8_t *data, size_t len), void *to)
{
    int err = 0;

    for (uint32_t at = 0; err == 0 && at < len;) {
        uint32_t part = len - at < sizeof(w->buf) ? len - at : (uint32_t)sizeof(w->buf);

        err = al_flash_read(idf_flash(), addr + at, w->buf, part);
        if (err == 0) {
            err = feed(to, w->buf, part);
        }
        at += part;
    }
    return err;
}

struct hashes {
    struct al_hash sha256;
    struct al_sig_check *signature;
};

static int feed_content(void *to, const uint8_t *data, size_t len)
{
    struct hashes *h = to;
    int err = al_hash_update(&h->sha256, data, len);

    return err != 0 ? err : al_sig_feed_image(h->signature, data, len);
}

static int feed_sector(void *to, const uint8_t *data, size_t len)
{
    return al_sig_feed(to, data, len);
}

/* signature.policy is set; its fault is the reason of AL_ERR_SIGNATURE. */
static int verify_content(struct workspace *w, uint32_t addr, uint32_t len)
{
    struct hashes h = {.signature = &w->signature};
    int left = 0;
    int err = al_sha256_init(&h.sha256);

    if (err != 0) {
        return err;
    }
    err = al_sig_begin(&w->signature);
    if (err != 0) {
        al_hash_abort(&h.sha256);
        return err;
    }
    err = stream(w, addr, len, feed_content, &h);
    if (err == 0) {
        err = al_sig_take_hash(&w->signature, &h.sha256);
    }
    al_hash_abort(&h.sha256);
    if (err == 0) {
        left = al_sig_image_ended(&w->signature, len);
        err = left < 0 ? left : stream(w, addr + len, (uint32_t)left, feed_sector, &w->signature);
    }
    if (err != 0) {
        al_sig_abort(&w->signature);
        return err;
    }
    return al_sig_end(&w->signature);
}

esp_err_t esp_secure_boot_verify_signature(uint32_t src_addr, uint32_t length)
{
    const uint32_t flash_size = idf_flash()->size;
    struct idf_trusted_keys keys = {0};
    struct workspace *w;
    bool needed;
    esp_err_t result;
    int err;

    if (length > flash_size || src_addr > flash_size ||
        al_sig_sector_off(length) + AL_SIG_SECTOR_SIZE > flash_size - src_addr) {
        return ESP_ERR_INVALID_ARG;
    }
    idf_note_signature_fault(AL_SIG_GOOD);
    result = idf_trusted_keys(IDF_IMAGE_TRUST_UPDATE, &keys, &needed);
    if (result != ESP_OK) {
        return result;
    }
    keys.policy.any_key = !needed;
    w = malloc(sizeof(*w));
    if (w == NULL) {
        return ESP_ERR_NO_MEM;
    }
    w->signature.policy = &keys.policy;
    err = verify_content(w, src_addr, length);
    if (err == AL_ERR_SIGNATURE) {
        idf_note_signature_fault(w->signature.fault);
        ESP_LOGE(TAG, "%u bytes at 0x%x: %s", (unsigned)length, (unsigned)src_addr,
                 al_sig_fault_text(w->signature.fault));
    }
    free(w);
    return err == 0                  ? ESP_OK
           : err == AL_ERR_SIGNATURE ? ESP_ERR_IMAGE_INVALID
           : err == AL_ERR_IO        ? ESP_ERR_IMAGE_FLASH_FAIL
                                     : ESP_FAIL;
}
