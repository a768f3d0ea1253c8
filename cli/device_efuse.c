/*
 * device_efuse.c - airlift device efuse: what a device's eFuses hold, and burning them, as
 * espefuse.py does to a chip.
 *
 * What is burnt can't be taken back, so it is tried first: a boot on copies of flash and
 * eFuses says whether the device would still start.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "airlift/boot.h"
#include "commands.h"
#include "device.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "efuse_text.h"
#include "host/hex.h"
#include "image_signers.h"
#include "print_json.h"

const char cmd_device_efuse_help[] =
    "Shows the eFuses that secure boot and anti-rollback use, or burns one. It works on the files of a "
    "device "
    "that "
    "is off; one that runs has them in use.\n"
    "\n"
    "  burn-key-digest KEY   trust this key: a PEM file, a pkcs11: URI, or its digest in hexadecimal digits\n"
    "                        (airlift keys digest); it goes to the first free place of three, on ESP32 and\n"
    "                        ESP32-C2 of one\n"
    "  enable-secure-boot    from now on only apps start that one of the keys signed\n"
    "  revoke N              key N is not trusted any more, 0 to 2; not on ESP32 and ESP32-C2\n"
    "  secure-version N      with anti-rollback, apps of a lower secure version do not start any more\n"
    "\n"
    "Burning can't be undone. It is asked for first (--yes answers), and refused if nothing would boot any "
    "more, if the "
    "app that boots next would be another one, or if it would take away the last key; --force burns all the "
    "same. A power cut leaves an eFuse burnt or not.\n"
    "\n"
    "With --json prints what they hold (afterwards):\n"
    "  {\"chip\", \"secure_boot\", \"keys\": [{\"digest\": HEX | null, \"revoked\"}],\n"
    "   \"secure_version\", \"secure_version_max\", \"burnt\"}; burnt is false if there was nothing to do.\n"
    "\n"
    "Examples:\n"
    "  airlift device efuse dev.bin\n"
    "  airlift device efuse dev.bin burn-key-digest key.pem --yes\n"
    "  airlift device efuse dev.bin enable-secure-boot --yes\n"
    "  airlift device efuse dev.bin revoke 0";

static const struct host_cmd *const cmd = &cmd_device[CMD_DEVICE_EFUSE];

/* --- Show -------------------------------------------------------------------- */

static int show(const struct dev_desc *desc, bool burnt, bool json)
{
    unsigned places = desc->chip->one_signer ? 1 : DEV_MAX_KEYS;
    if (json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddStringToObject(root, "chip", desc->chip->name);
        cJSON_AddBoolToObject(root, "secure_boot", desc->secure_boot);
        cJSON_AddItemToObject(root, "keys", efuse_keys_json(desc));
        cJSON_AddNumberToObject(root, "secure_version", desc->secure_version);
        cJSON_AddNumberToObject(root, "secure_version_max", desc->chip->secure_version_bits);
        cJSON_AddBoolToObject(root, "burnt", burnt);
        return print_json(root);
    }
    printf("chip            %s\n", desc->chip->name);
    printf("secure boot     %s\n", desc->secure_boot ? "on" : "off");
    for (unsigned i = 0; i < places; i++) {
        char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1] = "-";
        if (dev_desc_has_key(desc, i)) {
            host_hex_print(desc->key_digests[i], AL_SIG_KEY_DIGEST_SIZE, hex);
        }
        printf("key %u           %s%s\n", i, hex, desc->revoked_keys >> i & 1 ? " (revoked)" : "");
    }
    printf("secure version  %" PRIu32 " of %u\n", desc->secure_version, desc->chip->secure_version_bits);
    return 0;
}

/* --- What shall be burnt ------------------------------------------------------- */

/*
 * Each changes `desc` as burning would, and says in `what` what that is; an empty `what`:
 * it is so already. 0, or the exit code after one line.
 */
typedef int change_fn(struct dev_desc *desc, const char *value, char what[160]);

