#include "image_sign.h"

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "host/hex.h"
#include "image_rows.h"
#include "print_json.h"
#include "sign_block.h"
#include "signed_file.h"

#define SIGNATURE_MAX 1024u /* bytes of a signature made elsewhere */

/* --- Both ways to a block -------------------------------------------------- */

/* Read the file that gets a signature; only with `append` may it have some. */
static int read_target(const char *path, bool data, bool append, struct signed_file *f)
{
    if (signed_file_read(path, data, f) != 0) {
        return 1;
    }
    if (f->v1) {
        signed_file_free(f);
        return host_fail("%s: signed for Secure Boot V1; airlift image strip-signature takes that off", path);
    }
    if (f->n_blocks > 0 && !append) {
        unsigned n = f->n_blocks;
        signed_file_free(f);
        return host_fail("%s: has %u signature%s already; use --append to add one, or strip-signature", path,
                         n, n == 1 ? "" : "s");
    }
    return 0;
}

/* Blocks that are kept must be right for these bytes, and of other keys. */
static int check_others(const char *path, const struct signed_file *f, const struct sign_key *key)
{
    uint8_t mine[AL_SIG_KEY_DIGEST_SIZE], theirs[AL_SIG_KEY_DIGEST_SIZE], digest[AL_SHA384_SIZE];
    if (!sign_block_key_digest(key, mine)) {
        return host_fail("the key's digest can't be made");
    }
    for (unsigned i = 0; i < f->n_blocks; i++) {
        const uint8_t *block = f->sector + i * AL_SIG_BLOCK_SIZE;
        enum al_sig_type type = al_sig_block_type(block);
        if (al_sig_key_digest(block, type, theirs) != 0) {
            continue; /* of a kind that is not known: nothing to compare */
        }
        if (memcmp(mine, theirs, sizeof mine) == 0) {
            return host_fail("%s: is signed with this key already", path);
        }
        if (!sign_block_digest(type, f->content.data, f->content.len, digest) ||
            memcmp(digest, block + AL_SIG_DIGEST_OFF, sign_block_digest_size(type)) != 0) {
            return host_fail("%s: was changed after signature %u was made; strip-signature takes it off",
                             path, i);
        }
    }
    return 0;
}

/* Make a block with this key, or of a signature that it made elsewhere, and add it. */
static int add_block(const char *path, struct signed_file *f, const struct sign_key *key,
                     const struct host_buf *signature)
{
    uint8_t digest[AL_SHA384_SIZE], block[AL_SIG_BLOCK_SIZE];
    char message[256];
    if (check_others(path, f, key) != 0) {
        return 1;
    }
    if (!sign_block_digest(key->type, f->content.data, f->content.len, digest)) {
        return host_fail("%s: the hash failed", path);
    }
    int err = signature ? sign_block_attach(key, digest, signature->data, signature->len, block, message,
                                            sizeof message)
                        : sign_block_make(key, digest, block, message, sizeof message);
    if (err != 0) {
        return host_fail("%s: %s", path, message);
    }
    return signed_file_add(f, block) ? 0 : host_fail("%s: there is room for three signatures", path);
}

static int finish(struct signed_file *f, const char *out, bool json)
{
    cJSON *root = json ? cJSON_CreateObject() : NULL;
    cJSON *list = json ? cJSON_AddArrayToObject(root, "signers") : NULL;
    int failed = signed_file_write(f, out);
    for (unsigned i = 0; !failed && i < f->n_blocks; i++) {
        const uint8_t *block = f->sector + i * AL_SIG_BLOCK_SIZE;
        enum al_sig_type type = al_sig_block_type(block);
        uint8_t digest[AL_SIG_KEY_DIGEST_SIZE] = {0};
        char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1] = "-";
        if (al_sig_key_digest(block, type, digest) == 0) {
            host_hex_print(digest, sizeof digest, hex);
        }
        if (json) {
            cJSON *item = cJSON_CreateObject();
            cJSON_AddStringToObject(item, "type", al_sig_type_text(type));
            cJSON_AddStringToObject(item, "key_digest", hex);
            cJSON_AddItemToArray(list, item);
        } else if (strcmp(out, "-") != 0) {
            printf("%s: signature %u, %s, key %s\n", out, i, al_sig_type_text(type), hex);
        }
    }
    signed_file_free(f);
    if (failed || !json) {
        cJSON_Delete(root);
        return failed;
    }
    return print_json(root);
}

/* --- sign ------------------------------------------------------------------ */

