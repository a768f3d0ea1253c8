#include "server/risks.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void add(struct srv_risks *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->text[out->n++], sizeof out->text[0], format, args);
    va_end(args);
}

static void find_rollback(const struct al_chip *chip, const struct srv_standing *next,
                          const struct srv_standing *highest, struct srv_risks *out)
{
    const unsigned long own = next->secure_version, before = highest ? highest->secure_version : 0;
    if (chip && own > chip->secure_version_bits) {
        add(out,
            "its secure version %lu is more than the eFuses of %s can count (%u): a device with "
            "anti-rollback can never install it",
            own, chip->name, (unsigned)chip->secure_version_bits);
    }
    if (highest && own < before) {
        add(out,
            "its secure version %lu is lower than %lu, that of %s: devices that confirmed that one refuse it",
            own, before, highest->version);
    } else if (highest && own > before) {
        add(out,
            "its secure version %lu is higher than that of every release before (%lu): a device that "
            "confirms it can't go back to any of them",
            own, before);
    }
}

/* A right signature, and one that the chip looks at. */
static bool counts(const struct al_chip *chip, const struct srv_signers *s, unsigned i)
{
    return s->item[i].valid && (i == 0 || !chip || !chip->one_signer);
}

/* Is it signed with this key, or, with NULL, with any? */
static bool has_key(const struct al_chip *chip, const struct srv_signers *s, const char *key_digest)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (counts(chip, s, i) && (!key_digest || strcmp(s->item[i].key_digest, key_digest) == 0)) {
            return true;
        }
    }
    return false;
}

static void find_keys(const struct al_chip *chip, const struct srv_standing *next,
                      const struct srv_standing *previous, struct srv_risks *out)
{
    const struct srv_signers *before = previous->signers;
    const char *dropped = NULL;
    bool kept = false;
    for (unsigned i = 0; i < before->n; i++) {
        if (counts(chip, before, i) && has_key(chip, next->signers, before->item[i].key_digest)) {
            kept = true;
        } else if (counts(chip, before, i)) {
            dropped = before->item[i].key_digest;
        }
    }
    if (!dropped) {
        return;
    }
    if (!has_key(chip, next->signers, NULL)) {
        add(out, "it is not signed, but %s is: devices that ask for a signature refuse it",
            previous->version);
    } else if (!kept) {
        add(out, "it is signed with none of the keys of %s: devices that trust only those refuse it",
            previous->version);
    } else {
        add(out, "it is not signed with key %s, as %s is: devices that trust only that key refuse it",
            dropped, previous->version);
    }
}

void srv_risks_find(const struct al_chip *chip, const struct srv_standing *next,
                    const struct srv_standing *highest, const struct srv_standing *previous,
                    struct srv_risks *out)
{
    out->n = 0;
    find_rollback(chip, next, highest, out);
    if (previous) {
        find_keys(chip, next, previous, out);
    }
}

void srv_risks_print(const struct srv_risks *risks, char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < risks->n && len < size; i++) {
        int n = snprintf(out + len, size - len, "%s%s", i ? "; " : "", risks->text[i]);
        len += n > 0 ? (size_t)n : 0;
    }
}
