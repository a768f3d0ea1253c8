/*
 * Any bytes as a flash: table, OTA data and an app come from the input. A boot
 * stays inside the flash, writes nothing but OTA data, gives one answer for one
 * flash, and what it starts verifies. With secure boot and no key nothing starts.
 *
 * Input: 1 byte of choices, 64 of records, 1 count of entries, 12 for each
 * entry (type, subtype, 2 of flags, offset, size), the app at 0x10000.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/test_image.h"
#include "airlift/boot.h"
#include "airlift/bytes.h"
#include "airlift/otadata.h"

#define FLASH_SIZE  0x30000u
#define OTADATA     0x9000u
#define APP         0x10000u
#define GOOD_APP    0x20000u
#define ENTRY       12u
#define MAX_ENTRIES 12u

static enum al_boot_pin test_pin_is_held(void *ctx)
{
    (void)ctx;
    return AL_BOOT_PIN_TEST_APP;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t flash[FLASH_SIZE], start[FLASH_SIZE], left[FLASH_SIZE];
static uint32_t efuse;

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* --- The port: strict, and writes only where OTA data may lie ------------------ */

static uint32_t allowed; /* the bootloader's OTA data partition; FLASH_SIZE: none */

static void require_otadata(uint32_t off, uint32_t len)
{
    uint32_t end = allowed + AL_SECTOR_SIZE + AL_OTADATA_RECORD_SIZE;

    require(allowed < FLASH_SIZE && off >= allowed - allowed % AL_SECTOR_SIZE);
    require(off + len <= end + AL_SECTOR_SIZE - end % AL_SECTOR_SIZE);
}

static int port_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    (void)ctx;
    require(off <= FLASH_SIZE && len <= FLASH_SIZE - off);
    memcpy(buf, flash + off, len);
    return 0;
}

static int port_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    (void)ctx;
    require(off <= FLASH_SIZE && len <= FLASH_SIZE - off && off % 4 == 0 && len % 4 == 0);
    require_otadata(off, len);
    if (off % AL_SECTOR_SIZE + len > AL_SECTOR_SIZE) {
        return AL_ERR_IO; /* a record across sectors: only the first was erased */
    }
    for (uint32_t i = 0; i < len; i++) {
        require((flash[off + i] & ((const uint8_t *)buf)[i]) == ((const uint8_t *)buf)[i]);
        flash[off + i] = ((const uint8_t *)buf)[i];
    }
    return 0;
}

static int port_erase(void *ctx, uint32_t off, uint32_t len)
{
    (void)ctx;
    require(off <= FLASH_SIZE && len <= FLASH_SIZE - off);
    require(off % AL_SECTOR_SIZE == 0 && len % AL_SECTOR_SIZE == 0);
    require_otadata(off, len);
    memset(flash + off, 0xFF, len);
    return 0;
}

static const struct al_flash port = {
    .size = FLASH_SIZE, .read = port_read, .write = port_write, .erase = port_erase};

static int burn(void *ctx, uint32_t version)
{
    (void)ctx;
    require(version > efuse && version <= 16);
    efuse = version;
    return 0;
}

/* --- The flash ------------------------------------------------------------------ */

static size_t take(const uint8_t **data, size_t *len, void *out, size_t want)
{
    size_t n = *len < want ? *len : want;

    memcpy(out, *data, n);
    *data += n;
    *len -= n;
    return n;
}

/* What mutation never finds: the CRC of a sequence number. */
static void mend_record(uint8_t *at)
{
    struct al_ota_record rec;

    al_ota_record_init(&rec, al_get_le32(at), 0);
    al_put_le32(at + 28, rec.crc);
}

static void put_table(const uint8_t **data, size_t *len, bool with_md5)
{
    static struct al_ptable table;
    uint8_t n = 0;

    memset(&table, 0, sizeof(table));
    (void)take(data, len, &n, 1);
    for (unsigned i = 0; i < n % (MAX_ENTRIES + 1); i++) {
        struct al_part *p = &table.part[table.n++];
        uint8_t entry[ENTRY] = {0};

        (void)take(data, len, entry, sizeof(entry));
        *p = (struct al_part){.type = entry[0],
                              .subtype = entry[1],
                              .flags = al_get_le16(entry + 2),
                              .off = al_get_le32(entry + 4),
                              .size = al_get_le32(entry + 8)};
    }
    require(al_ptable_build(&table, with_md5, start + AL_PTABLE_OFFSET) == 0);
}

