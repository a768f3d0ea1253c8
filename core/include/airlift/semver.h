/*
 * semver.h - Semantic Versioning 2.0.0 precedence (semver.org, section 11).
 *
 * A leading "v" is dropped and missing minor or patch count as 0, as versions in
 * the field are written ("v1.4"). Numbers may have any number of digits.
 */
#ifndef AIRLIFT_SEMVER_H
#define AIRLIFT_SEMVER_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True if `text` is a version that can be ordered. Pure. */
bool al_semver_valid(const char *text);

/*
 * Order two valid versions: negative if a is older than b, 0 if neither
 * (build metadata does not count), positive if newer. An invalid one is older
 * than any valid one; two invalid ones are equal. Pure, no recursion.
 */
int al_semver_compare(const char *a, const char *b);

#ifdef __cplusplus
}
#endif

#endif
