// SPDX-License-Identifier: Apache-2.0
// Descriptions in .millrace files, written by hand: those of older versions are read, damaged and
// hostile ones are refused with a sentence.
#define _POSIX_C_SOURCE 200809L
#include "model_fixture.h"
#include "safetensors.h"

#include <stdio.h>
#include <sys/stat.h>

#define FOLDER "build/model_description_test"

// Writes the tensors of a file again with other metadata.
static void describe_again(const char *path, const char *version, const char *description,
                           const char *to) {
    struct mr_safetensors file;
    const struct mr_pair metadata[] = {
        {"format", "millrace"}, {"version", version}, {"description", description}};

    ck_assert_msg(!mr_safetensors_read(path, NULL, &file, error, sizeof error), "%s", error);
    ck_assert_msg(!mr_safetensors_write(to, file.tensors, file.tensor_count, metadata, 3, error,
                                        sizeof error),
                  "%s", error);
    mr_safetensors_free(&file);
}

#define OLD_LAYERS                                                                                 \
    "\"layers\":[{\"type\":\"lstm\",\"inputs\":3,\"hidden\":5},"                                   \
    "{\"type\":\"lstm\",\"inputs\":5,\"hidden\":4"
#define OLD_START "{\"name\":\"old\",\"batch_first\":true,\"steps\":0," OLD_LAYERS
#define OLD_HEAD "\"head\":{\"type\":\"dense\",\"inputs\":4,\"outputs\":2,\"activation\":"

// What versions 0.1 to 0.3 of the program wrote, whose tensors had the same names.
START_TEST(old_versions_are_read) {
    static const struct {
        const char *version, *description;
        enum mr_activation activation;
        int exponent; // of layer 1
        bool casts, accuracy;
    } old[] = {
        {"1", OLD_START "}]," OLD_HEAD "\"sigmoid\",\"frac_bits\":15}}", MR_ACTIVATION_SIGMOID, 0,
         false, false},
        {"1",
         OLD_START "}]," OLD_HEAD "\"sigmoid\",\"frac_bits\":15},\"accuracy\":{\"outputs\":100,"
                   "\"rms_error\":0.001,\"max_error\":0.25,\"snr_db\":61.5}}",
         MR_ACTIVATION_SIGMOID, 0, false, true},
        {"2",
         OLD_START ",\"cell_exponent\":3}]," OLD_HEAD
                   "\"linear\",\"frac_bits\":[%d,%d]},\"input_cast\":\"int\",\"output_cast\":"
                   "\"int bool\",\"accuracy\":{\"outputs\":100,\"rms_error\":0.001,\"max_error\":"
                   "0.25,\"snr_db\":61.5,\"each\":[[1,2,3],[4,5,6]]}}",
         MR_ACTIVATION_LINEAR, 3, true, true},
    };
    struct mr_model_data m = make_model(old[_i].activation);
    struct mr_network *n = &m.network;
    const int32_t *frac = n->streams[4].frac;
    char text[1000];

    save(&m, FOLDER "/new.millrace");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof text, old[_i].description, (int)frac[0], (int)frac[1]);
#pragma GCC diagnostic pop
    describe_again(FOLDER "/new.millrace", old[_i].version, text, FOLDER "/old.millrace");
    struct mr_model_data back = load(FOLDER "/old.millrace");
    n->ops[1].exponent = old[_i].exponent;
    n->input_cast.whole = n->outputs[0].cast.whole = n->outputs[0].cast.truth = old[_i].casts;
    free(n->name);
    n->name = strdup("old");
    check_same(n, &back.network);
    check_same_results(n, &back.network);
    ck_assert_uint_eq(back.accuracy.count, old[_i].accuracy ? 100 : 0);
    ck_assert_int_eq(back.output_accuracy != NULL, _i == 2);
    if (_i == 2) {
        ck_assert_double_eq(back.output_accuracy[1].rms_error, 4);
        ck_assert_uint_eq(back.output_accuracy[1].count, 50);
    }
    // Written again, it is a file of this version with the same identity.
    unsigned char identity[2][MR_MODEL_IDENTITY];
    save(&back, FOLDER "/old.millrace");
    ck_assert_int_eq(mr_model_data_identity(&back, identity[0]), 0);
    mr_model_data_free(&back);
    back = load(FOLDER "/old.millrace");
    check_same(n, &back.network);
    ck_assert_int_eq(mr_model_data_identity(&back, identity[1]), 0);
    ck_assert_mem_eq(identity[0], identity[1], MR_MODEL_IDENTITY);
    mr_model_data_free(&m);
    mr_model_data_free(&back);
}
END_TEST

