// SPDX-License-Identifier: Apache-2.0
// Streams a network: each line of standard input is one step of one sequence, its features with
// commas between. After each step the outputs are printed, by name. The state stays on the device.
//
//     cc -std=c11 stream.c $(pkg-config --cflags --libs millrace) -o stream
//     ./stream net.millrace sim: <steps.csv
//
// Such a network of two outputs comes from PyTorch so, and then from `millrace import`:
//
//     class Net(nn.Module):
//         def __init__(self):
//             super().__init__()
//             self.gru = nn.GRU(14, 32, batch_first=True)
//             self.life, self.fault = nn.Linear(32, 1), nn.Linear(32, 4)
//         def forward(self, x):
//             h = self.gru(x)[0][:, -1]
//             return self.life(h), self.fault(h).softmax(-1)
//
//     torch.onnx.export(net, torch.zeros(1, 50, 14), "net.onnx", input_names=["x"],
//                       output_names=["life", "fault"])
#include "millrace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OUTPUTS = 16, MAX_LINE = 1 << 16 };

// One line of numbers. 1, 0 at the end of the input, or -1 when it holds other than `count`
// numbers.
static int read_step(float *x, uint32_t count) {
    static char line[MAX_LINE];
    char *at = line, *end;
    if (!fgets(line, sizeof line, stdin))
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        x[i] = strtof(at, &end);
        if (end == at || *end != (i + 1 < count ? ',' : '\n'))
            return -1;
        at = end + 1;
    }
    return 1;
}

// Room for one row of each output: a step gives one, whether the network has a row per step or not.
static int make_outputs(const struct mr_model *model, struct mr_output *outputs, uint32_t count) {
    struct mr_output_info info;
    for (uint32_t o = 0; o < count; o++) {
        mr_model_output(model, o, &info);
        outputs[o] = (struct mr_output){info.name, calloc(info.width, sizeof(float)), info.width};
        if (!outputs[o].data)
            return -1;
    }
    return 0;
}

static void print_outputs(const struct mr_output *outputs, uint32_t count) {
    for (uint32_t o = 0; o < count; o++) {
        printf("%s%s=", o ? " " : "", outputs[o].name);
        for (uint64_t i = 0; i < outputs[o].count; i++)
            printf("%s%.9g", i ? "," : "", (double)outputs[o].data[i]);
    }
    putchar('\n');
}

static int stream(const struct mr_model *model, struct mr_session *session) {
    struct mr_model_info info;
    struct mr_output outputs[MAX_OUTPUTS] = {{0}};
    struct mr_stats stats = {0};
    uint64_t steps = 0, cycles = 0, cut = 0;
    int more = -1;

    mr_model_info(model, &info);
    const uint32_t count = info.output_count < MAX_OUTPUTS ? info.output_count : MAX_OUTPUTS;
    float *features = calloc(info.inputs, sizeof *features);
    const struct mr_input input = {info.input_name, features, info.inputs};
    if (!features || make_outputs(model, outputs, count)) {
        fprintf(stderr, "not enough memory\n");
    } else {
        // One sequence of one step, which goes on from the step before. The first starts from zero.
        while ((more = read_step(features, info.inputs)) > 0) {
            if (mr_session_run_named(session, &input, 1, outputs, count, 1, 1, MR_RUN_CONTINUE,
                                     &stats)) {
                fprintf(stderr, "step %llu: %s\n", (unsigned long long)steps,
                        mr_session_error(session));
                break;
            }
            print_outputs(outputs, count);
            steps++;
            cycles += stats.cycles;
            cut += stats.cut_inputs + stats.cut_values;
        }
        if (more < 0)
            fprintf(stderr, "step %llu: %u numbers with commas between are expected\n",
                    (unsigned long long)steps, info.inputs);
        fprintf(stderr, "%llu steps on %s, %llu cycles, %llu values cut\n",
                (unsigned long long)steps, mr_session_device(session), (unsigned long long)cycles,
                (unsigned long long)cut);
    }
    for (uint32_t o = 0; o < count; o++)
        free(outputs[o].data);
    free(features);
    return more == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    struct mr_error error;
    if (argc != 3)
        return fprintf(stderr, "Usage: %s MODEL.millrace DEVICE <steps.csv\n", argv[0]), 2;
    struct mr_model *model = mr_model_open(argv[1], &error);
    struct mr_session *session = model ? mr_session_open(model, argv[2], NULL, &error) : NULL;
    const int code = session ? stream(model, session) : 1;
    if (!session)
        fprintf(stderr, "%s\n", error.text);
    mr_session_close(session);
    mr_model_close(model);
    return code;
}
