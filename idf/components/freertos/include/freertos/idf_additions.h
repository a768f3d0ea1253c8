/* idf_additions.h - ESP-IDF's own calls beside FreeRTOS's: memory by capability, of which there is one kind here. */
#pragma once

#include "freertos/event_groups.h"
#include "freertos/message_buffer.h"
#include "freertos/queue.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

#define xTaskCreateWithCaps(code, name, stack, arg, priority, task, caps) \
    ((void)(caps), xTaskCreate((code), (name), (stack), (arg), (priority), (task)))
#define xTaskCreatePinnedToCoreWithCaps(code, name, stack, arg, priority, task, core, caps) \
    ((void)(caps), xTaskCreatePinnedToCore((code), (name), (stack), (arg), (priority), (task), (core)))
#define vTaskDeleteWithCaps(task)                    vTaskDelete(task)
#define xQueueCreateWithCaps(length, size, caps)     ((void)(caps), xQueueCreate((length), (size)))
#define vQueueDeleteWithCaps(queue)                  vQueueDelete(queue)
#define xSemaphoreCreateBinaryWithCaps(caps)         ((void)(caps), xSemaphoreCreateBinary())
#define xSemaphoreCreateMutexWithCaps(caps)          ((void)(caps), xSemaphoreCreateMutex())
#define xSemaphoreCreateRecursiveMutexWithCaps(caps) ((void)(caps), xSemaphoreCreateRecursiveMutex())
#define xSemaphoreCreateCountingWithCaps(most, first, caps) \
    ((void)(caps), xSemaphoreCreateCounting((most), (first)))
#define vSemaphoreDeleteWithCaps(semaphore) vSemaphoreDelete(semaphore)
#define xEventGroupCreateWithCaps(caps)     ((void)(caps), xEventGroupCreate())
#define vEventGroupDeleteWithCaps(group)    vEventGroupDelete(group)
#define xStreamBufferCreateWithCaps(size, trigger, caps) \
    ((void)(caps), xStreamBufferCreate((size), (trigger)))
#define vStreamBufferDeleteWithCaps(stream)      vStreamBufferDelete(stream)
#define xMessageBufferCreateWithCaps(size, caps) ((void)(caps), xMessageBufferCreate(size))
#define vMessageBufferDeleteWithCaps(messages)   vMessageBufferDelete(messages)
