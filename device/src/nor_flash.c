/*
 * nor_flash.c - a NOR flash chip in a mapped file.
 */
#include "device/nor_flash.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "device/flash_timing.h"
#include "tear.h"

#define LOCK_TRIES     20                                 /* 50 ms apart */
#define SIZE_MIN       0x10000u                           /* bytes */
#define SIZE_MAX_FLASH (DEV_MAX_SECTORS * AL_SECTOR_SIZE) /* bytes */

struct dev_flash {
    struct al_flash port;
    uint8_t *map;
    int fd;
    enum dev_flash_mode mode;
    struct dev_shared *shared; /* borrowed */
    bool dies;                 /* the process ends with the power: it is a device's app */
};

/* --- Power ----------------------------------------------------------------- */

static void count(_Atomic uint64_t *counter, uint64_t by)
{
    atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

static bool is_dark(const struct dev_flash *f)
{
    uint64_t cut = atomic_load_explicit(&f->shared->power_cut_at, memory_order_relaxed);
    return cut && atomic_load_explicit(&f->shared->flash_ops, memory_order_relaxed) >= cut;
}

/* Without power nothing works; a device's app does not even notice. */
static int no_power(const struct dev_flash *f)
{
    if (f->dies) {
        _exit(DEV_EXIT_POWER_CUT);
    }
    return AL_ERR_IO;
}

/* Count one program or erase; true if it is the one that the power cut tears. */
static bool op_is_cut(struct dev_flash *f, uint64_t *number)
{
    *number = atomic_fetch_add_explicit(&f->shared->flash_ops, 1, memory_order_relaxed) + 1;
    return *number == atomic_load_explicit(&f->shared->power_cut_at, memory_order_relaxed);
}

/* One program of `len` bytes, not 0, in the book of each sector that it touches. */
static void book_program(struct dev_flash *f, uint32_t off, uint32_t len)
{
    for (uint32_t i = off / AL_SECTOR_SIZE; i <= (off + len - 1) / AL_SECTOR_SIZE; i++) {
        atomic_fetch_add_explicit(&f->shared->sector_programs[i], 1, memory_order_relaxed);
    }
}

/* --- Time ------------------------------------------------------------------ */

/* The chip is busy for so long from `since`: the caller waits for it, as firmware does. */
static void take_time(const struct timespec *since, uint64_t us)
{
    struct timespec end = *since;
    uint64_t ns = (uint64_t)end.tv_nsec + us * 1000;
    end.tv_sec += (time_t)(ns / 1000000000);
    end.tv_nsec = (long)(ns % 1000000000);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
    }
}

static uint64_t program_us(const struct dev_flash *f, uint32_t off, uint32_t len)
{
    uint32_t pages = (off + len - 1) / DEV_FLASH_PAGE_SIZE - off / DEV_FLASH_PAGE_SIZE + 1;
    return (uint64_t)pages * atomic_load_explicit(&f->shared->page_program_us, memory_order_relaxed);
}

/* ESP-IDF's driver erases whole blocks where they lie within the range, and sectors before and behind. */
static uint64_t erase_us(const struct dev_flash *f, uint32_t off, uint32_t len)
{
    uint64_t sector = atomic_load_explicit(&f->shared->sector_erase_us, memory_order_relaxed);
    uint64_t block = atomic_load_explicit(&f->shared->block_erase_us, memory_order_relaxed);
    uint64_t us = 0;
    for (uint32_t end = off + len; off < end;) {
        bool whole = off % DEV_BLOCK_SIZE == 0 && end - off >= DEV_BLOCK_SIZE;
        us += whole ? block : sector;
        off += whole ? DEV_BLOCK_SIZE : AL_SECTOR_SIZE;
    }
    return us;
}

/* --- The three operations -------------------------------------------------- */

static int flash_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    struct dev_flash *f = ctx;
    if (is_dark(f)) {
        return no_power(f);
    }
    memcpy(buf, f->map + off, len);
    count(&f->shared->flash.reads, 1);
    count(&f->shared->flash.bytes_read, len);
    return 0;
}

/* Does `data` need a one where `old` has a zero? In blocks, so that it compiles to vector code. */
static bool sets_bits(const uint8_t *old, const uint8_t *data, size_t len)
{
    while (len >= 64) {
        uint64_t o[8], d[8], bad = 0;
        memcpy(o, old, sizeof o);
        memcpy(d, data, sizeof d);
        for (unsigned i = 0; i < 8; i++) {
            bad |= d[i] & ~o[i];
        }
        if (bad) {
            return true;
        }
        old += 64;
        data += 64;
        len -= 64;
    }
    for (; len; len--) {
        if (*data++ & ~*old++) {
            return true;
        }
    }
    return false;
}

