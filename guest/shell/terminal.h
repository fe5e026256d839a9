/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A line from the terminal.  See terminal.c. */
#include "guest/shell/editor.h"
#include "guest/shell/state.h"

enum edit_event terminal_read(struct editor *editor, const struct shell *shell, struct io io,
                              const char *prompt);
unsigned terminal_columns(const struct shell *shell);
