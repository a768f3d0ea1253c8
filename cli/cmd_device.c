#include "commands.h"

const struct host_cmd cmd_device[] = {{0}};
