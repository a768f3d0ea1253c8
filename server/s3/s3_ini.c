#include "s3_ini.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A piece of the text; not terminated. */
struct span {
    const char *at;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(const char *at, size_t len)
{
    while (len && is_blank(at[0])) {
        at++, len--;
    }
    while (len && is_blank(at[len - 1])) {
        len--;
    }
    return (struct span){at, len};
}

static bool equals(struct span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* Keys are compared without regard to case. */
static bool is_key(struct span s, const char *text)
{
    return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

/* "[name]" with any blanks inside. False if the line is no section's head. */
static bool parse_section(struct span line, struct span *name)
{
    if (line.len < 2 || line.at[0] != '[') {
        return false;
    }
    const char *end = memchr(line.at, ']', line.len);
    if (!end) {
        return false;
    }
    *name = trim(line.at + 1, (size_t)(end - line.at) - 1);
    return true;
}

/* "key = value". */
static bool parse_pair(struct span line, struct span *key, struct span *value)
{
    const char *equal = memchr(line.at, '=', line.len);
    if (!equal) {
        return false;
    }
    *key = trim(line.at, (size_t)(equal - line.at));
    *value = trim(equal + 1, line.len - (size_t)(equal + 1 - line.at));
    return key->len > 0;
}

/* The next line, its end included in what is skipped; false at the end. */
static bool next_line(const char **text, const char **at, size_t *len)
{
    if (!**text) {
        return false;
    }
    *at = *text;
    *len = strcspn(*text, "\n");
    *text += *len + ((*text)[*len] == '\n');
    return true;
}

bool srv_s3_ini_get(const char *text, const char *section, const char *parent, const char *key, char **out)
{
    const char *at;
    size_t len;
    bool inside = false, in_parent = false;
    struct span found = {NULL, 0};
    while (next_line(&text, &at, &len)) {
        struct span line = trim(at, len), name, value;
        bool indented = len && is_blank(at[0]) && line.len;
        if (!line.len || line.at[0] == '#' || line.at[0] == ';') {
            continue;
        }
        if (!indented && parse_section(line, &name)) {
            inside = equals(name, section);
            in_parent = false;
        } else if (inside && parse_pair(line, &name, &value)) {
            if (!indented) {
                in_parent = parent && is_key(name, parent);
            }
            bool level = parent ? indented && in_parent : !indented;
            if (level && is_key(name, key)) {
                found = value;
            }
        }
    }
    *out = found.at ? strndup(found.at, found.len) : NULL;
    return !found.at || *out;
}

bool srv_s3_ini_has_section(const char *text, const char *section)
{
    const char *at;
    size_t len;
    while (next_line(&text, &at, &len)) {
        struct span line = trim(at, len), name;
        if (parse_section(line, &name) && equals(name, section)) {
            return true;
        }
    }
    return false;
}
