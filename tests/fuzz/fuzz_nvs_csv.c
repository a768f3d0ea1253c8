/*
 * The CSV that `airlift provision` reads. What it takes fills a partition whose pages are
 * intact: read back by the rules of the format.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "airlift/bytes.h"
#include "airlift/crc32.h"
#include "nvs_build.h"
#include "nvs_entries.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_page(const uint8_t *page)
{
    assert(al_get_le32(page + 28) == al_crc32_idf(page + 4, 24));
    for (unsigned i = 0; i < 126;) {
        const uint8_t *entry = page + 64 + 32 * i;
        uint8_t covered[28];
        if ((page[32 + i / 4] >> (i % 4 * 2) & 3) == 3) {
            i++;
            continue;
        }
        memcpy(covered, entry, 4);
        memcpy(covered + 4, entry + 8, 24);
        assert(al_get_le32(entry + 4) == al_crc32_idf(covered, sizeof covered));
        assert(entry[2] > 0 && i + entry[2] <= 126 && entry[23] == 0);
        i += entry[2];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nvs_build b;
    char err[2000], path[64];
    int fd = memfd_create("csv", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (nvs_build_init(&b, 0x4000, NVS_BUILD_V2) == NVS_BUILD_OK) {
        const uint8_t *bytes;
        size_t len;
        (void)nvs_entries_read(&b, path, err,
                               sizeof err); /* what came before a mistake is there all the same */
        nvs_build_finish(&b, &bytes, &len);
        for (unsigned i = 0; i < b.n_pages; i++) {
            check_page(bytes + (size_t)i * NVS_PAGE_SIZE);
        }
        nvs_build_free(&b);
    }
    close(fd);
    return 0;
}
