#include "commands.h"

const struct host_cmd cmd_flash[] = {{0}};
