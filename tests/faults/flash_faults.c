#include "flash_faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "agent.h"
#include "device/nor_flash.h"

struct faults *faults;

const struct al_flash *__real_chip_port(void);
const struct al_flash *__wrap_chip_port(void);
const struct al_flash *__wrap_dev_flash_port(const struct dev_flash *flash);
airlift_fail_t __real_agent_check(struct agent *a);
airlift_fail_t __wrap_agent_check(struct agent *a);
void __real_agent_tell(struct agent *a, airlift_event_id_t id, const char *version, airlift_fail_t reason,
                       const char *text);
void __wrap_agent_tell(struct agent *a, airlift_event_id_t id, const char *version, airlift_fail_t reason,
                       const char *text);

/* --- Worn sectors ----------------------------------------------------------- */

static bool is_worn(uint32_t off)
{
    if (faults->half_erased != 0 && faults->half_erased == off - off % AL_SECTOR_SIZE) {
        return true;
    }
    for (unsigned i = 0; i < faults->n_worn; i++) {
        if (faults->worn[i] == off - off % AL_SECTOR_SIZE) {
            return true;
        }
    }
    return false;
}

/* Bits of the byte that can still become 1: of some bytes all but one. */
static uint8_t sound_bits(uint32_t off)
{
    const bool first = faults->wear == WEAR_STUCK_FIRST;
    const uint64_t rnd = mix(faults->seed, off);

    if ((first && off % AL_SECTOR_SIZE >= 32) || rnd % (first ? 4 : 64) != 0) {
        return 0xFF;
    }
    return (uint8_t)(0xFFu ^ 1u << (rnd >> 8) % 8);
}

static bool is_stuck(void)
{
    return faults->wear == WEAR_STUCK || faults->wear == WEAR_STUCK_FIRST;
}

static int erase_worn(const struct al_flash *chip, uint32_t off)
{
    faults->hits++;
    if (faults->wear == WEAR_ERASE_FAILS) {
        return AL_ERR_IO;
    }
    const int err = chip->erase(chip->ctx, off, AL_SECTOR_SIZE);

    for (uint32_t i = 0; is_stuck() && i < AL_SECTOR_SIZE; i++) {
        board->state->flash[off + i] &= sound_bits(off + i);
    }
    return err;
}

static bool touches_worn(uint32_t off, uint32_t len)
{
    bool any = is_worn(off + len - 1);

    for (uint32_t at = 0; at < len; at += AL_SECTOR_SIZE) {
        any = any || is_worn(off + at);
    }
    return any;
}

/* A program that sets no bit, as the chip does it: without looking at what is there. */
static int program_worn(uint32_t off, const uint8_t *data, uint32_t len)
{
    if (faults->n_worn > 0 && faults->wear == WEAR_PROGRAM_FAILS) {
        faults->hits++;
        return AL_ERR_IO;
    }
    for (uint32_t i = 0; i < len; i++) {
        faults->hits += (data[i] & ~board->state->flash[off + i]) != 0;
        board->state->flash[off + i] &= data[i];
    }
    return 0;
}

/* --- Operations that fail once ---------------------------------------------- */

/* Is it this operation's turn to fail? */
static bool fails_now(uint32_t off)
{
    if (faults->only_in != 0 && off / AL_SECTOR_SIZE != faults->only_in / AL_SECTOR_SIZE) {
        return false;
    }
    faults->ops++;
    return faults->fail_at != 0 && (faults->ops == faults->fail_at ||
                                    (faults->way == FAULT_ALL_AFTER && faults->ops > faults->fail_at));
}

static int outcome(void)
{
    faults->hits++;
    return faults->way == FAULT_SILENT ? 0 : AL_ERR_IO;
}

static int faulty_program(const struct al_flash *chip, uint32_t off, const uint8_t *data, uint32_t len)
{
    const bool worn = touches_worn(off, len);
    const bool fails = fails_now(off);
    uint32_t n = len;

    if (fails && faults->way != FAULT_DONE) {
        n = faults->way == FAULT_HALF || faults->way == FAULT_SILENT ? len / 2 : 0;
    }
    if (n > 0) {
        const int err = worn ? program_worn(off, data, n) : chip->write(chip->ctx, off, data, n);

        if (err != 0) {
            return err;
        }
    }
    return fails ? outcome() : 0;
}

static int faulty_erase_sector(const struct al_flash *chip, uint32_t off)
{
    const bool fails = fails_now(off);

    if (faults->half_erased == off) {
        faults->half_erased = 0;
    }
    if (is_worn(off)) {
        return erase_worn(chip, off);
    }
    if (!fails) {
        return chip->erase(chip->ctx, off, AL_SECTOR_SIZE);
    }
    if (faults->way == FAULT_DONE) {
        (void)chip->erase(chip->ctx, off, AL_SECTOR_SIZE);
    } else if (faults->way == FAULT_HALF || faults->way == FAULT_SILENT) {
        memset(board->state->flash + off, 0xFF, AL_SECTOR_SIZE / 2);
        /* Who believes it is erased is told nothing when programming it. */
        faults->half_erased = faults->way == FAULT_SILENT ? off : 0;
    }
    return outcome();
}

/* --- The port ------------------------------------------------------------------ */

static int faulty_read(void *ctx, uint32_t off, void *buf, uint32_t len)
{
    const struct al_flash *chip = __real_chip_port();

    (void)ctx;
    return chip->read(chip->ctx, off, buf, len);
}

static int faulty_write(void *ctx, uint32_t off, const void *buf, uint32_t len)
{
    (void)ctx;
    return len == 0 ? 0 : faulty_program(__real_chip_port(), off, buf, len);
}

static int faulty_erase(void *ctx, uint32_t off, uint32_t len)
{
    int err = 0;

    (void)ctx;
    for (const uint32_t end = off + len; err == 0 && off < end; off += AL_SECTOR_SIZE) {
        err = faulty_erase_sector(__real_chip_port(), off);
    }
    return err;
}

static struct al_flash port = {.read = faulty_read, .write = faulty_write, .erase = faulty_erase};

const struct al_flash *__wrap_chip_port(void)
{
    port.size = board->flash_size;
    return &port;
}

const struct al_flash *__wrap_dev_flash_port(const struct dev_flash *flash)
{
    (void)flash;
    return __wrap_chip_port();
}

/* --- What the agent says --------------------------------------------------------- */

airlift_fail_t __wrap_agent_check(struct agent *a)
{
    const airlift_fail_t fail = __real_agent_check(a);

    faults->reasons |= fail != AIRLIFT_FAIL_NONE ? 1u << fail : 0;
    return fail;
}

void __wrap_agent_tell(struct agent *a, airlift_event_id_t id, const char *version, airlift_fail_t reason,
                       const char *text)
{
    faults->reasons |= id == AIRLIFT_EVENT_FAILED ? 1u << reason : 0;
    __real_agent_tell(a, id, version, reason, text);
}

/* --- Arranging --------------------------------------------------------------------- */

void faults_init(uint32_t flash_size)
{
    board = board_new(flash_size);
    faults = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (faults == MAP_FAILED) {
        perror("faults: memory");
        exit(1);
    }
}

void faults_heal(void)
{
    memset(faults, 0, sizeof(*faults));
}
