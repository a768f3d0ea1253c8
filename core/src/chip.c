#include "airlift/chip.h"

#include <stddef.h>

/*
 * `load` lists data RAM, instruction RAM, RTC fast and slow memory, in that
 * order where a chip has them; a segment must lie within one of them. Where the
 * second-stage bootloader itself lies depends on ESP-IDF's linker scripts; it is
 * given for the chips whose values are known.
 */
static const struct al_chip chips[] = {
    {.name = "esp32",
     .id = 0,
     .secure_version_bits = 32,
     .one_signer = true,
     .bootloader_off = 0x1000,
     .mapped = {{0x3F400000, 0x3F800000}, {0x400D0000, 0x40400000}},
     .load = {{0x3FFAE000, 0x40000000},
              {0x40080000, 0x400AA000},
              {0x400C0000, 0x400C2000},
              {0x3FF80000, 0x3FF82000},
              {0x50000000, 0x50002000}},
     .bootloader = {{0x3FFF0000, 0x3FFF6000}}},
    {.name = "esp32s2",
     .id = 2,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .bootloader_off = 0x1000,
     .mapped = {{0x3F000000, 0x3FF80000}, {0x40080000, 0x40800000}},
     .load = {{0x3FFB0000, 0x40000000},
              {0x40020000, 0x40070000},
              {0x40070000, 0x40072000},
              {0x3FF9E000, 0x3FFA0000},
              {0x50000000, 0x50002000}}},
    {.name = "esp32c3",
     .id = 5,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mapped = {{0x3C000000, 0x3C800000}, {0x42000000, 0x42800000}},
     .load = {{0x3FC80000, 0x3FCE0000}, {0x4037C000, 0x403E0000}, {0x50000000, 0x50002000}},
     .bootloader = {{0x3FCCE710, 0x3FCDE710}, {0x403CE710, 0x403DE710}}},
    {.name = "esp32s3",
     .id = 9,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mapped = {{0x3C000000, 0x3D000000}, {0x42000000, 0x44000000}},
     .load = {{0x3FC88000, 0x3FD00000},
              {0x40370000, 0x403E0000},
              {0x600FE000, 0x60100000},
              {0x50000000, 0x50002000}},
     .bootloader = {{0x3FCDB700, 0x3FCEBF10}, {0x403CB700, 0x403DBF10}}},
    {.name = "esp32c2",
     .id = 12,
     .secure_version_bits = 4,
     .has_blk_rev = true,
     .one_signer = true,
     .key_digest_len = 16,
     .mmu_page_configurable = true,
     .mapped = {{0x3C000000, 0x3C400000}, {0x42000000, 0x42400000}},
     .load = {{0x3FCA0000, 0x3FCE0000}, {0x4037C000, 0x403C0000}}},
    {.name = "esp32c6",
     .id = 13,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mmu_page_configurable = true,
     .mapped = {{0x42000000, 0x43000000}},
     .load = {{0x40800000, 0x40880000}, {0x50000000, 0x50004000}},
     .bootloader = {{0x4086E610, 0x4087E610}}},
    {.name = "esp32h2",
     .id = 16,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mmu_page_configurable = true,
     .mapped = {{0x42000000, 0x43000000}},
     .load = {{0x40800000, 0x40850000}, {0x50000000, 0x50001000}}},
    {.name = "esp32p4",
     .id = 18,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .bootloader_off = 0x2000,
     .mapped = {{0x40000000, 0x44000000}},
     .load = {{0x4FF00000, 0x4FFC0000}, {0x50108000, 0x50110000}, {0x30100000, 0x30102000}}},
    {.name = "esp32c61",
     .id = 20,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mmu_page_configurable = true,
     .mapped = {{0x42000000, 0x44000000}},
     .load = {{0x40800000, 0x40850000}}},
    {.name = "esp32c5",
     .id = 23,
     .secure_version_bits = 9,
     .has_blk_rev = true,
     .bootloader_off = 0x2000,
     .mapped = {{0x42000000, 0x44000000}},
     .load = {{0x40800000, 0x40860000}, {0x50000000, 0x50004000}}},
    {.name = "esp32h21",
     .id = 25,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mapped = {{0x42000000, 0x43000000}}},
    {.name = "esp32h4",
     .id = 28,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mmu_page_configurable = true,
     .bootloader_off = 0x2000,
     .mapped = {{0x42000000, 0x44000000}}},
    {.name = "esp32s31",
     .id = 32,
     .secure_version_bits = 16,
     .has_blk_rev = true,
     .mmu_page_configurable = true,
     .bootloader_off = 0x2000,
     .mapped = {{0x40000000, 0x44000000}}},
    {.name = "linux", .id = AL_CHIP_LINUX, .secure_version_bits = 16},
};

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct al_chip *al_chip_at(unsigned i)
{
    return i < sizeof(chips) / sizeof(chips[0]) ? &chips[i] : NULL;
}

const struct al_chip *al_chip_by_id(uint16_t id)
{
    for (unsigned i = 0; i < sizeof(chips) / sizeof(chips[0]); i++) {
        if (chips[i].id == id) {
            return &chips[i];
        }
    }
    return NULL;
}

const struct al_chip *al_chip_by_name(const char *name)
{
    for (unsigned i = 0; i < sizeof(chips) / sizeof(chips[0]); i++) {
        if (same(chips[i].name, name)) {
            return &chips[i];
        }
    }
    return NULL;
}
