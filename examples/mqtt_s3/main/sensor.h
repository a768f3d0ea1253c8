/*
 * sensor.h - what is measured, whatever measures it: sensor_bme280.c on a board,
 * sensor_simulated.c without one. Kconfig chooses.
 */
#ifndef SENSOR_H
#define SENSOR_H

#include <stdbool.h>

struct reading {
    double temperature_c;
    double pressure_hpa;
    double humidity_percent;
};

/* False: there is no sensor, the log says why. */
bool sensor_init(void);

/* False: it did not answer. */
bool sensor_read(struct reading *out);

#endif
