/*
 * Stream, message and ring buffers, and sets of queues.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "freertos/idf_additions.h"
#include "freertos/ringbuf.h"

#define LONG pdMS_TO_TICKS(60000)

static void start(TaskFunction_t code, void *arg)
{
    assert_int_equal(xTaskCreate(code, "other", 4096, arg, 5, NULL), pdPASS);
}

/* ---- Streams --------------------------------------------------------------------- */

static void test_stream_takes_what_there_is_room_for(void **state)
{
    StreamBufferHandle_t s = xStreamBufferCreate(5, 1);
    char out[8];

    (void)state;
    assert_true(xStreamBufferIsEmpty(s));
    assert_int_equal(xStreamBufferReceive(s, out, 8, 1), 0);
    assert_int_equal(xStreamBufferSend(s, "abc", 3, 0), 3);
    assert_int_equal(xStreamBufferSpacesAvailable(s), 2);
    assert_int_equal(xStreamBufferReceive(s, out, 2, LONG), 2);
    assert_memory_equal(out, "ab", 2);
    assert_int_equal(xStreamBufferSend(s, "defgh", 5, 1), 4); /* around the end, and then it is full */
    assert_true(xStreamBufferIsFull(s));
    assert_int_equal(xStreamBufferReceive(s, out, 8, LONG), 5);
    assert_memory_equal(out, "cdefg", 5);
    assert_int_equal(xStreamBufferSend(s, "x", 1, 0), 1);
    assert_int_equal(xStreamBufferReset(s), pdPASS);
    assert_int_equal(xStreamBufferBytesAvailable(s), 0);
    assert_int_equal(xStreamBufferSetTriggerLevel(s, 6), pdFALSE);
    vStreamBufferDelete(s);
}

static void send_bytes(void *arg)
{
    for (uint8_t i = 0; i < 200; i++) {
        assert_int_equal(xStreamBufferSend(arg, &i, 1, LONG), 1);
    }
    vTaskDelete(NULL);
}

static void test_stream_wakes_its_receiver_at_the_trigger(void **state)
{
    static uint8_t storage[21];
    static StaticStreamBuffer_t buffer;
    StreamBufferHandle_t s = xStreamBufferCreateStatic(20, 10, storage, &buffer);
    uint8_t out[20];
    unsigned got = 0;

    (void)state;
    start(send_bytes, s);
    while (got < 200) {
        size_t n = xStreamBufferReceive(s, out, sizeof out, LONG);

        assert_true(n > 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(out[i], got++);
        }
    }
    /* Below the trigger a wait lasts to its end, and has what came all the same. */
    assert_int_equal(xStreamBufferSend(s, "123", 3, 0), 3);
    assert_int_equal(xStreamBufferReceive(s, out, 1, 0), 1);
    vStreamBufferDelete(s);
}

/* ---- Messages ---------------------------------------------------------------------- */

static void test_messages_come_whole(void **state)
{
    MessageBufferHandle_t m = xMessageBufferCreate(20);
    char out[16];

    (void)state;
    assert_int_equal(xMessageBufferReceive(m, out, sizeof out, 1), 0);
    assert_int_equal(xMessageBufferNextLengthBytes(m), 0);
    assert_int_equal(xMessageBufferSend(m, "hello", 5, 0), 5);
    assert_int_equal(xMessageBufferSend(m, "you", 3, 0), 3);
    assert_int_equal(xMessageBufferSend(m, "x", 1, 1), 0); /* 9 and 7 are taken, 5 are needed */
    assert_int_equal(xMessageBufferNextLengthBytes(m), 5);
    assert_int_equal(xMessageBufferReceive(m, out, 4, LONG), 0); /* too short for it: it stays */
    assert_int_equal(xMessageBufferReceive(m, out, 5, LONG), 5);
    assert_memory_equal(out, "hello", 5);
    assert_int_equal(xMessageBufferSend(m, "0123456", 7, 0), 7); /* around the end */
    assert_int_equal(xMessageBufferReceive(m, out, sizeof out, LONG), 3);
    assert_memory_equal(out, "you", 3);
    assert_int_equal(xMessageBufferReceive(m, out, sizeof out, LONG), 7);
    assert_memory_equal(out, "0123456", 7);
    assert_int_equal(xMessageBufferSend(m, "0123456789abcdefg", 17, 0), 0); /* never fits */
    assert_int_equal(xMessageBufferSend(m, "0123456789abcdef", 16, 0), 16);
    assert_true(xMessageBufferIsFull(m));
    vMessageBufferDelete(m);
}

/* ---- Rings ------------------------------------------------------------------------- */

static void test_ring_room_is_free_when_items_are_given_back(void **state)
{
    RingbufHandle_t r = xRingbufferCreate(48, RINGBUF_TYPE_NOSPLIT);
    size_t size = 0;
    char *a, *b;

    (void)state;
    assert_int_equal(xRingbufferGetMaxItemSize(r), 16);
    assert_int_equal(xRingbufferSend(r, "0123456789abcdefX", 17, 0), pdFALSE);
    assert_int_equal(xRingbufferSend(r, "0123456789abcdef", 16, 0), pdTRUE);
    assert_int_equal(xRingbufferSend(r, "second", 6, 0), pdTRUE);
    assert_int_equal(xRingbufferGetCurFreeSize(r), 0);
    assert_int_equal(xRingbufferSend(r, "no", 2, 1), pdFALSE);
    a = xRingbufferReceive(r, &size, LONG);
    assert_int_equal(size, 16);
    assert_memory_equal(a, "0123456789abcdef", 16);
    assert_int_equal(xRingbufferSend(r, "no", 2, 1), pdFALSE); /* still borrowed */
    b = xRingbufferReceive(r, &size, LONG);
    assert_int_equal(size, 6);
    assert_memory_equal(b, "second", 6);
    assert_null(xRingbufferReceive(r, &size, 1));
    vRingbufferReturnItem(r, b);
    vRingbufferReturnItem(r, a);
    assert_int_equal(xRingbufferGetCurFreeSize(r), 16);
    assert_int_equal(xRingbufferSend(r, "left", 4, 0), pdTRUE);
    vRingbufferDelete(r);
}

