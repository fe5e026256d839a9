/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of each level, of which the command line chooses. */
#include "guest/log.h"

int main(void)
{
    log_error("line %d", 1);
    log_warn("line %d", 2);
    log_info("line %d", 3);
    log_debug("line %d", 4);
    return log_wants(LOG_DEBUG) ? 3 : 0;
}
