/*
 * What a flash chip alone allows: erase and program so many bytes as fast as it takes them.
 *
 *     bench_flash_only CHIP BYTES    prints the seconds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/flash_timing.h"
#include "device/nor_flash.h"

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Whole blocks, also for a rest that needs four sectors or more; then all pages. 0, or AL_ERR_*. */
static int write_all(const struct al_flash *port, uint32_t len)
{
    static const uint8_t sector[AL_SECTOR_SIZE];
    int err = 0;
    for (uint32_t off = 0; err == 0 && off < len; off += DEV_BLOCK_SIZE) {
        uint32_t left = (len - off + AL_SECTOR_SIZE - 1) / AL_SECTOR_SIZE * AL_SECTOR_SIZE;
        err = al_flash_erase(port, off, left >= 4 * AL_SECTOR_SIZE ? DEV_BLOCK_SIZE : left);
        for (uint32_t at = off; err == 0 && at < len && at < off + DEV_BLOCK_SIZE; at += AL_SECTOR_SIZE) {
            err = al_flash_write(port, at, sector, len - at < AL_SECTOR_SIZE ? len - at : AL_SECTOR_SIZE);
        }
    }
    return err;
}

int main(int argc, char **argv)
{
    const struct dev_flash_timing *timing = argc == 3 ? dev_flash_timing(argv[1]) : NULL;
    uint32_t len = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    struct dev_shared *shared = dev_shared_get();
    struct dev_flash *flash = NULL;
    char path[] = "/tmp/airlift-bench-XXXXXX", err[256] = "";
    int fd = timing ? mkstemp(path) : -1;
    if (fd < 0 || len > 4u << 20) {
        fprintf(stderr, "usage: bench_flash_only CHIP BYTES\n");
        return 2;
    }
    close(fd);
    unlink(path);
    if (dev_flash_create(path, 4u << 20, err, sizeof err) ||
        dev_flash_open(path, DEV_FLASH_WRITE, shared, &flash, err, sizeof err)) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    atomic_store(&shared->sector_erase_us, timing->sector_erase_us);
    atomic_store(&shared->block_erase_us, timing->block_erase_us);
    atomic_store(&shared->page_program_us, timing->page_program_us);
    double begun = now_s();
    int failed = write_all(dev_flash_port(flash), len);
    printf("%.4f\n", now_s() - begun);
    dev_flash_close(flash);
    unlink(path);
    return failed ? 1 : 0;
}