START_TEST(damaged_old_descriptions_are_refused) {
    static const char head[] = OLD_HEAD "\"sigmoid\",\"frac_bits\":15}";
    static const char *const layers[] = {
        OLD_LAYERS "}]",
        "\"layers\":[{\"type\":\"lstm\",\"inputs\":3,\"hidden\":5},{\"type\":\"lstm\",\"inputs\":4,"
        "\"hidden\":4}]",
        "\"layers\":[{\"type\":\"dense\",\"inputs\":3,\"hidden\":5,\"activation\":\"linear\"},"
        "{\"type\":\"lstm\",\"inputs\":5,\"hidden\":4}]",
        "\"layers\":[3,{\"type\":\"lstm\",\"inputs\":5,\"hidden\":4}]",
        "\"layers\":[]",
        "\"layers\":7",
        "\"layers\":[null]",
        "\"operators\":[]",
    };
    static const char *const heads[] = {
        head,
        OLD_HEAD "\"sigmoid\"}",
        OLD_HEAD "\"sine\",\"frac_bits\":15}",
        "\"head\":{\"type\":\"dense\",\"inputs\":5,\"outputs\":2,\"activation\":\"sigmoid\","
        "\"frac_bits\":15}",
        "\"head\":{\"type\":\"lstm\",\"inputs\":4,\"outputs\":2,\"frac_bits\":15}",
        "\"head\":4",
        "\"foot\":{}",
    };
    struct mr_model_data m = make_model(MR_ACTIVATION_SIGMOID), back;
    char text[1000];

    save(&m, FOLDER "/new.millrace");
    for (size_t l = 0; l < sizeof layers / sizeof *layers; l++)
        for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
            snprintf(text, sizeof text, "{\"name\":\"old\",\"batch_first\":true,\"steps\":0,%s,%s}",
                     layers[l], heads[h]);
            describe_again(FOLDER "/new.millrace", "2", text, FOLDER "/bad.millrace");
            const int result = mr_model_data_load(FOLDER "/bad.millrace", &back, error, 1024);
            ck_assert_msg((result == 0) == (l == 0 && h == 0), "%s: %s", text, error);
            if (result == 0)
                mr_model_data_free(&back);
            else
                ck_assert_msg(strncmp(error, FOLDER "/bad.millrace: ", 10) == 0, "%s", error);
        }
    static const char *const roots[] = {"[]", "7", "null", "{}", "", "{", "\"layers\""};
    for (size_t i = 0; i < 2 * sizeof roots / sizeof *roots; i++) {
        describe_again(FOLDER "/new.millrace", i & 1 ? "2" : "3", roots[i / 2],
                       FOLDER "/bad.millrace");
        ck_assert_int_ne(mr_model_data_load(FOLDER "/bad.millrace", &back, error, 1024), 0);
    }
    describe_again(FOLDER "/new.millrace", "5", "{}", FOLDER "/bad.millrace");
    ck_assert_int_ne(mr_model_data_load(FOLDER "/bad.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, "format version 5; this program reads versions 1 to 4") != NULL,
                  "%s", error);
    mr_model_data_free(&m);
}
END_TEST

#define OPERATOR(type, input, units, more)                                                         \
    "{\"type\":\"" type "\",\"input\":" #input ",\"units\":" #units ",\"frac_bits\":15" more "}"
#define GOOD_OPERATORS                                                                             \
    OPERATOR("lstm", 0, 5, "")                                                                     \
    "," OPERATOR("lstm", 1, 4, "") "," OPERATOR("last", 2, 4, "") "," OPERATOR(                    \
        "dense", 3, 2, ",\"activation\":\"sigmoid\"")
#define GOOD_OUTPUTS "{\"name\":\"y\",\"stream\":4}"
#define SIGMOID ",\"activation\":\"sigmoid\""

