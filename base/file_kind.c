// SPDX-License-Identifier: Apache-2.0
// Knows files by their first bytes, and by their name where the bytes say nothing (file_kind.h).
#include "file_kind.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum kind {
    UNKNOWN,
    EMPTY,
    MODEL,
    ONNX,
    NPY,
    NPZ,
    TORCH,
    PICKLE,
    KERAS,
    HDF5,
    TFLITE,
    SAVED_MODEL,
    WEIGHTS,
    IMAGE,
    WORKBOOK,
    PARQUET,
    MATLAB,
    ARCHIVE
};

static const char of_torch[] = "torch.onnx.export(model.eval(), x, \"net.onnx\") in PyTorch makes "
                               "one";
static const char of_keras[] = "model.export(\"net.onnx\", format=\"onnx\") in Keras 3, or python "
                               "-m tf2onnx.convert, makes one";
static const char of_array[] = "numpy.save(\"x.npy\", x) in Python makes one";

// What a file is, how an ONNX file comes of it, and how an array does; NULL: it does not.
static const struct {
    const char *what, *export, *array;
} kinds[] = {
    [EMPTY] = {"empty", NULL, NULL},
    [MODEL] = {"a model of this program", NULL, NULL},
    [ONNX] = {"an ONNX file", NULL, NULL},
    [NPY] = {"an .npy array", NULL, NULL},
    [NPZ] = {"an .npz archive of arrays", NULL, of_array},
    [TORCH] = {"a PyTorch file (.pt, .pth)", of_torch,
               "numpy.save(\"x.npy\", x.numpy()) in Python makes one of a tensor"},
    [PICKLE] = {"a Python pickle", of_torch, of_array},
    [KERAS] = {"a Keras file (.keras)", of_keras, NULL},
    [HDF5] = {"an HDF5 file (.h5)", of_keras, of_array},
    [TFLITE] = {"a TensorFlow Lite file (.tflite)",
                "python -m tf2onnx.convert --tflite NET.tflite --output net.onnx makes one", NULL},
    [SAVED_MODEL] = {"a TensorFlow graph (.pb)",
                     "python -m tf2onnx.convert --saved-model FOLDER --output net.onnx makes one",
                     NULL},
    [WEIGHTS] = {"a safetensors file of another program", of_torch, NULL},
    [IMAGE] = {"the image of a card (.xclbin)", NULL, NULL},
    [WORKBOOK] = {"a workbook (.xlsx)", NULL, "save the sheet as .csv"},
    [PARQUET] = {"a Parquet file", NULL, of_array},
    [MATLAB] = {"a MATLAB file (.mat)", NULL, of_array},
    [ARCHIVE] = {"an archive or compressed", "unpack it", "unpack it"},
};

static bool begins(const unsigned char *head, size_t size, size_t at, const char *text,
                   size_t length) {
    return size >= at + length && memcmp(head + at, text, length) == 0;
}

static bool holds(const unsigned char *head, size_t size, const char *text) {
    const size_t length = strlen(text);

    for (size_t i = 0; i + length <= size; i++)
        if (memcmp(head + i, text, length) == 0)
            return true;
    return false;
}

// Of a ZIP archive, by the name of its first file.
static enum kind kind_of_zip(const unsigned char *head, size_t size) {
    enum { NAME = 30 };
    const size_t length = size >= NAME ? head[26] | (size_t)head[27] << 8 : 0;
    const size_t there = length < size - NAME ? length : size - NAME;
    const unsigned char *name = head + NAME;

    if (size <= NAME || there == 0)
        return ARCHIVE;
    if (there > 4 && memcmp(name + there - 4, ".npy", 4) == 0)
        return NPZ;
    if (holds(name, there, "data.pkl"))
        return TORCH;
    if (holds(name, there, "metadata.json") || holds(name, there, "config.json"))
        return KERAS;
    if (holds(name, there, "[Content_Types]") || begins(name, there, 0, "xl/", 3))
        return WORKBOOK;
    return ARCHIVE;
}

// A protobuf that begins as ModelProto does: ir_version, then a field that follows it.
static bool is_onnx(const unsigned char *head, size_t size) {
    return size >= 4 && head[0] == 0x08 && head[1] >= 1 && head[1] < 64 &&
           strchr("\x12\x1a\x22\x32\x3a\x42", head[2]) && head[2];
}

