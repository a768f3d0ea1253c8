/*
 * image_build.c - an app image from a program: describe it, lay it out, seal it.
 *
 * What comes out depends on the input alone: the time in the description is
 * SOURCE_DATE_EPOCH or the program's own date, never "now".
 */
#include "image_build.h"

#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "airlift/bytes.h"
#include "airlift/image.h"
#include "host/file.h"
#include "image_elf.h"
#include "image_rows.h"

#define SPI_MODE_DIO  2
#define FLASH_SIZE_4M 2
#define IDF_VER       "airlift-" AIRLIFT_VERSION
#define TEXT_MAX      31u /* characters of a version or name: one byte of 32 ends it */

struct request {
    const char *elf;
    const char *debug_elf;
    const char *project;
    const char *version;
    const char *chip_name;
    const char *out;
    uint32_t secure_version;
    bool has_secure_version;
    const struct al_chip *chip;
};

/* --- Description ----------------------------------------------------------- */

/* When the program was made, in UTC. */
static bool made_at(const char *path, struct tm *out, char *err, size_t err_size)
{
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t when;
    struct stat st;

    if (epoch && epoch[0]) {
        char *end;
        errno = 0;
        long long seconds = strtoll(epoch, &end, 10);
        if (errno || *end || seconds < 0 || seconds > 253402300799LL) { /* the end of year 9999 */
            snprintf(err, err_size, "SOURCE_DATE_EPOCH is not a number of seconds: %s", epoch);
            return false;
        }
        when = (time_t)seconds;
    } else if (stat(path, &st) == 0) {
        when = st.st_mtime;
    } else {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!gmtime_r(&when, out)) {
        snprintf(err, err_size, "%s: its date cannot be expressed", path);
        return false;
    }
    return true;
}

/* Fill a description for the virtual device, or complete the one that the linker placed. */
static bool describe(const struct request *r, const struct host_buf *elf, const struct image_plan *plan,
                     struct al_image_desc *desc, char *err, size_t err_size)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct host_buf debug;
    const struct host_buf *hashed = elf;
    struct tm tm;

    memset(desc, 0, sizeof *desc);
    if (r->chip->id == AL_CHIP_LINUX) {
        if (!made_at(r->elf, &tm, err, err_size)) {
            return false;
        }
        snprintf(desc->time, sizeof desc->time, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
        snprintf(desc->date, sizeof desc->date, "%s %2d %04u", months[tm.tm_mon], tm.tm_mday,
                 (unsigned)(tm.tm_year + 1900) % 10000u);
        snprintf(desc->idf_ver, sizeof desc->idf_ver, "%s", IDF_VER);
        desc->max_blk_rev = 65535;
    } else if (al_image_parse_desc(plan->piece[0].data, desc) != 0) {
        snprintf(err, err_size, "%s: no app description", r->elf);
        return false;
    }
    if (r->project) {
        snprintf(desc->project, sizeof desc->project, "%s", r->project);
    }
    if (r->version) {
        snprintf(desc->version, sizeof desc->version, "%s", r->version);
    }
    if (r->has_secure_version) {
        desc->secure_version = r->secure_version;
    }

    host_buf_init(&debug, 1u << 30);
    if (r->debug_elf) {
        if (host_read_file(r->debug_elf, debug.max, &debug, err, err_size) != 0) {
            return false;
        }
        hashed = &debug;
    }
    bool ok = al_sha256(hashed->data, hashed->len, desc->elf_sha256) == 0;
    if (!ok) {
        snprintf(err, err_size, "%s: could not be hashed", r->elf);
    }
    host_buf_free(&debug);
    return ok;
}

/* --- Writing --------------------------------------------------------------- */

/*
 * Append the pieces to `image`, which holds the image's header, the first
 * segment's header and the description. Returns the checksum in *sum.
 */
