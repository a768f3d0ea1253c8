/*
 * Event groups.
 *
 * Who sets bits decides at once which waiting tasks that satisfies, and gives
 * each the value it saw; only then are bits cleared. So several tasks can wait
 * for one bit with clear_on_exit and all get it, and a bit that is set and
 * cleared again at once is not missed.
 */
#include "freertos/event_groups.h"

#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define ALL_BITS 0x00FFFFFFu

struct EventGroupDef_t {
    EventBits_t bits;
    bool is_static;
    struct kernel_waitq waiters;
};

_Static_assert(sizeof(struct EventGroupDef_t) <= sizeof(StaticEventGroup_t),
               "StaticEventGroup_t is too small");

/* What one task waits for, on its stack. */
struct wish {
    EventBits_t bits;
    bool clear, all;
    bool fulfilled;
    EventBits_t seen; /* the value when it was */
};

static bool matches(EventBits_t value, const struct wish *wish)
{
    EventBits_t hit = value & wish->bits;

    return wish->all ? hit == wish->bits : hit != 0;
}

/* With the lock. */
static void set_bits(EventGroupHandle_t group, EventBits_t bits)
{
    EventBits_t to_clear = 0;
    TaskHandle_t task = group->waiters.first;
    TaskHandle_t next;
    struct wish *wish;

    group->bits |= bits;
    while (task != NULL) {
        next = task->waitq_next;
        wish = task->wait_detail;
        if (matches(group->bits, wish)) {
            wish->fulfilled = true;
            wish->seen = group->bits;
            to_clear |= wish->clear ? wish->bits : 0;
            kernel_wake(task);
        }
        task = next;
    }
    group->bits &= ~to_clear;
}

/* With the lock. The value as the wish saw it, or on time-out the value now. */
static EventBits_t wait_for(EventGroupHandle_t group, TaskHandle_t self, struct wish *wish, TickType_t ticks)
{
    int64_t deadline = kernel_deadline(ticks);

    if (matches(group->bits, wish)) {
        wish->seen = group->bits;
        group->bits &= ~(wish->clear ? wish->bits : 0);
        return wish->seen;
    }
    self->wait_detail = wish;
    while (!wish->fulfilled && kernel_wait(&group->waiters, deadline)) {
    }
    self->wait_detail = NULL;
    return wish->fulfilled ? wish->seen : group->bits;
}

EventGroupHandle_t xEventGroupCreate(void)
{
    return calloc(1, sizeof(struct EventGroupDef_t));
}

EventGroupHandle_t xEventGroupCreateStatic(StaticEventGroup_t *buffer)
{
    EventGroupHandle_t group = (EventGroupHandle_t)buffer;

    configASSERT(buffer != NULL);
    memset(group, 0, sizeof *group);
    group->is_static = true;
    return group;
}

void vEventGroupDelete(EventGroupHandle_t group)
{
    struct wish *wish;
    bool is_static;

    configASSERT(group != NULL);
    kernel_lock();
    while (group->waiters.first != NULL) {
        wish = group->waiters.first->wait_detail;
        wish->fulfilled = true;
        wish->seen = group->bits;
        kernel_wake(group->waiters.first);
    }
    is_static = group->is_static;
    kernel_unlock();
    if (!is_static) {
        free(group);
    }
}

EventBits_t xEventGroupWaitBits(EventGroupHandle_t group, EventBits_t bits, BaseType_t clear_on_exit,
                                BaseType_t wait_for_all, TickType_t ticks)
{
    struct wish wish = {.bits = bits, .clear = clear_on_exit != pdFALSE, .all = wait_for_all != pdFALSE};
    TaskHandle_t self;
    EventBits_t value;

    configASSERT(group != NULL && bits != 0 && (bits & ~ALL_BITS) == 0);
    self = kernel_lock();
    value = wait_for(group, self, &wish, ticks);
    kernel_unlock();
    return value;
}

EventBits_t xEventGroupSync(EventGroupHandle_t group, EventBits_t set, EventBits_t wait, TickType_t ticks)
{
    struct wish wish = {.bits = wait, .clear = true, .all = true};
    TaskHandle_t self;
    EventBits_t value;

    configASSERT(group != NULL && wait != 0 && ((wait | set) & ~ALL_BITS) == 0);
    self = kernel_lock();
    /* The bits count before others' waits clear them, or the last to arrive would miss its own. */
    value = group->bits | set;
    set_bits(group, set);
    if (matches(value, &wish)) {
        group->bits &= ~wait;
    } else {
        value = wait_for(group, self, &wish, ticks);
    }
    kernel_unlock();
    return value;
}

EventBits_t xEventGroupSetBits(EventGroupHandle_t group, EventBits_t bits)
{
    EventBits_t value;

    configASSERT(group != NULL && (bits & ~ALL_BITS) == 0);
    kernel_lock();
    set_bits(group, bits);
    value = group->bits;
    kernel_unlock();
    return value;
}

EventBits_t xEventGroupClearBits(EventGroupHandle_t group, EventBits_t bits)
{
    EventBits_t before;

    configASSERT(group != NULL && (bits & ~ALL_BITS) == 0);
    kernel_lock();
    before = group->bits;
    group->bits &= ~bits;
    kernel_unlock();
    return before;
}
