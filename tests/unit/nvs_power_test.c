/*
 * Nothing is forgotten: a workload on three pages, with the power cut at every
 * flash operation.
 *
 * The workload runs in sessions; each starts with a boot. A life is one session
 * cut at operation N, torn in one way, then power on: every key must hold the
 * value of before or after the step that was cut, all others theirs, and the
 * rest of the session must go through. A failure names the life; set NVS_LIFE
 * to session:operation:tear:seed to run that one alone.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "nvs_nor.h"
#include "nvs_storage.h"

#define N_PAGES       3u
#define N_STEPS       180u
#define SESSION_STEPS 5u
#define MAX_VALUE     4000u

/* ---- the workload ---- */

enum kind { SET_U8, SET_U32, SET_STR, SET_BLOB, ERASE_KEY, ERASE_NS };

struct step {
    enum kind kind;
    uint8_t ns;
    uint8_t key;
    uint16_t len;
    uint32_t seed; /* of the value */
};

/* What a key holds: a step that set it, or nothing. */
struct slot {
    const struct step *step; /* NULL: not there */
};

/*
 * Keys 0-3 and 8-9 are numbers, 4-5 strings, 6 a blob that spans pages, 7 a
 * small blob whose type now and then changes. Namespace 2 has three numbers
 * and a blob, and is erased as a whole.
 */
#define N_KEYS 14u

static const char *const key_names[N_KEYS] = {"boots", "offset",  "flags", "count", "url",
                                              "etag",  "journal", "state", "k8",    "fifteen_chars_k",
                                              "x",     "y",       "z",     "w"};

static uint8_t key_ns(unsigned key)
{
    return key < 10 ? 1 : 2;
}

static struct step steps[N_STEPS];

static void make_steps(void)
{
    uint32_t rnd = 20260701;
    for (unsigned i = 0; i < N_STEPS; i++) {
        struct step *s = &steps[i];
        unsigned dice = nor_random(&rnd) % 100;
        s->seed = nor_random(&rnd);
        s->key = (uint8_t)(dice < 40   ? nor_random(&rnd) % 4
                           : dice < 48 ? 8 + nor_random(&rnd) % 2
                           : dice < 65 ? 4 + nor_random(&rnd) % 2
                           : dice < 76 ? 6
                           : dice < 85 ? 7
                                       : 10 + nor_random(&rnd) % 4);
        s->ns = key_ns(s->key);
        switch (s->key) {
        case 4:
        case 5:
            s->kind = SET_STR;
            s->len = (uint16_t)(1 + nor_random(&rnd) % 200);
            break;
        case 6:
            s->kind = SET_BLOB;
            s->len = (uint16_t)(1500 + nor_random(&rnd) % 1600);
            break;
        case 7:
            s->kind = dice % 3 == 0 ? SET_U32 : SET_BLOB;
            s->len = (uint16_t)(nor_random(&rnd) % 120);
            break;
        case 13:
            s->kind = SET_BLOB;
            s->len = (uint16_t)(nor_random(&rnd) % 400);
            break;
        default:
            s->kind = s->key % 2 ? SET_U8 : SET_U32;
        }
        if (dice % 9 == 8)
            s->kind = ERASE_KEY;
        if (i % 45 == 44) {
            s->kind = ERASE_NS;
            s->ns = 2;
        }
    }
}

/* An entry as NVS writes it: key "boots" with a value that nobody set. */
static const uint8_t *forged_entry(void)
{
    static struct nor scratch;
    struct nvs_port port = nor_port(&scratch);
    struct nvs_page page = {0};
    struct nvs_item item;
    if (scratch.size == 0) {
        nor_init(&scratch, 1);
        nvs_item_init(&item, 1, NVS_TYPE_U32, key_names[0]);
        memset(item.value, 0x42, 4);
        assert_int_equal(nvs_page_activate(&port, &page, 0), ESP_OK);
        assert_int_equal(nvs_page_append(&port, &page, &item, NULL, 0), ESP_OK);
    }
    return scratch.bytes + 64;
}

