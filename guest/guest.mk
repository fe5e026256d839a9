# SPDX-License-Identifier: BSD-2-Clause
# The base: linked where something refers to it.
guest-y += guest/args.c
guest-y += guest/await.c
guest-y += guest/block.c
guest-y += guest/boot.S
guest-y += guest/console.c
guest-y += guest/fp.S
guest-y += guest/fs/blockcache.c
guest-y += guest/fs/blockcache_io.c
guest-y += guest/fs/fat32_boot.c
guest-y += guest/fs/fat32_commit.c
guest-y += guest/fs/fat32_dir.c
guest-y += guest/fs/fat32_file.c
guest-y += guest/fs/fat32_index.c
guest-y += guest/fs/fat32_map.c
guest-y += guest/fs/fat32_mount.c
guest-y += guest/fs/fat32_name.c
guest-y += guest/fs/fat32_node.c
guest-y += guest/fs/fat32_rename.c
guest-y += guest/fs/fat32_short.c
guest-y += guest/fs/fat32_slots.c
guest-y += guest/fs/fat32_table.c
guest-y += guest/fs/fat32_time.c
guest-y += guest/hart.c
guest-y += guest/libc/abort.c
guest-y += guest/libc/atfork.c
guest-y += guest/libc/barrier.c
guest-y += guest/libc/barrier_shared.c
guest-y += guest/libc/clock.c
guest-y += guest/libc/cond.c
guest-y += guest/libc/cond_shared.c
guest-y += guest/libc/exec.c
guest-y += guest/libc/exit.c
guest-y += guest/libc/fgets.c
guest-y += guest/libc/files.c
guest-y += guest/libc/group.c
guest-y += guest/libc/inherit.c
guest-y += guest/libc/input.c
guest-y += guest/libc/keys.c
guest-y += guest/libc/mmap.c
guest-y += guest/libc/kill.c
guest-y += guest/libc/limits.c
guest-y += guest/libc/mutex.c
guest-y += guest/libc/mutex_shared.c
guest-y += guest/libc/pause.c
guest-y += guest/libc/popen.c
guest-y += guest/libc/process.c
guest-y += guest/libc/program.c
guest-y += guest/libc/pthread.c
guest-y += guest/libc/random.c
guest-y += guest/libc/rwlock.c
guest-y += guest/libc/sem_open.c
guest-y += guest/libc/semaphore.c
guest-y += guest/libc/shell_call.c
guest-y += guest/libc/sigjmp.c
guest-y += guest/libc/signal_end.c
guest-y += guest/libc/signal_mask.c
guest-y += guest/libc/signal_none.c
guest-y += guest/libc/signal_send.c
guest-y += guest/libc/sigset.c
guest-y += guest/libc/spawn.c
guest-y += guest/libc/spawn_action.c
guest-y += guest/libc/spawn_open.c
guest-y += guest/libc/strsignal.c
guest-y += guest/libc/system.c
guest-y += guest/libc/termios.c
guest-y += guest/libc/tty.c
guest-y += guest/libc/uname.c
guest-y += guest/log.c
guest-y += guest/machine.c
guest-y += guest/main.c
guest-y += guest/owner.c
guest-y += guest/panic.S
guest-y += guest/panic.c
guest-y += guest/probe.S
guest-y += guest/probe.c
guest-y += guest/proc.c
guest-y += guest/report.c
guest-y += guest/shared.c
guest-y += guest/threads.c
guest-y += guest/timer.c
guest-y += guest/trap.S
guest-y += guest/trap.c
guest-y += guest/word.c

# Components: NAME-y sources, NAME-needs other components or kinds, NAME-kind what it is an alternative for.
# NAME-sought: those of its sources that tell a program wants it which names none, where others do not; NAME-hosted:
# what such a program gets beside it.
# At most one of a kind is in a payload; default-KIND is taken where one is needed and none is named.
component-kinds += container
default-container := static_devices

components-y += devices
devices-y += guest/devices.c
devices-needs += container
devices-needs += paging

