#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "airlift/ptable_csv.h"

#define VECTORS AIRLIFT_TEST_DATA "/vectors/partitions/"

/* --- Helpers -------------------------------------------------------------- */

/* As the vectors call them. */
static const char *const error_names[] = {
    [AL_CSV_OK] = "ok",
    [AL_CSV_MISSING_TYPE] = "missing_type",
    [AL_CSV_MISSING_SUBTYPE] = "missing_subtype",
    [AL_CSV_MISSING_SIZE] = "missing_size",
    [AL_CSV_BAD_NUMBER] = "bad_number",
    [AL_CSV_BAD_KEYWORD] = "bad_keyword",
    [AL_CSV_UNKNOWN_FLAG] = "unknown_flag",
    [AL_CSV_OVERLAPS_TABLE] = "overlaps_table",
    [AL_CSV_OVERLAPS_PREVIOUS] = "overlaps_previous",
    [AL_CSV_OVERLAP] = "overlap",
    [AL_CSV_BELOW_TABLE] = "below_table",
    [AL_CSV_UNALIGNED_OFFSET] = "unaligned_offset",
    [AL_CSV_UNALIGNED_SIZE] = "unaligned_size",
    [AL_CSV_DUPLICATE_NAME] = "duplicate_name",
    [AL_CSV_MULTIPLE_OTADATA] = "multiple_otadata",
    [AL_CSV_OTADATA_SIZE] = "otadata_size",
    [AL_CSV_MULTIPLE_TEE_OTADATA] = "multiple_tee_otadata",
    [AL_CSV_TEE_OTADATA_SIZE] = "tee_otadata_size",
    [AL_CSV_NVS_TOO_SMALL] = "nvs_too_small",
    [AL_CSV_READONLY_NOT_ALLOWED] = "readonly_not_allowed",
    [AL_CSV_TOO_MANY_ENTRIES] = "too_many_entries",
    [AL_CSV_DOES_NOT_FIT] = "does_not_fit",
    [AL_CSV_BOOTLOADER_OFFSET_MISSING] = "bootloader_offset_missing",
    [AL_CSV_BOOTLOADER_ABOVE_TABLE] = "bootloader_above_table",
    [AL_CSV_RECOVERY_OFFSET_MISSING] = "recovery_offset_missing",
    [AL_CSV_FIELD_OUT_OF_RANGE] = "field_out_of_range",
    [AL_CSV_UNRESOLVED_VARIABLE] = "unresolved_variable",
    [AL_CSV_BAD_ENCODING] = "bad_encoding",
};

static struct al_csv_report report;
static struct al_ptable table;

static int parse_with(const char *csv, const struct al_csv_options *options)
{
    return al_csv_parse(csv, strlen(csv), options, &table, &report);
}

static int parse(const char *csv)
{
    struct al_csv_options options = {.table_off = AL_PTABLE_OFFSET};
    return parse_with(csv, &options);
}

/* The whole file, terminated; freed by the caller. */
static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long size = ftell(f);
    assert_true(size >= 0);
    rewind(f);
    char *data = malloc((size_t)size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, f), (size_t)size);
    fclose(f);
    data[size] = '\0';
    *len = (size_t)size;
    return data;
}

struct refusal {
    const char *csv;
    enum al_csv_error error;
    unsigned line;
};

static void expect_refusals(const struct refusal *cases, size_t n, const struct al_csv_options *options)
{
    for (size_t i = 0; i < n; i++) {
        int err = parse_with(cases[i].csv, options);
        if (err != AL_ERR_FORMAT || report.error != cases[i].error || report.line != cases[i].line) {
            fail_msg("\"%s\": %s in line %u, not %s in line %u", cases[i].csv, error_names[report.error],
                     report.line, error_names[cases[i].error], cases[i].line);
        }
    }
}

#define EXPECT_REFUSALS(cases, options) expect_refusals(cases, sizeof cases / sizeof cases[0], options)

static const struct al_csv_options defaults = {.table_off = AL_PTABLE_OFFSET};

/* --- Vectors ---------------------------------------------------------------- */

static uint32_t size_of(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 0) << (strstr(text, "MB") != NULL ? 20 : 0);
}

static void take_options(const cJSON *list, struct al_csv_options *o)
{
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        const char *name = item->valuestring;
        if (strcmp(name, "--disable-md5sum") == 0) {
            o->no_md5 = true;
            continue;
        }
        if (strcmp(name, "--no-verify") == 0) {
            o->no_verify = true;
            continue;
        }
        if (strcmp(name, "-q") == 0) {
            continue;
        }
        item = item->next;
        assert_non_null(item);
        const char *value = item->valuestring;
        if (strcmp(name, "--flash-size") == 0) {
            o->flash_size = size_of(value);
        } else if (strcmp(name, "--offset") == 0 || strcmp(name, "-o") == 0) {
            o->table_off = size_of(value);
        } else if (strcmp(name, "--secure") == 0) {
            o->secure = strcmp(value, "v1") == 0 ? AL_CSV_SECURE_V1 : AL_CSV_SECURE_V2;
        } else if (strcmp(name, "--primary-bootloader-offset") == 0) {
            o->has_primary_bootloader_off = true;
            o->primary_bootloader_off = size_of(value);
        } else if (strcmp(name, "--recovery-bootloader-offset") == 0) {
            o->has_recovery_bootloader_off = true;
            o->recovery_bootloader_off = size_of(value);
        } else {
            fail_msg("unknown option %s", name);
        }
    }
}

