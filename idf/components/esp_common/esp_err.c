#include "esp_err.h"

#include <inttypes.h>
#include <stdlib.h>

#include "esp_log.h"

static void report(esp_err_t rc, const char *file, int line, const char *function, const char *expression,
                   const char *macro)
{
    char name[64];

    esp_log_write(ESP_LOG_ERROR, "esp_err", "%s failed: esp_err_t 0x%x (%s) at %s:%d in %s(): %s\n", macro,
                  (unsigned)rc, esp_err_to_name_r(rc, name, sizeof name), file, line, function, expression);
}

void _esp_error_check_failed(esp_err_t rc, const char *file, int line, const char *function,
                             const char *expression)
{
    report(rc, file, line, function, expression, "ESP_ERROR_CHECK");
    abort();
}

void _esp_error_check_failed_without_abort(esp_err_t rc, const char *file, int line, const char *function,
                                           const char *expression)
{
    report(rc, file, line, function, expression, "ESP_ERROR_CHECK_WITHOUT_ABORT");
}
