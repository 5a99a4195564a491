// SPDX-License-Identifier: Apache-2.0
// Networks described in JSON: all that a description may say is taken, the same weights in the
// layouts of several programs give the same model, and what is wrong is told with its place.
#define _POSIX_C_SOURCE 200809L
#define JSON_FOLDER "build/json_test"
#include "json_fixture.h"

#include "millrace.h"
#include "model.h"
#include "op.h"
#include "walk.h"

#include <math.h>
#include <unistd.h>

// What the tests name: a stack of two layers, one of both directions, heads, a table, norms.
static void make_state(struct state *s) {
    memset(s, 0, sizeof *s);
    s->seed = 7;
    for (int l = 0; l < 2; l++) {
        tensor(s, 2, 8, l == 0 ? 3 : 2, "lstm.weight_ih_l%d", l);
        tensor(s, 2, 8, 2, "lstm.weight_hh_l%d", l);
        tensor(s, 1, 8, 0, "lstm.bias_ih_l%d", l);
        tensor(s, 1, 8, 0, "lstm.bias_hh_l%d", l);
    }
    for (int d = 0; d < 2; d++) {
        tensor(s, 2, 12, 5, "core.gru.weight_ih_l0%s", d ? "_reverse" : "");
        tensor(s, 2, 12, 4, "core.gru.weight_hh_l0%s", d ? "_reverse" : "");
    }
    tensor(s, 2, 1, 2, "fc.weight");
    tensor(s, 1, 1, 0, "fc.bias");
    tensor(s, 2, 3, 8, "out.weight");
    tensor(s, 2, 3, 2, "a.weight");
    tensor(s, 2, 3, 2, "b.weight");
    tensor(s, 2, 6, 5, "table.weight");
    tensor(s, 1, 3, 0, "norm.weight");
    tensor(s, 1, 3, 0, "norm.bias");
    tensor(s, 1, 5, 0, "bn.weight");
    tensor(s, 1, 5, 0, "bn.bias");
    tensor(s, 1, 5, 0, "bn.running_mean");
    float *variance = tensor(s, 1, 5, 0, "bn.running_var");
    for (int i = 0; i < 5; i++)
        variance[i] = fabsf(variance[i]) + 0.1f;
    tensor(s, 2, 2, 2, "start");
}

static struct state shared;
static unsigned char *weights;
static size_t weights_size;

static void make_weights(void) {
    make_state(&shared);
    weights = pack_state(&shared, &weights_size);
}

#define W "\"weights\": \"w.safetensors\""
#define TAIL "}], " W "}"

// ---- what is taken

