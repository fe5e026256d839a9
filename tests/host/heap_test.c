/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap against an array that is searched, with its invariants checked after every step. */
#include "lib/kit/heap.h"

#include "tests/test.h"

#define NODES  200
#define ROUNDS 20000

static struct heap heap;
static struct heap_node nodes[NODES];
static u32 queued; /* model: numbers of the nodes in the heap, in order of arrival */
static u32 order[NODES];

/* The first of the model, as an index of `order`. */
static u32 model_first(void)
{
    u32 first = 0;

    for (u32 i = 1; i < queued; i++) {
        if ((s64)(nodes[order[i]].key - nodes[order[first]].key) < 0)
            first = i;
    }
    return first;
}

static void model_remove(u32 at)
{
    queued--;
    for (; at < queued; at++) {
        order[at] = order[at + 1];
    }
}

/* Counts the nodes below and including `node`. */
static u32 check_subtree(const struct heap_node *node, const struct heap_node *parent)
{
    u32 left_rank, right_rank;

    if (node == NULL)
        return 0;
    CHECK(node->parent == parent);
    CHECK(parent == NULL || !heap_key_before(node->key, parent->key));
    left_rank = node->left == NULL ? 0 : node->left->rank;
    right_rank = node->right == NULL ? 0 : node->right->rank;
    CHECK(left_rank >= right_rank);
    CHECK_EQ(node->rank, right_rank + 1);
    return 1 + check_subtree(node->left, node) + check_subtree(node->right, node);
}

static void check(void)
{
    CHECK_EQ(check_subtree(heap_first(&heap), NULL), queued);
    if (queued != 0)
        CHECK(heap_first(&heap) == &nodes[order[model_first()]]);
}

static void add(u32 n, u64 key)
{
    heap_add(&heap, &nodes[n], key);
    order[queued++] = n;
}

static bool is_queued(u32 n)
{
    for (u32 i = 0; i < queued; i++) {
        if (order[i] == n)
            return true;
    }
    return false;
}

static void begin(void)
{
    heap_init(&heap);
    queued = 0;
}

/* Random additions and removals, of keys from base to base + range. */
static void run_trace(u64 base, u64 range, u64 seed)
{
    begin();
    for (u32 i = 0; i < ROUNDS; i++) {
        u32 n = (u32)(test_random(&seed) % NODES);

        if (!is_queued(n)) {
            add(n, base + test_random(&seed) % range);
        } else if (test_random(&seed) % 2 == 0) {
            u32 first = model_first();

            heap_remove(&heap, heap_first(&heap));
            model_remove(first);
        } else {
            u32 at = 0;

            while (order[at] != n) {
                at++;
            }
            heap_remove(&heap, &nodes[n]);
            model_remove(at);
        }
        check();
    }
}

TEST(heap_is_empty_at_first_and_after_the_last)
{
    begin();
    CHECK(heap_first(&heap) == NULL);
    add(0, 7);
    check();
    heap_remove(&heap, &nodes[0]);
    CHECK(heap_first(&heap) == NULL);
}

TEST(heap_random_trace)
{
    run_trace(0, 1 << 20, 1);
}

TEST(heap_random_trace_with_many_equal_keys)
{
    run_trace(0, 3, 2);
}

TEST(heap_random_trace_across_the_wrap)
{
    run_trace(UINT64_MAX - 500, 1000, 3);
    run_trace((1ULL << 63) - 500, 1000, 4);
}

TEST(heap_gives_equal_keys_in_order_of_arrival)
{
    begin();
    for (u32 i = 0; i < NODES; i++) {
        add(i, 5);
    }
    for (u32 i = 0; i < NODES; i++) {
        CHECK(heap_first(&heap) == &nodes[i]);
        heap_remove(&heap, &nodes[i]);
    }
}

/* Sorted input is what makes a plain tree degenerate. */
TEST(heap_right_path_is_short_whatever_the_order)
{
    for (u32 falling = 0; falling < 2; falling++) {
        u32 length = 0;

        begin();
        for (u32 i = 0; i < NODES; i++) {
            add(i, falling ? NODES - i : i);
        }
        check();
        for (const struct heap_node *n = heap_first(&heap); n != NULL; n = n->right) {
            length++;
        }
        CHECK(length <= 7); /* 2^7 - 1 <= 200 < 2^8 - 1 */
    }
}
