# SPDX-License-Identifier: Apache-2.0
# Read by make after Verilator's makefile. clang++ reads headers.h once for all kernels and keeps what it made of it in
# HEADERS, whose name tells flags and tools. It looks whether a header has changed since, as by an update of the C++
# library, or is gone: after an error they are read again.
COMPILE = $(CXX) $(CXXFLAGS) $(CPPFLAGS) $(OPT_FAST)
# The place of this build passes, so no path may lead through it.
READ = mkdir -p $(dir $(HEADERS)) && new=$(HEADERS).$$$$ && \
    $(filter-out -include ../data/% -I../data/%,$(COMPILE)) -MF /dev/null \
    -x c++-header -o $$new '$(realpath ../data/sim/harness/headers.h)' && mv -f $$new $(HEADERS)
UNIT = $(COMPILE) -include-pch $(HEADERS) -c -o Vkernel__ALL.o Vkernel__ALL.cpp
Vkernel__ALL.o: Vkernel__ALL.cpp | $(HEADERS)
	$(UNIT) || { $(READ) && $(UNIT); }
$(HEADERS):
	$(READ)