static bool same_as_vector(const char *name, const struct al_csv_options *o)
{
    char path[512];
    uint8_t raw[AL_PTABLE_SIZE];
    size_t len;
    snprintf(path, sizeof path, VECTORS "%s", name);
    char *expected = read_file(path, &len);
    bool same = al_ptable_build(&table, !o->no_md5, raw) == AL_OK && len == sizeof raw &&
                memcmp(raw, expected, len) == 0;
    free(expected);
    return same;
}

static bool row_passes(const cJSON *row)
{
    struct al_csv_options o = defaults;
    char path[512];
    size_t len;
    take_options(cJSON_GetObjectItem(row, "options"), &o);
    snprintf(path, sizeof path, VECTORS "%s", cJSON_GetObjectItem(row, "csv")->valuestring);
    char *csv = read_file(path, &len);
    int err = al_csv_parse(csv, len, &o, &table, &report);
    free(csv);
    if (cJSON_IsTrue(cJSON_GetObjectItem(row, "ok"))) {
        return err == AL_OK && same_as_vector(cJSON_GetObjectItem(row, "bin")->valuestring, &o) &&
               (int)report.n_warnings == cJSON_GetObjectItem(row, "warnings")->valueint;
    }
    const cJSON *line = cJSON_GetObjectItem(row, "line");
    return err == AL_ERR_FORMAT &&
           strcmp(error_names[report.error], cJSON_GetObjectItem(row, "error")->valuestring) == 0 &&
           (line == NULL || line->valueint == (int)report.line);
}

