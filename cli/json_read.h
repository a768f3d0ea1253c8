/*
 * json_read.h - members of JSON documents that somebody else wrote.
 */
#ifndef CLI_JSON_READ_H
#define CLI_JSON_READ_H

#include <cjson/cJSON.h>

/* A member that is text, borrowed; `missing` where there is none. */
const char *json_text(const cJSON *object, const char *name, const char *missing);

/* A member that is a number; 0 where there is none. */
double json_number(const cJSON *object, const char *name);

#endif
