/* SPDX-License-Identifier: BSD-2-Clause */
/* The packer as a user sees it: its output, its words, its status, and what it leaves behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/host/sample.h"
#include "tests/test.h"

static char folder[] = "/tmp/mkimage_test.XXXXXX";
static char output[4096];

/* Runs build/host/mkimage in the folder; output is all that it printed. */
static int mkimage(const char *arguments)
{
    char command[4096], here[512];
    FILE *pipe;
    int status;

    CHECK(getcwd(here, sizeof(here)) != NULL);
    snprintf(command, sizeof(command), "cd %s && %s/build/host/mkimage %s 2>&1", folder, here,
             arguments);
    pipe = popen(command, "r");
    CHECK(pipe != NULL);
    output[fread(output, 1, sizeof(output) - 1, pipe)] = '\0';
    status = pclose(pipe);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static bool exists(const char *name)
{
    char path[64];
    struct stat status;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return stat(path, &status) == 0;
}

/* A folder with an ELF, a part of it, a Linux Image, a pflash, a disk and an empty file. */
static void set_up(void)
{
    struct sample_elf elf;
    u8 linux_image[SAMPLE_LINUX_BYTES];
    static const u8 disk[1024];

    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    sample_elf(&elf);
    sample_linux(linux_image);
    write_file("good.elf", &elf, sizeof(elf));
    write_file("cut.elf", &elf, sizeof(elf) / 2);
    write_file("Image", linux_image, sizeof(linux_image));
    write_file("flash", "pfld", 4);
    write_file("disk", disk, sizeof(disk));
    write_file("empty", "", 0);
}

static void clean_up(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", folder);
    CHECK_EQ(system(command), 0);
}

TEST(mkimage_packs_and_lists)
{
    set_up();
    CHECK_EQ(mkimage("-o out --guest image=good.elf mem=64M vcpus=2 procs=5 control pflash=flash "
                     "machine='mhartid=0x1234 word@0x40=0x6688' cmdline='a b' "
                     "--guest name=other image=./Image passthrough disk=2 initrd=flash "
                     "--guest image=good.elf ramdisk=disk --image image=good.elf cmdline=c"),
             0);
    CHECK_STR(output, "");
    CHECK(!exists("out.tmp"));
    CHECK_EQ(mkimage("-l out"), 0);
    CHECK_STR(
        output,
        "1 good: ELF of 12852 bytes, entry 0x80200004, mem 65536K, 2 vCPUs, at most 5 "
        "processes, pflash of 4 bytes, control, machine mhartid=0x1234 word@0x40=0x6688, "
        "cmdline \"a b\"\n"
        "    0x80200000 to 0x80201234, 4660 bytes from the file\n"
        "    0x80202340 to 0x80204340, 4096 bytes from the file\n"
        "2 other: Linux Image of 4112 bytes, entry 0x80200000, mem 131072K, 1 vCPU, pflash of "
        "the machine, initrd of 4 bytes, disk 2 of the machine\n"
        "    0x80200000 to 0x80203000, 4112 bytes from the file\n"
        "3 good: ELF of 12852 bytes, entry 0x80200004, mem 131072K, 1 vCPU, disk of "
        "1024 bytes in memory\n"
        "    0x80200000 to 0x80201234, 4660 bytes from the file\n"
        "    0x80202340 to 0x80204340, 4096 bytes from the file\n"
        "4 good: ELF of 12852 bytes, entry 0x80200004, mem 131072K, 1 vCPU, not started, "
        "cmdline \"c\"\n"
        "    0x80200000 to 0x80201234, 4660 bytes from the file\n"
        "    0x80202340 to 0x80204340, 4096 bytes from the file\n");
    CHECK_EQ(mkimage("-l Image"), 0);
    CHECK(strstr(output, "not a bundle") == output);
    clean_up();
}

TEST(mkimage_refuses_and_leaves_nothing)
{
    static const struct {
        const char *arguments;
        const char *words; /* how the message begins */
    } rows[] = {
        {"-o out --guest image=none",                                                   "mkimage: none: No such file"                          },
        {"-o out --guest image=.",                                                      "mkimage: .: Is a directory"                           },
        {"-o out --guest image=empty",                                                  "mkimage: empty: the file is empty;"                   },
        {"-o out --guest image=cut.elf",                                                "mkimage: cut.elf: an ELF segment is outside the file;"},
        {"-o out --guest image=/bin/sh",                                                "mkimage: /bin/sh: an ELF for another machine;"        },
        {"-o out --guest image=good.elf mem=1M",
         "mkimage: good.elf: a part lies beyond guest RAM;"                                                                                    },
        {"-o out --guest image=good.elf mem=3000",                                      "mkimage: good.elf: a guest's memory is"               },
        {"-o out --guest image=good.elf mem=",                                          "mkimage: mem=: not a number;"                         },
        {"-o out --guest image=good.elf mem=1T",                                        "mkimage: mem=1T: not a number;"                       },
        {"-o out --guest image=good.elf mem=1MB",                                       "mkimage: mem=1MB: not a number;"                      },
        {"-o out --guest image=good.elf mem=-1",                                        "mkimage: mem=-1: not a number;"                       },
        {"-o out --guest image=good.elf mem=99999999999G",                              "mkimage: mem=99999999999G: not a"                     },
        {"-o out --guest image=good.elf vcpus=9",                                       "mkimage: good.elf: a guest has 1 to 8 vCPUs"          },
        {"-o out --guest image=good.elf vcpus=4294967297",                              "mkimage: good.elf: a guest has 1 to"                  },
        {"-o out --guest image=good.elf name=",                                         "mkimage: good.elf: a guest's name is empty"           },
        {"-o out --guest image=good.elf name=01234567890123456789012345678901",
         "mkimage: good.elf: a guest's name is empty, or longer"                                                                               },
        {"-o out --guest image=good.elf machine=x",                                     "mkimage: good.elf: unknown machine option;"           },
        {"-o out --guest image=good.elf pflash=empty",                                  "mkimage: empty: the file is empty;"                   },
        {"-o out --guest image=good.elf pflash=flash passthrough",
         "mkimage: good.elf: a guest's pflash is passed through"                                                                               },
        {"-o out --guest image=good.elf initrd=empty",
         "mkimage: empty: the file is empty; an initrd has"                                                                                    },
        {"-o out --guest image=good.elf ramdisk=empty",
         "mkimage: empty: the file is empty; a disk has"                                                                                       },
        {"-o out --guest image=good.elf ramdisk=flash",
         "mkimage: good.elf: a guest's disk is no whole sectors"                                                                               },
        {"-o out --guest image=good.elf ramdisk=disk disk=0",
         "mkimage: good.elf: a guest has one disk"                                                                                             },
        {"-o out --guest image=good.elf disk=16",
         "mkimage: disk=16: the machine has disks 0 to 15"                                                                                     },
        {"-o out --guest image=good.elf colour=1",                                      "mkimage: colour=1: unknown; a guest has"              },
        {"-o out --guest image=good.elf --guest",                                       "mkimage: a guest without an image;"                   },
        {"-o out --guest image=good.elf --image image=cut.elf",
         "mkimage: cut.elf: an ELF segment is outside"                                                                                         },
        {"-o out --guest image=good.elf --image image=good.elf --guest image=good.elf",
         "mkimage: a guest behind an image;"                                                                                                   },
        {"-o none/out --guest image=good.elf",                                          "mkimage: none/out.tmp: No such file"                  },
        {"-o . --guest image=good.elf",                                                 "mkimage: .: "                                         },
        {"-o out",                                                                      "usage:"                                               },
        {"",                                                                            "usage:"                                               },
        {"-l empty",                                                                    "mkimage: empty: the file is empty;"                   },
        {"-l none",                                                                     "mkimage: none: No such file"                          },
    };

    set_up();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK_EQ(mkimage(rows[i].arguments), 1);
        if (strncmp(output, rows[i].words, strlen(rows[i].words)) != 0)
            FAIL("mkimage %s: %s", rows[i].arguments, output);
        CHECK(!exists("out") && !exists("out.tmp") && !exists("..tmp"));
    }
    clean_up();
}

