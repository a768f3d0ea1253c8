/*
 * A flash that fails, rots and wears out, under the whole life of an update.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "airlift.h"
#include "device/desc.h"
#include "device/shared.h"
#include "flash_faults.h"
#include "nvs_flash.h"

#define OTADATA    0x9000u
#define NVS        0xB000u
#define SERIAL     4711u /* the app's value in NVS */
#define N_THOROUGH 2u    /* scenarios that are lived in each way even without --long */
#define MAX_RUNS   8u    /* of the engine: an app that gives up is started anew */

static struct state *start, *updated; /* before the update and after it */
static size_t state_size;
static unsigned n_rots = 100; /* rotten flashes of a kind; --long: 5000 */
static unsigned n_seeds = 3;  /* of stuck bits; --long: 50 */
static bool in_full;          /* --long: each operation of each scenario in each way */
static uint32_t thinned = 1;  /* of so many operations one fails; --short: 6 */
static uint32_t n_ops;        /* of the update's life on a sound flash */

static const struct scenario *find(const char *name)
{
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (strcmp(scenarios[i].name, name) == 0) {
            return &scenarios[i];
        }
    }
    fail_msg("there is no scenario %s", name);
    return NULL;
}

/* Live the scenario once on a sound flash. */
static void prepare(const char *name)
{
    const struct scenario *sc = find(name);

    board->flash_size = device_flash_size(sc, &geometry_small);
    state_size = sizeof(struct state) + board->flash_size;
    faults_heal();
    device_make(sc, &geometry_small);
    assert_true(life_provision());
    memcpy(start, board->state, state_size);
    faults_heal();
    life_reference = 0;
    assert_int_equal(life_run(false), LIFE_GOOD);
    n_ops = faults->ops;
    memcpy(updated, board->state, state_size);
}

static void restore(const struct state *s)
{
    memcpy(board->state, s, state_size);
    faults_heal();
}

static bool agent_did_not_start(enum life_end end)
{
    return end == LIFE_ERROR && strcmp(board->why, "the agent does not start") == 0;
}

/*
 * Live on. An app that finds its NVS damaged goes on without its values, or
 * restarts, as a careful one would: the engine ends the life there, this goes on.
 */
static enum life_end run(void)
{
    enum life_end end = LIFE_VALUE;

    for (unsigned i = 0; i < MAX_RUNS; i++) {
        end = life_run(false);
        if (end == LIFE_VALUE && board->done) {
            return LIFE_GOOD;
        }
        if (end != LIFE_VALUE && !agent_did_not_start(end)) {
            break;
        }
        board->state->world.reset = DEV_RESET_POWERON;
    }
    return end;
}

/*
 * Complete, maybe with some bytes of the image downloaded again, or without a
 * way back. Everything else is a fault of the firmware.
 */
static bool is_complete(enum life_end end)
{
    return end == LIFE_GOOD || end == LIFE_REFETCH || end == LIFE_NO_RETURN;
}

/*
 * Live on to the end, and boot once more after it. *forgot counts what a fault in
 * the middle of writing OTA data costs: a trial that was passed, and is passed again.
 */
static enum life_end live_on(unsigned *forgot)
{
    struct world *w = &board->state->world;
    enum life_end end = LIFE_GOOD;

    for (unsigned i = 0; i < MAX_RUNS; i++) {
        const bool ended = w->step == scenario->n_steps;

        w->step -= ended;
        end = run();
        if (end == LIFE_OLDER || (end == LIFE_STUCK && strstr(board->why, "not confirmed") != NULL)) {
            ++*forgot;
            w->floor = scenario->first;
            w->reset = DEV_RESET_POWERON;
        } else if (!is_complete(end) || ended) {
            break;
        }
    }
    return end;
}

/* What the bootloader starts now: a version whose bytes are all there, or NO_VERSION. */
static uint8_t boot_version(void)
{
    static struct al_boot_work work;
    struct al_boot_config config;
    struct al_boot_result result;
    struct dev_desc desc;

    assert_int_equal(dev_desc_load("", &desc, NULL, 0), 0);
    dev_desc_boot_config(&desc, &config);
    if (al_boot(chip_port(), &config, &work, &result) != 0 || !result.boots) {
        return NO_VERSION;
    }
    return device_version_at(board->state, result.part.off);
}

