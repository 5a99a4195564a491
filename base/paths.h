// SPDX-License-Identifier: Apache-2.0
// Where the project's own files are on this machine: the compiler hlsc, and the directory that
// holds hls/, hw/ and sim/.
#ifndef MR_PATHS_H
#define MR_PATHS_H

#include <stddef.h>

// $MILLRACE_DATA; else as seen from the library or the program: the source tree that holds the
// build directory, or PREFIX/share/millrace. 0, or -1 with a sentence in error.
int mr_data_dir(char *path, size_t path_size, char *error, size_t error_size);

// $MILLRACE_HLSC; else beside the library or the program, PREFIX/bin, or on PATH.
int mr_hlsc_path(char *path, size_t path_size, char *error, size_t error_size);

// The program that is an emulated card: $MILLRACE_CARD; else as hlsc.
int mr_card_program_path(char *path, size_t path_size, char *error, size_t error_size);

// The program that holds XRT for an emulated card: $MILLRACE_BROKER; else as hlsc.
int mr_broker_program_path(char *path, size_t path_size, char *error, size_t error_size);

// The program that is an emulated USB bus: $MILLRACE_USB; else as hlsc.
int mr_usb_program_path(char *path, size_t path_size, char *error, size_t error_size);

#endif
