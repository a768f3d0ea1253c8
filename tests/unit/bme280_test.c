/*
 * The BME280 driver of examples/mqtt_s3, without a board: its formulas against
 * numbers of Bosch's, and its dialogue against registers in memory.
 *
 * Temperature and pressure: the worked example of the data sheet of the BMP280
 * (BST-BMP280-DS001, 3.12), whose formulas these are. For humidity the data sheets work
 * out no numbers: the integer formula is held against their floating-point one.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bme280.h"

static const struct bme280_calib calib = {
    .t1 = 27504,
    .t2 = 26435,
    .t3 = -1000,
    .p1 = 36477,
    .p2 = -10685,
    .p3 = 3024,
    .p4 = 2855,
    .p5 = 140,
    .p6 = -7,
    .p7 = 15500,
    .p8 = -14600,
    .p9 = 6000,
    /* of a real sensor */
    .h1 = 75,
    .h2 = 353,
    .h3 = 0,
    .h4 = 340,
    .h5 = 0,
    .h6 = 30,
};

#define RAW_T 519888
#define RAW_P 415148

/* --- Formulas ------------------------------------------------------------------ */

static double fine_of(int32_t raw)
{
    const double x = (raw / 16384.0 - calib.t1 / 1024.0) * calib.t2;
    const double y = raw / 131072.0 - calib.t1 / 8192.0;

    return x + y * y * calib.t3;
}

static double float_pressure(double fine, int32_t raw)
{
    double a = fine / 2 - 64000;
    double b = a * a * calib.p6 / 32768 + a * calib.p5 * 2;

    b = b / 4 + calib.p4 * 65536.0;
    a = (calib.p3 * a * a / 524288 + calib.p2 * a) / 524288;
    a = (1 + a / 32768) * calib.p1;
    double p = (1048576.0 - raw - b / 4096) * 6250 / a;
    return p + (calib.p9 * p * p / 2147483648.0 + p * calib.p8 / 32768 + calib.p7) / 16;
}

static double float_humidity(double fine, int32_t raw)
{
    const double x = fine - 76800;
    double h = (raw - (calib.h4 * 64.0 + calib.h5 / 16384.0 * x)) *
               (calib.h2 / 65536.0 * (1 + calib.h6 / 67108864.0 * x * (1 + calib.h3 / 67108864.0 * x)));

    h *= 1 - calib.h1 * h / 524288;
    return h > 100 ? 100 : h < 0 ? 0 : h;
}

static void test_bme280_computes_the_worked_example(void **state)
{
    struct bme280_reading r;

    (void)state;
    bme280_compensate(&calib, RAW_T, RAW_P, 30000, &r);
    assert_int_equal(r.temperature, 2508);  /* 25.08 degrees Celsius */
    assert_int_equal(r.pressure, 25767233); /* 100653.25 Pa; in floating point: */
    assert_true(fabs(float_pressure(fine_of(RAW_T), RAW_P) - 100653.27) < 0.005);
}

static void test_bme280_agrees_with_floating_point(void **state)
{
    struct bme280_reading r;

    (void)state;
    for (int32_t t = 400000; t <= 620000; t += 20000) {
        for (int32_t i = 0; i <= 16; i++) {
            const int32_t p = 250000 + i * 20000, h = 20000 + i * 1000;

            bme280_compensate(&calib, t, p, h, &r);
            assert_true(fabs(r.temperature / 100.0 - fine_of(t) / 5120.0) < 0.02);
            assert_true(fabs(r.pressure / 256.0 - float_pressure(fine_of(t), p)) < 2.0);
            assert_true(fabs(r.humidity / 1024.0 - float_humidity(fine_of(t), h)) < 0.1);
        }
    }
}

static void test_bme280_stays_within_bounds(void **state)
{
    static const struct bme280_calib blank; /* of no sensor */
    struct bme280_reading r;

    (void)state;
    bme280_compensate(&calib, RAW_T, RAW_P, 0, &r);
    assert_int_equal(r.humidity, 0);
    bme280_compensate(&calib, RAW_T, RAW_P, 65535, &r);
    assert_int_equal(r.humidity, 100 * 1024);
    bme280_compensate(&blank, 0xFFFFF, 0xFFFFF, 0xFFFF, &r);
    assert_int_equal(r.pressure, 0);
}

/* --- The dialogue ---------------------------------------------------------------- */

static struct chip {
    uint8_t reg[256];
    unsigned copying;   /* polls until the trimming values are there */
    unsigned measuring; /* polls until the measurement is done */
    bool is_dead;
} chip;

static void put16(uint8_t reg, int value)
{
    chip.reg[reg] = (uint8_t)value;
    chip.reg[reg + 1] = (uint8_t)(value >> 8);
}

