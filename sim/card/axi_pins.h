// SPDX-License-Identifier: Apache-2.0
// The pins of an AXI4 master of a Verilated module, so that what stands behind one stands behind
// all.
#ifndef MR_AXI_PINS_H
#define MR_AXI_PINS_H

#include "verilated.h"

// Null where the master does not read, or does not write.
struct axi_read_pins {
    CData *arvalid = nullptr, *arready, *rvalid, *rready, *rresp, *rlast;
    QData *araddr;
    CData *arlen;
    VlWide<16> *rdata;
};
struct axi_write_pins {
    CData *awvalid = nullptr, *awready, *wvalid, *wready, *wlast, *bvalid, *bready, *bresp;
    QData *awaddr;
    CData *awlen;
    VlWide<16> *wdata;
    QData *wstrb;
};

// Of the pins PREFIXarvalid ... of `top`.
#define AXI_READ_PINS(top, prefix)                                                                 \
    (axi_read_pins{&(top).prefix##arvalid, &(top).prefix##arready, &(top).prefix##rvalid,          \
                   &(top).prefix##rready, &(top).prefix##rresp, &(top).prefix##rlast,              \
                   &(top).prefix##araddr, &(top).prefix##arlen, &(top).prefix##rdata})
#define AXI_WRITE_PINS(top, prefix)                                                                \
    (axi_write_pins{&(top).prefix##awvalid, &(top).prefix##awready, &(top).prefix##wvalid,         \
                    &(top).prefix##wready, &(top).prefix##wlast, &(top).prefix##bvalid,            \
                    &(top).prefix##bready, &(top).prefix##bresp, &(top).prefix##awaddr,            \
                    &(top).prefix##awlen, &(top).prefix##wdata, &(top).prefix##wstrb})

#endif
