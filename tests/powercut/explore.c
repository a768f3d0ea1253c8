/*
 * Every cut in every way; and every second cut in every recovery from a first one.
 *
 * A life that is cut at operation k begins where the record of the uncut life
 * has come to before k, with k left torn: only what follows is executed. A life
 * whose state after its last cut was seen before would end the same way, and is
 * counted as answered, not as executed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/progress.h"
#include "torture.h"

#define SEEN_SIZE (1u << 24) /* states; a table of 128 MiB, of which the used pages count */

/* What the workers share. */
struct common {
    _Atomic uint32_t next[64]; /* job of each scenario that nobody has taken yet */
    _Atomic uint64_t done_jobs;
    _Atomic uint32_t n_failures;
    struct failure failure[MAX_FAILURES];
    _Atomic uint64_t totals[32][8];
};

enum { FIRST_CUTS, SINGLES, DOUBLES, ANSWERED, FORGOT, BOOTS, FAILURES };

/* One worker's memory. */
struct worker {
    const struct explore_options *options;
    struct common *common;
    _Atomic uint64_t *seen;
    unsigned index; /* of the scenario */
    bool large;     /* its life is that of large images */
    size_t state_size;
    struct state *before; /* the uncut life, before the operation at hand */
    struct state *cut;    /* the same, torn */
    struct op *op;        /* the uncut life's record */
    uint8_t *data;
    uint32_t n_ops;
    struct state *first; /* of the recovery at hand */
    struct op *op2;
    uint8_t *data2;
    struct state *cut2;
};

/* --- Names ------------------------------------------------------------------------ */

struct name {
    uint32_t cut[2]; /* operations, from 1; second 0: one cut */
    struct tear tear[2];
};

static void print_id(const struct scenario *sc, bool large, const struct name *n, char out[96])
{
    int len = snprintf(out, 96, "%s%s", sc->name, large ? "@4MB" : "");

    for (unsigned i = 0; i < 2 && n->cut[i] != 0; i++) {
        len +=
            snprintf(out + len, 96 - (size_t)len, "/%u%c%u", n->cut[i], n->tear[i].kind, n->tear[i].variant);
    }
}

static void seed_tear(struct tear *t, uint64_t seed, uint32_t cut, unsigned level)
{
    t->seed = mix(mix(seed, cut), (uint64_t)level << 32 | (uint32_t)t->kind << 8 | t->variant);
}

/* --- Seen states -------------------------------------------------------------------- */

/* True if a life of `n_cuts` cuts came to this state before; from now on one has. */
static bool seen(struct worker *w, const struct state *s, unsigned n_cuts)
{
    uint64_t key = hash_bytes(s->flash, w->state_size - sizeof(*s), (uint64_t)n_cuts << 32 | w->index);

    key = hash_bytes(&s->world, sizeof(s->world), key);
    if (s->unstable.reads_left > 0) {
        key = hash_bytes(&s->unstable, sizeof(s->unstable), key);
        key = hash_bytes(s->flips, sizeof(s->flips), key);
    }
    key |= 1;
    for (uint32_t i = (uint32_t)(key >> 20) % SEEN_SIZE, n = 0; n < 64; i = (i + 1) % SEEN_SIZE, n++) {
        uint64_t there = 0;

        if (atomic_compare_exchange_strong_explicit(&w->seen[i], &there, key, memory_order_relaxed,
                                                    memory_order_relaxed)) {
            return false;
        }
        if (there == key) {
            return true;
        }
    }
    return false; /* crowded: execute it, again maybe */
}

/* --- One life ------------------------------------------------------------------------- */

static void count(struct worker *w, unsigned what, uint64_t by)
{
    atomic_fetch_add_explicit(&w->common->totals[w->index][what], by, memory_order_relaxed);
}

static void report(struct worker *w, const char *id, enum life_end end)
{
    count(w, FAILURES, 1);
    const uint32_t n = atomic_fetch_add(&w->common->n_failures, 1);

    if (n < MAX_FAILURES) {
        struct failure *f = &w->common->failure[n];

        strcpy(f->id, id);
        memcpy(f->why, board->why, sizeof(f->why));
        f->end = (uint8_t)end;
    }
}

