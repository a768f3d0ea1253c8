/*
 * The ROM's CRCs, bit by bit: they run over a few bytes.
 */
#include "esp_rom_crc.h"

#include "airlift/crc32.h"

uint32_t esp_rom_crc32_le(uint32_t crc, uint8_t const *buf, uint32_t len)
{
    return al_crc32_zlib(crc, buf, len);
}

uint32_t esp_rom_crc32_be(uint32_t crc, uint8_t const *buf, uint32_t len)
{
    int bit;

    crc = ~crc;
    while (len-- > 0) {
        crc ^= (uint32_t)*buf++ << 24;
        for (bit = 0; bit < 8; bit++) {
            crc = crc & 0x80000000u ? crc << 1 ^ 0x04C11DB7u : crc << 1;
        }
    }
    return ~crc;
}

uint16_t esp_rom_crc16_le(uint16_t crc, uint8_t const *buf, uint32_t len)
{
    unsigned c = (uint16_t)~crc;
    int bit;

    while (len-- > 0) {
        c ^= *buf++;
        for (bit = 0; bit < 8; bit++) {
            c = c & 1u ? c >> 1 ^ 0x8408u : c >> 1;
        }
    }
    return (uint16_t)~c;
}

uint16_t esp_rom_crc16_be(uint16_t crc, uint8_t const *buf, uint32_t len)
{
    unsigned c = (uint16_t)~crc;
    int bit;

    while (len-- > 0) {
        c ^= (unsigned)*buf++ << 8;
        for (bit = 0; bit < 8; bit++) {
            c = c & 0x8000u ? c << 1 ^ 0x1021u : c << 1;
        }
    }
    return (uint16_t)~c;
}

uint8_t esp_rom_crc8_le(uint8_t crc, uint8_t const *buf, uint32_t len)
{
    unsigned c = (uint8_t)~crc;
    int bit;

    while (len-- > 0) {
        c ^= *buf++;
        for (bit = 0; bit < 8; bit++) {
            c = c & 1u ? c >> 1 ^ 0xE0u : c >> 1;
        }
    }
    return (uint8_t)~c;
}

uint8_t esp_rom_crc8_be(uint8_t crc, uint8_t const *buf, uint32_t len)
{
    unsigned c = (uint8_t)~crc;
    int bit;

    while (len-- > 0) {
        c ^= *buf++;
        for (bit = 0; bit < 8; bit++) {
            c = c & 0x80u ? (c << 1 ^ 0x07u) & 0xFFu : c << 1;
        }
    }
    return (uint8_t)~c;
}
