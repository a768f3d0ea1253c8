/*
 * flash_timing.c - the table of chips.
 */
#include "device/flash_timing.h"

#include <stdio.h>
#include <string.h>

/* tSE, tBE2 and tPP, typical, of the data sheets of Winbond, GigaDevice, XMC. */
static const struct dev_flash_timing chips[] = {
    {"w25q32", 45000, 150000, 700},
    {"w25q128", 45000, 150000, 400},
    {"gd25q32", 45000, 150000, 600},
    {"xm25qh32", 40000, 200000, 500},
};
#define N_CHIPS (sizeof chips / sizeof chips[0])

const struct dev_flash_timing *dev_flash_timing(const char *name)
{
    for (size_t i = 0; i < N_CHIPS; i++) {
        if (strcmp(chips[i].name, name) == 0) {
            return &chips[i];
        }
    }
    return NULL;
}

void dev_flash_timing_names(char *out, size_t size)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < N_CHIPS && len < size; i++) {
        int n = snprintf(out + len, size - len, "%s%s", i ? ", " : "", chips[i].name);
        len += n > 0 ? (size_t)n : 0;
    }
}
