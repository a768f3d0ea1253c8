/*
 * Each signature is verified once by the real code, and what that says is kept for all processes:
 * it would be most of a life's time. Linked in place of core's port, like what is planted.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "airlift/crypto.h"
#include "torture.h"

#define N_VERDICTS 64u /* a scenario has five signatures */

int __real_al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature,
                           const uint8_t *digest);
int __wrap_al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature,
                           const uint8_t *digest);

static _Atomic uint64_t *verdicts; /* hash of the question, its last bit the answer */

void verdicts_start(void)
{
    verdicts =
        mmap(NULL, N_VERDICTS * sizeof(*verdicts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (verdicts == MAP_FAILED) {
        perror("airlift-torture: memory");
        exit(1);
    }
}

/* Key, signature and digest: what the answer depends on. */
static uint64_t hash_question(unsigned size, const uint8_t *point, const uint8_t *signature,
                              const uint8_t *digest)
{
    const size_t digest_len = size == AL_P256_SIZE ? AL_SHA256_SIZE : AL_SHA384_SIZE;
    uint64_t hash = hash_bytes(digest, digest_len, size);

    hash = hash_bytes(signature, (size_t)2 * size, hash);
    return hash_bytes(point, (size_t)2 * size, hash) & ~(uint64_t)1;
}

int __wrap_al_verify_ecdsa(unsigned size, const uint8_t *point, const uint8_t *signature,
                           const uint8_t *digest)
{
    const uint64_t question = hash_question(size, point, signature, digest);
    _Atomic uint64_t *at = &verdicts[(question >> 1) % N_VERDICTS];
    const uint64_t known = atomic_load(at);

    if ((known & ~(uint64_t)1) == question) {
        return known & 1 ? 0 : AL_ERR_SIGNATURE;
    }
    const int err = __real_al_verify_ecdsa(size, point, signature, digest);

    if (err == 0 || err == AL_ERR_SIGNATURE) {
        atomic_store(at, question | (err == 0));
    }
    return err;
}
