/*
 * bootloader_flash_priv.h - the flash by address, as bootloader code and tests of it use it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "spi_flash_mmap.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FLASH_SECTOR_SIZE 0x1000
#define FLASH_BLOCK_SIZE  0x10000

/* Pages of SPI_FLASH_MMU_PAGE_SIZE that can be mapped at once: all of the flash here. */
uint32_t bootloader_mmap_get_free_pages(void);

/* A read-only window; NULL if it passes the end of the flash. It stays valid. */
const void *bootloader_mmap(uint32_t src_addr, uint32_t size);
void bootloader_munmap(const void *mapping);

/*
 * Addresses and sizes in multiples of 4, else ESP_FAIL; of sectors for the erase
 * calls, else ESP_ERR_INVALID_ARG. ESP_ERR_FLASH_OP_FAIL if the flash does not do it.
 */
esp_err_t bootloader_flash_read(size_t src_addr, void *dest, size_t size, bool allow_decrypt);
esp_err_t bootloader_flash_write(size_t dest_addr, void *src, size_t size, bool write_encrypted);
esp_err_t bootloader_flash_erase_sector(size_t sector); /* its number */
esp_err_t bootloader_flash_erase_range(uint32_t start_addr, uint32_t size);

#ifdef __cplusplus
}
#endif