components-y += static_devices
static_devices-y += guest/devices_static.c
static_devices-kind := container
static_devices-needs += devices

components-y += dynamic_devices
dynamic_devices-y += guest/devices_dynamic.c
dynamic_devices-kind := container
dynamic_devices-needs += devices
dynamic_devices-needs += heap

components-y += plic
plic-y += guest/plic.c
plic-needs += irq
plic-needs += paging

components-y += events
events-y += guest/events.c
events-needs += irq

components-y += flash
flash-y += guest/drv_flash.c
flash-needs += devices

components-y += rtc
rtc-y += guest/drv_rtc.c
rtc-needs += devices

components-y += virtio_blk
virtio_blk-y += guest/drv_virtio_blk.c
virtio_blk-y += guest/virtio_blk_disk.c
virtio_blk-needs += devices
virtio_blk-needs += pages
virtio_blk-needs += plic

components-y += virtio_console
virtio_console-y += guest/console_device.c
virtio_console-y += guest/drv_virtio_console.c
virtio_console-needs += devices
virtio_console-needs += pages
virtio_console-needs += plic

components-y += virtio_rng
virtio_rng-y += guest/drv_virtio_rng.c
virtio_rng-needs += devices
virtio_rng-needs += pages

components-y += heapcheck
heapcheck-y += guest/heap_check.c
heapcheck-needs += heap

component-kinds += allocator
default-allocator := tlsf

components-y += heap
heap-y += guest/heap.c
heap-needs += allocator

components-y += bitmap
bitmap-y += guest/heap_bitmap.c
bitmap-kind := allocator
bitmap-needs += heap
bitmap-needs += pages

components-y += buddy
buddy-y += guest/heap_buddy.c
buddy-kind := allocator
buddy-needs += heap
buddy-needs += pages

components-y += bump
bump-y += guest/heap_bump.c
bump-kind := allocator
bump-needs += heap
bump-needs += pages

components-y += slab
slab-y += guest/heap_slab.c
slab-kind := allocator
slab-needs += heap
slab-needs += pages

components-y += tlsf
tlsf-y += guest/heap_tlsf.c
tlsf-kind := allocator
tlsf-needs += heap
tlsf-needs += pages

components-y += libc
libc-y += guest/libc/start.c
libc-y += guest/libc/words.c

components-y += pages
pages-y += guest/pages.c

components-y += paging
paging-y += guest/paging.c
paging-needs += pages
# Those of components-always are in every image that does not leave them out (components-hello += -symbols), those of
# components-hosted in programs that name none (tools/ukcc).
components-always += symbols
components-hosted += libc

components-y += shell
shell-y += guest/shell/columns.c
shell-y += guest/shell/command.c
shell-y += guest/shell/commands_file.c
shell-y += guest/shell/commands_grep.c
shell-y += guest/shell/commands_hexdump.c
shell-y += guest/shell/commands_list.c
shell-y += guest/shell/commands_print.c
shell-y += guest/shell/commands_process.c
shell-y += guest/shell/commands_run.c
shell-y += guest/shell/commands_shell.c
shell-y += guest/shell/commands_system.c
shell-y += guest/shell/commands_test.c
shell-y += guest/shell/commands_text.c
shell-y += guest/shell/complete.c
shell-y += guest/shell/editor.c
shell-y += guest/shell/editor_screen.c
shell-y += guest/shell/editor_search.c
shell-y += guest/shell/editor_tab.c
shell-y += guest/shell/execute.c
shell-y += guest/shell/expand.c
shell-y += guest/shell/files.c
shell-y += guest/shell/glob.c
shell-y += guest/shell/history.c
shell-y += guest/shell/image.c
shell-y += guest/shell/input.c
shell-y += guest/shell/jobs.c
shell-y += guest/shell/keys.c
shell-y += guest/shell/lexer.c
shell-y += guest/shell/memory.c
shell-y += guest/shell/parse.c
shell-y += guest/shell/pipeline.c
shell-y += guest/shell/prompt.c
shell-y += guest/shell/shell.c
shell-y += guest/shell/terminal.c
shell-y += guest/shell/utf8.c
shell-y += guest/shell/variables.c
shell-needs += channels
shell-needs += signals
shell-needs += task
shell-needs += vfs

