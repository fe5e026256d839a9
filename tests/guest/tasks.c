/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks that run until they wait, in order of arrival: so everything here happens in one order
 * only, and that is asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/kit/types.h"

#include "guest/args.h"
#include "guest/sync.h"
#include "guest/task.h"
#include "guest/timer.h"

static int failures;

#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) {                                       \
            printf("tasks: line %d: %s\n", __LINE__, #condition); \
            failures++;                                           \
        }                                                         \
    } while (0)

#define MS 1000000UL

static u64 in_ms(u64 ms)
{
    return timer_now() + alarm_ticks(ms * MS);
}

/* What happened, a letter each. */
static char order[64];

static void note(char c)
{
    size_t length = strlen(order);

    if (length < sizeof(order) - 1) {
        order[length] = c;
    }
}

static bool was(const char *expected)
{
    bool same = strcmp(order, expected) == 0;

    if (!same) {
        printf("tasks: it was %s, not %s\n", order, expected);
    }
    memset(order, 0, sizeof(order));
    return same;
}

static struct task *spawn(int (*fn)(void *arg), void *arg)
{
    struct task *task = task_spawn(fn, arg, NULL);

    if (!task) {
        printf("tasks: no memory\n");
        failures++;
    }
    return task;
}

static void join(struct task *task)
{
    CHECK(task_join(task, NULL) == ERR_OK);
}

/* ---- life and death ---- */

static int letters(void *arg)
{
    const char *c = arg;

    for (; *c; c++) {
        note(*c);
        task_yield();
    }
    return *(const char *)arg;
}

static int exits(void *arg)
{
    task_exit((int)(long)arg);
}

static int joins_itself(void *arg)
{
    (void)arg;
    return task_join(task_self(), NULL);
}

static __thread int own = 7;

static int changes_own(void *arg)
{
    int before = own;

    own = (int)(long)arg;
    errno = own;
    task_yield();
    return before == 7 && own == (int)(long)arg && errno == own;
}

static int left;

void task_leaving(void)
{
    left++;
}

static void life(void)
{
    struct task *a = spawn(letters, "abc"), *b = spawn(letters, "de");
    int code = 0;

    note('m');
    task_yield();
    CHECK(task_join(a, &code) == ERR_OK && code == 'a');
    CHECK(task_join(b, &code) == ERR_OK && code == 'd');
    CHECK(was("madbec"));
    CHECK(left == 2);
    CHECK(task_join(b, &code) == ERR_NOENT);
    a = spawn(exits, (void *)-5L);
    CHECK(task_join(a, &code) == ERR_OK && code == -5);
    a = spawn(joins_itself, NULL);
    CHECK(task_join(a, &code) == ERR_OK && code == ERR_INVAL);
    CHECK(task_join(task_self(), NULL) == ERR_INVAL);
    a = spawn(changes_own, (void *)1L);
    b = spawn(changes_own, (void *)2L);
    CHECK(task_join(a, &code) == ERR_OK && code == 1);
    CHECK(task_join(b, &code) == ERR_OK && code == 1);
    CHECK(own == 7);
    CHECK(task_set_nice(task_self(), 3) == ERR_NOSUPP);
}

static void detached(void)
{
    struct task *a = spawn(letters, "x");

    CHECK(task_detach(a) == ERR_OK);
    CHECK(task_detach(a) == ERR_STATE);
    CHECK(task_join(a, NULL) == ERR_STATE);
    for (int i = 0; i < 3; i++) {
        task_yield();
    }
    CHECK(was("x"));
    a = spawn(letters, "y");
    for (int i = 0; i < 3; i++) {
        task_yield();
    }
    CHECK(task_detach(a) == ERR_OK);
    CHECK(task_detach(a) == ERR_NOENT);
    CHECK(was("y"));
}

/* All memory is given back: more tasks than there is memory for at a time. */
static void many(void)
{
    struct task_options large = {.stack_bytes = 4 << 20};

    for (int i = 0; i < 200; i++) {
        struct task *a = task_spawn(letters, "", &large);

        CHECK(a && (i % 2 ? task_join(a, NULL) : task_detach(a)) == ERR_OK);
        task_yield();
    }
    CHECK(!task_spawn(letters, "", &(struct task_options){.stack_bytes = 1UL << 40}));
    CHECK(!task_spawn(letters, "", &(struct task_options){.stack_bytes = ~0UL}));
}

