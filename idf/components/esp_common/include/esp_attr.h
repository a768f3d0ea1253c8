/*
 * esp_attr.h - where code and data live.
 *
 * A Linux process has one kind of memory, so most of these say nothing here.
 * The exceptions are variables in RTC memory, up to 8 KiB of each kind, which
 * are laid out in the order in which the firmware links them. RTC_NOINIT_ATTR
 * keeps its contents over every reset of the virtual device, RTC_DATA_ATTR over
 * deep sleep: after any other reset it has its initial value. Both lose it when
 * the power goes (the former then reads as zero, where a chip has noise).
 */
#pragma once

#include "sdkconfig.h"

#define IRAM_ATTR
#define FORCE_INLINE_ATTR static inline __attribute__((always_inline))
#define TCM_IRAM_ATTR
#define DRAM_ATTR
#define WORD_ALIGNED_ATTR     __attribute__((aligned(4)))
#define DMA_ATTR              WORD_ALIGNED_ATTR
#define DRAM_DMA_ALIGNED_ATTR WORD_ALIGNED_ATTR
#define DRAM_STR(text)        (text)
#define COREDUMP_IRAM_ATTR
#define EXT_RAM_BSS_ATTR
#define EXT_RAM_ATTR
#define EXT_RAM_NOINIT_ATTR
#define RTC_IRAM_ATTR
#define RTC_RODATA_ATTR
#define COREDUMP_DRAM_ATTR
#define COREDUMP_RTC_DATA_ATTR
#define COREDUMP_RTC_FAST_ATTR
#define __NOINIT_ATTR
#define PLACE_IN_DATA_SECTION_ATTR

#define RTC_NOINIT_ATTR         __attribute__((section("rtc_noinit")))
#define RTC_DATA_ATTR           __attribute__((section("rtc_data")))
#define RTC_SLOW_ATTR           RTC_DATA_ATTR
#define RTC_FAST_ATTR           RTC_DATA_ATTR
#define RTC_FORCE_SLOW_MEM_ATTR RTC_DATA_ATTR

#define NOINLINE_ATTR          __attribute__((noinline))
#define PACKED_ATTR            __attribute__((packed))
#define IDF_DEPRECATED(reason) __attribute__((deprecated(reason)))

#ifdef __cplusplus
/* Bitwise operators that keep the type of an enumeration used as flags. */
#define FLAG_ATTR(type)                                    \
    static inline constexpr type operator~(type a)         \
    {                                                      \
        return (type) ~(int)a;                             \
    }                                                      \
    static inline constexpr type operator|(type a, type b) \
    {                                                      \
        return (type)((int)a | (int)b);                    \
    }                                                      \
    static inline constexpr type operator&(type a, type b) \
    {                                                      \
        return (type)((int)a & (int)b);                    \
    }
#else
#define FLAG_ATTR(type)
#endif
