/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of the shell: arenas, which are freed as a whole, buffers of text, lists of strings.
 *
 * What is asked for is there: where memory is used up the shell says so and the program ends, with
 * status 2.  So what takes much of it, a file's contents for one, is not held by the shell.
 */
#include "guest/shell/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES   2048
#define BUFFER_FIRST  64
#define STRINGS_FIRST 8
#define ALIGNMENT     16
#define NO_MEMORY     2

struct arena_chunk {
    struct arena_chunk *next;
    size_t used;
    size_t room;
    _Alignas(ALIGNMENT) char bytes[];
};

static void *or_end(void *memory)
{
    static const char message[] = "shell: out of memory\n";

    if (!memory) {
        ssize_t ignored = write(STDERR_FILENO, message, sizeof(message) - 1);

        (void)ignored;
        exit(NO_MEMORY);
    }
    return memory;
}

void *memory_get(size_t bytes)
{
    return or_end(malloc(bytes > 0 ? bytes : 1));
}

void *memory_resize(void *old, size_t bytes)
{
    return or_end(realloc(old, bytes));
}

char *memory_copy(const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(memory_get(bytes), text, bytes);
}

void *arena_get(struct arena *arena, size_t bytes)
{
    struct arena_chunk *chunk = arena->chunks;
    void *memory;

    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (!chunk || chunk->room - chunk->used < bytes) {
        size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;

        chunk = memory_get(sizeof(*chunk) + room);
        chunk->next = arena->chunks;
        chunk->used = 0;
        chunk->room = room;
        arena->chunks = chunk;
    }
    memory = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memory;
}

char *arena_copy(struct arena *arena, const char *text, size_t bytes)
{
    char *copy = arena_get(arena, bytes + 1);

    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *next = arena->chunks->next;

        free(arena->chunks);
        arena->chunks = next;
    }
}

/* Room for so many more, and the NUL. */
static void make_room(struct buffer *buffer, size_t count)
{
    size_t room = buffer->room ? buffer->room : BUFFER_FIRST;

    while (room - buffer->used <= count) {
        room *= 2;
    }
    if (room != buffer->room) {
        buffer->at = memory_resize(buffer->at, room);
        buffer->room = room;
    }
}

void buffer_insert(struct buffer *buffer, size_t position, const char *bytes, size_t count)
{
    make_room(buffer, count);
    memmove(buffer->at + position + count, buffer->at + position, buffer->used - position);
    if (count > 0) {
        memcpy(buffer->at + position, bytes, count);
    }
    buffer->used += count;
    buffer->at[buffer->used] = '\0';
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t count)
{
    buffer_insert(buffer, buffer->used, bytes, count);
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
    buffer_add(buffer, text, strlen(text));
}

/* As printf writes it. */
void buffer_add_format(struct buffer *buffer, const char *format, va_list arguments)
{
    va_list again;
    int bytes;

    va_copy(again, arguments);
    bytes = vsnprintf(NULL, 0, format, arguments);
    if (bytes > 0) {
        make_room(buffer, (size_t)bytes);
        vsnprintf(buffer->at + buffer->used, (size_t)bytes + 1, format, again);
        buffer->used += (size_t)bytes;
    }
    va_end(again);
}

void buffer_add_char(struct buffer *buffer, char c)
{
    buffer_add(buffer, &c, 1);
}

void buffer_remove(struct buffer *buffer, size_t position, size_t count)
{
    if (count > 0) {
        buffer->used -= count;
        memmove(buffer->at + position, buffer->at + position + count, buffer->used - position);
        buffer->at[buffer->used] = '\0';
    }
}

/* text may not be the buffer's own. */
void buffer_set(struct buffer *buffer, const char *text)
{
    buffer_cut(buffer, 0);
    buffer_add_text(buffer, text);
}

/* used: not more than there are. */
void buffer_cut(struct buffer *buffer, size_t used)
{
    buffer_remove(buffer, used, buffer->used - used);
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->at ? buffer->at : "";
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->at);
    *buffer = (struct buffer){0};
}

void strings_add(struct strings *strings, char *text)
{
    if (strings->used + 1 >= strings->room) {
        strings->room = strings->room ? strings->room * 2 : STRINGS_FIRST;
        strings->at = memory_resize(strings->at, strings->room * sizeof(char *));
    }
    strings->at[strings->used++] = text;
    strings->at[strings->used] = NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Those from `from` on, by their bytes. */
void strings_sort(struct strings *strings, size_t from)
{
    if (strings->used - from > 1) {
        qsort(strings->at + from, strings->used - from, sizeof(char *), compare);
    }
}

void strings_free(struct strings *strings)
{
    free(strings->at);
    *strings = (struct strings){0};
}

void strings_free_texts(struct strings *strings)
{
    for (size_t i = 0; i < strings->used; i++) {
        free(strings->at[i]);
    }
    strings_free(strings);
}
