/*
 * airlift-torture - cut a device's power at every flash operation of its life.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/cmd.h"
#include "torture.h"

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void list(void)
{
    for (unsigned i = 0; i < n_scenarios; i++) {
        printf("%-18s %s\n", scenarios[i].name, scenarios[i].about);
    }
}

/* --- Results ------------------------------------------------------------------ */

static void print_row(const char *name, const struct totals *t)
{
    printf("%-18s %6" PRIu64 " %8" PRIu64 " %8" PRIu64 " %9" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n", name,
           t->first_cuts, t->singles, t->doubles, t->answered, t->forgot, t->failures);
}

static void print_text(const struct explore_options *o, const struct result *r, double seconds)
{
    unsigned n = 0;

    printf("%-18s %6s %8s %8s %9s %8s %8s\n", "scenario", "ops", "1 cut", "2 cuts", "answered", "forgot",
           "failed");
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (r->per_scenario[i].singles > 0 || r->per_scenario[i].failures > 0) {
            print_row(scenarios[i].name, &r->per_scenario[i]);
            n++;
        }
    }
    print_row("all", &r->total);
    printf("%u scenarios, %" PRIu64 " lives executed (%" PRIu64 " boots), %" PRIu64
           " more answered, in %.1f s on %u jobs; seed %" PRIu64 "\n",
           n, r->total.singles + r->total.doubles, r->total.boots, r->total.answered, seconds, o->jobs,
           o->seed);
    for (unsigned i = 0; i < r->n_failures; i++) {
        const struct failure *f = &r->failure[i];

        printf("FAILED %s: %s (%s)\n", f->id, life_end_name((enum life_end)f->end), f->why);
    }
    if (r->n_failures > 0) {
        printf("airlift device torture --replay ID tells the story of one%s\n",
               o->seed != 1 ? " (with the same --seed)" : "");
    }
}

static void print_totals(const struct totals *t)
{
    printf("\"operations\":%" PRIu64 ",\"one_cut\":%" PRIu64 ",\"two_cuts\":%" PRIu64 ",\"answered\":%" PRIu64
           ",\"forgot\":%" PRIu64 ",\"boots\":%" PRIu64 ",\"failures\":%" PRIu64,
           t->first_cuts, t->singles, t->doubles, t->answered, t->forgot, t->boots, t->failures);
}

/* Names and reasons are our own words: nothing in them needs escaping but quotes, which there are none of. */
static void print_json(const struct explore_options *o, const struct result *r, double seconds)
{
    const char *comma = "";

    printf("{\"seed\":%" PRIu64 ",\"jobs\":%u,\"seconds\":%.2f,\"lives\":%" PRIu64 ",", o->seed, o->jobs,
           seconds, r->total.singles + r->total.doubles);
    print_totals(&r->total);
    printf(",\"scenarios\":[");
    for (unsigned i = 0; i < n_scenarios; i++) {
        if (r->per_scenario[i].singles > 0 || r->per_scenario[i].failures > 0) {
            printf("%s{\"name\":\"%s\",", comma, scenarios[i].name);
            print_totals(&r->per_scenario[i]);
            printf("}");
            comma = ",";
        }
    }
    printf("],\"failed\":[");
    for (unsigned i = 0; i < r->n_failures; i++) {
        char why[sizeof(r->failure[i].why)];

        snprintf(why, sizeof(why), "%s", r->failure[i].why);
        for (char *c = why; *c != '\0'; c++) {
            *c = *c == '"' || *c == '\\' || (unsigned char)*c < ' ' ? '\'' : *c;
        }
        printf("%s{\"id\":\"%s\",\"end\":\"%s\",\"why\":\"%s\"}", i > 0 ? "," : "", r->failure[i].id,
               life_end_name((enum life_end)r->failure[i].end), why);
    }
    printf("]}\n");
}

/* --- Command --------------------------------------------------------------------- */

