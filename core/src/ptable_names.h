/*
 * ptable_names.h - names to numbers, for the CSV reader. Numbers to names are public.
 */
#ifndef CORE_PTABLE_NAMES_H
#define CORE_PTABLE_NAMES_H

#include "airlift/ptable_csv.h"

/*
 * The type called text[0..len), or -1; likewise the subtype within `type` (of
 * any type if `type` is -1). `text` need not be terminated. any_case ignores
 * the case of ASCII letters.
 */
int al_part_type_from_name(const char *text, size_t len, bool any_case);
int al_part_subtype_from_name(int type, const char *text, size_t len, bool any_case);

/* AL_PART_*, or 0 for other words. */
uint32_t al_part_flag_from_name(const char *text, size_t len);

#endif
