/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What picolibc's <termios.h> includes: terminals, by guest/libc/termios.c.  Values are Linux's. */

typedef unsigned int tcflag_t;
typedef unsigned char cc_t;
typedef unsigned int speed_t;

#define NCCS 32

struct termios {
    tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
    cc_t c_cc[NCCS];
};

/* c_iflag */
#define BRKINT 0x0002
#define INPCK  0x0010
#define ISTRIP 0x0020
#define ICRNL  0x0100 /* honoured */
#define IXON   0x0400

/* c_oflag */
#define OPOST 0x0001
#define ONLCR 0x0004

/* c_cflag */
#define CSIZE 0x0030
#define CS8   0x0030
#define CREAD 0x0080

/* c_lflag */
#define ISIG   0x0001 /* honoured: ^C */
#define ICANON 0x0002 /* honoured */
#define ECHO   0x0008 /* honoured */
#define ECHOE  0x0010
#define ECHOK  0x0020
#define ECHONL 0x0040
#define IEXTEN 0x8000

/* c_cc */
#define VINTR  0
#define VQUIT  1
#define VERASE 2
#define VKILL  3
#define VEOF   4
#define VTIME  5
#define VMIN   6

#define TCSANOW   0
#define TCSADRAIN 1
#define TCSAFLUSH 2
#define TCIFLUSH  0
#define TCOFLUSH  1
#define TCIOFLUSH 2

#ifdef __cplusplus
extern "C" {
#endif

int tcgetattr(int fd, struct termios *to);
int tcsetattr(int fd, int when, const struct termios *from);
int tcflush(int fd, int what);
int tcdrain(int fd);

#ifdef __cplusplus
}
#endif
