/* esp_macros.h - counting and choosing macro arguments, infinite loops. */
#pragma once

#define ESP_UNUSED(x) ((void)(x))

#define ESP_INFINITE_LOOP() \
    do {                    \
    } while (1)

/* Number of arguments, 0 to 8. */
#define ESP_VA_NARG(...)                                         ESP_VA_NARG_(_0, ##__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ESP_VA_NARG_(_0, _1, _2, _3, _4, _5, _6, _7, _8, n, ...) n

/* Chosen between two macros: the second if any argument is given. */
#define CHOOSE_MACRO_VA_ARG(with_arguments, without, ...)                                                  \
    CHOOSE_MACRO_VA_ARG_(0, ##__VA_ARGS__, with_arguments, with_arguments, with_arguments, with_arguments, \
                         with_arguments, with_arguments, with_arguments, with_arguments, without, 0)
#define CHOOSE_MACRO_VA_ARG_(_0, _1, _2, _3, _4, _5, _6, _7, _8, _9, chosen, ...) chosen
