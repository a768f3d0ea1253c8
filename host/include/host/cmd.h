/*
 * cmd.h - a command's table row, its options, and how it says what went wrong.
 *
 * Commands are rows: noun, verb, usage, summary, long help, options, handler. --help,
 * bash completion and the manual page are made from the same rows.
 *
 * Exit codes: 0 done, 1 failed (one line on stderr: what failed, on what, what
 * to do), 2 wrong usage.
 */
#ifndef HOST_CMD_H
#define HOST_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum host_opt_kind {
    HOST_OPT_FLAG,    /* bool */
    HOST_OPT_TEXT,    /* const char *, borrowed from argv */
    HOST_OPT_SIZE,    /* uint32_t: "4MB", "64K", "0x10000" */
    HOST_OPT_NUMBER,  /* uint32_t, decimal or 0x */
    HOST_OPT_SECONDS, /* double */
    HOST_OPT_LIST,    /* struct host_list: may be given several times */
};

struct host_list {
    const char *item[64];
    unsigned n;
};

struct host_opt {
    const char *name; /* without "--"; "no-rollback" is an option of its own */
    char letter;      /* short form, or 0 */
    enum host_opt_kind kind;
    void *value;      /* written when given; the handler sets the default before */
    const char *arg;  /* placeholder in the help, such as "HOST:PORT"; NULL for flags */
    const char *help; /* one line, or several with \n */
    bool *given;      /* set to true when present; may be NULL */
};

struct host_cmd {
    const char *noun;                  /* "partitions" */
    const char *verb;                  /* "gen", or NULL for commands of one word ("serve") */
    const char *usage;                 /* what follows the name: "IN.csv OUT.bin [OPTIONS]" */
    const char *summary;               /* one line */
    const char *help;                  /* manual text; a line "Examples:" starts that section */
    int (*run)(int argc, char **argv); /* argv[0] is the first word behind noun and verb */
};

/*
 * Parse options (anywhere among the words, "--" ends them, "--opt=value" works), leaving the
 * other words in argv[0..result-1]. --help prints the command's page and exits 0; a
 * mistake prints one line and exits 2. opts ends with name NULL.
 *
 * --complete, which the page does not mention, prints the option names, one a
 * line ("--size=" when a value follows), and exits 0: bash completion asks with it.
 */
int host_parse(const struct host_cmd *cmd, int argc, char **argv, const struct host_opt *opts);

/* Exit with 2 after "airlift NOUN VERB: MESSAGE (see --help)". */
_Noreturn void host_usage(const struct host_cmd *cmd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Print "airlift: MESSAGE" on stderr. */
void host_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same; its value is 1, the exit code to return. */
#define host_fail(...) (host_complain(__VA_ARGS__), host_exit_failed())

static inline int host_exit_failed(void)
{
    return 1;
}

/* Put blanks in the place of control characters: for texts of others that go to a terminal. */
void host_make_printable(char *text);

/* "4MB", "64K", "1500K", "0x10000", "4096" -> bytes. False if it is not one. */
bool host_parse_size(const char *text, uint32_t *out);

/* Decimal or 0x number. */
bool host_parse_number(const char *text, uint32_t *out);

/* The one of `words` (ended by NULL) that a mistyped `word` was probably meant to be, or NULL. */
const char *host_nearest(const char *word, const char *const *words);

/* "1M", "64K", or hex; for people. */
void host_print_size(uint64_t bytes, char out[24]);

#endif
