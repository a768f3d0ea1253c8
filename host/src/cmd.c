/*
 * cmd.c - options of a command, its page, and its error lines.
 */
#include "host/cmd.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Numbers --------------------------------------------------------------- */

/* Digits with an optional 0x; *end is what follows them. False if there are none or too many. */
static bool parse_digits(const char *text, uint64_t *out, const char **end)
{
    /* strtoull would also take blanks, signs and octal. */
    if (!isdigit((unsigned char)text[0])) {
        return false;
    }
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') && isxdigit((unsigned char)text[2]);
    char *stop;
    errno = 0;
    unsigned long long value = strtoull(text, &stop, hex ? 16 : 10);
    if (errno) {
        return false;
    }
    *out = value;
    *end = stop;
    return true;
}

bool host_parse_number(const char *text, uint32_t *out)
{
    uint64_t value;
    const char *end;
    if (!parse_digits(text, &value, &end) || *end || value > UINT32_MAX) {
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool host_parse_size(const char *text, uint32_t *out)
{
    static const struct {
        const char *suffix;
        unsigned shift;
    } units[] = {{"", 0},    {"B", 0},    {"K", 10}, {"KB", 10}, {"KiB", 10}, {"M", 20},
                 {"MB", 20}, {"MiB", 20}, {"G", 30}, {"GB", 30}, {"GiB", 30}};
    uint64_t value;
    const char *end;
    if (!parse_digits(text, &value, &end) || value > UINT32_MAX) {
        return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(end, units[i].suffix) == 0) {
            value <<= units[i].shift;
            if (value > UINT32_MAX) {
                return false;
            }
            *out = (uint32_t)value;
            return true;
        }
    }
    return false;
}

void host_print_size(uint64_t bytes, char out[24])
{
    if (bytes && bytes % (1u << 20) == 0) {
        snprintf(out, 24, "%lluM", (unsigned long long)(bytes >> 20));
    } else if (bytes && bytes % (1u << 10) == 0) {
        snprintf(out, 24, "%lluK", (unsigned long long)(bytes >> 10));
    } else {
        snprintf(out, 24, "0x%llx", (unsigned long long)bytes);
    }
}

#define SECONDS_MAX 1e6 /* as milliseconds they fit an int */

static bool parse_seconds(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value) || value < 0 || value > SECONDS_MAX) {
        return false;
    }
    *out = value;
    return true;
}

/* --- Suggestions ----------------------------------------------------------- */

#define WORD_MAX 32

/* Insertions, removals and replacements that turn a into b; large if either is longer than WORD_MAX. */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    if (n_a > WORD_MAX || n_b > WORD_MAX) {
        return 2 * WORD_MAX;
    }
    unsigned row[WORD_MAX + 1];
    for (unsigned j = 0; j <= n_b; j++) {
        row[j] = j;
    }
    for (unsigned i = 1; i <= n_a; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= n_b; j++) {
            unsigned replaced =
                diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            unsigned inserted = row[j - 1] + 1, removed = row[j] + 1;
            diagonal = row[j];
            row[j] = inserted < removed ? inserted : removed;
            if (replaced < row[j]) {
                row[j] = replaced;
            }
        }
    }
    return row[n_b];
}

const char *host_nearest(const char *word, const char *const *words)
{
    const char *best = NULL;
    size_t len = strlen(word);
    /* A third of the word may be wrong; further away a suggestion only irritates. */
    unsigned limit = len < 9 ? (unsigned)len / 3 + 1 : 4;
    for (; *words; words++) {
        bool begins = len > 1 && strncasecmp(*words, word, len) == 0;
        unsigned distance = begins ? 0 : edit_distance(word, *words);
        if (distance < limit || (!best && distance == limit && len > 2)) {
            best = *words;
            limit = distance;
        }
    }
    return best;
}

/* --- Error lines ----------------------------------------------------------- */

void host_make_printable(char *text)
{
    for (; *text; text++) {
        if (iscntrl((unsigned char)*text)) {
            *text = ' ';
        }
    }
}

/* One line whatever is in it: names and messages may come from foreign files. */
static void print_line(const char *prefix, const char *format, va_list args, const char *suffix)
{
    char text[2048];
    vsnprintf(text, sizeof text, format, args);
    host_make_printable(text);
    fflush(stdout); /* so that both streams stay in order on a terminal */
    fprintf(stderr, "%s: %s%s\n", prefix, text, suffix);
}

static void command_name(const struct host_cmd *cmd, char out[64])
{
    snprintf(out, 64, "airlift %s%s%s", cmd->noun, cmd->verb ? " " : "", cmd->verb ? cmd->verb : "");
}