/* An update that can be tried again is expected to complete. */
static bool can_complete(const struct scenario *sc)
{
    return sc->app == APP_AGENT && !sc->offline;
}

/* Signatures make lives dear and meet flash no other way: some of their operations stand for all. */
static bool is_sampled(const struct scenario *sc, uint32_t n)
{
    return n % thinned == 0 && (in_full || !sc->secure_boot || n % 4 == 0);
}

/* Where an eFuse is burnt, a record that is lost in silence matters: that can't be taken back. */
static bool is_lived(unsigned i, uint32_t n, unsigned way)
{
    if (n % thinned != 0) {
        return false;
    }
    return in_full || i < N_THOROUGH || (scenarios[i].anti_rollback && way == FAULT_SILENT) ||
           (way == (n + n / 4) % FAULT_ALL_AFTER && is_sampled(&scenarios[i], n));
}

/* --- Operations that fail ------------------------------------------------------ */

static void fail_once(uint32_t n, enum fault_way way, unsigned *forgot)
{
    restore(start);
    faults->fail_at = n;
    faults->way = way;
    const enum life_end end = live_on(forgot);

    if (!is_complete(end)) {
        fail_msg("%s: operation %u, way %u: %s (%s)", scenario->name, n, way, life_end_name(end), board->why);
    }
}

static void test_flash_that_fails_once_costs_an_attempt_at_most(void **state)
{
    unsigned lives = 0, forgot = 0;

    (void)state;
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (can_complete(&scenarios[i])) {
            prepare(scenarios[i].name);
            for (uint32_t n = 1; n <= n_ops; n++) {
                for (unsigned way = 0; way < FAULT_ALL_AFTER; way++) {
                    if (is_lived(i, n, way)) {
                        fail_once(n, (enum fault_way)way, &forgot);
                        lives++;
                    }
                }
            }
        }
    }
    print_message("%u lives with one failed operation, %u passed their trial twice\n", lives, forgot);
}

static void test_flash_that_fails_until_the_next_boot_leaves_an_update_that_completes(void **state)
{
    unsigned forgot = 0;

    (void)state;
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (!can_complete(&scenarios[i])) {
            continue;
        }
        prepare(scenarios[i].name);
        for (uint32_t n = 1; n <= n_ops; n += in_full || i < N_THOROUGH ? 1 : 3) {
            if (!is_sampled(&scenarios[i], n)) {
                continue;
            }
            restore(start);
            faults->fail_at = n;
            faults->way = FAULT_ALL_AFTER;
            const enum life_end first = run();

            assert_int_not_equal(first, LIFE_BRICK);
            assert_int_not_equal(first, LIFE_FOREIGN);
            faults_heal();
            board->state->world.reset = DEV_RESET_POWERON;
            const enum life_end end = live_on(&forgot);

            if (!is_complete(end)) {
                fail_msg("%s: all from operation %u: %s (%s)", scenario->name, n, life_end_name(end),
                         board->why);
            }
        }
    }
}

/* ESP-IDF's own sequence forgets updates, but the device stays. */
static void test_flash_that_fails_once_never_stops_the_boot(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (can_complete(&scenarios[i])) {
            continue; /* more is asked of it above */
        }
        prepare(scenarios[i].name);
        for (uint32_t n = thinned; n <= n_ops; n += thinned) {
            for (unsigned way = 0; way < N_FAULT_WAYS; way++) {
                restore(start);
                faults->fail_at = n;
                faults->way = (enum fault_way)way;
                const enum life_end end = run();

                if (end == LIFE_BRICK || end == LIFE_FOREIGN ||
                    (end == LIFE_ERROR && !agent_did_not_start(end))) {
                    fail_msg("%s: operation %u, way %u: %s (%s)", scenario->name, n, way, life_end_name(end),
                             board->why);
                }
            }
        }
    }
}

/* --- Worn sectors ------------------------------------------------------------------ */

static enum life_end wear(uint32_t sector, enum wear_way way, uint64_t seed)
{
    restore(start);
    faults->n_worn = 1;
    faults->worn[0] = sector;
    faults->wear = way;
    faults->seed = seed;
    return run();
}