/* The bytes that a step sets. The large blob is made of forged entries: data must never pass for items. */
static size_t step_value(const struct step *s, uint8_t *out)
{
    uint32_t rnd = s->seed;
    size_t len = s->kind == SET_U8 ? 1 : s->kind == SET_U32 ? 4 : s->len;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(nor_random(&rnd) >> 8 | 1);
    for (size_t i = NVS_ENTRY_SIZE; s->key == 6 && i + NVS_ENTRY_SIZE <= len; i += NVS_ENTRY_SIZE)
        memcpy(out + i, forged_entry(), NVS_ENTRY_SIZE);
    if (s->kind == SET_STR)
        out[len - 1] = 0;
    return len;
}

static nvs_type_t step_type(const struct step *s)
{
    switch (s->kind) {
    case SET_U8:
        return NVS_TYPE_U8;
    case SET_U32:
        return NVS_TYPE_U32;
    case SET_STR:
        return NVS_TYPE_STR;
    default:
        return NVS_TYPE_BLOB;
    }
}

static esp_err_t run_step(struct nvs_storage *st, const struct step *s)
{
    static uint8_t value[MAX_VALUE];
    esp_err_t err;
    switch (s->kind) {
    case ERASE_KEY:
        err = nvs_storage_erase_key(st, s->ns, key_names[s->key]);
        return err == ESP_ERR_NVS_NOT_FOUND ? ESP_OK : err;
    case ERASE_NS:
        return nvs_storage_erase_ns(st, s->ns);
    default: {
        size_t len = step_value(s, value);
        return nvs_storage_set(st, s->ns, step_type(s), key_names[s->key], value, len);
    }
    }
}

static void model_step(struct slot model[N_KEYS], const struct step *s)
{
    if (s->kind == ERASE_NS) {
        for (unsigned k = 0; k < N_KEYS; k++) {
            if (key_ns(k) == s->ns)
                model[k].step = NULL;
        }
    } else {
        model[s->key].step = s->kind == ERASE_KEY ? NULL : s;
    }
}

/* ---- checks ---- */

static struct nor nor;
static char life[64]; /* names the life that is running */

#define REQUIRE(cond, ...)                          \
    do {                                            \
        if (!(cond)) {                              \
            fprintf(stderr, "NVS_LIFE=%s: ", life); \
            fprintf(stderr, __VA_ARGS__);           \
            fprintf(stderr, "\n");                  \
            fail();                                 \
        }                                           \
    } while (0)

static struct nvs_storage *boot(void)
{
    struct nvs_storage *st = NULL;
    struct nvs_port port = nor_port(&nor);
    esp_err_t err = nvs_storage_open(&port, &st);
    REQUIRE(err == ESP_OK || nor.dark, "init fails with 0x%x", (unsigned)err);
    return err == ESP_OK ? st : NULL;
}

static bool holds(struct nvs_storage *st, unsigned key, const struct step *s)
{
    static uint8_t want[MAX_VALUE], got[MAX_VALUE];
    size_t size;
    nvs_type_t type;
    if (s == NULL)
        return nvs_storage_find_type(st, key_ns(key), key_names[key], &type) == ESP_ERR_NVS_NOT_FOUND;
    size_t len = step_value(s, want);
    if (nvs_storage_find_type(st, key_ns(key), key_names[key], &type) != ESP_OK || type != step_type(s))
        return false;
    esp_err_t err = nvs_storage_get(st, key_ns(key), step_type(s), key_names[key], got, sizeof(got), &size);
    return err == ESP_OK && size == len && memcmp(got, want, len) == 0;
}

