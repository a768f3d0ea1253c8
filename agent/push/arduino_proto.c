#include "arduino_proto.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

#define ITERATIONS 10000u

/* A copy of the datagram's first line. False: it can't be one of ours. */
static bool take_line(const void *data, size_t len, char line[PUSH_DATAGRAM_MAX + 1])
{
    if (len > PUSH_DATAGRAM_MAX || memchr(data, '\0', len) != NULL) {
        return false;
    }
    memcpy(line, data, len);
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

bool push_parse_invitation(const void *data, size_t len, struct push_invitation *out)
{
    char line[PUSH_DATAGRAM_MAX + 1], *at = line;
    uint32_t command, port;

    if (!take_line(data, len, line) || !push_decimal(push_word(&at), &command) ||
        (command != PUSH_CMD_FLASH && command != PUSH_CMD_FILESYSTEM) ||
        !push_decimal(push_word(&at), &port) || port == 0 || port > UINT16_MAX ||
        !push_decimal(push_word(&at), &out->size) || out->size == 0) {
        return false;
    }
    const char *md5 = push_word(&at);

    out->filesystem = command == PUSH_CMD_FILESYSTEM;
    out->port = (uint16_t)port;
    return md5 != NULL && strlen(md5) == 2 * AL_MD5_SIZE && push_unhex(md5, out->md5, AL_MD5_SIZE) &&
           push_word(&at) == NULL;
}

static size_t hex_len(enum push_scheme scheme)
{
    return scheme == PUSH_SCHEME_MD5 ? 2 * AL_MD5_SIZE : 2 * AL_SHA256_SIZE;
}

static bool take_hex(const char *word, enum push_scheme scheme, char out[PUSH_HEX256_SIZE])
{
    uint8_t bytes[AL_SHA256_SIZE];

    if (word == NULL || strlen(word) != hex_len(scheme) || !push_unhex(word, bytes, hex_len(scheme) / 2)) {
        return false;
    }
    strcpy(out, word);
    return true;
}

bool push_parse_proof(const void *data, size_t len, enum push_scheme scheme, struct push_proof *out)
{
    char line[PUSH_DATAGRAM_MAX + 1], *at = line;
    uint32_t command;

    return take_line(data, len, line) && push_decimal(push_word(&at), &command) && command == PUSH_CMD_AUTH &&
           take_hex(push_word(&at), scheme, out->cnonce) && take_hex(push_word(&at), scheme, out->response) &&
           push_word(&at) == NULL;
}

/* A text's digest in the scheme's hash. */
static bool digest(enum push_scheme scheme, const char *text, char out[PUSH_HEX256_SIZE])
{
    return scheme == PUSH_SCHEME_MD5 ? push_md5_hex(text, out) : push_sha256_hex(text, out);
}

bool push_make_nonce(enum push_scheme scheme, const uint8_t random[32], char out[PUSH_HEX256_SIZE])
{
    char text[PUSH_HEX256_SIZE];

    push_hex(random, 32, text);
    return digest(scheme, text, out);
}

bool push_password_hash(enum push_scheme scheme, const char *password, char out[PUSH_HEX256_SIZE])
{
    return digest(scheme, password, out);
}

bool push_expected_response(enum push_scheme scheme, const char *password_hash, const char *nonce,
                            const char *cnonce, char out[PUSH_HEX256_SIZE])
{
    char text[3 * PUSH_HEX256_SIZE], salt[2 * PUSH_HEX256_SIZE], key_hex[PUSH_HEX256_SIZE];
    uint8_t key[AL_SHA256_SIZE];
    const char *first = password_hash;

    if (scheme == PUSH_SCHEME_SHA256) {
        snprintf(salt, sizeof(salt), "%s:%s", nonce, cnonce);
        if (!push_pbkdf2(password_hash, strlen(password_hash), salt, strlen(salt), ITERATIONS, key)) {
            return false;
        }
        push_hex(key, sizeof(key), key_hex);
        first = key_hex;
    }
    snprintf(text, sizeof(text), "%s:%s:%s", first, nonce, cnonce);
    return digest(scheme, text, out);
}