static const struct host_cmd command = {
    .noun = "device",
    .verb = "torture",
    .usage = "[OPTIONS]",
    .summary = "cut a device's power at every flash operation of its life",
    .help =
        "Lives the whole life of a device in memory, again and again: the bootloader, the update agent, "
        "ESP-IDF's "
        "own update sequence, NVS. Each scenario is lived once without a cut; then the power goes at every "
        "flash "
        "operation in each way (not begun, some bytes, some bits, a part of the sector, cells that read now "
        "this, "
        "now that, complete and nothing after it), and again at every operation of the recovery from each of "
        "those "
        "cuts. After the last cut the device must boot a whole image, never one older than was confirmed, "
        "hold "
        "the old or the new value of each key in NVS, and complete the update without a second download. "
        "With "
        "secure boot, nothing may start that no trusted key signed; eFuses are burnt after confirming only.\n"
        "\n"
        "Scenarios whose name begins with idf- use esp_ota_* as ESP-IDF's examples do. There the device must "
        "never "
        "be lost; an update that has to be downloaded again, or is given up, is counted as forgotten.\n"
        "\n"
        "The exit status is 1 if any life failed.\n"
        "\n"
        "Examples:\n"
        "  airlift device torture --quick\n"
        "  airlift device torture --scenario crash --jobs 2\n"
        "  airlift device torture --replay crash/71b1/12d0",
};

int main(int argc, char **argv)
{
    uint32_t jobs = 0, seed = 1, doubles = UINT32_MAX, sampled = 200;
    const char *wanted = NULL, *id = NULL;
    bool all_tears = false, quick = false, json = false, names = false, expect_failures = false;
    const struct host_opt opts[] = {
        {"scenario", 0, HOST_OPT_TEXT, &wanted, "NAME", "Only this one.", NULL},
        {"list", 0, HOST_OPT_FLAG, &names, NULL, "Print the scenarios.", NULL},
        {"quick", 0, HOST_OPT_FLAG, &quick, NULL,
         "Every first cut, and a sample of the second ones; none on large flash.", NULL},
        {"doubles", 0, HOST_OPT_NUMBER, &doubles, "N",
         "About N second cuts for each first one; all by default.", NULL},
        {"all-tears", 0, HOST_OPT_FLAG, &all_tears, NULL,
         "Each second cut in every way, not in two of three, chosen by the seed.", NULL},
        {"dense", 0, HOST_OPT_FLAG, &chip_dense, NULL,
         "Also programs that lack only a few of their bits. Finds what no firmware can help: a trial's "
         "record that "
         "the stock bootloader left whole but for its state, for an image that crashes before its agent "
         "starts.",
         NULL},
        {"sampled", 0, HOST_OPT_NUMBER, &sampled, "N",
         "Lives with two cuts of each scenario on 4 MiB of flash; 200 by default.", NULL},
        {"jobs", 0, HOST_OPT_NUMBER, &jobs, "N", "Processes; as many as processors by default.", NULL},
        {"seed", 0, HOST_OPT_NUMBER, &seed, "N", "Of everything random; 1 by default.", NULL},
        {"replay", 0, HOST_OPT_TEXT, &id, "ID", "Tell the story of one life.", NULL},
        {"expect-failures", 0, HOST_OPT_FLAG, &expect_failures, NULL,
         "Exit with 0 as soon as a life failed, and with 1 if none does: for builds with a planted bug.",
         NULL},
        {"json", 0, HOST_OPT_FLAG, &json, NULL, "Print one JSON document.", NULL},
        {0},
    };

    if (host_parse(&command, argc - 1, argv + 1, opts) != 0) {
        host_usage(&command, "no such word: only options are taken");
    }
    if (names) {
        list();
        return 0;
    }
    verdicts_start();
    if (id != NULL) {
        const int status = replay(id, seed);

        return status == 2 ? host_fail("%s: there is no such life", id) : status;
    }
    struct explore_options options = {
        .jobs = jobs > 0 ? jobs : (unsigned)sysconf(_SC_NPROCESSORS_ONLN),
        .seed = seed,
        .scenario = wanted,
        .doubles = quick ? 1 : doubles,
        .all_tears = all_tears,
        .sampled = quick ? 0 : sampled,
        .one_failure = expect_failures,
        .progress = !json,
    };
    bool known = wanted == NULL;

    for (unsigned i = 0; i < n_scenarios; i++) {
        known = known || strcmp(wanted, scenarios[i].name) == 0;
    }
    if (!known) {
        return host_fail("%s: no such scenario (--list names them)", wanted);
    }
    static struct result result;
    const double start = now_s();

    if (explore(&options, &result) != 0) {
        return host_fail("no worker process could be started");
    }
    if (json) {
        print_json(&options, &result, now_s() - start);
    } else {
        print_text(&options, &result, now_s() - start);
    }
    return (result.total.failures > 0) != expect_failures;
}