static bool append_pieces(const struct image_plan *plan, struct host_buf *image, uint8_t *sum)
{
    static const uint8_t zeros[4096];

    *sum = al_image_checksum(0xEF, image->data + AL_IMAGE_DESC_OFF, AL_IMAGE_DESC_SIZE);
    for (unsigned i = 0; i < plan->n; i++) {
        const struct image_piece *p = &plan->piece[i];
        uint32_t done = i == 0 ? AL_IMAGE_DESC_SIZE : 0;

        if (i > 0) {
            uint8_t header[AL_IMAGE_SEGMENT_SIZE];
            al_put_le32(header, p->addr);
            al_put_le32(header + 4, p->len);
            if (!host_buf_append(image, header, sizeof header)) {
                return false;
            }
        }
        if (p->data_len > done) {
            *sum = al_image_checksum(*sum, p->data + done, p->data_len - done);
            if (!host_buf_append(image, p->data + done, p->data_len - done)) {
                return false;
            }
            done = p->data_len;
        }
        while (done < p->len) { /* zeros leave the checksum as it is */
            uint32_t part = p->len - done < sizeof zeros ? p->len - done : (uint32_t)sizeof zeros;
            if (!host_buf_append(image, zeros, part)) {
                return false;
            }
            done += part;
        }
    }
    return true;
}

static bool assemble(const struct request *r, const struct image_plan *plan, const struct al_image_desc *desc,
                     struct host_buf *image)
{
    struct al_image_new what = {
        .header =
            {
                .n_segments = (uint8_t)plan->n,
                .spi_mode = SPI_MODE_DIO,
                .spi_size = FLASH_SIZE_4M,
                .entry = plan->entry,
                .chip_id = r->chip->id,
                .max_rev = 65535,
                .hash_appended = true,
            },
        .desc = *desc,
    };
    uint8_t prefix[AL_IMAGE_PREFIX_SIZE];
    uint8_t tail[AL_IMAGE_TAIL_MAX];
    struct al_hash hash;
    uint8_t sum;

    al_image_build_prefix(&what, plan->piece[0].addr, plan->piece[0].len, prefix);
    if (r->chip->id != AL_CHIP_LINUX) {
        /* Fields of the description that airlift does not know stay as they were linked. */
        const uint8_t *linked = plan->piece[0].data;
        memcpy(prefix + AL_IMAGE_DESC_OFF + 8, linked + 8, 8);
        memcpy(prefix + AL_IMAGE_DESC_OFF + 182, linked + 182, AL_IMAGE_DESC_SIZE - 182);
    }
    if (!host_buf_append(image, prefix, sizeof prefix) || !append_pieces(plan, image, &sum)) {
        return false;
    }
    if (al_sha256_init(&hash) != 0) {
        return false;
    }
    if (al_hash_update(&hash, image->data, image->len) != 0) {
        al_hash_abort(&hash);
        return false;
    }
    int n = al_image_build_tail(&hash, (uint32_t)image->len, sum, tail);
    return n > 0 && host_buf_append(image, tail, (size_t)n);
}

/* What was built must pass the checks a device makes. */
static bool is_good(const struct host_buf *image, const struct al_chip *chip, const char **fault)
{
    struct al_image_rules rules = {.chip = chip, .for_load = true};
    struct al_image_check check;

    /* Revisions belong to a device, not to the build: any will do. */
    rules.chip_rev = UINT16_MAX;
    rules.blk_rev = UINT16_MAX;
    rules.ignore_max_chip_rev = true;
    rules.ignore_max_blk_rev = true;
    int err = al_image_check_begin(&check, &rules);
    if (err == 0) {
        err = al_image_check_feed(&check, image->data, image->len);
        int end = al_image_check_end(&check, NULL);
        err = err != 0 ? err : end;
    }
    *fault = al_image_fault_text(check.fault);
    return err == 0;
}

/* --- Command --------------------------------------------------------------- */