static void make_chip(void)
{
    const int values[] = {calib.t1, calib.t2, calib.t3, calib.p1, calib.p2, calib.p3,
                          calib.p4, calib.p5, calib.p6, calib.p7, calib.p8, calib.p9};

    memset(&chip, 0, sizeof(chip));
    chip.reg[0xD0] = 0x60;
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        put16((uint8_t)(0x88 + 2 * i), values[i]);
    }
    chip.reg[0xA1] = calib.h1;
    put16(0xE1, calib.h2);
    chip.reg[0xE3] = calib.h3;
    chip.reg[0xE4] = (uint8_t)(calib.h4 >> 4);
    chip.reg[0xE5] = (uint8_t)((calib.h4 & 15) | (calib.h5 & 15) << 4);
    chip.reg[0xE6] = (uint8_t)(calib.h5 >> 4);
    chip.reg[0xE7] = (uint8_t)calib.h6;
}

static bool chip_read(void *ctx, uint8_t reg, uint8_t *out, uint8_t len)
{
    (void)ctx;
    if (chip.is_dead) {
        return false;
    }
    chip.reg[0xF3] = (uint8_t)((chip.copying > 0) | (chip.measuring > 0) << 3);
    chip.copying -= chip.copying > 0;
    chip.measuring -= chip.measuring > 0;
    memcpy(out, chip.reg + reg, len);
    return true;
}

static bool chip_write(void *ctx, uint8_t reg, uint8_t value)
{
    (void)ctx;
    chip.reg[reg] = value;
    if (reg == 0xE0 && value == 0xB6) {
        chip.copying = 2;
    }
    if (reg == 0xF4 && (value & 3) == 1 && (chip.reg[0xF2] & 7) == 1) {
        chip.measuring = 3;
        chip.reg[0xF7] = RAW_P >> 12;
        chip.reg[0xF8] = (RAW_P >> 4) & 0xFF;
        chip.reg[0xF9] = (RAW_P & 15) << 4;
        chip.reg[0xFA] = RAW_T >> 12;
        chip.reg[0xFB] = (RAW_T >> 4) & 0xFF;
        chip.reg[0xFC] = (RAW_T & 15) << 4;
        chip.reg[0xFD] = 30000 >> 8;
        chip.reg[0xFE] = 30000 & 0xFF;
    }
    return !chip.is_dead;
}

static void chip_wait(void *ctx, uint32_t ms)
{
    (void)ctx;
    (void)ms;
}

static const struct bme280_bus bus = {.read = chip_read, .write = chip_write, .wait_ms = chip_wait};

static void test_bme280_measures(void **state)
{
    struct bme280 sensor;
    struct bme280_reading got, want;

    (void)state;
    make_chip();
    assert_true(bme280_init(&sensor, &bus));
    assert_int_equal(sensor.calib.t1, calib.t1);
    assert_int_equal(sensor.calib.t3, calib.t3);
    assert_int_equal(sensor.calib.p9, calib.p9);
    assert_int_equal(sensor.calib.h1, calib.h1);
    assert_int_equal(sensor.calib.h4, calib.h4);
    assert_int_equal(sensor.calib.h6, calib.h6);
    assert_true(bme280_measure(&sensor, &got));
    bme280_compensate(&calib, RAW_T, RAW_P, 30000, &want);
    assert_int_equal(got.temperature, want.temperature);
    assert_int_equal(got.pressure, want.pressure);
    assert_int_equal(got.humidity, want.humidity);
}

static void test_bme280_signed_values_are_read(void **state)
{
    struct bme280_calib c;
    uint8_t first[BME280_CALIB_SIZE] = {0}, second[BME280_CALIB2_SIZE] = {0, 0, 0, 0xFF, 0x2F, 0xFE, 0x80};

    (void)state;
    bme280_parse_calib(first, second, &c);
    assert_int_equal(c.h4, -1);  /* 0xFFF */
    assert_int_equal(c.h5, -30); /* 0xFE2 */
    assert_int_equal(c.h6, -128);
}

static void test_bme280_other_chips_and_silence_are_refused(void **state)
{
    struct bme280 sensor;
    struct bme280_reading r;

    (void)state;
    make_chip();
    chip.reg[0xD0] = 0x58; /* a BMP280 */
    assert_false(bme280_init(&sensor, &bus));
    make_chip();
    assert_true(bme280_init(&sensor, &bus));
    chip.is_dead = true;
    assert_false(bme280_measure(&sensor, &r));
    assert_false(bme280_init(&sensor, &bus));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bme280_computes_the_worked_example),
        cmocka_unit_test(test_bme280_agrees_with_floating_point),
        cmocka_unit_test(test_bme280_stays_within_bounds),
        cmocka_unit_test(test_bme280_measures),
        cmocka_unit_test(test_bme280_signed_values_are_read),
        cmocka_unit_test(test_bme280_other_chips_and_silence_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
