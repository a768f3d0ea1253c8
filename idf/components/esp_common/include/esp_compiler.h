/* esp_compiler.h - hints to the compiler. */
#pragma once

#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

/* Assertions for static analysers alone. */
#define ESP_STATIC_ANALYZER_CHECK(expression, result) ((void)0)

#define ESP_COMPILER_DIAGNOSTIC_PUSH_IGNORE(warning)
#define ESP_COMPILER_DIAGNOSTIC_POP(warning)