static void test_ptable_csv_passes_the_vectors(void **state)
{
    (void)state;
    size_t len;
    unsigned n = 0, n_failed = 0;
    char *rows = read_file(VECTORS "partitions.jsonl", &len);
    for (char *save, *line = strtok_r(rows, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        cJSON *row = cJSON_Parse(line);
        assert_non_null(row);
        n++;
        if (!row_passes(row)) {
            print_error("%s fails\n", cJSON_GetObjectItem(row, "id")->valuestring);
            n_failed++;
        }
        cJSON_Delete(row);
    }
    free(rows);
    assert_true(n >= 40);
    assert_int_equal(n_failed, 0);
}

/* --- Lines and fields ---------------------------------------------------------- */

static void test_ptable_csv_skips_comments_and_blank_lines(void **state)
{
    (void)state;
    assert_int_equal(parse("\n  # a, comment\n\t\n#\r\nnvs,data,nvs,,16K\r\n\r\n   \x0c \nf,app,factory,,1M"),
                     AL_OK);
    assert_int_equal(table.n, 2);
    assert_true(table.has_md5);
    assert_int_equal(parse(""), AL_OK);
    assert_int_equal(table.n, 0);
    static const struct refusal cases[] = {
        {"\n# x\n\nnvs,dta,nvs,,16K", AL_CSV_BAD_KEYWORD, 4},
        {"nvs,data,nvs,,16K,#no", AL_CSV_UNKNOWN_FLAG, 1},
        {"a,data,nvs,,16K\rb,dta,nvs,,16K", AL_CSV_BAD_KEYWORD, 2},
        {"#\x1c#\x1d#\x1e#\x0b#\xc2\x85"
         "b,dta,nvs,,16K",
         AL_CSV_BAD_KEYWORD, 6},
        {"a,data,nvs,,16K\xe2\x80\xa8 b,dta,nvs,,16K", AL_CSV_BAD_KEYWORD, 2}, /* a Unicode line separator */
    };
    EXPECT_REFUSALS(cases, &defaults);
}

static void test_ptable_csv_takes_any_number_of_columns(void **state)
{
    (void)state;
    assert_int_equal(parse("nvs,data,nvs,,16K,readonly,more,,\xc3\xa4,columns"), AL_OK);
    assert_int_equal(table.part[0].flags, AL_PART_READONLY);
    assert_int_equal(parse("nvs,data,nvs,,16K"), AL_OK);
    assert_int_equal(parse(",data,nvs,,16K"), AL_OK); /* even an empty name */
    assert_string_equal(table.part[0].label, "");
    static const struct refusal cases[] = {
        {"nvs", AL_CSV_MISSING_TYPE, 1},
        {"nvs,", AL_CSV_MISSING_TYPE, 1},
        {"nvs, ,nvs", AL_CSV_MISSING_TYPE, 1},
        {"f,app,,,1M", AL_CSV_MISSING_SUBTYPE, 1},
        {"f,0x0,,,1M", AL_CSV_MISSING_SUBTYPE, 1},
        {"nvs,data,nvs,", AL_CSV_MISSING_SIZE, 1},
        {"nvs,data,nvs,0x9000,", AL_CSV_MISSING_SIZE, 1},
    };
    EXPECT_REFUSALS(cases, &defaults);
}

static void test_ptable_csv_cuts_names_and_compares_them_whole(void **state)
{
    (void)state;
    assert_int_equal(parse("0123456789abcdefX,data,nvs,,16K\n0123456789abcdefY,data,fat,,16K"), AL_OK);
    assert_string_equal(table.part[0].label, "0123456789abcdef");
    assert_string_equal(table.part[1].label, "0123456789abcdef");
    assert_int_equal(
        parse("\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xe2\x82\xac,data,nvs,,16K"), AL_OK);
    assert_string_equal(table.part[0].label, "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4 \xe2");
    char csv[2048];
    memset(csv, 'n', 1000);
    strcpy(csv + 1000, ",data,nvs,,16K\n");
    memset(csv + 1015, 'n', 1000);
    strcpy(csv + 2015, ",data,fat,,4K\n");
    assert_int_equal(parse(csv), AL_ERR_FORMAT);
    assert_int_equal(report.error, AL_CSV_DUPLICATE_NAME);
    assert_string_equal(report.what, "nnnnnnnnnnnnnnnn");
    csv[0] = 'm';
    assert_int_equal(parse(csv), AL_OK);
    csv[0] = 'n';
    csv[999] = 'm';
    assert_int_equal(parse(csv), AL_OK);
}

static void test_ptable_csv_strips_unicode_spaces(void **state)
{
    (void)state;
    assert_int_equal(parse("\xc2\xa0\xe3\x80\x80\xe2\x80\x8a\xe2\x80\x80\xe2\x80\xaf\xe2\x81\x9f\xe1\x9a\x80n"
                           " v\x1fs\xe2\x80\x83, data\t,nvs , ,\x1f"
                           "16K\xc2\xa0"),
                     AL_OK);
    assert_string_equal(table.part[0].label, "n v\x1fs");
}

static void test_ptable_csv_reads_types_by_name_or_number(void **state)
{
    (void)state;
    assert_int_equal(parse("a,DATA,NvS,,16K\nb,1,0x90,,8K\nc,0x40,7,,4K\nd,254,,,4K\ne,App,OTA_15,,64K\n"
                           "f,0b0,tee_1,,64K\ng,data,,,4K\nh,data,otaK,,8K,\n"),
                     AL_OK);
    static const uint8_t kinds[][2] = {{1, 2},    {1, 0x90}, {0x40, 7}, {254, 6},
                                       {0, 0x1F}, {0, 0x31}, {1, 6},    {1, 0}};
    assert_int_equal(table.n, 8);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(table.part[i].type, kinds[i][0]);
        assert_int_equal(table.part[i].subtype, kinds[i][1]);
    }
    static const struct refusal cases[] = {
        {"a,dat,nvs,,16K", AL_CSV_BAD_KEYWORD, 1},
        {"a,app,ota_16,,64K", AL_CSV_BAD_KEYWORD, 1},
        {"a,app,ota_00,,64K", AL_CSV_BAD_KEYWORD, 1},
        {"a,app,tee_2,,64K", AL_CSV_BAD_KEYWORD, 1},
        {"a,app,nvs,,64K", AL_CSV_BAD_KEYWORD, 1},
        {"a,data,factory,,64K", AL_CSV_BAD_KEYWORD, 1},
        {"a,data,nvs\xc3\xa4,,64K", AL_CSV_BAD_KEYWORD, 1},
        {"a,0x40,nvs,,64K", AL_CSV_BAD_NUMBER, 1}, /* no names for types of one's own */
        {"a,256,1,,64K", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,-1,1,,64K", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,data,256,,64K", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,app,ota_1K,,64K", AL_CSV_FIELD_OUT_OF_RANGE, 1},
    };
    EXPECT_REFUSALS(cases, &defaults);
}

static void test_ptable_csv_reads_numbers_as_python_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t value;
    } good[] = {
        {"16384", 16384},
        {"0x4000", 0x4000},
        {"0X4000", 0x4000},
        {"0o40000", 0x4000},
        {"0b100000000000000", 0x4000},
        {"16K", 0x4000},
        {"16k", 0x4000},
        {"1M", 0x100000},
        {"1m", 0x100000},
        {"0x10K", 0x4000},
        {"16 K", 0x4000},
        {"1_6K", 0x4000},
        {"0x_4_000", 0x4000},
        {"+16K", 0x4000},
        {"4KK", 0x400000},
        {"1KM", 0x40000000},
        {"0", 0},
        {"00", 0},
        {"0_0K", 0},
        {"5000", 5000},
        {"-0xA000", 0x1000},
        {"-1M", 0xF7000},
        {"0xFFFFFFFF", 0xFFFFFFFF},
        {"0x00000000000000000000000000000000000000004000", 0x4000},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char csv[128];
        snprintf(csv, sizeof csv, "a,data,fat,,%s", good[i].text);
        if (parse(csv) != AL_OK || table.part[0].size != good[i].value) {
            fail_msg("%s read as 0x%x", good[i].text, table.part[0].size);
        }
    }
    static const char *const bad[] = {
        "010", "01",  "0_1", "1.5",   "1.5M", "1,5K", "0x", "0b2",          "0o8",   "0xG",
        "K",   "M",   "1MB", "1G",    "K1",   "_1",   "1_", "1__0",         "0x__1", "--1",
        "+-1", "- 1", "1 0", "0 x10", "1e3",  "ten",  "0b", "\xef\xbc\x91", "1K K",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char csv[128];
        snprintf(csv, sizeof csv, "a,data,fat,,%s", bad[i]);
        if (strchr(bad[i], ',') != NULL) {
            continue;
        }
        if (parse(csv) == AL_OK || report.error != AL_CSV_BAD_NUMBER) {
            fail_msg("%s was read", bad[i]);
        }
    }
    static const struct refusal cases[] = {
        {"a,data,fat,,4096M", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,data,fat,,0x100000000", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,data,fat,,99999999999999999999999999999999999999999999999999999", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,data,fat,,1MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,data,fat,,-1", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,data,fat,0x100000000,4K", AL_CSV_FIELD_OUT_OF_RANGE, 1},
        {"a,app,ota_0,,0x10000000000000000001", AL_CSV_UNALIGNED_SIZE, 1},
        {"a,data,fat,,-99999999999999999999999999999", AL_CSV_FIELD_OUT_OF_RANGE, 1},
    };
    EXPECT_REFUSALS(cases, &defaults);
}

