/*
 * esp_rom_spiflash.h - the flash by address, through the ROM's calls.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ESP_ROM_SPIFLASH_RESULT_OK,
    ESP_ROM_SPIFLASH_RESULT_ERR, /* outside the flash, or it refuses */
    ESP_ROM_SPIFLASH_RESULT_TIMEOUT,
} esp_rom_spiflash_result_t;

/* Addresses and lengths in bytes, multiples of 4; sectors of 4 KiB and blocks of 64 KiB by number. */
esp_rom_spiflash_result_t esp_rom_spiflash_read(uint32_t src_addr, uint32_t *dest, int32_t len);
esp_rom_spiflash_result_t esp_rom_spiflash_write(uint32_t dest_addr, const uint32_t *src, int32_t len);
esp_rom_spiflash_result_t esp_rom_spiflash_erase_sector(uint32_t sector_num);
esp_rom_spiflash_result_t esp_rom_spiflash_erase_block(uint32_t block_num);
esp_rom_spiflash_result_t esp_rom_spiflash_erase_area(uint32_t start_addr, uint32_t area_len);

/* Nothing is locked. */
esp_rom_spiflash_result_t esp_rom_spiflash_unlock(void);

#ifdef __cplusplus
}
#endif
