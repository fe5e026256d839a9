/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A line from the terminal, by the editor.  Only while it reads are echo, lines and signals of the
 * terminal off: commands find it as usual.
 */
#include "guest/shell/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#define COLUMNS_USUAL 80
#define COLUMNS_MOST  1000

unsigned terminal_columns(const struct shell *shell)
{
    const char *text = shell_variable(shell, "COLUMNS", "");
    char *end;
    unsigned long columns = strtoul(text, &end, 10);

    return end != text && *end == '\0' && columns > 0 && columns <= COLUMNS_MOST ? (unsigned)columns
                                                                                 : COLUMNS_USUAL;
}

static void show(struct editor *editor, struct io io)
{
    const char *text = buffer_text(&editor->screen);
    size_t left = editor->screen.used;

    while (left > 0) {
        ssize_t written = write(io.out, text, left);

        if (written <= 0 && errno != EINTR) {
            break;
        }
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    buffer_cut(&editor->screen, 0);
}

/* Byte by byte: what is behind the line's end is for commands, or the next line. */
static enum edit_event read_keys(struct editor *editor, struct io io)
{
    enum edit_event event = EDIT_MORE;

    while (event == EDIT_MORE) {
        char byte;
        ssize_t count;

        show(editor, io);
        count = read(io.in, &byte, 1);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        event = count == 1 ? edit_byte(editor, (u8)byte) : EDIT_END;
    }
    show(editor, io);
    return event;
}

/* The line is editor->line. */
enum edit_event terminal_read(struct editor *editor, const struct shell *shell, struct io io,
                              const char *prompt)
{
    struct termios usual, raw;
    bool set = tcgetattr(io.in, &usual) == 0;
    enum edit_event event;

    if (set) {
        raw = usual;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
        raw.c_iflag &= ~(tcflag_t)ICRNL;
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        set = tcsetattr(io.in, TCSADRAIN, &raw) == 0;
    }
    edit_begin(editor, prompt, terminal_columns(shell));
    event = read_keys(editor, io);
    if (set) {
        tcsetattr(io.in, TCSADRAIN, &usual);
    }
    return event;
}