static void test_ptable_csv_reads_flags(void **state)
{
    (void)state;
    assert_int_equal(
        parse("a,data,fat,,4K,encrypted\nb,data,fat,,4K,readonly:encrypted\nc,data,fat,,4K,:readonly:\n"
              "d,data,fat,,4K,readonly:encrypted:readonly:encrypted:readonly:encrypted\ne,data,fat,,4K,:"),
        AL_OK);
    static const uint32_t flags[] = {1, 3, 2, 3, 0};
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(table.part[i].flags, flags[i]);
    }
    static const struct refusal cases[] = {
        {"a,data,fat,,4K,Encrypted", AL_CSV_UNKNOWN_FLAG, 1},
        {"a,data,fat,,4K,encrypted: readonly", AL_CSV_UNKNOWN_FLAG, 1},
        {"a,data,fat,,4K,read", AL_CSV_UNKNOWN_FLAG, 1},
        {"a,data,fat,,4K,1", AL_CSV_UNKNOWN_FLAG, 1},
        {"a,data,fat,,4K,encrypted,readonly\nb,data,fat,,4K,x", AL_CSV_UNKNOWN_FLAG, 2},
    };
    EXPECT_REFUSALS(cases, &defaults);
    assert_string_equal(report.what, "x");
}

/* --- Encodings and variables ------------------------------------------------------ */

static void test_ptable_csv_honours_byte_order_marks(void **state)
{
    (void)state;
    static const char text[] = "n\xc3\xa4,data,nvs,,16K\n# \xf0\x9f\x9a\x80\nf,app,factory,,1M\n";
    /* The same as code points, to be written in each form. */
    static const uint32_t chars[] = {'n', 0xE4, ',', 'd',  'a', 't', 'a',     ',',  'n', 'v', 's', ',', ',',
                                     '1', '6',  'K', '\n', '#', ' ', 0x1F680, '\n', 'f', ',', 'a', 'p', 'p',
                                     ',', 'f',  'a', 'c',  't', 'o', 'r',     'y',  ',', ',', '1', 'M', '\n'};
    struct al_ptable expected;
    assert_int_equal(parse(text), AL_OK);
    expected = table;

    for (unsigned form = 0; form < 5; form++) {
        unsigned width = form == 0 ? 1 : form < 3 ? 2 : 4;
        bool big_endian = form == 2 || form == 4;
        char out[256];
        size_t len = 0;
        if (form == 0) {
            len = (size_t)snprintf(out, sizeof out, "\xef\xbb\xbf%s", text);
        }
        for (size_t i = 0; form > 0 && i <= sizeof chars / sizeof chars[0]; i++) {
            uint32_t c = i == 0 ? 0xFEFF : chars[i - 1];
            uint32_t units[2] = {c, 0};
            unsigned n_units = 1;
            if (width == 2 && c > 0xFFFF) {
                units[0] = 0xD800 + ((c - 0x10000) >> 10);
                units[1] = 0xDC00 + (c & 0x3FF);
                n_units = 2;
            }
            for (unsigned u = 0; u < n_units; u++) {
                for (unsigned b = 0; b < width; b++) {
                    out[len++] = (char)(units[u] >> 8 * (big_endian ? width - 1 - b : b));
                }
            }
        }
        memset(&table, 0, sizeof table);
        assert_int_equal(al_csv_parse(out, len, &defaults, &table, &report), AL_OK);
        assert_memory_equal(&table, &expected, sizeof table);
    }
}

static void test_ptable_csv_refuses_what_is_not_text(void **state)
{
    (void)state;
    /* The ends of each length's range are text. */
    assert_int_equal(parse("a\xdf\xbf\xe0\xa0\x80\xee\x80\x80\xef\xbf\xbf,data,fat,,4K"), AL_OK);
    assert_int_equal(parse("a\xc2\x80\xed\x9f\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf,data,fat,,4K"), AL_OK);
    static const struct {
        size_t len;
        const char *text;
    } cases[] = {
        {2, "\xff\x41"},
        {1, "\x80"},
        {2, "\xc0\x80"},
        {3, "\xe0\x80\x80"},
        {3, "\xed\xa0\x80"},
        {4, "\xf4\x90\x80\x80"},
        {4, "\xf0\x80\x80\x80"},
        {2, "\xc3\x41"},
        {1, "\xe2"},
        {5, "\xf8\x88\x80\x80\x80"},
        {3, "\xff\xfe\x41"},
        {4, "\xff\xfe\x00\xd8"},
        {4, "\xff\xfe\x00\xdc"},
        {6, "\xff\xfe\x00\xd8\x41\x00"},
        {6, "\xff\xfe\x00\xd8\x00\xe0"},
        {8, "\x00\x00\xfe\xff\x00\x11\x00\x00"},
        {8, "\x00\x00\xfe\xff\x00\x00\xd8\x00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(al_csv_parse(cases[i].text, cases[i].len, &defaults, &table, &report),
                         AL_ERR_FORMAT);
        assert_int_equal(report.error, AL_CSV_BAD_ENCODING);
    }
}

