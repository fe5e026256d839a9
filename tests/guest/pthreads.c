/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX threads, one function of theirs after the other.  "last": main ends before the others do.
 * "reader": main reads while another thread counts.  "lines": what several print at once.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPECT(condition)                                                             \
    do {                                                                              \
        if (!(condition)) {                                                           \
            printf("pthreads: line %d: %s, errno %d\n", __LINE__, #condition, errno); \
            _exit(1);                                                                 \
        }                                                                             \
    } while (0)

#define THREADS  100
#define WORKERS  4
#define ROUNDS   20
#define ITEMS    250
#define ROOM     3
#define NS_PER_S 1000000000L

static void *nothing(void *arg)
{
    return arg;
}

static void start(pthread_t *threads, int count, void *(*fn)(void *))
{
    for (int i = 0; i < count; i++) {
        EXPECT(pthread_create(&threads[i], NULL, fn, (void *)(long)i) == 0);
    }
}

static long join_all(pthread_t *threads, int count)
{
    long sum = 0;

    for (int i = 0; i < count; i++) {
        void *result;

        EXPECT(pthread_join(threads[i], &result) == 0);
        sum += (long)result;
    }
    return sum;
}

static struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_nsec += ms * (NS_PER_S / 1000);
    time.tv_sec += time.tv_nsec / NS_PER_S;
    time.tv_nsec %= NS_PER_S;
    return time;
}

/* ---- create, join, exit ---- */

static int cleaned;

static void clean(void *arg)
{
    cleaned = 10 * cleaned + (int)(long)arg;
}

static void *leave_early(void *arg)
{
    pthread_cleanup_push(clean, (void *)1);
    pthread_cleanup_push(clean, (void *)2);
    pthread_cleanup_push(clean, (void *)3);
    pthread_cleanup_pop(1);
    pthread_exit(arg);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *big_stack(void *arg)
{
    volatile char room[200000];

    memset((void *)(uintptr_t)room, 1, sizeof(room));
    return (void *)(long)(room[199999] == 1 ? (long)arg : 0);
}

static void *set_errno(void *arg)
{
    errno = (int)(long)arg;
    sched_yield();
    return (void *)(long)(errno == (int)(long)arg);
}

static void threads_come_and_go(void)
{
    static pthread_t threads[THREADS];
    pthread_attr_t attr;
    void *result;
    size_t bytes;
    int state;

    start(threads, THREADS, nothing);
    EXPECT(join_all(threads, THREADS) == THREADS * (THREADS - 1) / 2);
    start(threads, WORKERS, set_errno);
    EXPECT(join_all(threads, WORKERS) == WORKERS);
    EXPECT(pthread_join(pthread_self(), NULL) == EDEADLK);
    EXPECT(pthread_equal(pthread_self(), pthread_self()));

    EXPECT(pthread_create(&threads[0], NULL, leave_early, (void *)7) == 0);
    EXPECT(pthread_join(threads[0], &result) == 0 && result == (void *)7);
    EXPECT(cleaned == 321);

    EXPECT(pthread_attr_init(&attr) == 0);
    EXPECT(pthread_attr_setstacksize(&attr, 1) == EINVAL);
    EXPECT(pthread_attr_setstacksize(&attr, 300000) == 0);
    EXPECT(pthread_attr_getstacksize(&attr, &bytes) == 0 && bytes == 300000);
    EXPECT(pthread_create(&threads[0], &attr, big_stack, (void *)5) == 0);
    EXPECT(pthread_join(threads[0], &result) == 0 && result == (void *)5);
    EXPECT(pthread_attr_setstacksize(&attr, 1UL << 40) == 0);
    EXPECT(pthread_create(&threads[0], &attr, big_stack, NULL) == EAGAIN);
    EXPECT(pthread_attr_setstacksize(&attr, 65536) == 0);
    EXPECT(pthread_attr_setdetachstate(&attr, 9) == EINVAL);
    EXPECT(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0);
    EXPECT(pthread_attr_getdetachstate(&attr, &state) == 0 && state == PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[0], &attr, nothing, NULL) == 0);
        sched_yield();
    }
    EXPECT(pthread_attr_destroy(&attr) == 0);
}

