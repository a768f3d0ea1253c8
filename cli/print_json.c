#include "print_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/cmd.h"
#include "host/text.h"

int print_json(cJSON *root)
{
    char *text = cJSON_Print(root);
    int failed;

    cJSON_Delete(root);
    if (text == NULL) {
        return host_fail("out of memory");
    }
    host_text_utf8(text); /* names of files, labels on flash */
    failed = puts(text) < 0 || fflush(stdout) != 0;
    cJSON_free(text);
    return failed ? host_fail("standard output: %s", strerror(errno)) : 0;
}
