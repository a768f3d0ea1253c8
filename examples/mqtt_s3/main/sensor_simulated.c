/*
 * Weather that never was: slow waves, so that a chart of it looks like one.
 */
#include "sensor.h"

#include <math.h>

#include "esp_timer.h"

bool sensor_init(void)
{
    return true;
}

bool sensor_read(struct reading *out)
{
    const double t = (double)esp_timer_get_time() / 1e6;

    out->temperature_c = 21.0 + 1.5 * sin(t / 60);
    out->pressure_hpa = 1013.25 + 4.0 * sin(t / 600);
    out->humidity_percent = 45.0 - 5.0 * sin(t / 60);
    return true;
}