/* ---- mutexes ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t other;
static long shared;

static void *add(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        long before;

        pthread_mutex_lock(&mutex);
        before = shared;
        sched_yield();
        shared = before + 1;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static void *try_other(void *arg)
{
    struct timespec soon = in_ms(CLOCK_REALTIME, 5);
    (void)arg;
    EXPECT(pthread_mutex_trylock(&other) == EBUSY);
    EXPECT(pthread_mutex_timedlock(&other, &soon) == ETIMEDOUT);
    soon.tv_nsec = -1;
    EXPECT(pthread_mutex_timedlock(&other, &soon) == EINVAL);
    return (void *)(long)pthread_mutex_unlock(&other);
}

static void mutex_of_type(int type, int again, int foreign)
{
    pthread_mutexattr_t attr;
    pthread_t thread;
    void *result;
    int is;

    EXPECT(pthread_mutexattr_init(&attr) == 0);
    EXPECT(pthread_mutexattr_settype(&attr, 17) == EINVAL);
    EXPECT(pthread_mutexattr_settype(&attr, type) == 0);
    EXPECT(pthread_mutexattr_gettype(&attr, &is) == 0 && is == type);
    EXPECT(pthread_mutex_init(&other, &attr) == 0);
    EXPECT(pthread_mutex_lock(&other) == 0);
    EXPECT(pthread_mutex_lock(&other) == again);
    EXPECT(pthread_mutex_destroy(&other) == EBUSY);
    EXPECT(pthread_create(&thread, NULL, try_other, NULL) == 0);
    EXPECT(pthread_join(thread, &result) == 0 && result == (void *)(long)foreign);
    EXPECT(pthread_mutex_unlock(&other) == 0);
    if (again == 0) {
        EXPECT(pthread_mutex_unlock(&other) == 0);
    }
    EXPECT(pthread_mutex_unlock(&other) == EPERM);
    EXPECT(pthread_mutex_destroy(&other) == 0);
}

static void mutexes(void)
{
    pthread_t threads[WORKERS];

    shared = 0;
    start(threads, WORKERS, add);
    join_all(threads, WORKERS);
    EXPECT(shared == WORKERS * ROUNDS);
    mutex_of_type(PTHREAD_MUTEX_RECURSIVE, 0, EPERM);
    mutex_of_type(PTHREAD_MUTEX_ERRORCHECK, EDEADLK, EPERM);
}

/* ---- condition variables ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t not_full, not_empty;
    int items[ROOM], used, made, sum;
} buffer = {.lock = PTHREAD_MUTEX_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER};

static void *produce(void *arg)
{
    (void)arg;
    for (int i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&buffer.lock);
        while (buffer.used == ROOM) {
            pthread_cond_wait(&buffer.not_full, &buffer.lock);
        }
        buffer.items[buffer.used++] = ++buffer.made;
        pthread_cond_signal(&buffer.not_empty);
        pthread_mutex_unlock(&buffer.lock);
    }
    return NULL;
}

static void *consume(void *arg)
{
    (void)arg;
    for (int i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&buffer.lock);
        while (buffer.used == 0) {
            pthread_cond_wait(&buffer.not_empty, &buffer.lock);
        }
        buffer.sum += buffer.items[--buffer.used];
        pthread_cond_signal(&buffer.not_full);
        pthread_mutex_unlock(&buffer.lock);
    }
    return NULL;
}

static void *wait_for_all(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&mutex);
    while (shared == 0) {
        pthread_cond_wait(&buffer.not_empty, &mutex);
    }
    pthread_mutex_unlock(&mutex);
    return (void *)1;
}

static void conditions(void)
{
    pthread_t producers[WORKERS], consumers[WORKERS];
    struct timespec soon = in_ms(CLOCK_REALTIME, 5);
    pthread_condattr_t attr;
    pthread_cond_t cond;
    clockid_t clock;
    int total = WORKERS * ITEMS;

    start(consumers, WORKERS, consume);
    start(producers, WORKERS, produce);
    join_all(producers, WORKERS);
    join_all(consumers, WORKERS);
    EXPECT(buffer.used == 0 && buffer.sum == total * (total + 1) / 2);

    shared = 0;
    start(consumers, WORKERS, wait_for_all);
    usleep(2000);
    pthread_mutex_lock(&mutex);
    EXPECT(pthread_cond_timedwait(&buffer.not_full, &mutex, &soon) == ETIMEDOUT);
    shared = 1;
    pthread_cond_broadcast(&buffer.not_empty);
    pthread_mutex_unlock(&mutex);
    EXPECT(join_all(consumers, WORKERS) == WORKERS);

    EXPECT(pthread_condattr_init(&attr) == 0);
    EXPECT(pthread_condattr_setclock(&attr, 99) == EINVAL);
    EXPECT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    EXPECT(pthread_condattr_getclock(&attr, &clock) == 0 && clock == CLOCK_MONOTONIC);
    EXPECT(pthread_cond_init(&cond, &attr) == 0);
    soon = in_ms(CLOCK_MONOTONIC, 5);
    pthread_mutex_lock(&mutex);
    EXPECT(pthread_cond_timedwait(&cond, &mutex, &soon) == ETIMEDOUT);
    EXPECT(in_ms(CLOCK_MONOTONIC, 0).tv_sec >= soon.tv_sec);
    pthread_mutex_unlock(&mutex);
    EXPECT(pthread_cond_destroy(&cond) == 0);
}

/* ---- reader-writer locks ---- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int readers, writers;

static void *read_shared(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(pthread_rwlock_rdlock(&rwlock) == 0);
        __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
        EXPECT(writers == 0);
        sched_yield();
        __atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
        EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    }
    return arg;
}

static void *write_shared(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(pthread_rwlock_wrlock(&rwlock) == 0);
        EXPECT(++writers == 1 && readers == 0);
        sched_yield();
        writers--;
        EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
        sched_yield();
    }
    return arg;
}

static void *try_rwlock(void *arg)
{
    struct timespec soon = in_ms(CLOCK_REALTIME, 5);

    EXPECT(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    EXPECT(pthread_rwlock_timedwrlock(&rwlock, &soon) == ETIMEDOUT);
    if (arg) {
        EXPECT(pthread_rwlock_tryrdlock(&rwlock) == EBUSY);
        EXPECT(pthread_rwlock_timedrdlock(&rwlock, &soon) == ETIMEDOUT);
    } else {
        EXPECT(pthread_rwlock_tryrdlock(&rwlock) == 0);
        EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    }
    return NULL;
}

static void rwlocks(void)
{
    pthread_t threads[2 * WORKERS];

    start(threads, WORKERS, read_shared);
    start(threads + WORKERS, WORKERS, write_shared);
    join_all(threads, 2 * WORKERS);
    EXPECT(readers == 0 && writers == 0);

    EXPECT(pthread_rwlock_unlock(&rwlock) == EPERM);
    EXPECT(pthread_rwlock_rdlock(&rwlock) == 0);
    EXPECT(pthread_create(&threads[0], NULL, try_rwlock, NULL) == 0);
    join_all(threads, 1);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_wrlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_wrlock(&rwlock) == EDEADLK);
    EXPECT(pthread_rwlock_rdlock(&rwlock) == EDEADLK);
    EXPECT(pthread_rwlock_destroy(&rwlock) == EBUSY);
    EXPECT(pthread_create(&threads[0], NULL, try_rwlock, (void *)1) == 0);
    join_all(threads, 1);
    EXPECT(pthread_rwlock_unlock(&rwlock) == 0);
    EXPECT(pthread_rwlock_destroy(&rwlock) == 0);
}

/* ---- once, keys ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int initialised;

static void initialise(void)
{
    usleep(1000);
    initialised++;
}

static void *call_once(void *arg)
{
    (void)arg;
    EXPECT(pthread_once(&once, initialise) == 0);
    return (void *)(long)initialised;
}

static pthread_key_t key, again_key;
static int destroyed, destroyed_again;

static void destroy(void *value)
{
    EXPECT(value != NULL && pthread_getspecific(key) == NULL);
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static void destroy_and_set(void *value)
{
    destroyed_again++;
    EXPECT(pthread_setspecific(again_key, value) == 0);
}

static void *use_key(void *arg)
{
    EXPECT(pthread_getspecific(key) == NULL);
    EXPECT(pthread_setspecific(key, (char *)arg + 1) == 0);
    sched_yield();
    return (void *)(long)(pthread_getspecific(key) == (char *)arg + 1);
}

static void *use_key_again(void *arg)
{
    EXPECT(pthread_setspecific(again_key, &key) == 0);
    return arg;
}

static void once_and_keys(void)
{
    pthread_t threads[WORKERS];
    pthread_key_t keys[PTHREAD_KEYS_MAX];
    int made = 0;

    start(threads, WORKERS, call_once);
    EXPECT(join_all(threads, WORKERS) == WORKERS && initialised == 1);

    EXPECT(pthread_key_create(&key, destroy) == 0);
    start(threads, WORKERS, use_key);
    EXPECT(join_all(threads, WORKERS) == WORKERS && destroyed == WORKERS);
    EXPECT(pthread_setspecific(key, &once) == 0);
    EXPECT(pthread_key_delete(key) == 0 && pthread_key_delete(key) == EINVAL);
    EXPECT(pthread_getspecific(key) == NULL && pthread_setspecific(key, &once) == EINVAL);
    EXPECT(pthread_key_create(&key, destroy) == 0 && pthread_getspecific(key) == NULL);

    EXPECT(pthread_key_create(&again_key, destroy_and_set) == 0);
    start(threads, 1, use_key_again);
    join_all(threads, 1);
    EXPECT(destroyed_again == PTHREAD_DESTRUCTOR_ITERATIONS);

    while (pthread_key_create(&keys[made], NULL) == 0) {
        made++;
    }
    EXPECT(made == PTHREAD_KEYS_MAX - 2);
    while (made-- > 0) {
        EXPECT(pthread_key_delete(keys[made]) == 0);
    }
    EXPECT(pthread_setspecific(PTHREAD_KEYS_MAX, NULL) == EINVAL);
}

/* ---- barriers, spin locks, semaphores ---- */