static int build(const struct request *r)
{
    struct host_buf elf;
    struct host_buf image;
    struct image_plan plan = {0};
    struct al_image_desc desc;
    const char *fault = NULL;
    char err[512];
    int code = 1;

    host_buf_init(&elf, 1u << 30); /* an ELF for a chip carries debug information */
    host_buf_init(&image, AL_IMAGE_MAX_LEN + 4096);
    if (host_read_file(r->elf, elf.max, &elf, err, sizeof err) != 0) {
        host_fail("%s", err);
        goto out;
    }
    bool planned = r->chip->id == AL_CHIP_LINUX ? image_plan_linux(&elf, &plan, err, sizeof err)
                                                : image_plan_chip(&elf, r->chip, &plan, err, sizeof err);
    if (!planned) {
        host_fail("%s: %s", r->elf, err);
        goto out;
    }
    if (!describe(r, &elf, &plan, &desc, err, sizeof err)) {
        host_fail("%s", err);
        goto out;
    }
    if (!assemble(r, &plan, &desc, &image)) {
        host_fail("%s: the image could not be assembled", r->elf);
        goto out;
    }
    if (!is_good(&image, r->chip, &fault)) {
        host_fail("%s: would make an image that %s refuses: %s", r->elf, r->chip->name, fault);
        goto out;
    }
    if (host_write_file(r->out, image.data, image.len, err, sizeof err) != 0) {
        host_fail("%s", err);
        goto out;
    }
    code = 0;
out:
    image_plan_free(&plan);
    host_buf_free(&image);
    host_buf_free(&elf);
    return code;
}

const char cmd_image_build_help[] =
    "Makes an app image from a linked program. For the virtual device (chip linux, the default) the\n"
    "image carries the ELF as it is. For a real chip the program's sections are laid out as\n"
    "`esptool elf2image` does, and the app description that ESP-IDF linked in is completed: a name,\n"
    "version or secure version given here replaces its own.\n"
    "\n"
    "The same input gives the same image: its date is SOURCE_DATE_EPOCH if that is set, else the\n"
    "program file's. The image is checked before it is written, and written whole or not at all.\n"
    "\n"
    "Example:\n"
    "  airlift image build --elf build/app --project app --version 1.4.3 -o app.bin";

int cmd_image_build(int argc, char **argv)
{
    const struct host_cmd *row = &cmd_image[CMD_IMAGE_BUILD];
    struct request r = {.chip_name = "linux"};
    const struct host_opt opts[] = {
        {.name = "elf",
         .kind = HOST_OPT_TEXT,
         .value = &r.elf,
         .arg = "PROGRAM",
         .help = "the linked program"},
        {.name = "project",
         .kind = HOST_OPT_TEXT,
         .value = &r.project,
         .arg = "NAME",
         .help = "project name, at most 31 characters"},
        {.name = "version",
         .kind = HOST_OPT_TEXT,
         .value = &r.version,
         .arg = "V",
         .help = "version, at most 31 characters"},
        {.name = "chip",
         .kind = HOST_OPT_TEXT,
         .value = &r.chip_name,
         .arg = "CHIP",
         .help = "linux (default), esp32, esp32c3, ..."},
        {.name = "secure-version",
         .kind = HOST_OPT_NUMBER,
         .value = &r.secure_version,
         .arg = "N",
         .help = "for anti-rollback (default 0)",
         .given = &r.has_secure_version},
        {.name = "debug-elf",
         .kind = HOST_OPT_TEXT,
         .value = &r.debug_elf,
         .arg = "FILE",
         .help = "the unstripped program: its SHA-256 goes into the description, so that it can be found"},
        {.name = "output",
         .letter = 'o',
         .kind = HOST_OPT_TEXT,
         .value = &r.out,
         .arg = "IMG",
         .help = "the image"},
        {0},
    };

    if (host_parse(row, argc, argv, opts) != 0) {
        host_usage(row, "unexpected word '%s'", argv[0]);
    }
    if (!r.elf || !r.out) {
        host_usage(row, "%s is missing", r.elf ? "-o IMG" : "--elf PROGRAM");
    }
    r.chip = al_chip_by_name(r.chip_name);
    if (!r.chip) {
        host_usage(row, "unknown chip '%s'", r.chip_name);
    }
    if (r.chip->id == AL_CHIP_LINUX && (!r.project || !r.version)) {
        host_usage(row, "%s is missing", r.project ? "--version V" : "--project NAME");
    }
    if (r.project && strlen(r.project) > TEXT_MAX) {
        return host_fail("project name '%s' has %zu characters; an app description holds %u", r.project,
                         strlen(r.project), TEXT_MAX);
    }
    if (r.version && strlen(r.version) > TEXT_MAX) {
        return host_fail("version '%s' has %zu characters; an app description holds %u", r.version,
                         strlen(r.version), TEXT_MAX);
    }
    return build(&r);
}