/* The update can't be: the old firmware stays, says why, and does not restart over it. */
static void assert_old_firmware_goes_on(enum life_end end, uint32_t reasons)
{
    assert_int_equal(end, LIFE_STUCK);
    assert_true(board->boots <= 4); /* all of them power-ons: the app went idle each time */
    assert_true(faults->reasons & reasons);
    assert_int_equal(boot_version(), scenario->first);
    assert_int_equal(life_run(false), LIFE_STUCK);
    assert_true(board->boots <= 4);
    assert_int_equal(boot_version(), scenario->first);
}

static void test_flash_with_a_dead_sector_in_the_slot_keeps_the_old_firmware(void **state)
{
    (void)state;
    prepare("slots");
    const uint32_t slot = board->flash_size - geometry.slot_size; /* ota_1 */

    for (uint32_t off = slot; off < slot + images[2].len; off += AL_SECTOR_SIZE) {
        for (unsigned way = 0; way < WEAR_STUCK; way++) {
            assert_old_firmware_goes_on(wear(off, (enum wear_way)way, 1), 1u << AIRLIFT_FAIL_FLASH);
        }
        assert_old_firmware_goes_on(wear(off, WEAR_STUCK, 1), 1u << AIRLIFT_FAIL_IMAGE);
    }
}

/* A right image whose signature got lost on the way through flash is no image that nobody trusts. */
static void test_flash_that_loses_a_signature_in_silence_gets_it_once_more(void **state)
{
    unsigned hits = 0, forgot = 0;

    (void)state;
    prepare("revocation");
    const uint32_t sector =
        board->flash_size - geometry.slot_size + images[2].len - AL_SIG_SECTOR_SIZE; /* of ota_1 */

    for (uint32_t off = sector - AL_SECTOR_SIZE; off <= sector; off += AL_SECTOR_SIZE) {
        for (uint32_t n = 1; n <= 3; n++) {
            restore(start);
            faults->only_in = off;
            faults->fail_at = n;
            faults->way = FAULT_SILENT;
            const enum life_end end = live_on(&forgot);

            if (!is_complete(end)) {
                fail_msg("0x%x, operation %u: %s (%s)", off, n, life_end_name(end), board->why);
            }
            hits += faults->hits;
        }
    }
    assert_true(hits >= 4); /* erased and programmed, each of the two */
}

static void test_flash_with_a_dead_sector_in_nvs_updates_or_says_why(void **state)
{
    unsigned without_agent = 0;

    (void)state;
    prepare("slots");
    for (uint32_t off = NVS; off < NVS + geometry.nvs_size; off += AL_SECTOR_SIZE) {
        for (unsigned way = 0; way < N_WEAR_WAYS; way++) {
            const enum life_end end = wear(off, (enum wear_way)way, 1);

            if (agent_did_not_start(end)) {
                without_agent++; /* airlift_start() returns NVS's error */
                assert_int_equal(boot_version(), scenario->first);
            } else if (!is_complete(end)) {
                assert_old_firmware_goes_on(end, 1u << AIRLIFT_FAIL_STORAGE);
            }
        }
    }
    print_message("%u dead sectors keep the agent from starting\n", without_agent);
}

static void test_flash_with_a_worn_otadata_sector_always_boots(void **state)
{
    unsigned n[2][N_WEAR_WAYS] = {{0}};

    (void)state;
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (!can_complete(&scenarios[i])) {
            continue;
        }
        prepare(scenarios[i].name);
        for (unsigned sector = 0; sector < 2; sector++) {
            for (unsigned way = 0; way < N_WEAR_WAYS; way++) {
                for (uint64_t seed = 1; seed <= n_seeds; seed++) {
                    const enum life_end end =
                        wear(OTADATA + sector * AL_SECTOR_SIZE, (enum wear_way)way, seed);

                    n[is_complete(end)][way]++;
                    if (end == LIFE_BRICK || end == LIFE_FOREIGN || (end == LIFE_OLDER && way < WEAR_STUCK) ||
                        boot_version() == NO_VERSION) {
                        fail_msg("%s: sector %u, way %u, seed %u: %s (%s)", scenario->name, sector, way,
                                 (unsigned)seed, life_end_name(end), board->why);
                    }
                    if (strstr(board->why, "again and again") != NULL) {
                        /* A record that can't be erased can't note a trial: such a sector is not written. */
                        fail_msg("%s: sector %u, way %u, seed %u: a version that crashes is started for ever",
                                 scenario->name, sector, way, (unsigned)seed);
                    } else if (end == LIFE_STUCK && faults->reasons == 0) {
                        fail_msg("%s: sector %u, way %u, seed %u: %s, and nothing was reported (%s)",
                                 scenario->name, sector, way, (unsigned)seed, life_end_name(end), board->why);
                    }
                }
            }
        }
    }
    for (unsigned way = 0; way < N_WEAR_WAYS; way++) {
        print_message("way %u: %u updates complete, %u do not\n", way, n[1][way], n[0][way]);
    }
}

