# SPDX-License-Identifier: Apache-2.0
# Builds everything into build/. `make help` lists the targets; V=1 shows the commands.

# Tools: each can be given on the command line or in the environment.
ifeq ($(origin CC),default)
CC = gcc
endif
ifeq ($(origin CXX),default)
CXX = g++
endif
ifeq ($(origin AR),default)
AR = ar
endif
CLANG ?= clang
CLANG_FORMAT ?= clang-format
CLANG_TIDY ?= clang-tidy
PKG_CONFIG ?= pkg-config
PROTOC_C ?= protoc-c
ONNX_PROTO_DIR ?= /usr/include/onnx
# The headers of XRT: xclbin.h and xrt/xrt_device.h. AMD's own packages have them in /opt/xilinx/xrt/include.
XRT_INCLUDE ?= /usr/include/xrt
VERILATOR ?= verilator
YOSYS ?= yosys
IVERILOG ?= iverilog
INSTALL ?= install
# Debian's own, which has Debian's python3-numpy.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
LDFLAGS ?=
# NASA's C-MAPSS files for `make demo` (test_FD001.txt, RUL_FD001.txt, train_FD001.txt).
CMAPSS ?=
# Seconds that each libFuzzer run of `make test-long` takes.
FUZZ_SECONDS ?= 25

V ?= 0
ifeq ($(V),0)
Q := @
say = @echo "  $(1)"
else
Q :=
say = @:
endif

ifeq ($(filter -j% --jobserver-auth=%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 2)
endif
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

VERSION := $(shell sed -n 's/^\#define MR_VERSION "\(.*\)"/\1/p' base/millrace_error.h)
# Of a version 0.x each may break the interface.
SOVERSION := $(if $(filter 0.%,$(VERSION)),$(basename $(VERSION)),$(firstword $(subst ., ,$(VERSION))))
export VERILATOR YOSYS IVERILOG PYTHON
ifneq ($(VERILATOR),verilator)
export MILLRACE_VERILATOR ?= $(VERILATOR)
endif

# What the tests and the demonstration build is kept here, and Verilator's runtime for tests with a cache of their own too.
# Verilator's own make shall use all cores, so it must not look for the job server of this one.
RUN = MILLRACE_CACHE=$(CURDIR)/build/cache CCACHE_DIR=$(CURDIR)/build/cache/objects env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL

PACKAGES = gcc g++ libc6-dev make pkg-config \
    verilator ccache iverilog yosys z3 zlib1g-dev \
    libprotobuf-c-dev protobuf-c-compiler libonnx-dev libonnx-testdata libjansson-dev libssl-dev \
    libxrt1 libxrt-dev libzip-dev unzip tcl \
    umockdev libumockdev-dev libftdi1-dev libusb-1.0-0-dev \
    python3 python3-numpy \
    check libsubunit-dev clang libclang-rt-14-dev clang-format clang-tidy groff-base

# For the images of boards: placement, bitstreams, programming.
BOARD_PACKAGES = yosys nextpnr-ice40 fpga-icestorm fpga-icestorm-chipdb openfpgaloader

# ---- files

# Only for #include "...": a project header may be named as one of a library (check.h).
# A file sees its room and those that docs/rooms.txt lets it see; tests see all.
include build/rooms.mk
build/rooms.mk: docs/rooms.txt tests/rooms.sh
	$(Q)mkdir -p build
	$(Q)tests/rooms.sh make >$@
ALL_QUOTES = $(sort $(foreach room,$(filter QUOTES_%,$(.VARIABLES)),$($(room))))
quotes = $(or $(QUOTES_$(patsubst %/,%,$(dir $1))),$(ALL_QUOTES) -iquotetests)
INCLUDES = $(call quotes,$<) -isystem $(XRT_INCLUDE) $(FTDI_FLAGS)
WARNINGS = -Wall -Wextra -Wpedantic -Werror
FLAGS = -std=c11 -ffp-contract=off -fPIC -fvisibility=hidden -pthread -MMD -MP $(INCLUDES)
LIBS = $(FTDI_LIBS) -lz -lzip -lcrypto -ljansson -lprotobuf-c -ldl -lm -lpthread
CHECK_LIBS = $(shell $(PKG_CONFIG) --libs check)
CHECK_FLAGS = $(shell $(PKG_CONFIG) --cflags check)
# Of the emulated USB bus, and of the programs that its tests run.
UMOCKDEV_FLAGS = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags umockdev-1.0))
UMOCKDEV_LIBS = $(shell $(PKG_CONFIG) --libs umockdev-1.0)
# Asked once, by the first recipe that needs it: before that, deps may still have to install them.
FTDI_FLAGS = $(eval FTDI_FLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags libftdi1 libusb-1.0)))$(FTDI_FLAGS)
FTDI_LIBS = $(eval FTDI_LIBS := $(shell $(PKG_CONFIG) --libs libftdi1 libusb-1.0))$(FTDI_LIBS)
SANITIZE = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# What two threads of one program do at once. The simulators are theirs alone.
TSAN = -g -O1 -fno-omit-frame-pointer -fsanitize=thread
TSAN_TESTS := session_test driver_test card_process_test card_resume_test engine_test workers_test
LIBFUZZER = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all

