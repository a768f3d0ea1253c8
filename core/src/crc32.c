#include "airlift/crc32.h"

/*
 * Four bits at a time: 64 bytes of table, fast enough for records of 32 bytes.
 * Entry i is the CRC of the nibble i under the reflected polynomial 0xEDB88320.
 */
static const uint32_t nibble_table[16] = {
    0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4, 0x4DB26158, 0x5005713C,
    0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C, 0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C,
};

/* Run the register over data. The two conventions differ only in where it starts. */
static uint32_t advance(uint32_t reg, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        reg ^= data[i];
        reg = reg >> 4 ^ nibble_table[reg & 15];
        reg = reg >> 4 ^ nibble_table[reg & 15];
    }
    return reg;
}

uint32_t al_crc32_idf(const void *data, size_t len)
{
    return ~advance(0, data, len);
}

uint32_t al_crc32_zlib(uint32_t crc, const void *data, size_t len)
{
    return ~advance(~crc, data, len);
}
