/* esp_crc.h - the ROM's CRCs by another name. */
#pragma once

#include "esp_rom_crc.h"

#define esp_crc32_le(crc, buf, len) esp_rom_crc32_le((crc), (buf), (len))
#define esp_crc32_be(crc, buf, len) esp_rom_crc32_be((crc), (buf), (len))
#define esp_crc16_le(crc, buf, len) esp_rom_crc16_le((crc), (buf), (len))
#define esp_crc16_be(crc, buf, len) esp_rom_crc16_be((crc), (buf), (len))
#define esp_crc8_le(crc, buf, len)  esp_rom_crc8_le((crc), (buf), (len))
#define esp_crc8_be(crc, buf, len)  esp_rom_crc8_be((crc), (buf), (len))
