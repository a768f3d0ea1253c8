/*
 * unity_numbers.h - assertions about integers, by relation, type and with or without a message.
 *
 * TEST_ASSERT_<relation>_<type>(expected, actual): the value under test comes last, and
 * GREATER_THAN(threshold, actual) holds if actual is above the threshold. Included by unity.h.
 */
#pragma once

/* ---- equal */

#define TEST_ASSERT_EQUAL(expected, actual) UNITY_NUMBER_(EQUAL, INT, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, INT, expected, actual, message)
#define TEST_ASSERT_EQUAL_INT(expected, actual) UNITY_NUMBER_(EQUAL, INT, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_INT_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, INT, expected, actual, message)
#define TEST_ASSERT_EQUAL_INT8(expected, actual) UNITY_NUMBER_(EQUAL, INT8, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_INT8_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, INT8, expected, actual, message)
#define TEST_ASSERT_EQUAL_INT16(expected, actual) UNITY_NUMBER_(EQUAL, INT16, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_INT16_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, INT16, expected, actual, message)
#define TEST_ASSERT_EQUAL_INT32(expected, actual) UNITY_NUMBER_(EQUAL, INT32, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_INT32_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, INT32, expected, actual, message)
#define TEST_ASSERT_EQUAL_INT64(expected, actual) UNITY_NUMBER_(EQUAL, INT64, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_INT64_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, INT64, expected, actual, message)
#define TEST_ASSERT_EQUAL_UINT(expected, actual) UNITY_NUMBER_(EQUAL, UINT, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_UINT_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, UINT, expected, actual, message)
#define TEST_ASSERT_EQUAL_UINT8(expected, actual) UNITY_NUMBER_(EQUAL, UINT8, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_UINT8_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, UINT8, expected, actual, message)
#define TEST_ASSERT_EQUAL_UINT16(expected, actual) UNITY_NUMBER_(EQUAL, UINT16, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_UINT16_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, UINT16, expected, actual, message)
#define TEST_ASSERT_EQUAL_UINT32(expected, actual) UNITY_NUMBER_(EQUAL, UINT32, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_UINT32_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, UINT32, expected, actual, message)
#define TEST_ASSERT_EQUAL_UINT64(expected, actual) UNITY_NUMBER_(EQUAL, UINT64, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_UINT64_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, UINT64, expected, actual, message)
#define TEST_ASSERT_EQUAL_size_t(expected, actual) UNITY_NUMBER_(EQUAL, UINT64, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_size_t_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, UINT64, expected, actual, message)
#define TEST_ASSERT_EQUAL_HEX(expected, actual) UNITY_NUMBER_(EQUAL, HEX32, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_HEX_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, HEX32, expected, actual, message)
#define TEST_ASSERT_EQUAL_HEX8(expected, actual) UNITY_NUMBER_(EQUAL, HEX8, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_HEX8_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, HEX8, expected, actual, message)
#define TEST_ASSERT_EQUAL_HEX16(expected, actual) UNITY_NUMBER_(EQUAL, HEX16, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_HEX16_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, HEX16, expected, actual, message)
#define TEST_ASSERT_EQUAL_HEX32(expected, actual) UNITY_NUMBER_(EQUAL, HEX32, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_HEX32_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, HEX32, expected, actual, message)
#define TEST_ASSERT_EQUAL_HEX64(expected, actual) UNITY_NUMBER_(EQUAL, HEX64, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_HEX64_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, HEX64, expected, actual, message)
#define TEST_ASSERT_EQUAL_CHAR(expected, actual) UNITY_NUMBER_(EQUAL, CHAR, expected, actual, NULL)
#define TEST_ASSERT_EQUAL_CHAR_MESSAGE(expected, actual, message) \
    UNITY_NUMBER_(EQUAL, CHAR, expected, actual, message)

/* ---- not equal */

