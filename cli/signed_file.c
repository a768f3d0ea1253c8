#include "signed_file.h"

#include <string.h>

#include "airlift/bytes.h"
#include "airlift/image.h"
#include "host/cmd.h"

#define V1_SIZE 68u /* bytes: version 0, r, s */

/* --- What the file is ------------------------------------------------------ */

/* Length of the image in `file`, as an app's or a bootloader's; 0: neither. */
static uint32_t image_len(const struct host_buf *file, enum al_image_fault *fault)
{
    for (int bootloader = 0; bootloader < 2; bootloader++) {
        struct al_image_rules rules = {.bootloader = bootloader != 0};
        struct al_image_check check;
        struct al_image_info info;
        int err = al_image_check_begin(&check, &rules);
        if (err == 0) {
            err = al_image_check_feed(&check, file->data, file->len);
        }
        if (err == 0 && al_image_check_end(&check, &info) == 0) {
            return info.len;
        }
        if (!bootloader) {
            *fault = check.fault;
        }
    }
    return 0;
}

/* Count the blocks of a sector. False if it is not blocks and then 0xFF. */
static bool count_blocks(const uint8_t *sector, unsigned *n)
{
    *n = 0;
    while (*n < AL_SIG_MAX_BLOCKS && al_sig_block_type(sector + *n * AL_SIG_BLOCK_SIZE) != AL_SIG_NO_BLOCK) {
        (*n)++;
    }
    return *n > 0 &&
           al_is_blank(sector + *n * AL_SIG_BLOCK_SIZE, AL_SIG_SECTOR_SIZE - *n * AL_SIG_BLOCK_SIZE);
}

static int take_sector(const char *path, struct signed_file *out, const uint8_t *sector)
{
    if (!count_blocks(sector, &out->n_blocks)) {
        return host_fail("%s: its signature sector is damaged; airlift image strip-signature takes it off",
                         path);
    }
    memcpy(out->sector, sector, sizeof out->sector);
    return 0;
}

/* What follows an image's own bytes. */
static int look_behind(const char *path, const struct host_buf *file, struct signed_file *out)
{
    const uint8_t *data = file->data;
    size_t at = al_sig_sector_off((uint32_t)out->image_len);
    size_t left = file->len - out->image_len;
    if (left >= V1_SIZE && al_get_le32(data + out->image_len) == 0) {
        out->v1 = true;
        return 0;
    }
    if (file->len >= at + AL_SIG_SECTOR_SIZE && data[at] == AL_SIG_BLOCK_MAGIC &&
        al_is_blank(data + at + AL_SIG_SECTOR_SIZE, file->len - at - AL_SIG_SECTOR_SIZE)) {
        return take_sector(path, out, data + at);
    }
    if (!al_is_blank(data + out->image_len, left)) {
        return host_fail(
            "%s: the image is %zu bytes long, and what follows is neither padding nor a signature", path,
            out->image_len);
    }
    return 0;
}

/* Data has no length of its own: the last sector, if it is one of signatures, is not part of it. */
static void look_at_end(const struct host_buf *file, struct signed_file *out)
{
    const uint8_t *last = file->data + file->len - AL_SIG_SECTOR_SIZE;
    out->image_len = file->len;
    if (file->len % AL_SIG_SECTOR_SIZE == 0 && file->len > AL_SIG_SECTOR_SIZE &&
        count_blocks(last, &out->n_blocks)) {
        memcpy(out->sector, last, sizeof out->sector);
        out->image_len -= AL_SIG_SECTOR_SIZE;
    } else {
        out->n_blocks = 0;
    }
}

/* Content: the file's bytes up to the sector; 0xFF where it is shorter. */
static bool take_content(const struct host_buf *file, struct signed_file *out)
{
    size_t want = al_sig_sector_off((uint32_t)out->image_len);
    size_t have = file->len < want || out->v1 ? out->image_len : want;
    host_buf_init(&out->content, SIGNED_FILE_MAX + AL_SIG_SECTOR_SIZE);
    bool ok = host_buf_append(&out->content, file->data, have);
    for (; ok && have < want; have++) {
        ok = host_buf_append(&out->content, &(uint8_t){0xFF}, 1);
    }
    return ok;
}

/* --- Public ---------------------------------------------------------------- */

int signed_file_read(const char *path, bool any_data, struct signed_file *out)
{
    struct host_buf file;
    char message[512];
    enum al_image_fault fault = AL_IMAGE_GOOD;
    if (host_read_file(path, SIGNED_FILE_MAX, &file, message, sizeof message) != 0) {
        return host_fail("%s", message);
    }
    memset(out, 0, sizeof *out);
    memset(out->sector, 0xFF, sizeof out->sector);
    int failed = 0;
    if (file.len == 0) {
        failed = host_fail("%s: empty", path);
    } else if (any_data) {
        look_at_end(&file, out);
    } else if ((out->image_len = image_len(&file, &fault)) == 0) {
        failed = host_fail("%s: not an intact image: %s (--data signs any bytes)", path,
                           al_image_fault_text(fault));
    } else {
        failed = look_behind(path, &file, out);
    }
    if (!failed && !take_content(&file, out)) {
        host_buf_free(&out->content);
        failed = host_fail("out of memory");
    }
    host_buf_free(&file);
    return failed;
}

bool signed_file_add(struct signed_file *f, const uint8_t block[AL_SIG_BLOCK_SIZE])
{
    if (f->n_blocks == AL_SIG_MAX_BLOCKS) {
        return false;
    }
    memcpy(f->sector + f->n_blocks * AL_SIG_BLOCK_SIZE, block, AL_SIG_BLOCK_SIZE);
    f->n_blocks++;
    return true;
}

int signed_file_write(struct signed_file *f, const char *path)
{
    char message[512];
    size_t len = f->content.len;
    if (!host_buf_append(&f->content, f->sector, sizeof f->sector)) {
        return host_fail("out of memory");
    }
    int result = host_write_file(path, f->content.data, f->content.len, message, sizeof message);
    f->content.len = len;
    return result == 0 ? 0 : host_fail("%s", message);
}

void signed_file_free(struct signed_file *f)
{
    host_buf_free(&f->content);
}
