// SPDX-License-Identifier: Apache-2.0
// An XRT program in C++ that hands the kernel a buffer of the wrong memory bank: XRT makes a copy
// in the right one, or says that it cannot. Either way the program ends.
//
//   card_wrong_bank IMAGE.xclbin
#include <cstdio>
#include <exception>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

namespace {

enum argument { x = 10, y = 12 }; // hw/registers.json

void use(const char *image) {
    xrt::device device(0);
    const auto uuid = device.load_xclbin(image);
    xrt::kernel kernel(device, uuid, "millrace", xrt::kernel::cu_access_mode::exclusive);
    xrt::bo buffer(device, 4096, kernel.group_id(y));
    xrt::run run(kernel);
    run.set_arg(x, buffer);
}

} // namespace

int main(int argc, char **argv) {
    try {
        if (argc == 2)
            use(argv[1]);
    } catch (const std::exception &error) {
        std::printf("%s\n", error.what());
        return 1;
    }
    return argc == 2 ? 0 : 2;
}
