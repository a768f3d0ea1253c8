/*
 * s3_ini.h - the language of ~/.aws/config and ~/.aws/credentials, read as botocore does.
 *
 *   [profile NAME]
 *   region = eu-central-1
 *   s3 =
 *       addressing_style = path
 *
 * Lines that begin with # or ; are comments, but a value may hold both; an indented
 * line belongs to the key above it. A key that stands twice: the later one counts.
 */
#ifndef SERVER_S3_INI_H
#define SERVER_S3_INI_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Look for `key` in [section]; `parent` is the key that it is nested under, or NULL.
 * out is a string owned by the caller, or NULL if there is no such key. Returns
 * false only when memory ran out.
 */
bool srv_s3_ini_get(const char *text, const char *section, const char *parent, const char *key, char **out);

bool srv_s3_ini_has_section(const char *text, const char *section);

#endif
