#include "commands.h"

const struct host_cmd cmd_otadata[] = {{0}};
