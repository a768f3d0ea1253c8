/*
 * Partition CSV to table. The text is read once, a character at a time, so
 * that neither lines nor names need a buffer of their length. What a line
 * says goes into rows; checks that need the whole table run over those.
 */
#include "airlift/ptable_csv.h"

#include "airlift/bytes.h"
#include "ptable_names.h"

#define TABLE_SECTOR 0x1000 /* what the table itself occupies */
#define APP_ALIGN    0x10000u
#define ALIGN        0x1000u
#define OTADATA_SIZE 0x2000
#define NVS_MIN_SIZE 0x3000 /* of a writable one */
#define NO_OFFSET    INT64_MIN
#define MAX_ROWS     AL_PTABLE_MAX_ENTRIES

/* --- Characters ------------------------------------------------------------ */

#define NO_CHAR     0xFFFFFFFFu /* nothing left */
#define BAD_CHAR    0xFFFFFFFEu /* not text in this encoding */
#define REPLACEMENT 0xFFFDu

struct text {
    const uint8_t *at, *end;
    uint8_t width; /* bytes of a unit: 1, 2, 4 for UTF-8, -16, -32 */
    bool big_endian;
};

/* The encoding by its byte-order mark, which is skipped. */
static struct text open_text(const char *text, size_t len)
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
    struct text t = {.at = (const uint8_t *)text, .end = (const uint8_t *)text + len, .width = 1};
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

static bool next_unit(struct text *t, uint32_t *out)
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
static uint32_t finish_utf8(struct text *t, uint32_t lead)
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

static uint32_t next_char(struct text *t)
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

struct reader {
    struct text text;
    struct text value; /* of the variable being read */
    const struct al_csv_options *options;
};

/* Behind a "$": if NAME or {NAME} follows and is set, read its value next. */
static bool expand(struct reader *r)
{
    struct text ahead = r->text, behind_name = ahead;
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
    r->value =
        (struct text){.at = (const uint8_t *)value, .end = (const uint8_t *)value + value_len, .width = 1};
    r->text = braces ? ahead : behind_name;
    return true;
}

/* The next character of the line; NO_CHAR, at its end, which is then behind us. */
static uint32_t read_char(struct reader *r)
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
            struct text ahead = r->text;
            if (next_char(&ahead) == '\n') {
                r->text = ahead;
            }
        }
        return is_line_end(c) ? NO_CHAR : c;
    }
}

/* --- A field, without the spaces around it ------------------------------------ */

struct field {
    char text[128];                   /* UTF-8: its beginning, not terminated */
    uint32_t len;                     /* of all of it */
    uint32_t hash;                    /* over all of it */
    uint32_t spaced_len, spaced_hash; /* with the spaces that may yet turn out to trail */
};

static void clear_field(struct field *f)
{
    f->len = f->spaced_len = 0;
    f->hash = f->spaced_hash = 0;
}

static void put_byte(struct field *f, uint32_t byte)
{
    if (f->spaced_len < sizeof f->text) {
        f->text[f->spaced_len] = (char)byte;
    }
    f->spaced_len++;
    f->spaced_hash = (f->spaced_hash ^ byte) * 16777619u; /* FNV */
}

static void put_char(struct field *f, uint32_t c)
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

/* --- What a job knows ---------------------------------------------------------- */

#define NOT_A_BYTE 0x100u

/* What a line says: an entry, with numbers that need not fit its fields yet. */
struct row {
    int64_t off; /* NO_OFFSET: not given */
    int64_t size;
    unsigned line;
    uint32_t name_len, name_hash;  /* of the whole name, not only the label */
    unsigned type, subtype, flags; /* type and subtype may be NOT_A_BYTE */
    char label[AL_LABEL_SIZE];
};

struct job {
    const struct al_csv_options *options;
    struct al_csv_report *report;
    unsigned line;
    unsigned n;                   /* rows kept */
    bool too_many;                /* rows were read that are not kept */
    struct row row[MAX_ROWS + 1]; /* one more to read into */
};