static const char *fake_getenv(void *ctx, const char *name)
{
    (void)ctx;
    static const char *const vars[][2] = {
        {"SIZE", "16K"},     {"LINE", "nvs,data,nvs,,16K"},
        {"HASH", "#"},       {"EMPTY", ""},
        {"DOLLAR", "$SIZE"}, {"A\nB", "x"},
        {"V0_9", "fat"},     {"_x1", "fat"},
        {"BAD", "\xff"},
    };
    for (size_t i = 0; i < sizeof vars / sizeof vars[0]; i++) {
        if (strcmp(vars[i][0], name) == 0) {
            return vars[i][1];
        }
    }
    return NULL;
}

#define LONG_NAME "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static void test_ptable_csv_expands_variables(void **state)
{
    (void)state;
    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET, .getenv = fake_getenv};
    static const char *const good[] = {
        "nvs,data,nvs,,$SIZE",
        "nvs,data,nvs,,${SIZE}",
        "$LINE",
        "${LINE}",
        "$LINE,readonly",
        "nvs,data,nvs,$EMPTY,$SIZE",
        "$EMPTY nvs,data,nvs,,16K",
        "$HASH no line\nnvs,data,nvs,,16K",
        "# $NOPE\nnvs,data,nvs,,16K",
        "${EMPTY}nvs,data,nvs,,16K",
        "nvs,data,nvs,,16K,,$NOPE",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (parse_with(good[i], &o) != AL_OK) {
            fail_msg("%s: %s", good[i], error_names[report.error]);
        }
        assert_int_equal(table.n, 1);
        assert_string_equal(table.part[0].label, "nvs");
        assert_int_equal(table.part[0].size, 0x4000);
    }
    assert_int_equal(parse_with("a$SIZE-$NOPE$,data,$_x1,,4K", &o), AL_OK);
    assert_string_equal(table.part[0].label, "a16K-$NOPE$");
    assert_int_equal(parse_with("${NOPE}${,data,fat,,4K", &o), AL_OK);
    assert_string_equal(table.part[0].label, "${NOPE}${");
    assert_int_equal(parse_with("a,data,$V0_9,,4K", &o), AL_OK);
    assert_int_equal(parse_with("${" LONG_NAME "},data,fat,,4K", &o), AL_OK);
    assert_string_equal(table.part[0].label, "${nnnnnnnnnnnnnn");
    assert_int_equal(parse_with("$1$,data,fat,,4K", &o), AL_OK);
    assert_int_equal(parse_with(" $NOPE,data,fat,,4K", &o), AL_OK); /* only at the very start */
    assert_int_equal(parse_with("$BAD,data,fat,,4K", &o), AL_OK);
    assert_string_equal(table.part[0].label, "\xef\xbf\xbd");

    static const struct refusal cases[] = {
        {"\n$NOPE,data,nvs,,16K", AL_CSV_UNRESOLVED_VARIABLE, 2},
        {"$DOLLAR,data,nvs,,16K", AL_CSV_UNRESOLVED_VARIABLE, 1}, /* values are not expanded again */
        {"nvs,data,nvs,,$NOPE", AL_CSV_BAD_NUMBER, 1},
        {"${A\nB},data,fat,,4K", AL_CSV_MISSING_TYPE, 1}, /* a name ends with its line */
    };
    EXPECT_REFUSALS(cases, &o);
    assert_int_equal(parse("$SIZE,data,nvs,,16K"), AL_ERR_FORMAT); /* no getenv: nothing is set */
    assert_int_equal(report.error, AL_CSV_UNRESOLVED_VARIABLE);
}

/* --- Offsets and sizes -------------------------------------------------------------- */

static void test_ptable_csv_places_entries(void **state)
{
    (void)state;
    assert_int_equal(
        parse("a,data,fat,,5000\nb,data,fat,,4K\nc,app,ota_0,,64K\nd,0x40,0,,1\ne,data,fat,0x40000,-0x50000\n"
              "f,app,ota_1,,64K"),
        AL_OK);
    static const uint32_t places[][2] = {{0x9000, 5000}, {0xB000, 0x1000},   {0x10000, 0x10000},
                                         {0x20000, 1},   {0x40000, 0x10000}, {0x50000, 0x10000}};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(table.part[i].off, places[i][0]);
        assert_int_equal(table.part[i].size, places[i][1]);
    }
    struct al_csv_options o = {.table_off = 0x10000};
    assert_int_equal(parse_with("a,data,fat,,4K", &o), AL_OK);
    assert_int_equal(table.part[0].off, 0x11000);

    static const struct refusal cases[] = {
        {"a,data,fat,0x8000,4K", AL_CSV_OVERLAPS_TABLE, 1},
        {"a,data,fat,0,4K", AL_CSV_OVERLAPS_TABLE, 1},
        {"a,data,fat,-4096,4K", AL_CSV_OVERLAPS_TABLE, 1},
        {"a,data,fat,0x9000,4K\nb,data,fat,0x9000,4K", AL_CSV_OVERLAPS_PREVIOUS, 2},
        {"a,data,fat,0x20000,4K\nb,data,fat,0x10000,4K", AL_CSV_OVERLAPS_PREVIOUS, 2},
        {"a,data,fat,0x9000,4K\na,data,fat,0x9000,4K", AL_CSV_OVERLAPS_TABLE, 2}, /* a copy of the first */
        {"a,data,fat,,4K\nb,data,fat,0x9000,4K\nc,dta,fat,,4K", AL_CSV_BAD_KEYWORD, 3}, /* lines come first */
        {"a,data,fat,,-0x1000\nb,data,fat,,4K", AL_CSV_BELOW_TABLE, 2},
        {"a,data,fat,0x9800,4K", AL_CSV_UNALIGNED_OFFSET, 1},
        {"a,app,ota_0,0x11000,64K", AL_CSV_UNALIGNED_OFFSET, 1},
    };
    EXPECT_REFUSALS(cases, &defaults);
}

