/*
 * nvs_flash.h - which partitions hold NVS values, and their life cycle.
 *
 * A partition must be initialised before nvs_open(). NVS encryption
 * (nvs_flash_secure_init() and keys) does not exist here; programs that call it
 * do not compile.
 */
#pragma once

#include "esp_partition.h"
#include "nvs.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Read a partition's pages and finish what a power cut interrupted. Calling it
 * again does nothing, unless flash failed in between: then it reads the pages
 * anew, and open handles work again.
 *
 * ESP_ERR_NOT_FOUND (no such NVS partition), ESP_ERR_INVALID_ARG (NULL or label
 * above 16 characters), NVS_NO_FREE_PAGES (fewer than 3 pages, or none free:
 * erase and start anew), NVS_NEW_VERSION_FOUND, NVS_WRONG_ENCRYPTION,
 * ESP_ERR_NO_MEM, or the flash's error.
 */
esp_err_t nvs_flash_init(void);
esp_err_t nvs_flash_init_partition(const char *partition_label);
esp_err_t nvs_flash_init_partition_ptr(const esp_partition_t *partition);

/* Close the partition and all its handles. NVS_NOT_INITIALIZED if it was not open. */
esp_err_t nvs_flash_deinit(void);
esp_err_t nvs_flash_deinit_partition(const char *partition_label);

/*
 * Close the partition if it is open, and erase it. Initialise it again to use
 * it. ESP_ERR_NOT_FOUND, ESP_ERR_INVALID_ARG, or the flash's error.
 * Power cut: some values may survive until the next erase.
 */
esp_err_t nvs_flash_erase(void);
esp_err_t nvs_flash_erase_partition(const char *part_name);
esp_err_t nvs_flash_erase_partition_ptr(const esp_partition_t *partition);

#ifdef __cplusplus
}
#endif