static const struct {
    const char *text, *ops; // the names of the operators
} taken[] = {
    {"{\"inputs\": 3, \"layers\": [{\"cell\": \"lstm\", \"hidden\": 2, \"layers\": 2}], "
     "\"heads\": [{\"outputs\": 1, \"weights\": \"fc\"}], " W "}",
     "lstm lstm last dense"},
    {"{\"inputs\": 5, \"layers\": [{\"cell\": \"gru\", \"hidden\": 4, \"bidirectional\": true}], "
     "\"heads\": [{\"outputs\": 3, \"return\": \"state\"}], " W "}",
     "gru reverse gru last last concat dense"},
    {"{\"inputs\": {\"tokens\": 6}, \"layers\": [{\"embedding\": 5, \"name\": \"e\"}, "
     "{\"batch_norm\": true}, {\"cell\": \"gru\", \"hidden\": 4, \"bidirectional\": true}, "
     "{\"dropout\": 0.5}], \"heads\": [{\"return\": \"mean\", \"outputs\": 3, \"weights\": "
     "\"out\", "
     "\"activation\": \"softmax\"}, {\"name\": \"k\", \"return\": \"all\", \"outputs\": 3, "
     "\"activation\": \"argmax\", \"weights\": \"out\"}], " W "}",
     NULL},
    {"{\"inputs\": {\"features\": 3, \"name\": \"in\", \"layout\": \"TNF\", \"steps\": 4, "
     "\"mean\": [1, 2, 3], \"std\": 2}, \"layers\": [{\"layer_norm\": true}, "
     "{\"cell\": \"lstm\", \"hidden\": 2, \"weights\": {\"prefix\": \"lstm\", \"level\": 0}, "
     "\"gate_activation\": \"hard_sigmoid\", \"start\": {\"h\": 0.5, \"c\": [-1, 1]}, "
     "\"name\": \"one\"}, {\"cell\": \"lstm\", \"hidden\": 2, \"residual\": true, "
     "\"weights\": {\"prefix\": \"lstm\", \"level\": 1}, \"reverse\": true, "
     "\"start\": {\"h\": [[[0.1, 0.2], [0.3, 0.4]]]}}, {\"concat\": \"one\"}], "
     "\"heads\": [{\"return\": \"first\", \"layers\": [{\"dense\": 2, \"activation\": \"relu\", "
     "\"weights\": {\"weight\": [[1, 2, 3, 4], [5, 6, 7, 8]], \"bias\": [1, 2]}}, "
     "{\"activation\": \"tanh\"}], \"outputs\": 1, \"scale\": 3, \"offset\": [1]}, "
     "{\"from\": \"one\", \"return\": \"cell\", \"name\": \"cells\"}, "
     "{\"from\": \"one\", \"return\": \"max\", \"name\": \"most\", \"clip\": [0, 1]}, "
     "{\"from\": \"one\", \"name\": \"yes\", \"above\": 0.25}, "
     "{\"return\": \"last\", \"name\": \"logs\", \"activation\": \"log_softmax\"}], " W "}",
     NULL},
    {"{\"inputs\": 1, \"layers\": [{\"cell\": \"rnn\", \"hidden\": 1, \"activation\": \"silu\", "
     "\"name\": \"r\", \"weights\": {\"weight_ih\": [[1]], \"weight_hh\": [[0.5]]}}, "
     "{\"activation\": \"gelu\"}, {\"multiply\": \"r\"}, {\"activation\": \"selu\"}, {\"max\": "
     "\"r\"}, {\"activation\": {\"name\": \"celu\", \"alpha\": 0.5}}, {\"min\": \"r\"}, "
     "{\"activation\": \"prelu\"}, {\"activation\": \"gelu_tanh\"}, {\"activation\": \"mish\"}, "
     "{\"activation\": \"hard_swish\"}, {\"activation\": \"log_sigmoid\"}], \"heads\": [{}]}",
     NULL},
    {"{\"about\": \"a text\", \"inputs\": {\"features\": 1, \"layout\": \"NT\"}, "
     "\"layers\": [{\"cell\": \"rnn\", \"hidden\": 2, \"activation\": \"relu\", \"bias\": false, "
     "\"weights\": {\"weight_ih\": [[1], [-1]], \"weight_hh\": [[0.5, 0], [0, 0.25]]}}], "
     "\"heads\": [{}]}",
     "rnn_relu last"},
    {"{\"inputs\": {\"features\": 1, \"layout\": \"TF\"}, "
     "\"layers\": [{\"cell\": \"gru\", \"reset\": \"before\", \"hidden\": 1, "
     "\"weights\": {\"kernel\": [[1, 2, 3]], \"recurrent_kernel\": [[0.5, 0, 1]], "
     "\"bias\": [1, 2, 3]}}], \"heads\": [{\"return\": \"all\"}]}",
     "gru_reset_first"},
    {"{\"inputs\": 1, \"layers\": [{\"cell\": \"lstm\", \"hidden\": 1, \"weights\": "
     "{\"W\": [[[1], [2], [3], [4]]], \"R\": [[[1], [0], [-1], [0.5]]], \"P\": [[0.5, 1, -1]]}}], "
     "\"heads\": [{}]}",
     "lstm_peephole last"},
    {"{\"inputs\": 1, \"layers\": [{\"cell\": \"lstm\", \"hidden\": 2, \"proj_size\": 1, "
     "\"start\": {\"h\": 0.25}, \"weights\": {\"weight_ih\": [[1], [2], [3], [4], [5], [6], [7], "
     "[8]], \"weight_hh\": [[1], [0.5], [0], [1], [1], [0.5], [0], [1]], \"weight_hr\": [[1, "
     "-1]]}}], "
     "\"heads\": [{}, {\"return\": \"state\"}, {\"return\": \"cell\"}]}",
     "lstm last dense"},
    {"{\"inputs\": {\"features\": 3, \"scale\": [1, 2, 3], \"offset\": -1}, "
     "\"layers\": [{\"dense\": 3, \"activation\": \"tanh\", \"residual\": true, \"weights\": "
     "{\"kernel\": [[1, 2, 3], [4, 5, 6], [7, 8, 9]]}}, {\"add\": \"inputs\"}, "
     "{\"cell\": \"lstm\", \"hidden\": 2, \"layers\": 2, \"weights\": \"lstm.\", "
     "\"start\": {\"h\": \"start\"}, \"dropout\": 0.2}], "
     "\"heads\": [{\"outputs\": 3, \"weights\": \"a\"}], " W "}",
     NULL},
};

