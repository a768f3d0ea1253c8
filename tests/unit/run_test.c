/*
 * run_test.c - the device loop, with this very program as the app.
 *
 * The tests build images whose program is this executable. Started by a device
 * it finds AIRLIFT_RUNNING set and becomes the app: it notes what it sees in a
 * log file and does what the next letter of AIRLIFT_TEST_SCRIPT says.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../device/src/process.h"
#include "airlift/bytes.h"
#include "airlift/crypto.h"
#include "airlift/image.h"
#include "airlift/otadata.h"
#include "airlift/ptable.h"
#include "device/desc.h"
#include "device/nor_flash.h"
#include "device/run.h"
#include "device/shared.h"

#define ENV_SCRIPT "AIRLIFT_TEST_SCRIPT" /* one letter for each boot */
#define ENV_LOG    "AIRLIFT_TEST_LOG"

#define FLASH_SIZE  (64u << 20) /* room for this program with sanitizers */
#define APP_SIZE    (16u << 20)
#define APP_OFF     0x10000u
#define SCRATCH_OFF (FLASH_SIZE - 0x10000u) /* where the app plays with flash */

static char dir[64];
static char flash_path[128];
static char log_path[128];
static char err[512];
static struct dev_run_options options;
static struct dev_run_result result;

/* --- The app --------------------------------------------------------------- */

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t)) {
    }
}

static void note(const char *text)
{
    FILE *log = fopen(getenv(ENV_LOG), "a");
    if (!log || fputs(text, log) < 0 || fclose(log)) {
        _exit(99);
    }
}

static int write_until_dark(void)
{
    struct dev_flash *flash;
    char text[512];
    if (dev_flash_open_fd(atoi(getenv(DEV_ENV_FLASH_FD)), NULL, &flash, text, sizeof text)) {
        return 98;
    }
    for (unsigned i = 0; i < 0x1000; i++) {
        if (al_flash_write(dev_flash_port(flash), SCRATCH_OFF + i, "\x00", 1)) {
            return 97;
        }
    }
    return 96;
}

static int app(void)
{
    struct dev_shared *shared = dev_shared_get();
    unsigned boot = shared->rtc[0]++;
    char line[256];
    snprintf(line, sizeof line, "%s %s%s\n", getenv(DEV_ENV_RUNNING), getenv(DEV_ENV_RESET_REASON),
             dev_shared_inherited() ? "" : " alone");
    note(line);
    switch (getenv(ENV_SCRIPT)[boot]) {
    case 'r':
        return DEV_EXIT_RESTART;
    case 'a': /* crash as C programs do, without the sanitizers' report */
        signal(SIGABRT, SIG_DFL);
        abort();
    case 'e':
        return 3;
    case '0':
        return 0;
    case 'h': /* hang */
        for (;;) {
            pause_ms(1000);
        }
    case 'b': /* busy, but alive, for longer than the watchdog of the tests */
        for (unsigned i = 0; i < 10; i++) {
            atomic_fetch_add(&shared->heartbeat, 1);
            pause_ms(200);
        }
        return DEV_EXIT_RESTART;
    case 'g':
        snprintf(line, sizeof line, "gpio %d %d %d out %d\n", atomic_load(&shared->gpio_in[4]),
                 atomic_load(&shared->gpio_in[5]), atomic_load(&shared->gpio_in[6]),
                 atomic_load(&shared->gpio_out[7]));
        note(line);
        atomic_store(&shared->gpio_out[7], 1);
        return DEV_EXIT_RESTART;
    case 's': /* sleep for a moment */
    case 'p': /* or until pin 4 is 1 */
        atomic_store(&shared->sleep.timer_us, 1000);
        atomic_store(&shared->sleep.pins[2].mask, 1u << 4);
        atomic_store(&shared->sleep.pins[2].level, 1);
        atomic_store(&shared->sleep.sources,
                     getenv(ENV_SCRIPT)[boot] == 's' ? DEV_WAKE_TIMER : DEV_WAKE_GPIO);
        atomic_store(&shared->gpio_out[7], 1);
        atomic_store(&shared->gpio_held[7], true);
        return DEV_EXIT_SLEEP;
    case 'W': /* by what it woke up */
        snprintf(line, sizeof line, "woken by %u, pins %x, out %d\n", atomic_load(&shared->sleep.woken_by),
                 (unsigned)atomic_load(&shared->sleep.pins[2].found), atomic_load(&shared->gpio_out[7]));
        note(line);
        return DEV_EXIT_RESTART;
    case 'u':
        snprintf(line, sizeof line, "url %s ca %s\n", getenv(DEV_ENV_MANIFEST_URL), getenv(DEV_ENV_CA));
        note(line);
        return DEV_EXIT_RESTART;
    case 'w':
        return write_until_dark();
    case 'k': /* somebody presses Ctrl-C */
        kill(getppid(), SIGTERM);
        for (;;) {
            pause_ms(1000);
        }
    case 'c': /* leave a child behind that would write to the log */
        if (fork() == 0) {
            pause_ms(1500);
            note("orphan\n");
            _exit(0);
        }
        return DEV_EXIT_RESTART;
    default:
        return 95;
    }
}

