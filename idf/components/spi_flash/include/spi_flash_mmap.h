/*
 * spi_flash_mmap.h - sizes of the flash chip and its mapping.
 */
#pragma once

#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SPI_FLASH_SEC_SIZE      4096    /* bytes, erase unit */
#define SPI_FLASH_MMU_PAGE_SIZE 0x10000 /* bytes */

typedef enum {
    SPI_FLASH_MMAP_DATA,
    SPI_FLASH_MMAP_INST,
} spi_flash_mmap_memory_t;

typedef uint32_t spi_flash_mmap_handle_t;

/* Mappings are windows into the flash file and need no release; the call is for symmetry. */
void spi_flash_munmap(spi_flash_mmap_handle_t handle);

#ifdef __cplusplus
}
#endif