int cmd_image_sign(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_image[CMD_IMAGE_SIGN];
    struct host_list keys = {0};
    const char *out = NULL, *passphrase = NULL;
    bool append = false, data = false, json = false;
    struct host_opt opts[] = {
        {"key", 'k', HOST_OPT_LIST, &keys, "KEY",
         "Private key: a PEM file, or the pkcs11: URI of one in a token. Up to three.", NULL},
        {"output", 'o', HOST_OPT_TEXT, &out, "OUT", "Where the signed image goes; may be the input.", NULL},
        {"append", 0, HOST_OPT_FLAG, &append, NULL, "Keep the signatures that are there.", NULL},
        {"passphrase-file", 0, HOST_OPT_TEXT, &passphrase, "FILE",
         "Its first line opens encrypted keys, or is the token's PIN.", NULL},
        {"data", 0, HOST_OPT_FLAG, &data, NULL, "Sign any bytes, not only images (data partitions).", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct signed_file f;
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one image");
    }
    if (keys.n == 0 || !out) {
        host_usage(cmd, "name %s", keys.n == 0 ? "a key with --key" : "the signed image with -o");
    }
    if (read_target(argv[0], data, append, &f) != 0) {
        return 1;
    }
    for (unsigned i = 0; i < keys.n; i++) {
        struct sign_key key;
        char message[512];
        int failed = sign_key_load(keys.item[i], true, passphrase, &key, message, sizeof message) != 0
                         ? host_fail("%s", message)
                         : add_block(argv[0], &f, &key, NULL);
        sign_key_free(&key);
        if (failed) {
            signed_file_free(&f);
            return failed;
        }
    }
    return finish(&f, out, json);
}

/* --- digest ---------------------------------------------------------------- */

static int print_digests(const struct signed_file *f, bool json)
{
    char sha256[2 * AL_SHA256_SIZE + 1], sha384[2 * AL_SHA384_SIZE + 1];
    uint8_t digest[AL_SHA384_SIZE];
    if (!sign_block_digest(AL_SIG_P256, f->content.data, f->content.len, digest)) {
        return host_fail("the hash failed");
    }
    host_hex_print(digest, AL_SHA256_SIZE, sha256);
    if (!sign_block_digest(AL_SIG_P384, f->content.data, f->content.len, digest)) {
        return host_fail("the hash failed");
    }
    host_hex_print(digest, AL_SHA384_SIZE, sha384);
    if (json) {
        cJSON *root = cJSON_CreateObject();
        cJSON_AddNumberToObject(root, "signed_len", (double)f->content.len);
        cJSON_AddStringToObject(root, "sha256", sha256);
        cJSON_AddStringToObject(root, "sha384", sha384);
        return print_json(root);
    }
    printf("SHA-256  %s  (RSA-3072, ECDSA P-256)\nSHA-384  %s  (ECDSA P-384)\n", sha256, sha384);
    return 0;
}

int cmd_image_digest(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_image[CMD_IMAGE_DIGEST];
    const char *out = NULL, *content = NULL, *type_word = "rsa3072";
    bool data = false, json = false;
    struct host_opt opts[] = {
        {"output", 'o', HOST_OPT_TEXT, &out, "FILE", "Write the digest as bytes.", NULL},
        {"type", 0, HOST_OPT_TEXT, &type_word, "TYPE",
         "With -o, for which key: rsa3072 and ecdsa256 (SHA-256) or ecdsa384 (SHA-384).", NULL},
        {"content", 0, HOST_OPT_TEXT, &content, "FILE",
         "Write what is signed, padding included, for signers that hash by themselves.", NULL},
        {"data", 0, HOST_OPT_FLAG, &data, NULL, "Take any bytes, not only images.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct signed_file f;
    uint8_t digest[AL_SHA384_SIZE];
    char message[512];
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one image");
    }
    enum al_sig_type type = sign_type_parse(type_word);
    if (type == AL_SIG_NO_BLOCK) {
        host_usage(cmd, "--type: '%s' is not rsa3072, ecdsa256 or ecdsa384", type_word);
    }
    if (read_target(argv[0], data, true, &f) != 0) {
        return 1;
    }
    int failed = 0;
    if (out && (!sign_block_digest(type, f.content.data, f.content.len, digest) ||
                host_write_file(out, digest, sign_block_digest_size(type), message, sizeof message) != 0)) {
        failed = host_fail("%s", message);
    }
    if (!failed && content &&
        host_write_file(content, f.content.data, f.content.len, message, sizeof message) != 0) {
        failed = host_fail("%s", message);
    }
    if (!failed && (json || (!out && !content))) {
        failed = print_digests(&f, json);
    }
    signed_file_free(&f);
    return failed;
}

/* --- attach-signature ------------------------------------------------------ */

static int attach(const char *path, struct signed_file *f, const char *pub_key, const char *signature_path)
{
    struct host_buf signature;
    struct sign_key key;
    char message[512];
    if (sign_key_load(pub_key, false, NULL, &key, message, sizeof message) != 0) {
        return host_fail("%s", message);
    }
    int failed;
    if (host_read_file(signature_path, SIGNATURE_MAX, &signature, message, sizeof message) != 0) {
        failed = host_fail("%s", message);
    } else {
        failed = add_block(path, f, &key, &signature);
        host_buf_free(&signature);
    }
    sign_key_free(&key);
    return failed;
}

int cmd_image_attach(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_image[CMD_IMAGE_ATTACH];
    struct host_list keys = {0}, signatures = {0};
    const char *out = NULL;
    bool append = false, data = false, json = false;
    struct host_opt opts[] = {
        {"pub-key", 0, HOST_OPT_LIST, &keys, "KEY", "Public key or certificate, PEM. One for each signature.",
         NULL},
        {"signature", 0, HOST_OPT_LIST, &signatures, "FILE",
         "What that key made: RSA-PSS, 384 bytes; ECDSA, DER or r and s.", NULL},
        {"output", 'o', HOST_OPT_TEXT, &out, "OUT", "Where the signed image goes; may be the input.", NULL},
        {"append", 0, HOST_OPT_FLAG, &append, NULL, "Keep the signatures that are there.", NULL},
        {"data", 0, HOST_OPT_FLAG, &data, NULL, "Take any bytes, not only images.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct signed_file f;
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one image");
    }
    if (signatures.n == 0 || keys.n != signatures.n || !out) {
        host_usage(cmd, !out ? "name the signed image with -o" : "give --pub-key and --signature in pairs");
    }
    if (read_target(argv[0], data, append, &f) != 0) {
        return 1;
    }
    for (unsigned i = 0; i < keys.n; i++) {
        if (attach(argv[0], &f, keys.item[i], signatures.item[i]) != 0) {
            signed_file_free(&f);
            return 1;
        }
    }
    return finish(&f, out, json);
}

/* --- strip-signature ------------------------------------------------------- */

int cmd_image_strip(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_image[CMD_IMAGE_STRIP];
    const char *out = NULL;
    bool data = false;
    struct host_opt opts[] = {
        {"output", 'o', HOST_OPT_TEXT, &out, "OUT", "Where the image goes; may be the input.", NULL},
        {"data", 0, HOST_OPT_FLAG, &data, NULL, "Take any bytes, not only images.", NULL},
        {0},
    };
    struct signed_file f;
    char message[512];
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one image");
    }
    if (!out) {
        host_usage(cmd, "name the image without signatures with -o");
    }
    if (signed_file_read(argv[0], data, &f) != 0) {
        return 1;
    }
    int result = host_write_file(out, f.content.data, f.image_len, message, sizeof message);
    signed_file_free(&f);
    return result == 0 ? 0 : host_fail("%s", message);
}

/* --- Pages ----------------------------------------------------------------- */

const char cmd_image_sign_help[] =
    "Pads the image with 0xFF to 4 KiB and adds a sector with Secure Boot V2 signature blocks,\n"
    "as `espsecure.py sign_data --version 2` does: RSA-3072 (PSS), ECDSA P-256 or P-384, by the\n"
    "key. Chips differ in what they accept: ESP32 takes RSA and only the first block, ESP32-C2\n"
    "P-256 and only the first block. Each block is verified before\n"
    "the file is written.\n"
    "\nA key may lie in a PKCS #11 token. OpenSSL must know the way to it: a pkcs11 provider in\n"
    "openssl.cnf, or the engine of Debian's libengine-pkcs11-openssl; PKCS11_MODULE_PATH names\n"
    "the token's module. The PIN comes from --passphrase-file, the URI, or the terminal.\n"
    "\nExamples:\n  airlift image sign --key release.pem app.bin -o app-signed.bin\n"
    "  airlift image sign --key second.pem --append app-signed.bin -o app-signed.bin\n"
    "  airlift image sign --key 'pkcs11:token=release;object=fw-2026' app.bin -o app-signed.bin";

const char cmd_image_digest_help[] =
    "Prints the digests that a signature is made of: of the image and its padding to 4 KiB,\n"
    "without a signature sector. Sign one elsewhere and bring the signature back with\n"
    "`airlift image attach-signature`.\n"
    "\nExamples:\n  airlift image digest app.bin -o app.sha256\n"
    "  openssl pkeyutl -sign -inkey hsm.pem -in app.sha256 -pkeyopt digest:sha256 -out app.sig\n"
    "  airlift image digest app.bin --content app.padded";

const char cmd_image_attach_help[] =
    "Adds signature blocks whose signatures were made elsewhere, over the digest that `airlift\n"
    "image digest` prints. A signature that does not fit the image and the key is refused.\n"
    "\nExamples:\n  airlift image attach-signature --pub-key hsm-pub.pem --signature app.sig app.bin -o "
    "app-signed.bin";

const char cmd_image_strip_help[] = "Writes the image as it was before it was signed, without padding.\n"
                                    "\nExamples:\n  airlift image strip-signature app-signed.bin -o app.bin";
