/* unity.c - counting test cases, and ending those that fail. */
#include "unity.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct UNITY_STORAGE_T Unity;
static pthread_t tester; /* who can be sent to Unity.AbortFrame */

__attribute__((weak)) void setUp(void)
{
}

__attribute__((weak)) void tearDown(void)
{
}

/* ---- Printing ---------------------------------------------------------------- */

void UnityPrint(const char *text)
{
    for (; *text != '\0'; text++) {
        unity_putc(*text);
    }
}

void UnityPrintNumber(UNITY_INT number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, number);
    UnityPrint(text);
}

void UnityPrintNumberUnsigned(UNITY_UINT number)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    UnityPrint(text);
}

/* FILE:LINE:TEST:verdict: message */
static void report(const char *verdict, const char *message, UNITY_LINE_TYPE line)
{
    UnityPrint(Unity.TestFile != NULL ? Unity.TestFile : "");
    unity_putc(':');
    UnityPrintNumberUnsigned(line);
    unity_putc(':');
    UnityPrint(Unity.CurrentTestName != NULL ? Unity.CurrentTestName : "");
    unity_putc(':');
    UnityPrint(verdict);
    if (message != NULL) {
        UnityPrint(": ");
        UnityPrint(message);
    }
    UNITY_PRINT_EOL();
}

/* ---- One test case ------------------------------------------------------------- */

bool unity_protect(void)
{
    tester = pthread_self();
    return true;
}

void unity_abort_test(void)
{
    unity_flush();
    if (!pthread_equal(tester, pthread_self())) {
        UnityPrint("An assertion outside the test's own task can't end the test case.\n");
        unity_flush();
        abort();
    }
    longjmp(Unity.AbortFrame, 1);
}

void UnityFail(const char *message, UNITY_LINE_TYPE line)
{
    report("FAIL", message, line);
    Unity.CurrentTestFailed = 1;
    unity_abort_test();
}

void UnityIgnore(const char *message, UNITY_LINE_TYPE line)
{
    report("IGNORE", message, line);
    Unity.CurrentTestIgnored = 1;
    unity_abort_test();
}

void UnityMessage(const char *message, UNITY_LINE_TYPE line)
{
    report("INFO", message, line);
}

void UnityConcludeTest(void)
{
    if (Unity.CurrentTestFailed != 0) {
        Unity.TestFailures++;
    } else if (Unity.CurrentTestIgnored != 0) {
        Unity.TestIgnores++;
    } else {
        report("PASS", NULL, Unity.CurrentTestLineNumber);
    }
    Unity.CurrentTestFailed = 0;
    Unity.CurrentTestIgnored = 0;
    unity_flush();
}

void UnityDefaultTestRun(UnityTestFunction function, const char *name, int line)
{
    Unity.CurrentTestName = name;
    Unity.CurrentTestLineNumber = (UNITY_LINE_TYPE)line;
    Unity.NumberOfTests++;
    if (TEST_PROTECT()) {
        setUp();
        function();
    }
    if (TEST_PROTECT()) {
        tearDown();
    }
    UnityConcludeTest();
}

/* ---- A run ------------------------------------------------------------------------ */

void UnityBegin(const char *filename)
{
    Unity.TestFile = filename;
    Unity.CurrentTestName = NULL;
    Unity.CurrentTestLineNumber = 0;
    Unity.NumberOfTests = 0;
    Unity.TestFailures = 0;
    Unity.TestIgnores = 0;
    Unity.CurrentTestFailed = 0;
    Unity.CurrentTestIgnored = 0;
}

int UnityEnd(void)
{
    UnityPrint("\n-----------------------\n");
    UnityPrintNumberUnsigned(Unity.NumberOfTests);
    UnityPrint(" Tests ");
    UnityPrintNumberUnsigned(Unity.TestFailures);
    UnityPrint(" Failures ");
    UnityPrintNumberUnsigned(Unity.TestIgnores);
    UnityPrint(" Ignored \n");
    UnityPrint(Unity.TestFailures == 0 ? "OK\n" : "FAIL\n");
    unity_flush();
    return (int)Unity.TestFailures;
}
