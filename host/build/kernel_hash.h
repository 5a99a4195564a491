// SPDX-License-Identifier: Apache-2.0
// The hash of a design covers what it is made from: the C that was generated, and the kernels that
// this includes. The library carries a hash of each kernel as it was when the library was built, so
// that an image is known without the kernels' files.
#ifndef MR_KERNEL_HASH_H
#define MR_KERNEL_HASH_H

#include "design_hash.h"
#include "millrace_error.h"

// Folders, below that of the project's files, in which the includes of generated C are found.
enum { MR_KERNEL_FOLDERS = 3 };
extern const char *const mr_kernel_folders[MR_KERNEL_FOLDERS];

// A kernel by the name that C includes it by ("cells/lstm.h"), with its hash.
struct mr_kernel_hash {
    const char *name;
    const char *hash; // 32 hexadecimal digits
};
// Those of this library, written by make_kernel_hashes when it was built; the last has no name.
extern const struct mr_kernel_hash mr_kernel_hashes[];

// The hash of a kernel's file as it is now: of it and of all that it includes, but for lines that
// are empty or comments (//). hex: [MR_HASH_TEXT]. 0, or -1 with a sentence in error.
int mr_kernel_hash_file(const char *data_dir, const char *name, char *hex, char *error,
                        size_t error_size);

// The hash of generated C with the library's kernels. 0, or a code with a sentence in error.
int mr_design_hash_make(const char *source, struct mr_design_hash *hash, struct mr_error *error);

// Are the kernels that the source includes, as they are in data_dir, the library's? 0, or -1 with a
// sentence: what is made of them would not be what its hash says.
int mr_design_kernels_check(const char *source, const char *data_dir, char *error,
                            size_t error_size);

#endif