/* --- Images and flash ------------------------------------------------------ */

static uint8_t *read_self(uint32_t *len)
{
    FILE *self = fopen("/proc/self/exe", "rb");
    assert_non_null(self);
    assert_int_equal(fseek(self, 0, SEEK_END), 0);
    long size = ftell(self);
    assert_true(size > 0 && size < (long)APP_SIZE);
    rewind(self);
    uint8_t *bytes = calloc(1, (size_t)size + 4);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, (size_t)size, self), size);
    fclose(self);
    *len = (uint32_t)(size + 3) & ~3u;
    return bytes;
}

/* An app image around `program` (len a multiple of 4). Returns its length. */
static uint32_t build_image(uint8_t *out, const uint8_t *program, uint32_t len, uint16_t chip_id)
{
    struct al_image_new what = {
        .header = {.n_segments = 1, .chip_id = chip_id, .max_rev = 65535, .hash_appended = true},
        .desc = {.version = "1.0.0", .project = "test"},
    };
    struct al_hash hash;
    uint8_t tail[AL_IMAGE_TAIL_MAX];
    al_image_build_prefix(&what, 0, AL_IMAGE_DESC_SIZE + len, out);
    memcpy(out + AL_IMAGE_PREFIX_SIZE, program, len);
    uint32_t end = AL_IMAGE_PREFIX_SIZE + len;
    assert_int_equal(al_sha256_init(&hash), 0);
    assert_int_equal(al_hash_update(&hash, out, end), 0);
    uint8_t sum = al_image_checksum(0xEF, out + AL_IMAGE_DESC_OFF, end - AL_IMAGE_DESC_OFF);
    int n = al_image_build_tail(&hash, end, sum, tail);
    assert_true(n > 0);
    memcpy(out + end, tail, (size_t)n);
    return end + (uint32_t)n;
}

static void write_flash(uint32_t off, const void *data, uint32_t len)
{
    struct dev_flash *flash;
    assert_int_equal(dev_flash_open(flash_path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err), 0);
    assert_int_equal(al_flash_write(dev_flash_port(flash), off, data, len), 0);
    dev_flash_close(flash);
}

static void put_table(void)
{
    struct al_ptable table = {.n = 3};
    uint8_t raw[AL_PTABLE_SIZE];
    table.part[0] = (struct al_part){.off = 0xD000, .size = 0x2000, .type = AL_TYPE_DATA, .label = "otadata"};
    table.part[1] =
        (struct al_part){.off = APP_OFF, .size = APP_SIZE, .type = AL_TYPE_APP, .label = "factory"};
    table.part[2] = (struct al_part){.off = APP_OFF + APP_SIZE,
                                     .size = APP_SIZE,
                                     .type = AL_TYPE_APP,
                                     .subtype = AL_SUB_APP_OTA_0,
                                     .label = "ota_0"};
    assert_int_equal(al_ptable_build(&table, true, raw), 0);
    write_flash(AL_PTABLE_OFFSET, raw, sizeof raw);
}

static void put_app(const uint8_t *program, uint32_t len, uint16_t chip_id)
{
    uint8_t *image = malloc(APP_SIZE);
    assert_non_null(image);
    uint32_t image_len = build_image(image, program, len, chip_id);
    write_flash(APP_OFF, image, image_len);
    free(image);
}

