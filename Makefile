# SPDX-License-Identifier: BSD-2-Clause
#
# The whole build.  Non-recursive: it reads the lists of sources (hv/hv.mk and so on), each of which
# holds names and nothing else, and compiles a source once for each world that it is part of:
#
#   build/hv/      HS-mode: hv/, dts/, lib/, libfdt           -> build/hv/forkvisor.elf
#   build/guest/   VS-mode: guest/, dts/, lib/, libfdt, payload/ -> build/payload/NAME.elf and .bin
#   build/smp/     the same for payloads with the component smp
#   build/host/    this machine: tools/, lib/, libfdt         -> build/host/NAME
#   build/san/     this machine with sanitizers: tests/, lib/ -> build/host/tests
#
# Invariant: the same sources give the same bytes, wherever they are built (`make reproducible`).
# An object is named after its source, suffix included (trap.c.o beside trap.S.o).

MAKEFLAGS += -rR
SHELL     := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# All processors, where the user has not said otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

B := build
, := ,
space := $() $()

# ---- what a user may set -------------------------------------------------------------------------

define help-variables

Variables of make run:
  PAYLOAD=name|file[,...]  a payload's name or folder, or an image file; several are several guests
  CMDLINE="..."            the guests' command line
  MEM=128M VCPUS=1         memory and vCPUs of a guest
  DISK=file                the guests' disk: the first guest of a file writes to it, others to copies;
                           DISK=ram:file: of a copy in memory, which nobody keeps
  INITRD=file|folder       what lies in the guests' memory when they begin; a folder as a ustar archive
  PFLASH=file              contents of the guests' flash
  PFLASH_MODE=emulated|passthrough  a flash for each guest, or one for all: the machine's own, to read
  MACHINE="options"        machine options: mhartid=0x1234 word@0x40=0x6688
  GUESTS=file              several guests, one a line:
                           payload mem= vcpus= disk= initrd= pflash= machine= control procs= cmdline="..."
  BARE=1                   no hypervisor: the payload itself on the bare machine
  HARTS=1 HOSTMEM=1G       harts and memory of the whole machine
  FORK=cow|copy            how memory is forked: copy on write, or at once
  DOOR=ecall|invalid|mmio  how payloads ask for a fork
  SSTC=on|off              the guests' timer: the hart's own, or injected interrupts
  TRACE=off|exits[:filter] a line for each VM exit in build/run/exits.log; filter: pid=3,cause=ecall
  TIMEOUT=seconds          end a run that hangs, with status 124
  OVERCOMMIT=lazy|strict   strict: a VM begins only if all that it may ever touch is left for it

Variables of others:
  TIER=quick|full|soak     how much make test and make prove do
  GDBFLAGS="..." HV=1      for make gdb: gdb's options; the hypervisor's symbols as well
  DEPS=auto|manual         install what is missing, or only print the commands
  V=1                      print the commands
endef

variables := PAYLOAD CMDLINE MEM VCPUS DISK PFLASH PFLASH_MODE INITRD MACHINE GUESTS BARE HARTS HOSTMEM FORK \
             DOOR SSTC OVERCOMMIT TRACE TIMEOUT TIER GDBFLAGS HV DEPS V
unknown   := $(firstword $(filter-out $(variables) -%,$(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v))))
ifneq ($(unknown),)
meant := $(shell printf '%s\n' $(variables) | awk -v word='$(unknown)' -f tools/nearest.awk)
$(error unknown variable $(unknown)$(if $(meant),; did you mean $(meant)?) The variables are: $(variables))
endif

TIER ?= quick
ifeq ($(filter $(TIER),quick full soak),)
$(error TIER=$(TIER): must be one of: quick full soak)
endif

# ---- what to say ---------------------------------------------------------------------------------

V ?= 0
ifeq ($(V),0)
Q := @
endif
say := @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,echo)

# ---- what to build: the lists --------------------------------------------------------------------

#   hv-y guest-y dts-y    sources (.c .S .dts) of these folders
#   lib-y lib-riscv-y     sources for every world, and for the two RISC-V ones only
#   payloads-y            names; payload-raw: those of them that link nothing but themselves
#   test-guests-y         names of guests in tests/guest/
#   tests-y               what the host tests are made of beside lib/ and libfdt, from any folder
#   tools-y               names in tools/: NAME.c, and what the folder NAME holds
include $(wildcard hv/hv.mk guest/guest.mk lib/lib.mk dts/dts.mk payload/payload.mk tests/tests.mk tools/tools.mk)

