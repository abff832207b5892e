# Builds the two programs, their tests and fuzzers. No configure step: the compiler and every library come from
# packaging/deps, which builds them once a machine. Run `make help` for the targets.
#
#   V=1              shows the commands
#   FLAVOUR=asan     in build-asan/: AddressSanitizer and UBSan on the host's C library; tsan likewise
#   FUZZ_S=60        seconds for each fuzzer
#   PEERS=DIR        other programs to measure beside ours (tests/bench.sh says how)

FLAVOUR := release
FUZZ_S  := 60
PEERS   ?=
DESTDIR :=
PREFIX  := /usr

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc) --no-builtin-rules
endif
Q := $(if $(V),,@)

# Flavours: where the output goes, which toolchain, which flags.
B_release := build
B_asan    := build-asan
B_tsan    := build-tsan
SAN_asan  := -fsanitize=address,undefined,fuzzer-no-link
SAN_tsan  := -fsanitize=thread
LDFLAGS_release := -Wl,--pack-dyn-relocs=relr

B    := $(or $(B_$(FLAVOUR)),$(error FLAVOUR is release, asan or tsan))
SAN  := $(SAN_$(FLAVOUR))
KIND := $(if $(SAN),host,musl)
TC   := $(shell packaging/deps/build.sh --print $(KIND))
CC   := clang-19 --config=$(TC)/cc.cfg
LINK := clang++-19 --config=$(TC)/cc.cfg

# One rounding per operation: the compiler may not contract a*b+c, which would make the answer depend on it.
NUMERICS := -ffp-contract=off
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Werror=implicit
HARDEN   := -fstack-protector-strong -fvisibility=hidden -fPIE
OPTIMISE := $(if $(SAN),-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all $(SAN),-O2)
CFLAGS   := -std=c17 $(OPTIMISE) $(NUMERICS) $(WARN) $(HARDEN) -ffunction-sections -fdata-sections \
            -ffile-prefix-map=$(CURDIR)=. -D_GNU_SOURCE -I.
# Without --gc-sections the link fails: oneDNN is cut down to what is called. The symbol table stays, for auditors.
LDFLAGS  := $(LDFLAGS_$(FLAVOUR)) $(SAN) -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack,--build-id=none
LIBS     := -ldnnl -lhwloc -lsodium -lyyjson -lpcre2-8 -lutf8proc -lseccomp -lmicrohttpd