components-y += signals
signals-y += guest/libc/signal.c
signals-y += guest/libc/signal_action.c
signals-y += guest/libc/signal_alarm.c
signals-y += guest/libc/signal_block.c
signals-y += guest/libc/signal_raise.c
signals-y += guest/libc/signal_trap.c
signals-y += guest/libc/signal_wait.c
signals-sought += guest/libc/signal_action.c
signals-sought += guest/libc/signal_alarm.c
signals-sought += guest/libc/signal_wait.c
signals-needs += events

components-y += symbols
symbols-y += guest/backtrace.c
symbols-y += guest/symbols.c
symbols-y += guest/unwind.c

components-y += irq
irq-y += guest/alarm.c
irq-y += guest/irq.c

component-kinds += sched
default-sched := fifo

components-y += task
task-y += guest/await_task.c
task-y += guest/core.c
task-y += guest/libc/tasks.c
task-y += guest/libc/wait_task.c
task-y += guest/switch.S
task-y += guest/sync.c
task-y += guest/sync_mutex.c
task-y += guest/task.c
task-y += guest/task_report.c
task-y += guest/threads_task.c
task-needs += events
task-needs += irq
task-needs += pages
task-needs += sched

components-y += cfs
cfs-y += guest/sched_cfs.c
cfs-kind := sched
cfs-needs += task

components-y += fifo
fifo-y += guest/sched_fifo.c
fifo-kind := sched
fifo-needs += task

components-y += rr
rr-y += guest/sched_rr.c
rr-kind := sched
rr-needs += task

components-y += preempt
preempt-y += guest/preempt.c
preempt-needs += task

components-y += smp
smp-y += guest/smp.c
smp-needs += task

components-y += vfs
vfs-y += guest/fs/attr.c
vfs-y += guest/fs/devfs.c
vfs-y += guest/fs/file.c
vfs-y += guest/fs/lock.c
vfs-y += guest/fs/mount.c
vfs-y += guest/fs/names.c
vfs-y += guest/fs/now.c
vfs-y += guest/fs/ramfs.c
vfs-y += guest/fs/ramfs_bytes.c
vfs-y += guest/fs/ramfs_dir.c
vfs-y += guest/fs/tree.c
vfs-y += guest/fs/walk.c
vfs-y += guest/libc/descriptor.c
vfs-y += guest/libc/dirent.c
vfs-y += guest/libc/files_boot.c
vfs-y += guest/libc/fopen.c
vfs-y += guest/libc/io.c
vfs-y += guest/libc/mounts.c
vfs-y += guest/libc/names.c
vfs-y += guest/libc/open.c
vfs-y += guest/libc/output.c
vfs-y += guest/libc/program_load.c
vfs-y += guest/libc/stdio.c
vfs-y += guest/libc/stream.c
vfs-sought += guest/libc/dirent.c
vfs-sought += guest/libc/fopen.c
vfs-sought += guest/libc/mounts.c
vfs-sought += guest/libc/names.c
vfs-sought += guest/libc/open.c
vfs-hosted += archive
vfs-hosted += fat32
vfs-needs += heap
vfs-needs += libc

components-y += channels
channels-y += guest/libc/descriptor_exec.c
channels-y += guest/libc/pipe.c
channels-y += guest/libc/pipe_bytes.c
channels-y += guest/libc/pipe_ring.c
channels-y += guest/libc/poll.c
channels-y += guest/libc/states.c
channels-sought += guest/libc/pipe.c
channels-sought += guest/libc/poll.c
channels-needs += events
channels-needs += vfs

components-y += archive
archive-y += guest/fs/archive.c
archive-y += guest/fs/archive_boot.c
archive-y += guest/fs/archive_read.c
archive-needs += vfs

components-y += fat32
fat32-y += guest/fs/fat32_root.c
fat32-needs += vfs
fat32-needs += virtio_blk
