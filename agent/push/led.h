/*
 * led.h - a light that flashes what is going on.
 */
#ifndef PUSH_LED_H
#define PUSH_LED_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

/* Flashes per cycle: 1, one more with a network, two more while an update is under way. */
unsigned push_led_flashes(bool connected, bool updating);

/* Is it lit, so long after the cycle began? 200 ms on, 200 ms off for each flash, 1 s pause. */
bool push_led_is_lit(unsigned flashes, uint32_t ms);

/* How long such a cycle is. */
uint32_t push_led_cycle_ms(unsigned flashes);

/* Flash at that pin, in a task of its own, until push_led_stop(), which waits for it. */
esp_err_t push_led_start(uint32_t gpio);
void push_led_stop(void);

/* An update began; that lasts until the device restarts or the update fails. */
void push_led_set_updating(bool updating);

#endif
