/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* picolibc's, and jumps that restore which signals are blocked: guest/libc/sigjmp.c. */
#include_next <setjmp.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    jmp_buf place;
    int has_mask;
    sigset_t mask;
} sigjmp_buf[1];

void sigjmp_save(sigjmp_buf to, int with_mask);
__attribute__((__noreturn__)) void siglongjmp(sigjmp_buf to, int value);

#define sigsetjmp(to, with_mask) (sigjmp_save(to, with_mask), setjmp((to)->place))

#ifdef __cplusplus
}
#endif