static pthread_barrier_t barrier;
static pthread_spinlock_t spinlock;
static sem_t semaphore;
static int serial, met;

static void *meet(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int got;

        __atomic_add_fetch(&met, 1, __ATOMIC_SEQ_CST);
        got = pthread_barrier_wait(&barrier);
        EXPECT(met >= (i + 1) * WORKERS);
        EXPECT(got == 0 || got == PTHREAD_BARRIER_SERIAL_THREAD);
        if (got) {
            __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
        }
    }
    return NULL;
}

static void *spin(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        long before;

        pthread_spin_lock(&spinlock);
        before = shared;
        sched_yield();
        shared = before + 1;
        pthread_spin_unlock(&spinlock);
    }
    return NULL;
}

static void *post(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT(sem_post(&semaphore) == 0);
        sched_yield();
    }
    return NULL;
}

static void meetings(void)
{
    pthread_t threads[WORKERS];
    struct timespec soon = in_ms(CLOCK_REALTIME, 5);
    int value;

    EXPECT(pthread_barrier_init(&barrier, NULL, 0) == EINVAL);
    EXPECT(pthread_barrier_init(&barrier, NULL, WORKERS) == 0);
    start(threads, WORKERS, meet);
    join_all(threads, WORKERS);
    EXPECT(serial == ROUNDS && met == WORKERS * ROUNDS);
    EXPECT(pthread_barrier_destroy(&barrier) == 0);

    shared = 0;
    EXPECT(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE) == 0);
    start(threads, WORKERS, spin);
    join_all(threads, WORKERS);
    EXPECT(shared == WORKERS * ROUNDS);
    EXPECT(pthread_spin_lock(&spinlock) == 0 && pthread_spin_trylock(&spinlock) == EBUSY);

    EXPECT(sem_init(&semaphore, 1, 1) == 0 &&
           sem_wait(&semaphore) == 0); /* between processes, too */
    EXPECT(sem_init(&semaphore, 0, 2) == 0);
    EXPECT(sem_wait(&semaphore) == 0 && sem_trywait(&semaphore) == 0);
    EXPECT(sem_trywait(&semaphore) == -1 && errno == EAGAIN);
    EXPECT(sem_timedwait(&semaphore, &soon) == -1 && errno == ETIMEDOUT);
    start(threads, WORKERS, post);
    for (int i = 0; i < WORKERS * ROUNDS; i++) {
        EXPECT(sem_wait(&semaphore) == 0);
    }
    join_all(threads, WORKERS);
    EXPECT(sem_getvalue(&semaphore, &value) == 0 && value == 0);
    EXPECT(sem_destroy(&semaphore) == 0);
}