/* --- Bits that rot -------------------------------------------------------------------- */

static void flip(uint32_t off, uint32_t len, uint64_t dice)
{
    board->state->flash[off + dice % len] ^= (uint8_t)(1u << (dice >> 32) % 8);
}

/* The update is there to be done again. */
static void rewind_step(void)
{
    struct world *w = &board->state->world;

    w->step = (uint8_t)(scenario->n_steps - 1);
    w->floor = w->verified = w->refetched = 0;
    w->reset = DEV_RESET_POWERON;
}

static uint32_t slot_of(uint8_t version)
{
    uint32_t off = 0x10000;

    while (device_version_at(board->state, off) != version) {
        off += geometry.slot_size;
        assert_true(off < board->flash_size);
    }
    return off;
}

static void test_flash_that_rots_in_the_running_slot_falls_back_and_is_repaired(void **state)
{
    (void)state;
    prepare("slots");
    for (uint64_t k = 0; k < n_rots; k++) {
        restore(updated);
        const uint32_t slot = slot_of(2);

        flip(slot, images[2].len, mix(1, k));
        assert_int_equal(boot_version(), 1);
        rewind_step();
        const enum life_end end = run();

        if (!is_complete(end)) {
            fail_msg("bit %u: %s (%s)", (unsigned)k, life_end_name(end), board->why);
        }
        assert_int_equal(boot_version(), 2);
    }
}

static void test_flash_that_rots_in_the_other_slot_does_not_matter(void **state)
{
    (void)state;
    prepare("slots");
    for (uint64_t k = 0; k < n_rots; k++) {
        restore(updated);
        flip(slot_of(1), images[1].len, mix(2, k));
        assert_int_equal(boot_version(), 2);
        rewind_step();
        assert_true(is_complete(run()));
        assert_int_equal(boot_version(), 2);
    }
}

/* In the factory app too: then nothing is left but the one that runs. */
static void test_flash_that_rots_everywhere_else_boots_what_is_whole(void **state)
{
    (void)state;
    prepare("slots");
    for (uint64_t k = 0; k < n_rots; k++) {
        restore(updated);
        const uint8_t survivor = (uint8_t)(k % 3);

        for (uint8_t v = 0; v < 3; v++) {
            if (v != survivor) {
                flip(slot_of(v), images[v].len, mix(3, k << 2 | v));
            }
        }
        assert_int_equal(boot_version(), survivor);
    }
}

static void test_flash_that_rots_in_otadata_boots_a_whole_image(void **state)
{
    unsigned refused = 0;

    (void)state;
    prepare("slots");
    for (uint64_t k = 0; k < 4 * n_rots; k++) {
        restore(updated);
        for (unsigned bits = 0; bits <= k % 8; bits++) {
            const uint64_t dice = mix(4, k << 3 | bits);

            flip(OTADATA + (uint32_t)(dice >> 40) % 2 * AL_SECTOR_SIZE, 32, dice);
        }
        assert_int_not_equal(boot_version(), NO_VERSION);
        rewind_step();
        const enum life_end end = run();

        /* A state may come to read "invalid", which no CRC covers: a verdict like any other. */
        if (end == LIFE_STUCK && faults->reasons & 1u << AIRLIFT_FAIL_KNOWN_BAD) {
            refused++;
        } else if (!is_complete(end)) {
            fail_msg("otadata %u: %s (%s)", (unsigned)k, life_end_name(end), board->why);
        }
        assert_int_not_equal(boot_version(), NO_VERSION);
    }
    print_message("%u of %u rotten records read as a verdict\n", refused, 4 * n_rots);
}

