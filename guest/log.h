/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Lines about what the program does, of which the command line says how many are wanted.  See
 * log.c. */
#include "lib/kit/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

bool log_wants(enum log_level level);
void log_error(const char *format, ...) __printf_like(1, 2);
void log_warn(const char *format, ...) __printf_like(1, 2);
void log_info(const char *format, ...) __printf_like(1, 2);
void log_debug(const char *format, ...) __printf_like(1, 2);
