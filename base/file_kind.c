// SPDX-License-Identifier: Apache-2.0
// Knows files by their first bytes, and by their name where the bytes say nothing (file_kind.h).
#include "file_kind.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

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
    JSON,
    COREML,
    IMAGE,
    WORKBOOK,
    PARQUET,
    MATLAB,
    ARCHIVE
};

static const char of_torch[] = "torch.onnx.export(model.eval(), x, \"net.onnx\") in PyTorch makes "
                               "one; or keep model.state_dict() by safetensors.torch.save_file and "
                               "import a JSON description of the layers";
static const char of_keras[] = "model.export(\"net.onnx\", format=\"onnx\") in Keras 3, or python "
                               "-m tf2onnx.convert, makes one";
static const char of_matlab[] = "exportONNXNetwork(net, \"net.onnx\") in MATLAB makes one";
static const char of_array[] = "numpy.save(\"x.npy\", x) in Python makes one";
static const char of_state[] = "safetensors.torch.save_file(model.state_dict(), "
                               "\"net.safetensors\") in Python makes one";
static const char of_variables[] = "safetensors.numpy.save_file({v.path: v.numpy() for v in "
                                   "model.weights}, \"net.safetensors\") in Python makes one";
static const char of_archive[] = "safetensors.numpy.save_file(dict(numpy.load(\"net.npz\")), "
                                 "\"net.safetensors\") in Python makes one";
static const char of_mat[] = "safetensors.numpy.save_file({k: v.copy() for k, v in "
                             "scipy.io.loadmat(\"net.mat\").items() if k[0] != \"_\"}, "
                             "\"net.safetensors\") in Python makes one";

// What a file is, and how an ONNX file comes of it, an array, and a safetensors file; NULL: it does
// not.
static const struct {
    const char *what, *export, *array, *weights;
} kinds[] = {
    [EMPTY] = {"empty", NULL, NULL, NULL},
    [MODEL] = {"a model of this program", NULL, NULL, NULL},
    [ONNX] = {"an ONNX file", NULL, NULL, "import it itself, it has its weights"},
    [NPY] = {"an .npy array", NULL, NULL,
             "safetensors.numpy.save_file({\"head.weight\": numpy.load(\"w.npy\")}, "
             "\"net.safetensors\") in Python makes one"},
    [NPZ] = {"an .npz archive of arrays",
             "make a safetensors file of it, and name that in a JSON description of the layers",
             of_array, of_archive},
    [TORCH] = {"a PyTorch file (.pt, .pth)", of_torch,
               "numpy.save(\"x.npy\", x.numpy()) in Python makes one of a tensor", of_state},
    [PICKLE] = {"a Python pickle", of_torch, of_array, of_state},
    [KERAS] = {"a Keras file (.keras)", of_keras, NULL, of_variables},
    [HDF5] = {"an HDF5 file (.h5)", of_keras, of_array, of_variables},
    [TFLITE] = {"a TensorFlow Lite file (.tflite)",
                "python -m tf2onnx.convert --tflite NET.tflite --output net.onnx makes one", NULL,
                NULL},
    [SAVED_MODEL] = {"a TensorFlow graph (.pb)",
                     "python -m tf2onnx.convert --saved-model FOLDER --output net.onnx makes one",
                     NULL, NULL},
    [WEIGHTS] = {"a safetensors file",
                 "it has weights and no layers, so import a JSON file that describes these and "
                 "names it under \"weights\"",
                 NULL, NULL},
    [JSON] = {"a JSON file", NULL, NULL,
              "where it is the index of several .safetensors files, list these under \"weights\""},
    [COREML] = {"a Core ML file (.mlmodel)",
                "onnxmltools.convert_coreml(coremltools.utils.load_spec(\"net.mlmodel\")) in "
                "Python makes one",
                NULL, NULL},
    [IMAGE] = {"the image of a card (.xclbin)", NULL, NULL, NULL},
    [WORKBOOK] = {"a workbook (.xlsx)", NULL, "save the sheet as .csv", NULL},
    [PARQUET] = {"a Parquet file", NULL, of_array, NULL},
    [MATLAB] = {"a MATLAB file (.mat)", of_matlab, of_array, of_mat},
    [ARCHIVE] = {"an archive or compressed", "unpack it", "unpack it", "unpack it"},
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

// A protobuf that begins as Core ML's does: a version, then a message, where ONNX has a text.
static bool is_coreml(const unsigned char *head, size_t size) {
    size_t at = 3;

    if (size < 8 || head[0] != 0x08 || head[1] < 1 || head[1] > 20 || head[2] != 0x12)
        return false;
    while (at + 1 < size && head[at] & 0x80) // the message's length
        at++;
    return head[at + 1] == 0x0a && at + 3 < size && head[at + 3] == 0x0a;
}

// The first of the bytes that is no blank.
static unsigned char first_sign(const unsigned char *head, size_t size) {
    size_t at = begins(head, size, 0, "\xef\xbb\xbf", 3) ? 3 : 0;

    while (at < size && strchr(" \t\r\n", head[at]) && head[at])
        at++;
    return at < size ? head[at] : 0;
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
    } endings[] = {
        {".pt", TORCH},       {".pth", TORCH},      {".ckpt", TORCH}, {".pkl", PICKLE},
        {".pickle", PICKLE},  {".keras", KERAS},    {".h5", HDF5},    {".hdf5", HDF5},
        {".tflite", TFLITE},  {".pb", SAVED_MODEL}, {".npz", NPZ},    {".xlsx", WORKBOOK},
        {".mlmodel", COREML}, {".mat", MATLAB},     {".gz", ARCHIVE}, {".zip", ARCHIVE}};
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
                 {0, "MATLAB 7.3 MAT", 14, MATLAB},
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
    if (is_coreml(head, size))
        return COREML;
    if (is_onnx(head, size))
        return ONNX;
    if (first_sign(head, size) == '{')
        return JSON;
    return kind_by_name(name);
}

