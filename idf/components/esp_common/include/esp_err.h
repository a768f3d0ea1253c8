/*
 * esp_err.h - what ESP-IDF functions return, and what to do when they fail.
 *
 * 0 is success; each component numbers its errors from a base of its own.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "esp_compiler.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int esp_err_t;

#define ESP_OK   0
#define ESP_FAIL -1

#define ESP_ERR_NO_MEM           0x101
#define ESP_ERR_INVALID_ARG      0x102
#define ESP_ERR_INVALID_STATE    0x103
#define ESP_ERR_INVALID_SIZE     0x104
#define ESP_ERR_NOT_FOUND        0x105
#define ESP_ERR_NOT_SUPPORTED    0x106
#define ESP_ERR_TIMEOUT          0x107
#define ESP_ERR_INVALID_RESPONSE 0x108
#define ESP_ERR_INVALID_CRC      0x109
#define ESP_ERR_INVALID_VERSION  0x10A
#define ESP_ERR_INVALID_MAC      0x10B
#define ESP_ERR_NOT_FINISHED     0x10C /* more remains to be fetched */
#define ESP_ERR_NOT_ALLOWED      0x10D

#define ESP_ERR_WIFI_BASE      0x3000
#define ESP_ERR_MESH_BASE      0x4000
#define ESP_ERR_FLASH_BASE     0x6000
#define ESP_ERR_HW_CRYPTO_BASE 0xC000
#define ESP_ERR_MEMPROT_BASE   0xD000

/* The constant's name, such as "ESP_ERR_NO_MEM"; "ERROR" if none has that value. Static storage. */
const char *esp_err_to_name(esp_err_t code);

/*
 * The same, but an unknown code is looked up among the errno values, and failing that printed with its
 * number. Writes at most buflen bytes with the NUL and returns buf.
 */
const char *esp_err_to_name_r(esp_err_t code, char *buf, size_t buflen);

/* Behind the macros below; programs do not call them. */
void _esp_error_check_failed(esp_err_t rc, const char *file, int line, const char *function,
                             const char *expression) __attribute__((__noreturn__));
void _esp_error_check_failed_without_abort(esp_err_t rc, const char *file, int line, const char *function,
                                           const char *expression);

#ifndef __ASSERT_FUNC
#define __ASSERT_FUNC __func__
#endif

/*
 * ESP_ERROR_CHECK(x): evaluate x; unless it is ESP_OK, say where and abort (a panic, so the device resets).
 * A project configured without assertions (CONFIG_COMPILER_OPTIMIZATION_ASSERTIONS_DISABLE) ignores the
 * result; NDEBUG alone, which host builds set by habit, does not.
 *
 * ESP_ERROR_CHECK_WITHOUT_ABORT(x): the same without the abort; its value is that of x.
 */
#ifdef CONFIG_COMPILER_OPTIMIZATION_ASSERTIONS_DISABLE
#define ESP_ERROR_CHECK(x)       \
    do {                         \
        esp_err_t err_rc_ = (x); \
        (void)sizeof(err_rc_);   \
    } while (0)
#define ESP_ERROR_CHECK_WITHOUT_ABORT(x) \
    ({                                   \
        esp_err_t err_rc_ = (x);         \
        err_rc_;                         \
    })
#else
#define ESP_ERROR_CHECK(x)                                                           \
    do {                                                                             \
        esp_err_t err_rc_ = (x);                                                     \
        if (unlikely(err_rc_ != ESP_OK)) {                                           \
            _esp_error_check_failed(err_rc_, __FILE__, __LINE__, __ASSERT_FUNC, #x); \
        }                                                                            \
    } while (0)
#define ESP_ERROR_CHECK_WITHOUT_ABORT(x)                                                           \
    ({                                                                                             \
        esp_err_t err_rc_ = (x);                                                                   \
        if (unlikely(err_rc_ != ESP_OK)) {                                                         \
            _esp_error_check_failed_without_abort(err_rc_, __FILE__, __LINE__, __ASSERT_FUNC, #x); \
        }                                                                                          \
        err_rc_;                                                                                   \
    })
#endif

#ifdef __cplusplus
}
#endif
