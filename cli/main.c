/*
 * main.c - `airlift NOUN VERB ...`: find the row and call it.
 *
 * Everything a user can type is a row of commands.h. Help, completion and the
 * manual are read from the rows, so they can't fall behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"

static int run_completion(int argc, char **argv);
static int run_manual(int argc, char **argv);

static const struct host_cmd cmd_completion[] = {
    {
        .noun = "completion",
        .usage = "bash",
        .summary = "print a completion script for bash",
        .help = "Prints a script that completes commands and options of airlift in bash. Only bash is "
                "supported. Where the package was installed below /usr, put it into "
                "/usr/share/bash-completion/completions/airlift.\n"
                "\n"
                "Examples:\n"
                "  source <(airlift completion bash)",
        .run = run_completion,
    },
    {0},
};

static const struct host_cmd cmd_manual[] = {
    {
        .noun = "manual",
        .usage = "",
        .summary = "print the pages of all commands",
        .help = "Prints what `airlift NOUN VERB --help` prints, for all commands one after the other.\n"
                "\n"
                "Examples:\n"
                "  airlift manual | less",
        .run = run_manual,
    },
    {0},
};

/* In the order of the work: make, look, try, publish. */
static const struct host_cmd *const tables[] = {
    cmd_partitions, cmd_image,      cmd_keys,   cmd_flash,   cmd_otadata,  cmd_boot,
    cmd_device,     cmd_delta,      cmd_serve,  cmd_publish, cmd_releases, cmd_devices,
    cmd_stats,      cmd_provision,  cmd_push,   cmd_s3,      cmd_presign,  cmd_notify,
    cmd_demo,       cmd_completion, cmd_manual, NULL,
};

#define WORDS_MAX 64

/* --- Finding --------------------------------------------------------------- */

static const struct host_cmd *find_noun(const char *noun)
{
    for (const struct host_cmd *const *table = tables; *table; table++) {
        if ((*table)->noun && strcmp((*table)->noun, noun) == 0) {
            return *table;
        }
    }
    return NULL;
}

/* The row for `verb` in a noun's table; verb may be NULL. */
static const struct host_cmd *find_verb(const struct host_cmd *table, const char *verb)
{
    for (const struct host_cmd *row = table; row->noun; row++) {
        if (!row->verb || (verb && strcmp(row->verb, verb) == 0)) {
            return row;
        }
    }
    return NULL;
}

static int unknown_word(const char *prefix, const char *word, const char *const *words)
{
    const char *nearest = host_nearest(word, words);
    char hint[96] = "";
    if (nearest) {
        snprintf(hint, sizeof hint, ", did you mean '%s%s'?", prefix, nearest);
    }
    host_fail("unknown command '%s%.64s'%s (see airlift %s--help)", prefix, word, hint, prefix);
    return 2;
}

static int unknown_noun(const char *noun)
{
    const char *words[WORDS_MAX + 2];
    unsigned n = 0;
    for (const struct host_cmd *const *table = tables; *table; table++) {
        if ((*table)->noun) {
            words[n++] = (*table)->noun;
        }
    }
    words[n++] = "help";
    words[n] = NULL;
    return unknown_word("", noun, words);
}

static int unknown_verb(const struct host_cmd *table, const char *verb)
{
    const char *words[WORDS_MAX];
    unsigned n = 0;
    for (const struct host_cmd *row = table; row->noun && n + 1 < WORDS_MAX; row++) {
        words[n++] = row->verb;
    }
    words[n] = NULL;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s ", table->noun);
    return unknown_word(prefix, verb, words);
}

/* --- Overviews ------------------------------------------------------------- */

static void print_row(FILE *to, const struct host_cmd *row)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", row->noun, row->verb ? " " : "", row->verb ? row->verb : "");
    fprintf(to, "  %-21s %s\n", name, row->summary);
}

static void print_overview(FILE *to)
{
    fprintf(to, "airlift " AIRLIFT_VERSION " - over-the-air updates for ESP32-class devices, end to end\n"
                "\n"
                "usage: airlift COMMAND [ARGUMENTS] [OPTIONS]\n"
                "\n"
                "Commands:\n");
    for (const struct host_cmd *const *table = tables; *table; table++) {
        for (const struct host_cmd *row = *table; row->noun; row++) {
            print_row(to, row);
        }
    }
    fprintf(to, "\n"
                "airlift help COMMAND    a command's page: arguments, options, examples\n"
                "airlift --version       the version\n"
                "\n"
                "Sizes may be written as 4MB, 64K or 0x10000. Exit status: 0 done, 1 failed (one\n"
                "line on standard error says why), 2 wrong usage.\n");
}

static void print_verbs(FILE *to, const struct host_cmd *table)
{
    fprintf(to, "usage: airlift %s VERB [ARGUMENTS] [OPTIONS]\n\nCommands:\n", table->noun);
    for (const struct host_cmd *row = table; row->noun; row++) {
        print_row(to, row);
    }
    fprintf(to, "\nairlift help %s VERB    a command's page: arguments, options, examples\n", table->noun);
}

/* --- completion, manual ---------------------------------------------------- */

