// SPDX-License-Identifier: Apache-2.0
// The recurrent state in both of its forms: through the kept one and back whatever the lanes, and
// what is no state of this model is refused.
#define _POSIX_C_SOURCE 200809L
#include "model.h"
#include "plan_fixture.h"
#include "state_image.h"
#include "weights_image.h"

static const unsigned char identity[MR_MODEL_IDENTITY] = "a certain model";

enum { UNITS_A = 7, UNITS_B = 12, HEAD = 24, COUNTS = 12 }; // bytes before the units' fields

static struct mr_plan plan_of(const struct mr_network *network, int a, int b) {
    struct mr_plan plan;
    ck_assert_int_eq(fixture_evaluate(network, (const int[]){a, b}, &plan, NULL, 0), 0);
    return plan;
}

// Beats as the saver gives them: those of padding are zero.
static int16_t *random_beats(uint64_t *state, const struct mr_plan *plan) {
    int16_t *beats = calloc(mr_state_total_beats(plan), MR_IMAGE_BEAT * sizeof *beats);
    ck_assert_ptr_nonnull(beats);
    int16_t *beat = beats;
    for (int i = 0; i < plan->network->op_count; i++) {
        const struct mr_op *op = &plan->network->ops[i];
        for (uint32_t u = 0; u < mr_state_beats(plan, i); u++, beat += MR_IMAGE_BEAT)
            if (u < (uint32_t)op->units) {
                beat[0] = (int16_t)random_bits(state);
                beat[1] = op->kind->second_field ? (int16_t)random_bits(state) : 0;
                beat[2] = op->kind->second_field ? (int16_t)random_between(state, -128, 127) : 0;
            }
    }
    return beats;
}

static void check_cells(uint64_t *state, const char *a, const char *b) {
    struct mr_network network;
    char error[512] = "";
    ck_assert_int_eq(mr_network_create(&network, 3), 0);
    const int first = net_add(&network, a, 0, UNITS_A, MR_ACTIVATION_LINEAR);
    const int between = net_add(&network, "dense", first, 5, MR_ACTIVATION_TANH);
    fixture_output(&network, net_add(&network, b, between, UNITS_B, MR_ACTIVATION_LINEAR));
    const struct mr_plan one = plan_of(&network, 2, 5), other = plan_of(&network, 7, 1);
    ck_assert_uint_eq(mr_state_beats(&one, 0), 8);
    ck_assert_uint_eq(mr_state_beats(&one, 1), 0);
    ck_assert_uint_eq(mr_state_beats(&one, 2), 15);
    ck_assert_uint_eq(mr_state_total_beats(&one), 23);
    const size_t size = mr_state_size(&one);
    ck_assert_uint_eq(size, HEAD + COUNTS + UNITS_A * (mr_op_kind_find(a)->second_field ? 6u : 2u) +
                                UNITS_B * (mr_op_kind_find(b)->second_field ? 6u : 2u));
    ck_assert_uint_eq(mr_state_size(&other), size);
    int16_t *beats = random_beats(state, &one);
    int16_t *changed = calloc(mr_state_total_beats(&other), MR_IMAGE_BEAT * sizeof *changed);
    int16_t *back = calloc(mr_state_total_beats(&one), MR_IMAGE_BEAT * sizeof *back);
    unsigned char *kept = malloc(size), *again = malloc(size);
    ck_assert(changed && back && kept && again);
    mr_state_keep(&one, identity, beats, 0, kept);
    ck_assert_int_eq(mr_state_take(&other, identity, kept, size, 0, changed, error, sizeof error),
                     0);
    mr_state_keep(&other, identity, changed, 0, again);
    ck_assert_mem_eq(kept, again, size);
    ck_assert_int_eq(mr_state_take(&one, identity, again, size, 0, back, error, sizeof error), 0);
    ck_assert_mem_eq(beats, back, mr_state_total_beats(&one) * MR_IMAGE_BEAT * sizeof *beats);
    // The zero state.
    mr_state_keep(&one, identity, NULL, 0, kept);
    ck_assert_int_eq(mr_state_take(&one, identity, kept, size, 0, back, error, sizeof error), 0);
    for (uint32_t i = 0; i < mr_state_total_beats(&one) * MR_IMAGE_BEAT; i++)
        ck_assert_int_eq(back[i], 0);
    free(again);
    free(kept);
    free(back);
    free(changed);
    free(beats);
    mr_network_free(&network);
}

