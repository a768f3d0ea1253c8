#include "esp_rom_spiflash.h"

#include "bootloader_flash_priv.h"

static esp_rom_spiflash_result_t result(esp_err_t err)
{
    return err == ESP_OK ? ESP_ROM_SPIFLASH_RESULT_OK : ESP_ROM_SPIFLASH_RESULT_ERR;
}

esp_rom_spiflash_result_t esp_rom_spiflash_read(uint32_t src_addr, uint32_t *dest, int32_t len)
{
    return result(len < 0 ? ESP_FAIL : bootloader_flash_read(src_addr, dest, (size_t)len, false));
}

esp_rom_spiflash_result_t esp_rom_spiflash_write(uint32_t dest_addr, const uint32_t *src, int32_t len)
{
    /* Nothing is written to src: that call takes it so to encrypt in place. */
    return result(len < 0 ? ESP_FAIL
                          : bootloader_flash_write(dest_addr, (void *)(uintptr_t)src, (size_t)len, false));
}

esp_rom_spiflash_result_t esp_rom_spiflash_erase_sector(uint32_t sector_num)
{
    return result(bootloader_flash_erase_sector(sector_num));
}

esp_rom_spiflash_result_t esp_rom_spiflash_erase_block(uint32_t block_num)
{
    return result(block_num <= UINT32_MAX / FLASH_BLOCK_SIZE
                      ? bootloader_flash_erase_range(block_num * FLASH_BLOCK_SIZE, FLASH_BLOCK_SIZE)
                      : ESP_FAIL);
}

esp_rom_spiflash_result_t esp_rom_spiflash_erase_area(uint32_t start_addr, uint32_t area_len)
{
    return result(bootloader_flash_erase_range(start_addr, area_len));
}

esp_rom_spiflash_result_t esp_rom_spiflash_unlock(void)
{
    return ESP_ROM_SPIFLASH_RESULT_OK;
}