LIB_SOURCES := $(wildcard base/*.c base/contract/*.c sim/*.c driver/*.c driver/*/*.c) \
    $(filter-out host/cli/% host/build/make_%,$(wildcard host/*/*.c host/*/*/*.c)) \
    sim/card/protocol.c
LIB_OBJECTS := $(LIB_SOURCES:%.c=%.o) gen/onnx.pb-c.o gen/emulation.pb-c.o gen/kernel_hashes.o
# What fuzzers call: files, the network and its import.
FUZZED_OBJECTS := $(filter base/% host/nn/% host/onnx/% host/json/% driver/usb/packet.o driver/usb/link.o driver/usb/link_words.o gen/onnx.pb-c.o,$(LIB_OBJECTS))
# The process that is an emulated card; millrace packs it into the images that it builds for emulation.
CARD_OBJECTS := $(patsubst %.c,%.o,$(wildcard sim/card/*.c)) gen/emulation.pb-c.o
# The process that is the emulated USB bus of a program's.
USB_BUS_OBJECTS := $(patsubst %.c,%.o,$(wildcard sim/usb/*.c))
CLI_OBJECTS := $(patsubst %.c,%.o,$(wildcard host/cli/*.c))
# Programs of their own, installed, and built by tests/install_test.sh as their users build them.
EXAMPLES := $(addprefix examples/,stream.c sensors.c batch.c text.c dates.c)
HLSC_OBJECTS := $(patsubst %.c,%.o,$(wildcard hls/compiler/*/*.c))
TESTS := $(patsubst tests/%.c,%,$(wildcard tests/*_test.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FORMATTED := $(foreach room,base base/contract host/* host/nn/ops driver driver/usb driver/xrt driver/xrt/broker sim sim/card sim/harness sim/usb hls/compiler hls/compiler/* \
    hls/include examples examples/cells hw tests tests/card tests/usb tests/fuzz tests/hlsc_fuzz,$(wildcard $(room)/*.[ch] $(room)/*.cpp)) \
    hls/kernels/make_tables.c hls/kernels/train/make_train_tables.c \
    $(filter-out %_tables.h,$(wildcard hls/kernels/*.h hls/kernels/*/*.h))