static void put_self(void)
{
    uint32_t len;
    uint8_t *program = read_self(&len);
    put_app(program, len, AL_CHIP_LINUX);
    free(program);
}

static void run(const char *script, unsigned max_boots)
{
    setenv(ENV_SCRIPT, script, 1);
    options.max_boots = max_boots;
    assert_int_equal(dev_run(&options, &result, err, sizeof err), 0);
}

static void assert_log(const char *expected)
{
    char text[1024] = "";
    FILE *log = fopen(log_path, "r");
    if (log) {
        text[fread(text, 1, sizeof text - 1, log)] = '\0';
        fclose(log);
    }
    assert_string_equal(text, expected);
}

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/airlift-run-XXXXXX");
    if (!mkdtemp(dir)) {
        return -1;
    }
    snprintf(flash_path, sizeof flash_path, "%s/x.bin", dir);
    snprintf(log_path, sizeof log_path, "%s/log", dir);
    return setenv(ENV_LOG, log_path, 1);
}

static int remove_dir(void **state)
{
    (void)state;
    return rmdir(dir);
}

static int set_up(void **state)
{
    (void)state;
    options = (struct dev_run_options){.flash_path = flash_path, .quiet = true};
    for (unsigned i = 0; i < 64; i++) {
        options.gpio[i] = -1;
    }
    return dev_flash_create(flash_path, FLASH_SIZE, err, sizeof err);
}

static int tear_down(void **state)
{
    (void)state;
    char json[160];
    snprintf(json, sizeof json, "%s.json", flash_path);
    unlink(json);
    unlink(log_path);
    return unlink(flash_path);
}

/* --- The loop -------------------------------------------------------------- */

static void test_run_reset_reasons_follow_how_the_app_ended(void **state)
{
    (void)state;
    put_table();
    put_self();
    run("rae0r", 5);
    assert_log("factory poweron\nfactory sw\nfactory panic\nfactory panic\nfactory sw\n");
    assert_int_equal(result.stop, DEV_STOP_MAX_BOOTS);
    assert_int_equal(result.boots, 5);
    assert_string_equal(result.last_booted, "factory");
}

static void test_run_watchdog_resets_a_silent_app_only(void **state)
{
    (void)state;
    put_table();
    put_self();
    options.watchdog_s = 1;
    run("hbr", 3);
    assert_log("factory poweron\nfactory wdt\nfactory sw\n");
}

static void test_run_gpio_and_rtc_reach_the_app(void **state)
{
    (void)state;
    put_table();
    put_self();
    options.gpio[4] = 1;
    options.gpio[5] = 0;
    run("gg", 2);
    /* The second boot came to letter two: RTC memory lives on. The output pin is an input again. */
    assert_log("factory poweron\ngpio 1 0 -1 out -1\nfactory sw\ngpio 1 0 -1 out -1\n");
}

static void test_run_deep_sleep_ends_by_timer_or_pin(void **state)
{
    (void)state;
    put_table();
    put_self();
    options.gpio[4] = 1;
    run("sWpW", 4);
    /* RTC memory counts on, and the held output is as it was. */
    assert_log("factory poweron\nfactory deepsleep\nwoken by 8, pins 0, out 1\nfactory sw\n"
               "factory deepsleep\nwoken by 4, pins 10, out 1\n");
}

static void test_run_hands_url_and_certificate_on(void **state)
{
    (void)state;
    put_table();
    put_self();
    options.manifest_url = "https://host/x";
    options.ca_path = "/ca.pem";
    setenv(DEV_ENV_MANIFEST_URL, "https://other/", 1);
    run("u", 1);
    unsetenv(DEV_ENV_MANIFEST_URL);
    assert_log("factory poweron\nurl https://host/x ca /ca.pem\n");
}