TEST(mkimage_failing_keeps_the_old_bundle)
{
    set_up();
    CHECK_EQ(mkimage("-o out --guest image=Image"), 0);
    CHECK_EQ(mkimage("-o out --guest image=cut.elf"), 1);
    CHECK_EQ(mkimage("-l out"), 0);
    CHECK(strstr(output, "1 Image: Linux Image") == output);
    clean_up();
}

/* A disk is written to: what it was made from, an initrd of another guest perhaps, is not. */
TEST(mkimage_stores_a_disk_once_and_apart)
{
    set_up();
    CHECK_EQ(mkimage("-o out --guest image=Image ramdisk=disk initrd=disk "
                     "--guest image=Image ramdisk=disk initrd=disk"),
             0);
    CHECK_EQ(mkimage("-l out"), 0);
    CHECK(strstr(output, "initrd of 1024 bytes, disk of 1024 bytes in memory") != NULL);
    clean_up();
}

/* 64 guests of one image take its room once. */
TEST(mkimage_stores_a_file_once)
{
    char arguments[2048] = "-o out";
    struct stat status;
    char path[64];

    set_up();
    for (u32 i = 0; i < 64; i++)
        strcat(arguments, " --guest image=Image");
    CHECK_EQ(mkimage(arguments), 0);
    snprintf(path, sizeof(path), "%s/out", folder);
    CHECK_EQ(stat(path, &status), 0);
    CHECK((u64)status.st_size < 32 + 64 * 152 + SAMPLE_LINUX_BYTES + 16);
    strcat(arguments, " --guest image=Image");
    CHECK_EQ(mkimage(arguments), 1);
    CHECK_STR(output, "mkimage: more than 64 guests; pack fewer\n");
    clean_up();
}

TEST(mkimage_takes_pflash_up_to_its_size)
{
    char path[64];

    set_up();
    snprintf(path, sizeof(path), "%s/flash", folder);
    CHECK_EQ(truncate(path, 32 << 20), 0);
    CHECK_EQ(mkimage("-o out --guest image=Image pflash=flash"), 0);
    CHECK_EQ(truncate(path, (32 << 20) + 1), 0);
    CHECK_EQ(mkimage("-o out --guest image=Image pflash=flash"), 1);
    CHECK(strstr(output, "mkimage: Image: pflash holds at most 32 MiB") == output);
    clean_up();
}