/* ---- time ---- */

static int sleeps(void *arg)
{
    task_sleep_ns((u64)arg * MS);
    note((char)('0' + (u64)arg));
    return 0;
}

static void sleep_order(void)
{
    static const u64 ms[] = {5, 1, 9, 3, 7, 1};
    struct task *task[ARRAY_LEN(ms)];
    u64 begin = timer_now();

    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        task[i] = spawn(sleeps, (void *)ms[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(ms); i++) {
        join(task[i]);
    }
    CHECK(was("113579"));
    CHECK(timer_now() - begin >= alarm_ticks(9 * MS));
    task_sleep_until(0);
    CHECK(alarm_ticks(1) == 1 && alarm_ticks(1000000000) == 10000000);
}

static u64 rings(struct alarm *alarm)
{
    note('r');
    return strlen(order) < 3 ? alarm->node.key + alarm_ticks(MS) : ALARM_NEVER;
}

static void alarms(void)
{
    struct alarm alarm = {.ring = rings};

    alarm_set(&alarm, in_ms(1));
    task_sleep_ns(6 * MS);
    CHECK(was("rrr"));
    CHECK(!alarm_cancel(&alarm));
    alarm_set(&alarm, in_ms(1));
    CHECK(alarm_cancel(&alarm));
    task_sleep_ns(3 * MS);
    CHECK(was(""));
}

/* ---- waiting ---- */

static struct wait_queue queue;
static int value;

static int waits(void *arg)
{
    wait_until(&queue, value >= (int)(long)arg);
    note((char)('0' + (long)arg));
    return 0;
}

static u64 wakes(struct alarm *alarm)
{
    (void)alarm;
    value++;
    wake_all(&queue);
    return ALARM_NEVER;
}

static void wait_queues(void)
{
    struct task *a = spawn(waits, (void *)2L), *b = spawn(waits, (void *)1L);
    struct alarm alarm = {.ring = wakes};
    u64 end;

    task_yield();
    value = 1;
    wake_all(&queue);
    join(b);
    CHECK(was("1"));
    alarm_set(&alarm, in_ms(2)); /* by an interrupt handler */
    join(a);
    CHECK(was("2"));
    end = in_ms(3);
    CHECK(!wait_until_time(&queue, value == 9, end));
    CHECK(timer_now() >= end && timer_now() < end + alarm_ticks(50 * MS));
    CHECK(wait_until_time(&queue, value == 2, 0));
    alarm_set(&alarm, in_ms(2));
    CHECK(wait_until_time(&queue, value == 3, in_ms(1000)));
    CHECK(!alarm_cancel(&alarm));
    wake_one(&queue);
    value = 0;
}

static struct mutex mutex;

static int locks(void *arg)
{
    mutex_lock(&mutex);
    note(*(const char *)arg);
    task_yield();
    CHECK(mutex_owner(&mutex) == task_self());
    mutex_unlock(&mutex);
    return 0;
}

static int tries(void *arg)
{
    u64 end = in_ms((u64)arg);
    bool locked = mutex_lock_until(&mutex, end);

    CHECK(locked || timer_now() >= end);
    if (locked) {
        mutex_unlock(&mutex);
    }
    return locked;
}

static void mutexes(void)
{
    struct task *a, *b, *c;
    int code = 0;

    mutex_lock(&mutex);
    CHECK(!mutex_try_lock(&mutex));
    a = spawn(locks, "a");
    b = spawn(locks, "b");
    c = spawn(locks, "c");
    task_yield();
    note('m');
    mutex_unlock(&mutex); /* given to a; nobody comes between */
    CHECK(mutex_owner(&mutex) == a);
    CHECK(!mutex_try_lock(&mutex));
    join(a);
    join(b);
    join(c);
    CHECK(was("mabc"));
    CHECK(mutex_owner(&mutex) == NULL);

    mutex_lock(&mutex);
    a = spawn(tries, (void *)2L);
    b = spawn(tries, (void *)500L);
    task_sleep_ns(5 * MS);
    mutex_unlock(&mutex);
    CHECK(task_join(a, &code) == ERR_OK && code == 0);
    CHECK(task_join(b, &code) == ERR_OK && code == 1);
    mutex_lock(&mutex); /* all waiters gave up: the fast way again */
    a = spawn(tries, (void *)1L);
    join(a);
    CHECK(mutex.owner == (u64)task_self());
    mutex_unlock(&mutex);
}

static struct cond cond;

static int waits_for_cond(void *arg)
{
    mutex_lock(&mutex);
    while (value == 0) {
        CHECK(cond_wait_until(&cond, &mutex, ALARM_NEVER));
    }
    value--;
    note(*(const char *)arg);
    mutex_unlock(&mutex);
    return 0;
}

static void conds(void)
{
    struct task *task[3];
    u64 end;

    for (size_t i = 0; i < 3; i++) {
        task[i] = spawn(waits_for_cond, &"abc"[i]);
    }
    task_yield();
    mutex_lock(&mutex);
    value = 1;
    cond_signal(&cond);
    mutex_unlock(&mutex);
    join(task[0]);
    CHECK(was("a"));
    mutex_lock(&mutex);
    value = 2;
    cond_broadcast(&cond);
    mutex_unlock(&mutex);
    join(task[1]);
    join(task[2]);
    CHECK(was("bc"));
    mutex_lock(&mutex);
    end = in_ms(2);
    CHECK(!cond_wait_until(&cond, &mutex, end) && timer_now() >= end);
    CHECK(mutex_owner(&mutex) == task_self());
    mutex_unlock(&mutex);
}

static struct semaphore semaphore = {.count = 1};

static int takes(void *arg)
{
    CHECK(semaphore_wait_until(&semaphore, ALARM_NEVER));
    note(*(const char *)arg);
    return 0;
}

static u64 posts(struct alarm *alarm)
{
    semaphore_post(&semaphore);
    return strlen(order) < 3 ? alarm->node.key + alarm_ticks(MS) : ALARM_NEVER;
}

static void semaphores(void)
{
    struct alarm alarm = {.ring = posts};
    struct task *task[4];

    for (size_t i = 0; i < 4; i++) {
        task[i] = spawn(takes, &"abcd"[i]);
    }
    task_yield();
    CHECK(strcmp(order, "a") == 0);
    CHECK(!semaphore_wait_until(&semaphore, 0));
    CHECK(!semaphore_wait_until(&semaphore, in_ms(1)));
    alarm_set(&alarm, in_ms(1));
    for (size_t i = 0; i < 4; i++) {
        join(task[i]);
    }
    CHECK(was("abcd"));
    alarm_cancel(&alarm);
}

static int sends(void *arg)
{
    for (u64 i = 0; i < 100; i++) {
        CHECK(message_send_until(arg, &i, ALARM_NEVER));
    }
    return 0;
}

static void messages(void)
{
    struct message_queue q;
    u64 storage[3], got = 0;
    struct task *a;

    message_queue_init(&q, storage, sizeof(u64), ARRAY_LEN(storage));
    CHECK(!message_receive_until(&q, &got, 0));
    CHECK(!message_receive_until(&q, &got, in_ms(1)));
    a = spawn(sends, &q);
    for (u64 i = 0; i < 100; i++) {
        CHECK(message_receive_until(&q, &got, in_ms(1000)) && got == i);
    }
    join(a);
    for (u64 i = 0; i < 3; i++) {
        CHECK(message_send_until(&q, &i, 0));
    }
    CHECK(!message_send_until(&q, &got, 0));
    CHECK(!message_send_until(&q, &got, in_ms(1)));
}

/* A section that must not be switched, here where nothing preempts: it counts. */
static void sections(void)
{
    preempt_disable();
    preempt_disable();
    CHECK(thread_self()->preempt_off == 2);
    preempt_enable();
    preempt_enable();
    CHECK(thread_self()->preempt_off == 0);
}

/* No guard page is there: it is seen at the next switch. */
static int overflows(void *arg)
{
    volatile char room[9000];

    for (size_t i = 0; i < sizeof(room); i++) {
        room[i] = (char)(long)arg;
    }
    task_yield();
    return room[0];
}

int main(void)
{
    if (args_has("overflow")) {
        struct task_options small = {.name = "digger", .stack_bytes = 4096};

        join(task_spawn(overflows, NULL, &small));
        return 0;
    }
    life();
    detached();
    many();
    sleep_order();
    alarms();
    wait_queues();
    mutexes();
    conds();
    semaphores();
    messages();
    sections();
    if (failures == 0) {
        printf("tasks: ok\n");
    }
    return failures != 0;
}