#define TEST_ASSERT_NOT_EQUAL_INT(threshold, actual) UNITY_NUMBER_(NOT_EQUAL, INT, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_INT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, INT, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_INT8(threshold, actual) UNITY_NUMBER_(NOT_EQUAL, INT8, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_INT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, INT8, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_INT16(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, INT16, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_INT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, INT16, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_INT32(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, INT32, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_INT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, INT32, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_INT64(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, INT64, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_INT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, INT64, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_UINT(threshold, actual) UNITY_NUMBER_(NOT_EQUAL, UINT, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_UINT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, UINT, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_UINT8(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, UINT8, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_UINT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, UINT8, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_UINT16(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, UINT16, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_UINT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, UINT16, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_UINT32(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, UINT32, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_UINT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, UINT32, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_UINT64(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_UINT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, UINT64, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_size_t(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_size_t_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, UINT64, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_HEX(threshold, actual) UNITY_NUMBER_(NOT_EQUAL, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_HEX_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, HEX32, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_HEX8(threshold, actual) UNITY_NUMBER_(NOT_EQUAL, HEX8, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_HEX8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, HEX8, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_HEX16(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, HEX16, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_HEX16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, HEX16, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_HEX32(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_HEX32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, HEX32, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_HEX64(threshold, actual) \
    UNITY_NUMBER_(NOT_EQUAL, HEX64, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_HEX64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, HEX64, threshold, actual, message)
#define TEST_ASSERT_NOT_EQUAL_CHAR(threshold, actual) UNITY_NUMBER_(NOT_EQUAL, CHAR, threshold, actual, NULL)
#define TEST_ASSERT_NOT_EQUAL_CHAR_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(NOT_EQUAL, CHAR, threshold, actual, message)

/* ---- greater than */

