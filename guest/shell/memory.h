/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Memory of the shell: what lives as long as a command, and text that grows.  See memory.c. */
#include <stdarg.h>

#include "lib/kit/types.h"

void *memory_get(size_t bytes);
void *memory_resize(void *old, size_t bytes);
char *memory_copy(const char *text);

/* All of it is freed at once.  All zeros is an empty one. */
struct arena {
    struct arena_chunk *chunks;
};

void *arena_get(struct arena *arena, size_t bytes);
char *arena_copy(struct arena *arena, const char *text, size_t bytes);
void arena_free(struct arena *arena);

/* Bytes, with a NUL behind them that does not count.  All zeros is an empty one, with at == NULL.
 */
struct buffer {
    char *at;
    size_t used;
    size_t room;
};

void buffer_add(struct buffer *buffer, const char *bytes, size_t count);
void buffer_add_text(struct buffer *buffer, const char *text);
__attribute__((nonnull)) void buffer_add_format(struct buffer *buffer, const char *format,
                                                va_list arguments) __printf_like(2, 0);
void buffer_add_char(struct buffer *buffer, char c);
void buffer_insert(struct buffer *buffer, size_t position, const char *bytes, size_t count);
void buffer_remove(struct buffer *buffer, size_t position, size_t count);
void buffer_set(struct buffer *buffer, const char *text);
void buffer_cut(struct buffer *buffer, size_t used);
const char *buffer_text(const struct buffer *buffer);
void buffer_free(struct buffer *buffer);

/* Pointers, with a NULL behind them that does not count.  All zeros is an empty one. */
struct strings {
    char **at;
    size_t used;
    size_t room;
};

void strings_add(struct strings *strings, char *text);
void strings_sort(struct strings *strings, size_t from);
void strings_free(struct strings *strings);       /* the pointers */
void strings_free_texts(struct strings *strings); /* and what they point to */