static enum life_end live(struct worker *w, const struct state *from, bool record, const struct name *name)
{
    memcpy(board->state, from, w->state_size);
    board->state->world.reset = 0; /* power-on */
    life_cuts = name->cut[1] != 0 ? 2 : 1;
    const enum life_end end = life_run(record);

    count(w, name->cut[1] != 0 ? DOUBLES : SINGLES, 1);
    count(w, BOOTS, board->boots);
    if (end == LIFE_FORGOT) {
        count(w, FORGOT, 1);
    } else if (end != LIFE_GOOD) {
        char id[96];

        print_id(&scenarios[w->index], w->large, name, id);
        report(w, id, end);
    }
    return end;
}

/* The state before the operation, as the record says, and torn. */
static void cut_state(struct worker *w, struct state *out, const struct state *before, const struct op *op,
                      const uint8_t *data, const struct tear *tear)
{
    memcpy(out, before, w->state_size);
    out->unstable = op->unstable;
    out->world = op->world;
    chip_tear(out, op, data + op->data, tear);
    if (tear->kind == TEAR_DONE) {
        out->world = op->world; /* what the app knows of it is lost */
    }
}

static bool is_enough(const struct worker *w)
{
    return w->options->one_failure && atomic_load(&w->common->n_failures) > 0;
}

/* Second cuts in the recovery that board has just recorded. */
static void second_cuts(struct worker *w, struct name *name)
{
    const uint32_t n = board->n_ops, wanted = w->options->doubles;

    memcpy(w->first, w->cut, w->state_size);
    memcpy(w->op2, board->op, n * sizeof(*w->op2));
    memcpy(w->data2, board->data, board->data_len);
    for (uint32_t j = 0; j < n; j++) {
        const struct op *op = &w->op2[j];
        struct tear tears[MAX_TEARS];
        const unsigned n_tears = chip_tears(op, tears);
        const uint64_t dice =
            mix(mix(w->options->seed, name->cut[0]), (uint64_t)j << 8 | name->tear[0].variant);

        for (unsigned t = 0; t < n_tears && (wanted == UINT32_MAX || dice % n < wanted); t++) {
            if (!w->options->all_tears && ((dice >> 32) + t) % 3 == 0) {
                continue;
            }
            name->cut[1] = j + 1;
            name->tear[1] = tears[t];
            seed_tear(&name->tear[1], w->options->seed, j + 1, 2);
            cut_state(w, w->cut2, w->first, op, w->data2, &name->tear[1]);
            if (seen(w, w->cut2, 2)) {
                count(w, ANSWERED, 1);
            } else {
                (void)live(w, w->cut2, false, name);
            }
        }
        chip_step(w->first, op, w->data2 + op->data);
    }
}

/* In a short run, of a scenario whose lives take long: each fourth operation is cut, once. */
#define THINNED 4u

static bool is_thinned(const struct worker *w)
{
    return w->options->doubles != UINT32_MAX && scenario->slow;
}

static void first_cut(struct worker *w, uint32_t k, struct tear *tear)
{
    struct name name = {.cut = {k + 1, 0}, .tear = {*tear}};

    seed_tear(&name.tear[0], w->options->seed, k + 1, 1);
    cut_state(w, w->cut, w->before, &w->op[k], w->data, &name.tear[0]);
    if (seen(w, w->cut, 1)) {
        count(w, ANSWERED, 1);
        return;
    }
    const bool doubles = w->options->doubles > 0 && !is_thinned(w);
    const enum life_end end = live(w, w->cut, doubles, &name);

    if (doubles && (end == LIFE_GOOD || end == LIFE_FORGOT)) {
        second_cuts(w, &name);
    }
}

/* --- A scenario -------------------------------------------------------------------------- */

