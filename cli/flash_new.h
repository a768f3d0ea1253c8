/*
 * flash_new.h - put a new device's flash together: table, images, description.
 *
 * In this order: fill in path, size and table_off; flash_new_table(); append the
 * apps and fill in desc; flash_new_chip(); flash_new_write(). Each returns 0, or 1
 * after it has said on stderr what is wrong. Nothing is on disk before the last.
 */
#ifndef CLI_FLASH_NEW_H
#define CLI_FLASH_NEW_H

#include <stdbool.h>
#include <stdint.h>

#include "airlift/ptable.h"
#include "device/desc.h"
#include "host/file.h"

#define FLASH_NEW_APPS_MAX 65u /* --factory, and 64 times --app */

struct flash_new_app {
    const char *label; /* borrowed; NULL: factory, or else the first slot */
    const char *path;  /* borrowed */
    struct host_buf image;
};

struct flash_new {
    const char *path;   /* of the flash file, borrowed */
    uint32_t size;      /* bytes */
    uint32_t table_off; /* bytes */
    struct al_ptable table;
    struct flash_new_app app[FLASH_NEW_APPS_MAX];
    unsigned n_apps;
    struct dev_desc desc;
    uint8_t *bytes; /* while it is written */
};

/*
 * Load the table from any source that table_file.h knows. It must fit the flash.
 * Its MD5 record is left out if `no_md5`, or if a binary table has none.
 */
int flash_new_table(struct flash_new *f, const char *source, bool no_md5);

/*
 * Settle what the chip is. `chip` is its name, or NULL: what the first image is
 * built for. Revisions that were not given become the lowest the images support.
 */
int flash_new_chip(struct flash_new *f, const char *chip, bool revision_given, bool blk_revision_given);

/*
 * Verify each image in its place as the bootloader will, and write both files.
 *
 * Power cut: the flash file is replaced first and atomically, then the
 * description. Between them there is new flash with the old description, or
 * with none: the same command given again repairs it.
 */
int flash_new_write(struct flash_new *f);

#endif
