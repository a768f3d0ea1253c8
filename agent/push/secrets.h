/*
 * secrets.h - proofs that a sender knows the key or the password. PSA does the hashing.
 */
#ifndef PUSH_SECRETS_H
#define PUSH_SECRETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/crypto.h"

#define PUSH_HEX256_SIZE 65u /* bytes: 32 as lower-case hex digits, and a NUL */
#define PUSH_HEX128_SIZE 33u /* the same for 16 */

/* Lower-case hex digits and a NUL. */
void push_hex(const uint8_t *bytes, size_t len, char *out);

/* `text` begins with 2 * len hex digits, of either case: their bytes. */
bool push_unhex(const char *text, uint8_t *out, size_t len);

/* The texts' digests as hex. False: no hash. */
bool push_md5_hex(const char *text, char out[PUSH_HEX128_SIZE]);
bool push_sha256_hex(const char *text, char out[PUSH_HEX256_SIZE]);

bool push_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
                      uint8_t out[AL_SHA256_SIZE]);

/* PBKDF2-HMAC-SHA256, 32 bytes. */
bool push_pbkdf2(const void *password, size_t password_len, const void *salt, size_t salt_len,
                 unsigned iterations, uint8_t out[AL_SHA256_SIZE]);

/* In a time that does not tell where they differ. */
bool push_same(const void *a, const void *b, size_t len);

#endif
