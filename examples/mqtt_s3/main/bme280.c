#include "bme280.h"

#include <stddef.h>

#define REG_CALIB     0x88
#define REG_ID        0xD0
#define REG_RESET     0xE0
#define REG_CALIB2    0xE1
#define REG_CTRL_HUM  0xF2
#define REG_STATUS    0xF3
#define REG_CTRL_MEAS 0xF4
#define REG_DATA      0xF7

#define CHIP_ID         0x60
#define RESET_WORD      0xB6
#define STATUS_BUSY     0x08 /* measuring */
#define STATUS_COPYING  0x01 /* trimming values, after a reset */
#define OVERSAMPLING_1  0x01
#define FORCED_MEASURE  0x25 /* temperature x1, pressure x1, one measurement */
#define MAX_POLLS       20
#define POLL_MS         5
#define MAX_HUMIDITY_22 419430400 /* 100 % in 1/4194304 % */

/* --- Formulas --------------------------------------------------------------- */

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static int16_t sle16(const uint8_t *p)
{
    return (int16_t)le16(p);
}

void bme280_parse_calib(const uint8_t first[BME280_CALIB_SIZE], const uint8_t second[BME280_CALIB2_SIZE],
                        struct bme280_calib *out)
{
    int16_t *const signed_p[] = {&out->p2, &out->p3, &out->p4, &out->p5,
                                 &out->p6, &out->p7, &out->p8, &out->p9};

    out->t1 = le16(first);
    out->t2 = sle16(first + 2);
    out->t3 = sle16(first + 4);
    out->p1 = le16(first + 6);
    for (size_t i = 0; i < sizeof(signed_p) / sizeof(signed_p[0]); i++) {
        *signed_p[i] = sle16(first + 8 + 2 * i);
    }
    out->h1 = first[25];
    out->h2 = sle16(second);
    out->h3 = second[2];
    /* Two signed 12-bit numbers share the middle byte. */
    out->h4 = (int16_t)((int8_t)second[3] * 16 + (second[4] & 0x0F));
    out->h5 = (int16_t)((int8_t)second[5] * 16 + (second[4] >> 4));
    out->h6 = (int8_t)second[6];
}

/* The fine temperature, which the other two formulas need. Shifts of negative numbers round down. */
static int32_t fine_temperature(const struct bme280_calib *c, int32_t raw)
{
    const int64_t coarse = (((raw >> 3) - 2 * (int64_t)c->t1) * c->t2) >> 11;
    const int64_t delta = (raw >> 4) - (int64_t)c->t1;

    return (int32_t)(coarse + ((((delta * delta) >> 12) * c->t3) >> 14));
}

static uint32_t pressure(const struct bme280_calib *c, int32_t fine, int32_t raw)
{
    const int64_t x = (int64_t)fine - 128000;
    const int64_t offset = x * x * c->p6 + x * c->p5 * 131072 + (int64_t)c->p4 * 34359738368;
    int64_t scale = ((x * x * c->p3) >> 8) + x * c->p2 * 4096;

    scale = (((INT64_C(1) << 47) + scale) * c->p1) >> 33;
    if (scale == 0) {
        return 0; /* trimming values of no sensor */
    }
    int64_t p = ((int64_t)(1048576 - raw) * 2147483648 - offset) * 3125 / scale;
    const int64_t squared = ((int64_t)c->p9 * (p >> 13) * (p >> 13)) >> 25;
    const int64_t linear = (c->p8 * p) >> 19;

    p = ((p + squared + linear) >> 8) + (int64_t)c->p7 * 16;
    return p < 0 ? 0 : (uint32_t)p;
}

static uint32_t humidity(const struct bme280_calib *c, int32_t fine, int32_t raw)
{
    const int64_t x = (int64_t)fine - 76800;
    const int64_t signal =
        ((int64_t)raw * 16384 - (int64_t)c->h4 * 1048576 - (int64_t)c->h5 * x + 16384) >> 15;
    const int64_t slope = (((x * c->h6) >> 10) * (((x * c->h3) >> 11) + 32768)) >> 10;
    int64_t h = signal * (((slope + 2097152) * c->h2 + 8192) >> 14);

    h -= ((((h >> 15) * (h >> 15)) >> 7) * c->h1) >> 4;
    h = h < 0 ? 0 : h > MAX_HUMIDITY_22 ? MAX_HUMIDITY_22 : h;
    return (uint32_t)(h >> 12);
}

void bme280_compensate(const struct bme280_calib *calib, int32_t raw_t, int32_t raw_p, int32_t raw_h,
                       struct bme280_reading *out)
{
    const int32_t fine = fine_temperature(calib, raw_t);

    out->temperature = (fine * 5 + 128) >> 8;
    out->pressure = pressure(calib, fine, raw_p);
    out->humidity = humidity(calib, fine, raw_h);
}

/* --- The sensor --------------------------------------------------------------- */

/* Wait until none of these status bits is set. */
static bool wait_until_clear(struct bme280 *s, uint8_t bits)
{
    uint8_t status = bits;

    for (int i = 0; i < MAX_POLLS; i++) {
        s->bus.wait_ms(s->bus.ctx, POLL_MS);
        if (s->bus.read(s->bus.ctx, REG_STATUS, &status, 1) && (status & bits) == 0) {
            return true;
        }
    }
    return false;
}

bool bme280_init(struct bme280 *sensor, const struct bme280_bus *bus)
{
    uint8_t id, first[BME280_CALIB_SIZE], second[BME280_CALIB2_SIZE];

    sensor->bus = *bus;
    if (!bus->read(bus->ctx, REG_ID, &id, 1) || id != CHIP_ID ||
        !bus->write(bus->ctx, REG_RESET, RESET_WORD) || !wait_until_clear(sensor, STATUS_COPYING) ||
        !bus->read(bus->ctx, REG_CALIB, first, sizeof(first)) ||
        !bus->read(bus->ctx, REG_CALIB2, second, sizeof(second))) {
        return false;
    }
    bme280_parse_calib(first, second, &sensor->calib);
    return true;
}

bool bme280_measure(struct bme280 *sensor, struct bme280_reading *out)
{
    const struct bme280_bus *bus = &sensor->bus;
    uint8_t d[BME280_DATA_SIZE];

    /* The humidity's setting takes effect with the write that follows it. */
    if (!bus->write(bus->ctx, REG_CTRL_HUM, OVERSAMPLING_1) ||
        !bus->write(bus->ctx, REG_CTRL_MEAS, FORCED_MEASURE) || !wait_until_clear(sensor, STATUS_BUSY) ||
        !bus->read(bus->ctx, REG_DATA, d, sizeof(d))) {
        return false;
    }
    bme280_compensate(&sensor->calib, (int32_t)(d[3] << 12 | d[4] << 4 | d[5] >> 4),
                      (int32_t)(d[0] << 12 | d[1] << 4 | d[2] >> 4), (int32_t)(d[6] << 8 | d[7]), out);
    return true;
}