#define TEST_ASSERT_GREATER_THAN(threshold, actual) UNITY_NUMBER_(GREATER, INT, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, INT, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_INT(threshold, actual) UNITY_NUMBER_(GREATER, INT, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_INT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, INT, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_INT8(threshold, actual) UNITY_NUMBER_(GREATER, INT8, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_INT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, INT8, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_INT16(threshold, actual) \
    UNITY_NUMBER_(GREATER, INT16, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_INT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, INT16, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_INT32(threshold, actual) \
    UNITY_NUMBER_(GREATER, INT32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_INT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, INT32, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_INT64(threshold, actual) \
    UNITY_NUMBER_(GREATER, INT64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_INT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, INT64, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_UINT(threshold, actual) UNITY_NUMBER_(GREATER, UINT, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_UINT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, UINT, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_UINT8(threshold, actual) \
    UNITY_NUMBER_(GREATER, UINT8, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_UINT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, UINT8, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_UINT16(threshold, actual) \
    UNITY_NUMBER_(GREATER, UINT16, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_UINT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, UINT16, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_UINT32(threshold, actual) \
    UNITY_NUMBER_(GREATER, UINT32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_UINT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, UINT32, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_UINT64(threshold, actual) \
    UNITY_NUMBER_(GREATER, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_UINT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, UINT64, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_size_t(threshold, actual) \
    UNITY_NUMBER_(GREATER, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_size_t_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, UINT64, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_HEX(threshold, actual) UNITY_NUMBER_(GREATER, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_HEX_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, HEX32, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_HEX8(threshold, actual) UNITY_NUMBER_(GREATER, HEX8, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_HEX8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, HEX8, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_HEX16(threshold, actual) \
    UNITY_NUMBER_(GREATER, HEX16, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_HEX16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, HEX16, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_HEX32(threshold, actual) \
    UNITY_NUMBER_(GREATER, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_HEX32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, HEX32, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_HEX64(threshold, actual) \
    UNITY_NUMBER_(GREATER, HEX64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_HEX64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, HEX64, threshold, actual, message)
#define TEST_ASSERT_GREATER_THAN_CHAR(threshold, actual) UNITY_NUMBER_(GREATER, CHAR, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_THAN_CHAR_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER, CHAR, threshold, actual, message)

/* ---- less than */

#define TEST_ASSERT_LESS_THAN(threshold, actual) UNITY_NUMBER_(LESS, INT, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, INT, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_INT(threshold, actual) UNITY_NUMBER_(LESS, INT, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_INT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, INT, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_INT8(threshold, actual) UNITY_NUMBER_(LESS, INT8, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_INT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, INT8, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_INT16(threshold, actual) UNITY_NUMBER_(LESS, INT16, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_INT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, INT16, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_INT32(threshold, actual) UNITY_NUMBER_(LESS, INT32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_INT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, INT32, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_INT64(threshold, actual) UNITY_NUMBER_(LESS, INT64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_INT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, INT64, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_UINT(threshold, actual) UNITY_NUMBER_(LESS, UINT, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_UINT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, UINT, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_UINT8(threshold, actual) UNITY_NUMBER_(LESS, UINT8, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_UINT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, UINT8, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_UINT16(threshold, actual) UNITY_NUMBER_(LESS, UINT16, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_UINT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, UINT16, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_UINT32(threshold, actual) UNITY_NUMBER_(LESS, UINT32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_UINT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, UINT32, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_UINT64(threshold, actual) UNITY_NUMBER_(LESS, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_UINT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, UINT64, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_size_t(threshold, actual) UNITY_NUMBER_(LESS, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_size_t_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, UINT64, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_HEX(threshold, actual) UNITY_NUMBER_(LESS, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_HEX_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, HEX32, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_HEX8(threshold, actual) UNITY_NUMBER_(LESS, HEX8, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_HEX8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, HEX8, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_HEX16(threshold, actual) UNITY_NUMBER_(LESS, HEX16, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_HEX16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, HEX16, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_HEX32(threshold, actual) UNITY_NUMBER_(LESS, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_HEX32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, HEX32, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_HEX64(threshold, actual) UNITY_NUMBER_(LESS, HEX64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_HEX64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, HEX64, threshold, actual, message)
#define TEST_ASSERT_LESS_THAN_CHAR(threshold, actual) UNITY_NUMBER_(LESS, CHAR, threshold, actual, NULL)
#define TEST_ASSERT_LESS_THAN_CHAR_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS, CHAR, threshold, actual, message)

/* ---- greater or equal */

#define TEST_ASSERT_GREATER_OR_EQUAL(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT8(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT8, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT8, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT16(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT16, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT16, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT32(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT32, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT64(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_INT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, INT64, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT8(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT8, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT8, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT16(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT16, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT16, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT32(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT32, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT64(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_UINT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT64, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_size_t(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_size_t_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, UINT64, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX32, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX8(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX8, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX8, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX16(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX16, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX16, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX32(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX32, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX64(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX64, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_HEX64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, HEX64, threshold, actual, message)
#define TEST_ASSERT_GREATER_OR_EQUAL_CHAR(threshold, actual) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, CHAR, threshold, actual, NULL)
#define TEST_ASSERT_GREATER_OR_EQUAL_CHAR_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(GREATER_OR_EQUAL, CHAR, threshold, actual, message)

/* ---- less or equal */

#define TEST_ASSERT_LESS_OR_EQUAL(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_INT(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_INT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_INT8(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT8, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_INT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT8, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_INT16(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT16, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_INT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT16, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_INT32(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_INT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT32, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_INT64(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_INT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, INT64, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT8(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT8, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT8, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT16(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT16, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT16, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT32(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT32, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT64(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_UINT64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT64, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_size_t(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_size_t_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, UINT64, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX32, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX8(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX8, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX8_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX8, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX16(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX16, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX16_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX16, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX32(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX32, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX32_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX32, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX64(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX64, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_HEX64_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, HEX64, threshold, actual, message)
#define TEST_ASSERT_LESS_OR_EQUAL_CHAR(threshold, actual) \
    UNITY_NUMBER_(LESS_OR_EQUAL, CHAR, threshold, actual, NULL)
#define TEST_ASSERT_LESS_OR_EQUAL_CHAR_MESSAGE(threshold, actual, message) \
    UNITY_NUMBER_(LESS_OR_EQUAL, CHAR, threshold, actual, message)

/* ---- within a distance: TEST_ASSERT_<type>_WITHIN(delta, expected, actual) */

#define TEST_ASSERT_INT_WITHIN(delta, expected, actual) UNITY_WITHIN_(INT, delta, expected, actual, NULL)
#define TEST_ASSERT_INT_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(INT, delta, expected, actual, message)
#define TEST_ASSERT_INT8_WITHIN(delta, expected, actual) UNITY_WITHIN_(INT8, delta, expected, actual, NULL)
#define TEST_ASSERT_INT8_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(INT8, delta, expected, actual, message)
#define TEST_ASSERT_INT16_WITHIN(delta, expected, actual) UNITY_WITHIN_(INT16, delta, expected, actual, NULL)
#define TEST_ASSERT_INT16_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(INT16, delta, expected, actual, message)
#define TEST_ASSERT_INT32_WITHIN(delta, expected, actual) UNITY_WITHIN_(INT32, delta, expected, actual, NULL)
#define TEST_ASSERT_INT32_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(INT32, delta, expected, actual, message)
#define TEST_ASSERT_INT64_WITHIN(delta, expected, actual) UNITY_WITHIN_(INT64, delta, expected, actual, NULL)
#define TEST_ASSERT_INT64_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(INT64, delta, expected, actual, message)
#define TEST_ASSERT_UINT_WITHIN(delta, expected, actual) UNITY_WITHIN_(UINT, delta, expected, actual, NULL)
#define TEST_ASSERT_UINT_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(UINT, delta, expected, actual, message)
#define TEST_ASSERT_UINT8_WITHIN(delta, expected, actual) UNITY_WITHIN_(UINT8, delta, expected, actual, NULL)
#define TEST_ASSERT_UINT8_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(UINT8, delta, expected, actual, message)
#define TEST_ASSERT_UINT16_WITHIN(delta, expected, actual) \
    UNITY_WITHIN_(UINT16, delta, expected, actual, NULL)
#define TEST_ASSERT_UINT16_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(UINT16, delta, expected, actual, message)
#define TEST_ASSERT_UINT32_WITHIN(delta, expected, actual) \
    UNITY_WITHIN_(UINT32, delta, expected, actual, NULL)
#define TEST_ASSERT_UINT32_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(UINT32, delta, expected, actual, message)
#define TEST_ASSERT_UINT64_WITHIN(delta, expected, actual) \
    UNITY_WITHIN_(UINT64, delta, expected, actual, NULL)
#define TEST_ASSERT_UINT64_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(UINT64, delta, expected, actual, message)
#define TEST_ASSERT_size_t_WITHIN(delta, expected, actual) \
    UNITY_WITHIN_(UINT64, delta, expected, actual, NULL)
#define TEST_ASSERT_size_t_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(UINT64, delta, expected, actual, message)
#define TEST_ASSERT_HEX_WITHIN(delta, expected, actual) UNITY_WITHIN_(HEX32, delta, expected, actual, NULL)
#define TEST_ASSERT_HEX_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(HEX32, delta, expected, actual, message)
#define TEST_ASSERT_HEX8_WITHIN(delta, expected, actual) UNITY_WITHIN_(HEX8, delta, expected, actual, NULL)
#define TEST_ASSERT_HEX8_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(HEX8, delta, expected, actual, message)
#define TEST_ASSERT_HEX16_WITHIN(delta, expected, actual) UNITY_WITHIN_(HEX16, delta, expected, actual, NULL)
#define TEST_ASSERT_HEX16_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(HEX16, delta, expected, actual, message)
#define TEST_ASSERT_HEX32_WITHIN(delta, expected, actual) UNITY_WITHIN_(HEX32, delta, expected, actual, NULL)
#define TEST_ASSERT_HEX32_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(HEX32, delta, expected, actual, message)
#define TEST_ASSERT_HEX64_WITHIN(delta, expected, actual) UNITY_WITHIN_(HEX64, delta, expected, actual, NULL)
#define TEST_ASSERT_HEX64_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(HEX64, delta, expected, actual, message)
#define TEST_ASSERT_CHAR_WITHIN(delta, expected, actual) UNITY_WITHIN_(CHAR, delta, expected, actual, NULL)
#define TEST_ASSERT_CHAR_WITHIN_MESSAGE(delta, expected, actual, message) \
    UNITY_WITHIN_(CHAR, delta, expected, actual, message)

/* ---- arrays of n elements; EACH_EQUAL: all of them are one value */

#define TEST_ASSERT_EQUAL_INT_ARRAY(expected, actual, n) UNITY_ARRAY_(INT, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_INT_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(INT, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_INT(expected, actual, n) UNITY_EACH_(INT, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_INT_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(INT, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_INT8_ARRAY(expected, actual, n) UNITY_ARRAY_(INT8, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_INT8_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(INT8, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_INT8(expected, actual, n) UNITY_EACH_(INT8, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_INT8_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(INT8, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_INT16_ARRAY(expected, actual, n) UNITY_ARRAY_(INT16, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_INT16_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(INT16, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_INT16(expected, actual, n) UNITY_EACH_(INT16, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_INT16_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(INT16, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_INT32_ARRAY(expected, actual, n) UNITY_ARRAY_(INT32, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_INT32_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(INT32, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_INT32(expected, actual, n) UNITY_EACH_(INT32, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_INT32_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(INT32, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_INT64_ARRAY(expected, actual, n) UNITY_ARRAY_(INT64, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_INT64_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(INT64, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_INT64(expected, actual, n) UNITY_EACH_(INT64, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_INT64_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(INT64, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_UINT_ARRAY(expected, actual, n) UNITY_ARRAY_(UINT, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_UINT_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(UINT, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_UINT(expected, actual, n) UNITY_EACH_(UINT, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_UINT_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(UINT, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_UINT8_ARRAY(expected, actual, n) UNITY_ARRAY_(UINT8, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_UINT8_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(UINT8, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_UINT8(expected, actual, n) UNITY_EACH_(UINT8, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_UINT8_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(UINT8, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_UINT16_ARRAY(expected, actual, n) UNITY_ARRAY_(UINT16, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_UINT16_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(UINT16, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_UINT16(expected, actual, n) UNITY_EACH_(UINT16, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_UINT16_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(UINT16, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_UINT32_ARRAY(expected, actual, n) UNITY_ARRAY_(UINT32, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_UINT32_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(UINT32, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_UINT32(expected, actual, n) UNITY_EACH_(UINT32, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_UINT32_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(UINT32, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_UINT64_ARRAY(expected, actual, n) UNITY_ARRAY_(UINT64, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_UINT64_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(UINT64, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_UINT64(expected, actual, n) UNITY_EACH_(UINT64, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_UINT64_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(UINT64, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_size_t_ARRAY(expected, actual, n) UNITY_ARRAY_(UINT64, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_size_t_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(UINT64, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_size_t(expected, actual, n) UNITY_EACH_(UINT64, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_size_t_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(UINT64, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_HEX_ARRAY(expected, actual, n) UNITY_ARRAY_(HEX32, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_HEX_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(HEX32, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_HEX(expected, actual, n) UNITY_EACH_(HEX32, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_HEX_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(HEX32, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_HEX8_ARRAY(expected, actual, n) UNITY_ARRAY_(HEX8, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_HEX8_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(HEX8, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_HEX8(expected, actual, n) UNITY_EACH_(HEX8, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_HEX8_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(HEX8, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_HEX16_ARRAY(expected, actual, n) UNITY_ARRAY_(HEX16, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_HEX16_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(HEX16, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_HEX16(expected, actual, n) UNITY_EACH_(HEX16, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_HEX16_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(HEX16, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_HEX32_ARRAY(expected, actual, n) UNITY_ARRAY_(HEX32, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_HEX32_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(HEX32, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_HEX32(expected, actual, n) UNITY_EACH_(HEX32, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_HEX32_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(HEX32, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_HEX64_ARRAY(expected, actual, n) UNITY_ARRAY_(HEX64, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_HEX64_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(HEX64, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_HEX64(expected, actual, n) UNITY_EACH_(HEX64, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_HEX64_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(HEX64, expected, actual, n, message)
#define TEST_ASSERT_EQUAL_CHAR_ARRAY(expected, actual, n) UNITY_ARRAY_(CHAR, expected, actual, n, NULL)
#define TEST_ASSERT_EQUAL_CHAR_ARRAY_MESSAGE(expected, actual, n, message) \
    UNITY_ARRAY_(CHAR, expected, actual, n, message)
#define TEST_ASSERT_EACH_EQUAL_CHAR(expected, actual, n) UNITY_EACH_(CHAR, expected, actual, n, NULL)
#define TEST_ASSERT_EACH_EQUAL_CHAR_MESSAGE(expected, actual, n, message) \
    UNITY_EACH_(CHAR, expected, actual, n, message)