static void *sleep_a_little(void *arg)
{
    usleep(50000);
    return arg;
}

/* Sleepers do not wait for one another. */
static void sleepers(void)
{
    pthread_t threads[THREADS];
    struct timespec begin = in_ms(CLOCK_MONOTONIC, 0), end;
    long ms;

    start(threads, THREADS, sleep_a_little);
    join_all(threads, THREADS);
    end = in_ms(CLOCK_MONOTONIC, 0);
    ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
    EXPECT(ms >= 50 && ms < 50 * THREADS);
}

/* ---- the other modes ---- */

static void *print_lines(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        printf("thread %ld", (long)arg);
        sched_yield();
        printf(" says %d\n", i);
    }
    return NULL;
}

static void said_at_exit(void)
{
    printf("pthreads: atexit\n");
}

static volatile unsigned long counted;
static volatile int stop;

static void *count(void *arg)
{
    while (!stop) {
        counted++;
        sched_yield();
    }
    return arg;
}

static int reader(void)
{
    pthread_t thread;
    int c, bytes = 0;

    EXPECT(pthread_create(&thread, NULL, count, NULL) == 0);
    while ((c = getchar()) != EOF) {
        bytes++;
    }
    stop = 1;
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(counted > 1);
    printf("pthreads: read %d bytes\n", bytes);
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t threads[WORKERS];
    const char *mode = argc > 1 ? argv[1] : "";

    if (strcmp(mode, "lines") == 0) {
        start(threads, WORKERS, print_lines);
        join_all(threads, WORKERS);
        return 0;
    }
    if (strcmp(mode, "last") == 0) {
        atexit(said_at_exit);
        start(threads, 1, sleep_a_little);
        pthread_exit((void *)5);
    }
    if (strcmp(mode, "reader") == 0) {
        return reader();
    }
    threads_come_and_go();
    mutexes();
    conditions();
    rwlocks();
    once_and_keys();
    meetings();
    sleepers();
    printf("pthreads: ok\n");
    return 0;
}