static bool refuse(struct job *j, enum al_csv_error error, unsigned line, const char *what, size_t len)
{
    struct al_csv_report *report = j->report;
    for (size_t i = 0; i < len && i < sizeof report->what - 1 && what[i] != '\0'; i++) {
        bool printable = (uint8_t)what[i] >= ' ' && what[i] != 0x7F;
        report->what[i] = printable ? what[i] : '?';
    }
    report->error = error;
    report->line = line;
    return false;
}

static bool refuse_field(struct job *j, enum al_csv_error error, const struct field *f)
{
    return refuse(j, error, j->line, f->text, f->len < sizeof f->text ? f->len : sizeof f->text);
}

static bool refuse_row(struct job *j, enum al_csv_error error, const struct row *row)
{
    return refuse(j, error, row->line, row->label, AL_LABEL_SIZE);
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

/* Which words may stand for a number: none, types, or the subtypes of a type. */
enum { NO_WORDS = -2, TYPE_WORDS = -1 };

static int find_word(int words, const char *text, size_t len)
{
    if (words == TYPE_WORDS) {
        return al_part_type_from_name(text, len, true);
    }
    return words == NO_WORDS ? -1 : al_part_subtype_from_name(words, text, len, true);
}

/* A number or word, times 1024 for each K behind it and 1024 * 1024 for each M. */
static bool parse_value(struct job *j, const struct field *f, int words, int64_t *out)
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
            return refuse_field(j, words == NO_WORDS ? AL_CSV_BAD_NUMBER : AL_CSV_BAD_KEYWORD, f);
        }
    }
    while (n_kilo-- > 0 && value < HUGE_VALUE && value > -HUGE_VALUE) {
        value *= 1024;
    }
    *out = value;
    return true;
}

/* --- One line ---------------------------------------------------------------------- */

static bool is_a(const struct row *row, unsigned type, unsigned subtype)
{
    return row->type == type && row->subtype == subtype;
}

/* The two that lie below the end of the table by their nature. */
static bool is_primary(const struct row *row)
{
    return (row->type == AL_TYPE_BOOTLOADER || row->type == AL_TYPE_PARTITION_TABLE) &&
           row->subtype == AL_SUB_PRIMARY;
}

static bool take_name(struct job *j, struct row *row, const struct field *f)
{
    memset(row, 0, sizeof *row);
    row->line = j->line;
    row->name_len = f->len;
    row->name_hash = f->hash;
    memcpy(row->label, f->text, f->len < AL_LABEL_SIZE ? f->len : AL_LABEL_SIZE);
    return true;
}

/* A type or subtype. */
static bool take_kind(struct job *j, const struct field *f, int words, unsigned *out)
{
    int64_t value;
    if (!parse_value(j, f, words, &value)) {
        return false;
    }
    *out = value >= 0 && value <= 0xFF ? (unsigned)value : NOT_A_BYTE;
    return true;
}

static bool take_type(struct job *j, struct row *row, const struct field *f)
{
    if (f->len == 0) {
        return refuse_row(j, AL_CSV_MISSING_TYPE, row);
    }
    return take_kind(j, f, TYPE_WORDS, &row->type);
}

static bool take_subtype(struct job *j, struct row *row, const struct field *f)
{
    if (f->len > 0) {
        return take_kind(j, f, row->type <= AL_TYPE_PARTITION_TABLE ? (int)row->type : NO_WORDS,
                         &row->subtype);
    }
    row->subtype = AL_SUB_DATA_UNDEFINED; /* of whatever type but app */
    return row->type != AL_TYPE_APP || refuse_row(j, AL_CSV_MISSING_SUBTYPE, row);
}

static bool take_offset(struct job *j, struct row *row, const struct field *f)
{
    const struct al_csv_options *o = j->options;
    if (is_a(row, AL_TYPE_PARTITION_TABLE, AL_SUB_PRIMARY)) {
        row->off = o->table_off;
        return true;
    }
    if (is_a(row, AL_TYPE_BOOTLOADER, AL_SUB_PRIMARY)) {
        row->off = o->primary_bootloader_off;
        return o->has_primary_bootloader_off || refuse_row(j, AL_CSV_BOOTLOADER_OFFSET_MISSING, row);
    }
    if (is_a(row, AL_TYPE_BOOTLOADER, AL_SUB_BOOTLOADER_RECOVERY)) {
        row->off = o->recovery_bootloader_off;
        return o->has_recovery_bootloader_off || refuse_row(j, AL_CSV_RECOVERY_OFFSET_MISSING, row);
    }
    row->off = NO_OFFSET;
    return f->len == 0 || parse_value(j, f, NO_WORDS, &row->off);
}