/* Some bits, mostly where the values are. */
static void rot_nvs(uint64_t k)
{
    for (unsigned bits = 0; bits <= k % 4; bits++) {
        flip(NVS, k % 2 == 0 ? 1024 : geometry.nvs_size, mix(5, k << 2 | bits));
    }
}

enum found { NO_NVS, NOT_FOUND, FOUND, CHANGED, BROKEN };

/* What an app finds in a rotten NVS: an enum found. In a process of its own. */
static _Noreturn void read_values(void)
{
    nvs_handle_t nvs;
    uint32_t serial = SERIAL;
    esp_err_t err;

    if (setenv(DEV_ENV_FLASH, "", 1) != 0 || setenv(DEV_ENV_RUNNING, "ota_1", 1) != 0) {
        _exit(BROKEN);
    }
    err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        err = nvs_flash_erase() == ESP_OK ? nvs_flash_init() : ESP_FAIL;
    }
    if (err != ESP_OK) {
        _exit(NO_NVS);
    }
    err = nvs_open("app", NVS_READONLY, &nvs);
    if (err == ESP_OK) {
        err = nvs_get_u32(nvs, "serial", &serial);
        nvs_close(nvs);
    }
    if (err == ESP_OK) {
        _exit(serial == SERIAL ? FOUND : CHANGED);
    }
    _exit(err == ESP_ERR_NVS_NOT_FOUND ? NOT_FOUND : BROKEN);
}

static void test_flash_that_rots_in_nvs_loses_values_but_never_changes_them(void **state)
{
    unsigned n[BROKEN + 1] = {0};

    (void)state;
    prepare("slots");
    for (uint64_t k = 0; k < 4 * n_rots; k++) {
        restore(updated);
        rot_nvs(k);
        fflush(stdout);
        const pid_t pid = fork();
        int status;

        if (pid == 0) {
            read_values();
        }
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
        n[WEXITSTATUS(status) <= BROKEN ? WEXITSTATUS(status) : BROKEN]++;
        restore(start);
        rot_nvs(k);
        const enum life_end end = run();

        if (!is_complete(end) && end != LIFE_VALUE) {
            fail_msg("nvs %u: %s (%s)", (unsigned)k, life_end_name(end), board->why);
        }
        assert_int_equal(boot_version(), 2);
    }
    assert_int_equal(n[FOUND] + n[NOT_FOUND], 4 * n_rots);
    print_message("%u of %u rotten flashes lost the value\n", n[NOT_FOUND], 4 * n_rots);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flash_that_fails_once_costs_an_attempt_at_most),
        cmocka_unit_test(test_flash_that_fails_until_the_next_boot_leaves_an_update_that_completes),
        cmocka_unit_test(test_flash_that_fails_once_never_stops_the_boot),
        cmocka_unit_test(test_flash_with_a_dead_sector_in_the_slot_keeps_the_old_firmware),
        cmocka_unit_test(test_flash_that_loses_a_signature_in_silence_gets_it_once_more),
        cmocka_unit_test(test_flash_with_a_dead_sector_in_nvs_updates_or_says_why),
        cmocka_unit_test(test_flash_with_a_worn_otadata_sector_always_boots),
        cmocka_unit_test(test_flash_that_rots_in_the_running_slot_falls_back_and_is_repaired),
        cmocka_unit_test(test_flash_that_rots_in_the_other_slot_does_not_matter),
        cmocka_unit_test(test_flash_that_rots_everywhere_else_boots_what_is_whole),
        cmocka_unit_test(test_flash_that_rots_in_otadata_boots_a_whole_image),
        cmocka_unit_test(test_flash_that_rots_in_nvs_loses_values_but_never_changes_them),
    };
    uint32_t most = 0;

    if (argc == 2 && strcmp(argv[1], "--long") == 0) {
        in_full = true;
        n_rots = 5000;
        n_seeds = 50;
    }
    if (argc == 2 && strcmp(argv[1], "--short") == 0) {
        thinned = 6;
        n_rots = 25;
    }
    for (unsigned i = 0; i < n_scenarios; i++) {
        const uint32_t size = device_flash_size(&scenarios[i], &geometry_small);

        most = size > most ? size : most;
    }
    faults_init(most);
    start = malloc(sizeof(struct state) + board->flash_size);
    updated = malloc(sizeof(struct state) + board->flash_size);
    return start == NULL || updated == NULL ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
