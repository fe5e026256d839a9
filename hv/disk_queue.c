/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk of the machine: transfers wait for a place in the device's queue, and come back.
 *
 *     disk_queue_start ──▶ view's waiting ──▶ started ──▶ device ──▶ disk_transferred
 *                            └ views take turns
 *
 * Interrupts: the first transfer after a pause asks for one when it is back.  While several are
 * with the device, it is asked for one only when a quarter of them is back; the timer looks every
 * millisecond then, so that none waits long for others.  Without an interrupt the timer does all.
 *
 * A device that has had a transfer for longer than the time-out, or that breaks the rules, is reset
 * and started again; all transfers fail, those that waited as well.  If it does not start, later
 * ones fail at once.  So every transfer is over at some time.
 *
 * Invariant, under the lock: a transfer is in one view's waiting list or in `started`; a view is in
 * `turns` exactly if some of its transfers wait; none waits while the device has nothing.
 */
#include "hv/console.h"
#include "hv/disk_machine.h"
#include "hv/disk_parts.h"
#include "hv/hart.h"
#include "hv/panic.h"
#include "hv/timer.h"

#define LOOK_NS          1000000UL /* how often the timer looks, where it has to */
#define PART_TO_WAIT_FOR 4         /* of the transfers with the device, one in so many */

u64 disk_deadline = UINT64_MAX;
static u64 timeout_ticks = UINT64_MAX / 2;

void disk_queue_set_timeout(u64 ticks)
{
    timeout_ticks = ticks;
}

static struct disk_transfer *transfer_of(struct list *node)
{
    return container_of(node, struct disk_transfer, node);
}

static struct disk_view *view_of(struct list *turn)
{
    return container_of(turn, struct disk_view, turn);
}

