/*
 * cmd_image.c - airlift image info|verify, and the rows of the other verbs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "airlift/bytes.h"
#include "airlift/image.h"
#include "commands.h"
#include "device/desc.h"
#include "host/file.h"
#include "host/hex.h"
#include "host/text.h"
#include "image_build.h"
#include "image_rows.h"
#include "image_sign.h"
#include "image_signers.h"
#include "json_read.h"
#include "print_json.h"

#define MAX_FILE (32u << 20) /* bytes; a whole flash of 16 MB and more than any image */

/* Where an app's description ends; docs/formats.md, "Application image". */
#define DESC_END (AL_IMAGE_HEADER_SIZE + AL_IMAGE_SEGMENT_SIZE + 256u)

/* --- A file as flash ------------------------------------------------------- */

/* The file's bytes at `off` of an otherwise erased flash. */
struct placed {
    const uint8_t *data;
    uint32_t off, len;
};

static int placed_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct placed *p = ctx;
    uint8_t *to = buf;

    for (uint32_t i = 0; i < len; i++) {
        uint32_t at = off + i;
        to[i] = at >= p->off && at - p->off < p->len ? p->data[at - p->off] : 0xFF;
    }
    return 0;
}

/* Is the image that its header and segments tell of longer than the file? */
static bool ends_early(const struct placed *p)
{
    uint64_t end = AL_IMAGE_HEADER_SIZE;

    if (p->len < end) {
        return true;
    }
    for (unsigned i = 0; i < p->data[1]; i++) {
        if (end + AL_IMAGE_SEGMENT_SIZE > p->len) {
            return true;
        }
        end += AL_IMAGE_SEGMENT_SIZE + (uint64_t)al_get_le32(p->data + end + 4);
    }
    end += 16 - end % 16 + (p->data[23] != 0 ? 32 : 0);
    return end > p->len;
}

/* Can it be the missing bytes that are wrong with it? */
static bool is_about_content(enum al_image_fault fault)
{
    return fault == AL_IMAGE_SEGMENT_LEN || fault == AL_IMAGE_DESC_MISSING ||
           fault == AL_IMAGE_BAD_CHECKSUM || fault == AL_IMAGE_BAD_HASH;
}

/* Verify as if the file lay in flash; *c has the details. Where the file just ends too early, it says that. */
static int verify_placed(struct placed *p, const struct al_image_rules *rules, struct al_image_check *c)
{
    static uint8_t buf[AL_SECTOR_SIZE];
    const struct al_flash flash = {
        .ctx = p, .size = 0xFFFFFFFFu & ~(AL_SECTOR_SIZE - 1), .read = placed_read};
    int err = al_image_verify(&flash, rules, c, buf, sizeof(buf));

    if (err != 0 && is_about_content(c->fault) && ends_early(p)) {
        c->fault = AL_IMAGE_TRUNCATED;
        c->info.has_desc = c->info.has_desc && p->len >= DESC_END;
    }
    return err;
}

/* ESP-IDF's name for a verdict; NULL if the image is good. */
static const char *esp_error(int err, enum al_image_fault fault)
{
    if (err == 0) {
        return NULL;
    }
    if (fault == AL_IMAGE_PART_TOO_LARGE) {
        return "ESP_ERR_INVALID_ARG";
    }
    return err == AL_ERR_CHIP ? "ESP_FAIL" : "ESP_ERR_IMAGE_INVALID";
}

/* --- info ------------------------------------------------------------------ */

