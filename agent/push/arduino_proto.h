/*
 * arduino_proto.h - the datagrams of ArduinoOTA, without the socket.
 *
 *     host:   "0 <tcp port> <size> <md5>\n"          an invitation; 100 for a filesystem
 *     device: "OK", or "AUTH <nonce>"
 *     host:   "200 <cnonce> <response>\n"
 *     device: "OK", or "Authentication Failed"
 *
 * Two schemes are in use, told apart by the nonce's length: MD5 throughout, and
 * since version 3.3.1 of Arduino's core SHA-256 with PBKDF2.
 */
#ifndef PUSH_ARDUINO_PROTO_H
#define PUSH_ARDUINO_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secrets.h"

enum { PUSH_CMD_FLASH = 0, PUSH_CMD_FILESYSTEM = 100, PUSH_CMD_AUTH = 200 };

#define PUSH_DATAGRAM_MAX 255u /* bytes; a longer one is none of ours */

struct push_invitation {
    bool filesystem;
    uint16_t port; /* where the host waits for us */
    uint32_t size; /* bytes, not 0 */
    uint8_t md5[AL_MD5_SIZE];
};

/* `len` bytes of a datagram. False: not an invitation, or a senseless one. */
bool push_parse_invitation(const void *data, size_t len, struct push_invitation *out);

enum push_scheme { PUSH_SCHEME_SHA256, PUSH_SCHEME_MD5 };

struct push_proof {
    char cnonce[PUSH_HEX256_SIZE];
    char response[PUSH_HEX256_SIZE];
};

/* The answer to a challenge of that scheme. False: not one, or of the wrong lengths. */
bool push_parse_proof(const void *data, size_t len, enum push_scheme scheme, struct push_proof *out);

/* From random bytes. False: no hash. */
bool push_make_nonce(enum push_scheme scheme, const uint8_t random[32], char out[PUSH_HEX256_SIZE]);

/* What a device stores in place of the password, and the scheme hashes further. */
bool push_password_hash(enum push_scheme scheme, const char *password, char out[PUSH_HEX256_SIZE]);

/* The response that whoever knows the password gives. Takes 10000 rounds of HMAC in the SHA-256 scheme. */
bool push_expected_response(enum push_scheme scheme, const char *password_hash, const char *nonce,
                            const char *cnonce, char out[PUSH_HEX256_SIZE]);

#endif