static void test_run_power_cut_stops_app_and_device(void **state)
{
    (void)state;
    put_table();
    put_self();
    options.power_cut_at = 7;
    run("w", 0);
    assert_int_equal(result.stop, DEV_STOP_POWER_CUT);
    assert_int_equal(result.boots, 1);
    assert_int_equal(result.programs, 6);

    struct dev_flash *flash;
    assert_int_equal(dev_flash_open(flash_path, DEV_FLASH_READ, NULL, &flash, err, sizeof err), 0);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(dev_flash_bytes(flash)[SCRATCH_OFF + i], 0);
    }
    assert_int_equal(dev_flash_bytes(flash)[SCRATCH_OFF + 7], 0xFF);
    dev_flash_close(flash);
}

static void test_run_power_cut_in_the_bootloader_stops_the_device(void **state)
{
    (void)state;
    struct al_ota_record rec;
    uint8_t raw[AL_OTADATA_RECORD_SIZE];
    al_ota_record_init(&rec, 1, AL_OTA_NEW);
    al_put_le32(raw, rec.seq);
    memcpy(raw + 4, rec.label, sizeof rec.label);
    al_put_le32(raw + 24, rec.state);
    al_put_le32(raw + 28, rec.crc);
    put_table();
    put_self();
    write_flash(0xD000, raw, sizeof raw);
    options.power_cut_at = 1; /* NEW becomes PENDING_VERIFY: the erase is torn */
    run("", 1);
    assert_int_equal(result.stop, DEV_STOP_POWER_CUT);
    assert_int_equal(result.boots, 0);
}

static void test_run_a_signal_switches_off_and_ends_the_app(void **state)
{
    (void)state;
    put_table();
    put_self();
    run("k", 0);
    assert_int_equal(result.stop, DEV_STOP_SIGNAL);
    assert_int_equal(result.boots, 1);
    /* The file is free again at once: nothing of the device is left. */
    struct dev_flash *flash;
    assert_int_equal(dev_flash_open(flash_path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err), 0);
    dev_flash_close(flash);
}

static void test_run_nothing_of_an_app_outlives_its_reset(void **state)
{
    (void)state;
    put_table();
    put_self();
    options.watchdog_s = 10;
    run("cb", 2); /* the second boot lasts longer than the orphan would have waited */
    assert_log("factory poweron\nfactory sw\n");
}

static void test_run_without_a_bootable_app_stops(void **state)
{
    (void)state;
    run("", 0); /* no table */
    assert_int_equal(result.stop, DEV_STOP_NO_APP);
    assert_int_equal(result.boots, 0);
    put_table();
    run("", 0);
    assert_int_equal(result.stop, DEV_STOP_NO_APP);
    assert_string_equal(result.last_booted, "");
}

static void test_run_an_image_without_a_program_panics(void **state)
{
    (void)state;
    put_table();
    put_app((const uint8_t *)"this is not an ELF file!", 24, AL_CHIP_LINUX);
    run("", 2);
    assert_int_equal(result.stop, DEV_STOP_MAX_BOOTS);
    assert_int_equal(result.boots, 2);
    assert_log("");
}

/* --- Real chips ------------------------------------------------------------ */

