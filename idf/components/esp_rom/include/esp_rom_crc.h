/*
 * esp_rom_crc.h - the ROM's CRCs: bits reflected ("le") or not ("be").
 *
 * crc is the result of the piece before, or the start value. Both it and the
 * result are inverted inside, so esp_rom_crc32_le(0, ...) is the CRC-32 of zlib
 * and esp_rom_crc32_le(0xFFFFFFFF, ...) that of OTA data.
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

uint32_t esp_rom_crc32_le(uint32_t crc, uint8_t const *buf, uint32_t len); /* 0x04C11DB7 */
uint32_t esp_rom_crc32_be(uint32_t crc, uint8_t const *buf, uint32_t len);
uint16_t esp_rom_crc16_le(uint16_t crc, uint8_t const *buf, uint32_t len); /* 0x1021 */
uint16_t esp_rom_crc16_be(uint16_t crc, uint8_t const *buf, uint32_t len);
uint8_t esp_rom_crc8_le(uint8_t crc, uint8_t const *buf, uint32_t len); /* 0x07 */
uint8_t esp_rom_crc8_be(uint8_t crc, uint8_t const *buf, uint32_t len);

#ifdef __cplusplus
}
#endif
