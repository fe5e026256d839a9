/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for a word: a table of buckets, found by hashing what identifies the word.
 *
 *     blocked       the waiter is in the vCPU; the call is served again when that is woken, and
 *                   sees what came of it: woken, out of time, or an interrupt of the guest's
 *     registered    the waiter is a cell; a wake-up is an event of the process
 *
 * Invariant, under the bucket's lock: a waiter is in the bucket of its key exactly if its word was
 * as expected when it came and nobody has woken it since.  The word is compared under that lock, so
 * whoever changes it and then wakes finds the waiter, or the waiter finds the change.
 *
 * A blocked call never returns to the guest and comes again: its time goes on, and it keeps its
 * place in the bucket.  A fork copies no waiter, since a child's vCPUs begin without.  Where the
 * words of a VM become others, by share and unshare, all its waiters are woken in vain.
 */
#include "hv/futex.h"

#include "lib/kit/spinlock.h"
#include "sbi/proc.h"

#include "hv/cell.h"
#include "hv/proc.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/vm.h"

#define BUCKETS    1024U
#define HASH_SHIFT 54 /* 64 less the bits of BUCKETS */

static struct bucket {
    struct spinlock lock;
    struct list waiters;
} buckets[BUCKETS];

struct registration {
    struct waiter waiter;
    struct vm *vm;
    struct list node; /* among vm's */
};
_Static_assert(sizeof(struct registration) <= CELL_BYTES, "a registration is a cell");

void futex_init(void)
{
    for (u32 i = 0; i < BUCKETS; i++)
        list_init(&buckets[i].waiters);
}

static struct bucket *bucket_of(const struct word_key *key)
{
    u64 mixed = (key->where >> 2 ^ (u64)key->who >> 4) * 0x9e3779b97f4a7c15UL;

    return &buckets[mixed >> HASH_SHIFT];
}

static bool is_same(const struct word_key *a, const struct word_key *b)
{
    return a->where == b->where && a->who == b->who;
}

static struct waiter *waiter_of(struct list *node)
{
    return container_of(node, struct waiter, node);
}

/*
 * Locks the word's bucket; *value is the word, *key names it, and both are true while the lock is
 * held, but for what guests store.  An error: nothing is locked.
 */
static enum err lock_word(struct vm *vm, gpa_t gpa, u32 *value, struct word_key *key)
{
    struct word_key before;
    enum err err = gstage_word(&vm->gs, gpa, value, &before);

    while (err == ERR_OK) {
        spin_lock(&bucket_of(&before)->lock);
        if (vm->vcpus == 1) { /* nobody else changes what its words are, or private ones */
            if (before.who == NULL)
                *value = __atomic_load_n((const u32 *)before.where, __ATOMIC_ACQUIRE);
            *key = before;
            return ERR_OK;
        }
        err = gstage_word(&vm->gs, gpa, value, key);
        if (err == ERR_OK && is_same(key, &before))
            return ERR_OK;
        spin_unlock(&bucket_of(&before)->lock);
        before = *key;
    }
    return err;
}

/* The bucket's lock is held. */
static void enqueue(struct waiter *waiter, const struct word_key *key, struct vcpu *vcpu)
{
    waiter->key = *key;
    waiter->vcpu = vcpu;
    list_add_tail(&bucket_of(key)->waiters, &waiter->node);
}

/* ---- blocked ---- */

static u64 deadline_after(u64 timeout)
{
    u64 now = timer_now();

    return timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
}

static enum err begin(struct vcpu *vcpu, gpa_t gpa, u32 expected, u64 timeout)
{
    struct word_wait *wait = &vcpu->word;
    struct word_key key;
    u32 value;
    enum err err = lock_word(vcpu->vm, gpa, &value, &key);

    if (err != ERR_OK)
        return err;
    if (value == expected) {
        err = vcpu_has_interrupt(vcpu) ? ERR_INTR : ERR_STATE;
        if (err == ERR_STATE) {
            enqueue(&wait->waiter, &key, vcpu);
            wait->state = WORD_WAITING;
            wait->deadline = deadline_after(timeout);
        }
    }
    spin_unlock(&bucket_of(&key)->lock);
    return err;
}

/* A wake-up counts more than what came behind it. */
static enum err go_on(struct vcpu *vcpu)
{
    struct word_wait *wait = &vcpu->word;
    struct bucket *bucket = bucket_of(&wait->waiter.key);
    u64 now = timer_now();
    enum err err = ERR_STATE;

    timer_serve(vcpu, now);
    spin_lock(&bucket->lock);
    if (wait->state == WORD_WOKEN)
        err = ERR_OK;
    else if (wait->deadline <= now)
        err = ERR_TIMEOUT;
    else if (vcpu_has_interrupt(vcpu))
        err = ERR_INTR;
    if (err != ERR_STATE) {
        list_del(&wait->waiter.node);
        wait->state = WORD_IDLE;
    }
    spin_unlock(&bucket->lock);
    return err;
}

/* ---- registered ---- */

/* The bucket's lock is held. */
static bool is_registered(const struct vm *vm, const struct word_key *key)
{
    struct list *node;

    list_for_each(node, &bucket_of(key)->waiters) {
        struct waiter *waiter = waiter_of(node);

        if (waiter->vcpu == NULL && is_same(&waiter->key, key) &&
            container_of(waiter, struct registration, waiter)->vm == vm)
            return true;
    }
    return false;
}

/* The bucket's lock is held. */
static enum err add_registration(struct vm *vm, const struct word_key *key)
{
    struct registration *made;
    enum err err = ERR_OK;

