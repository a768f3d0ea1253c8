/*
 * native_ota.h - the two halves of an update: fetch a new version, and judge it once it runs.
 */
#pragma once

#include "esp_err.h"

/*
 * On the first start of a new version: watch the diagnostic input and confirm
 * the version, or go back to the previous one, which does not return. On any
 * other start: nothing.
 */
void diagnostics_run(void);

/*
 * Fetch CONFIG_NATIVE_OTA_URL into the next slot and select it for the next start.
 *
 * Returns ESP_OK: restart now. ESP_ERR_NOT_FOUND: the image is this very version.
 * ESP_ERR_NOT_ALLOWED: it was tried and went back. ESP_ERR_NOT_FINISHED: it ended
 * early. Else the error of the step that failed. Unless it is ESP_OK the running
 * version stays selected.
 */
esp_err_t update_run(void);