/* Nouns and verbs are written into the script; options are asked of the program, which knows them. */
static void print_completion(void)
{
    printf("# bash completion for airlift\n"
           "_airlift()\n"
           "{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]}\n"
           "    local nouns verbs= words\n"
           "    COMPREPLY=()\n"
           "    nouns=\"");
    for (const struct host_cmd *const *table = tables; *table; table++) {
        if ((*table)->noun) {
            printf("%s ", (*table)->noun);
        }
    }
    printf("help\"\n"
           "    if [[ $noun == help && $COMP_CWORD -gt 1 ]]; then\n"
           "        noun=${COMP_WORDS[2]} verb=${COMP_WORDS[3]}\n"
           "        [[ $COMP_CWORD -eq 2 ]] && COMPREPLY=($(compgen -W \"$nouns\" -- \"$cur\")) && return\n"
           "    elif [[ $COMP_CWORD -eq 1 ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$nouns --help --version\" -- \"$cur\"))\n"
           "        return\n"
           "    fi\n"
           "    case $noun in\n");
    for (const struct host_cmd *const *table = tables; *table; table++) {
        if ((*table)->noun && (*table)->verb) {
            printf("    %s) verbs=\"", (*table)->noun);
            for (const struct host_cmd *row = *table; row->noun; row++) {
                printf("%s%s", row == *table ? "" : " ", row->verb);
            }
            printf("\" ;;\n");
        }
    }
    printf("    completion) [[ $cur != -* ]] && verbs=bash ;;\n"
           "    esac\n"
           "    if [[ -n $verbs && $verb == \"$cur\" ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$verbs --help\" -- \"$cur\"))\n"
           "    elif [[ $cur == -* ]]; then\n"
           "        [[ -n $verbs ]] && words=\"$noun $verb\" || words=$noun\n"
           "        words=$(\"${COMP_WORDS[0]}\" $words --complete 2>/dev/null)\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
           "    else\n"
           "        COMPREPLY=($(compgen -f -- \"$cur\"))\n"
           "        compopt -o filenames\n"
           "    fi\n"
           "}\n"
           "complete -F _airlift airlift\n");
}

static int run_completion(int argc, char **argv)
{
    static const struct host_opt none[] = {{0}};
    int n = host_parse(cmd_completion, argc, argv, none);
    if (n != 1 || strcmp(argv[0], "bash") != 0) {
        host_usage(cmd_completion, "name the shell: bash");
    }
    print_completion();
    return 0;
}

/* A page ends its process (it is what --help does), so each gets one. */
static int print_page_of(const struct host_cmd *row)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        return host_fail("manual: %s", strerror(errno));
    }
    if (pid == 0) {
        char help[] = "--help";
        char *argv[] = {help, NULL};
        exit(row->run(1, argv));
    }
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return host_fail("manual: %s", strerror(errno));
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run_manual(int argc, char **argv)
{
    static const struct host_opt none[] = {{0}};
    if (host_parse(cmd_manual, argc, argv, none) != 0) {
        host_usage(cmd_manual, "takes no arguments");
    }
    print_overview(stdout);
    for (const struct host_cmd *const *table = tables; *table; table++) {
        for (const struct host_cmd *row = *table; row->noun; row++) {
            printf("\n%s%s%s\n\n", row->noun, row->verb ? " " : "", row->verb ? row->verb : "");
            int status = print_page_of(row);
            if (status) {
                return status;
            }
        }
    }
    return 0;
}

/* --- Dispatch -------------------------------------------------------------- */

/* words[0] is the noun. */
static int dispatch(int n, char **words)
{
    const struct host_cmd *table = find_noun(words[0]);
    if (!table) {
        return unknown_noun(words[0]);
    }
    const char *verb = n > 1 ? words[1] : NULL;
    const struct host_cmd *row = find_verb(table, verb);
    if (row) {
        int used = row->verb ? 2 : 1;
        return row->run(n - used, words + used);
    }
    if (!verb) {
        print_verbs(stderr, table);
        return 2;
    }
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        print_verbs(stdout, table);
        return 0;
    }
    return unknown_verb(table, verb);
}

/* help NOUN VERB is NOUN VERB --help. */
static int help(int n, char **words)
{
    if (n == 0) {
        print_overview(stdout);
        return 0;
    }
    char option[] = "--help";
    char *again[] = {words[0], n > 1 ? words[1] : option, option};
    return dispatch(n > 1 ? 3 : 2, again);
}

int main(int argc, char **argv)
{
    int status;
    if (argc < 2) {
        print_overview(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        status = help(0, NULL);
    } else if (strcmp(argv[1], "help") == 0) {
        status = help(argc - 2, argv + 2);
    } else if (strcmp(argv[1], "--version") == 0) {
        printf("airlift " AIRLIFT_VERSION "\n");
        status = 0;
    } else {
        status = dispatch(argc - 1, argv + 1);
    }
    /* A full disk behind a redirection is a failure like any other. */
    if ((fflush(stdout) || ferror(stdout)) && status == 0) {
        status = host_fail("standard output: %s", strerror(errno));
    }
    return status;
}