/* The life without a cut: its record stays in w. */
static bool uncut(struct worker *w, const struct scenario *sc, const struct geometry *g, bool tell)
{
    const struct name none = {{0, 0}, {{0, 0, 0}, {0, 0, 0}}};

    w->large = g == &geometry_large;
    board->flash_size = device_flash_size(sc, g);
    w->state_size = sizeof(struct state) + board->flash_size;
    board->n_ops = 0;
    board->recording = false;
    device_make(sc, g);
    if (!life_provision()) {
        return false;
    }
    memcpy(w->before, board->state, w->state_size);
    life_reference = 0;
    life_cuts = 0;
    const enum life_end end = life_run(true);

    life_reference = board->state->world.can_roll_back;
    w->n_ops = board->n_ops;
    memcpy(w->op, board->op, w->n_ops * sizeof(*w->op));
    memcpy(w->data, board->data, board->data_len);
    if (end != LIFE_GOOD && tell) {
        char id[96];

        print_id(sc, w->large, &none, id);
        report(w, id, end);
    }
    return end == LIFE_GOOD;
}

static void explore_small(struct worker *w, bool tell)
{
    struct state *at = w->before;
    uint32_t k = 0;

    if (!uncut(w, &scenarios[w->index], &geometry_small, tell)) {
        return;
    }
    if (tell) {
        atomic_store(&w->common->totals[w->index][FIRST_CUTS], w->n_ops);
    }
    for (;;) {
        const uint32_t job = atomic_fetch_add(&w->common->next[w->index], 1);
        struct tear tears[MAX_TEARS];

        if (job >= w->n_ops || is_enough(w)) {
            return;
        }
        for (; k < job; k++) {
            chip_step(at, &w->op[k], w->data + w->op[k].data);
        }
        const unsigned n = is_thinned(w) && k % THINNED != 0 ? 0 : chip_tears(&w->op[k], tears);

        for (unsigned t = 0; t < n; t++) {
            first_cut(w, k, &tears[t]);
        }
        atomic_fetch_add(&w->common->done_jobs, 1);
    }
}

/* Two cuts at random places of a life with large images. */
static void explore_large(struct worker *w, bool tell)
{
    uint32_t k = 0;

    if (!uncut(w, &scenarios[w->index], &geometry_large, tell)) {
        return;
    }
    memcpy(w->first, w->before, w->state_size);
    for (;;) {
        const uint32_t job = atomic_fetch_add(&w->common->next[32 + w->index], 1);
        struct tear tears[MAX_TEARS];

        if (job >= w->options->sampled || is_enough(w)) {
            return;
        }
        const uint64_t dice = mix(w->options->seed, job);
        const uint32_t at = (uint32_t)(((uint64_t)job * w->n_ops + dice % w->n_ops) / w->options->sampled);

        for (; k < at; k++) {
            chip_step(w->before, &w->op[k], w->data + w->op[k].data);
        }
        const unsigned n = chip_tears(&w->op[k], tears);
        struct tear *t = &tears[(dice >> 40) % n];
        struct name name = {.cut = {k + 1, 0}, .tear = {*t}};

        seed_tear(&name.tear[0], w->options->seed, k + 1, 1);
        cut_state(w, w->cut, w->before, &w->op[k], w->data, &name.tear[0]);
        const enum life_end end = live(w, w->cut, true, &name);

        if (end == LIFE_GOOD || end == LIFE_FORGOT) {
            const struct op *op2 = board->op;
            const uint32_t j = (uint32_t)(mix(dice, 3) % (board->n_ops > 0 ? board->n_ops : 1));

            if (board->n_ops == 0) {
                continue;
            }
            for (uint32_t i = 0; i < j; i++) {
                chip_step(w->cut, &op2[i], board->data + op2[i].data);
            }
            const unsigned n2 = chip_tears(&op2[j], tears);

            name.cut[1] = j + 1;
            name.tear[1] = tears[mix(dice, 4) % n2];
            seed_tear(&name.tear[1], w->options->seed, j + 1, 2);
            cut_state(w, w->cut2, w->cut, &op2[j], board->data, &name.tear[1]);
            (void)live(w, w->cut2, false, &name);
        }
    }
}

/* --- Workers -------------------------------------------------------------------------------- */

static void *memory(size_t size, int how)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        perror("airlift-torture: memory");
        exit(1);
    }
    return p;
}

static uint32_t largest_flash(bool large)
{
    uint32_t most = 0;

    for (unsigned i = 0; i < n_scenarios; i++) {
        const uint32_t size = device_flash_size(&scenarios[i], large ? &geometry_large : &geometry_small);

        most = size > most ? size : most;
    }
    return most;
}

