/*
 * bme280.h - Bosch's sensor for temperature, pressure and humidity.
 *
 * Registers and formulas: data sheet BST-BME280-DS002, sections 4.2 and 5. The bus
 * is the caller's, so the same code runs on a board and in tests.
 */
#ifndef BME280_H
#define BME280_H

#include <stdbool.h>
#include <stdint.h>

#define BME280_ADDRESS     0x76 /* on I2C; 0x77 with SDO high */
#define BME280_CALIB_SIZE  26u  /* bytes from register 0x88 */
#define BME280_CALIB2_SIZE 7u   /* bytes from register 0xE1 */
#define BME280_DATA_SIZE   8u   /* bytes from register 0xF7 */

/* Read or write `len` bytes from a register on. False if the sensor does not answer. */
struct bme280_bus {
    bool (*read)(void *ctx, uint8_t reg, uint8_t *out, uint8_t len);
    bool (*write)(void *ctx, uint8_t reg, uint8_t value);
    void (*wait_ms)(void *ctx, uint32_t ms);
    void *ctx;
};

/* Trimming values of the individual sensor. */
struct bme280_calib {
    uint16_t t1, p1;
    int16_t t2, t3;
    int16_t p2, p3, p4, p5, p6, p7, p8, p9;
    uint8_t h1, h3;
    int16_t h2, h4, h5;
    int8_t h6;
};

struct bme280 {
    struct bme280_bus bus;
    struct bme280_calib calib;
};

struct bme280_reading {
    int32_t temperature; /* 0.01 degrees Celsius */
    uint32_t pressure;   /* 1/256 Pa; 0: not measured */
    uint32_t humidity;   /* 1/1024 % relative humidity */
};

/* Find the sensor, reset it, read its trimming values. False: no answer, or it is another chip. */
bool bme280_init(struct bme280 *sensor, const struct bme280_bus *bus);

/* Measure once, oversampling x1; takes about 10 ms. False: no answer in time. */
bool bme280_measure(struct bme280 *sensor, struct bme280_reading *out);

/* --- Pure ----------------------------------------------------------------- */

void bme280_parse_calib(const uint8_t first[BME280_CALIB_SIZE], const uint8_t second[BME280_CALIB2_SIZE],
                        struct bme280_calib *out);

/* Raw values as read: 20 bits of temperature and pressure, 16 of humidity. */
void bme280_compensate(const struct bme280_calib *calib, int32_t raw_t, int32_t raw_p, int32_t raw_h,
                       struct bme280_reading *out);

#endif
