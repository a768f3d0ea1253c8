/*
 * print_json.h - the one JSON document that a command with --json prints.
 */
#ifndef CLI_PRINT_JSON_H
#define CLI_PRINT_JSON_H

#include <cjson/cJSON.h>

/* Print it on stdout and delete it. Returns the exit code: 0, or 1 with a line on stderr. */
int print_json(cJSON *root);

#endif
