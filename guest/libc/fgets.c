/* SPDX-License-Identifier: BSD-2-Clause */
/* picolibc 1.8 loses a last line that has no newline: it gives NULL for it. */
#include <stdio.h>

char *fgets(char *restrict to, int bytes, FILE *restrict file)
{
    char *next = to;
    int c = 0;

    if (bytes < 1) {
        return NULL;
    }
    while (next < to + bytes - 1 && c != '\n') {
        c = getc(file);
        if (c == EOF) {
            break;
        }
        *next++ = (char)c;
    }
    *next = '\0';
    return (c == EOF && next == to) || ferror(file) ? NULL : to;
}