static void test_ring_of_bytes_gives_them_in_any_pieces(void **state)
{
    RingbufHandle_t r = xRingbufferCreate(10, RINGBUF_TYPE_BYTEBUF);
    size_t size = 0;
    char *a, *b;

    (void)state;
    assert_int_equal(xRingbufferSend(r, "abc", 3, 0), pdTRUE);
    assert_int_equal(xRingbufferSend(r, "defghij", 7, 0), pdTRUE);
    assert_int_equal(xRingbufferSend(r, "k", 1, 0), pdFALSE);
    a = xRingbufferReceiveUpTo(r, &size, LONG, 5);
    assert_int_equal(size, 5);
    assert_memory_equal(a, "abcde", 5);
    vRingbufferReturnItem(r, a);
    assert_int_equal(xRingbufferGetCurFreeSize(r), 5);
    b = xRingbufferReceive(r, &size, LONG);
    assert_int_equal(size, 5);
    assert_memory_equal(b, "fghij", 5);
    vRingbufferReturnItem(r, b);
    vRingbufferDelete(r);
}

struct shared {
    RingbufHandle_t ring;
    TaskHandle_t waiter;
    unsigned sum;
};

static void consume(void *arg)
{
    struct shared *shared = arg;

    for (int i = 0; i < 100; i++) {
        void *head, *tail;
        size_t head_size, tail_size;

        assert_int_equal(xRingbufferReceiveSplit(shared->ring, &head, &tail, &head_size, &tail_size, LONG),
                         pdTRUE);
        assert_null(tail);
        assert_int_equal(head_size, sizeof shared->sum);
        shared->sum += *(unsigned *)head;
        vRingbufferReturnItem(shared->ring, head);
    }
    xTaskNotifyGive(shared->waiter);
    vTaskDelete(NULL);
}

static void test_ring_sender_waits_for_room(void **state)
{
    struct shared shared = {.ring = xRingbufferCreate(40, RINGBUF_TYPE_ALLOWSPLIT),
                            .waiter = xTaskGetCurrentTaskHandle()};

    (void)state;
    start(consume, &shared);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(xRingbufferSend(shared.ring, &i, sizeof i, LONG), pdTRUE);
    }
    assert_int_equal(ulTaskNotifyTake(pdTRUE, LONG), 1);
    assert_int_equal(shared.sum, 4950);
    vRingbufferDelete(shared.ring);
}

/* ---- Sets -------------------------------------------------------------------------- */

static void test_set_names_who_has_something(void **state)
{
    QueueHandle_t q = xQueueCreate(2, sizeof(int));
    SemaphoreHandle_t s = xSemaphoreCreateBinaryWithCaps(0);
    QueueSetHandle_t set = xQueueCreateSet(3);
    int one = 1, got;

    (void)state;
    assert_int_equal(xQueueSend(q, &one, 0), pdTRUE);
    assert_int_equal(xQueueAddToSet(q, set), pdFAIL); /* not empty */
    assert_int_equal(xQueueReceive(q, &got, 0), pdTRUE);
    assert_int_equal(xQueueAddToSet(q, set), pdPASS);
    assert_int_equal(xQueueAddToSet(q, set), pdFAIL); /* twice */
    assert_int_equal(xQueueAddToSet(s, set), pdPASS);
    assert_null(xQueueSelectFromSet(set, 1));
    xSemaphoreGive(s);
    assert_int_equal(xQueueSend(q, &one, 0), pdTRUE);
    assert_int_equal(xQueueSend(q, &one, 0), pdTRUE);
    assert_ptr_equal(xQueueSelectFromSet(set, LONG), s);
    assert_int_equal(xSemaphoreTake(s, 0), pdTRUE);
    assert_ptr_equal(xQueueSelectFromSet(set, LONG), q);
    assert_int_equal(xQueueReceive(q, &got, 0), pdTRUE);
    assert_ptr_equal(xQueueSelectFromSet(set, LONG), q);
    assert_int_equal(xQueueReceive(q, &got, 0), pdTRUE);
    assert_null(xQueueSelectFromSet(set, 0));
    assert_int_equal(xQueueRemoveFromSet(q, set), pdPASS);
    assert_int_equal(xQueueSend(q, &one, 0), pdTRUE);
    assert_null(xQueueSelectFromSet(set, 0));
    vQueueDelete(q);
    vSemaphoreDelete(s);
    vQueueDelete(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_takes_what_there_is_room_for),
        cmocka_unit_test(test_stream_wakes_its_receiver_at_the_trigger),
        cmocka_unit_test(test_messages_come_whole),
        cmocka_unit_test(test_ring_room_is_free_when_items_are_given_back),
        cmocka_unit_test(test_ring_of_bytes_gives_them_in_any_pieces),
        cmocka_unit_test(test_ring_sender_waits_for_room),
        cmocka_unit_test(test_set_names_who_has_something),
    };
    return cmocka_run_group_tests_name("freertos_buffers", tests, NULL, NULL);
}
