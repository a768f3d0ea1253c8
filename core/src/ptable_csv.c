/*
 * Partition CSV to table: the rules. What a line says goes into rows; checks
 * that need the whole table run over those.
 */
#include "airlift/ptable_csv.h"

#include "airlift/bytes.h"
#include "ptable_csv_text.h"
#include "ptable_names.h"

#define TABLE_SECTOR 0x1000 /* what the table itself occupies */
#define APP_ALIGN    0x10000u
#define ALIGN        0x1000u
#define OTADATA_SIZE 0x2000
#define NVS_MIN_SIZE 0x3000 /* of a writable one */
#define NO_OFFSET    INT64_MIN
#define MAX_ROWS     AL_PTABLE_MAX_ENTRIES

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
    struct al_csv_reader reader;
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

static bool refuse_field(struct job *j, enum al_csv_error error, const struct al_csv_field *f)
{
    return refuse(j, error, j->line, f->text, f->len < sizeof f->text ? f->len : sizeof f->text);
}

static bool refuse_row(struct job *j, enum al_csv_error error, const struct row *row)
{
    return refuse(j, error, row->line, row->label, AL_LABEL_SIZE);
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

static bool take_name(struct job *j, struct row *row, const struct al_csv_field *f)
{
    memset(row, 0, sizeof *row);
    row->line = j->line;
    row->name_len = f->len;
    row->name_hash = f->hash;
    memcpy(row->label, f->text, f->len < AL_LABEL_SIZE ? f->len : AL_LABEL_SIZE);
    return true;
}

/* A number or one of the words, in any range. */
static bool take_value(struct job *j, const struct al_csv_field *f, int words, int64_t *out)
{
    return al_csv_field_value(f, words, out) ||
           refuse_field(j, words == AL_CSV_NO_WORDS ? AL_CSV_BAD_NUMBER : AL_CSV_BAD_KEYWORD, f);
}

/* A type or subtype. */
static bool take_kind(struct job *j, const struct al_csv_field *f, int words, unsigned *out)
{
    int64_t value;
    if (!take_value(j, f, words, &value)) {
        return false;
    }
    *out = value >= 0 && value <= 0xFF ? (unsigned)value : NOT_A_BYTE;
    return true;
}

static bool take_type(struct job *j, struct row *row, const struct al_csv_field *f)
{
    if (f->len == 0) {
        return refuse_row(j, AL_CSV_MISSING_TYPE, row);
    }
    return take_kind(j, f, AL_CSV_TYPE_WORDS, &row->type);
}

static bool take_subtype(struct job *j, struct row *row, const struct al_csv_field *f)
{
    if (f->len > 0) {
        return take_kind(j, f, row->type <= AL_TYPE_PARTITION_TABLE ? (int)row->type : AL_CSV_NO_WORDS,
                         &row->subtype);
    }
    row->subtype = AL_SUB_DATA_UNDEFINED; /* of whatever type but app */
    return row->type != AL_TYPE_APP || refuse_row(j, AL_CSV_MISSING_SUBTYPE, row);
}

static bool take_offset(struct job *j, struct row *row, const struct al_csv_field *f)
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
    return f->len == 0 || take_value(j, f, AL_CSV_NO_WORDS, &row->off);
}

/* Bootloaders and tables of any subtype have the primary one's size, whatever is written. */
static bool take_size(struct job *j, struct row *row, const struct al_csv_field *f)
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
    return take_value(j, f, AL_CSV_NO_WORDS, &row->size);
}

static bool take_flags(struct job *j, struct row *row, const struct al_csv_field *f)
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

static bool (*const take[])(struct job *, struct row *, const struct al_csv_field *) = {
    take_name, take_type, take_subtype, take_offset, take_size, take_flags};

#define N_COLUMNS (sizeof take / sizeof take[0]) /* further ones are ignored */

static bool read_line(struct job *j, struct al_csv_reader *r)
{
    struct row *row = &j->row[j->n];
    struct al_csv_field f;

    if (al_csv_starts_with_variable(*r)) {
        return refuse(j, AL_CSV_UNRESOLVED_VARIABLE, j->line, NULL, 0);
    }
    bool more = al_csv_read_field(r, &f);
    bool blank = f.len == 0 && !more;
    bool comment = f.len > 0 && f.text[0] == '#';
    for (unsigned column = 0; !blank && !comment && column < N_COLUMNS; column++) {
        if (!take[column](j, row, &f)) {
            return false;
        }
        f.len = 0; /* unless there is another */
        more = more && al_csv_read_field(r, &f);
    }
    while (more) {
        more = al_csv_read_field(r, &f);
    }
    if (!blank && !comment) {
        j->too_many = j->n == MAX_ROWS;
        j->n += !j->too_many;
    }
    return true;
}

static bool read_lines(struct job *j)
{
    while (j->reader.text.at != j->reader.text.end) {
        j->line++;
        if (!read_line(j, &j->reader)) {
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

static bool check_all_otadata(struct job *j)
{
    return check_otadata(j, AL_SUB_DATA_OTA, AL_CSV_MULTIPLE_OTADATA, AL_CSV_OTADATA_SIZE) &&
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

/* In the order of Espressif's tool, so that the same error is found first. */
static const struct {
    bool (*run)(struct job *);
    bool always; /* also with no_verify */
} steps[] = {
    {read_lines, true},   {place, true},           {check_rows, false},
    {check_names, false}, {check_overlaps, false}, {check_all_otadata, false},
    {check_fit, true},    {check_ranges, true},
};

static bool run_steps(struct job *j)
{
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if ((steps[i].always || !j->options->no_verify) && !steps[i].run(j)) {
            return false;
        }
    }
    return true;
}

/* --- Public --------------------------------------------------------------------------- */

int al_csv_parse(const char *text, size_t len, const struct al_csv_options *options, struct al_ptable *out,
                 struct al_csv_report *report)
{
    struct job j;
    bool ok;
    j.options = options;
    j.report = report;
    j.line = 0;
    j.n = 0;
    j.too_many = false;
    memset(report, 0, sizeof *report);
    if (options->has_primary_bootloader_off && options->primary_bootloader_off >= options->table_off) {
        ok = refuse(&j, AL_CSV_BOOTLOADER_ABOVE_TABLE, 0, NULL, 0);
    } else if (!al_csv_open(&j.reader, text, len, options)) {
        ok = refuse(&j, AL_CSV_BAD_ENCODING, 0, NULL, 0);
    } else {
        ok = run_steps(&j);
    }
    if (!ok) {
        return AL_ERR_FORMAT;
    }
    convert(&j, out);
    return AL_OK;
}
