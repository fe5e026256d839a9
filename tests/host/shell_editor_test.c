/* SPDX-License-Identifier: BSD-2-Clause */
/* What is typed, what the screen then shows, and what line it comes to. */
#include <stdio.h>
#include <string.h>

#include "guest/shell/editor.h"
#include "guest/shell/utf8.h"

#include "tests/host/screen.h"
#include "tests/test.h"

#define UP     "\033[A"
#define DOWN   "\033[B"
#define RIGHT  "\033[C"
#define LEFT   "\033[D"
#define HOME   "\033[H"
#define END    "\033[F"
#define DELETE "\033[3~"

#define LINE_MOST 100 /* it must not be more rows than the screen's, with a search's prompt */

static struct editor editor;
static struct history history;
static struct screen screen;
static enum edit_event event;

/* Candidates of the tests: what begins so. */
static void complete(void *context, const char *line, size_t cursor, struct completion *completion)
{
    static const char *const words[] = {"cat", "cd", "clear", "catalogue"};
    size_t from = cursor;

    (void)context;
    while (from > 0 && line[from - 1] != ' ') {
        from--;
    }
    completion->from = from;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strncmp(words[i], line + from, cursor - from) == 0) {
            strings_add(&completion->shown, memory_copy(words[i]));
        }
    }
    if (completion->shown.used == 1) {
        buffer_add_text(&completion->common, completion->shown.at[0]);
        completion->behind = " ";
    } else if (completion->shown.used > 0) {
        buffer_add_text(
            &completion->common,
            strncmp("cat", line + from, cursor - from) == 0 && cursor - from >= 2 ? "cat" : "c");
    }
}

static void type(const char *keys)
{
    event = EDIT_MORE;
    for (; *keys && event == EDIT_MORE; keys++) {
        event = edit_byte(&editor, (u8)*keys);
        screen_write(&screen, editor.screen.at ? editor.screen.at : "", editor.screen.used);
        buffer_cut(&editor.screen, 0);
    }
    CHECK(*keys == '\0');
}

static void begin(unsigned columns)
{
    edit_free(&editor);
    history_free(&history);
    editor = (struct editor){.history = &history, .complete = complete};
    screen_begin(&screen, columns);
    edit_begin(&editor, "$ ", columns);
    type("");
    screen_write(&screen, editor.screen.at, editor.screen.used);
    buffer_cut(&editor.screen, 0);
}

static void end(void)
{
    edit_free(&editor);
    history_free(&history);
    editor = (struct editor){0};
}

/* keys on an empty line of 20 columns: the screen with the cursor, and the line. */
static void expect(const char *keys, const char *shown, const char *line)
{
    begin(20);
    history_add(&history, "first");
    history_add(&history, "second line");
    editor.shown = history.count;
    type(keys);
    CHECK_STR(screen_text(&screen, true), shown);
    CHECK_STR(buffer_text(&editor.line), line);
    end();
}

TEST(editor_types_and_moves)
{
    expect("", "$ _|", "");
    expect("ab", "$ ab_|", "ab");
    expect("ac" LEFT "b", "$ ab_c|", "abc");
    expect("bc" HOME "a", "$ a_bc|", "abc");
    expect("bc\001a\005d", "$ abcd_|", "abcd");
    expect("ac\002b\006d", "$ abcd_|", "abcd");
    expect(LEFT RIGHT UP DOWN "a" RIGHT "b", "$ ab_|", "ab");
    expect("ab\033OHx\033OFy\033[1~z\033[4~.", "$ zxaby._|", "zxaby.");
    expect("one two\033b\033b_\033f-", "$ _one-_ two|", "_one- two");
}