static int report_violation(struct dev_flash *f, uint32_t off, const uint8_t *data, uint32_t len)
{
    uint32_t at = 0;
    while (at < len && !(data[at] & ~f->map[off + at])) {
        at++;
    }
    count(&f->shared->flash.violations, 1);
    fprintf(stderr,
            "flash: programming %" PRIu32 " bytes at 0x%" PRIx32 " refused: the byte at 0x%" PRIx32
            " is 0x%02x and can't become 0x%02x without an erase\n",
            len, off, off + at, f->map[off + at], data[at]);
    return AL_ERR_IO;
}

static int flash_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    struct dev_flash *f = ctx;
    uint8_t *at = f->map + off;
    if (f->mode == DEV_FLASH_READ) {
        return AL_ERR_IO;
    }
    if (is_dark(f)) {
        return no_power(f);
    }
    if (len == 0) {
        return 0;
    }
    if (sets_bits(at, buf, len)) {
        return report_violation(f, off, buf, len);
    }
    uint64_t op, us = program_us(f, off, len);
    struct timespec begun;
    if (us) {
        clock_gettime(CLOCK_MONOTONIC, &begun);
    }
    book_program(f, off, len);
    if (op_is_cut(f, &op)) {
        dev_tear_program(at, buf, len, op);
        return no_power(f);
    }
    memcpy(at, buf, len); /* every zero there is a zero in buf: the same as AND */
    count(&f->shared->flash.programs, 1);
    count(&f->shared->flash.bytes_programmed, len);
    if (us) {
        take_time(&begun, us);
    }
    return 0;
}

/* A chip erases sector by sector, and power can go between two of them: each is an operation. */
static int flash_erase(void *ctx, uint32_t off, uint32_t len)
{
    struct dev_flash *f = ctx;
    if (f->mode == DEV_FLASH_READ) {
        return AL_ERR_IO;
    }
    if (is_dark(f)) {
        return no_power(f);
    }
    uint64_t us = erase_us(f, off, len);
    struct timespec begun;
    if (us) {
        clock_gettime(CLOCK_MONOTONIC, &begun);
    }
    for (uint32_t end = off + len; off < end; off += AL_SECTOR_SIZE) {
        uint64_t op;
        bool cut = op_is_cut(f, &op);
        atomic_fetch_add_explicit(&f->shared->wear[off / AL_SECTOR_SIZE], 1, memory_order_relaxed);
        if (cut) {
            dev_tear_erase(f->map + off, AL_SECTOR_SIZE, op);
            return no_power(f);
        }
        memset(f->map + off, 0xFF, AL_SECTOR_SIZE);
        count(&f->shared->flash.erases, 1);
        count(&f->shared->flash.sectors_erased, 1);
    }
    if (us) {
        take_time(&begun, us);
    }
    return 0;
}

/* --- Opening --------------------------------------------------------------- */

/* Who holds the lock, or 0. The kernel lists "N: FLOCK ADVISORY WRITE PID MAJ:MIN:INODE 0 EOF". */
static long lock_holder(const struct stat *st)
{
    FILE *locks = fopen("/proc/locks", "re");
    if (!locks) {
        return 0;
    }
    long holder = 0;
    char line[256];
    while (holder == 0 && fgets(line, sizeof line, locks)) {
        long pid;
        unsigned dev_major, dev_minor;
        unsigned long inode;
        if (sscanf(line, "%*s FLOCK %*s WRITE %ld %x:%x:%lu", &pid, &dev_major, &dev_minor, &inode) == 4 &&
            pid > 0 && dev_major == major(st->st_dev) && dev_minor == minor(st->st_dev) &&
            inode == st->st_ino) {
            holder = pid;
        }
    }
    fclose(locks);
    return holder;
}

/*
 * Somebody who is about to be gone is waited for: the app of a device that was
 * killed holds the flash for a moment longer than the device itself.
 */
static bool try_lock(int fd)
{
    for (unsigned i = 0; i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        errno = EWOULDBLOCK;
    }
    return false;
}

static int lock(int fd, const char *path, const struct stat *st, char *err, size_t err_size)
{
    if (try_lock(fd)) {
        return 0;
    }
    if (errno != EWOULDBLOCK) {
        snprintf(err, err_size, "%s: can't be locked: %s", path, strerror(errno));
        return AL_ERR_IO;
    }
    long pid = lock_holder(st);
    if (pid) {
        snprintf(err, err_size, "%s: in use by another device (process %ld)", path, pid);
    } else {
        snprintf(err, err_size, "%s: in use by another device", path);
    }
    return AL_ERR_STATE;
}

static int check_size(const char *path, uint64_t size, char *err, size_t err_size)
{
    if (size >= SIZE_MIN && size <= SIZE_MAX_FLASH && size % AL_SECTOR_SIZE == 0) {
        return 0;
    }
    snprintf(err, err_size,
             "%s: not a flash file: %" PRIu64 " bytes is not a multiple of 4 KiB from 64 KiB to 128 MiB",
             path, size);
    return AL_ERR_SIZE;
}