libfdt := $(patsubst %,$(B)/deps/libfdt/%.c,fdt fdt_addresses fdt_check fdt_empty_tree fdt_ro fdt_rw \
            fdt_strerror fdt_sw fdt_wip)

# The sources of a program, $1 without suffix: that file, and all of its folder.
program-src = $(sort $(wildcard $1.[cS] $1/*.[cS]))

# ---- how to compile for each world ---------------------------------------------------------------

CROSS := riscv64-unknown-elf-

# -Wconversion and the others are the house rules; -Wmaybe-uninitialized is in -Wall.
warnings := -Wall -Wextra -Werror -Wshadow -Wconversion -Wmissing-prototypes -Wimplicit-fallthrough \
            -Wswitch-enum -Wundef -Wvla
common   := -std=gnu17 -O2 -g -fno-common -I. -isystem $(B)/deps/libfdt -isystem $(B)/deps/uthash \
            -MMD -MP -ffile-prefix-map=$(CURDIR)=. -Wa,--debug-prefix-map=$(CURDIR)=.
code     := -mcmodel=medany -msmall-data-limit=0 -fno-pic -ffunction-sections -fdata-sections
riscv    := $(common) --specs=picolibc.specs $(code) -ffreestanding
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
            -fno-optimize-sibling-calls

guest-harts := 1
smp-harts   := 8

hv-cc    := $(CROSS)gcc -march=rv64imac_zicsr_zifencei -mabi=lp64 $(riscv)
# Without these picolibc's headers do not show what guest/libc has.
posix    := $(addprefix -D_POSIX_,TIMERS=1 MONOTONIC_CLOCK=1 CLOCK_SELECTION=1 THREADS=1 TIMEOUTS=1 CPUTIME=1)
guest-cc := $(CROSS)gcc -march=rv64imafdc_zicsr_zifencei -mabi=lp64d $(riscv) -Iguest/include $(posix) -DGUEST_HARTS_MAX=$(guest-harts)
smp-cc   := $(filter-out -DGUEST_HARTS_MAX=%,$(guest-cc)) -DGUEST_HARTS_MAX=$(smp-harts)
host-cc  := gcc $(common)
san-cc   := gcc $(common) $(sanitize)

# GCC 12 finds no multilib for a -march that spells out zicsr and zifencei: link with the plain name.
# picolibc.specs adds --gc-sections, -lc and -lgcc; only what is referenced stays.
image-ld := --specs=picolibc.specs --picolibc-buildtype=release -nostartfiles -static
ld-flags := --build-id=none --no-warn-rwx-segments -z max-page-size=4096
riscv-ld := $(image-ld) $(ld-flags:%=-Wl,%) -Wl,--fatal-warnings
hv-ld    := $(CROSS)gcc -march=rv64imac -mabi=lp64 $(riscv-ld)
raw-ld   := $(CROSS)gcc -march=rv64imafdc -mabi=lp64d $(riscv-ld) -T guest/guest.ld -nostdlib \
            -Wl,--defsym=stack_bytes=0 -Wl,--defsym=part_bytes=16

# For programs from elsewhere, which are compiled and linked in one call: what a multilib is found by, and what
# the assembler takes beyond it.
ukcc-flags := -march=rv64imafdc -mabi=lp64d -mno-riscv-attribute -Wa,-march=rv64imafdc_zicsr_zifencei $(code) \
              $(posix) $(image-ld) -nodefaultlibs

# A payload's FDT is made by the machine that it trusts anyway: small code, without the checks of
# what a hostile one would hold.
guest-libfdt := -Os -DFDT_ASSUME_MASK=0x1d
smp-libfdt   := $(guest-libfdt)

# What runs once is small rather than fast.
cold := args hart machine main report
$(cold:%=$(B)/guest/guest/%.c.o): guest-cc += -Os
$(cold:%=$(B)/smp/guest/%.c.o): smp-cc += -Os

# objects of WORLD,SOURCES
objects = $(addprefix $(B)/$1/,$(addsuffix .o,$(patsubst $(B)/deps/%,%,$2)))

# The rules of a world: $1 its name, $2 a word behind the file name when several worlds compile it.
define world-rules
$(B)/$1/%.c.o: %.c Makefile | $(B)/version.h $(B)/deps/ready
	$$(say) "CC $$<$2"
	$$(Q)mkdir -p $$(@D) && $$($1-cc) $$(warnings) -c -o $$@ $$<

$(B)/$1/%.S.o: %.S Makefile | $(B)/deps/ready
	$$(say) "AS $$<$2"
	$$(Q)mkdir -p $$(@D) && $$($1-cc) -c -o $$@ $$<

$(B)/$1/libfdt/%.c.o: $(B)/deps/libfdt/%.c Makefile
	$$(say) "CC libfdt/$$(<F)$2"
	$$(Q)mkdir -p $$(@D) && $$($1-cc) $$($1-libfdt) -w -c -o $$@ $$<

# A compiled device tree as the object NAME_dtb[] ... NAME_dtb_end[].
$(B)/$1/%.dts.o: $(B)/%.dtb
	$$(Q)mkdir -p $$(@D) && printf '.section .rodata.%s_dtb, "a"\n.balign 8\n.globl %s_dtb, %s_dtb_end\n%s_dtb:\n.incbin "%s"\n%s_dtb_end:\n.section .note.GNU-stack, ""\n' \
	    $$(*F) $$(*F) $$(*F) $$(*F) $$< $$(*F) | $$(filter-out -MMD -MP,$$($1-cc)) -x assembler -c -o $$@ -
endef
$(eval $(call world-rules,hv,))
$(eval $(call world-rules,guest, (guest)))
$(eval $(call world-rules,smp, (guest, several harts)))
$(eval $(call world-rules,host, (host)))
$(eval $(call world-rules,san, (sanitized)))

$(B)/%.dtb: %.dts | $(B)/deps/ready
	$(say) "DTC $<"
	$(Q)mkdir -p $(@D) && dtc -q -I dts -O dtb -o $@ $<

# make archive: AR of exactly the prerequisites
define archive
$(say) "AR $@"
$(Q)mkdir -p $(@D) && rm -f $@ && $1ar rcsD $@ $(filter %.o,$^)
endef

# ---- the hypervisor ------------------------------------------------------------------------------

hv-elf  := $(B)/hv/forkvisor.elf
hv-objs := $(call objects,hv,$(hv-y) $(lib-y) $(lib-riscv-y) $(dts-y) $(libfdt))

$(hv-elf): $(hv-objs) hv/hv.ld Makefile
	$(say) "LD $@"
	$(Q)$(hv-ld) -T hv/hv.ld -Wl,-Map=$(@:.elf=.map) -o $@ $(hv-objs)

# The same where no guest's code is: tools/gdb.sh.
$(B)/hv/gdb.elf: $(hv-objs) hv/hv.ld Makefile
	$(say) "LD $@"
	$(Q)$(hv-ld) -T hv/hv.ld -Wl,--defsym=hv_base=0x88000000 -o $@ $(hv-objs)

# ---- payloads ------------------------------------------------------------------------------------

# The library OS is a base and components.  Of the base, lib/, dts/ and libfdt, archives, a payload carries
# what it refers to.  A component (guest/guest.mk) is linked whole, and only if the payload names it or if
# one that is named needs it.  tools/ukcc links; it learns from ukcc.conf what there is.
base-objs = $(call objects,$1,$(guest-y) $(lib-y) $(lib-riscv-y) $(dts-y) $(libfdt))
component-objs = $(call objects,$1,$(foreach c,$(components-y),$($c-y)))

define guest-world
$(B)/$1/libguest.a: $(call base-objs,$1) Makefile
	$$(call archive,$(CROSS))
$(foreach c,$(components-y),
$(B)/$1/component/$c.a: $(call objects,$1,$(or $($c-sought),$($c-y))) Makefile
	$$(call archive,$(CROSS))
)
$(B)/$1/ready: $(B)/$1/libguest.a $(components-y:%=$(B)/$1/component/%.a) $(call component-objs,$1) $(B)/ukcc.conf tools/ukcc guest/guest.ld
	$$(Q)touch $$@
endef
$(foreach w,guest smp,$(eval $(call guest-world,$w)))

# What tools/ukcc knows.  build/ukcc holds what GCC finds first: it as the linker, and libraries that others
# keep apart from libc.  ukcc.conf is Bash: of components, the objects, what each is an alternative for and needs,
# and what a program that names none gets beside it;
# `always` are those of every image, `hosted` those that a program has which names none.
separate-libs := dl pthread rt util
$(B)/ukcc.conf: Makefile guest/guest.mk | $(B)/deps/ready
	$(say) "GEN $@"
	$(Q)mkdir -p $(B)/ukcc && ln -sf ../../tools/ukcc $(B)/ukcc/ld
	$(Q)for l in $(separate-libs); do $(CROSS)ar rcsD $(B)/ukcc/lib$$l.a; done
	$(Q){ \
	echo 'cross=$(CROSS)'; \
	echo 'compile=($(ukcc-flags))'; \
	echo 'layout=($(ld-flags)) libraries=(-lgcc -lc)'; \
	echo 'always="$(components-always)" hosted="$(components-hosted)"'; \
	echo 'declare -A harts=([guest]=$(guest-harts) [smp]=$(smp-harts))'; \
	echo 'declare -A objects=() kind=() needs=() beside=() default=($(foreach k,$(component-kinds),[$k]=$(default-$k)))'; \
	$(foreach c,$(components-y),echo 'objects[$c]="$(addsuffix .o,$($c-y))" kind[$c]="$($c-kind)" needs[$c]="$($c-needs)" beside[$c]="$($c-hosted)"';) \
	} >$@

payload-elfs := $(payloads-y:%=$(B)/payload/%.elf)
payload-bins := $(payloads-y:%=$(B)/payload/%.bin)
test-guests := $(test-guests-y:%=$(B)/tests/guest/%.elf)

# source-NAME names another program whose sources these are, too: with other components.
# A program, $1, of folder $2; payload-raw names those that bring their own start-up and link nothing else.
world-of = $(if $(filter smp,$(components-$1)),smp,guest)
define payload-rules
$(B)/$2/$1.elf: $(call objects,$(call world-of,$1),$(call program-src,$2/$(or $(source-$1),$1))) $(B)/$(call world-of,$1)/ready payload/payload.mk tests/tests.mk
	$$(say) "LD $$@"
	$$(Q)mkdir -p $$(@D) && $(if $(filter $1,$(payload-raw)),$$(raw-ld),tools/ukcc -Wl$(,)--fatal-warnings \
	    --components=$(subst $(space),$(,),$(strip $(components-$1))) $(stack-$1:%=--stack=%)) \
	    -Wl$(,)-Map=$$(@:.elf=.map) -o $$@ $$(filter %.o,$$^)
endef
$(foreach p,$(payloads-y),$(eval $(call payload-rules,$p,payload)))
$(foreach p,$(test-guests-y),$(eval $(call payload-rules,$p,tests/guest)))

%.bin: %.elf
	$(Q)$(CROSS)objcopy -O binary $< $@

# ---- programs of this machine --------------------------------------------------------------------

host-programs := $(tools-y:%=$(B)/host/%)
$(B)/host/libhost.a: $(call objects,host,$(filter %.c,$(lib-y)) $(libfdt)) Makefile
	$(call archive)

define tool-rules
$(B)/host/$1: $(call objects,host,$(call program-src,tools/$1)) $(B)/host/libhost.a
	$$(say) "LD $$@"
	$$(Q)$$(host-cc) -o $$@ $$^
endef
$(foreach t,$(tools-y),$(eval $(call tool-rules,$t)))

# A plugin of QEMU.
$(B)/host/insns.so: tools/insns.c Makefile | $(B)/deps/ready
	$(say) "LD $@"
	$(Q)mkdir -p $(@D) && $(host-cc) $(warnings) -fPIC -shared -o $@ $<

$(B)/san/libsan.a: $(call objects,san,$(filter %.c,$(lib-y)) $(libfdt)) Makefile
	$(call archive)

# What tests can make fail.
test-wraps := malloc calloc realloc aligned_alloc space_node_alloc

test-objs := $(call objects,san,$(tests-y))
$(B)/host/tests: $(test-objs) $(B)/san/libsan.a
	$(say) "LD $@"
	$(Q)mkdir -p $(@D) && $(san-cc) $(test-wraps:%=-Wl,--wrap=%) -o $@ $^

# ---- version and dependencies --------------------------------------------------------------------

# Written only when it changed, so that nothing is rebuilt for it otherwise.
$(B)/version.h: force
	@mkdir -p $(@D); \
	text='#define FORKVISOR_VERSION "'$$(git describe --always --dirty --tags 2>/dev/null || echo unknown)'"'; \
	[ "$$text" = "$$(cat $@ 2>/dev/null)" ] || echo "$$text" >$@

# Compilers, QEMU and third-party sources.
$(B)/deps/ready: tools/deps.sh
	$(Q)tools/deps.sh
$(libfdt): $(B)/deps/ready ;

# ---- goals ---------------------------------------------------------------------------------------

.PHONY: all force run disk test prove fuzz bench bench-linux trace gdb size reproducible check help clean
all: $(hv-elf) $(payload-elfs) $(payload-bins) $(B)/guest/ready $(B)/smp/ready $(host-programs) $(B)/host/tests ## build everything

run: $(hv-elf) $(payload-elfs) $(host-programs) ## run guests in QEMU
	$(Q)tools/run.sh

disk: ## make a disk for guests, DISK=file (build/disk.img): FAT32 with some files
	$(Q)tools/deps.sh disk && tools/mkdisk.sh "$(or $(DISK),$(B)/disk.img)"

test: all $(test-guests) ## run the tests
	$(Q)tools/deps.sh disk && tests/run -t $(TIER)

prove: ## prove the invariants of spaces, counts and processes for all inputs within bounds: TIER=
	$(Q)tools/deps.sh prove && tools/prove.sh $(TIER)

fuzz: $(B)/host/tests ## damage every untrusted input for ten minutes
	$(Q)$(B)/host/tests --fuzz 600

bench: all $(B)/hv/forkvisor.bin $(B)/host/insns.so ## measure, compare with Linux and KVM, write build/bench.json
	$(Q)tools/deps.sh disk && tools/bench.sh

bench-linux: $(B)/host/insns.so ## measure Debian's Linux for comparison, write build/bench-linux.json
	$(Q)tools/deps.sh linux && tools/bench_linux.sh

trace: $(B)/host/trace ## of the last TRACE=exits run: a histogram, and a file for Perfetto
	$(Q)[ -s $(B)/run/exits.bin ] || { echo "trace: nothing recorded; first: make run TRACE=exits" >&2; exit 1; }
	$(Q)$< histogram $(B)/run/exits.bin
	$(Q)$< perfetto $(B)/run/exits.bin $(B)/run/exits.json

gdb: $(B)/hv/gdb.elf $(payload-elfs) $(host-programs) ## debug a guest: PAYLOAD=, BARE=1, GDBFLAGS=
	$(Q)tools/deps.sh gdb && tools/gdb.sh

size: $(hv-elf) $(payload-elfs) ## how large the images are, and what is in them
	$(Q)tools/size.sh $^

reproducible: ## prove that two builds, in two places, are the same bytes
	+$(Q)tools/reproducible.sh

check: compile_commands.json ## judge the sources: format, layers, licence lines, static analysis
	$(Q)tools/deps.sh check && tools/check.sh

# What editors want to know.  It is longer than a command of the shell may be.
compile-entry = {"directory": "$(CURDIR)", "file": "$2", "command": "$($1-cc) $(warnings) -c $2"}
sources-of = $(sort $(foreach p,$2,$(call program-src,$1/$(or $(source-$p),$p))))
compile-entries = $(foreach s,$(filter-out %.dts,$2),$(call compile-entry,$1,$s))
compile_commands.json: Makefile $(wildcard */*.mk) ## for editors
	$(say) "GEN $@"
	$(Q)$(file >$@,[$(subst } {,}$(,) {,$(strip \
	    $(call compile-entries,hv,$(hv-y) $(lib-y) $(lib-riscv-y) $(dts-y)) \
	    $(call compile-entries,guest,$(sort $(guest-y) $(foreach c,$(components-y),$($c-y))) $(call sources-of,payload,$(payloads-y)) $(call sources-of,tests/guest,$(test-guests-y))) \
	    $(call compile-entries,host,$(foreach t,$(tools-y),$(call program-src,tools/$t))) \
	    $(call compile-entries,san,$(tests-y))))])

help: export HELP = $(help-variables)
help: ## this text
	@awk -F':.*## ' '/^[a-z_.-]+:.*## / { printf "make %-22s %s\n", $$1, $$2 }' Makefile; echo "$$HELP"

clean: ## remove what was built; what tools/deps.sh fetched stays
	$(Q)rm -rf $(filter-out $(B)/deps,$(wildcard $(B)/*)) compile_commands.json

-include $(shell find $(B) -name '*.d' -not -path '$(B)/deps/*' 2>/dev/null)