void host_usage(const struct host_cmd *cmd, const char *format, ...)
{
    char name[64];
    command_name(cmd, name);
    va_list args;
    va_start(args, format);
    print_line(name, format, args, " (see --help)");
    va_end(args);
    exit(2);
}

void host_complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line("airlift", format, args, "");
    va_end(args);
}

/* --- The page -------------------------------------------------------------- */

#define PAGE_WIDTH 80

/* Where a paragraph that begins at `text` ends: at a blank line, an indented one, or behind a short one. */
static const char *paragraph_end(const char *text, const char *end)
{
    for (;;) {
        const char *eol = memchr(text, '\n', (size_t)(end - text));
        if (!eol || eol + 1 == end) {
            return eol ? eol : end;
        }
        bool is_short = eol - text < PAGE_WIDTH / 2;
        if (is_short || eol[1] == '\n' || eol[1] == ' ' || eol[1] == '\t') {
            return eol;
        }
        text = eol + 1;
    }
}

/* Words of [text, end), as many to a line as fit. Line ends count as blanks. */
static void print_words(const char *text, const char *end, int indent)
{
    int column = 0;
    while (text < end) {
        text += strspn(text, " \n");
        if (text >= end) {
            break;
        }
        int len = (int)strcspn(text, " \n");
        len = len < end - text ? len : (int)(end - text);
        if (column && column + 1 + len > PAGE_WIDTH) {
            putchar('\n');
            column = 0;
        }
        column += column ? printf(" %.*s", len, text) : printf("%*s%.*s", indent, "", len, text);
        text += len;
    }
    putchar('\n');
}

/* Print text at an indent: paragraphs are filled, lines that start with a blank stay as they are. */
static void print_text(const char *text, const char *end, int indent)
{
    while (end > text && end[-1] == '\n') {
        end--;
    }
    while (text < end) {
        const char *stop;
        if (*text == '\n') {
            putchar('\n');
            stop = text;
        } else if (*text == ' ' || *text == '\t') {
            stop = memchr(text, '\n', (size_t)(end - text));
            stop = stop ? stop : end;
            printf("%*s%.*s\n", indent, "", (int)(stop - text), text);
        } else {
            stop = paragraph_end(text, end);
            print_words(text, stop, indent);
        }
        text = stop + (stop < end);
    }
}

/* The line that starts the examples, or the text's end. */
static const char *find_examples(const char *text)
{
    const char *end = text + strlen(text);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, "example", 7) == 0) {
            size_t len = strcspn(line, "\n");
            size_t word = line[7] == 's' || line[7] == 'S' ? 8 : 7;
            if (len == word || (len == word + 1 && line[word] == ':')) {
                return line;
            }
        }
    }
    return end;
}

static void print_option(const struct host_opt *opt)
{
    printf("       ");
    if (opt->letter) {
        printf("-%c, ", opt->letter);
    }
    printf("--%s%s%s\n", opt->name, opt->arg ? " " : "", opt->arg ? opt->arg : "");
    print_text(opt->help, opt->help + strlen(opt->help), 14);
    putchar('\n');
}

static _Noreturn void print_page(const struct host_cmd *cmd, const struct host_opt *opts)
{
    char name[64];
    command_name(cmd, name);
    printf("NAME\n       %s - %s\n\n", name, cmd->summary);
    printf("SYNOPSIS\n       %s%s%s\n\n", name, *cmd->usage ? " " : "", cmd->usage);

    const char *help = cmd->help ? cmd->help : cmd->summary;
    const char *examples = find_examples(help);
    printf("DESCRIPTION\n");
    print_text(help, examples, 7);
    printf("\nOPTIONS\n");
    for (const struct host_opt *opt = opts; opt->name; opt++) {
        print_option(opt);
    }
    printf("       -h, --help\n              Show this page.\n\n");

    if (*examples) {
        printf("EXAMPLES\n");
        const char *body = examples + strcspn(examples, "\n");
        body += strspn(body, "\n");
        print_text(body, body + strlen(body), 7);
        putchar('\n');
    }
    printf("EXIT STATUS\n"
           "       0      Done.\n"
           "       1      Failed; one line on standard error says what, on what, and why.\n"
           "       2      Wrong usage.\n");
    exit(fflush(stdout) == 0 ? 0 : 1);
}

/* --- Options --------------------------------------------------------------- */

