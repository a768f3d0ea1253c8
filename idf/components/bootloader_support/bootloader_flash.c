#include "bootloader_flash_priv.h"

#include "airlift/flash.h"
#include "esp_flash.h"
#include "idf_flash.h"

uint32_t bootloader_mmap_get_free_pages(void)
{
    return (idf_flash()->size + SPI_FLASH_MMU_PAGE_SIZE - 1) / SPI_FLASH_MMU_PAGE_SIZE;
}

const void *bootloader_mmap(uint32_t src_addr, uint32_t size)
{
    const uint32_t end = idf_flash()->size;

    return src_addr <= end && size <= end - src_addr ? idf_flash_bytes() + src_addr : NULL;
}

void bootloader_munmap(const void *mapping)
{
    (void)mapping;
}

static bool is_aligned(size_t addr, size_t size, size_t unit)
{
    return addr % unit == 0 && size % unit == 0 && addr <= UINT32_MAX && size <= UINT32_MAX;
}

static esp_err_t result(int al_err)
{
    return al_err == 0 ? ESP_OK : ESP_ERR_FLASH_OP_FAIL;
}

esp_err_t bootloader_flash_read(size_t src_addr, void *dest, size_t size, bool allow_decrypt)
{
    (void)allow_decrypt;
    if (!is_aligned(src_addr, size, 4)) {
        return ESP_FAIL;
    }
    return result(al_flash_read(idf_flash(), (uint32_t)src_addr, dest, (uint32_t)size));
}

esp_err_t bootloader_flash_write(size_t dest_addr, void *src, size_t size, bool write_encrypted)
{
    (void)write_encrypted;
    if (!is_aligned(dest_addr, size, 4)) {
        return ESP_FAIL;
    }
    return result(al_flash_write(idf_flash(), (uint32_t)dest_addr, src, (uint32_t)size));
}

esp_err_t bootloader_flash_erase_sector(size_t sector)
{
    return sector <= UINT32_MAX / FLASH_SECTOR_SIZE
               ? bootloader_flash_erase_range((uint32_t)sector * FLASH_SECTOR_SIZE, FLASH_SECTOR_SIZE)
               : ESP_ERR_INVALID_ARG;
}

esp_err_t bootloader_flash_erase_range(uint32_t start_addr, uint32_t size)
{
    if (!is_aligned(start_addr, size, FLASH_SECTOR_SIZE)) {
        return ESP_ERR_INVALID_ARG;
    }
    return result(al_flash_erase(idf_flash(), start_addr, size));
}
