/*
 * table.h - what embed.cmake makes of the page's files.
 */
#ifndef WEB_TABLE_H
#define WEB_TABLE_H

#include "web/files.h"

extern const struct web_file web_files[];
extern const size_t web_n_files;

#endif
