/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A circular doubly linked list whose nodes are members of what they link.  An empty list and an
 * unlinked node both point to themselves, so that list_del is always allowed.
 */
#include "lib/kit/types.h"

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list;
    list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

/* Inserts node before `at`: at the tail, if `at` is the head. */
static inline void list_add_tail(struct list *at, struct list *node)
{
    node->next = at;
    node->prev = at->prev;
    at->prev->next = node;
    at->prev = node;
}

/* Unlinks node and leaves it unlinked. */
static inline void list_del(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

#define list_for_each(it, head) for ((it) = (head)->next; (it) != (head); (it) = (it)->next)

/* `it` may be unlinked by the body; next must not be. */
#define list_for_each_safe(it, after, head)                         \
    for ((it) = (head)->next, (after) = (it)->next; (it) != (head); \
         (it) = (after), (after) = (it)->next)