/* Map an open file; takes fd over, also on failure. `path` is for messages. */
static int open_mapped(int fd, const char *path, enum dev_flash_mode mode, struct dev_shared *shared,
                       struct dev_flash **out, char *err, size_t err_size)
{
    int result = AL_ERR_IO;
    struct dev_flash *f = NULL;
    struct stat st;
    if (fstat(fd, &st)) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        snprintf(err, err_size, "%s: not a flash file: not a regular file", path);
        result = AL_ERR_SIZE;
        goto fail;
    }
    result = check_size(path, (uint64_t)st.st_size, err, err_size);
    if (result) {
        goto fail;
    }
    result = AL_ERR_IO;
    size_t size = (size_t)st.st_size;
    /* Where the file has holes the disk could fill up under the mapping, which would kill us later. */
    if (mode == DEV_FLASH_WRITE && st.st_blocks * 512 < st.st_size && fallocate(fd, 0, 0, st.st_size) &&
        errno == ENOSPC) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        goto fail;
    }
    f = calloc(1, sizeof *f);
    if (!f) {
        snprintf(err, err_size, "%s: %s", path, strerror(ENOMEM));
        goto fail;
    }
    void *map = mmap(NULL, size, mode == DEV_FLASH_READ ? PROT_READ : PROT_READ | PROT_WRITE,
                     mode == DEV_FLASH_SCRATCH ? MAP_PRIVATE : MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        goto fail;
    }
    *f = (struct dev_flash){
        .port = {.ctx = f,
                 .size = (uint32_t)size,
                 .read = flash_read,
                 .write = flash_write,
                 .erase = flash_erase},
        .map = map,
        .fd = fd,
        .mode = mode,
        .shared = shared ? shared : dev_shared_get(),
    };
    f->dies = dev_shared_inherited() && f->shared == dev_shared_get();
    *out = f;
    return 0;
fail:
    free(f);
    close(fd);
    return result;
}

int dev_flash_open(const char *path, enum dev_flash_mode mode, struct dev_shared *shared,
                   struct dev_flash **out, char *err, size_t err_size)
{
    /* Non-blocking, or a FIFO would make us wait for a writer. */
    int flags = (mode == DEV_FLASH_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK;
    int fd = open(path, flags);
    if (fd < 0) {
        int result = errno == ENOENT ? AL_ERR_NOT_FOUND : AL_ERR_IO;
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return result;
    }
    struct stat st;
    if (mode == DEV_FLASH_WRITE && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        int result = lock(fd, path, &st, err, err_size);
        if (result) {
            close(fd);
            return result;
        }
    }
    return open_mapped(fd, path, mode, shared, out, err, err_size);
}

int dev_flash_open_fd(int fd, struct dev_shared *shared, struct dev_flash **out, char *err, size_t err_size)
{
    return open_mapped(fd, "the device's flash", DEV_FLASH_WRITE, shared, out, err, err_size);
}

int dev_flash_create(const char *path, uint32_t size, char *err, size_t err_size)
{
    int result = check_size(path, size, err, err_size);
    if (result) {
        return result;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        result = errno == EEXIST ? AL_ERR_STATE : AL_ERR_IO;
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return result;
    }
    uint8_t blank[AL_SECTOR_SIZE];
    memset(blank, 0xFF, sizeof blank);
    bool ok = true;
    for (uint32_t off = 0; ok && off < size; off += AL_SECTOR_SIZE) {
        ssize_t n = write(fd, blank, sizeof blank);
        if (n >= 0 && n != sizeof blank) {
            errno = ENOSPC; /* what a short write to a file means */
        }
        ok = n == sizeof blank;
    }
    /* A power cut before this leaves a shorter file, which dev_flash_open() refuses. */
    ok = ok && fsync(fd) == 0;
    int why = errno;
    if (close(fd) && ok) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        unlink(path);
        snprintf(err, err_size, "%s: %s", path, strerror(why));
        return AL_ERR_IO;
    }
    return 0;
}

const struct al_flash *dev_flash_port(const struct dev_flash *flash)
{
    return &flash->port;
}

const uint8_t *dev_flash_bytes(const struct dev_flash *flash)
{
    return flash->map;
}

int dev_flash_fd(const struct dev_flash *flash)
{
    return flash->fd;
}

void dev_flash_close(struct dev_flash *flash)
{
    if (!flash) {
        return;
    }
    if (flash->mode == DEV_FLASH_WRITE && msync(flash->map, flash->port.size, MS_SYNC)) {
        fprintf(stderr, "flash: not all of it is on disk: %s\n", strerror(errno));
    }
    munmap(flash->map, flash->port.size);
    close(flash->fd);
    free(flash);
}
