/*
 * shared.c - the block of memory that a device and its app share.
 */
#include "device/shared.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x56454441u /* "ADEV" */

static const char *const reset_names[] = {
    [DEV_RESET_POWERON] = "poweron",
    [DEV_RESET_SW] = "sw",
    [DEV_RESET_PANIC] = "panic",
    [DEV_RESET_WDT] = "wdt",
    [DEV_RESET_EXT] = "ext",
    [DEV_RESET_BROWNOUT] = "brownout",
    [DEV_RESET_DEEPSLEEP] = "deepsleep",
};
#define N_RESETS (sizeof reset_names / sizeof reset_names[0])

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct dev_shared *block; /* of this process; set once */
static bool inherited;

/* --- Reset causes ---------------------------------------------------------- */

const char *dev_reset_name(enum dev_reset reset)
{
    return (size_t)reset < N_RESETS ? reset_names[reset] : reset_names[DEV_RESET_POWERON];
}

enum dev_reset dev_reset_from_name(const char *name)
{
    for (size_t i = 0; name && i < N_RESETS; i++) {
        if (strcmp(reset_names[i], name) == 0) {
            return (enum dev_reset)i;
        }
    }
    return DEV_RESET_POWERON;
}

/* --- The block ------------------------------------------------------------- */

/* A block of zeros becomes that of a device just switched on. */
static void init(struct dev_shared *shared)
{
    shared->magic = MAGIC;
    shared->size = sizeof *shared;
    for (size_t i = 0; i < DEV_GPIO_COUNT; i++) {
        atomic_init(&shared->gpio_in[i], -1);
        atomic_init(&shared->gpio_out[i], -1);
    }
}

struct dev_shared *dev_shared_create(int *fd)
{
    *fd = memfd_create("airlift-device", 0);
    if (*fd < 0) {
        return NULL;
    }
    void *map = MAP_FAILED;
    if (ftruncate(*fd, sizeof(struct dev_shared)) == 0) {
        map = mmap(NULL, sizeof(struct dev_shared), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    }
    if (map == MAP_FAILED) {
        int why = errno;
        close(*fd);
        *fd = -1;
        errno = why;
        return NULL;
    }
    init(map);
    return map;
}

void dev_shared_destroy(struct dev_shared *shared, int fd)
{
    if (shared) {
        munmap(shared, sizeof *shared);
    }
    if (fd >= 0) {
        close(fd);
    }
}

int dev_pin_level(const struct dev_shared *shared, unsigned pin)
{
    int outside = atomic_load(&shared->gpio_in[pin]);
    return outside >= 0 ? outside : atomic_load(&shared->gpio_out[pin]);
}

void dev_shared_power_cycle(struct dev_shared *shared)
{
    int levels[DEV_GPIO_COUNT];
    uint64_t cut = atomic_load(&shared->power_cut_at);
    uint32_t sector = atomic_load(&shared->sector_erase_us), block_us = atomic_load(&shared->block_erase_us);
    uint32_t page = atomic_load(&shared->page_program_us);
    for (size_t i = 0; i < DEV_GPIO_COUNT; i++) {
        levels[i] = atomic_load(&shared->gpio_in[i]);
    }
    memset(shared, 0, sizeof *shared);
    init(shared);
    atomic_store(&shared->power_cut_at, cut);
    atomic_store(&shared->sector_erase_us, sector);
    atomic_store(&shared->block_erase_us, block_us);
    atomic_store(&shared->page_program_us, page);
    for (size_t i = 0; i < DEV_GPIO_COUNT; i++) {
        atomic_store(&shared->gpio_in[i], levels[i]);
    }
}

/* The block that the environment names, or NULL if it names none. */
static struct dev_shared *attach(void)
{
    const char *text = getenv(DEV_ENV_SHARED_FD);
    if (!text || !*text) {
        return NULL;
    }
    char *end;
    long fd = strtol(text, &end, 10);
    struct stat st;
    /* The variable may have outlived the descriptor, in a program started by an app. */
    if (*end || fd < 0 || fd > 1 << 20 || fstat((int)fd, &st) || st.st_size < 8) {
        return NULL;
    }
    uint32_t head[2];
    if (pread((int)fd, head, sizeof head, 0) != sizeof head || head[0] != MAGIC) {
        return NULL;
    }
    /* Fields are only ever appended, so an older program finds its own in a newer device's block. */
    if (head[1] < sizeof(struct dev_shared) || st.st_size < (off_t)sizeof(struct dev_shared)) {
        fprintf(stderr, "airlift: this program was built with a newer version of airlift than the device "
                        "that runs it; run it with that version\n");
        exit(1);
    }
    void *map = mmap(NULL, sizeof(struct dev_shared), PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

static void get_once(void)
{
    block = attach();
    inherited = block != NULL;
    if (block) {
        return;
    }
    void *map =
        mmap(NULL, sizeof(struct dev_shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) {
        fprintf(stderr, "airlift: out of memory\n");
        exit(1);
    }
    block = map;
    init(block);
}

struct dev_shared *dev_shared_get(void)
{
    pthread_once(&once, get_once);
    return block;
}

bool dev_shared_inherited(void)
{
    pthread_once(&once, get_once);
    return inherited;
}
