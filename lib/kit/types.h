/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Fixed-width integers by their short names, and the three helpers that everything uses. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that `member` at address `p` is part of. */
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __must_check           __attribute__((warn_unused_result))
#define __noreturn             __attribute__((noreturn))
#define __printf_like(fmt, va) __attribute__((format(printf, fmt, va)))

/* align is a power of two. */
static inline u64 align_down(u64 x, u64 align)
{
    return x & ~(align - 1);
}

static inline u64 align_up(u64 x, u64 align)
{
    return (x + align - 1) & ~(align - 1);
}
