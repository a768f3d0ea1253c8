/*
 * Partition CSV as text. Read forward only: what lies ahead (a name behind "$",
 * a "\n" behind "\r") is looked at through a copy of the reader.
 */
#include "ptable_csv_text.h"

#include "airlift/bytes.h"
#include "ptable_names.h"

/* --- Characters ------------------------------------------------------------ */

#define NO_CHAR     0xFFFFFFFFu /* nothing left */
#define BAD_CHAR    0xFFFFFFFEu /* not text in this encoding */
#define REPLACEMENT 0xFFFDu

/* The encoding by its byte-order mark, which is skipped. */
static struct al_csv_text open_text(const char *text, size_t len)
{
    static const struct {
        uint8_t len, bytes[4], width;
        bool big_endian;
    } marks
        [] =
            {
                {3, {0xEF, 0xBB, 0xBF}, 1, false},
                {4, {0xFF, 0xFE, 0, 0}, 4, false}, /* before UTF-16, whose mark it begins with */
                {4, {0, 0, 0xFE, 0xFF}, 4, true},
                {2, {0xFF, 0xFE}, 2, false},
                {2, {0xFE, 0xFF}, 2, true},
            };
    struct al_csv_text t = {.at = (const uint8_t *)text, .end = (const uint8_t *)text + len, .width = 1};
    for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (len >= marks[i].len && memcmp(text, marks[i].bytes, marks[i].len) == 0) {
            t.at += marks[i].len;
            t.width = marks[i].width;
            t.big_endian = marks[i].big_endian;
            break;
        }
    }
    return t;
}

static bool next_unit(struct al_csv_text *t, uint32_t *out)
{
    if (t->end - t->at < t->width) {
        t->at = t->end;
        return false;
    }
    uint32_t unit = 0;
    for (unsigned i = 0; i < t->width; i++) {
        unit = unit << 8 | t->at[t->big_endian ? i : t->width - 1u - i];
    }
    t->at += t->width;
    *out = unit;
    return true;
}

/* The rest of a UTF-8 sequence that starts with `lead`. */
static uint32_t finish_utf8(struct al_csv_text *t, uint32_t lead)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    unsigned n = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF8 ? 3 : 0;
    uint32_t c = lead & (0x3Fu >> n);
    for (unsigned i = 0; i < n; i++) {
        uint32_t unit;
        if (!next_unit(t, &unit) || (unit & 0xC0) != 0x80) {
            return BAD_CHAR;
        }
        c = c << 6 | (unit & 0x3F);
    }
    bool is_surrogate = c >= 0xD800 && c < 0xE000;
    return n == 0 || c < smallest[n] || c > 0x10FFFF || is_surrogate ? BAD_CHAR : c;
}