static void test_ptable_csv_fills_in_bootloader_and_table(void **state)
{
    (void)state;
    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET,
                               .has_primary_bootloader_off = true,
                               .primary_bootloader_off = 0x1000,
                               .has_recovery_bootloader_off = true,
                               .recovery_bootloader_off = 0x3F0000};
    assert_int_equal(
        parse_with("bl,bootloader,primary,N/A,N/A\npt,partition_table,primary,,\nf,app,factory,,1M\n"
                   "bl2,bootloader,ota,,N/A\npt2,partition_table,ota,,\nrec,bootloader,recovery,N/A,\n",
                   &o),
        AL_OK);
    static const uint32_t places[][2] = {{0x1000, 0x7000},   {0x8000, 0x1000},   {0x10000, 0x100000},
                                         {0x110000, 0x7000}, {0x117000, 0x1000}, {0x3F0000, 0x7000}};
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(table.part[i].off, places[i][0]);
        assert_int_equal(table.part[i].size, places[i][1]);
    }
    static const struct refusal cases[] = {
        {"bl,bootloader,ota,N/A,", AL_CSV_BAD_NUMBER, 1},
        {"pt,partition_table,ota,N/A,", AL_CSV_BAD_NUMBER, 1},
        {"f,app,factory,N/A,1M", AL_CSV_BAD_NUMBER, 1},
        {"f,app,factory,,N/A", AL_CSV_BAD_NUMBER, 1},
        {"rec,bootloader,recovery,,\nf,app,factory,,1M\ng,app,ota_0,0x10000,1M", AL_CSV_OVERLAPS_PREVIOUS, 3},
        {"bl,bootloader,primary,,\nnvs,data,nvs,0x7000,16K", AL_CSV_OVERLAPS_PREVIOUS, 2},
        {"a,bootloader,primary,,\nb,bootloader,primary,,", AL_CSV_OVERLAP, 2},
    };
    EXPECT_REFUSALS(cases, &o);

    static const struct refusal missing[] = {
        {"\nbl,bootloader,primary,,", AL_CSV_BOOTLOADER_OFFSET_MISSING, 2},
        {"bl,bootloader,ota,,0x7000", AL_CSV_BOOTLOADER_OFFSET_MISSING, 1},
        {"rec,bootloader,recovery,,", AL_CSV_RECOVERY_OFFSET_MISSING, 1},
    };
    EXPECT_REFUSALS(missing, &defaults);
    o.has_recovery_bootloader_off = false;
    expect_refusals(&missing[2], 1, &o);

    o.primary_bootloader_off = 0x8000;
    static const struct refusal above[] = {{"f,dta,factory,,1M", AL_CSV_BOOTLOADER_ABOVE_TABLE, 0}};
    EXPECT_REFUSALS(above, &o);
}

/* --- Rules ---------------------------------------------------------------------------- */

static void test_ptable_csv_checks_each_entry(void **state)
{
    (void)state;
    static const struct refusal cases[] = {
        {"f,app,factory,,0x10800", AL_CSV_UNALIGNED_SIZE, 1},
        {"o,data,ota,,8K,readonly", AL_CSV_READONLY_NOT_ALLOWED, 1},
        {"o,data,tee_ota,,8K,readonly", AL_CSV_READONLY_NOT_ALLOWED, 1},
        {"o,data,coredump,,8K,encrypted:readonly", AL_CSV_READONLY_NOT_ALLOWED, 1},
        {"n,data,nvs,,8K", AL_CSV_NVS_TOO_SMALL, 1},
        {"n,data,nvs,,0x2FFF,encrypted", AL_CSV_NVS_TOO_SMALL, 1},
        {"o,data,ota,,4K", AL_CSV_OTADATA_SIZE, 1},
        {"o,data,ota,,12K", AL_CSV_OTADATA_SIZE, 1},
        {"o,data,tee_ota,,4K", AL_CSV_TEE_OTADATA_SIZE, 1},
        {"o,data,ota,,8K\np,data,ota,,8K", AL_CSV_MULTIPLE_OTADATA, 2},
        {"o,data,tee_ota,,8K\np,data,tee_ota,,4K", AL_CSV_MULTIPLE_TEE_OTADATA, 2},
        {"o,data,fat,,8K\no,data,nvs,,4K", AL_CSV_NVS_TOO_SMALL, 2},  /* entries before names */
        {"o,data,ota,,4K\no,data,fat,,4K", AL_CSV_DUPLICATE_NAME, 2}, /* names before otadata */
    };
    EXPECT_REFUSALS(cases, &defaults);
    assert_int_equal(parse("n,data,nvs,,8K,readonly\nm,data,nvs,,12K\no,data,ota,,8K\np,data,tee_ota,,8K"),
                     AL_OK);
    assert_int_equal(parse("f,app,factory,,0\ng,data,fat,,0"), AL_OK);

    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET, .secure = AL_CSV_SECURE_V1};
    static const struct refusal secure[] = {{"f,app,factory,,0x11000", AL_CSV_UNALIGNED_SIZE, 1}};
    EXPECT_REFUSALS(secure, &o);
    o.secure = AL_CSV_SECURE_V2;
    assert_int_equal(parse_with("f,app,factory,,0x11000", &o), AL_OK);
}

