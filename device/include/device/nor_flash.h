/*
 * nor_flash.h - a flash chip in a file, stricter than the real thing.
 *
 * Programming only clears bits, erasing sets 4 KiB sectors to 0xFF. A program
 * that would have to turn a 0 into a 1 fails and is reported: a real chip would
 * silently store garbage. The file is mapped; what is written is in the file
 * even if the process dies.
 *
 * One device at a time: the file is locked while it is open for writing, and
 * the lock is handed on to the app process with the descriptor.
 *
 * Where the shared block says what the chip takes for its work, a call returns
 * when that time has passed: sectors and pages one by one, whole blocks at once.
 *
 * Threads: one caller at a time (idf/ serialises with its flash lock).
 */
#ifndef DEVICE_NOR_FLASH_H
#define DEVICE_NOR_FLASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "airlift/flash.h"
#include "device/shared.h"

enum dev_flash_mode {
    DEV_FLASH_READ,    /* no lock taken, writes fail */
    DEV_FLASH_WRITE,   /* locked; AL_ERR_STATE if another device has it */
    DEV_FLASH_SCRATCH, /* writes go to a private copy and are forgotten */
};

struct dev_flash;

/*
 * Open an existing flash file. Its size must be a multiple of 4 KiB, from 64 KiB to
 * 128 MiB ("a flash file that isn't one" is refused by that).
 *
 * shared  counters, wear and power cut; NULL: dev_shared_get()
 * err     one line for people when the result is not 0, without newline
 *
 * Returns 0; AL_ERR_NOT_FOUND, AL_ERR_SIZE, AL_ERR_STATE (locked), AL_ERR_IO.
 */
AL_CHECK_RESULT int dev_flash_open(const char *path, enum dev_flash_mode mode, struct dev_shared *shared,
                                   struct dev_flash **out, char *err, size_t err_size);

/* The same over an inherited descriptor that already holds the lock; fd is taken over. */
AL_CHECK_RESULT int dev_flash_open_fd(int fd, struct dev_shared *shared, struct dev_flash **out, char *err,
                                      size_t err_size);

/* Make a file of `size` bytes of 0xFF. Refuses to overwrite: AL_ERR_STATE. */
AL_CHECK_RESULT int dev_flash_create(const char *path, uint32_t size, char *err, size_t err_size);

/* Core's port to it; valid until close. */
const struct al_flash *dev_flash_port(const struct dev_flash *flash);

/* Mapped contents, read only; valid until close. */
const uint8_t *dev_flash_bytes(const struct dev_flash *flash);

int dev_flash_fd(const struct dev_flash *flash);

/* Put everything on disk and release. NULL is fine. */
void dev_flash_close(struct dev_flash *flash);

#endif