/* Bootloaders and tables of any subtype have the primary one's size, whatever is written. */
static bool take_size(struct job *j, struct row *row, const struct field *f)
{
    const struct al_csv_options *o = j->options;
    if (row->type == AL_TYPE_PARTITION_TABLE) {
        row->size = TABLE_SECTOR;
        return true;
    }
    if (row->type == AL_TYPE_BOOTLOADER) {
        row->size = (int64_t)o->table_off - o->primary_bootloader_off;
        return o->has_primary_bootloader_off || refuse_row(j, AL_CSV_BOOTLOADER_OFFSET_MISSING, row);
    }
    if (f->len == 0) {
        return refuse_row(j, AL_CSV_MISSING_SIZE, row);
    }
    return parse_value(j, f, NO_WORDS, &row->size);
}

static bool take_flags(struct job *j, struct row *row, const struct field *f)
{
    if (f->len > sizeof f->text) {
        return refuse_field(j, AL_CSV_UNKNOWN_FLAG, f);
    }
    for (size_t start = 0, end; start < f->len; start = end + 1) {
        for (end = start; end < f->len && f->text[end] != ':'; end++) {
        }
        unsigned flag = al_part_flag_from_name(f->text + start, end - start);
        if (flag == 0 && end > start) {
            return refuse(j, AL_CSV_UNKNOWN_FLAG, j->line, f->text + start, end - start);
        }
        row->flags |= flag;
    }
    return true;
}

static bool (*const take[])(struct job *, struct row *, const struct field *) = {
    take_name, take_type, take_subtype, take_offset, take_size, take_flags};

#define N_COLUMNS (sizeof take / sizeof take[0]) /* further ones are ignored */

/* "$NAME" at the very start of a line, still there after expansion, is refused. */
static bool starts_with_variable(struct reader ahead)
{
    return read_char(&ahead) == '$' && is_letter(read_char(&ahead));
}

static bool read_line(struct job *j, struct reader *r)
{
    struct row *row = &j->row[j->n];
    struct field f;
    uint32_t c;
    unsigned column = 0;
    bool blank = true, comment = false;

    clear_field(&f);
    if (starts_with_variable(*r)) {
        return refuse(j, AL_CSV_UNRESOLVED_VARIABLE, j->line, NULL, 0);
    }
    while ((c = read_char(r)) != NO_CHAR) {
        comment = comment || (blank && c == '#');
        blank = blank && is_space(c);
        if (comment || column == N_COLUMNS) {
            continue;
        }
        if (c != ',') {
            put_char(&f, c);
            continue;
        }
        if (!take[column++](j, row, &f)) {
            return false;
        }
        clear_field(&f);
    }
    if (blank || comment) {
        return true;
    }
    for (; column < N_COLUMNS; column++) {
        if (!take[column](j, row, &f)) {
            return false;
        }
        clear_field(&f);
    }
    j->too_many = j->n == MAX_ROWS;
    j->n += !j->too_many;
    return true;
}

static bool read_lines(struct job *j, const char *text, size_t len)
{
    struct reader r = {.text = open_text(text, len), .options = j->options};
    struct text ahead = r.text;
    uint32_t c;
    while ((c = next_char(&ahead)) != NO_CHAR) {
        if (c == BAD_CHAR) {
            return refuse(j, AL_CSV_BAD_ENCODING, 0, NULL, 0);
        }
    }
    while (r.text.at != r.text.end) {
        j->line++;
        if (!read_line(j, &r)) {
            return false;
        }
    }
    return true;
}

/* --- The whole table ------------------------------------------------------------------ */

static int64_t table_end(const struct job *j)
{
    return (int64_t)j->options->table_off + TABLE_SECTOR;
}