START_TEST(descriptions_are_taken) {
    struct mr_network n;
    char ops[400] = "";

    make_weights();
    struct mr_onnx *onnx = read_json(taken[_i].text, weights, weights_size, &n);
    ck_assert_msg(onnx != NULL, "%s", error);
    for (int i = 0; i < n.op_count; i++)
        snprintf(ops + strlen(ops), sizeof ops - strlen(ops), "%s%s", i ? " " : "",
                 n.ops[i].kind->name);
    if (taken[_i].ops)
        ck_assert_str_eq(ops, taken[_i].ops);
    keep_seed("taken", _i, taken[_i].text, weights, weights_size);
    mr_network_free(&n);
    mr_onnx_close(onnx);
    free(weights);
}
END_TEST

// ---- what is refused

#define LSTM(more) "{\"inputs\": 3, \"layers\": [{\"cell\": \"lstm\", \"hidden\": 2" more "}], "
#define HEAD "\"heads\": [{\"outputs\": 1, \"weights\": \"fc\"}], " W "}"
#define GRU5(more)                                                                                 \
    "{\"inputs\": 5, \"layers\": [{\"cell\": \"gru\", \"hidden\": 4, \"bidirectional\": true" more \
    "}], "

static const struct {
    const char *text, *said;
} refused[] = {
    {"", "it is not JSON at line 1"},
    {"{\"inputs\": 3, \"inputs\": 3}", "duplicate"},
    {"[1]", "it is no JSON object"},
    {"{\"class_name\": \"Sequential\"}", "the architecture of a Keras model"},
    {"{\"weight_map\": {}}", "the index of several safetensors files"},
    {"{}", "it has no \"inputs\""},
    {"{\"input\": 3}", "it has a key 'input' that is not known; did you mean 'inputs'?"},
    {"{\"inputs\": 3.5}", "inputs is 3.5; a whole number of 1 to 16384 is expected"},
    {"{\"inputs\": 0}", "inputs is 0; a whole number of 1"},
    {"{\"inputs\": {}}", "inputs needs one of \"features\""},
    {"{\"inputs\": {\"features\": 2, \"tokens\": 3}}", "inputs needs one of"},
    {"{\"inputs\": {\"features\": 2, \"layout\": \"NTX\"}}", "inputs.layout is 'NTX'"},
    {"{\"inputs\": {\"features\": 2, \"layout\": \"NT\"}}", "has one feature, and 2 features"},
    {"{\"inputs\": {\"features\": 2, \"mean\": 1, \"scale\": 1}}", "scale or offset beside mean"},
    {"{\"inputs\": {\"tokens\": 2, \"scale\": 1}}", "tokens, which are not scaled"},
    {"{\"inputs\": 3, \"layers\": {}}", "layers is no list"},
    {"{\"inputs\": 3, \"layers\": [3]}", "layers[0] is no object"},
    {"{\"inputs\": 3, \"layers\": []}", "it has no list of 1 to 8 \"heads\""},
    {"{\"inputs\": 3, \"layers\": [{}]}", "layers[0] does not say what it is; known are cell, "},
    {"{\"inputs\": 3, \"layers\": [{\"cel\": \"lstm\"}]}",
     "'cel' that is not known; did you mean 'cell'"},
    {"{\"inputs\": 3, \"layers\": [{\"cell\": \"lstn\"}]}",
     "layers[0].cell is 'lstn', which is not "
     "known (--cell adds a cell of your own); "
     "did you mean 'lstm'?"},
    {"{\"inputs\": 3, \"layers\": [{\"cell\": \"lstm\"}]}", "layers[0] has no \"hidden\""},
    {"{\"inputs\": 3, \"layers\": [{\"cell\": \"lstm\", \"hiden\": 2}]}",
     "layers[0] has a key 'hiden' that is not known; did you mean 'hidden'?"},
    {"{\"inputs\": 3, \"layers\": [{\"cell\": \"lstm\", \"hidden\": \"2\"}]}",
     "layers[0].hidden is \"2\"; a whole number of 1 to 16384 is expected"},
    {LSTM(", \"reset\": \"after\"") HEAD, "layers[0] has a reset, which a gru has"},
    {LSTM(", \"bidirectional\": 1") HEAD, "layers[0].bidirectional is 1; true or false"},
    {LSTM(", \"bidirectional\": true, \"reverse\": true") HEAD, "cannot be reverse too"},
    {LSTM(", \"gates\": \"ifg\"") HEAD, "layers[0].gates is 'ifg'; the letters ifgo"},
    {LSTM(", \"gates\": \"ifgg\"") HEAD, "layers[0].gates is 'ifgg'"},
    {LSTM(", \"activation\": \"softmax\"") HEAD, "no activation that it may have"},
    {LSTM(", \"activation\": {\"name\": \"relu\", \"alpha\": 1}") HEAD,
     "a number that 'relu' does not have"},
    {LSTM(", \"weights\": \"lstm\", \"start\": {\"h\": [1, 2, 3]}") HEAD,
     "layers[0].start.h has another shape"},
    {LSTM(", \"start\": {\"x\": 1}") HEAD, "layers[0].start has a key 'x'"},
    {LSTM(", \"weights\": \"lstm\", \"start\": {\"h\": [1, [2]]}") HEAD, "is no number, no name"},
    {LSTM(", \"weights\": \"lstm\", \"start\": {\"h\": \"stat\"}") HEAD, "did you mean 'start'?"},
    {LSTM(", \"proj_size\": 1") HEAD, "layers[0] finds no recurrent layer"},
    {LSTM(", \"proj_size\": 2") HEAD, "proj_size of 2, which must be less than hidden"},
    {LSTM(", \"weights\": \"lstm\", \"proj_size\": 1") HEAD, "weight_hr_l0"},
    {"{\"inputs\": 3, \"layers\": [{\"cell\": \"gru\", \"hidden\": 2, \"proj_size\": 1}]}",
     "layers[0] has a proj_size of 1, which an lstm may have"},
    {LSTM(", \"residual\": true") HEAD, "a residual link from 3 numbers to 2"},
    {LSTM(", \"from\": \"x\"") HEAD,
     "layers[0].from names 'x', and no layer before it has that name"},
    {LSTM(", \"bias\": false") HEAD, "layers[0]"},
    // tensors
    {LSTM(", \"weights\": \"lstn\"") HEAD,
     "layers[0].weights is 'lstn', and there is no tensor "
     "'lstn.weight_hh_l0'; did you mean 'lstm.weight_hh_l0'?"},
    {LSTM(", \"weights\": 3") HEAD, "layers[0].weights is neither"},
    {LSTM(", \"weights\": {}") HEAD, "layers[0].weights names no tensors"},
    {LSTM(", \"weights\": {\"weight_ih\": \"fc.weight\", \"weight_hx\": 1}") HEAD,
     "layers[0].weights has a key 'weight_hx' that is not known"},
    {LSTM(", \"weights\": {\"weight_ih\": \"fc.weight\", \"weight_hh\": \"lstm.weight_hh_l0\"}")
         HEAD,
     "takes tensor 'fc.weight' of w.safetensors, of the shape [1, 2]; [8, 3] is expected"},
    {LSTM(", \"weights\": {\"weight_ih\": \"lstm.weight_ih_l0\"}") HEAD,
     "no 'weight_hh' among them"},
    {LSTM("") HEAD, "layers[0] finds no recurrent layer in the weights that fits: 'weight_ih' of "
                    "the shape [8, 3] is expected, and there is 'lstm' [8, 3] (2 layers), "},
    {GRU5(", \"bias\": true") "\"heads\": [{\"outputs\": 3}], " W "}", "finds no recurrent layer"},
    {GRU5(", \"bias\": true, \"weights\": \"core.gru\"") "\"heads\": [{\"outputs\": 3}], " W "}",
     "layers[0] says that it has a bias, and its weights have none"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"outputs\": 3}], " W "}",
     "heads[0] may take the tensors of 'a' [3, 2], 'b' [3, 2]; say which"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"outputs\": 7}], " W "}",
     "heads[0] finds no dense layer in the weights that fits: 'weight' of the shape [7, 2]"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"outputs\": 1}]}",
     "has no weights: this describes a network for training"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"outputs\": 1}], \"weights\": [\"a\", 3]}",
     "weights is no name of a safetensors file"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"outputs\": 1}], \"weights\": [\"a\", \"b\"]}",
     " is in b and in a file before it"},
    // heads
    {LSTM(", \"layers\": 2") "\"heads\": [{\"return\": \"lst\"}], " W "}",
     "heads[0].return is 'lst', which is not known; did you mean 'last'?"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"bias\": true}], " W "}", "a bias and no \"outputs\""},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"name\": \"x\"}], " W "}", "which is the input's"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"name\": \"a\"}, {\"name\": \"a\"}], " W "}",
     "heads[1] has the name 'a' of another head"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"clip\": [2, 1]}], " W "}",
     "heads[0].clip is not [LOW"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"layers\": [{\"cell\": \"lstm\", \"hidden\": 2}]}], " W
                             "}",
     "heads[0].layers[0] is a layer that stands among the network's"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"layers\": [{\"add\": \"inputs\"}]}], " W "}",
     "heads[0].layers[0].add adds rows of 2 and of 3 numbers"},
    {LSTM(", \"layers\": 2") "\"heads\": [{\"activation\": \"argmax\", \"scale\": 2}], " W "}",
     "heads[0].scale stands behind the activation 'argmax'"},
    {GRU5("") "\"heads\": [{\"return\": \"cell\"}], " W "}", "the cell state, which an lstm has"},
    {"{\"inputs\": 3, \"layers\": [{\"dense\": 1, \"weights\": {\"weight\": [[1, 2, 3]]}}], "
     "\"heads\": [{\"return\": \"state\"}]}",
     "heads[0].return is 'state', which a recurrent layer has, and reads layers[0]"},
    {"{\"inputs\": 3, \"layers\": [{\"dense\": 1, \"weights\": {\"weight\": [[1, 2, 3]]}}], "
     "\"heads\": [{\"return\": \"all\"}]}",
     "the network has no recurrent layer"},
    {"{\"inputs\": 3, \"layers\": [{\"dense\": 1, \"weights\": {\"weight\": [[1, 2, 1e300]]}}], "
     "\"heads\": [{\"return\": \"all\"}]}",
     "layers[0].weights.weight has 1e+300 as number 2 of the list"},
    {"{\"inputs\": {\"tokens\": 6}, \"layers\": [{\"cell\": \"lstm\", \"hidden\": 2}]}",
     "layers[0] reads tokens; the first layer must be {\"embedding\": WIDTH}"},
    {"{\"inputs\": 3, \"layers\": [{\"embedding\": 2}]}", "layers[0] is an embedding, which reads "
                                                          "tokens"},
    {"{\"inputs\": {\"features\": 3, \"std\": [1, 0, 1]}, \"layers\": [{\"cell\": \"lstm\", "
     "\"hidden\": 2, \"layers\": 2}], " HEAD,
     "inputs.std has a number, the one at 1, that cannot be divided by"},
    {"{\"inputs\": {\"features\": 3, \"mean\": [1, 0]}, \"layers\": [{\"cell\": \"lstm\", "
     "\"hidden\": 2, \"layers\": 2}], " HEAD,
     "inputs.mean takes the list, of the shape [2]; [3] is expected"},
};

