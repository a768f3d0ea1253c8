/*
 * alarm.h - things to do at a certain time, soonest first, and the service task
 * that waits for them. Private to the SDK; all calls with the kernel lock.
 */
#pragma once

#include "kernel.h"

struct alarm {
    struct alarm *next;
    int64_t at_ns; /* on the clock of kernel_now_ns() */
    bool is_set;
};

struct alarm_list {
    struct alarm *first;
    struct kernel_waitq service;
};

/* Set, or move if it is set already. Equal times keep their order. */
void alarm_set(struct alarm_list *list, struct alarm *alarm, int64_t at_ns);
void alarm_clear(struct alarm_list *list, struct alarm *alarm);

/* The first that is due, cleared; NULL if none is. */
struct alarm *alarm_take_due(struct alarm_list *list);

/* For the service: wait until one is due, or somebody has changed the list or called alarm_nudge(). */
void alarm_wait(struct alarm_list *list);
void alarm_nudge(struct alarm_list *list);