int mr_check_model_file(const unsigned char *head, size_t head_size, size_t size, const char *name,
                        char *error, size_t error_size) {
    const enum kind kind = kind_of(head, head_size, name);

    if (kind == ONNX || kind == JSON)
        return mr_fail(error, error_size, "%s is %s; import it first: millrace import %s", name,
                       kinds[kind].what, name);
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
    if (kind == UNKNOWN || kind == ONNX || kind == JSON)
        return 0;
    if (kind == MODEL)
        return mr_fail(error, error_size,
                       "%s is imported already; use it with millrace plan or millrace run", name);
    return mr_fail(error, error_size, "%s is %s and not an ONNX file%s%s", name, kinds[kind].what,
                   kinds[kind].export ? "; " : "", kinds[kind].export ? kinds[kind].export : "");
}

int mr_check_network_folder(const char *path, char *error, size_t error_size) {
    static const struct {
        const char *file, *what, *before, *behind; // the folder's name stands between
    } folders[] = {
        {"saved_model.pb", "a TensorFlow SavedModel", "python -m tf2onnx.convert --saved-model ",
         " --output net.onnx makes one"},
        {"Manifest.json", "a Core ML package (.mlpackage)", "export the model that ",
         " was made of: torch.onnx.export in PyTorch, python -m tf2onnx.convert for Keras"},
        {"config.json", "a folder of Hugging Face", // its weights beside it
         "import a JSON file that describes the layers and names the .safetensors files of ",
         " under \"weights\""},
    };
    char file[4096];
    struct stat info;

    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if ((size_t)snprintf(file, sizeof file, "%s/%s", path, folders[i].file) >= sizeof file ||
            stat(file, &info) != 0)
            continue;
        return mr_fail(error, error_size, "%s is %s and not an ONNX file; %s%s%s", path,
                       folders[i].what, folders[i].before, path, folders[i].behind);
    }
    return 0;
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

bool mr_is_json(const unsigned char *head, size_t size) {
    return kind_of(head, size, "") == JSON;
}

bool mr_is_model(const unsigned char *head, size_t size) {
    return kind_of(head, size, "") == MODEL;
}

int mr_check_weights_file(const unsigned char *head, size_t head_size, size_t size,
                          const char *name, char *error, size_t error_size) {
    const enum kind kind = kind_of(head, head_size, name);

    (void)size;
    if (kind == UNKNOWN || kind == WEIGHTS || kind == MODEL)
        return 0;
    return mr_fail(error, error_size, "%s is %s and not a safetensors file%s%s", name,
                   kinds[kind].what, kinds[kind].weights ? "; " : "",
                   kinds[kind].weights ? kinds[kind].weights : "");
}
