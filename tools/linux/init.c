/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process 1 of the Linux that `make bench-linux` boots: loads modules, mounts a FAT at /mnt,
 * runs the program that its words name, and switches the machine off.  It lies in the initramfs
 * with the modules and the programs.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/module.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* After boot the kernel goes on in the background: it checks its certificates. */
#define SETTLE_S 3

static const char *const modules[] = {"virtio_mmio", "virtio_blk", "nls_ascii",
                                      "nls_cp437",   "fat",        "vfat"};

static void end(void)
{
    sync();
    reboot(RB_POWER_OFF);
}

static void check(int good, const char *what)
{
    if (!good) {
        printf("init: %s: %s\n", what, strerror(errno));
        end();
    }
}

static bool mount_at(const char *device, const char *path, const char *type)
{
    check(mkdir(path, 0755) == 0 || errno == EEXIST, path);
    return mount(device, path, type, 0, NULL) == 0;
}

/* The kernel has opened none, since there was no /dev/console. */
static void open_console(void)
{
    int console = open("/dev/console", O_RDWR);

    for (int fd = 0; console >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(console, fd);
}

static void load_module(const char *name)
{
    char path[64];
    int file;

    snprintf(path, sizeof(path), "/%s.ko.xz", name);
    file = open(path, O_RDONLY | O_CLOEXEC);
    check(file >= 0 && syscall(SYS_finit_module, file, "", MODULE_INIT_COMPRESSED_FILE) == 0, path);
    close(file);
}

int main(int argc, char *argv[])
{
    bool is_mounted;
    int status = 0;
    pid_t child;

    check(mount_at("dev", "/dev", "devtmpfs"), "/dev");
    open_console();
    check(mount_at("proc", "/proc", "proc"), "/proc");
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
        load_module(modules[i]);
    is_mounted = mount_at("/dev/vda", "/mnt", "vfat");
    check(argc > 1, "no program to run");
    if (strcmp(argv[1], "/kvmbench") == 0)
        load_module("kvm");
    sleep(SETTLE_S);
    child = fork();
    if (child == 0) {
        execv(argv[1], argv + 1);
        _exit(127);
    }
    check(child > 0 && waitpid(child, &status, 0) == child, "fork");
    check(!is_mounted || umount("/mnt") == 0, "umount");
    printf("init: %s ended with status %d\n", argv[1],
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    fflush(stdout);
    end();
}