/* The timer of this hart is for it, if it comes before whatever the timer is set to. */
static void look_at(u64 time)
{
    u64 before = disk_next_deadline();

    while (time < before && !__atomic_compare_exchange_n(&disk_deadline, &before, time, false,
                                                         __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    if (time < this_hart()->timer_deadline)
        timer_program(this_hart()->vcpu);
}

/* lock is held; the device has some.  When the oldest one is late.  (Not how old it is: whoever
 * asks may have read the clock before it was started.) */
static u64 oldest_ends(const struct disk_queue *queue)
{
    return transfer_of(queue->started.next)->since + timeout_ticks;
}

/* lock is held. */
static void set_deadline(const struct disk_queue *queue, u64 now)
{
    if (queue->with_device == 0 || queue->state != DISK_UP)
        return;
    if (queue->polled || queue->delays)
        look_at(now + timer_ticks_of_ns(LOOK_NS));
    else
        look_at(oldest_ends(queue));
}

/* lock is held.  An interrupt for so many more; false: they are back already. */
static bool expect(struct disk_queue *queue, u32 count)
{
    queue->delays = count > 1;
    if (queue->polled)
        virtq_driver_quiet(&queue->blk.queue);
    if (count == 0 || queue->polled)
        return true;
    return virtq_driver_expect(&queue->blk.queue, (u16)count);
}

/* lock is held.  False: there are enough of them back already. */
static bool expect_some(struct disk_queue *queue)
{
    u32 some = queue->with_device / PART_TO_WAIT_FOR;

    return expect(queue, some == 0 && queue->with_device > 0 ? 1 : some);
}

/* lock is held.  False: the device has no room. */
static bool give(struct disk_queue *queue, struct disk_transfer *transfer, u64 now)
{
    struct virtio_blk_header *header = &transfer->request.header;

    if (virtio_blk_start(&queue->blk, &transfer->request, header->type, header->sector) != ERR_OK)
        return false;
    transfer->since = now;
    list_add_tail(&queue->started, &transfer->node);
    queue->with_device++;
    return true;
}

/* lock is held.  Fills the device's queue, one view after the other. */
static void give_waiting(struct disk_queue *queue, u64 now)
{
    while (!list_empty(&queue->turns)) {
        struct disk_view *view = view_of(queue->turns.next);
        struct disk_transfer *transfer = transfer_of(view->waiting.next);
        struct list *after = transfer->node.next;

        list_del(&transfer->node);
        if (!give(queue, transfer, now)) {
            list_add_tail(after, &transfer->node);
            assert(queue->with_device > 0);
            return;
        }
        list_del(&view->turn);
        if (!list_empty(&view->waiting))
            list_add_tail(&queue->turns, &view->turn);
    }
}

/* lock is held.  Behind the others of its view. */
static void wait(struct disk_queue *queue, struct disk_transfer *transfer)
{
    struct disk_view *view = transfer->io->view;

    assert(queue->with_device > 0 || queue->state != DISK_UP);
    list_add_tail(&view->waiting, &transfer->node);
    if (list_empty(&view->turn))
        list_add_tail(&queue->turns, &view->turn);
}

void disk_queue_start(struct disk *disk, struct disk_transfer *transfer)
{
    struct disk_queue *queue = &disk->queue;
    bool is_down;

    spin_lock(&disk->lock);
    is_down = queue->state == DISK_DOWN;
    if (!is_down) {
        bool was_idle = queue->with_device == 0;
        u64 now = timer_now();

        if (was_idle && queue->state == DISK_UP)
            (void)expect(queue, 1); /* before a device that needs no kick can be done */
        if (queue->state == DISK_UP && list_empty(&queue->turns) && give(queue, transfer, now)) {
            if (was_idle)
                set_deadline(queue, now);
            virtio_blk_kick(&queue->blk);
        } else {
            wait(queue, transfer);
        }
    }
    spin_unlock(&disk->lock);
    if (is_down)
        disk_transferred(transfer->io, true);
}

/* Ends transfers that are in no list but this. */
static u32 end_all(struct list *over, bool failed)
{
    u32 count = 0;

    while (!list_empty(over)) {
        struct disk_transfer *transfer = transfer_of(over->next);

        list_del(&transfer->node);
        disk_transferred(transfer->io, failed || transfer->request.status != VIRTIO_BLK_S_OK);
        count++;
    }
    return count;
}

/* lock is held.  False: the device broke the rules. */
static bool take_finished(struct disk_queue *queue, struct list *over)
{
    enum err err;

    for (;;) {
        struct virtio_blk_request *request = virtio_blk_finished(&queue->blk, &err);
        struct disk_transfer *transfer;

        if (request == NULL)
            return err == ERR_OK;
        transfer = container_of(request, struct disk_transfer, request);
        list_del(&transfer->node);
        list_add_tail(over, &transfer->node);
        queue->with_device--;
    }
}

static void move_all(struct list *to, struct list *from)
{
    while (!list_empty(from)) {
        struct list *node = from->next;

        list_del(node);
        list_add_tail(to, node);
    }
}

/* lock is held. */
static void take_everything(struct disk_queue *queue, struct list *over)
{
    move_all(over, &queue->started);
    queue->with_device = 0;
    while (!list_empty(&queue->turns)) {
        struct disk_view *view = view_of(queue->turns.next);

        list_del(&view->turn);
        move_all(over, &view->waiting);
    }
}

/* The device is this hart's.  ERR_STATE: it is not the disk that it was. */
static enum err start_again(struct disk *disk)
{
    struct virtio_blk *blk = &disk->queue.blk;
    enum err err;

    virtio_blk_reset(blk);
    err = virtio_blk_open(blk, disk->queue.base, disk->queue.ring, DISK_QUEUE_SIZE);
    if (err == ERR_OK &&
        (blk->sectors != disk->sectors || blk->readonly != disk->readonly ||
         blk->pieces_max < disk->pieces_max || blk->piece_bytes_max < disk->piece_bytes_max)) {
        virtio_blk_reset(blk);
        err = ERR_STATE;
    }
    return err;
}

/*
 * The state is DISK_RESETTING, set by this hart, and the lock is not held: a reset may take long.
 * What comes meanwhile fails with the rest.  Nothing is over before the device has let go of its
 * memory.
 */
static void reset(struct disk *disk, const char *why)
{
    struct disk_queue *queue = &disk->queue;
    struct list over;
    bool is_up;
    u32 failed;

    list_init(&over);
    is_up = start_again(disk) == ERR_OK;
    spin_lock(&disk->lock);
    take_everything(queue, &over);
    queue->state = is_up ? DISK_UP : DISK_DOWN;
    spin_unlock(&disk->lock);
    failed = end_all(&over, true);
    console_log("disk %u: %s: reset, %u request%s failed%s", disk->number, why, failed,
                failed == 1 ? "" : "s",
                is_up ? "" : "; it does not start again: all will fail from now on");
}

void disk_queue_look(struct disk *disk, u64 now)
{
    struct disk_queue *queue = &disk->queue;
    const char *why = NULL;
    struct list over;

    list_init(&over);
    spin_lock(&disk->lock);
    if (queue->state == DISK_UP) {
        do {
            if (!take_finished(queue, &over))
                why = "it breaks the rules of virtio";
            else
                give_waiting(queue, now);
        } while (why == NULL && !expect_some(queue));
        if (why == NULL && queue->with_device > 0 && now >= oldest_ends(queue))
            why = "it does not answer";
        if (why == NULL)
            virtio_blk_kick(&queue->blk);
        else
            queue->state = DISK_RESETTING;
        set_deadline(queue, now);
    }
    spin_unlock(&disk->lock);
    end_all(&over, false);
    if (why != NULL)
        reset(disk, why);
}

enum err disk_queue_open(struct disk *disk)
{
    struct disk_queue *queue = &disk->queue;
    const struct virtio_blk *blk = &queue->blk;
    enum err err = virtio_blk_open(&queue->blk, queue->base, queue->ring, DISK_QUEUE_SIZE);

    if (err != ERR_OK)
        return err;
    if (blk->piece_bytes_max < DISK_BLOCK_BYTES) {
        virtio_blk_reset(&queue->blk);
        return ERR_NOSUPP;
    }
    list_init(&queue->started);
    list_init(&queue->turns);
    disk->readonly = blk->readonly;
    disk->has_flush = blk->has_flush;
    disk->pieces_max = blk->pieces_max;
    disk->piece_bytes_max = blk->piece_bytes_max;
    disk_set_size(disk, blk->sectors);
    return ERR_OK;
}
