// SPDX-License-Identifier: Apache-2.0
// An ordinary XRT program that uses no Millrace library: only XRT, the kernel's registers
// (docs/registers.md) and its memory layout (docs/card.md). Loads weights, runs one batch of
// sequences, and writes y.
//
//   card_plain_xrt IMAGE.xclbin WEIGHTS X Y SEQUENCES STEPS X_COUNT Y_COUNT
//   [wrong_bank]
//
// wrong_bank: x in the memory of y's port, which XRT's C interface lets pass.
// WEIGHTS is the weight image (beats of 64 bytes), X the elements of x, Y gets those of y, all as
// they lie in the card's memory.
#include "mr_registers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

enum { BEAT = 64, CARD = 0 };

struct file {
    unsigned char *data;
    size_t size;
};

static int read_file(const char *path, struct file *file) {
    FILE *stream = fopen(path, "rb");
    if (!stream || fseek(stream, 0, SEEK_END))
        return -1;
    file->size = (size_t)ftell(stream);
    rewind(stream);
    file->data = malloc(file->size + 1);
    const int good = file->data && fread(file->data, 1, file->size, stream) == file->size;
    fclose(stream);
    return good ? 0 : -1;
}

// Arguments in order of their index (hw/registers.json).
struct arguments {
    unsigned command, flags, sequences, steps;
    uint64_t weights_beats, x_count, y_count;
    xrtBufferHandle weights, x, y;
};

static int run(xrtKernelHandle kernel, const struct arguments *a) {
    const unsigned none = 0;
    xrtRunHandle run = xrtRunOpen(kernel);
    if (!run)
        return -1;
    int bad = xrtRunSetArg(run, 0, a->command) || xrtRunSetArg(run, 1, a->flags) ||
              xrtRunSetArg(run, 2, a->sequences) || xrtRunSetArg(run, 3, a->steps) ||
              xrtRunSetArg(run, 4, none) || xrtRunSetArg(run, 5, none) ||
              xrtRunSetArg(run, 6, a->weights_beats) || xrtRunSetArg(run, 7, a->x_count) ||
              xrtRunSetArg(run, 8, a->y_count) || xrtRunSetArg(run, 9, a->weights) ||
              xrtRunSetArg(run, 10, a->x) || xrtRunSetArg(run, 11, a->x) ||
              xrtRunSetArg(run, 12, a->y) || xrtRunSetArg(run, 13, a->y) || xrtRunStart(run);
    if (!bad)
        bad = xrtRunWaitFor(run, 20000) != ERT_CMD_STATE_COMPLETED;
    xrtRunClose(run);
    return bad ? -1 : 0;
}

static xrtBufferHandle make_buffer(xrtDeviceHandle device, xrtKernelHandle kernel, int argument,
                                   size_t size) {
    const int group = xrtKernelArgGroupId(kernel, argument);
    return group < 0 ? NULL : xrtBOAlloc(device, (size + 4095) / 4096 * 4096, 0, (unsigned)group);
}

static int to_card(xrtBufferHandle buffer, const struct file *file) {
    memcpy(xrtBOMap(buffer), file->data, file->size);
    return xrtBOSync(buffer, XCL_BO_SYNC_BO_TO_DEVICE, file->size, 0);
}

static int use_kernel(xrtDeviceHandle device, xrtKernelHandle kernel, char **argv) {
    struct file weights, x;
    struct arguments a = {.command = MR_COMMAND_LOAD};
    uint32_t magic = 0, status = 1;
    const unsigned y_count = (unsigned)atoi(argv[8]);
    const size_t y_size = y_count * sizeof(int32_t);
    if (read_file(argv[2], &weights) || read_file(argv[3], &x))
        return fprintf(stderr, "%s, %s: cannot be read\n", argv[2], argv[3]), 1;
    if (xrtKernelReadRegister(kernel, MR_CARD_MAGIC, &magic) || magic != MR_CARD_MAGIC_VALUE)
        return fprintf(stderr, "magic is 0x%x\n", magic), 1;
    a.weights = make_buffer(device, kernel, 9, weights.size);
    a.x = make_buffer(device, kernel, argv[9] ? 12 : 10, x.size);
    a.y = make_buffer(device, kernel, 12, y_size);
    if (!a.weights || !a.x || !a.y)
        return fprintf(stderr, "no buffers\n"), 1;
    if (to_card(a.weights, &weights) || to_card(a.x, &x))
        return fprintf(stderr, "the buffers do not reach the card\n"), 1;
    a.weights_beats = weights.size / BEAT;
    if (run(kernel, &a))
        return fprintf(stderr, "LOAD did not end\n"), 1;
    a.command = MR_COMMAND_RUN;
    a.flags = MR_FLAG_RESET;
    a.sequences = (unsigned)atoi(argv[5]);
    a.steps = (unsigned)atoi(argv[6]);
    a.x_count = (uint64_t)atoll(argv[7]);
    a.y_count = y_count;
    if (run(kernel, &a))
        return fprintf(stderr, "RUN did not end\n"), 1;
    if (xrtKernelReadRegister(kernel, MR_CARD_STATUS, &status) || status)
        return fprintf(stderr, "status is 0x%x\n", status), 1;
    if (xrtBOSync(a.y, XCL_BO_SYNC_BO_FROM_DEVICE, y_size, 0))
        return fprintf(stderr, "y does not come back\n"), 1;
    FILE *out = fopen(argv[4], "wb");
    const int written = out && fwrite(xrtBOMap(a.y), 1, y_size, out) == y_size;
    if (!out || fclose(out) || !written)
        return fprintf(stderr, "%s: cannot be written\n", argv[4]), 1;
    xrtBOFree(a.weights);
    xrtBOFree(a.x);
    xrtBOFree(a.y);
    free(weights.data);
    free(x.data);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 9 && argc != 10) {
        fprintf(stderr, "usage: card_plain_xrt IMAGE.xclbin WEIGHTS X Y SEQUENCES STEPS X_COUNT "
                        "Y_COUNT [wrong_bank]\n");
        return 2;
    }
    // Emulation hangs or crashes when a program ends with the device open.
    int code = 1;
    xuid_t uuid;
    xrtDeviceHandle device = xrtDeviceOpen(CARD);
    xrtKernelHandle kernel = NULL;
    if (!device)
        return fprintf(stderr, "XRT cannot open the card\n"), 1;
    if (!xrtDeviceLoadXclbinFile(device, argv[1]) && !xrtDeviceGetXclbinUUID(device, uuid))
        kernel = xrtPLKernelOpenExclusive(device, uuid, "millrace");
    if (kernel)
        code = use_kernel(device, kernel, argv);
    else
        fprintf(stderr, "XRT cannot load %s or open its kernel\n", argv[1]);
    if (kernel)
        xrtKernelClose(kernel);
    xrtDeviceClose(device);
    return code;
}