// The file of make_model with the description of another network, or of none.
static const struct {
    const char *operators, *outputs, *said; // NULL: is read
} descriptions[] = {
    {GOOD_OPERATORS, GOOD_OUTPUTS, NULL},
    // streams
    {OPERATOR("lstm", 1, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", -1, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", 99999999999999, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", "0", 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {OPERATOR("lstm", 0.0, 5, ""), GOOD_OUTPUTS, "an operator without its input"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":5}", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":0}", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":-1}", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":7,\"stream\":4}", "an output without its name or stream"},
    {GOOD_OPERATORS, "7", "an output without its name or stream"},
    {GOOD_OPERATORS, "{\"name\":\"\",\"stream\":4}", "output 0 has no name"},
    {GOOD_OPERATORS, "", "lists no operators or no outputs"},
    {"", GOOD_OUTPUTS, "lists no operators or no outputs"},
    {"7", GOOD_OUTPUTS, "an operator of type ''"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":3}", "nothing takes what 'head' gives"},
    {GOOD_OPERATORS, GOOD_OUTPUTS "," GOOD_OUTPUTS, "two outputs are named 'y'"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":4,\"cast\":\"float\"}",
     "a cast that is not known"},
    {GOOD_OPERATORS, "{\"name\":\"y\",\"stream\":4,\"cast\":7}", "a cast that is not known"},
    // operators
    {OPERATOR("transformer", 0, 5, ""), GOOD_OUTPUTS,
     "an operator of type 'transformer', which this version does not know"},
    {OPERATOR("lstm", 0, 0, ""), GOOD_OUTPUTS, "not of 1 to 16384 units"},
    {OPERATOR("lstm", 0, 16385, ""), GOOD_OUTPUTS, "not of 1 to 16384 units"},
    {OPERATOR("lstm", 0, -5, ""), GOOD_OUTPUTS, "not of 1 to 16384 units"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("last", 1, 4, ""), GOOD_OUTPUTS,
     "units do not follow from its input"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("last", 1, 5, "") "," OPERATOR("lstm", 2, 4, ""),
     GOOD_OUTPUTS, "a recurrent layer reads 'last', which gives one row per sequence"},
    {OPERATOR("dense", 0, 5, ""), GOOD_OUTPUTS, "activation is not known"},
    {OPERATOR("dense", 0, 5, ",\"activation\":7"), GOOD_OUTPUTS, "activation is not known"},
    {OPERATOR("dense", 0, 5, SIGMOID), "{\"name\":\"y\",\"stream\":1}", "no recurrent layer"},
    {OPERATOR("lstm", 0, 5, ",\"cell_exponent\":17"), GOOD_OUTPUTS, "cell exponent"},
    {OPERATOR("lstm", 0, 5, ",\"cell_exponent\":-1"), GOOD_OUTPUTS, "cell exponent"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"w16a16\"") "," OPERATOR(
         "lstm", 1, 4, "") "," OPERATOR("last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS, NULL},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"w16a8\""), GOOD_OUTPUTS,
     "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"\""), GOOD_OUTPUTS, "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":8"), GOOD_OUTPUTS, "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":null"), GOOD_OUTPUTS, "whose precision is none of"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("dense", 1, 2, SIGMOID ",\"precision\":\"w8a8\""),
     "{\"name\":\"y\",\"stream\":2}", "a precision to an operator that is not recurrent"},
    {OPERATOR("lstm", 0, 5, ",\"precision\":\"w8a8\"") "," OPERATOR("lstm", 1, 4, "") "," OPERATOR(
         "last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS, "tensor 'lstm0.weight' is not I8 of the shape"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5}", GOOD_OUTPUTS, "formats"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5,\"frac_bits\":[15,15,15,15]}", GOOD_OUTPUTS,
     "formats"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5,\"frac_bits\":[15,15,15,15,15,15]}", GOOD_OUTPUTS,
     "formats for another number"},
    {"{\"type\":\"lstm\",\"input\":0,\"units\":5,\"frac_bits\":99999999999}", GOOD_OUTPUTS,
     "formats"},
    // tensors
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("last", 1, 5, "") "," OPERATOR("dense", 2, 2, SIGMOID),
     "{\"name\":\"y\",\"stream\":3}", "tensors; its description asks for"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("lstm", 0, 4, "") "," OPERATOR(
         "last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS ",{\"name\":\"z\",\"stream\":1}", "is not I16 of the shape"},
    {OPERATOR("lstm", 0, 5, "") "," OPERATOR("dense", 1, 4, SIGMOID) "," OPERATOR(
         "last", 2, 4, "") "," OPERATOR("dense", 3, 2, SIGMOID),
     GOOD_OUTPUTS, "holds 18 tensors; its description asks for 17"},
    {OPERATOR("lstm", 0, 16384, "") "," OPERATOR("lstm", 1, 16384, "") "," OPERATOR(
         "last", 2, 16384, "") "," OPERATOR("dense", 3, 16384, SIGMOID),
     GOOD_OUTPUTS, "of the shape"},
};

static void write_description(const char *operators, const char *outputs) {
    static char text[20000];

    snprintf(text, sizeof text,
             "{\"name\":\"n\",\"layout\":\"NFT\",\"steps\":0,\"inputs\":3,\"input_name\":\"x\","
             "\"operators\":[%s],\"outputs\":[%s]}",
             operators, outputs);
    describe_again(FOLDER "/good.millrace", "3", text, FOLDER "/hostile.millrace");
}

START_TEST(hostile_descriptions_are_refused) {
    struct mr_model_data m = make_model(MR_ACTIVATION_SIGMOID), back;

    save(&m, FOLDER "/good.millrace");
    write_description(descriptions[_i].operators, descriptions[_i].outputs);
    const int result = mr_model_data_load(FOLDER "/hostile.millrace", &back, error, 1024);
    if (!descriptions[_i].said) {
        ck_assert_msg(result == 0, "%s", error);
        check_same_results(&m.network, &back.network);
        mr_model_data_free(&back);
    } else {
        ck_assert_int_ne(result, 0);
        ck_assert_msg(strstr(error, descriptions[_i].said) &&
                          strncmp(error, FOLDER "/hostile.millrace", 20) == 0,
                      "%s", error);
    }
    mr_model_data_free(&m);
}
END_TEST

// One more than there may be: of operators, recurrent layers, outputs.
START_TEST(limits_are_kept) {
    static const char *const said[] = {"more than 128 operators", "more than 64 recurrent layers",
                                       "more than 8 outputs"};
    struct mr_model_data m = make_model(MR_ACTIVATION_SIGMOID), back;
    char operators[18000] = GOOD_OPERATORS, outputs[1000] = GOOD_OUTPUTS;
    size_t used = strlen(operators);

    save(&m, FOLDER "/good.millrace");
    for (int i = 4; i < MR_MAX_OPS + 1 && _i == 0; i++)
        used += (size_t)snprintf(operators + used, sizeof operators - used, ",%s",
                                 OPERATOR("dense", 3, 2, SIGMOID));
    for (int i = 2; i < MR_MAX_LAYERS + 1 && _i == 1; i++)
        used += (size_t)snprintf(operators + used, sizeof operators - used, ",%s",
                                 OPERATOR("lstm", 0, 2, ""));
    used = strlen(outputs);
    for (int i = 1; i < MR_MAX_OUTPUTS + 1 && _i == 2; i++)
        used += (size_t)snprintf(outputs + used, sizeof outputs - used,
                                 ",{\"name\":\"y%d\",\"stream\":4}", i);
    write_description(operators, outputs);
    ck_assert_int_ne(mr_model_data_load(FOLDER "/hostile.millrace", &back, error, 1024), 0);
    ck_assert_msg(strstr(error, said[_i]) != NULL, "%s", error);
    mr_model_data_free(&m);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model_description");
    TCase *all = tcase_create("all");

    mkdir("build", 0777);
    mkdir(FOLDER, 0777);
    tcase_set_timeout(all, 600);
    tcase_add_loop_test(all, old_versions_are_read, 0, 3);
    tcase_add_test(all, damaged_old_descriptions_are_refused);
    tcase_add_loop_test(all, hostile_descriptions_are_refused, 0,
                        (int)(sizeof descriptions / sizeof *descriptions));
    tcase_add_loop_test(all, limits_are_kept, 0, 3);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
