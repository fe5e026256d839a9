/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the tests of files are made of: a call, and what it must give. */
#include <errno.h>
#include <stdbool.h>

void want(const char *text, int line, long got, int error, long expected, int expected_error);

#define GIVES(expected, call)                              \
    do {                                                   \
        errno = 0;                                         \
        long got_ = (long)(call);                          \
        want(#call, __LINE__, got_, errno, (expected), 0); \
    } while (0)
#define FAILS(error, call)                               \
    do {                                                 \
        errno = 0;                                       \
        long got_ = (long)(call);                        \
        want(#call, __LINE__, got_, errno, -1, (error)); \
    } while (0)
/* Gives what is no -1, but sets errno. */
#define SETS(expected, error, call)                               \
    do {                                                          \
        errno = 0;                                                \
        long got_ = (long)(call);                                 \
        int error_ = errno;                                       \
        want(#call, __LINE__, got_, error_, (expected), 0);       \
        want("errno of " #call, __LINE__, error_, 0, (error), 0); \
    } while (0)
#define TRUE(condition) GIVES(1, !!(condition))

extern char long_name[300];  /* of 256 */
extern char full_name[300];  /* of 255 */
extern char long_path[5000]; /* of more than PATH_MAX */

void make(const char *path, const char *text);
bool holds(const char *path, const char *text);
long size_of(const char *path);
unsigned entries(const char *path, const char *wanted, unsigned char *type);

void test_bytes(void);
void test_names(void);
void test_stdio(void);