static int add_key(struct dev_desc *desc, const char *value, char what[160])
{
    struct image_signers named;
    struct host_list source = {.item = {value}, .n = 1}, none = {.n = 0};
    uint8_t digest[AL_SIG_KEY_DIGEST_SIZE];
    bool is_digest = host_hex_parse(value, digest, sizeof digest);
    if (image_signers_trust(cmd, is_digest ? &none : &source, is_digest ? &source : &none, &named)) {
        return 1;
    }
    unsigned places = desc->chip->one_signer ? 1 : DEV_MAX_KEYS, place = places;
    for (unsigned i = places; i-- > 0;) {
        if (dev_desc_has_key(desc, i) && memcmp(desc->key_digests[i], named.key[0], sizeof digest) == 0) {
            return desc->revoked_keys >> i & 1 ? host_fail("%s: this is key %u, which was revoked", value, i)
                                               : 0;
        }
        place = !dev_desc_has_key(desc, i) && !(desc->revoked_keys >> i & 1) ? i : place;
    }
    if (place == places) {
        return host_fail("no place is left for a key: %s has %u", desc->chip->name, places);
    }
    memcpy(desc->key_digests[place], named.key[0], sizeof digest);
    desc->n_key_digests = desc->n_key_digests > place ? desc->n_key_digests : place + 1;
    char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1];
    host_hex_print(named.key[0], sizeof digest, hex);
    snprintf(what, 160, "key %u: %s", place, hex);
    return dev_desc_has_key(desc, place) ? 0 : host_fail("%s: no key has a digest of zeros", value);
}

static int enable(struct dev_desc *desc, const char *value, char what[160])
{
    (void)value;
    if (!desc->secure_boot) {
        desc->secure_boot = true;
        snprintf(what, 160, "secure boot on");
    }
    return 0;
}

static int revoke_key(struct dev_desc *desc, const char *value, char what[160])
{
    uint32_t index;
    if (!host_parse_number(value, &index) || index >= DEV_MAX_KEYS) {
        host_usage(cmd, "revoke: '%s' is not a key's number, 0 to 2", value);
    }
    if (desc->chip->one_signer) {
        return host_fail("%s can't revoke a key", desc->chip->name);
    }
    if (!(desc->revoked_keys >> index & 1)) {
        desc->revoked_keys |= (uint8_t)(1u << index);
        snprintf(what, 160, "key %" PRIu32 " revoked", index);
    }
    return 0;
}

static int raise_version(struct dev_desc *desc, const char *value, char what[160])
{
    uint32_t version;
    if (!host_parse_number(value, &version)) {
        host_usage(cmd, "secure-version: '%s' is not a number", value);
    }
    if (version > desc->chip->secure_version_bits) {
        return host_fail("secure version %" PRIu32 ": %s holds at most %u", version, desc->chip->name,
                         desc->chip->secure_version_bits);
    }
    if (version < desc->secure_version) {
        return host_fail("secure version %" PRIu32 ": %" PRIu32 " is burnt already, and ones stay ones",
                         version, desc->secure_version);
    }
    if (version > desc->secure_version) {
        desc->secure_version = version;
        snprintf(what, 160, "secure version %" PRIu32, version);
    }
    return 0;
}

static const struct {
    const char *word;
    const char *value; /* what it needs, or NULL */
    change_fn *change;
} changes[] = {
    {"burn-key-digest", "a key: a PEM file, a pkcs11: URI or a digest", add_key},
    {"enable-secure-boot", NULL, enable},
    {"revoke", "a key's number", revoke_key},
    {"secure-version", "a number", raise_version},
};

#define N_CHANGES (sizeof changes / sizeof changes[0])

/* --- Would it still start? ----------------------------------------------------- */

static int burn_nothing(void *ctx, uint32_t version)
{
    (void)ctx;
    (void)version;
    return 0;
}

/* The next boot, with these eFuses, on a copy that is forgotten. 0, or the exit code after one line. */
static int try_boot(const char *path, const struct dev_desc *desc, struct al_boot_result *out)
{
    static struct al_boot_work work;
    struct dev_desc copy = *desc;
    struct al_boot_config config;
    struct dev_flash *flash;
    char err[1024];
    if (dev_flash_open(path, DEV_FLASH_SCRATCH, NULL, &flash, err, sizeof err)) {
        return host_fail("%s", err);
    }
    dev_desc_boot_config(&copy, &config);
    config.burn_secure_version = burn_nothing;
    int result = al_boot(dev_flash_port(flash), &config, &work, out);
    dev_flash_close(flash);
    return result ? host_fail("%s: booting: %s", path, al_strerror(result)) : 0;
}

static bool has_usable_key(const struct dev_desc *desc)
{
    bool any = false;
    for (unsigned i = 0; i < DEV_MAX_KEYS; i++) {
        any = any || (dev_desc_has_key(desc, i) && !(desc->revoked_keys >> i & 1));
    }
    return any;
}

