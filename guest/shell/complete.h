/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What could stand where the cursor is.  See complete.c. */
#include "guest/shell/editor.h"

edit_complete_fn complete_line;