/* Every key is as in the model or, if `cut` touched it, as after that step; the model follows. */
static void check_all(struct nvs_storage *st, struct slot model[N_KEYS], const struct step *cut)
{
    struct slot after[N_KEYS];
    memcpy(after, model, sizeof(after));
    if (cut != NULL)
        model_step(after, cut);
    for (unsigned k = 0; k < N_KEYS; k++) {
        if (holds(st, k, model[k].step))
            continue;
        REQUIRE(holds(st, k, after[k].step), "key %s is neither old nor new", key_names[k]);
        model[k] = after[k];
    }
    uint8_t index;
    REQUIRE(nvs_storage_namespace(st, "first", false, &index) == ESP_OK && index == 1, "namespace lost");
    REQUIRE(nvs_storage_namespace(st, "second", false, &index) == ESP_OK && index == 2, "namespace lost");

    /* Nothing is there twice, and no entry leaks: what is used is what the keys take. */
    struct nvs_cursor cur = {0};
    struct nvs_loc loc;
    unsigned n_items = 0, n_keys = 0;
    while (nvs_storage_next(st, &cur, &loc) == ESP_OK)
        n_items += loc.item.ns != 0 && loc.item.type != NVS_TYPE_BLOB;
    for (unsigned k = 0; k < N_KEYS; k++)
        n_keys += model[k].step != NULL;
    REQUIRE(n_items == n_keys, "%u items for %u keys", n_items, n_keys);
    nvs_stats_t stats;
    size_t used[3];
    nvs_storage_stats(st, &stats);
    for (uint8_t ns = 0; ns < 3; ns++)
        assert_int_equal(nvs_storage_entries(st, ns, &used[ns]), ESP_OK);
    REQUIRE(used[0] == 2 && used[0] + used[1] + used[2] == stats.used_entries, "entries leak");
    REQUIRE(nor.violations == 0, "programmed a 1 over a 0");
}

/* Run steps [from, to). Returns the one that the cut hit, or NULL. */
static const struct step *run_steps(struct nvs_storage *st, struct slot model[N_KEYS], unsigned from,
                                    unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        esp_err_t err = run_step(st, &steps[i]);
        if (nor.dark)
            return &steps[i];
        REQUIRE(err == ESP_OK, "step %u fails with 0x%x", i, (unsigned)err);
        model_step(model, &steps[i]);
    }
    return NULL;
}

/* ---- lives ---- */

struct start {
    uint8_t bytes[N_PAGES * NVS_PAGE_SIZE];
    struct slot model[N_KEYS];
};

static struct start starts[N_STEPS / SESSION_STEPS + 1];
static unsigned long n_lives, n_second_cuts;

static void restore(const uint8_t *bytes)
{
    memcpy(nor.bytes, bytes, N_PAGES * NVS_PAGE_SIZE);
    nor_power_on(&nor);
}

/* Cut the recovery itself at up to `most` of its operations, and see that a third boot mends all. */
static void cut_recovery(const struct slot before[N_KEYS], const struct step *cut, unsigned most)
{
    static uint8_t bytes[N_PAGES * NVS_PAGE_SIZE];
    memcpy(bytes, nor.bytes, sizeof(bytes));
    nor_power_on(&nor);
    nvs_storage_close(boot());
    uint64_t n_ops = nor.n_ops;
    uint64_t stride = n_ops / most + 1;
    for (uint64_t at = 1 + n_lives % stride; at <= n_ops; at += stride) {
        restore(bytes);
        nor.cut_at = at;
        nor.tear = (enum nor_tear)((n_lives + at) % NOR_N_TEARS);
        struct nvs_storage *st = boot();
        REQUIRE(st == NULL && nor.dark, "recovery outlives its cut at %u", (unsigned)at);
        nor_power_on(&nor);
        struct slot model[N_KEYS];
        memcpy(model, before, sizeof(model));
        st = boot();
        check_all(st, model, cut);
        nvs_storage_close(st);
        n_second_cuts++;
    }
    restore(bytes);
}

/* One life. Returns false if the session ended before the cut. */
static bool live(unsigned session, uint64_t cut_at, enum nor_tear tear, uint32_t seed)
{
    unsigned from = session * SESSION_STEPS;
    snprintf(life, sizeof(life), "%u:%u:%u:%u", session, (unsigned)cut_at, (unsigned)tear, seed);
    restore(starts[session].bytes);
    nor.cut_at = cut_at;
    nor.tear = tear;
    nor.seed = seed;

    struct slot model[N_KEYS];
    memcpy(model, starts[session].model, sizeof(model));
    const struct step *cut = NULL;
    struct nvs_storage *st = boot();
    if (st != NULL) {
        cut = run_steps(st, model, from, from + SESSION_STEPS);
        nvs_storage_close(st);
    }
    if (!nor.dark)
        return false;

    n_lives++;
    if (tear == NOR_BITS && seed == 1)
        cut_recovery(model, cut, 8);

    nor_power_on(&nor);
    st = boot();
    check_all(st, model, cut);
    unsigned resume = cut != NULL ? (unsigned)(cut - steps) : from;
    unsigned to = n_lives % 64 == 0 ? N_STEPS : from + SESSION_STEPS;
    run_steps(st, model, resume, to);
    check_all(st, model, NULL);
    nvs_storage_close(st);
    st = boot();
    check_all(st, model, NULL);
    nvs_storage_close(st);
    return true;
}