    spin_lock(&vm->words.lock);
    made = vm->words.count < PROC_WAITERS_MAX ? cell_alloc() : NULL;
    if (made != NULL) {
        made->vm = vm;
        enqueue(&made->waiter, key, NULL);
        list_add_tail(&vm->words.list, &made->node);
        vm->words.count++;
    } else {
        err = vm->words.count < PROC_WAITERS_MAX ? ERR_NOMEM : ERR_QUOTA;
    }
    spin_unlock(&vm->words.lock);
    return err;
}

static enum err register_once(struct vm *vm, gpa_t gpa, u32 expected)
{
    struct word_key key;
    u32 value;
    enum err err = lock_word(vm, gpa, &value, &key);

    if (err != ERR_OK)
        return err;
    if (value == expected && !is_registered(vm, &key))
        err = add_registration(vm, &key);
    spin_unlock(&bucket_of(&key)->lock);
    return err;
}

/* Its bucket's lock is held. */
static void remove_registration(struct registration *gone)
{
    struct vm *vm = gone->vm;

    list_del(&gone->waiter.node);
    spin_lock(&vm->words.lock);
    list_del(&gone->node);
    vm->words.count--;
    spin_unlock(&vm->words.lock);
    cell_free(gone);
}

/* ---- the calls ---- */

enum err futex_wait_on(struct vcpu *vcpu, gpa_t gpa, u32 expected, u64 timeout, u64 *deadline)
{
    enum err err;

    if (gpa.v % sizeof(u32) != 0)
        return ERR_INVAL;
    if (timeout == 0)
        return register_once(vcpu->vm, gpa, expected);
    err = vcpu->word.state == WORD_IDLE ? begin(vcpu, gpa, expected, timeout) : go_on(vcpu);
    *deadline = vcpu->word.deadline;
    return err;
}

/* Its bucket's lock is held, so that the VM, which forgets its waiters before it goes, stays. */
static void wake(struct waiter *waiter)
{
    struct vm *vm;

    if (waiter->vcpu != NULL) {
        list_del(&waiter->node);
        waiter->vcpu->word.state = WORD_WOKEN;
        sched_wake(waiter->vcpu);
        return;
    }
    vm = container_of(waiter, struct registration, waiter)->vm;
    remove_registration(container_of(waiter, struct registration, waiter));
    proc_word_woken(vm);
}

/* The bucket's lock is held.  How many of at most n there were. */
static u64 wake_some(const struct word_key *key, u64 n)
{
    struct list *node, *after;
    u64 woken = 0;

    list_for_each_safe(node, after, &bucket_of(key)->waiters) {
        if (woken == n)
            break;
        if (is_same(&waiter_of(node)->key, key)) {
            wake(waiter_of(node));
            woken++;
        }
    }
    return woken;
}

void futex_wake_shared(const struct word_key *key)
{
    struct bucket *bucket = bucket_of(key);

    spin_lock(&bucket->lock);
    wake_some(key, UINT64_MAX);
    spin_unlock(&bucket->lock);
}

enum err futex_wake(struct vcpu *vcpu, gpa_t gpa, u64 n, u64 *woken)
{
    struct word_key key;
    u32 value;
    enum err err;

    *woken = 0;
    if (gpa.v % sizeof(u32) != 0)
        return ERR_INVAL;
    err = lock_word(vcpu->vm, gpa, &value, &key);
    if (err != ERR_OK)
        return err;
    *woken = wake_some(&key, n);
    spin_unlock(&bucket_of(&key)->lock);
    vcpu_take_pending(vcpu);
    return ERR_OK;
}

/* The bucket's lock is held.  The VM's first registration may be another one by now. */
static void end_first(struct vm *vm, const struct bucket *bucket, void (*end)(struct waiter *))
{
    struct registration *first = NULL;

    spin_lock(&vm->words.lock);
    if (!list_empty(&vm->words.list))
        first = container_of(vm->words.list.next, struct registration, node);
    spin_unlock(&vm->words.lock);
    if (first != NULL && bucket_of(&first->waiter.key) == bucket)
        end(&first->waiter);
}

/* Calls `end` for each waiter of the VM, which gets no new ones, with its bucket locked. */
static void for_each_waiter(struct vm *vm, void (*end)(struct waiter *))
{
    struct list *list = &vm->words.list;

    for (u32 i = 0; i < vm->vcpus; i++) {
        struct word_wait *wait = &vm->vcpu[i]->word;
        struct bucket *bucket = bucket_of(&wait->waiter.key);

        spin_lock(&bucket->lock);
        if (wait->state == WORD_WAITING)
            end(&wait->waiter);
        spin_unlock(&bucket->lock);
    }
    while (__atomic_load_n(&vm->words.count, __ATOMIC_ACQUIRE) != 0) {
        struct bucket *bucket = NULL;

        spin_lock(&vm->words.lock);
        if (!list_empty(list))
            bucket = bucket_of(&container_of(list->next, struct registration, node)->waiter.key);
        spin_unlock(&vm->words.lock);
        if (bucket == NULL)
            continue;
        spin_lock(&bucket->lock);
        end_first(vm, bucket, end);
        spin_unlock(&bucket->lock);
    }
}

void futex_wake_all(struct vm *vm)
{
    for_each_waiter(vm, wake);
}

static void forget(struct waiter *waiter)
{
    if (waiter->vcpu == NULL) {
        remove_registration(container_of(waiter, struct registration, waiter));
        return;
    }
    list_del(&waiter->node);
    waiter->vcpu->word.state = WORD_IDLE;
}

void futex_forget(struct vm *vm)
{
    for_each_waiter(vm, forget);
    for (u32 i = 0; i < vm->vcpus; i++)
        vm->vcpu[i]->word.state = WORD_IDLE;
}
