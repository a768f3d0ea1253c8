/*
 * idf_runtime.h - what the SDK's components tell the runtime about themselves.
 *
 * Not part of ESP-IDF's API: firmware does not include it.
 *
 * The device resets a firmware whose heartbeat stops. It beats ten times a
 * second unless a task hogs the processor: has used more than a second of it
 * without once calling the API, waiting, or leaving it to others. A thread that
 * sleeps in recv() or poll() uses none, so it needs no help to be seen as well.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The calling task is alive. FreeRTOS calls imply it; call it where long work goes on piece by piece. */
void idf_alive(void);

/* Around anything that waits outside FreeRTOS (sockets, curl, files). They nest. */
void idf_block_enter(void);
void idf_block_exit(void);

/* Microseconds since the firmware started. Monotonic. */
int64_t idf_uptime_us(void);

/*
 * Also ask `check` before each beat; false skips it. Called from the runtime's own thread, which must not
 * wait for a task. At most 4 checks; they stay.
 */
void idf_add_health_check(bool (*check)(void));

/* Confirm the running app, before app_main(). Of app_update; called if the project has the linker bring it in. */
void ota_auto_confirm(void);

#ifdef __cplusplus
}
#endif
