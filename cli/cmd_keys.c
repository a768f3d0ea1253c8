/*
 * cmd_keys.c - airlift keys new|public|digest: the keys that sign firmware.
 */
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "host/file.h"
#include "host/hex.h"
#include "key_file.h"
#include "print_json.h"
#include "sign_block.h"

#define PASSPHRASE_MAX 1024 /* bytes */

/* What is said of a key: on stdout, or one JSON document. */
static int say(const char *name, const struct sign_key *key, bool json)
{
    uint8_t digest[AL_SIG_KEY_DIGEST_SIZE];
    char hex[2 * AL_SIG_KEY_DIGEST_SIZE + 1];
    if (!sign_block_key_digest(key, digest)) {
        return host_fail("%s: the key's digest can't be made", name);
    }
    host_hex_print(digest, sizeof digest, hex);
    if (!json) {
        printf("%s\n", hex);
        return 0;
    }
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "key", name);
    cJSON_AddStringToObject(root, "type", al_sig_type_text(key->type));
    cJSON_AddStringToObject(root, "digest", hex);
    return print_json(root);
}

/* --- new ------------------------------------------------------------------- */

/* The passphrase of a new key, or NULL with a message. Wiped and freed by sign_passphrase_free(). */
static char *new_passphrase(const char *file, char *err, size_t err_size)
{
    char typed[PASSPHRASE_MAX];
    if (file) {
        return sign_passphrase_read(file, err, err_size);
    }
    if (EVP_read_pw_string_min(typed, 4, (int)sizeof typed, "Passphrase for the new key: ", 1) != 0) {
        snprintf(err, err_size, "no passphrase; without a terminal give --passphrase-file");
        return NULL;
    }
    char *copy = OPENSSL_strdup(typed);
    OPENSSL_cleanse(typed, sizeof typed);
    return copy;
}

static int run_new(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_keys[0];
    const char *word = "rsa3072", *out = NULL, *passphrase_file = NULL;
    bool encrypt = false, json = false;
    struct host_opt opts[] = {
        {"type", 0, HOST_OPT_TEXT, &word, "TYPE", "rsa3072 (the default), ecdsa256 or ecdsa384.", NULL},
        {"output", 'o', HOST_OPT_TEXT, &out, "KEY.pem", "The file to make; it must not exist.", NULL},
        {"encrypt", 0, HOST_OPT_FLAG, &encrypt, NULL, "Protect it with a passphrase (AES-256).", NULL},
        {"passphrase-file", 0, HOST_OPT_TEXT, &passphrase_file, "FILE",
         "The passphrase is its first line; asked for otherwise.", NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct sign_key key;
    char message[512];
    char *passphrase = NULL;
    if (host_parse(cmd, argc, argv, opts) != 0 || !out) {
        host_usage(cmd, "name the file to make with -o, and nothing else");
    }
    enum al_sig_type type = sign_type_parse(word);
    if (type == AL_SIG_NO_BLOCK) {
        host_usage(cmd, "--type: '%s' is not rsa3072, ecdsa256 or ecdsa384", word);
    }
    if (access(out, F_OK) == 0) {
        return host_fail("%s: exists; a key is never overwritten", out);
    }
    if (encrypt && !(passphrase = new_passphrase(passphrase_file, message, sizeof message))) {
        return host_fail("%s", message);
    }
    int failed = 1;
    if (!sign_key_make(type, &key)) {
        host_complain("no key could be made");
    } else if (key_file_store(out, key.pkey, passphrase, message, sizeof message) != 0) {
        host_complain("%s", message);
    } else {
        failed = say(out, &key, json);
    }
    sign_passphrase_free(passphrase);
    sign_key_free(&key);
    return failed;
}

/* --- public ---------------------------------------------------------------- */

static int run_public(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_keys[1];
    const char *out = "-", *passphrase = NULL;
    struct host_opt opts[] = {
        {"output", 'o', HOST_OPT_TEXT, &out, "PUB.pem", "Where it goes; standard output otherwise.", NULL},
        {"passphrase-file", 0, HOST_OPT_TEXT, &passphrase, "FILE", "Its first line opens an encrypted key.",
         NULL},
        {0},
    };
    struct sign_key key;
    char message[512];
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one key");
    }
    if (sign_key_load(argv[0], false, passphrase, &key, message, sizeof message) != 0) {
        return host_fail("%s", message);
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    long len = bio && PEM_write_bio_PUBKEY(bio, key.pkey) == 1 ? BIO_get_mem_data(bio, &text) : 0;
    int failed = len <= 0 ? host_fail("%s: the public key can't be written", argv[0])
                 : host_write_file(out, text, (size_t)len, message, sizeof message) != 0
                     ? host_fail("%s", message)
                     : 0;
    BIO_free(bio);
    sign_key_free(&key);
    return failed;
}

/* --- digest ---------------------------------------------------------------- */

static int run_digest(int argc, char **argv)
{
    const struct host_cmd *cmd = &cmd_keys[2];
    const char *out = NULL, *passphrase = NULL;
    bool json = false;
    struct host_opt opts[] = {
        {"output", 'o', HOST_OPT_TEXT, &out, "FILE", "Write the 32 bytes, as espefuse.py burns them.", NULL},
        {"passphrase-file", 0, HOST_OPT_TEXT, &passphrase, "FILE", "Its first line opens an encrypted key.",
         NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };
    struct sign_key key;
    uint8_t digest[AL_SIG_KEY_DIGEST_SIZE];
    char message[512];
    if (host_parse(cmd, argc, argv, opts) != 1) {
        host_usage(cmd, "name one key");
    }
    if (sign_key_load(argv[0], false, passphrase, &key, message, sizeof message) != 0) {
        return host_fail("%s", message);
    }
    int failed = 0;
    if (out && !sign_block_key_digest(&key, digest)) {
        failed = host_fail("%s: the key's digest can't be made", argv[0]);
    } else if (out && host_write_file(out, digest, sizeof digest, message, sizeof message) != 0) {
        failed = host_fail("%s", message);
    }
    if (!failed && (json || !out)) {
        failed = say(argv[0], &key, json);
    }
    sign_key_free(&key);
    return failed;
}

const struct host_cmd cmd_keys[] = {
    {"keys", "new", "-o KEY.pem [--type TYPE] [--encrypt]", "make a key that signs firmware",
     "Makes a private key (PKCS #8, PEM, readable by its owner only) and prints its digest.\n"
     "Whoever has it can sign what devices run: keep it where builds can't read it, with a copy\n"
     "in another place; a lost key can't be replaced on devices in the field unless they trust\n"
     "a second one. See docs/security.md.\n"
     "\nExamples:\n  airlift keys new --encrypt -o release.pem\n"
     "  airlift keys new --type ecdsa256 -o ci.pem",
     run_new},
    {"keys", "public", "KEY [-o PUB.pem]", "print the public half of a key",
     "KEY is a PEM file or a pkcs11: URI.\n"
     "\nExamples:\n  airlift keys public release.pem -o release-pub.pem",
     run_public},
    {"keys", "digest", "KEY [-o FILE] [--json]", "print what devices keep of a key",
     "Prints the digest that goes into a chip's eFuses, and by which airlift names signers:\n"
     "SHA-256 of the key as a signature block holds it. KEY is a PEM file (private, public, or\n"
     "a certificate) or a pkcs11: URI. -o writes what `espsecure.py digest_sbv2_public_key`\n"
     "writes.\n"
     "\nExamples:\n  airlift keys digest release-pub.pem\n"
     "  airlift keys digest release.pem -o digest.bin",
     run_digest},
    {0},
};
