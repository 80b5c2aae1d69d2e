# ntdumpfs - build, test, install. `make help` lists the targets.

VERSION  := 0.1
PREFIX   ?= /usr/local
SBINDIR  ?= /sbin
BUILD    ?= build
PACKAGES := fuse3 yajl liblzma libkdumpfile capstone libseccomp

# One folder per flavour, so that objects never mix: SANITIZE=1, =thread or =fuzz.
SANITIZE ?=
FLAVOUR  := $(or $(if $(SANITIZE),,release),$(patsubst 1,asan,$(patsubst thread,tsan,$(SANITIZE))))
B        := $(BUILD)/$(FLAVOUR)

SAN_asan := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SAN_tsan := -fsanitize=thread -fno-omit-frame-pointer
SAN_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SAN      := $(SAN_$(FLAVOUR))
HARDEN   := $(if $(SAN),,-D_FORTIFY_SOURCE=2 -fstack-protector-strong)

CFLAGS   ?= -O2 -g
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DNTDUMPFS_VERSION='"$(VERSION)"' -Iengine -Ifs -fPIE -pthread \
             $(WARN) $(HARDEN) $(SAN) $(shell pkg-config --cflags $(PACKAGES)) $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now $(SAN) $(LDFLAGS)
LIBS     = $(shell pkg-config --libs $(PACKAGES))