/* The bits that an offset may not have. */
static uint32_t off_mask(const struct row *row)
{
    return (row->type == AL_TYPE_APP ? APP_ALIGN : ALIGN) - 1;
}

static int64_t end_of(const struct row *row)
{
    return row->off + row->size;
}

/* Names longer than a label are compared by length and hash: they are not kept. */
static bool same_name(const struct row *a, const struct row *b)
{
    return a->name_len == b->name_len && a->name_hash == b->name_hash &&
           memcmp(a->label, b->label, AL_LABEL_SIZE) == 0;
}

static bool same_entry(const struct row *a, const struct row *b)
{
    return same_name(a, b) && is_a(a, b->type, b->subtype) && a->off == b->off && a->size == b->size;
}

/* Give offsets to those without, and sizes to those that say where they end. */
static bool place(struct job *j)
{
    int64_t end = table_end(j);
    for (unsigned i = 0; i < j->n; i++) {
        struct row *row = &j->row[i];
        if (is_primary(row)) {
            continue;
        }
        if (row->off == NO_OFFSET) {
            row->off = end + (-(uint32_t)end & off_mask(row));
        } else if (row->off < end) {
            /* Like Espressif's tool, by equality: a copy of the first entry gets its error. */
            bool first = same_entry(row, &j->row[0]);
            return refuse_row(j, first ? AL_CSV_OVERLAPS_TABLE : AL_CSV_OVERLAPS_PREVIOUS, row);
        }
        if (row->size < 0) {
            row->size = -row->size - row->off;
        }
        end = end_of(row);
    }
    return true;
}

static bool is_named_like_another(const struct row *row)
{
    size_t len = row->name_len;
    if (len > AL_LABEL_SIZE) {
        return false; /* no word is that long */
    }
    int type = al_part_type_from_name(row->label, len, false);
    if (type >= 0) {
        return (unsigned)type != row->type;
    }
    return al_part_subtype_from_name(-1, row->label, len, false) >= 0 &&
           al_part_subtype_from_name((int)row->type, row->label, len, false) != (int)row->subtype;
}

static bool check_row(struct job *j, unsigned i)
{
    const struct row *row = &j->row[i];
    bool readonly = (row->flags & AL_PART_READONLY) != 0;
    uint32_t size_mask = (j->options->secure == AL_CSV_SECURE_V1 ? APP_ALIGN : ALIGN) - 1;

    if (((uint32_t)row->off & off_mask(row)) != 0) {
        return refuse_row(j, AL_CSV_UNALIGNED_OFFSET, row);
    }
    if (row->type == AL_TYPE_APP && ((uint32_t)row->size & size_mask) != 0) {
        return refuse_row(j, AL_CSV_UNALIGNED_SIZE, row);
    }
    if (is_named_like_another(row)) {
        j->report->n_warnings++;
        j->report->warned[i / 32] |= 1u << i % 32;
    }
    if (row->type != AL_TYPE_DATA) {
        return true;
    }
    switch (row->subtype) {
    case AL_SUB_DATA_OTA:
    case AL_SUB_DATA_TEE_OTA:
    case AL_SUB_DATA_COREDUMP:
        return !readonly || refuse_row(j, AL_CSV_READONLY_NOT_ALLOWED, row);
    case AL_SUB_DATA_NVS:
        return readonly || row->size >= NVS_MIN_SIZE || refuse_row(j, AL_CSV_NVS_TOO_SMALL, row);
    default:
        return true;
    }
}

static bool check_rows(struct job *j)
{
    for (unsigned i = 0; i < j->n; i++) {
        if (!check_row(j, i)) {
            return false;
        }
    }
    return true;
}

static bool check_names(struct job *j)
{
    for (unsigned i = 1; i < j->n; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (same_name(&j->row[i], &j->row[k])) {
                return refuse_row(j, AL_CSV_DUPLICATE_NAME, &j->row[i]);
            }
        }
    }
    return true;
}