static enum kind kind_by_name(const char *name) {
    static const struct {
        const char *ending;
        enum kind kind;
    } endings[] = {{".pt", TORCH},      {".pth", TORCH},      {".ckpt", TORCH}, {".pkl", PICKLE},
                   {".pickle", PICKLE}, {".keras", KERAS},    {".h5", HDF5},    {".hdf5", HDF5},
                   {".tflite", TFLITE}, {".pb", SAVED_MODEL}, {".npz", NPZ},    {".xlsx", WORKBOOK},
                   {".mat", MATLAB},    {".gz", ARCHIVE},     {".zip", ARCHIVE}};
    const size_t length = strlen(name);

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        const size_t tail = strlen(endings[i].ending);
        if (length > tail && strcasecmp(name + length - tail, endings[i].ending) == 0)
            return endings[i].kind;
    }
    return UNKNOWN;
}

static enum kind kind_of(const unsigned char *head, size_t size, const char *name) {
    static const struct {
        size_t at;
        const char *text;
        size_t length;
        enum kind kind;
    } marks[] = {{0, "\x93NUMPY", 6, NPY},
                 {0, "\x89HDF\r\n\x1a\n", 8, HDF5},
                 {4, "TFL3", 4, TFLITE},
                 {0, "xclbin2", 7, IMAGE},
                 {0, "PAR1", 4, PARQUET},
                 {0, "MATLAB 5.0 MAT", 14, MATLAB},
                 {0, "\x1f\x8b", 2, ARCHIVE},
                 {0, "BZh", 3, ARCHIVE},
                 {0,
                  "\xfd"
                  "7zXZ",
                  5, ARCHIVE},
                 {0, "\x28\xb5\x2f\xfd", 4, ARCHIVE}};

    if (size == 0)
        return EMPTY;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (begins(head, size, marks[i].at, marks[i].text, marks[i].length))
            return marks[i].kind;
    if (begins(head, size, 0, "PK\x03\x04", 4))
        return kind_of_zip(head, size);
    // The length of a header of JSON, then the header.
    if (size > 9 && head[4] == 0 && head[5] == 0 && head[6] == 0 && head[7] == 0 && head[8] == '{')
        return holds(head + 8, size - 8, "\"format\":\"millrace\"") ? MODEL : WEIGHTS;
    if (size > 2 && head[0] == 0x80 && head[1] >= 2 && head[1] <= 5)
        return kind_by_name(name) == TORCH ? TORCH : PICKLE;
    if (is_onnx(head, size))
        return ONNX;
    return kind_by_name(name);
}

int mr_check_model_file(const unsigned char *head, size_t head_size, size_t size, const char *name,
                        char *error, size_t error_size) {
    const enum kind kind = kind_of(head, head_size, name);

    if (kind == ONNX)
        return mr_fail(error, error_size, "%s is an ONNX file; import it first: millrace import %s",
                       name, name);
    if (kind != UNKNOWN && kind != MODEL && kind != WEIGHTS)
        return mr_fail(error, error_size,
                       "%s is %s and not a model of this program; millrace import makes one of an "
                       "ONNX file%s%s",
                       name, kinds[kind].what, kinds[kind].export ? ", and " : "",
                       kinds[kind].export ? kinds[kind].export : "");
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | (head_size >= 8 ? head[i] : 0);
    if (head_size < 9 || length > size - 8 || head[8] != '{')
        return mr_fail(error, error_size,
                       "%s is not a model of this program; millrace import makes one of an ONNX "
                       "file",
                       name);
    return 0;
}

int mr_check_network_file(const unsigned char *head, size_t head_size, size_t size,
                          const char *name, char *error, size_t error_size) {
    const enum kind kind = kind_of(head, head_size, name);

    (void)size;
    if (kind == UNKNOWN || kind == ONNX)
        return 0;
    if (kind == MODEL)
        return mr_fail(error, error_size,
                       "%s is imported already; use it with millrace plan or millrace run", name);
    return mr_fail(error, error_size, "%s is %s and not an ONNX file%s%s", name, kinds[kind].what,
                   kinds[kind].export ? "; " : "", kinds[kind].export ? kinds[kind].export : "");
}

int mr_check_array_file(const unsigned char *head, size_t head_size, size_t size, const char *name,
                        char *error, size_t error_size) {
    const enum kind kind = kind_of(head, head_size, name);

    (void)size;
    if (kind == UNKNOWN || kind == NPY)
        return 0;
    return mr_fail(error, error_size, "%s is %s and not an array of numbers (.npy or .csv)%s%s",
                   name, kinds[kind].what, kinds[kind].array ? "; " : "",
                   kinds[kind].array ? kinds[kind].array : "");
}