static void describe(const char *text)
{
    char json[160];
    snprintf(json, sizeof json, "%s.json", flash_path);
    FILE *file = fopen(json, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
}

static void test_run_images_for_chips_run_the_reference_agent(void **state)
{
    (void)state;
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    put_table();
    /* Both are loaded nowhere (address 0 is no RAM of a chip), which a bootloader would accept. */
    put_app((const uint8_t *)"machine code", 12, 5);
    describe("{\"chip\":\"esp32c3\"}");
    options.reference_agent = self;
    run("r", 1);
    assert_log("factory poweron\n");

    options.reference_agent = NULL;
    assert_int_equal(dev_run(&options, &result, err, sizeof err), AL_ERR_NOT_FOUND);
    assert_int_equal(result.stop, DEV_STOP_ERROR);
    assert_non_null(strstr(err, "the reference agent to run in its place is missing: none is given"));
    options.reference_agent = "/none";
    assert_int_equal(dev_run(&options, &result, err, sizeof err), AL_ERR_NOT_FOUND);
    assert_non_null(strstr(err, "missing: /none: No such file or directory"));
}

/* --- Errors ---------------------------------------------------------------- */

static void test_run_errors_are_one_line(void **state)
{
    (void)state;
    struct dev_flash *flash;
    assert_int_equal(dev_flash_open(flash_path, DEV_FLASH_WRITE, NULL, &flash, err, sizeof err), 0);
    assert_int_equal(dev_run(&options, &result, err, sizeof err), AL_ERR_STATE);
    assert_non_null(strstr(err, "in use by another device"));
    assert_int_equal(result.stop, DEV_STOP_ERROR);
    dev_flash_close(flash);
    describe("{\"chip\":\"toaster\"}");
    assert_int_equal(dev_run(&options, &result, err, sizeof err), AL_ERR_FORMAT);
    assert_non_null(strstr(err, "toaster is not a known chip"));
    assert_null(strchr(err, '\n'));
    options.flash_path = "/none";
    assert_int_equal(dev_run(&options, &result, err, sizeof err), AL_ERR_NOT_FOUND);
}

/* --- The process part alone ------------------------------------------------ */

static void run_script(const char *text, double watchdog_s, struct dev_process_end *end)
{
    static _Atomic uint64_t heartbeat;
    char script[128];
    snprintf(script, sizeof script, "%s/script", dir);
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    assert_int_equal(chmod(script, 0755), 0);
    char path[] = "PATH=/usr/bin:/bin";
    char *env[] = {path, NULL};
    struct dev_process p = {
        .program_fd = -1,
        .program_path = script,
        .env = env,
        .inherit_fd = -1,
        .heartbeat = &heartbeat,
        .watchdog_s = watchdog_s,
        .signal_fd = -1,
    };
    assert_int_equal(dev_process_run(&p, end), 0);
    unlink(script);
}

static void test_run_process_ends_are_told_apart(void **state)
{
    (void)state;
    struct dev_process_end end;
    run_script("exit 90", 0, &end);
    assert_int_equal(end.how, DEV_END_RESTART);
    run_script("exit 91", 0, &end);
    assert_int_equal(end.how, DEV_END_POWER_CUT);
    run_script("exit 7", 0, &end);
    assert_int_equal(end.how, DEV_END_EXIT);
    assert_int_equal(end.number, 7);
    run_script("kill -SEGV $$", 0, &end);
    assert_int_equal(end.how, DEV_END_SIGNAL);
    assert_int_equal(end.number, SIGSEGV);
    run_script("sleep 60", 0.2, &end);
    assert_int_equal(end.how, DEV_END_WATCHDOG);
}

static void test_run_process_that_cannot_be_executed_says_why(void **state)
{
    (void)state;
    static _Atomic uint64_t heartbeat;
    char *env[] = {NULL};
    struct dev_process p = {.program_fd = -1,
                            .program_path = "/none",
                            .env = env,
                            .inherit_fd = -1,
                            .heartbeat = &heartbeat,
                            .signal_fd = -1};
    struct dev_process_end end;
    assert_int_equal(dev_process_run(&p, &end), 0);
    assert_int_equal(end.how, DEV_END_NO_EXEC);
    assert_int_equal(end.number, 2); /* ENOENT */
}

int main(void)
{
    if (getenv(DEV_ENV_RUNNING)) {
        _exit(app()); /* no exit handlers: on a chip nothing runs after a reset */
    }
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_run_reset_reasons_follow_how_the_app_ended),
        CASE(test_run_watchdog_resets_a_silent_app_only),
        CASE(test_run_gpio_and_rtc_reach_the_app),
        CASE(test_run_deep_sleep_ends_by_timer_or_pin),
        CASE(test_run_hands_url_and_certificate_on),
        CASE(test_run_power_cut_stops_app_and_device),
        CASE(test_run_power_cut_in_the_bootloader_stops_the_device),
        CASE(test_run_a_signal_switches_off_and_ends_the_app),
        CASE(test_run_nothing_of_an_app_outlives_its_reset),
        CASE(test_run_without_a_bootable_app_stops),
        CASE(test_run_an_image_without_a_program_panics),
        CASE(test_run_images_for_chips_run_the_reference_agent),
        CASE(test_run_errors_are_one_line),
        cmocka_unit_test(test_run_process_ends_are_told_apart),
        cmocka_unit_test(test_run_process_that_cannot_be_executed_says_why),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