TEST(editor_removes)
{
    expect("abc\177", "$ ab_|", "ab");
    expect("abc" LEFT "\177", "$ a_c|", "ac");
    expect("abc" LEFT DELETE, "$ ab_|", "ab");
    expect("abc\001\004", "$ _bc|", "bc");
    expect("\177\b" DELETE, "$ _|", "");
    expect("one two" LEFT LEFT "\013", "$ one t_|", "one t");
    expect("one two" LEFT LEFT "\025", "$ _wo|", "wo");
    expect("one two-x\027", "$ one _|", "one ");
    expect("one two\033\177", "$ one _|", "one ");
    expect("one two\001\033d", "$ _ two|", " two");
    expect("one two\027\031\031", "$ one twotwo_|", "one twotwo");
    expect("ab\024", "$ ba_|", "ba");
    expect("abc" LEFT "\024", "$ acb_|", "acb");
    expect("a\024", "$ a_|", "a");
    expect("ab\001\024", "$ _ab|", "ab");
}

TEST(editor_ends)
{
    expect("abc" LEFT LEFT "\r", "$ abc|_|", "abc");
    CHECK_EQ(event, EDIT_LINE);
    expect("abc\003", "$ abc^C|_|", "abc");
    CHECK_EQ(event, EDIT_CANCEL);
    expect("\004", "$ _|", "");
    CHECK_EQ(event, EDIT_END);
    expect("a" LEFT "\004", "$ _|", "");
    CHECK_EQ(event, EDIT_MORE);
}

TEST(editor_wraps)
{
    expect("abcdefghijklmnopqr", "$ abcdefghijklmnopqr|_|", "abcdefghijklmnopqr");
    expect("abcdefghijklmnopqrst", "$ abcdefghijklmnopqr|st_|", "abcdefghijklmnopqrst");
    expect("abcdefghijklmnopqrst\177\177", "$ abcdefghijklmnopqr|_|", "abcdefghijklmnopqr");
    expect("abcdefghijklmnopqrst\177\177\177", "$ abcdefghijklmnopq_|", "abcdefghijklmnopq");
    expect("bcdefghijklmnopqrst" HOME "a", "$ a_bcdefghijklmnopqr|st|", "abcdefghijklmnopqrst");
    expect("abcdefghijklmnopqrst" HOME "\r", "$ abcdefghijklmnopqr|st|_|", "abcdefghijklmnopqrst");
    expect("abcdefghijklmnopqrst\025", "$ _|", "");
    expect("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV" HOME RIGHT RIGHT "\013", "$ ab_|",
           "ab");
}

TEST(editor_knows_utf8)
{
    expect("a\303\244b" LEFT LEFT "x", "$ ax_\303\244b|", "ax\303\244b");
    expect("a\303\244b" LEFT "\177", "$ a_b|", "ab");
    expect("\346\227\245\346\234\254\177", "$ \346\227\245_|", "\346\227\245");
    expect("a\303\303\244\244\377b", "$ a\303\244b_|", "a\303\244b");
    /* longer than need be, a surrogate, behind the last one, a control character */
    expect("a\340\200\201\355\240\200\364\220\200\200\302\205b", "$ ab_|", "ab");
    /* a wide character is not parted at a row's end */
    expect("abcdefghijklmnopq\346\227\245x", "$ abcdefghijklmnopq|\346\227\245x_|",
           "abcdefghijklmnopq\346\227\245x");
}

TEST(editor_ignores_keys_that_it_does_not_know)
{
    expect("a\033[15~\033[1;2P\033x\033[Z\001b\016", "$ b_a|", "ba");
}

TEST(editor_shows_history)
{
    expect(UP, "$ second line_|", "second line");
    expect(UP UP UP, "$ first_|", "first");
    expect("new" UP UP DOWN DOWN DOWN, "$ new_|", "new");
    expect("new\020\020\016", "$ second line_|", "second line");
}

