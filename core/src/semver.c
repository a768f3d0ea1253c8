#include "airlift/semver.h"

#include <stddef.h>

#include "airlift/bytes.h"

/* A piece of a version: a number or an identifier. */
struct piece {
    const char *at;
    size_t len;
    bool numeric;
};

/* A valid version, taken apart. */
struct version {
    struct piece core[3];
    const char *pre; /* behind "-", or NULL: a release */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ident(char c)
{
    return is_digit(c) || c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Take the characters at `at` up to the first that is_ident() does not know. */
static const char *take(const char *at, struct piece *out)
{
    out->at = at;
    out->numeric = true;
    while (is_ident(*at)) {
        out->numeric = out->numeric && is_digit(*at);
        at++;
    }
    out->len = (size_t)(at - out->at);
    return at;
}

static bool has_leading_zero(const struct piece *p)
{
    return p->numeric && p->len > 1 && p->at[0] == '0';
}

/* Dot-separated identifiers, none empty. Returns where they end, or NULL. */
static const char *take_list(const char *at, bool zeros_allowed)
{
    for (;;) {
        struct piece p;
        at = take(at, &p);
        if (p.len == 0 || (!zeros_allowed && has_leading_zero(&p))) {
            return NULL;
        }
        if (*at != '.') {
            return at;
        }
        at++;
    }
}

/* "1.2.3", "1.2" or "1". Returns where the numbers end, or NULL. */
static const char *take_core(const char *at, struct piece core[3])
{
    for (unsigned i = 0; i < 3; i++) {
        struct piece *p = &core[i];
        p->at = at;
        p->numeric = true;
        while (is_digit(*at)) {
            at++;
        }
        p->len = (size_t)(at - p->at);
        if (p->len == 0 || has_leading_zero(p)) {
            return NULL;
        }
        if (i < 2 && *at != '.') {
            static const struct piece zero = {"0", 1, true};
            for (i++; i < 3; i++) {
                core[i] = zero;
            }
            return at;
        }
        if (i < 2) {
            at++;
        }
    }
    return at;
}

static bool parse(const char *at, struct version *out)
{
    at = take_core(*at == 'v' ? at + 1 : at, out->core);
    out->pre = NULL;
    if (at != NULL && *at == '-') {
        out->pre = at + 1;
        at = take_list(at + 1, false);
    }
    if (at != NULL && *at == '+') {
        at = take_list(at + 1, true);
    }
    return at != NULL && *at == '\0';
}

/* Numbers by value, whatever their length; text by bytes; numbers below text. */
static int compare_pieces(const struct piece *a, const struct piece *b)
{
    if (a->numeric != b->numeric) {
        return a->numeric ? -1 : 1;
    }
    if (a->numeric && a->len != b->len) {
        return a->len < b->len ? -1 : 1; /* no leading zeros: longer is larger */
    }
    int order = memcmp(a->at, b->at, a->len < b->len ? a->len : b->len);
    if (order != 0) {
        return order;
    }
    return (a->len > b->len) - (a->len < b->len);
}

static int compare_pre(const char *a, const char *b)
{
    if (a == NULL || b == NULL) {
        return (a == NULL) - (b == NULL); /* a release is newer than its pre-releases */
    }
    for (;;) {
        struct piece pa, pb;
        a = take(a, &pa);
        b = take(b, &pb);
        int order = compare_pieces(&pa, &pb);
        if (order != 0) {
            return order;
        }
        if (*a != '.' || *b != '.') {
            return (*a == '.') - (*b == '.'); /* more identifiers is newer */
        }
        a++;
        b++;
    }
}

bool al_semver_valid(const char *text)
{
    struct version v;
    return parse(text, &v);
}

int al_semver_compare(const char *a, const char *b)
{
    struct version va, vb;
    bool a_ok = parse(a, &va);
    bool b_ok = parse(b, &vb);
    if (!a_ok || !b_ok) {
        return a_ok - b_ok;
    }
    for (unsigned i = 0; i < 3; i++) {
        int order = compare_pieces(&va.core[i], &vb.core[i]);
        if (order != 0) {
            return order;
        }
    }
    return compare_pre(va.pre, vb.pre);
}
