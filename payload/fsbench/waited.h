/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Instructions so far that did nothing but look whether the disk has answered. */
unsigned long waited(void);