static bool check_overlaps(struct job *j)
{
    for (unsigned i = 0; i < j->n; i++) {
        const struct row *row = &j->row[i];
        if (row->off < table_end(j) && !is_primary(row)) {
            return refuse_row(j, AL_CSV_BELOW_TABLE, row);
        }
    }
    for (unsigned i = 1; i < j->n; i++) {
        for (unsigned k = 0; k < i; k++) {
            const struct row *a = &j->row[k], *b = &j->row[i];
            if (b->off < a->off ? a->off < end_of(b) : b->off < end_of(a)) {
                return refuse_row(j, AL_CSV_OVERLAP, b);
            }
        }
    }
    return true;
}

static bool check_otadata(struct job *j, unsigned subtype, enum al_csv_error multiple, enum al_csv_error size)
{
    const struct row *found = NULL;
    for (unsigned i = 0; i < j->n; i++) {
        if (is_a(&j->row[i], AL_TYPE_DATA, subtype)) {
            if (found != NULL) {
                return refuse_row(j, multiple, &j->row[i]);
            }
            found = &j->row[i];
        }
    }
    return found == NULL || found->size == OTADATA_SIZE || refuse_row(j, size, found);
}

static bool verify(struct job *j)
{
    return check_rows(j) && check_names(j) && check_overlaps(j) &&
           check_otadata(j, AL_SUB_DATA_OTA, AL_CSV_MULTIPLE_OTADATA, AL_CSV_OTADATA_SIZE) &&
           check_otadata(j, AL_SUB_DATA_TEE_OTA, AL_CSV_MULTIPLE_TEE_OTADATA, AL_CSV_TEE_OTADATA_SIZE);
}

/* The entry with the highest offset decides, the first of several. */
static bool check_fit(struct job *j)
{
    const struct row *last = &j->row[0];
    if (j->options->flash_size == 0 || j->n == 0) {
        return true;
    }
    for (unsigned i = 1; i < j->n; i++) {
        if (j->row[i].off > last->off) {
            last = &j->row[i];
        }
    }
    return end_of(last) <= j->options->flash_size || refuse_row(j, AL_CSV_DOES_NOT_FIT, last);
}

static bool check_ranges(struct job *j)
{
    for (unsigned i = 0; i < j->n; i++) {
        const struct row *row = &j->row[i];
        if (row->type == NOT_A_BYTE || row->subtype == NOT_A_BYTE || (uint64_t)row->off > UINT32_MAX ||
            (uint64_t)row->size > UINT32_MAX) {
            return refuse_row(j, AL_CSV_FIELD_OUT_OF_RANGE, row);
        }
    }
    if (j->too_many || (j->n == MAX_ROWS && !j->options->no_md5)) {
        return refuse(j, AL_CSV_TOO_MANY_ENTRIES, 0, NULL, 0);
    }
    return true;
}

static void convert(const struct job *j, struct al_ptable *out)
{
    memset(out, 0, sizeof *out);
    out->n = (uint16_t)j->n;
    out->has_md5 = !j->options->no_md5;
    for (unsigned i = 0; i < j->n; i++) {
        const struct row *row = &j->row[i];
        struct al_part *part = &out->part[i];
        part->off = (uint32_t)row->off;
        part->size = (uint32_t)row->size;
        part->flags = row->flags;
        part->type = (uint8_t)row->type;
        part->subtype = (uint8_t)row->subtype;
        memcpy(part->label, row->label, AL_LABEL_SIZE);
    }
}

/* --- Public --------------------------------------------------------------------------- */

int al_csv_parse(const char *text, size_t len, const struct al_csv_options *options, struct al_ptable *out,
                 struct al_csv_report *report)
{
    struct job j;
    j.options = options;
    j.report = report;
    j.line = 0;
    j.n = 0;
    j.too_many = false;
    memset(report, 0, sizeof *report);
    if (options->has_primary_bootloader_off && options->primary_bootloader_off >= options->table_off) {
        (void)refuse(&j, AL_CSV_BOOTLOADER_ABOVE_TABLE, 0, NULL, 0);
        return AL_ERR_FORMAT;
    }
    if (read_lines(&j, text, len) && place(&j) && (options->no_verify || verify(&j)) && check_fit(&j) &&
        check_ranges(&j)) {
        convert(&j, out);
        return AL_OK;
    }
    return AL_ERR_FORMAT;
}
