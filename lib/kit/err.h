/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Why a function of ours failed.  0 is success.  One place in hv turns these into SBI errors; they
 * never cross an ABI themselves.
 */
enum err {
    ERR_OK = 0,
    ERR_INVAL = -1,    /* an argument is outside its range */
    ERR_NOMEM = -2,    /* no frame, no object */
    ERR_NOENT = -3,    /* no such thing at this name or address */
    ERR_PERM = -4,     /* it is there, but this is not allowed */
    ERR_QUOTA = -5,    /* a limit of the caller's tree is reached */
    ERR_CHILD = -6,    /* no such process or child */
    ERR_INTR = -7,     /* ended early: an interrupt pends */
    ERR_NOSUPP = -8,   /* not implemented */
    ERR_FAULT = -9,    /* an address of the caller cannot be accessed */
    ERR_STATE = -10,   /* not in this state */
    ERR_FORMAT = -11,  /* an image or a table is malformed */
    ERR_BUSY = -12,    /* something is in flight; the caller is woken when it is over */
    ERR_TIMEOUT = -13, /* it did not happen in time */
};
