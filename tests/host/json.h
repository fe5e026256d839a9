/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A judge of JSON, for what we write: strings without escapes, numbers without exponents. */
#include "lib/kit/types.h"

/* True if text is exactly one JSON value. */
bool json_is_well_formed(const char *text);
