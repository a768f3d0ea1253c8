/*
 * agent_world.h - the whole agent on a device in a file, an update server beside it.
 *
 * Each boot is a process of its own, which a test makes with a function as its app.
 */
#ifndef AGENT_WORLD_H
#define AGENT_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift.h"

#define WORLD_OTA_0 0x10000u
#define WORLD_OTA_1 0x20000u

extern uint8_t world_flash[0x30000]; /* as the last boot left it; what the next one finds */
extern const char *world_manifest;   /* URL */
extern const char *world_ca;         /* of the same server over HTTPS, PEM */
extern const char *world_https;      /* URL */

/* Version 1.0.0 in ota_0, which runs; 2.0.0 on the server. For cmocka's group. */
int world_start(void **state);
int world_stop(void **state);

/* The new device's flash again. */
void world_new_device(void);

/* A power-on: what the bootloader does to the flash. Returns the slot it starts; 0: none. */
uint32_t world_boot(void);

bool world_has_new_image(void); /* 2.0.0 is whole in ota_1 */

/* Run `app` as the firmware in that slot. Returns its exit status, or 256 + the signal. */
int world_run(uint32_t slot, void (*app)(void));
/* The same, ended by SIGKILL as soon as the app calls world_say_ready(). */
int world_run_until_ready(uint32_t slot, void (*app)(void));

/* --- In the app -------------------------------------------------------------- */

void world_say_ready(void);

/* Ends the app's process with what went wrong. */
_Noreturn void world_give_up(const char *what, int number);

/* A configuration that does not wait, and does not restart the device. */
airlift_config_t world_config(void);

/* What the agent told last and at all: bit per airlift_event_id_t, bit per airlift_fail_t. */
extern _Atomic unsigned world_told, world_failed;

/* Wait until one of these events was told; false if none is for a minute. */
bool world_wait(unsigned events);

#endif
