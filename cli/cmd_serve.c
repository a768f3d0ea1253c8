#include "commands.h"

const struct host_cmd cmd_serve[] = {{0}};