static const char *spi_mode_name(uint8_t mode)
{
    static const char *const names[] = {"QIO", "QOUT", "DIO", "DOUT", "FAST_READ", "SLOW_READ"};

    return mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

static void add_hex(cJSON *to, const char *key, const uint8_t *data, size_t len)
{
    char text[2 * 64 + 1];

    host_hex_print(data, len, text);
    cJSON_AddStringToObject(to, key, text);
}

static void add_revision(cJSON *to, const char *key, uint16_t revision)
{
    char text[8];

    dev_revision_print(revision, text);
    cJSON_AddStringToObject(to, key, text);
}

/* The app image's own name for its chip, or its number. */
static const char *chip_name(uint16_t id, char buf[16])
{
    const struct al_chip *chip = al_chip_by_id(id);

    if (chip != NULL) {
        return chip->name;
    }
    snprintf(buf, 16, "0x%04x", id);
    return buf;
}

static cJSON *desc_json(const struct al_image_desc *d)
{
    cJSON *app = cJSON_CreateObject();

    cJSON_AddStringToObject(app, "project_name", d->project);
    cJSON_AddStringToObject(app, "version", d->version);
    cJSON_AddNumberToObject(app, "secure_version", d->secure_version);
    cJSON_AddStringToObject(app, "date", d->date);
    cJSON_AddStringToObject(app, "time", d->time);
    cJSON_AddStringToObject(app, "idf_ver", d->idf_ver);
    add_hex(app, "elf_sha256", d->elf_sha256, sizeof(d->elf_sha256));
    add_revision(app, "min_efuse_block_revision", d->min_blk_rev);
    add_revision(app, "max_efuse_block_revision", d->max_blk_rev);
    cJSON_AddNumberToObject(app, "mmu_page_size",
                            d->mmu_page_log2 == 0 ? 65536.0 : (double)(1ULL << (d->mmu_page_log2 & 31)));
    return app;
}

static cJSON *info_json(const char *path, const struct host_buf *file, const struct al_image_check *c,
                        int err, const struct al_sig_check *signature)
{
    const struct al_image_info *info = &c->info;
    const struct al_image_header *h = &info->header;
    cJSON *root = cJSON_CreateObject();
    cJSON *segments = cJSON_CreateArray();
    char buf[16];

    cJSON_AddStringToObject(root, "file", path);
    cJSON_AddNumberToObject(root, "file_size", (double)file->len);
    cJSON_AddBoolToObject(root, "valid", err == 0);
    if (err == 0) {
        cJSON_AddNullToObject(root, "error");
    } else {
        cJSON_AddStringToObject(root, "error", esp_error(err, c->fault));
        cJSON_AddStringToObject(root, "reason", al_image_fault_text(c->fault));
    }
    cJSON_AddNumberToObject(root, "image_len", info->len);
    cJSON_AddStringToObject(root, "chip", chip_name(h->chip_id, buf));
    cJSON_AddNumberToObject(root, "chip_id", h->chip_id);
    add_revision(root, "min_chip_revision", h->min_rev);
    add_revision(root, "max_chip_revision", h->max_rev);
    cJSON_AddNumberToObject(root, "entry", h->entry);
    cJSON_AddStringToObject(root, "spi_mode", spi_mode_name(h->spi_mode));
    cJSON_AddNumberToObject(root, "spi_speed", h->spi_speed);
    cJSON_AddNumberToObject(root, "spi_size_mb", h->spi_size < 8 ? 1 << h->spi_size : 0);
    cJSON_AddBoolToObject(root, "hash_appended", h->hash_appended);
    cJSON_AddNumberToObject(root, "checksum", info->checksum);
    if (err == 0) {
        add_hex(root, "sha256", info->sha256, sizeof(info->sha256));
    } else {
        cJSON_AddNullToObject(root, "sha256");
    }
    for (unsigned i = 0; i < c->segment; i++) {
        cJSON *s = cJSON_CreateObject();

        cJSON_AddNumberToObject(s, "load_address", info->segment[i].load_addr);
        cJSON_AddNumberToObject(s, "length", info->segment[i].len);
        cJSON_AddNumberToObject(s, "file_offset", info->segment[i].off);
        cJSON_AddItemToArray(segments, s);
    }
    cJSON_AddItemToObject(root, "segments", segments);
    if (info->has_desc) {
        cJSON_AddItemToObject(root, "app", desc_json(&info->desc));
    } else {
        cJSON_AddNullToObject(root, "app");
    }
    cJSON_AddStringToObject(root, "signature",
                            err == 0 ? al_sig_fault_text(signature->fault) : "not looked at");
    cJSON_AddItemToObject(root, "signature_blocks", image_signers_json(signature));
    return root;
}

/* What an image says of itself may be any bytes; none of them shall reach the terminal's controls. */
static void clean_desc(struct al_image_desc *d)
{
    host_text_printable(d->project);
    host_text_printable(d->version);
    host_text_printable(d->date);
    host_text_printable(d->time);
    host_text_printable(d->idf_ver);
}

static void print_info(const cJSON *root, const struct al_image_check *c,
                       const struct al_sig_check *signature)
{
    const struct al_image_info *info = &c->info;
    const cJSON *app = cJSON_GetObjectItemCaseSensitive(root, "app");

    printf("image        %s, %s\n", json_text(root, "file", "-"),
           c->fault == AL_IMAGE_GOOD ? "valid" : al_image_fault_text(c->fault));
    if (cJSON_IsObject(app)) {
        printf("project      %s %s\n", info->desc.project, info->desc.version);
        printf("built        %s %s, ESP-IDF %s\n", info->desc.date, info->desc.time, info->desc.idf_ver);
        printf("secure ver.  %u\n", (unsigned)info->desc.secure_version);
        printf("ELF SHA-256  %s\n", json_text(app, "elf_sha256", "-"));
    }
    printf("chip         %s, revision %s to %s\n", json_text(root, "chip", "-"),
           json_text(root, "min_chip_revision", "-"),
           info->header.max_rev == 0 || info->header.max_rev == 0xFFFF
               ? "any"
               : json_text(root, "max_chip_revision", "-"));
    printf("flash        %s, %u MB\n", json_text(root, "spi_mode", "-"),
           info->header.spi_size < 8 ? 1u << info->header.spi_size : 0);
    printf("entry        0x%08x\n", (unsigned)info->header.entry);
    printf("length       %u bytes, with checksum 0x%02x%s\n", (unsigned)info->len, info->checksum,
           info->header.hash_appended ? " and SHA-256" : ", no SHA-256 appended");
    printf("SHA-256      %s\n", json_text(root, "sha256", "-"));
    printf("segments     address     length   at\n");
    for (unsigned i = 0; i < c->segment; i++) {
        printf("  %-10u 0x%08x  %7u  0x%06x\n", i, (unsigned)info->segment[i].load_addr,
               (unsigned)info->segment[i].len, (unsigned)info->segment[i].off);
    }
    if (c->fault == AL_IMAGE_GOOD) {
        image_signers_print(signature);
    }
}

static int run_info(int argc, char **argv)
{
    static struct al_image_check check, again;
    static const struct al_sig_policy anyone = {.any_key = true};
    static struct al_sig_check signature = {.policy = &anyone};
    const struct host_cmd *cmd = &cmd_image[CMD_IMAGE_INFO];
    bool json = false;
    struct host_opt opts[] = {{"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL}, {0}};
    struct al_image_rules rules = {0};
    struct placed placed;
    struct host_buf file;
    char message[512];
    cJSON *root;
    int err;

    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one image");
    }
    if (host_read_file(argv[0], MAX_FILE, &file, message, sizeof(message)) != 0) {
        return host_fail("%s", message);
    }
    placed = (struct placed){.data = file.data, .len = (uint32_t)file.len};
    err = verify_placed(&placed, &rules, &check);
    if (check.fault == AL_IMAGE_BAD_MAGIC) {
        host_buf_free(&file);
        return host_fail("%s: %s", argv[0], al_image_fault_text(check.fault));
    }
    if (err == 0) {
        rules.signature = &signature;
        (void)verify_placed(&placed, &rules, &again); /* unsigned is no error here */
    }
    clean_desc(&check.info.desc);
    root = info_json(argv[0], &file, &check, err, &signature);
    host_buf_free(&file);
    if (json) {
        return print_json(root);
    }
    print_info(root, &check, &signature);
    cJSON_Delete(root);
    return 0;
}

/* --- verify ---------------------------------------------------------------- */

static void parse_revision(const struct host_cmd *cmd, const char *text, const char *what, uint16_t *out)
{
    if (text != NULL && dev_revision_parse(text, out) != 0) {
        host_usage(cmd, "%s: '%s' is not a revision such as 0.4", what, text);
    }
}

static int run_verify(int argc, char **argv)
{
    static struct al_image_check check;
    static struct al_sig_check signature;
    static struct image_signers signers;
    struct host_list keys = {0}, digests = {0};
    const struct host_cmd *cmd = &cmd_image[CMD_IMAGE_VERIFY];
    const char *chip = NULL, *chip_rev = NULL, *blk_rev = NULL, *error, *reason;
    bool json = false, sized = false;
    struct al_image_rules rules = {0};
    struct host_opt opts[] = {
        {"chip", 0, HOST_OPT_TEXT, &chip, "CHIP",
         "The chip it shall run on; without it, the one it was built for, any revision.", NULL},
        {"chip-revision", 0, HOST_OPT_TEXT, &chip_rev, "M.N", "That chip's revision; 0.0 by default.", NULL},
        {"efuse-block-revision", 0, HOST_OPT_TEXT, &blk_rev, "M.N",
         "That chip's eFuse block revision; 0.0 by default.", NULL},
        {"at", 0, HOST_OPT_SIZE, &rules.flash_off, "FLASH_OFFSET",
         "Where in flash it shall lie; mapped segments depend on it.", NULL},
        {"partition-size", 0, HOST_OPT_SIZE, &rules.part_size, "N", "Size of the partition that it must fit.",
         &sized},
        {"key", 0, HOST_OPT_LIST, &keys, "KEY",
         "It must be signed with this key (either half, or a certificate; PEM or pkcs11:), or one of "
         "several.",
         NULL},
        {"digest", 0, HOST_OPT_LIST, &digests, "HEX", "The same by the key's digest (airlift keys digest).",
         NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct placed placed;
    struct host_buf file;
    char message[512];
    int err;

    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one image");
    }
    if (chip != NULL && (rules.chip = al_chip_by_name(chip)) == NULL) {
        host_usage(cmd, "--chip: '%s' is not a chip; try esp32, esp32c3, ...", chip);
    }
    parse_revision(cmd, chip_rev, "--chip-revision", &rules.chip_rev);
    parse_revision(cmd, blk_rev, "--efuse-block-revision", &rules.blk_rev);
    if (sized && rules.part_size == 0) {
        rules.part_size = 1; /* to core 0 is no limit; nothing fits either of them */
    }
    if (keys.n + digests.n > 0) {
        if (image_signers_trust(cmd, &keys, &digests, &signers) != 0) {
            return 1;
        }
        if (rules.chip != NULL) {
            signers.policy.first_block_only = rules.chip->one_signer;
            signers.policy.digest_len = rules.chip->key_digest_len;
        }
        signature.policy = &signers.policy;
        rules.signature = &signature;
    }
    if (host_read_file(argv[0], MAX_FILE, &file, message, sizeof(message)) != 0) {
        return host_fail("%s", message);
    }
    placed = (struct placed){.data = file.data, .off = rules.flash_off, .len = (uint32_t)file.len};
    err = verify_placed(&placed, &rules, &check);
    host_buf_free(&file);
    error = esp_error(err, check.fault);
    reason = check.fault == AL_IMAGE_NOT_TRUSTED ? al_sig_fault_text(signature.fault)
                                                 : al_image_fault_text(check.fault);
    if (json) {
        cJSON *root = cJSON_CreateObject();

        cJSON_AddBoolToObject(root, "valid", err == 0);
        if (error == NULL) {
            cJSON_AddNullToObject(root, "error");
        } else {
            cJSON_AddStringToObject(root, "error", error);
        }
        cJSON_AddNumberToObject(root, "image_len", err == 0 ? check.info.len : 0);
        cJSON_AddStringToObject(root, "reason", reason);
        if (rules.signature != NULL) {
            cJSON_AddItemToObject(root, "signature_blocks", image_signers_json(&signature));
        }
        if (print_json(root) != 0) {
            return 1;
        }
    } else if (err == 0) {
        printf("%s: valid, %u bytes\n", argv[0], (unsigned)check.info.len);
    }
    return err == 0 ? 0 : host_fail("%s: %s (%s)", argv[0], reason, error);
}

const struct host_cmd cmd_image[] = {
    {"image", "info", "IMG [--json]", "show what an app image is",
     "Prints the header, the segments, the app description, checksum and SHA-256, and the\n"
     "Secure Boot V2 signature blocks that follow it. A damaged image is shown as far as it\n"
     "can be read, with what is wrong; use `airlift image verify` for a yes or no.\n"
     "\nExamples:\n  airlift image info build/app.bin\n  airlift image info build/app.bin --json",
     run_info},
    {"image", "verify", "IMG [OPTIONS]", "would a bootloader accept this image?",
     "Verifies as ESP-IDF's bootloader does: magic, chip and revisions, segments, checksum,\n"
     "length, SHA-256. The file is taken to lie at --at in an otherwise erased flash.\n"
     "With --json prints {\"valid\", \"error\", \"image_len\", \"reason\"}, where error is the name\n"
     "of ESP-IDF's error or null. Exits 0 if the image is valid, 1 if it is not.\n"
     "With --key or --digest it must also be signed, and by one of these; with --chip esp32 or\n"
     "esp32c2 the first signature must be it, for these look at no other.\n"
     "\nExamples:\n  airlift image verify app.bin\n"
     "  airlift image verify app.bin --chip esp32c3 --chip-revision 0.4 --at 0x10000 --partition-size 1MB\n"
     "  airlift image verify app-signed.bin --key release-pub.pem",
     run_verify},
    [CMD_IMAGE_BUILD] = {"image", "build", "--elf PROGRAM --project NAME --version V -o IMG [OPTIONS]",
                         "make an app image from a program", cmd_image_build_help, cmd_image_build},
    [CMD_IMAGE_SIGN] = {"image", "sign", "--key KEY IMG -o OUT [OPTIONS]", "sign an image",
                        cmd_image_sign_help, cmd_image_sign},
    [CMD_IMAGE_DIGEST] = {"image", "digest", "IMG [OPTIONS]", "print what a signature is made of",
                          cmd_image_digest_help, cmd_image_digest},
    [CMD_IMAGE_ATTACH] = {"image", "attach-signature", "--pub-key KEY --signature FILE IMG -o OUT",
                          "add a signature that was made elsewhere", cmd_image_attach_help, cmd_image_attach},
    [CMD_IMAGE_STRIP] = {"image", "strip-signature", "IMG -o OUT", "take the signatures off",
                         cmd_image_strip_help, cmd_image_strip},
    {0},
};