# Instruction sets: only for files that carry one in their name, x_avx2.c and so on. The rest is plain x86-64.
ISA_avx2   := -mavx2 -mfma -mf16c -mbmi2
ISA_avx512 := $(ISA_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl
ISA_vnni   := $(ISA_avx512) -mavx512vnni
ISA_amx    := -mamx-tile -mamx-int8
isa_flags   = $(ISA_$(lastword $(subst _, ,$(basename $(notdir $<)))))

objects  = $(patsubst %.c,$(B)/%.o,$(1))
KERNELS := $(call objects,$(wildcard kernels/*.c))
CRYPTO  := $(call objects,$(wildcard crypto/*.c))
RUNTIME := $(call objects,$(filter-out runtime/main.c,$(wildcard runtime/*.c)))
PACK    := $(call objects,$(filter-out packaging/pack/main.c,$(wildcard packaging/pack/*.c)))
HELPERS := $(call objects,$(filter-out tests/test_%.c tests/make_%.c tests/fuzz_%.c,$(wildcard tests/*.c)))
LAYERS  := $(B)/runtime.a $(B)/crypto.a $(B)/kernels.a
TESTS   := $(patsubst %.c,$(B)/%,$(wildcard tests/test_*.c tests/make_*.c))
FUZZERS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz_*.c))

.PHONY: all programs demo test test-amx test-page emulator mutants lint format bench fuzz asan tsan clean install help
.DELETE_ON_ERROR:
.SECONDARY:

all: programs $(TESTS) $(if $(filter asan,$(FLAVOUR)),$(FUZZERS))
programs: $(B)/cloister $(B)/cloister-pack

$(B)/cloister:      $(B)/runtime/main.o $(LAYERS)
$(B)/cloister-pack: $(B)/packaging/pack/main.o $(B)/pack.a $(LAYERS)
$(TESTS) $(FUZZERS): $(B)/%: $(B)/%.o $(B)/helpers.a $(B)/pack.a $(LAYERS)
$(FUZZERS): LDFLAGS += -fsanitize=fuzzer
WRAPPED := malloc calloc realloc aligned_alloc posix_memalign mmap # counted there
$(B)/tests/test_allocations: LDFLAGS += $(WRAPPED:%=-Wl,--wrap=%)
$(B)/cloister $(B)/cloister-pack $(TESTS) $(FUZZERS):
	@echo "LD $@"
	$(Q)$(LINK) $(LDFLAGS) $^ $(LIBS) -o $@

$(B)/kernels.a: $(KERNELS)
$(B)/crypto.a:  $(CRYPTO)
$(B)/runtime.a: $(RUNTIME)
$(B)/pack.a:    $(PACK)
$(B)/helpers.a: $(HELPERS)
$(B)/%.a: $(B)/flags
	@echo "AR $@"
	$(Q)rm -f $@ && llvm-ar-19 rcsD $@ $(filter %.o,$^)

$(B)/%.o: %.c $(B)/flags
	@echo "CC $<"
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(isa_flags) -MMD -MP -c $< -o $@

# The web page, with everything in it.
$(B)/runtime/page.o: CFLAGS += --embed-dir=$(B)
$(B)/runtime/page.o: $(B)/page.html $(B)/page.policy
$(B)/page.html $(B)/page.policy &: $(wildcard runtime/page/*) $(wildcard runtime/page/languages/*) $(B)/flags
	@echo "PAGE $(B)/page.html"
	$(Q)runtime/page/assemble.py $(B)

# What decides an answer's bits in plain C, by another compiler or optimisation: build/plain/gcc-O0/make_digests and so on, for
# tests/cli_reference.sh.
PLAIN          := $(filter-out kernels/brgemm.c,$(foreach f,$(wildcard kernels/*.c),$(if $(ISA_$(lastword $(subst _, ,$(basename $(f))))),,$(f)))) \
                  $(wildcard runtime/block_*.c runtime/engine*.c runtime/moe_*.c) runtime/sampler.c
PLAIN_CC_gcc   := gcc -nostdinc -isystem $(TC)/sysroot/usr/include -isystem $(shell gcc -print-file-name=include 2> /dev/null)
PLAIN_CC_clang := $(CC)
plain_cc        = $(PLAIN_CC_$(firstword $(subst -, ,$*))) -$(lastword $(subst -, ,$*))
$(B)/plain/%/make_digests: $(PLAIN) $(B)/tests/make_digests
	@mkdir -p $(@D)
	$(Q)for file in $(PLAIN); do \
	  $(plain_cc) -std=c17 $(NUMERICS) -fPIE -D_GNU_SOURCE -I. -c $$file -o $(@D)/$$(basename $$file .c).o || exit 1; \
	done
	$(Q)$(LINK) $(LDFLAGS) $(B)/tests/make_digests.o $(@D)/*.o $(B)/helpers.a $(B)/pack.a $(LAYERS) $(LIBS) -o $@

# Everything is rebuilt when the toolchain or a flag changes.
FLAGS := $(CC) $(CFLAGS) $(LDFLAGS) $(LIBS) $(ISA_vnni) $(ISA_amx)
ifneq ($(FLAGS),$(file <$(B)/flags))
.PHONY: $(B)/flags
endif
$(B)/flags: | $(TC)/cc.cfg
	$(Q)packaging/packages.sh build $(filter host,$(KIND))
	@mkdir -p $(B)
	@echo '$(FLAGS)' > $@
$(TC)/cc.cfg:
	$(Q)packaging/deps/build.sh $(KIND) > /dev/null

-include $(wildcard $(B)/*/*.d $(B)/packaging/pack/*.d)

test: all
	$(Q)packaging/packages.sh --optional test
	$(Q)rm -f $(filter-out $(TESTS) %.o %.d,$(wildcard $(B)/tests/test_*)) # tests whose source is gone
	$(Q)tests/run.sh $(B)
mutants:
	$(Q)tests/mutants.sh
# AVX-512, VNNI and AMX: here, or on emulated processors, which takes minutes.
test-amx: all emulator
	$(Q)packaging/packages.sh --optional test
	$(Q)TEST_TIMEOUT=$${TEST_TIMEOUT:-7200} tests/run.sh $(B) cli_amx cli_amx_answers
# Its minutes are not to count as a test's. Where it cannot be had, what needs it is skipped by name.
emulator: $(B)/flags
	$(Q)tests/amx/build_emulator.sh > /dev/null || true
test-page: programs $(B)/tests/make_page
	$(Q)packaging/packages.sh --optional page
	$(Q)tests/run.sh $(B) cli_page
demo: programs
	$(Q)packaging/demo/demo.sh $(B)
bench: programs
	$(Q)PEERS='$(PEERS)' tests/bench.sh $(B)
lint:
	$(Q)packaging/packages.sh lint
	$(Q)tests/lint.sh
format:
	$(Q)clang-format-19 -i $$(find crypto kernels runtime packaging tests -name '*.[ch]')

asan tsan:
	$(Q)$(MAKE) --no-print-directory FLAVOUR=$@ test
ifneq ($(FLAVOUR),asan)
fuzz:
	$(Q)$(MAKE) --no-print-directory FLAVOUR=asan fuzz
else
fuzz: $(FUZZERS)
	$(Q)for n in $(patsubst fuzz_%,%,$(notdir $(FUZZERS))); do \
	  echo "FUZZ $$n"; mkdir -p $(B)/corpus/$$n $(B)/crashes; \
	  $(B)/tests/fuzz_$$n -max_total_time=$(FUZZ_S) -verbosity=0 -print_final_stats=1 -timeout=20 \
	    -artifact_prefix=$(B)/crashes/$$n- $(B)/corpus/$$n $$(ls -d tests/corpus/$$n 2> /dev/null) || exit 1; \
	done
endif

install: programs
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(B)/cloister $(B)/cloister-pack
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/system packaging/systemd/cloister@.service packaging/systemd/cloister@.socket
	install -D -m 644 packaging/systemd/cloister.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/cloister.conf
	for page in packaging/man/*.[1-8]; do install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page; done
clean:
	rm -rf build build-asan build-tsan
help:
	@echo 'make [all]   both programs and the tests, in build/    make lint    the rules of the tree'
	@echo 'make test    builds and runs every test                make format  applies .clang-format'
	@echo 'make asan    the tests under ASan and UBSan            make bench   speed, and that of others with PEERS=DIR'
	@echo 'make tsan    the tests under TSan                      make demo    packs, verifies and runs a small model'
	@echo 'make fuzz    each fuzzer for FUZZ_S seconds            make install into DESTDIR/PREFIX'
	@echo 'make mutants changes the arithmetic in a copy,        make test-amx  AVX-512, VNNI and AMX, on emulated processors'
	@echo '             and sees the tests fail                               where this one lacks them'
	@echo '                                           make test-page the web page, in a browser'