static uint32_t next_char(struct al_csv_text *t)
{
    uint32_t c, low;
    if (t->at == t->end) {
        return NO_CHAR;
    }
    if (!next_unit(t, &c)) {
        return BAD_CHAR;
    }
    if (t->width == 1) {
        return c < 0x80 ? c : finish_utf8(t, c);
    }
    if (c < 0xD800 || c >= 0xE000) {
        return c <= 0x10FFFF ? c : BAD_CHAR;
    }
    if (t->width == 4 || c >= 0xDC00 || !next_unit(t, &low) || low < 0xDC00 || low >= 0xE000) {
        return BAD_CHAR;
    }
    return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

static bool is_line_end(uint32_t c)
{
    return (c >= '\n' && c <= '\r') || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_space(uint32_t c)
{
    return is_line_end(c) || c == '\t' || c == ' ' || c == 0x1F || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x205F || c == 0x3000;
}

static bool is_letter(uint32_t c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* --- Lines, with variables expanded ------------------------------------------ */

/* Behind a "$": if NAME or {NAME} follows and is set, read its value next. */
static bool expand(struct al_csv_reader *r)
{
    struct al_csv_text ahead = r->text, behind_name = ahead;
    char name[64];
    unsigned len = 0;
    uint32_t c = next_char(&ahead);
    bool braces = c == '{';
    if (braces) {
        c = next_char(&ahead);
    }
    while (braces ? c != '}' : is_letter(c) || (c >= '0' && c <= '9')) {
        if (c > 0x7F || is_line_end(c) || len == sizeof name - 1) {
            return false;
        }
        name[len++] = (char)c;
        behind_name = ahead;
        c = next_char(&ahead);
    }
    name[len] = '\0';
    const struct al_csv_options *o = r->options;
    const char *value = o->getenv != NULL ? o->getenv(o->getenv_ctx, name) : NULL;
    if (value == NULL) {
        return false;
    }
    size_t value_len = 0;
    while (value[value_len] != '\0') {
        value_len++;
    }
    r->value = (struct al_csv_text){
        .at = (const uint8_t *)value, .end = (const uint8_t *)value + value_len, .width = 1};
    r->text = braces ? ahead : behind_name;
    return true;
}

/* The next character of the line; NO_CHAR, at its end, which is then behind us. */
static uint32_t read_char(struct al_csv_reader *r)
{
    for (;;) {
        uint32_t c = next_char(&r->value);
        if (c != NO_CHAR) {
            return c == BAD_CHAR ? REPLACEMENT : c;
        }
        c = next_char(&r->text);
        if (c == '$' && expand(r)) {
            continue;
        }
        if (c == '\r') {
            struct al_csv_text ahead = r->text;
            if (next_char(&ahead) == '\n') {
                r->text = ahead;
            }
        }
        return is_line_end(c) ? NO_CHAR : c;
    }
}

/* --- A field, without the spaces around it ------------------------------------ */

static void put_byte(struct al_csv_field *f, uint32_t byte)
{
    if (f->spaced_len < sizeof f->text) {
        f->text[f->spaced_len] = (char)byte;
    }
    f->spaced_len++;
    f->spaced_hash = (f->spaced_hash ^ byte) * 16777619u; /* FNV */
}

static void put_char(struct al_csv_field *f, uint32_t c)
{
    bool space = is_space(c);
    if (space && f->len == 0) {
        return;
    }
    unsigned n_more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    if (n_more == 0) {
        put_byte(f, c);
    } else {
        put_byte(f, (0x780u >> n_more & 0xFFu) | c >> 6 * n_more);
    }
    while (n_more-- > 0) {
        put_byte(f, 0x80u | (c >> 6 * n_more & 0x3Fu));
    }
    if (!space) {
        f->len = f->spaced_len;
        f->hash = f->spaced_hash;
    }
}

/* --- Numbers and words ----------------------------------------------------------- */

#define HUGE_VALUE (INT64_C(1) << 40) /* far past 32 bits, and sums of it still fit */

static unsigned digit(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'z' ? (unsigned)(c - 'a') + 10u : 99u;
}

/* The base by its prefix; moves *i behind it. */
static unsigned take_base(const char *s, size_t len, size_t *i)
{
    if (len - *i < 2 || s[*i] != '0') {
        return 10;
    }
    char mark = (char)(s[*i + 1] | 0x20);
    unsigned base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
    if (base != 10) {
        *i += 2;
        if (*i < len && s[*i] == '_') {
            (*i)++;
        }
    }
    return base;
}

/*
 * An integer as Python reads one with base 0: sign, prefix, "_" between digits,
 * no leading zeros in decimal. Of values too large for any field the low bits
 * stay right, so that alignment is judged as it should be.
 */
static bool parse_number(const char *s, size_t len, int64_t *out)
{
    int64_t value = 0;
    size_t i = len > 0 && (s[0] == '-' || s[0] == '+') ? 1 : 0;
    unsigned base = take_base(s, len, &i);
    bool must_be_zero = base == 10 && len - i > 1 && s[i] == '0';
    bool digit_due = true;
    for (; i < len; i++) {
        if (s[i] == '_' && !digit_due) {
            digit_due = true;
            continue;
        }
        if (digit(s[i]) >= base) {
            return false;
        }
        digit_due = false;
        value = value * base + digit(s[i]);
        if (value >= HUGE_VALUE) {
            value = HUGE_VALUE | (uint32_t)value;
        }
    }
    *out = len > 0 && s[0] == '-' ? -value : value;
    return !digit_due && !(must_be_zero && value != 0);
}

static int find_word(int words, const char *text, size_t len)
{
    if (words == AL_CSV_TYPE_WORDS) {
        return al_part_type_from_name(text, len, true);
    }
    return words == AL_CSV_NO_WORDS ? -1 : al_part_subtype_from_name(words, text, len, true);
}

/* --- For ptable_csv.c --------------------------------------------------------- */

bool al_csv_open(struct al_csv_reader *r, const char *text, size_t len, const struct al_csv_options *options)
{
    *r = (struct al_csv_reader){.text = open_text(text, len), .options = options};
    struct al_csv_text ahead = r->text;
    uint32_t c;
    while ((c = next_char(&ahead)) != NO_CHAR) {
        if (c == BAD_CHAR) {
            return false;
        }
    }
    return true;
}

bool al_csv_starts_with_variable(struct al_csv_reader ahead)
{
    return read_char(&ahead) == '$' && is_letter(read_char(&ahead));
}

bool al_csv_read_field(struct al_csv_reader *r, struct al_csv_field *out)
{
    uint32_t c;
    out->len = out->spaced_len = 0;
    out->hash = out->spaced_hash = 0;
    while ((c = read_char(r)) != ',') {
        if (c == NO_CHAR) {
            return false;
        }
        put_char(out, c);
    }
    return true;
}

bool al_csv_field_value(const struct al_csv_field *f, int words, int64_t *out)
{
    size_t len = f->len <= sizeof f->text ? f->len : 0;
    unsigned n_kilo = 0;
    for (; len > 0; len--) {
        char unit = (char)(f->text[len - 1] | 0x20);
        if (unit != 'k' && unit != 'm') {
            break;
        }
        n_kilo += unit == 'k' ? 1 : 2;
    }
    size_t number_len = len;
    while (number_len > 0 && is_space((uint8_t)f->text[number_len - 1])) {
        number_len--;
    }
    int64_t value;
    if (!parse_number(f->text, number_len, &value)) {
        value = find_word(words, f->text, len);
        if (value < 0) {
            return false;
        }
    }
    while (n_kilo-- > 0 && value < HUGE_VALUE && value > -HUGE_VALUE) {
        value *= 1024;
    }
    *out = value;
    return true;
}
