/*
 * Any bytes as FLASH.bin.json: what is accepted is a chip that can be, and is the same when it has been
 * written and read again, with the keys that nobody knows still there.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "desc_json.h"
#include "device/shared.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void require_pin(const struct dev_boot_pin *pin)
{
    require(pin->number >= -1 && pin->number < DEV_GPIO_COUNT && (pin->level == 0 || pin->level == 1));
}

static void require_sane(const struct dev_desc *d)
{
    struct dev_desc copy = *d;
    struct al_boot_config config;
    require(d->chip != NULL && d->partition_table_offset % AL_SECTOR_SIZE == 0);
    require(d->secure_version <= d->chip->secure_version_bits);
    require(d->n_key_digests <= (d->chip->one_signer ? 1 : DEV_MAX_KEYS) &&
            d->revoked_keys < 1u << DEV_MAX_KEYS);
    require(!d->chip->one_signer || d->revoked_keys == 0);
    require(memchr(d->factory_reset_labels, '\0', sizeof d->factory_reset_labels) != NULL);
    require_pin(&d->factory_reset_pin);
    require_pin(&d->test_pin);
    dev_desc_boot_config(&copy, &config);
    require(config.trusted.n_keys <= DEV_MAX_KEYS);
}

static bool equal(const struct dev_desc *a, const struct dev_desc *b)
{
    return a->chip == b->chip && a->chip_revision == b->chip_revision &&
           a->efuse_block_revision == b->efuse_block_revision &&
           a->partition_table_offset == b->partition_table_offset && a->rollback == b->rollback &&
           a->anti_rollback == b->anti_rollback && a->secure_version == b->secure_version &&
           a->secure_boot == b->secure_boot && a->n_key_digests == b->n_key_digests &&
           memcmp(a->key_digests, b->key_digests, sizeof a->key_digests) == 0 &&
           a->revoked_keys == b->revoked_keys && memcmp(a->mac, b->mac, sizeof a->mac) == 0 &&
           a->factory_reset_pin.number == b->factory_reset_pin.number &&
           a->factory_reset_pin.level == b->factory_reset_pin.level &&
           a->test_pin.number == b->test_pin.number && a->test_pin.level == b->test_pin.level &&
           a->pin_hold_s == b->pin_hold_s && strcmp(a->factory_reset_labels, b->factory_reset_labels) == 0 &&
           a->factory_reset_otadata == b->factory_reset_otadata;
}

static void start(struct dev_desc *d)
{
    memset(d, 0, sizeof *d);
    d->chip = al_chip_by_id(AL_CHIP_LINUX);
    d->factory_reset_pin.number = d->test_pin.number = -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct dev_desc first, second;
    char err[256] = "";
    const struct dev_complaint c = {.path = "x.bin.json", .text = err, .size = sizeof err};
    char *text = malloc(len + 1), *written;
    require(text != NULL);
    memcpy(text, data, len);
    text[len] = '\0';
    start(&first);
    start(&second);
    if (dev_desc_read_json(text, len, &first, &c) == 0) {
        require_sane(&first);
        require(dev_desc_write_json(text, len, &first, &written, &c) == 0);
        require(dev_desc_read_json(written, strlen(written), &second, &c) == 0);
        require(equal(&first, &second));
        free(written);
    } else {
        require(strncmp(err, "x.bin.json: ", 12) == 0 && err[12] != '\0');
    }
    free(text);
    return 0;
}