/* Run the workload whole, noting the flash at the start of each session. */
static int prepare(void **state)
{
    (void)state;
    make_steps();
    nor_init(&nor, N_PAGES);
    struct slot model[N_KEYS] = {0};
    struct nvs_storage *st = boot();
    uint8_t index;
    assert_int_equal(nvs_storage_namespace(st, "first", true, &index), ESP_OK);
    assert_int_equal(nvs_storage_namespace(st, "second", true, &index), ESP_OK);
    nvs_storage_close(st);
    uint64_t total = 0;
    for (unsigned s = 0; s < N_STEPS / SESSION_STEPS; s++) {
        memcpy(starts[s].bytes, nor.bytes, sizeof(starts[s].bytes));
        memcpy(starts[s].model, model, sizeof(model));
        snprintf(life, sizeof(life), "%u:0:0:0", s);
        nor_power_on(&nor);
        st = boot();
        run_steps(st, model, s * SESSION_STEPS, (s + 1) * SESSION_STEPS);
        check_all(st, model, NULL);
        nvs_storage_close(st);
        total += nor.n_ops;
    }
    unsigned erases = 0;
    for (unsigned i = 0; i < N_PAGES; i++)
        erases += nor.erases[i];
    print_message("%u steps, %u flash operations, %u of them erases\n", N_STEPS, (unsigned)total, erases);
    return 0;
}

static void test_nvs_forgets_nothing_when_power_is_cut_at_any_operation(void **state)
{
    (void)state;
    const char *only = getenv("NVS_LIFE");
    unsigned session, at, tear, seed;
    if (only != NULL && sscanf(only, "%u:%u:%u:%u", &session, &at, &tear, &seed) == 4) {
        live(session, at, (enum nor_tear)tear, seed);
        return;
    }
    for (session = 0; session < N_STEPS / SESSION_STEPS; session++) {
        for (at = 1; live(session, at, NOR_NOT_BEGUN, 0); at++) {
            for (tear = NOR_PREFIX; tear < NOR_N_TEARS; tear++)
                live(session, at, (enum nor_tear)tear, 1);
            live(session, at, NOR_BITS, 2);
            live(session, at, NOR_PREFIX, 3);
            if (nor.cut_in_erase) {
                for (seed = 4; seed < 12; seed++)
                    live(session, at, (enum nor_tear)(1 + seed % (NOR_N_TEARS - 1)), seed);
            }
        }
    }
    print_message("%lu lives, %lu second cuts\n", n_lives, n_second_cuts);
    assert_true(n_lives > 5000);
}

/* The first boot of a blank chip is no exception. */
static void test_nvs_first_boot_survives_cuts(void **state)
{
    (void)state;
    for (uint64_t at = 1;; at++) {
        uint8_t index;
        nor_init(&nor, N_PAGES);
        nor.cut_at = at;
        nor.tear = (enum nor_tear)(at % NOR_N_TEARS);
        struct nvs_storage *st = boot();
        if (st != NULL) {
            nvs_storage_namespace(st, "first", true, &index);
            nvs_storage_close(st);
        }
        if (!nor.dark)
            break;
        nor_power_on(&nor);
        st = boot();
        assert_int_equal(nvs_storage_namespace(st, "first", true, &index), ESP_OK);
        assert_int_equal(index, 1);
        nvs_storage_close(st);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nvs_forgets_nothing_when_power_is_cut_at_any_operation, prepare),
        cmocka_unit_test(test_nvs_first_boot_survives_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