static void prepare(struct worker *w, bool large)
{
    const uint32_t flash = largest_flash(large);

    board = board_new(flash);
    w->state_size = sizeof(struct state) + flash;
    w->before = memory(w->state_size, MAP_PRIVATE);
    w->cut = memory(w->state_size, MAP_PRIVATE);
    w->first = memory(w->state_size, MAP_PRIVATE);
    w->cut2 = memory(w->state_size, MAP_PRIVATE);
    w->op = memory(MAX_LOG_OPS * sizeof(struct op), MAP_PRIVATE);
    w->op2 = memory(MAX_LOG_OPS * sizeof(struct op), MAP_PRIVATE);
    w->data = memory(board->data_size, MAP_PRIVATE);
    w->data2 = memory(board->data_size, MAP_PRIVATE);
}

static bool is_wanted(const struct explore_options *options, unsigned i)
{
    return options->scenario == NULL || strcmp(options->scenario, scenarios[i].name) == 0;
}

static _Noreturn void work(struct worker *w, bool first)
{
    prepare(w, w->options->sampled > 0);
    for (unsigned i = 0; i < n_scenarios; i++) {
        w->index = i;
        if (is_wanted(w->options, i)) {
            explore_small(w, first);
        }
    }
    for (unsigned i = 0; i < n_scenarios && w->options->sampled > 0; i++) {
        w->index = i;
        if (is_wanted(w->options, i)) {
            explore_large(w, first);
        }
    }
    _exit(0);
}

static void watch(const struct explore_options *options, const struct common *c, unsigned n_workers)
{
    struct host_progress bar;
    unsigned left = n_workers;

    host_progress_start(&bar, "lives", 0);
    while (left > 0) {
        const struct timespec pause = {0, 100000000};

        while (left > 0 && waitpid(-1, NULL, WNOHANG) > 0) {
            left--;
        }
        if (options->progress) {
            uint64_t lives = 0;

            for (unsigned i = 0; i < n_scenarios; i++) {
                lives += c->totals[i][SINGLES] + c->totals[i][DOUBLES];
            }
            host_progress_update(&bar, lives);
        }
        nanosleep(&pause, NULL);
    }
    host_progress_end(&bar);
}

static void collect(struct common *c, struct result *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned i = 0; i < n_scenarios; i++) {
        struct totals *t = &out->per_scenario[i];

        *t = (struct totals){.first_cuts = c->totals[i][FIRST_CUTS],
                             .singles = c->totals[i][SINGLES],
                             .doubles = c->totals[i][DOUBLES],
                             .answered = c->totals[i][ANSWERED],
                             .forgot = c->totals[i][FORGOT],
                             .boots = c->totals[i][BOOTS],
                             .failures = c->totals[i][FAILURES]};
        out->total.first_cuts += t->first_cuts;
        out->total.singles += t->singles;
        out->total.doubles += t->doubles;
        out->total.answered += t->answered;
        out->total.forgot += t->forgot;
        out->total.boots += t->boots;
        out->total.failures += t->failures;
    }
    out->n_failures = c->n_failures < MAX_FAILURES ? c->n_failures : MAX_FAILURES;
    memcpy(out->failure, c->failure, out->n_failures * sizeof(out->failure[0]));
}

int explore(const struct explore_options *options, struct result *out)
{
    struct common *c = memory(sizeof(*c), MAP_SHARED);
    struct worker w = {
        .options = options, .common = c, .seen = memory(SEEN_SIZE * sizeof(uint64_t), MAP_SHARED)};
    unsigned started = 0;

    fflush(stdout);
    for (unsigned i = 0; i < options->jobs; i++) {
        const pid_t pid = fork();

        if (pid == 0) {
            work(&w, i == 0);
        }
        started += pid > 0;
    }
    if (started == 0) {
        return -1;
    }
    watch(options, c, started);
    collect(c, out);
    return 0;
}

/* --- Replay ------------------------------------------------------------------------------------ */

static const char *parse_cut(const char *text, uint32_t *cut, struct tear *tear)
{
    char *end;
    const unsigned long n = strtoul(text, &end, 10);

    if (end == text || n == 0 || n > MAX_LOG_OPS || *end == '\0' || end[1] < '0' || end[1] > '9') {
        return NULL;
    }
    *cut = (uint32_t)n;
    *tear = (struct tear){.kind = *end, .variant = (uint8_t)(end[1] - '0')};
    return end + 2;
}