// Each slot has a state of its own, which fits every other.
START_TEST(slots_have_their_states) {
    uint64_t state = 32;
    struct mr_network network;
    struct mr_plan plan;
    char error[512] = "";
    const struct mr_op_layout layouts[] = {{.lc = 3, .passes = 1}, {.lc = 4, .passes = 1}};
    ck_assert_int_eq(mr_network_create(&network, 3), 0);
    const int first = net_add(&network, "lstm", 0, UNITS_A, MR_ACTIVATION_LINEAR);
    fixture_output(&network, net_add(&network, "gru", first, UNITS_B, MR_ACTIVATION_LINEAR));
    ck_assert_int_eq(mr_plan_evaluate(&network, layouts, 4, &plan, error, sizeof error), 0);
    const size_t size = mr_state_size(&plan);
    const size_t numbers = (size_t)mr_state_total_beats(&plan) * MR_IMAGE_BEAT;
    int16_t *beats = calloc(numbers, sizeof *beats), *back = calloc(numbers, sizeof *back);
    unsigned char *kept[4];
    ck_assert(beats && back);
    for (uint32_t slot = 0; slot < 4; slot++) {
        kept[slot] = malloc(size);
        ck_assert_ptr_nonnull(kept[slot]);
    }
    ck_assert_uint_eq(mr_state_beats(&plan, 0) % 4, 0);
    for (size_t beat = 0; beat < numbers / MR_IMAGE_BEAT; beat++)
        beats[beat * MR_IMAGE_BEAT] = (int16_t)random_bits(&state);
    for (uint32_t slot = 0; slot < 4; slot++)
        mr_state_keep(&plan, identity, beats, slot, kept[slot]);
    ck_assert_mem_ne(kept[0], kept[1], size);
    // Into other slots; what is there of slots that are left alone stays.
    memset(back, 0x55, numbers * sizeof *back);
    for (uint32_t slot = 0; slot < 4; slot++)
        ck_assert_int_eq(mr_state_take(&plan, identity, kept[slot], size, (slot + 1) % 4, back,
                                       error, sizeof error),
                         0);
    mr_state_clear(&plan, 2, back);
    for (uint32_t slot = 0; slot < 4; slot++) {
        unsigned char *again = malloc(size);
        ck_assert_ptr_nonnull(again);
        mr_state_keep(&plan, identity, back, (slot + 1) % 4, again);
        if (slot == 1)
            mr_state_keep(&plan, identity, NULL, 0, kept[1]);
        ck_assert_mem_eq(again, kept[slot], size);
        free(again);
    }
    for (int slot = 0; slot < 4; slot++)
        free(kept[slot]);
    free(beats);
    free(back);
    mr_network_free(&network);
}
END_TEST

START_TEST(there_and_back) {
    const uint64_t seed = 31;
    uint64_t state = seed;
    printf("state_image_test: seed %llu\n", (unsigned long long)seed);
    for (size_t a = 0; mr_op_kind_at(a); a++)
        for (size_t b = 0; mr_op_kind_at(b); b++)
            if (mr_op_kind_at(a)->recurrent && mr_op_kind_at(b)->recurrent)
                check_cells(&state, mr_op_kind_at(a)->name, mr_op_kind_at(b)->name);
}
END_TEST

START_TEST(other_bytes_are_refused) {
    static const struct {
        size_t at;
        unsigned char value;
        const char *expected;
    } bad[] = {{0, 'X', "no state"},
               {7, 2, "older version"},
               {7, 4, "newer version"},
               {8, 'b', "another model with layers of the same sizes"},
               {HEAD, 3, "a network of 3 recurrent layers, and this one has 2"},
               {HEAD + 4, 8, "layer 0 has 8 units, and "},
               {HEAD + 8, 13, "layer 1 has 13 units, and "},
               // The last byte of unit 0's cell state, and of the second layer's unit 1.
               {HEAD + COUNTS + 5, 1, "the cell state of unit 0 of lstm0 is 16777216"},
               {HEAD + COUNTS + 6 * UNITS_A + 11, 0x80, "of unit 1 of lstm1 is -2147483648"}};
    struct mr_network network;
    char error[512];
    fixture_chain(&network, 3, 2, (const int[]){UNITS_A, UNITS_B}, 1, MR_ACTIVATION_LINEAR);
    const struct mr_plan plan = plan_of(&network, 2, 3);
    const size_t size = mr_state_size(&plan);
    unsigned char *kept = malloc(size + 1);
    int16_t *beats = calloc(mr_state_total_beats(&plan), MR_IMAGE_BEAT * sizeof *beats);
    ck_assert(kept && beats);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mr_state_keep(&plan, identity, NULL, 0, kept);
        kept[bad[i].at] = bad[i].value;
        ck_assert_int_eq(mr_state_take(&plan, identity, kept, size, 0, beats, error, sizeof error),
                         -1);
        ck_assert_msg(strstr(error, bad[i].expected) != NULL, "no '%s' in '%s'", bad[i].expected,
                      error);
    }
    mr_state_keep(&plan, identity, NULL, 0, kept);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_eq(mr_state_take(&plan, identity, kept, cut, 0, beats, error, sizeof error),
                         -1);
    ck_assert_int_eq(mr_state_take(&plan, identity, kept, size + 1, 0, beats, error, sizeof error),
                     -1);
    ck_assert_ptr_nonnull(strstr(error, "something stands behind it"));
    free(beats);
    free(kept);
    mr_network_free(&network);
}
END_TEST

// A start state of a file may be any finite number, and is cut to the ends of its format.
START_TEST(start_states_are_cut) {
    const float start[] = {0.5f, 3e38f, -3e38f, 1, -1, 1e9f};
    const int32_t h[] = {16384, 32767, -32768}, cell[] = {65536, -65536, (1 << 23) - 1};
    struct mr_network network;
    ck_assert_int_eq(mr_network_create(&network, 3), 0);
    fixture_output(&network, net_add(&network, "lstm", 0, 3, MR_ACTIVATION_LINEAR));
    struct mr_op *op = &network.ops[0];
    ck_assert_int_eq(mr_op_starts(op, 1), 0);
    memcpy(op->start, start, sizeof start);
    network.streams[op->output].frac = malloc(3 * sizeof *network.streams[op->output].frac);
    ck_assert_ptr_nonnull(network.streams[op->output].frac);
    for (int unit = 0; unit < 3; unit++)
        network.streams[op->output].frac[unit] = MR_HIDDEN_FRAC;
    for (int unit = 0; unit < 3; unit++) {
        int32_t of_h, second;
        op->kind->start(&network, op, 0, unit, &of_h, &second);
        ck_assert_int_eq(of_h, h[unit]);
        ck_assert_int_eq(second, cell[unit]);
    }
    mr_network_free(&network);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("state_image");
    TCase *tests = tcase_create("state_image");
    tcase_add_test(tests, there_and_back);
    tcase_add_test(tests, slots_have_their_states);
    tcase_add_test(tests, start_states_are_cut);
    tcase_add_test(tests, other_bytes_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