TEST_PROGRAMS := $(TESTS:%=build/tests/%)
ASAN_PROGRAMS := $(TESTS:%=build/asan/%)
TSAN_PROGRAMS := $(TSAN_TESTS:%=build/tsan/%)
FUZZ_PROGRAMS := $(FUZZERS:%=build/asan/%)
LIBFUZZER_PROGRAMS := $(FUZZERS:%=build/fuzzer/%)
MAN_PAGES := build/man/millrace.1 build/man/hlsc.1 build/man/libmillrace.3
# The Python package: its own files, and the library's interface as millrace.h declares it.
BOARD_IMAGES := $(foreach board,$(basename $(notdir $(wildcard hw/board/*.pcf))),$(wildcard bitstreams/$(board).bin bitstreams/$(board).json))
PYTHON_FILES := $(patsubst host/python/%,build/python/%,$(wildcard host/python/millrace/*.py host/python/millrace/py.typed)) build/python/millrace/_interface.py
OUTPUTS := $(MAN_PAGES) $(PYTHON_FILES) build/millrace build/millrace_card build/millrace_broker build/millrace_usb build/hlsc build/libmillrace.a build/libmillrace.so

# ---- targets

.PHONY: card
.PHONY: all tests deps deps-board bitstream demo demo-train study bench-train test test-long quick check conformance bench bench-cpu performance fit examples lint format format-check pictures tables registers install clean help

all: $(OUTPUTS) ## build the programs millrace and hlsc, and libmillrace

help: ## list the targets
	@echo "Targets:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-14s %s\n", $$1, $$2 }'
	@echo "Variables: V=1 (show commands), CC, CFLAGS, PREFIX, DESTDIR, CMAPSS (folder for the demonstration)"

# The packages of $1, where they are missing.
define install_packages
	@command -v dpkg-query >/dev/null || { \
	    echo "$@: this is no Debian; needed are the equivalents of: $1"; exit 0; }; \
	missing=; for package in $1; do \
	    [ "$$(dpkg-query -W -f='$${db:Status-Status}' $$package 2>/dev/null)" = installed ] || \
	        missing="$$missing $$package"; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	echo "$@: installing$$missing"; \
	install="$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing"; \
	apt-get install -s -q --no-install-recommends $$missing >/dev/null 2>&1 || $$root apt-get update -q; \
	$$install || { $$root apt-get update -q && $$install; } || { \
	    echo "$@: apt-get failed; install these packages by hand:$$missing"; exit 1; }
endef

deps: ## install the missing Debian packages (as root, or by sudo)
	$(call install_packages,$(PACKAGES))

deps-board: ## install what the image of a board is made with, and what puts it there
	$(call install_packages,$(BOARD_PACKAGES))

tests: all $(TEST_PROGRAMS) build/turbofan_demo build/make_registers build/make_packet ## build the test programs

demo: build/turbofan_demo $(OUTPUTS) ## predict the remaining life of jet engines on the simulated FPGA and on the CPU
	$(Q)$(RUN) CMAPSS="$(CMAPSS)" examples/demo.sh

demo-train: build/turbofan_demo $(OUTPUTS) ## train the networks of that from first weights, on the CPU
	$(Q)$(RUN) CMAPSS="$(CMAPSS)" examples/turbofan/train.sh

study: build/turbofan_demo $(OUTPUTS) ## train the turbofan networks in both arithmetics, and write the page of it: CMAPSS=, EPOCHS=
	$(Q)$(RUN) CMAPSS="$(CMAPSS)" examples/turbofan/study.sh

test: all $(TEST_PROGRAMS) $(FUZZ_PROGRAMS) build/tests/hlsc_fuzz build/tests/usb_clients build/turbofan_demo build/make_registers build/make_packet ## run the tests (some minutes)
	$(Q)$(RUN) CLANG_FORMAT="$(CLANG_FORMAT)" tests/run.sh short "$(TESTS)" "$(FUZZERS)"

test-long: all $(TEST_PROGRAMS) $(FUZZ_PROGRAMS) build/tests/hlsc_fuzz build/asan/hlsc build/tests/usb_clients $(ASAN_PROGRAMS) $(TSAN_PROGRAMS) $(LIBFUZZER_PROGRAMS) build/tests/icebreaker_run build/turbofan_demo build/make_registers build/make_packet build/tests/card_large ## test, and fuzzing, mutants, sanitizers
	$(Q)$(RUN) CLANG_FORMAT="$(CLANG_FORMAT)" FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run.sh long "$(TESTS)" "$(FUZZERS)"

# Those whose name says that they look at simulators, cards or the RTL of examples stay out, and those that take five seconds
# or try every number.
SLOW_TESTS := accuracy_test engine_test folded_test generate_test hlsc_depth_test hlsc_layers_test hlsc_schedule_test hlsc_size_test layer_cost_test repeat_test tables_test timeline_test timing_test train_gradient_test window_test
QUICK_TESTS := $(filter-out $(SLOW_TESTS) card_% cycles_test driver_test train_engine_test edges_test encoder_test examples_test external_rtl_test follow_test hlsc_interp_test networks_test arrange_test pool_test cell_state_test profile_test saturation_test sim_test,$(TESTS))
quick: all $(QUICK_TESTS:%=build/tests/%) ## the tests that need no Verilator, in seconds
	$(Q)$(RUN) tests/run.sh quick "$(QUICK_TESTS)" ""

TEST ?=
# A script names the test programs that it takes.
CHECKED = $(if $(wildcard tests/$(TEST).c),build/tests/$(TEST)) $(if $(wildcard tests/$(TEST).sh),$(shell grep -oE "build/tests/[a-z_]+" tests/$(TEST).sh))
check: all build/turbofan_demo build/make_registers build/make_packet build/tests/hlsc_fuzz $(CHECKED) ## run one test: TEST=plan_test, TEST=cli_test, ...
	@[ -e "tests/$(TEST).c" ] || [ -e "tests/$(TEST).sh" ] || { echo "check: give TEST=NAME, where tests/NAME.c or tests/NAME.sh is a test"; exit 1; }
	$(Q)$(RUN) MILLRACE_OPTIMISE=0 $(if $(wildcard tests/$(TEST).c),build/tests/$(TEST),tests/$(TEST).sh)

conformance: all build/tests/conformance ## what of the ONNX files of ../shared/cases/import runs right: CASES= for some of them
	$(Q)$(RUN) build/tests/conformance $(CASES)

bench: all build/turbofan_demo ## measure compile, build and simulation times
	$(Q)$(RUN) CC="$(CC)" tests/bench.sh

bench-train: build/tests/bench_train ## what a step of training takes on the CPU, beside oneDNN and PyTorch where they are: CASES= for some of S1 S2 S3 S4 GRU
	$(Q)$(RUN) $(PYTHON) tests/bench_train.py $(CASES)

performance: all ## cycles of the networks behind the card's shell: the tables of docs/performance.md
	$(Q)$(RUN) tests/performance.sh

fit: all ## what the networks cost on a u55c, by Yosys
	$(Q)$(RUN) tests/fit.sh

bench-hw: build/tests/bench_hw ## networks of published figures at full size: the table of docs/performance.md (hours)
	$(Q)$(RUN) tests/bench_hw.sh

bench-cpu: build/tests/bench_cpu ## device cpu: beside oneDNN (libdnnl-dev) and ONNX Runtime (ONNXRUNTIME=DIR) on one core and two: the tables of docs/performance.md
	$(Q)for threads in 1 2; do OMP_NUM_THREADS=$$threads build/tests/bench_cpu --threads $$threads $(CASES) && echo || exit 1; done

examples: all ## what the example kernels cost and how fast they are: the table of docs/hlsc.md
	$(Q)$(RUN) tests/examples_test.sh table

card: all ## link the image of an Alveo card by Vitis: MODEL=x.millrace TARGET=u55c
	@[ -n "$(MODEL)" ] && [ -n "$(TARGET)" ] || { echo "card: give MODEL=file.millrace and TARGET=, a card of base/contract/devices.def (u55c)"; exit 1; }
	$(Q)mkdir -p build/card
	$(Q)build/millrace build "$(MODEL)" --target $(TARGET) --platform hw -o build/card/$(TARGET)
	$(Q)mkdir -p bitstreams
	$(Q)hw/vitis/build.sh build/card/$(TARGET) bitstreams/$(basename $(notdir $(MODEL)))_$(TARGET).xclbin

BOARD ?=
bitstream: build/hlsc | deps-board ## make the image of a board again, with its manifest: BOARD=icebreaker (minutes)
	@[ -n "$(BOARD)" ] || { echo "bitstream: give BOARD=, a board of hw/board ($(basename $(notdir $(wildcard hw/board/*.pcf))))"; exit 1; }
	$(Q)hw/board/build.sh $(BOARD) build/board/$(BOARD)
	$(Q)for ending in bin json; do \
	    cmp -s build/board/$(BOARD)/$(BOARD).$$ending bitstreams/$(BOARD).$$ending || \
	        cp build/board/$(BOARD)/$(BOARD).$$ending bitstreams/$(BOARD).$$ending || exit 1; \
	done

LINTED = $(LIB_SOURCES) $(HLSC_OBJECTS:%.o=%.c) $(wildcard hls/compiler/*.c driver/xrt/broker/*.c sim/usb/*.c host/cli/*.c host/build/make_*.c examples/*.c hw/*.c)
LINT_JOBS := $(shell nproc 2>/dev/null || echo 2)
lint: format-check | deps build/gen/onnx.pb-c.h build/gen/emulation.pb-c.h ## lint the RTL with Verilator and the C with clang-tidy
	$(call say,LINT    hw/rtl)
	$(Q)hw/lint.sh
	$(call say,LINT    rooms)
	$(Q)tests/rooms.sh check
	$(Q)docs/rooms_picture.sh | cmp -s - docs/rooms.svg || { echo "docs/rooms.svg is not that of docs/rooms.txt: make pictures"; exit 1; }
	$(call say,LINT    C)
	$(Q)printf '%s\n' $(LINTED) | xargs -P$(LINT_JOBS) -n8 sh -c '$(CLANG_TIDY) --quiet "$$@" -- \
	    -std=c11 -pthread -Wall -Wextra $(ALL_QUOTES) -isystem $(XRT_INCLUDE) $(UMOCKDEV_FLAGS) $(FTDI_FLAGS) 2>build/tidy.$$$$ || { sed "/warnings* generated/d" build/tidy.$$$$; exit 1; }; rm build/tidy.$$$$' lint

format: | deps ## format the C files
	$(Q)$(CLANG_FORMAT) -i $(FORMATTED)

format-check: | deps ## tell which C files are not formatted
	$(Q)files=$$($(CLANG_FORMAT) --dry-run --Werror $(FORMATTED) 2>&1 | sed -n "s/^\([^ :]*\):[0-9].*/\1/p" | sort -u); \
	[ -z "$$files" ] || { echo "not formatted (make format):" $$files; exit 1; }

pictures: ## draw docs/rooms.svg again, from docs/rooms.txt
	$(Q)docs/rooms_picture.sh >build/rooms.svg && cp build/rooms.svg docs/rooms.svg

TABLES = hls/kernels/activation_tables.h:make_tables hls/kernels/train/train_tables.h:make_train_tables
tables: build/make_tables build/make_train_tables ## write the kernels' tables again
	$(Q)for table in $(TABLES); do \
	    build/$${table#*:} >build/tables.h && { cmp -s build/tables.h $${table%:*} || cp build/tables.h $${table%:*}; } || exit 1; \
	done

# What hw/make_registers.c writes from hw/registers.json: form:file.
REGISTER_FILES = sv:hw/card/mr_registers_pkg.sv h:hw/card/mr_registers.h md:docs/registers.md
# What hw/make_packet.c writes from base/contract/mr_packet.h.
PACKET_FILES = sv:hw/usb/mr_packet_pkg.sv md:docs/packets.md
registers: build/make_registers build/make_packet ## write the RTL package, the header and the document of the registers again
	$(Q)for file in $(REGISTER_FILES); do \
	    build/make_registers hw/registers.json $${file%%:*} >build/registers.new || exit 1; \
	    cmp -s build/registers.new $${file#*:} || cp build/registers.new $${file#*:}; \
	done
	$(Q)for file in $(PACKET_FILES); do \
	    build/make_packet $${file%%:*} >build/registers.new || exit 1; \
	    cmp -s build/registers.new $${file#*:} || cp build/registers.new $${file#*:}; \
	done

LIBDIR ?= $(PREFIX)/lib
PYTHONDIR ?= $(PREFIX)/lib/python3/dist-packages
MANDIR ?= $(PREFIX)/share/man
KERNEL_ROOMS = hls/kernels $(patsubst %/,%,$(wildcard hls/kernels/*/))
SHARE = $(DESTDIR)$(PREFIX)/share/millrace
install: all ## install below DESTDIR/PREFIX
	$(call say,INSTALL $(DESTDIR)$(PREFIX))
	$(Q)$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3 \
	    $(SHARE)/hls/include $(KERNEL_ROOMS:%=$(SHARE)/%) $(SHARE)/hls/examples $(SHARE)/examples/cells $(SHARE)/examples/text $(SHARE)/examples/dates $(SHARE)/hw/rtl $(SHARE)/hw/usb $(SHARE)/hw/board $(SHARE)/hw/include $(SHARE)/hw/lint $(SHARE)/hw/fit \
	    $(SHARE)/hw/card $(SHARE)/hw/vitis $(SHARE)/base/contract $(SHARE)/sim/harness $(SHARE)/sim/card $(SHARE)/sim/usb $(SHARE)/bitstreams
	$(Q)$(INSTALL) build/millrace build/millrace_card build/millrace_broker build/millrace_usb build/hlsc $(DESTDIR)$(PREFIX)/bin
	$(Q)$(INSTALL) -m 644 host/include/millrace.h base/millrace_error.h $(DESTDIR)$(PREFIX)/include
	$(Q)$(INSTALL) -m 644 $(filter %.1,$(MAN_PAGES)) $(DESTDIR)$(MANDIR)/man1
	$(Q)$(INSTALL) -m 644 $(filter %.3,$(MAN_PAGES)) $(DESTDIR)$(MANDIR)/man3
	$(Q)$(INSTALL) -m 644 build/libmillrace.a $(DESTDIR)$(LIBDIR)
	$(Q)$(INSTALL) build/libmillrace.so $(DESTDIR)$(LIBDIR)/libmillrace.so.$(VERSION)
	$(Q)ln -sf libmillrace.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libmillrace.so.$(SOVERSION)
	$(Q)ln -sf libmillrace.so.$(SOVERSION) $(DESTDIR)$(LIBDIR)/libmillrace.so
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(PREFIX)/include|' \
	    -e 's|@VERSION@|$(VERSION)|' host/millrace.pc.in >build/millrace.pc
	$(Q)$(INSTALL) -m 644 build/millrace.pc $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)$(INSTALL) -d $(DESTDIR)$(PYTHONDIR)/millrace
	$(Q)$(INSTALL) -m 644 $(PYTHON_FILES) $(DESTDIR)$(PYTHONDIR)/millrace
	$(Q)$(INSTALL) -m 644 hls/include/*.h $(SHARE)/hls/include
	$(Q)for room in $(KERNEL_ROOMS); do $(INSTALL) -m 644 $$room/*.h $(SHARE)/$$room || exit 1; done
	$(Q)$(INSTALL) -m 644 hls/kernels/folded/folded.c $(SHARE)/hls/kernels/folded
	$(Q)$(INSTALL) -m 644 hls/examples/*.[ch] $(SHARE)/hls/examples
	$(Q)$(INSTALL) -m 644 $(EXAMPLES) $(SHARE)/examples
	$(Q)$(INSTALL) -m 644 examples/cells/* $(SHARE)/examples/cells
	$(Q)$(INSTALL) -m 644 examples/text/* $(SHARE)/examples/text
	$(Q)$(INSTALL) -m 644 examples/dates/* $(SHARE)/examples/dates
	$(Q)$(INSTALL) -m 644 hw/rtl/*.sv $(SHARE)/hw/rtl
	$(Q)$(INSTALL) -m 644 hw/card/*.sv hw/card/*.h $(SHARE)/hw/card
	$(Q)$(INSTALL) -m 644 hw/usb/*.sv $(SHARE)/hw/usb
	$(Q)$(INSTALL) -m 644 hw/board/*.sv hw/board/*.pcf $(SHARE)/hw/board
	$(Q)$(INSTALL) hw/board/build.sh $(SHARE)/hw/board
	$(Q)$(if $(BOARD_IMAGES),$(INSTALL) -m 644 $(BOARD_IMAGES) $(SHARE)/bitstreams)
	$(Q)$(INSTALL) -m 644 hw/include/*.svh $(SHARE)/hw/include
	$(Q)$(INSTALL) -m 644 hw/lint/*.vlt $(SHARE)/hw/lint
	$(Q)$(INSTALL) -m 644 hw/fit/*.ys hw/fit/*.v hw/fit/*.awk $(SHARE)/hw/fit
	$(Q)$(INSTALL) hw/fit/fit.sh $(SHARE)/hw/fit
	$(Q)$(INSTALL) -m 644 base/contract/*.h base/contract/*.def $(SHARE)/base/contract
	$(Q)$(INSTALL) -m 644 sim/harness/* $(SHARE)/sim/harness
	$(Q)$(INSTALL) -m 644 sim/card/*.h sim/card/*.cpp $(SHARE)/sim/card
	$(Q)$(INSTALL) -m 644 sim/usb/*pins.h sim/usb/*.cpp sim/usb/*.sv $(SHARE)/sim/usb
	$(Q)$(INSTALL) -m 644 hw/card/*.sv hw/card/*.h $(SHARE)/hw/card
	$(Q)$(INSTALL) -m 644 hw/registers.json $(SHARE)/hw
	$(Q)$(INSTALL) -m 644 hw/vitis/*.tcl $(SHARE)/hw/vitis
	$(Q)$(INSTALL) hw/vitis/build.sh $(SHARE)/hw/vitis

clean: ## remove build/
	$(Q)rm -rf build

# ---- rules

build/gen/onnx.pb-c.c: $(ONNX_PROTO_DIR)/onnx.proto | deps
	$(call say,PROTOC  $@)
	$(Q)mkdir -p build/gen
	$(Q)$(PROTOC_C) --c_out=build/gen -I$(ONNX_PROTO_DIR) onnx.proto
build/gen/onnx.pb-c.h: build/gen/onnx.pb-c.c ;
build/gen/emulation.pb-c.c: sim/card/emulation.proto | deps
	$(call say,PROTOC  $@)
	$(Q)mkdir -p build/gen
	$(Q)$(PROTOC_C) --c_out=build/gen -Isim/card emulation.proto
build/gen/emulation.pb-c.h: build/gen/emulation.pb-c.c ;
# Comes with libonnx-dev.
$(ONNX_PROTO_DIR)/onnx.proto: | deps

# One set of objects for each way to compile: build/obj, build/asan, build/tsan, build/fuzzer.
build/obj/%.o: %.c | build/gen/onnx.pb-c.h build/gen/emulation.pb-c.h
	$(call say,CC      $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(WARNINGS) $(CFLAGS) -c -o $@ $<
build/asan/%.o: %.c | build/gen/onnx.pb-c.h build/gen/emulation.pb-c.h
	$(call say,CC      $< (sanitizers))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(WARNINGS) $(SANITIZE) -c -o $@ $<
build/tsan/%.o: %.c | build/gen/onnx.pb-c.h build/gen/emulation.pb-c.h
	$(call say,CC      $< (threads))
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(WARNINGS) $(TSAN) -c -o $@ $<
build/fuzzer/%.o: %.c | build/gen/onnx.pb-c.h build/gen/emulation.pb-c.h
	$(call say,CLANG   $< (fuzzer))
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FLAGS) $(WARNINGS) -Wno-unused-but-set-variable $(LIBFUZZER) -c -o $@ $<
build/obj/gen/%.o: build/gen/%.c
	$(call say,CC      $<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -w -c -o $@ $<
build/asan/gen/%.o: build/gen/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(SANITIZE) -w -c -o $@ $<
build/tsan/gen/%.o: build/gen/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(TSAN) -w -c -o $@ $<
build/fuzzer/gen/%.o: build/gen/%.c
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FLAGS) $(LIBFUZZER) -w -c -o $@ $<
.SECONDARY:

# Made anew each time, so that no object of a removed file stays.
define archive
	$(call say,AR      $@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^
endef
build/libmillrace.a: $(LIB_OBJECTS:%=build/obj/%)
	$(archive)
build/obj/libhlsc.a: $(HLSC_OBJECTS:%=build/obj/%)
	$(archive)
build/asan/libmillrace.a: $(LIB_OBJECTS:%=build/asan/%)
	$(archive)
build/asan/libhlsc.a: $(HLSC_OBJECTS:%=build/asan/%)
	$(archive)
build/tsan/libmillrace.a: $(LIB_OBJECTS:%=build/tsan/%)
	$(archive)
build/tsan/libhlsc.a: $(HLSC_OBJECTS:%=build/tsan/%)
	$(archive)
build/asan/libfuzzed.a: $(FUZZED_OBJECTS:%=build/asan/%)
	$(archive)
build/fuzzer/libfuzzed.a: $(FUZZED_OBJECTS:%=build/fuzzer/%)
	$(archive)

build/libmillrace.so: $(LIB_OBJECTS:%=build/obj/%)
	$(call say,LD      $@)
	$(Q)$(CC) -shared -Wl,-soname,libmillrace.so.$(SOVERSION) -Wl,-z,defs $(LDFLAGS) -o $@ $^ $(LIBS)
build/millrace: $(CLI_OBJECTS:%=build/obj/%) build/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# Not part of `all`: to try the command on hostile files and options.
build/asan/millrace: $(CLI_OBJECTS:%=build/asan/%) build/asan/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) -fsanitize=address,undefined $(LDFLAGS) -o $@ $^ $(LIBS)
# It travels inside images, so of the libraries only libc is not part of it.
build/millrace_card: $(CARD_OBJECTS:%=build/obj/%)
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -Wl,-Bstatic -lprotobuf-c -Wl,-Bdynamic -ldl
$(USB_BUS_OBJECTS:%=build/obj/%): FLAGS += $(UMOCKDEV_FLAGS)
build/millrace_usb: $(USB_BUS_OBJECTS:%=build/obj/%)
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(UMOCKDEV_LIBS) -ldl
# It holds XRT for an emulated card. XRT shall find its function sleep.
build/millrace_broker: build/obj/driver/xrt/broker/main.o build/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(LIBS)
# `hlsc check` builds and loads kernels by sim/.
build/hlsc: build/obj/hls/compiler/main.o build/obj/libhlsc.a build/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
build/asan/hlsc: build/asan/hls/compiler/main.o build/asan/libhlsc.a build/asan/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) -fsanitize=address,undefined $(LDFLAGS) -o $@ $^ $(LIBS)
build/turbofan_demo: $(patsubst %.c,build/obj/%.o,$(filter-out $(EXAMPLES),$(wildcard examples/*.c))) build/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# From what the programs and the header say of themselves.
build/man/millrace.1: build/millrace docs/man.sh
	$(call say,MAN     $@)
	$(Q)mkdir -p $(@D)
	$(Q)docs/man.sh $< "map trained recurrent networks onto an FPGA" >$@
build/man/hlsc.1: build/hlsc docs/man.sh
	$(call say,MAN     $@)
	$(Q)mkdir -p $(@D)
	$(Q)docs/man.sh $< "make SystemVerilog of streaming kernels in C" >$@
build/man/libmillrace.3: host/include/millrace.h base/millrace_error.h docs/man.sh
	$(call say,MAN     $@)
	$(Q)mkdir -p $(@D)
	$(Q)docs/man.sh $< "run recurrent networks on an FPGA, in its simulation or on the CPU" >$@
build/python/millrace/_interface.py: host/python/make_interface.py base/millrace_error.h host/include/millrace.h | deps
	$(call say,PYTHON  $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) $^ $(SOVERSION) >$@
build/python/%: host/python/%
	$(Q)mkdir -p $(@D)
	$(Q)cp $< $@
# What the library knows of the kernels by which images are told apart.
KERNELS := $(wildcard hls/include/*.h hls/kernels/*.h hls/kernels/*/*.h base/contract/*.h)
build/make_kernel_hashes: $(addprefix build/obj/,host/build/make_kernel_hashes.o host/build/kernel_hash.o base/cache_key.o base/file.o)
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcrypto
build/gen/kernel_hashes.c: build/make_kernel_hashes $(KERNELS)
	$(call say,HASH    $@)
	$(Q)mkdir -p $(@D)
	$(Q)build/make_kernel_hashes $(patsubst base/contract/%,%,$(patsubst hls/include/%,%,$(KERNELS:hls/kernels/%=%))) >$@
build/make_registers: build/obj/hw/make_registers.o
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -ljansson
build/make_packet: build/obj/hw/make_packet.o
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
build/make_tables: build/obj/hls/kernels/make_tables.o
build/make_train_tables: build/obj/hls/kernels/train/make_train_tables.o
build/make_tables build/make_train_tables:
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lm

# What the tests of cards run: programs of XRT alone, and a library that shortens XRT's sleeps.
CARD_TEST_FILES = build/card_plain_xrt build/card_wrong_bank build/card_nosleep.so
build/card_wrong_bank: tests/card_wrong_bank.cpp
	$(call say,CXX     $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=c++17 $(WARNINGS) $(CFLAGS) -isystem $(XRT_INCLUDE) $(LDFLAGS) -o $@ $< -lxrt_coreutil
build/card_plain_xrt: build/obj/tests/card_plain_xrt.o
	$(call say,LD      $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lxrt_coreutil
# What libusb and libftdi see of an emulated bus.
build/tests/usb_clients: build/obj/tests/usb/clients.o
	$(call say,LD      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(FTDI_LIBS)
build/card_nosleep.so: build/obj/tests/card_nosleep.o
	$(call say,LD      $@)
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $^
$(filter build/tests/card_% build/asan/card_%,$(TEST_PROGRAMS) $(ASAN_PROGRAMS)) $(TSAN_PROGRAMS) build/tests/card_large: | $(CARD_TEST_FILES) build/millrace_card build/millrace_broker build/tests/session_test build/tests/saturation_test
# oneDNN is not among the packages that all else needs. ONNX Runtime is in none: a folder with include/ and lib/, as its
# releases have them. Compiled anew each time, as that may be another folder.
ONNXRUNTIME ?=
build/obj/tests/bench_onnxruntime.o: .FORCE
build/obj/tests/bench_onnxruntime.o: FLAGS += $(if $(ONNXRUNTIME),-isystem $(ONNXRUNTIME)/include \
    -DONNXRUNTIME_LIBRARY='"$(firstword $(wildcard $(abspath $(ONNXRUNTIME))/lib/libonnxruntime.so*) missing)"')
.PHONY: .FORCE
.FORCE:
build/tests/bench_cpu: build/obj/tests/bench_dnnl.o build/obj/tests/bench_onnxruntime.o
build/tests/bench_train: build/obj/tests/bench_train_dnnl.o
build/tests/bench_cpu build/tests/bench_train: build/tests/%: build/obj/tests/%.o build/libmillrace.a
	$(call say,LD      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(if $(wildcard /usr/include/oneapi/dnnl/dnnl.h),-ldnnl) $(LIBS)
# It runs the command, on the model that session_test writes.
build/tests/profile_test build/asan/profile_test: | build/millrace build/tests/session_test
build/tests/%: build/obj/tests/%.o build/obj/libhlsc.a build/libmillrace.a
	$(call say,LD      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(LIBS)
build/tests/hlsc_fuzz: $(patsubst %.c,build/obj/%.o,$(wildcard tests/hlsc_fuzz/*.c))
	$(call say,LD      $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^
build/asan/%_test: build/asan/tests/%_test.o build/asan/libhlsc.a build/asan/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) -fsanitize=address,undefined $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(LIBS)
build/tsan/%_test: build/tsan/tests/%_test.o build/tsan/libhlsc.a build/tsan/libmillrace.a
	$(call say,LD      $@)
	$(Q)$(CC) -fsanitize=thread $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(LIBS)
build/asan/%_fuzz: build/asan/tests/fuzz/%_fuzz.o build/asan/tests/fuzz/standalone.o build/asan/libfuzzed.a
	$(call say,LD      $@)
	$(Q)$(CC) -fsanitize=address,undefined $(LDFLAGS) -o $@ $^ $(LIBS)
build/fuzzer/%_fuzz: build/fuzzer/tests/fuzz/%_fuzz.o build/fuzzer/libfuzzed.a
	$(call say,LD      $@)
	$(Q)$(CLANG) -fsanitize=address,undefined,fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)

-include $(shell find build/obj build/asan build/tsan build/fuzzer -name '*.d' 2>/dev/null)