static bool parse_id(const char *id, unsigned *index, bool *large, struct name *name)
{
    const size_t len = strcspn(id, "/@");

    for (*index = 0; *index < n_scenarios; ++*index) {
        if (strlen(scenarios[*index].name) == len && strncmp(scenarios[*index].name, id, len) == 0) {
            break;
        }
    }
    memset(name, 0, sizeof(*name));
    const char *at = id + len;

    *large = strncmp(at, "@4MB", 4) == 0;
    at += *large ? 4 : 0;
    for (unsigned i = 0; i < 2 && at != NULL && *at == '/'; i++) {
        at = parse_cut(at + 1, &name->cut[i], &name->tear[i]);
    }
    return *index < n_scenarios && at != NULL && *at == '\0';
}

static __attribute__((format(printf, 1, 2))) void story(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    fflush(stdout);
}

static const char *tear_text(const struct op *op, char kind)
{
    switch (kind) {
    case TEAR_NOT_BEGUN:
        return "before it begins";
    case TEAR_PREFIX:
        return "after some of its bytes";
    case TEAR_BITS:
        return "with some of its bits programmed";
    case TEAR_PART:
        return "with a part of the sector erased";
    case TEAR_UNSTABLE:
        return "with cells that read now this, now that";
    default:
        return op->kind == OP_ERASE ? "when the sector is erased" : "when it is complete";
    }
}

/* Bring `s` to the cut, telling what happens. False if there is no such operation. */
static bool go_to_cut(struct worker *w, struct state *s, const struct op *op, const uint8_t *data, uint32_t n,
                      uint32_t cut, struct tear *tear, unsigned level, uint64_t seed)
{
    char place[40];

    if (cut > n) {
        return false;
    }
    for (uint32_t i = 0; i < cut - 1; i++) {
        chip_step(s, &op[i], data + op[i].data);
    }
    seed_tear(tear, seed, cut, level);
    cut_state(w, w->cut2, s, &op[cut - 1], data, tear);
    memcpy(s, w->cut2, w->state_size);
    story("-- power cut in operation %u (%s of %u bytes at %s), %s", cut,
          op[cut - 1].kind == OP_ERASE ? "erase" : "program", op[cut - 1].len,
          device_place(op[cut - 1].off, place), tear_text(&op[cut - 1], tear->kind));
    return true;
}

int replay(const char *id, uint64_t seed)
{
    static struct explore_options options;
    struct worker w = {.options = &options, .common = memory(sizeof(struct common), MAP_SHARED)};
    struct name name;
    bool large;

    if (!parse_id(id, &w.index, &large, &name)) {
        return 2;
    }
    prepare(&w, large);
    story("%s: %s; seed %llu", id, scenarios[w.index].about, (unsigned long long)seed);
    if (name.cut[0] == 0) {
        chip_story = story;
    }
    if (!uncut(&w, &scenarios[w.index], large ? &geometry_large : &geometry_small, false)) {
        story("the life without a cut fails: %s", board->why);
        return 1;
    }
    enum life_end end = LIFE_GOOD;

    for (unsigned i = 0; i < 2 && name.cut[i] != 0; i++) {
        const bool last = i == 1 || name.cut[1] == 0;

        if (i == 0 ? !go_to_cut(&w, w.before, w.op, w.data, w.n_ops, name.cut[0], &name.tear[0], 1, seed)
                   : !go_to_cut(&w, w.before, board->op, board->data, board->n_ops, name.cut[1],
                                &name.tear[1], 2, seed)) {
            return 2;
        }
        memcpy(board->state, w.before, w.state_size);
        board->state->world.reset = 0;
        chip_story = story;
        life_cuts = i + 1;
        end = life_run(!last);
    }
    story("=> %s%s%s", life_end_name(end), board->why[0] != '\0' && end != LIFE_GOOD ? ": " : "",
          end != LIFE_GOOD ? board->why : "");
    return end == LIFE_GOOD || end == LIFE_FORGOT ? 0 : 1;
}
