#include "commands.h"

const struct host_cmd cmd_demo[] = {{0}};
