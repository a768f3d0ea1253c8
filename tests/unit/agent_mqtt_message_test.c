/*
 * What update messages and job services say, and the wait before reconnecting.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mqtt_message.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeFF"

static struct agent_mqtt_update update;
static struct agent_mqtt_job job;
static char why[AGENT_TEXT_SIZE];

static airlift_fail_t parse(const char *text)
{
    return agent_mqtt_update_parse(text, strlen(text), false, &update, why);
}

static bool parse_job(const char *text)
{
    return agent_mqtt_job_parse(text, strlen(text), false, &job, why);
}

/* --- Update messages -------------------------------------------------------- */

static void test_update_needs_the_url_alone(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"update_url\": \"https://b.s3.example/fw.bin?X-Amz-Date=1&x=%20\"}"),
                     AIRLIFT_FAIL_NONE);
    assert_string_equal(update.image.url, "https://b.s3.example/fw.bin?X-Amz-Date=1&x=%20");
    assert_string_equal(update.image.version, "");
    assert_string_equal(update.id, "");
    assert_false(update.image.has_sha256 || update.image.has_md5 || update.image.mandatory || update.force);
    assert_int_equal(update.image.size, 0);
    assert_int_equal(parse("{\"url\": \"https://h/f\", \"version\": null}"), AIRLIFT_FAIL_NONE);
    assert_string_equal(update.image.url, "https://h/f");
}

static void test_update_takes_all_fields(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{\"update_url\": \"https://h/f\", \"version\": \"1.4.3\", \"sha256\": \"" HASH
              "\", \"md5\": \"00112233445566778899aabbccddeeff\", \"size\": 4096, \"force\": true, "
              "\"mandatory\": true, \"id\": \"campaign-7\", \"signature\": \"MEUC+/=\", "
              "\"unknown\": [1, {\"a\": 2}]}"),
        AIRLIFT_FAIL_NONE);
    assert_string_equal(update.image.version, "1.4.3");
    assert_true(update.image.has_sha256 && update.image.has_md5 && update.image.mandatory && update.force);
    assert_int_equal(update.image.sha256[31], 0xFF);
    assert_int_equal(update.image.size, 4096);
    assert_string_equal(update.id, "campaign-7");
}

static void test_update_refuses_what_makes_no_sense(void **state)
{
    static const char *const bad[] = {
        "",
        "https://h/f",
        "[]",
        "{}",
        "{\"update_url\": 7}",
        "{\"update_url\": \"\"}",
        "{\"update_url\": \"https://h/f\"} x",
        "{\"update_url\": \"https://h/f\", \"version\": 1}",
        "{\"update_url\": \"https://h/f\", \"version\": \"123456789012345678901234567890123\"}",
        "{\"update_url\": \"https://h/f\", \"sha256\": \"00\"}",
        "{\"update_url\": \"https://h/f\", \"md5\": 1}",
        "{\"update_url\": \"https://h/f\", \"size\": 0}",
        "{\"update_url\": \"https://h/f\", \"size\": 1.5}",
        "{\"update_url\": \"https://h/f\", \"size\": 99999999}",
        "{\"update_url\": \"https://h/f\", \"force\": 1}",
        "{\"update_url\": \"https://h/f\", \"mandatory\": \"yes\"}",
        "{\"update_url\": \"https://h/f\", \"id\": {}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why[0] = '\0';
        assert_int_equal(parse(bad[i]), AIRLIFT_FAIL_MANIFEST);
        assert_int_not_equal(strlen(why), 0);
    }
}

static void test_update_url_must_be_allowed(void **state)
{
    static char text[AIRLIFT_MAX_URL + 64] = "{\"update_url\": \"https://h/";
    const size_t start = strlen(text);

    (void)state;
    assert_int_equal(parse("{\"update_url\": \"http://h/f\"}"), AIRLIFT_FAIL_URL);
    assert_int_equal(parse("{\"update_url\": \"fw.bin\"}"), AIRLIFT_FAIL_URL);
    assert_int_equal(parse("{\"update_url\": \"https://h/a b\"}"), AIRLIFT_FAIL_URL);
    assert_int_equal(agent_mqtt_update_parse("{\"update_url\": \"http://h/f\"}", 28, true, &update, why),
                     AIRLIFT_FAIL_NONE);

    memset(text + start, 'x', AIRLIFT_MAX_URL - strlen("https://h/"));
    strcat(text, "\"}");
    assert_int_equal(parse(text), AIRLIFT_FAIL_NONE);
    assert_int_equal(strlen(update.image.url), AIRLIFT_MAX_URL);
    text[strlen(text) - 2] = 'x'; /* one more */
    strcat(text, "\"}");
    text[strlen(text) - 3] = 'x';
    assert_int_equal(parse(text), AIRLIFT_FAIL_URL);
}

/* --- Jobs -------------------------------------------------------------------- */

