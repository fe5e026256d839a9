/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in columns as ls has them on a terminal: down each column, as many columns as fit, each as
 * wide as its widest name and two blanks between them.
 */
#include "guest/shell/columns.h"

#include <string.h>

#include "guest/shell/utf8.h"

#define GAP 2

static unsigned width_of(const char *name)
{
    return utf8_columns(name, strlen(name));
}

static unsigned column_width(char *const *names, size_t count, size_t rows, size_t column)
{
    unsigned widest = 0;

    for (size_t i = column * rows; i < count && i < (column + 1) * rows; i++) {
        unsigned width = width_of(names[i]);

        widest = width > widest ? width : widest;
    }
    return widest;
}

static bool fits(char *const *names, size_t count, size_t rows, unsigned width)
{
    size_t columns = (count + rows - 1) / rows, used = 0;

    for (size_t column = 0; column < columns && used <= width; column++) {
        used += column_width(names, count, rows, column) + (column + 1 < columns ? GAP : 0);
    }
    return used < width;
}

static void add_row(struct buffer *to, char *const *names, size_t count, size_t rows, size_t row)
{
    for (size_t i = row, column = 0; i < count; i += rows, column++) {
        buffer_add_text(to, names[i]);
        if (i + rows < count) {
            unsigned missing = column_width(names, count, rows, column) + GAP - width_of(names[i]);

            while (missing-- > 0) {
                buffer_add_char(to, ' ');
            }
        }
    }
    buffer_add_char(to, '\n');
}

void columns_format(struct buffer *to, char *const *names, size_t count, unsigned width)
{
    size_t rows = 1;

    while (rows < count && !fits(names, count, rows, width)) {
        rows++;
    }
    for (size_t row = 0; row < rows && row < count; row++) {
        add_row(to, names, count, rows, row);
    }
}