/* Checksum and digest of an image whose layout is right, for the same reason. */
static void mend_image(uint8_t *at)
{
    static struct al_image_check check;
    struct al_image_rules rules = {.flash_off = APP, .skip_integrity = true};
    uint8_t sum = 0xEF;

    if (al_image_check_begin(&check, &rules) != 0 || al_image_check_feed(&check, at, FLASH_SIZE - APP) != 0 ||
        al_image_check_end(&check, NULL) != 0) {
        al_image_check_abort(&check);
        return;
    }
    for (unsigned i = 0; i < check.info.header.n_segments; i++) {
        sum = al_image_checksum(sum, at + check.info.segment[i].off, check.info.segment[i].len);
    }
    if (check.info.header.hash_appended) {
        struct al_hash hash;
        uint32_t end = check.info.len - AL_SHA256_SIZE;

        at[end - 1] = sum;
        require(al_sha256_init(&hash) == 0 && al_hash_update(&hash, at, end) == 0 &&
                al_hash_final(&hash, at + end) == 0);
    } else {
        at[check.info.len - 1] = sum;
    }
}

static void make_flash(const uint8_t *data, size_t len, uint8_t choice)
{
    memset(start, 0xFF, sizeof(start));
    (void)take(&data, &len, start + OTADATA, AL_OTADATA_RECORD_SIZE);
    (void)take(&data, &len, start + OTADATA + AL_SECTOR_SIZE, AL_OTADATA_RECORD_SIZE);
    if ((choice & 4) != 0) {
        mend_record(start + OTADATA);
    }
    if ((choice & 8) != 0) {
        mend_record(start + OTADATA + AL_SECTOR_SIZE);
    }
    put_table(&data, &len, (choice & 16) != 0);
    require(test_image(start + GOOD_APP, "1.0.0", 1, 64) > 0);
    (void)take(&data, &len, start + APP, GOOD_APP - APP);
    if ((choice & 32) != 0) {
        mend_image(start + APP);
    }
}

static void find_otadata(void)
{
    static struct al_ptable table;

    allowed = FLASH_SIZE;
    if (al_ptable_read(&port, AL_PTABLE_OFFSET, &table) != 0) {
        return;
    }
    for (unsigned i = 0; i < table.n; i++) {
        if (table.part[i].type == AL_TYPE_DATA && table.part[i].subtype == AL_SUB_DATA_OTA) {
            allowed = table.part[i].off;
        }
    }
    (void)al_boot_peek(&port, &table);
}

/* --- Booting --------------------------------------------------------------------- */

static void boot(struct al_boot_config *config, uint32_t burnt, struct al_boot_result *out)
{
    static struct al_boot_work work;

    memcpy(flash, start, sizeof(flash));
    efuse = config->secure_version = burnt;
    require(al_boot(&port, config, &work, out) == 0);
    require(out->secure_version == efuse && out->n_tried <= AL_BOOT_MAX_TRIED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct al_boot_result first, second;
    static struct al_image_check check;
    static uint8_t buf[512];
    struct al_boot_config config;
    uint8_t choice = 0;

    (void)take(&data, &len, &choice, 1);
    make_flash(data, len, choice);
    memcpy(flash, start, sizeof(flash));
    find_otadata();
    config = (struct al_boot_config){
        .ptable_off = AL_PTABLE_OFFSET,
        .rollback = (choice & 3) != 0,
        .anti_rollback = (choice & 3) == 3,
        .held_pin = (choice & 64) != 0 ? test_pin_is_held : NULL,
        .rules = {.chip = al_chip_by_id(5), .chip_rev = 4, .blk_rev = 103},
        .burn_secure_version = burn,
    };
    boot(&config, choice >> 7, &first);
    memcpy(left, flash, sizeof(left));
    boot(&config, choice >> 7, &second);
    require(memcmp(&first, &second, sizeof(first)) == 0 && memcmp(left, flash, sizeof(left)) == 0);
    /* Overlapping partitions are nobody's fault but the table's: OTA data may then replace the app. */
    if (first.boots &&
        (allowed + AL_OTADATA_SIZE <= first.part.off || allowed >= first.part.off + first.part.size)) {
        config.rules.flash_off = first.part.off;
        config.rules.part_size = first.part.size;
        config.rules.for_load = true;
        require(al_image_verify(&port, &config.rules, &check, buf, sizeof(buf)) == 0);
    }
    config.secure_boot = true; /* and nobody's key is trusted */
    boot(&config, choice >> 7, &first);
    require(!first.boots);
    return 0;
}