static void test_job_is_read(void **state)
{
    (void)state;
    assert_true(
        parse_job("{\"timestamp\": 1, \"clientToken\": \"1\", \"execution\": {\"jobId\": \"fw_1-4\", "
                  "\"status\": \"IN_PROGRESS\", \"queuedAt\": 1, \"lastUpdatedAt\": 2, \"versionNumber\": 3, "
                  "\"executionNumber\": 1, \"jobDocument\": {\"update_url\": \"https://h/f\"}}}"));
    assert_string_equal(job.id, "fw_1-4");
    assert_int_equal(job.status, AGENT_MQTT_JOB_IN_PROGRESS);
    assert_int_equal(job.version, 3);
    assert_int_equal(job.execution, 1);
    assert_true(job.has_document);
    assert_int_equal(job.refused, AIRLIFT_FAIL_NONE);
    assert_string_equal(job.update.image.url, "https://h/f");
}

static void test_job_without_execution_is_no_job(void **state)
{
    (void)state;
    assert_true(parse_job("{\"timestamp\": 1, \"execution\": {}}"));
    assert_string_equal(job.id, "");
    assert_true(parse_job("{\"timestamp\": 1}"));
    assert_string_equal(job.id, "");
}

static void test_job_with_a_bad_document_keeps_its_id(void **state)
{
    (void)state;
    assert_true(parse_job(
        "{\"execution\": {\"jobId\": \"j\", \"status\": \"QUEUED\", \"jobDocument\": {\"a\": 1}}}"));
    assert_string_equal(job.id, "j");
    assert_int_equal(job.status, AGENT_MQTT_JOB_QUEUED);
    assert_int_equal(job.refused, AIRLIFT_FAIL_MANIFEST);
    assert_true(parse_job("{\"execution\": {\"jobId\": \"j\", \"status\": \"CANCELED\"}}"));
    assert_int_equal(job.status, AGENT_MQTT_JOB_OTHER);
    assert_false(job.has_document);
}

static void test_job_refuses_what_makes_no_sense(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "{\"execution\": 1}",
        "{\"execution\": {\"jobId\": 1}}",
        "{\"execution\": {\"jobId\": \"\"}}",
        /* an id that would change the topic it becomes part of */
        "{\"execution\": {\"jobId\": \"a/b\"}}",
        "{\"execution\": {\"jobId\": \"#\"}}",
        "{\"execution\": {\"jobId\": \"j\", \"versionNumber\": -1}}",
        "{\"execution\": {\"jobId\": \"j\", \"versionNumber\": 0.5}}",
        "{\"execution\": {\"jobId\": \"j\", \"executionNumber\": \"1\"}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(parse_job(bad[i]));
    }
}

static void test_job_answer_is_read(void **state)
{
    static const char text[] = "{\"code\": \"VersionMismatch\", \"message\": \"m\", \"clientToken\": \"12\"}";
    struct agent_mqtt_job_answer answer;

    (void)state;
    assert_true(agent_mqtt_job_answer_parse(text, strlen(text), &answer));
    assert_string_equal(answer.code, "VersionMismatch");
    assert_string_equal(answer.token, "12");
    assert_true(agent_mqtt_job_answer_parse("{}", 2, &answer));
    assert_string_equal(answer.code, "");
    assert_false(agent_mqtt_job_answer_parse("7", 1, &answer));
}

/* --- The rest ----------------------------------------------------------------- */

static void test_backoff_doubles_up_to_the_limit(void **state)
{
    (void)state;
    assert_int_equal(agent_mqtt_backoff_ms(1, 300, 0, 0), 1000);
    assert_int_equal(agent_mqtt_backoff_ms(1, 300, 3, 0), 8000);
    assert_int_equal(agent_mqtt_backoff_ms(1, 300, 9, 0), 300000);
    assert_int_equal(agent_mqtt_backoff_ms(1, 300, UINT32_MAX, 0), 300000);
    assert_int_equal(agent_mqtt_backoff_ms(1, 300, 3, UINT32_MAX), 4000);
    assert_int_equal(agent_mqtt_backoff_ms(UINT32_MAX, UINT32_MAX, 1, 0), 86400000);
}

static void test_ids_are_plain(void **state)
{
    (void)state;
    assert_true(agent_mqtt_id_is_plain("lamp-7_a:b.c"));
    assert_false(agent_mqtt_id_is_plain(""));
    assert_false(agent_mqtt_id_is_plain("a/b"));
    assert_false(agent_mqtt_id_is_plain("+"));
    assert_false(agent_mqtt_id_is_plain("12345678901234567890123456789012345678901234567890123456789012345"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_needs_the_url_alone),
        cmocka_unit_test(test_update_takes_all_fields),
        cmocka_unit_test(test_update_refuses_what_makes_no_sense),
        cmocka_unit_test(test_update_url_must_be_allowed),
        cmocka_unit_test(test_job_is_read),
        cmocka_unit_test(test_job_without_execution_is_no_job),
        cmocka_unit_test(test_job_with_a_bad_document_keeps_its_id),
        cmocka_unit_test(test_job_refuses_what_makes_no_sense),
        cmocka_unit_test(test_job_answer_is_read),
        cmocka_unit_test(test_backoff_doubles_up_to_the_limit),
        cmocka_unit_test(test_ids_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