TEST(editor_searches_history)
{
    expect("\022", "(search) '': _|", "");
    expect("\022s", "(search) 's': _second| line|", "second line");
    expect("\022s\022", "(search) 's': fir_st|", "first");
    expect("\022i\022\033[D", "$ _first|", "first");
    expect("\022zz", "(not found) 'zz': _|", "");
    expect("new\022s\007", "$ new_|", "new");
    expect("\022fi\r", "$ first|_|", "first");
    expect("\022fi\177e", "(not found) 'fe': _fi|rst|", "first");
}

TEST(editor_clears_the_screen)
{
    begin(20);
    screen_write(&screen, "old\nold", 7);
    type("ab" LEFT "\014c");
    CHECK_STR(screen_text(&screen, true), "$ ac_b|");
    end();
}

TEST(editor_completes)
{
    expect("cl\t", "$ clear _|", "clear ");
    expect("x cl\ty", "$ x clear y_|", "x clear y");
    expect("cax" LEFT "\t", "$ cat_x|", "catx");
    expect("ca\t", "$ cat_|", "cat");
    expect("y\t\t", "$ y_|", "y");
}

TEST(editor_lists_at_the_second_tab)
{
    expect("c\t", "$ c_|", "c");
    expect("c\t\t", "$ c|cat  clear|cd   catalogue|$ c_|", "c");
    expect("c\t\t\177x", "$ c|cat  clear|cd   catalogue|$ x_|", "x");
    expect("c\tb\177\t", "$ c_|", "c");
}

static bool same_row(const struct screen *a, unsigned row_a, const struct screen *b, unsigned row_b)
{
    for (unsigned i = 0; i < a->columns; i++) {
        u32 cell_a = a->cells[row_a][i], cell_b = b->cells[row_b][i];

        if ((cell_a ? cell_a : ' ') != (cell_b ? cell_b : ' ')) {
            return false;
        }
    }
    return true;
}

/* Prompt and line, written in one go, look the same, and the cursor is where it should be. */
static void check_screen(void)
{
    const char *line = buffer_text(&editor.line);
    unsigned first = screen.row - editor.row;
    struct screen plain;

    screen_begin(&plain, screen.columns);
    screen_write(&plain, editor.prompt, strlen(editor.prompt));
    screen_write(&plain, line, editor.cursor);
    if (plain.pending) {
        screen_write(&plain, "\n", 1);
    }
    CHECK_EQ(plain.row, editor.row);
    CHECK_EQ(plain.column, screen.column);
    screen_begin(&plain, screen.columns);
    screen_write(&plain, editor.prompt, strlen(editor.prompt));
    screen_write(&plain, line, editor.line.used);
    for (unsigned row = 0; first + row < SCREEN_ROWS; row++) {
        if (!same_row(&screen, first + row, &plain, row)) {
            printf("row %u of %s\n", row, screen_text(&screen, true));
            FAIL("it is not %s", screen_text(&plain, false));
        }
    }
}

FUZZ(editor)
{
    if (size == 0) {
        return 0;
    }
    begin(20 + bytes[0] % 20);
    history_add(&history, "some line that is longer than a row is");
    editor.shown = history.count;
    for (size_t i = 1; i < size; i++) {
        event = edit_byte(&editor, bytes[i]);
        screen_write(&screen, buffer_text(&editor.screen), editor.screen.used);
        buffer_cut(&editor.screen, 0);
        CHECK(editor.cursor <= editor.line.used);
        if (event != EDIT_MORE || editor.line.used > LINE_MOST) {
            history_add(&history, buffer_text(&editor.line));
            screen_begin(&screen, screen.columns);
            edit_begin(&editor, "$ ", screen.columns);
            screen_write(&screen, editor.screen.at, editor.screen.used);
            buffer_cut(&editor.screen, 0);
        }
        check_screen();
    }
    end();
    return 0;
}

FUZZ_SEEDS(editor)
{
    static const char keys[] = "xabc\033[D\033[A\177\t\t\022a\r\001\013\303\244" UP "\025\024\027";

    fuzz_seed(keys, sizeof(keys) - 1);
}
