/* crc.h - the ROM's older names. */
#pragma once

#include "esp_rom_crc.h"

#define crc32_le(crc, buf, len) esp_rom_crc32_le((crc), (buf), (len))
#define crc32_be(crc, buf, len) esp_rom_crc32_be((crc), (buf), (len))
#define crc16_le(crc, buf, len) esp_rom_crc16_le((crc), (buf), (len))
#define crc16_be(crc, buf, len) esp_rom_crc16_be((crc), (buf), (len))
#define crc8_le(crc, buf, len)  esp_rom_crc8_le((crc), (buf), (len))
#define crc8_be(crc, buf, len)  esp_rom_crc8_be((crc), (buf), (len))
