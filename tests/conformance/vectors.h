/*
 * vectors.h - golden vectors: shared between the runner and its two judges.
 *
 * A judge gets one case and its starting flash and calls mismatch() for whatever
 * is not as expected.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdbool.h>
#include <stdint.h>

#include <cJSON.h>

struct vector {
    const char *id;
    const cJSON *row;
    const char *dir; /* of the vectors */
    uint8_t *flash;  /* the starting flash, judged and changed in place */
    uint32_t size;
};

/* Print what differs, under the case's id, and count the case as failed. */
void mismatch(const struct vector *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The case at hand has a mismatch so far. */
bool case_failed(void);

/* Whole images/NAME.bin; *len is its size. Ends the program if it can't be read. */
uint8_t *load_image(const struct vector *v, const char *name, uint32_t *len);

uint32_t number(const cJSON *object, const char *key);
const char *text(const cJSON *object, const char *key); /* NULL if absent or null */
bool truth(const cJSON *object, const char *key);

/* Hex digits to bytes; returns the count. */
uint32_t from_hex(const char *hex, uint8_t *out, uint32_t room);

/* expect.otadata_after and flash_crc32_after against `flash`; `last` picks among several otadata entries. */
void check_flash(const struct vector *v, const cJSON *expect, const uint8_t *flash, bool last);

/* The device of FORMAT.md. */
#define VECTOR_CHIP     "esp32c3"
#define VECTOR_CHIP_REV 4
#define VECTOR_BLK_REV  103

void judge_boot(const struct vector *v);
void judge_image(const struct vector *v);
void judge_api(const struct vector *v);
void judge_lifecycle(const struct vector *v);

/* One power-on of v->flash; returns the label that boots, "none" if nothing does. */
const char *boot_once(const struct vector *v, const cJSON *config, uint32_t *secure_version, uint32_t *offset,
                      const char **reason);

#endif
