/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Spaces beside plain arrays that say what each page of them holds, and what a fault does to them.
 *
 * A page holds a number at its beginning.  Shared pages are cells, which several spaces have.
 */
#include "lib/kit/spinlock.h"

#include "hv/space.h"

#define MODELS    6
#define PAGES_MAX 1536

struct model {
    bool is_live;
    struct spinlock lock; /* for tests with threads */
    struct space space;
    u64 value[PAGES_MAX]; /* 0: it is not there */
    u8 cell[PAGES_MAX];   /* not 0: the value is in a cell */
};

extern struct model models[MODELS];
extern u64 model_pages; /* of each space */

/* Before the next node is handed out: called once, if not NULL; after so many nodes there is no
 * more. */
extern void (*model_before_node)(void);
extern u64 model_nodes_left;

/* A space without pages; what the model had is given back. */
void model_begin(struct model *model);
void model_release(struct model *model);
void model_release_all(void);
void model_fork(struct model *child, struct model *parent);

/* The word of a page, by its entry. */
u64 *model_word(u64 entry);

/* As a fault would: first touch, takeover or copy.  False: no memory, and nothing changed. */
bool model_write(struct model *model, u64 page, u64 value);
/* Does nothing to a page that is not there. */
void model_share(struct model *model, u64 page);
/* The page is gone. */
void model_drop(struct model *model, u64 page);

/* One page is what it has to be; or every count and page of all models, when all that waits has
 * been freed. */
void model_check_page(const struct model *model, u64 page);
void model_check_all(void);
