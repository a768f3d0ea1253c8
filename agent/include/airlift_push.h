/*
 * airlift_push.h - firmware pushed from a desktop: over plain TCP, and as Arduino does.
 *
 *     ESP_ERROR_CHECK(airlift_start(&agent));
 *     static const airlift_push_tcp_config_t push = {.key = "correct horse battery staple"};
 *     ESP_ERROR_CHECK(airlift_push_tcp_start(&push));
 *
 * What arrives is verified and put on trial by the agent exactly as what it
 * fetches itself; one update at a time is under way, over all ways in. The
 * agent's health check decides whether the new version stays. For firmware that
 * is only pushed, airlift_config_t.manifest_url stays NULL.
 *
 * Protocols: docs/push.md. Senders: `airlift push tcp`, `airlift push arduino`, and
 * what people have used before: update_firmware.py, espota.py, the Arduino IDE.
 *
 * Power cut at any instant: as for the agent (airlift.h).
 *
 * Threads: start and stop from one task, with the agent running. Memory of each
 * listener: about 12 KiB of heap and its task's stack.
 */
#ifndef AIRLIFT_PUSH_H
#define AIRLIFT_PUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --- TCP ------------------------------------------------------------------- */

/* Zero or NULL means the default in brackets. Copied; what pointers point to is borrowed until stop. */
typedef struct {
    uint16_t port; /* [80] */

    /* Shared with the sender, any text; make it long and random. Without one, only
     * senders on the device itself (127.0.0.0/8) are let in, so on a chip nobody. */
    const char *key; /* [none] */

    /* Let everybody in: with no key at all, or, where there is a key, also old
     * senders that can't show it. Whoever reaches the port can then replace the firmware. */
    bool allow_keyless;

    uint32_t timeout_s; /* [30] silence of a sender taken for its end */

    /* A light that flashes what is going on: 1 time: started, 2: connected, 4: updating,
     * 3: updating and not connected. */
    bool led;
    uint32_t led_gpio; /* its pin; 0 is GPIO 0 */

    uint32_t task_stack_size; /* [4096] bytes */
    uint32_t task_priority;   /* [5] */
} airlift_push_tcp_config_t;

/*
 * Listen. ESP_ERR_INVALID_STATE if the agent is not running or this listener is;
 * ESP_ERR_NO_MEM; ESP_FAIL if the port can't be had.
 */
esp_err_t airlift_push_tcp_start(const airlift_push_tcp_config_t *config);

/* Ends an update under way; what has arrived is kept for the next attempt. ESP_ERR_INVALID_STATE. */
esp_err_t airlift_push_tcp_stop(void);

/* --- As Arduino does ---------------------------------------------------------- */

/* Zero or NULL means the default in brackets. Copied; what pointers point to is borrowed until stop. */
typedef struct {
    uint16_t port; /* [3232] UDP */

    /* What `espota.py -a` and the Arduino IDE are given. Without one, only hosts on the
     * device itself (127.0.0.0/8) may push, so on a chip nobody. */
    const char *password; /* [none] */
    bool allow_open;      /* without a password everybody may */

    /* Ask for the password as Arduino's core did before 3.3.1, for hosts older than
     * that: MD5 throughout. [SHA-256 with PBKDF2] */
    bool md5_scheme;

    bool no_restart;      /* the app restarts the device itself */
    bool no_mdns;         /* not announced as _arduino._tcp */
    const char *hostname; /* ["esp32-" and the MAC] */
    const char *board;    /* ["esp32"] as the Arduino IDE names the variant */

    uint32_t task_stack_size; /* [5120] bytes */
    uint32_t task_priority;   /* [5] */
} airlift_push_arduino_config_t;

/*
 * Wait for invitations. A file system's image goes to the data partition of type
 * spiffs, else fat, which must not be mounted meanwhile: it is not verified but by
 * its MD5, and nothing is rolled back.
 *
 * Errors as airlift_push_tcp_start(). That mDNS does not work is no error.
 */
esp_err_t airlift_push_arduino_start(const airlift_push_arduino_config_t *config);

/* ESP_ERR_INVALID_STATE. */
esp_err_t airlift_push_arduino_stop(void);

#ifdef __cplusplus
}
#endif

#endif