/* 0 if it does no harm; else the exit code after one line. */
static int look_ahead(const char *path, const struct dev_desc *before, const struct dev_desc *after)
{
    static struct al_boot_result now, then;
    int failed = try_boot(path, before, &now);
    failed = failed ? failed : try_boot(path, after, &then);
    if (failed) {
        return failed;
    }
    if (has_usable_key(before) && !has_usable_key(after)) {
        return host_fail("%s: not burnt: no key would be left (--force burns it all the same)", path);
    }
    /* The first one asked is the one that should start. */
    const char *why =
        then.n_tried && !(then.boots && then.n_tried == 1) ? al_boot_tried_text(&then.tried[0]) : NULL;
    bool turns_on = after->secure_boot && !before->secure_boot;
    if (!then.boots && (now.boots || turns_on)) {
        return host_fail("%s: not burnt: nothing would boot any more: %s (--force burns it all the same)",
                         path, why ? why : al_boot_reason_name(then.reason));
    }
    if (now.boots && now.part.off != then.part.off) {
        return host_fail("%s: not burnt: %s would not boot any more: %s (--force burns it all the same)",
                         path, now.part.label, why ? why : al_boot_reason_name(then.reason));
    }
    return 0;
}

/* --- Burn ---------------------------------------------------------------------- */

/* 0 if the answer is yes; else the exit code after one line. */
static int ask(const char *path, const char *what)
{
    char answer[16];
    if (!isatty(STDIN_FILENO)) {
        return host_fail("%s: %s: burning can't be undone; --yes says that it is meant", path, what);
    }
    fprintf(stderr, "%s: %s\nThis can't be undone. Type BURN to go on: ", path, what);
    return fgets(answer, sizeof answer, stdin) && strcmp(answer, "BURN\n") == 0
               ? 0
               : host_fail("%s: not burnt", path);
}

struct answers {
    bool yes, force, json;
};

/* The flash is locked: nobody else boots it, or burns. */
static int burn(const char *path, unsigned word, const char *value, const struct answers *answers)
{
    struct dev_desc before, after;
    char err[1024], what[160] = "";
    if (dev_desc_load(path, &before, err, sizeof err)) {
        return host_fail("%s", err);
    }
    after = before;
    int failed = changes[word].change(&after, value, what);
    if (failed || *what == '\0') {
        return failed ? failed : show(&after, false, answers->json);
    }
    failed = answers->force ? 0 : look_ahead(path, &before, &after);
    failed = failed || answers->yes ? failed : ask(path, what);
    if (failed) {
        return failed;
    }
    return dev_desc_save(&after, err, sizeof err) ? host_fail("%s", err) : show(&after, true, answers->json);
}

static unsigned find_word(const char *word)
{
    const char *words[N_CHANGES + 1] = {0};
    for (unsigned i = 0; i < N_CHANGES; i++) {
        words[i] = changes[i].word;
        if (strcmp(word, words[i]) == 0) {
            return i;
        }
    }
    const char *nearest = host_nearest(word, words);
    if (nearest) {
        host_usage(cmd, "'%s': did you mean %s?", word, nearest);
    }
    host_usage(cmd, "'%s' is none of show, burn-key-digest, enable-secure-boot, revoke, secure-version",
               word);
}

int cmd_device_efuse(int argc, char **argv)
{
    struct answers answers = {0};
    const struct host_opt opts[] = {
        {"yes", 'y', HOST_OPT_FLAG, &answers.yes, NULL, "Burn without asking.", NULL},
        {"force", 0, HOST_OPT_FLAG, &answers.force, NULL, "Burn even what keeps the device from starting.",
         NULL},
        {"json", 0, HOST_OPT_FLAG, &answers.json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    int n = host_parse(cmd, argc, argv, opts);
    char err[1024];
    if (n < 1) {
        host_usage(cmd, "name one flash file");
    }
    if (n == 1 || (n == 2 && strcmp(argv[1], "show") == 0)) {
        struct dev_desc desc;
        return dev_desc_load(argv[0], &desc, err, sizeof err) ? host_fail("%s", err)
                                                              : show(&desc, false, answers.json);
    }
    unsigned word = find_word(argv[1]);
    if (n != (changes[word].value ? 3 : 2)) {
        host_usage(cmd, "%s: name %s", argv[1], changes[word].value ? changes[word].value : "nothing more");
    }
    struct dev_flash *flash;
    int failed = dev_flash_open(argv[0], DEV_FLASH_WRITE, NULL, &flash, err, sizeof err);
    if (failed) {
        return host_fail("%s%s", err, failed == AL_ERR_STATE ? "; eFuses are burnt while it is off" : "");
    }
    failed = burn(argv[0], word, n == 3 ? argv[2] : NULL, &answers);
    dev_flash_close(flash);
    return failed;
}
