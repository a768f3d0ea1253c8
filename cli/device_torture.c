/*
 * device_torture.c - airlift device torture: hands over to the program that does it.
 *
 * It links the update agent and the SDK, which the CLI does not: a program apart.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "device_torture.h"

int device_torture(int argc, char **argv)
{
    char self[PATH_MAX], path[PATH_MAX + 64];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    char **args = calloc((size_t)argc + 2, sizeof *args);

    if (n <= 0 || !args) {
        free(args);
        return host_fail("%s", strerror(n <= 0 ? errno : ENOMEM));
    }
    self[n] = '\0';
    char *slash = strrchr(self, '/');

    /* Where `cmake --install` puts it, seen from this program. */
    *slash = '\0';
    snprintf(path, sizeof path, "%s/../libexec/airlift/airlift-torture", self);
    args[0] = path;
    for (int i = 0; i < argc; i++) {
        args[i + 1] = argv[i];
    }
    execv(path, args);

    const int why = errno;

    free(args);
    return host_fail("%s: %s", path, strerror(why));
}
