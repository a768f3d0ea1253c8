#include "alarm.h"

#include <stddef.h>

void alarm_clear(struct alarm_list *list, struct alarm *alarm)
{
    struct alarm **link = &list->first;

    if (!alarm->is_set) {
        return;
    }
    while (*link != alarm) {
        link = &(*link)->next;
    }
    *link = alarm->next;
    alarm->is_set = false;
    alarm_nudge(list);
}

void alarm_set(struct alarm_list *list, struct alarm *alarm, int64_t at_ns)
{
    struct alarm **link = &list->first;

    alarm_clear(list, alarm);
    while (*link != NULL && (*link)->at_ns <= at_ns) {
        link = &(*link)->next;
    }
    alarm->at_ns = at_ns;
    alarm->is_set = true;
    alarm->next = *link;
    *link = alarm;
    alarm_nudge(list);
}

struct alarm *alarm_take_due(struct alarm_list *list)
{
    struct alarm *alarm = list->first;

    if (alarm == NULL || alarm->at_ns > kernel_now_ns()) {
        return NULL;
    }
    list->first = alarm->next;
    alarm->is_set = false;
    return alarm;
}

void alarm_wait(struct alarm_list *list)
{
    (void)kernel_wait(&list->service, list->first != NULL ? list->first->at_ns : KERNEL_FOREVER);
}

void alarm_nudge(struct alarm_list *list)
{
    kernel_wake_all(&list->service);
}