static void store(const struct host_cmd *cmd, const struct host_opt *opt, const char *text)
{
    switch (opt->kind) {
    case HOST_OPT_FLAG:
        *(bool *)opt->value = true;
        break;
    case HOST_OPT_TEXT:
        *(const char **)opt->value = text;
        break;
    case HOST_OPT_SIZE:
        if (!host_parse_size(text, opt->value)) {
            host_usage(cmd, "--%s: '%s' is not a size such as 4MB, 64K or 0x10000", opt->name, text);
        }
        break;
    case HOST_OPT_NUMBER:
        if (!host_parse_number(text, opt->value)) {
            host_usage(cmd, "--%s: '%s' is not a number", opt->name, text);
        }
        break;
    case HOST_OPT_SECONDS:
        if (!parse_seconds(text, opt->value)) {
            host_usage(cmd, "--%s: '%s' is not a number of seconds", opt->name, text);
        }
        break;
    case HOST_OPT_LIST: {
        struct host_list *list = opt->value;
        if (list->n == sizeof list->item / sizeof list->item[0]) {
            host_usage(cmd, "--%s is given more than %u times", opt->name, list->n);
        }
        list->item[list->n++] = text;
        break;
    }
    }
    if (opt->given) {
        *opt->given = true;
    }
}

static _Noreturn void unknown_option(const struct host_cmd *cmd, const struct host_opt *opts,
                                     const char *name)
{
    const char *names[66];
    unsigned n = 0;
    for (; opts->name && n < 64; opts++) {
        names[n++] = opts->name;
    }
    names[n++] = "help";
    names[n] = NULL;
    const char *nearest = host_nearest(name, names);
    if (nearest) {
        host_usage(cmd, "unknown option --%s, did you mean --%s?", name, nearest);
    }
    host_usage(cmd, "unknown option --%s", name);
}

static const struct host_opt *find_long(const struct host_opt *opts, const char *name)
{
    while (opts->name && strcmp(opts->name, name) != 0) {
        opts++;
    }
    return opts->name ? opts : NULL;
}

static const struct host_opt *find_letter(const struct host_opt *opts, char letter)
{
    while (opts->name && opts->letter != letter) {
        opts++;
    }
    return opts->name ? opts : NULL;
}

static _Noreturn void print_completions(const struct host_opt *opts)
{
    for (; opts->name; opts++) {
        printf("--%s%s\n", opts->name, opts->kind == HOST_OPT_FLAG ? "" : "=");
    }
    printf("--help\n");
    exit(fflush(stdout) == 0 ? 0 : 1);
}

/* One "--name", "--name=value"; `next` is the word behind it or NULL. True if `next` was used up. */
static bool parse_long(const struct host_cmd *cmd, const struct host_opt *opts, const char *word,
                       const char *next)
{
    char name[64];
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    if (len >= sizeof name) {
        host_usage(cmd, "unknown option --%.40s...", word);
    }
    memcpy(name, word, len);
    name[len] = '\0';

    const struct host_opt *opt = find_long(opts, name);
    if (!opt && strcmp(name, "help") == 0) {
        print_page(cmd, opts);
    }
    if (!opt && strcmp(name, "complete") == 0) {
        print_completions(opts);
    }
    if (!opt) {
        unknown_option(cmd, opts, name);
    }
    if (opt->kind == HOST_OPT_FLAG) {
        if (equals) {
            host_usage(cmd, "--%s takes no value", name);
        }
        store(cmd, opt, NULL);
        return false;
    }
    if (!equals && !next) {
        host_usage(cmd, "--%s needs %s", name, opt->arg ? opt->arg : "a value");
    }
    store(cmd, opt, equals ? equals + 1 : next);
    return !equals;
}

/* "-o FILE", "-oFILE", or flags one behind the other. True if `next` was used up. */
static bool parse_letters(const struct host_cmd *cmd, const struct host_opt *opts, const char *word,
                          const char *next)
{
    for (; *word; word++) {
        const struct host_opt *opt = find_letter(opts, *word);
        if (!opt && *word == 'h') {
            print_page(cmd, opts);
        }
        if (!opt) {
            host_usage(cmd, "unknown option -%c", *word);
        }
        if (opt->kind != HOST_OPT_FLAG) {
            if (!word[1] && !next) {
                host_usage(cmd, "-%c needs %s", *word, opt->arg ? opt->arg : "a value");
            }
            store(cmd, opt, word[1] ? word + 1 : next);
            return !word[1];
        }
        store(cmd, opt, NULL);
    }
    return false;
}

int host_parse(const struct host_cmd *cmd, int argc, char **argv, const struct host_opt *opts)
{
    int n = 0;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i];
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(word, "--") == 0) {
            while (++i < argc) {
                argv[n++] = argv[i];
            }
        } else if (strncmp(word, "--", 2) == 0) {
            i += parse_long(cmd, opts, word + 2, next);
        } else if (word[0] == '-' && word[1]) { /* "-" alone is a word: stdin or stdout */
            i += parse_letters(cmd, opts, word + 1, next);
        } else {
            argv[n++] = word;
        }
    }
    return n;
}