static void test_ptable_csv_checks_the_flash_size(void **state)
{
    (void)state;
    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET, .flash_size = 0x100000};
    assert_int_equal(parse_with("f,app,factory,0x10000,0xF0000", &o), AL_OK);
    static const struct refusal cases[] = {{"f,app,factory,0x10000,0xF1000", AL_CSV_DOES_NOT_FIT, 1},
                                           {"f,app,factory,,64M", AL_CSV_DOES_NOT_FIT, 1}};
    EXPECT_REFUSALS(cases, &o);
    assert_int_equal(parse_with("", &o), AL_OK);
    /* Of several at the highest offset the first decides, as in Espressif's tool. */
    assert_int_equal(parse_with("a,data,fat,0x90000,0\nb,data,fat,0x90000,2M", &o), AL_OK);
}

static void test_ptable_csv_can_skip_the_rules(void **state)
{
    (void)state;
    struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET, .no_verify = true, .flash_size = 0x100000};
    assert_int_equal(
        parse_with("a,data,nvs,0x9001,3\na,data,ota,,1,readonly\nb,app,ota_0,0x10001,1\nota,app,test,,1", &o),
        AL_OK);
    assert_int_equal(report.n_warnings, 0);
    static const struct refusal cases[] = {
        {"a,data,nvs,0x8000,4K", AL_CSV_OVERLAPS_TABLE, 1},
        {"a,data,nvs,,1M", AL_CSV_DOES_NOT_FIT, 1},
        {"a,256,0,,4K", AL_CSV_FIELD_OUT_OF_RANGE, 1},
    };
    EXPECT_REFUSALS(cases, &o);
}

static void test_ptable_csv_counts_entries(void **state)
{
    (void)state;
    char csv[4096] = "";
    size_t len = 0;
    for (unsigned i = 1; i <= 100; i++) {
        len += (size_t)snprintf(csv + len, sizeof csv - len, "p%u,data,fat,,4K\n", i);
        struct al_csv_options o = {.table_off = AL_PTABLE_OFFSET};
        int with_md5 = parse_with(csv, &o);
        o.no_md5 = true;
        int without = parse_with(csv, &o);
        assert_int_equal(with_md5, i <= 94 ? AL_OK : AL_ERR_FORMAT);
        assert_int_equal(without, i <= 95 ? AL_OK : AL_ERR_FORMAT);
    }
    assert_int_equal(report.error, AL_CSV_TOO_MANY_ENTRIES);
    snprintf(csv + len, sizeof csv - len, "x,data,bad,,4K\n");
    static struct refusal late[] = {{NULL, AL_CSV_BAD_KEYWORD, 101}};
    late[0].csv = csv;
    EXPECT_REFUSALS(late, &defaults);
}

static void test_ptable_csv_warns_of_names_of_another_kind(void **state)
{
    (void)state;
    static const struct {
        const char *csv;
        unsigned n;
    } cases[] = {
        {"nvs,data,nvs,,16K\nota_0,app,ota_0,,64K\notadata,data,ota,,8K\nfactory,app,factory,,64K", 0},
        {"data,data,fat,,16K\napp,app,ota_0,,64K", 0},
        {"app,data,fat,,16K", 1},
        {"bootloader,data,fat,,16K", 1},
        {"factory,app,ota_0,,64K", 1},
        {"ota_1,app,ota_0,,64K", 1},
        {"tee_1,app,tee_0,,64K", 1},
        {"ota,data,ota,,8K", 0},
        {"ota,app,ota_0,,64K", 1},
        {"nvs,0x40,2,,16K", 1},
        {"NVS,data,fat,,16K\nota_16,app,ota_0,,64K", 0}, /* case counts here */
        {"littlefs,data,spiffs,,16K\nphy,data,phy,,4K\nspiffs,data,littlefs,,4K", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].csv), AL_OK);
        if (report.n_warnings != cases[i].n) {
            fail_msg("\"%s\": %u warnings, not %u", cases[i].csv, report.n_warnings, cases[i].n);
        }
    }
    assert_int_equal(report.warned[0], 1u << 0 | 1u << 2);
}

static void test_ptable_csv_report_is_printable(void **state)
{
    (void)state;
    assert_int_equal(parse("a,da\x1b[1mta,nvs,,16K"), AL_ERR_FORMAT);
    assert_string_equal(report.what, "da?[1mta");
    char csv[600];
    snprintf(csv, sizeof csv, "a,%0500d,nvs,,16K", 7);
    assert_int_equal(parse(csv), AL_ERR_FORMAT);
    assert_int_equal(strlen(report.what), sizeof report.what - 1);
}

static void test_ptable_csv_names_only_what_has_a_name(void **state)
{
    (void)state;
    char buf[8];
    assert_string_equal(al_part_type_name(3), "partition_table");
    assert_null(al_part_type_name(4));
    assert_null(al_part_type_name(255));
    assert_string_equal(al_part_subtype_name(0, 0x1F, buf), "ota_15");
    assert_string_equal(al_part_subtype_name(0, 0x31, buf), "tee_1");
    assert_null(al_part_subtype_name(0, 0x21, buf));
    assert_null(al_part_subtype_name(0, 0x32, buf));
    assert_null(al_part_subtype_name(1, 0x10, buf));
    assert_null(al_part_subtype_name(4, 0, buf));
}

