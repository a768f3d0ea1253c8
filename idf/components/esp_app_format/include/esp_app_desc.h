/*
 * esp_app_desc.h - the running app's description.
 *
 * On the virtual device it is read from the running partition's image (see
 * AIRLIFT_RUNNING), so one program can be built into images of several versions.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "esp_assert.h"
#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_APP_DESC_MAGIC_WORD 0xABCD5432

/* 256 bytes at offset 0x20 of an image; strings are terminated unless full. */
typedef struct {
    uint32_t magic_word;
    uint32_t secure_version;
    uint32_t reserv1[2];
    char version[32];
    char project_name[32];
    char time[16];
    char date[16];
    char idf_ver[32];
    uint8_t app_elf_sha256[32];
    uint16_t min_efuse_blk_rev_full; /* major * 100 + minor; 0 or 65535: not set */
    uint16_t max_efuse_blk_rev_full;
    uint8_t mmu_page_size; /* log2; 0: 64 KiB */
    uint8_t spi_flash_mode;
    uint8_t reserv3[2];
    uint32_t reserv2[18];
} esp_app_desc_t;

ESP_STATIC_ASSERT(sizeof(esp_app_desc_t) == 256, "esp_app_desc_t must be 256 bytes");

/* Never NULL; static storage. A program without a readable image gets an empty one. */
const esp_app_desc_t *esp_app_get_description(void);

/*
 * Hex of the ELF's SHA-256, cut to `size` and to CONFIG_APP_RETRIEVE_LEN_ELF_SHA
 * digits, NUL-terminated. Returns the number of characters written, NUL included.
 */
int esp_app_get_elf_sha256(char *dst, size_t size);

/* The same digits in static storage. */
char *esp_app_get_elf_sha256_str(void);

#ifdef __cplusplus
}
#endif
