/*
 * unity_test_utils_memory.h - has a test case left memory allocated?
 *
 * The process's heap moves for reasons of its own (threads, stdio, libraries), so the
 * figures are coarser than a chip's.
 */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that may be missing afterwards. */
void unity_utils_set_leak_level(size_t leak_level);

/* From here on. */
void unity_utils_record_free_mem(void);

/* Fail the test case if more than that has gone since; _direct: than `threshold`. */
void unity_utils_evaluate_leaks(void);
void unity_utils_evaluate_leaks_direct(size_t threshold);
void unity_utils_check_leak(unsigned int before_free, unsigned int after_free, const char *type,
                            unsigned int threshold);

#ifdef __cplusplus
}
#endif