static void test_ptable_csv_errors_have_texts(void **state)
{
    (void)state;
    assert_string_equal(al_csv_error_text(AL_CSV_OK), "no error");
    assert_string_equal(al_csv_error_text(AL_CSV_UNKNOWN_FLAG), "unknown flag");
    assert_non_null(strstr(al_csv_error_text(AL_CSV_NVS_TOO_SMALL), "nvs"));
    assert_non_null(strstr(al_csv_error_text(AL_CSV_RECOVERY_OFFSET_MISSING), "recovery"));
    assert_non_null(strstr(al_csv_error_text(AL_CSV_BAD_ENCODING), "UTF-8"));
}

/* --- Printing --------------------------------------------------------------------------- */

static void test_ptable_csv_prints_as_espressif_does(void **state)
{
    (void)state;
    char buf[1024];
    assert_int_equal(
        parse("nvs,data,nvs,,24K\nx,data,fat,,5000,readonly\nfactory,app,0,,1M,readonly:encrypted\n"
              "y,0x42,0x17,,1536K,encrypted\nz,data,0x70,,0\ntee,app,tee_1,,64K\no,app,ota_12,,64K"),
        AL_OK);
    static const char expected[] = "# ESP-IDF Partition Table\n"
                                   "# Name, Type, SubType, Offset, Size, Flags\n"
                                   "nvs,data,nvs,0x9000,24K,\n"
                                   "x,data,fat,0xf000,0x1388,readonly\n"
                                   "factory,app,factory,0x20000,1M,encrypted:readonly\n"
                                   "y,66,23,0x120000,1536K,encrypted\n"
                                   "z,data,112,0x2a0000,0M,\n"
                                   "tee,app,tee_1,0x2a0000,64K,\n"
                                   "o,app,ota_12,0x2b0000,64K,\n";
    assert_int_equal(al_csv_print(&table, buf, sizeof buf), sizeof expected - 1);
    assert_string_equal(buf, expected);
    assert_int_equal(al_csv_print(&table, buf, sizeof expected), sizeof expected - 1);
    memset(buf, 0x55, sizeof buf);
    assert_int_equal(al_csv_print(&table, buf, sizeof expected - 1), AL_ERR_SIZE);
    assert_int_equal(buf[sizeof expected - 1], 0x55);

    struct al_ptable widest = {.n = 1};
    widest.part[0] = (struct al_part){.off = 0xFFFFF000,
                                      .size = 0xFFFFFFFF,
                                      .flags = 3,
                                      .type = 3,
                                      .subtype = 255,
                                      .label = "0123456789abcdef"};
    int len = al_csv_print(&widest, buf, sizeof buf);
    assert_true(len > 0 && len < 128 + 96);
    assert_string_equal(strchr(strchr(buf, '\n') + 1, '\n') + 1,
                        "0123456789abcdef,partition_table,255,0xfffff000,0xffffffff,encrypted:readonly\n");
}

static void test_ptable_csv_print_reads_back(void **state)
{
    (void)state;
    const char *name;
    for (unsigned i = 0; (name = al_ptable_predefined_name(i)) != NULL; i++) {
        struct al_ptable t;
        char buf[2048];
        assert_int_equal(al_ptable_predefined(name, &t), AL_OK);
        assert_true(al_csv_print(&t, buf, sizeof buf) > 0);
        assert_int_equal(parse(buf), AL_OK);
        assert_int_equal(report.n_warnings, 0);
        assert_int_equal(t.n, table.n);
        assert_memory_equal(t.part, table.part, sizeof t.part);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ptable_csv_passes_the_vectors),
        cmocka_unit_test(test_ptable_csv_skips_comments_and_blank_lines),
        cmocka_unit_test(test_ptable_csv_takes_any_number_of_columns),
        cmocka_unit_test(test_ptable_csv_cuts_names_and_compares_them_whole),
        cmocka_unit_test(test_ptable_csv_strips_unicode_spaces),
        cmocka_unit_test(test_ptable_csv_reads_types_by_name_or_number),
        cmocka_unit_test(test_ptable_csv_reads_numbers_as_python_does),
        cmocka_unit_test(test_ptable_csv_reads_flags),
        cmocka_unit_test(test_ptable_csv_honours_byte_order_marks),
        cmocka_unit_test(test_ptable_csv_refuses_what_is_not_text),
        cmocka_unit_test(test_ptable_csv_expands_variables),
        cmocka_unit_test(test_ptable_csv_places_entries),
        cmocka_unit_test(test_ptable_csv_fills_in_bootloader_and_table),
        cmocka_unit_test(test_ptable_csv_checks_each_entry),
        cmocka_unit_test(test_ptable_csv_checks_the_flash_size),
        cmocka_unit_test(test_ptable_csv_can_skip_the_rules),
        cmocka_unit_test(test_ptable_csv_counts_entries),
        cmocka_unit_test(test_ptable_csv_warns_of_names_of_another_kind),
        cmocka_unit_test(test_ptable_csv_report_is_printable),
        cmocka_unit_test(test_ptable_csv_names_only_what_has_a_name),
        cmocka_unit_test(test_ptable_csv_errors_have_texts),
        cmocka_unit_test(test_ptable_csv_prints_as_espressif_does),
        cmocka_unit_test(test_ptable_csv_print_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
