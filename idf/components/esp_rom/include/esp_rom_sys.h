/* esp_rom_sys.h - printing and short waits of the ROM. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* printf to the console, flushed. */
int esp_rom_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Wait at least us microseconds. */
void esp_rom_delay_us(uint32_t us);

#ifdef __cplusplus
}
#endif
