// SPDX-License-Identifier: Apache-2.0
// EACH_MEMORY(M) is M(0) M(1) ... for the kernel's ports m_axi_memoryN, of which there are
// MR_MEMORIES; no loop runs over names of pins.
#ifndef MR_EACH_MEMORY_H
#define MR_EACH_MEMORY_H

#ifndef MR_MEMORIES
#    define MR_MEMORIES 0
#endif

#define MEMORIES_0(M)
#define MEMORIES_1(M) M(0)
#define MEMORIES_2(M) MEMORIES_1(M) M(1)
#define MEMORIES_3(M) MEMORIES_2(M) M(2)
#define MEMORIES_4(M) MEMORIES_3(M) M(3)
#define MEMORIES_5(M) MEMORIES_4(M) M(4)
#define MEMORIES_6(M) MEMORIES_5(M) M(5)
#define MEMORIES_7(M) MEMORIES_6(M) M(6)
#define MEMORIES_8(M) MEMORIES_7(M) M(7)
#define MEMORIES_9(M) MEMORIES_8(M) M(8)
#define MEMORIES_10(M) MEMORIES_9(M) M(9)
#define MEMORIES_11(M) MEMORIES_10(M) M(10)
#define MEMORIES_12(M) MEMORIES_11(M) M(11)
#define MEMORIES_13(M) MEMORIES_12(M) M(12)
#define MEMORIES_14(M) MEMORIES_13(M) M(13)
#define MEMORIES_15(M) MEMORIES_14(M) M(14)
#define MEMORIES_16(M) MEMORIES_15(M) M(15)

#define MEMORIES_NAMED(n) MEMORIES_##n
#define MEMORIES_OF(n) MEMORIES_NAMED(n)
#define EACH_MEMORY MEMORIES_OF(MR_MEMORIES)

#endif
