/*
 * crc32.h - the two CRC-32 conventions of an ESP32's flash.
 *
 * Same polynomial (reflected 0xEDB88320), other starting register. Mixing them
 * up is the classic bug, hence two names. Pure functions.
 */
#ifndef AIRLIFT_CRC32_H
#define AIRLIFT_CRC32_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * OTA data, NVS, RTC retained memory: the ROM's function called with
 * 0xFFFFFFFF. "123456789" gives 0xD202D277.
 */
uint32_t al_crc32_idf(const void *data, size_t len);

/*
 * Secure Boot V2 blocks, zlib, PNG. "123456789" gives 0xCBF43926. Start with
 * `crc` 0; pass the last result to go on with the next piece.
 */
uint32_t al_crc32_zlib(uint32_t crc, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
