// SPDX-License-Identifier: Apache-2.0
// Fuzzes the readers of .npy and CSV files.
#include "csv.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mr_array array;
    char error[256], note[100];

    if (mr_npy_parse(data, size, "fuzz", &array, error, sizeof error) == 0) {
        mr_array_check_finite(&array, "fuzz", error, sizeof error);
        mr_array_free(&array);
    }
    if (mr_csv_parse(data, size, "fuzz", &array, note, sizeof note, error, sizeof error) == 0)
        mr_array_free(&array);
    return 0;
}
