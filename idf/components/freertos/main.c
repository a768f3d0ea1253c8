/*
 * main() for firmware that has none of its own: app_main() in a task "main".
 *
 * Alone in its file, so that a linker takes it from the library only when the
 * program does not define main().
 */
#include "esp_log.h"
#include "idf_runtime.h"
#include "kernel.h"

void app_main(void);

#pragma weak ota_auto_confirm /* NULL if it is not in the program */

int main(void)
{
    static const char *const TAG = "main_task";

    (void)kernel_self(); /* the first thread becomes the task "main", of priority 1 */
    if (ota_auto_confirm != NULL) {
        ota_auto_confirm();
    }
    ESP_LOGI(TAG, "Calling app_main()");
    app_main();
    ESP_LOGI(TAG, "Returned from app_main()");
    kernel_idle();
}