START_TEST(what_is_wrong_is_told) {
    struct mr_network n;

    make_weights();
    *error = 0;
    struct mr_onnx *onnx = read_json(refused[_i].text, weights, weights_size, &n);
    ck_assert_msg(onnx == NULL, "taken: %s", refused[_i].text);
    ck_assert_msg(strncmp(error, "net.json: ", 10) == 0, "%s", error);
    ck_assert_msg(strstr(error, refused[_i].said) != NULL, "%s\n%s", error, refused[_i].said);
    keep_seed("refused", _i, refused[_i].text, weights, weights_size);
    free(weights);
}
END_TEST

// Cuts of a text, and of its weights, are told and nothing else.
START_TEST(cut_files_are_refused) {
    struct mr_network n;
    char text[1024];

    make_weights();
    for (size_t cut = 0; cut < strlen(taken[0].text); cut += 3) {
        snprintf(text, sizeof text, "%.*s", (int)cut, taken[0].text);
        ck_assert_ptr_null(read_json(text, weights, weights_size, &n));
    }
    for (size_t cut = 0; cut < weights_size; cut += 41)
        ck_assert_ptr_null(read_json(taken[0].text, weights, cut, &n));
    ck_assert_ptr_nonnull(strstr(error, "its weights cannot be read: w.safetensors"));
    free(weights);
}
END_TEST

START_TEST(what_is_not_taken_is_told) {
    struct mr_network n;

    make_weights();
    struct mr_onnx *onnx = read_json(taken[0].text, weights, weights_size, &n);
    ck_assert_msg(onnx != NULL, "%s", error);
    ck_assert_msg(strstr(mr_onnx_notes(onnx), "tensors of the weights are taken by no layer: ") !=
                      NULL,
                  "%s", mr_onnx_notes(onnx));
    mr_network_free(&n);
    mr_onnx_close(onnx);
    free(weights);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json");
    TCase *all = tcase_create("all");

    tcase_set_timeout(all, 60);
    tcase_add_loop_test(all, descriptions_are_taken, 0, (int)(sizeof taken / sizeof *taken));
    tcase_add_loop_test(all, what_is_wrong_is_told, 0, (int)(sizeof refused / sizeof *refused));
    tcase_add_test(all, cut_files_are_refused);
    tcase_add_test(all, what_is_not_taken_is_told);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