ENGINE   := $(sort $(shell find engine -name '*.c'))
FS       := $(sort $(shell find fs -name '*.c'))
UNIT     := $(sort $(wildcard tests/unit/test_*.c))
FUZZ     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
ORACLE   := $(sort $(wildcard tests/oracle/*.c))
SCRIPTS  := .ci/run tests/run.sh mount-helpers/completion/ntdumpfs.bash mount-helpers/man/tree.sh $(wildcard tests/*/*.sh mount-helpers/*.sh) mount-helpers/ntdumpfs-symbols mount-helpers/ntdumpfs-diff
BATS     := $(wildcard tests/*.bats tests/*.bash)

object    = $(patsubst %.c,$(B)/%.o,$(1))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT))
ORACLES  := $(patsubst tests/oracle/%.c,$(B)/oracle/%,$(ORACLE))
REPLAY   := $(patsubst tests/fuzz/fuzz_%.c,$(B)/replay/%,$(FUZZ))
FUZZER   := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzzer/%,$(FUZZ))
OBJECTS  := $(call object,$(ENGINE) $(FS) $(UNIT) $(ORACLE) $(FUZZ) tests/fuzz/replay.c)

.PHONY: all deps check check-built demo demo-built bench bench-built lint format fuzz fuzz-built \
        tsan tsan-built soak soak-built profiles install uninstall clean deb dist help tests-built
.DELETE_ON_ERROR:
.SECONDARY:

all: $(B)/ntdumpfs ## build the daemon (installs nothing)

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo "  variables: CC=gcc|clang SANITIZE=1|thread T=TARGET TIME=SECONDS PREFIX= DESTDIR= BUILD= V=1"

# A short line for each step; V=1 shows the commands.
say = $(if $(V),,@echo "  $(1)" && )

# --- building ---------------------------------------------------------------------------------

$(B)/packages: mount-helpers/deps.sh
	@mount-helpers/deps.sh --missing build
	@mkdir -p $(@D) && touch $@

$(B)/%.o: %.c | $(B)/packages
	@mkdir -p $(@D)
	$(call say,CC $<)$(CC) $(ALL_CFLAGS) $(if $(filter engine/%,$<),-Wconversion) -MMD -MP -c -o $@ $<

$(B)/libntdump.a: $(call object,$(ENGINE))
$(B)/libntdumpfs.a: $(call object,$(filter-out fs/main.c,$(FS)))
$(B)/%.a:
	@rm -f $@
	$(call say,AR $@)$(AR) rcs $@ $^

ARCHIVES := $(B)/libntdumpfs.a $(B)/libntdump.a
LINK      = $(call say,LD $@)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(B)/ntdumpfs: $(B)/fs/main.o $(ARCHIVES)
	$(LINK)
$(B)/unit/%: $(B)/tests/unit/%.o $(ARCHIVES)
	$(LINK)
$(B)/unit/test_failing: LDFLAGS += $(foreach f,malloc calloc realloc reallocarray strdup strndup getcwd free pread pread64,-Wl,--wrap=$(f))
$(B)/oracle/%: $(B)/tests/oracle/%.o $(ARCHIVES)
	$(LINK) -laddrxlat
$(B)/soak/%: $(B)/tests/soak/%.o $(ARCHIVES)
	$(LINK)
$(B)/replay/%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(ARCHIVES)
	$(LINK)
$(B)/fuzzer/%: $(B)/tests/fuzz/fuzz_%.o $(ARCHIVES)
	$(LINK) -fsanitize=fuzzer

-include $(OBJECTS:.o=.d)

# --- running ----------------------------------------------------------------------------------

deps: ## install what building and testing need (apt-get; does nothing when all is there)
	@mount-helpers/deps.sh build test

check: deps ## run all tests; the last line counts them. SANITIZE=1: under ASan and UBSan
	@$(MAKE) --no-print-directory check-built
tests-built: all $(UNIT_BIN) $(ORACLES) $(REPLAY)
check-built: tests-built
	@tests/run.sh $(B)

tsan: deps ## many readers at once under ThreadSanitizer
	@$(MAKE) --no-print-directory SANITIZE=thread tsan-built
tsan-built: all
	@tests/run.sh $(B) tests/threads.bats

demo: deps ## build a sample dump, mount it, show what it is good for
	@$(MAKE) --no-print-directory demo-built
demo-built: all
	@tests/demo.sh $(B)/ntdumpfs

bench: deps ## measure against tmpfs and write the table of docs/performance.md
	@$(MAKE) --no-print-directory bench-built
bench-built: all
	@tests/bench/bench.sh $(B)/ntdumpfs

T    ?= $(firstword $(notdir $(FUZZER)))
TIME ?= 60
fuzz: ## fuzz one target: T=TARGET TIME=SECONDS (needs clang)
	@mount-helpers/deps.sh build fuzz
	@$(MAKE) --no-print-directory SANITIZE=fuzz CC=clang fuzz-built
fuzz-built: $(B)/fuzzer/$(T)
	@mkdir -p $(B)/corpus/$(T) tests/fuzz/corpus/$(T)
	$(B)/fuzzer/$(T) -max_total_time=$(TIME) -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix=$(B)/corpus/ $(B)/corpus/$(T) tests/fuzz/corpus/$(T)

soak: deps ## break and read 10,000 dumps, mount 10,000 times; N= SEED= MOUNTS= CYCLES=: see tests/soak
	@$(MAKE) --no-print-directory SANITIZE=1 soak-built
soak-built: all $(B)/soak/soak
	@tests/soak/soak.sh $(B)

lint: ## clang-tidy, cppcheck, shellcheck, clang-format
	@mount-helpers/deps.sh build lint
	clang-format --dry-run -Werror $(shell git ls-files '*.c' '*.h')
	shellcheck $(SCRIPTS)
	shellcheck -s bash -e SC2013,SC2016,SC2030,SC2031,SC2154 $(BATS)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning,portability \
		-Iengine -Ifs engine fs
	clang-tidy --quiet $(ENGINE) $(FS) -- $(filter-out -Werror,$(ALL_CFLAGS))

format: ## let clang-format decide the spacing
	clang-format -i $(shell git ls-files '*.c' '*.h')

profiles: ## rewrite the built-in layouts from the folder LAYOUTS
	python3 engine/sym/mkprofiles.py $(LAYOUTS)

# --- installing -------------------------------------------------------------------------------

MAN      := $(wildcard mount-helpers/man/*.[1-8]) $(B)/ntdumpfs.5
PROGRAMS := $(wildcard mount-helpers/ntdumpfs-*[!.]*[a-z])
DATADIR   = $(DESTDIR)$(PREFIX)/share
# What is installed, and where: COMPLETIONS in the shells' own folders.
BASH_COMPLETION = $(DATADIR)/bash-completion/completions/ntdumpfs
ZSH_COMPLETION  = $(DATADIR)/zsh/vendor-completions/_ntdumpfs

LIBDIR   ?= $(PREFIX)/lib
# libntdump needs what libntdumpfs needs, but for FUSE and the sandbox.
LIBRARY_PACKAGES := $(filter-out fuse3 libseccomp,$(PACKAGES))

$(B)/libntdump.pc: Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$${prefix}/include' '' \
		'Name: libntdump' 'Description: reads Windows x64 kernel crash dumps' \
		'Version: $(VERSION)' 'Requires: $(LIBRARY_PACKAGES)' \
		'Cflags: -I$${includedir}/ntdump -pthread' 'Libs: -L$${libdir} -lntdump -pthread' > $@

$(B)/ntdumpfs.5: $(B)/ntdumpfs mount-helpers/man/tree.sh
	$(call say,MAN $@)mount-helpers/man/tree.sh $< > $@

install: all $(B)/ntdumpfs.5 $(B)/libntdump.pc ## install below PREFIX (/usr/local), the mount helper in /sbin; DESTDIR is honoured
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SBINDIR)
	install $(B)/ntdumpfs $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	ln -sf $(PREFIX)/bin/ntdumpfs $(DESTDIR)$(SBINDIR)/mount.ntdumpfs
	$(foreach m,$(MAN),install -Dm644 $(m) $(DATADIR)/man/man$(lastword $(subst ., ,$(m)))/$(notdir $(m));)
	install -Dm644 mount-helpers/completion/ntdumpfs.bash $(BASH_COMPLETION)
	ln -sf ntdumpfs $(dir $(BASH_COMPLETION))ntdumpfs-symbols
	ln -sf ntdumpfs $(dir $(BASH_COMPLETION))ntdumpfs-diff
	install -Dm644 mount-helpers/completion/_ntdumpfs $(ZSH_COMPLETION)
	install -Dm644 $(B)/libntdump.a $(DESTDIR)$(LIBDIR)/libntdump.a
	install -Dm644 $(B)/libntdump.pc $(DESTDIR)$(LIBDIR)/pkgconfig/libntdump.pc
	cd engine && find . -name '*.h' -exec install -Dm644 {} $(abspath $(DESTDIR)$(PREFIX))/include/ntdump/{} \;

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(SBINDIR)/mount.ntdumpfs $(DESTDIR)$(PREFIX)/bin/ntdumpfs
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(PROGRAMS)))
	rm -rf $(DESTDIR)$(PREFIX)/include/ntdump
	rm -f $(DESTDIR)$(LIBDIR)/libntdump.a $(DESTDIR)$(LIBDIR)/pkgconfig/libntdump.pc
	rm -f $(BASH_COMPLETION) $(addprefix $(dir $(BASH_COMPLETION))ntdumpfs-,symbols diff) $(ZSH_COMPLETION)
	rm -f $(foreach m,$(MAN),$(DATADIR)/man/man$(lastword $(subst ., ,$(m)))/$(notdir $(m)))

dist: ## a source archive of the last commit
	@mkdir -p $(BUILD)
	git archive --prefix=ntdumpfs-$(VERSION)/ -o $(BUILD)/ntdumpfs-$(VERSION).tar.gz HEAD

deb: ## Debian packages of the last commit, below BUILD, and what lintian says of them
	@mount-helpers/deps.sh build package
	rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/ntdumpfs-$(VERSION)
	git archive HEAD | tar -x -C $(BUILD)/deb/ntdumpfs-$(VERSION)
	cd $(BUILD)/deb/ntdumpfs-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u BUILD dpkg-buildpackage -us -uc -b
	lintian --allow-root --fail-on error,warning $(BUILD)/deb/*.changes

clean: ## remove everything that was built
	rm -rf $(BUILD)
