// SPDX-License-Identifier: Apache-2.0
// An emulated card never harms the program that opens it: whatever XRT does, or is done to its
// process, and whatever the program does beside it. Writes below build/card_process_test.
#define _GNU_SOURCE
#define FOLDER "build/card_process_test"
#include "card_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { SEQUENCES = 6, STEPS = 4 };

// The folder of the broker with this process, "" when there is none.
static void folder_of(pid_t process, char *path, size_t size) {
    char begin[64];
    const int length = snprintf(begin, sizeof begin, "millrace-%ld-", (long)process);
    DIR *entries = opendir("/tmp");
    *path = '\0';
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (strncmp(entry->d_name, begin, (size_t)length) == 0)
            snprintf(path, size, "/tmp/%s", entry->d_name);
    if (entries)
        closedir(entries);
}

// So many seconds may pass until nothing is left of a broker.
static void all_gone(pid_t broker, double limit) {
    char folder[300];
    const double start = seconds_now();
    do {
        usleep(20000);
        folder_of(broker, folder, sizeof folder);
    } while ((find_card() || find_process("millrace_broker") || *folder) &&
             seconds_now() - start < limit);
    ck_assert_int_eq(find_card(), 0);
    ck_assert_int_eq(find_process("millrace_broker"), 0);
    ck_assert_str_eq(folder, "");
}

// ---- Several at once ---------------------------------------------------------------------------

START_TEST(two_on_one_card) {
    struct mr_model *model = open_model();
    struct mr_session *one = open_session(model, device, NULL),
                      *other = open_session(model, device, NULL);
    compare_with_cpu(one, model, SEQUENCES, STEPS);
    compare_with_cpu(other, model, SEQUENCES, STEPS);
    mr_session_close(one);
    compare_with_cpu(other, model, SEQUENCES, STEPS);
    mr_session_close(other);
    mr_model_close(model);
}
END_TEST

static void *open_and_run(void *context) {
    const struct mr_model *model = context;
    struct mr_session *session = open_session(model, device, NULL);
    for (size_t i = 1; i < 3; i++)
        compare_with_cpu(session, model, SEQUENCES * i, STEPS);
    mr_session_close(session);
    return NULL;
}

START_TEST(many_at_once) {
    enum { THREADS = 12 };
    struct mr_model *model = open_model();
    pthread_t threads[THREADS];
    mark_cards();
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_run, model), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    mr_model_close(model);
}
END_TEST

// ---- Children ----------------------------------------------------------------------------------

static void child_uses(struct mr_session *session, int how) {
    float x[64 * STEPS] = {0}, y[64] = {0};
    if (how == 1)
        mr_session_close(session);
    if (how == 2) {
        if (mr_session_run(session, x, 1, STEPS, 0, y, NULL) != MR_ERROR_DEVICE ||
            !strstr(mr_session_error(session), "made by fork"))
            _exit(1);
        mr_session_close(session);
    }
    exit(0);
}

// It exits, closes, uses the session: nothing of it reaches the parent's card.
START_TEST(child_by_fork) {
    struct mr_model *model = open_model();
    struct mr_session *session = open_session(model, device, NULL);
    compare_with_cpu(session, model, SEQUENCES, STEPS);
    for (int how = 0; how < 3; how++) {
        int status = 0;
        fflush(NULL);
        const double start = seconds_now();
        const pid_t child = fork();
        if (child == 0)
            child_uses(session, how);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(seconds_now() - start < 5);
        ck_assert_int_eq(status, 0);
        compare_with_cpu(session, model, SEQUENCES, STEPS);
    }
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

// The program has no child by it, so one that waits for all of its children ends.
START_TEST(no_child) {
    struct mr_model *model = open_model();
    ck_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_IGN);
    struct mr_session *session = open_session(model, device, NULL);
    ck_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    mr_session_close(session);
    mr_model_close(model);
}
END_TEST

// ---- What the program has to itself ------------------------------------------------------------

static int in_child(void (*work)(void)) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        work();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static void run_once_or_exit(void) {
    struct mr_error error = {0};
    struct mr_model *model = mr_model_open(model_path, &error);
    struct mr_session *session = model ? try_open(model, device, NULL, &error) : NULL;
    float x[64 * STEPS] = {0}, y[64];
    if (!session || mr_session_run(session, x, 1, STEPS, 0, y, NULL))
        _exit(3);
    mr_session_close(session);
    mr_model_close(model);
}

static void without_streams(void) {
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    run_once_or_exit();
    // They are still free.
    if (open("/dev/null", O_RDWR) != 0)
        _exit(4);
}

START_TEST(closed_streams) {
    ck_assert_int_eq(in_child(without_streams), 0);
}
END_TEST

// A sentence, or it works; never a hang. Hard limits hold for the broker too.
START_TEST(few_descriptors) {
    static const struct {
        rlim_t soft, hard;
    } limits[] = {{5, 1024}, {6, 1024}, {7, 1024}, {8, 1024}, {12, 1024}, {24, 24}, {100, 100}};
    struct mr_model *model = open_model();
    int opened = 0, refused = 0;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int status = 0;
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            struct mr_error error = {0};
            const struct rlimit limit = {limits[i].soft, limits[i].hard};
            for (int fd = 3; fd < 256; fd++)
                close(fd);
            if (setrlimit(RLIMIT_NOFILE, &limit))
                _exit(9);
            struct mr_session *session = try_open(model, device, NULL, &error);
            mr_session_close(session);
            _exit(session ? 0 : *error.text ? 1 : 2);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%d of %d: 0x%x",
                      (int)limits[i].soft, (int)limits[i].hard, (unsigned)status);
        *(WEXITSTATUS(status) ? &refused : &opened) += 1;
    }
    ck_assert_int_ge(opened, 2);
    ck_assert_int_ge(refused, 2);
    mr_model_close(model);
}
END_TEST

static void *read_line(void *context) {
    char line[100];
    (void)context;
    return fgets(line, sizeof line, stdin);
}

START_TEST(standard_input_in_use) {
    int ends[2];
    pthread_t thread;
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    ck_assert_int_eq(pthread_create(&thread, NULL, read_line, NULL), 0);
    usleep(200000);
    struct mr_model *model = open_model();
    const double start = seconds_now();
    struct mr_session *session = open_session(model, device, NULL);
    ck_assert(seconds_now() - start < 20);
    mr_session_close(session);
    mr_model_close(model);
    ck_assert_int_eq(write(ends[1], "\n", 1), 1);
    pthread_join(thread, NULL);
}
END_TEST

static atomic_bool enough;

static void *print_lines(void *context) {
    int *lines = context;
    while (!atomic_load(&enough)) {
        dprintf(STDOUT_FILENO, "line %d\n", (*lines)++);
        usleep(2000);
    }
    return NULL;
}

// While images load, what other threads print arrives, and nothing else does.
START_TEST(standard_output_in_use) {
    struct mr_model *model = open_model();
    pthread_t thread;
    int lines = 0;
    fflush(NULL);
    FILE *file = fopen(FOLDER "/lines", "w+");
    const int kept = dup(STDOUT_FILENO);
    ck_assert(file && dup2(fileno(file), STDOUT_FILENO) == STDOUT_FILENO);
    ck_assert_int_eq(pthread_create(&thread, NULL, print_lines, &lines), 0);
    for (int i = 0; i < 3; i++)
        mr_session_close(open_session(model, device, NULL));
    atomic_store(&enough, true);
    pthread_join(thread, NULL);
    dup2(kept, STDOUT_FILENO);
    rewind(file);
    char line[100], wanted[100];
    int found = 0;
    while (fgets(line, sizeof line, file)) {
        snprintf(wanted, sizeof wanted, "line %d\n", found++);
        ck_assert_str_eq(line, wanted);
    }
    ck_assert_int_eq(found, lines);
    fclose(file);
    mr_model_close(model);
}
END_TEST

// ---- Folders -----------------------------------------------------------------------------------

START_TEST(strange_folders) {
    static const char *const folders[] = {"a b",
                                          "it's",
                                          "q\"q",
                                          "$(touch " FOLDER "/executed)",
                                          "`touch " FOLDER "/executed`",
                                          ";x",
                                          "none/of/these"};
    char path[PATH_MAX], here[PATH_MAX / 2];
    struct mr_model *model = open_model();
    ck_assert(getcwd(here, sizeof here) != NULL);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        // A name holds no slashes.
        snprintf(path, sizeof path, "%s/" FOLDER "/%s", here,
                 i == 3 ? "$(touch executed)" : folders[i]);
        if (i != 6 && i != 4)
            ck_assert(!mkdir(path, 0700) || errno == EEXIST);
        setenv("TMPDIR", path, 1);
        struct mr_session *session = open_session(model, device, NULL);
        mr_session_close(session);
    }
    snprintf(path, sizeof path, "%s/" FOLDER "/%0200d", here, 0);
    ck_assert(!mkdir(path, 0700) || errno == EEXIST);
    setenv("TMPDIR", path, 1);
    mr_session_close(open_session(model, device, NULL));
    // Images of such names too.
    static const char name[] = FOLDER "/a $(touch executed) 'b\".xclbin";
    unlink(name);
    ck_assert_int_eq(link(image_path, name), 0);
    snprintf(path, sizeof path, "xrt:0,%s", name);
    mr_session_close(open_session(model, path, NULL));
    ck_assert_int_ne(access("executed", F_OK), 0);
    ck_assert_int_ne(access(FOLDER "/executed", F_OK), 0);
    mr_model_close(model);
}
END_TEST

// A folder that somebody made where XRT would have its sockets is not used, and the own one is
// nobody else's.
START_TEST(private_folder) {
    char folder[300], path[340];
    struct stat status;
    struct mr_model *model = open_model();
    snprintf(path, sizeof path, "/tmp/millrace_test_user_%ld", (long)getpid());
    ck_assert_int_eq(mkdir(path, 0777), 0);
    setenv("USER", path + strlen("/tmp/"), 1);
    struct mr_session *session = open_session(model, device, NULL);
    compare_with_cpu(session, model, SEQUENCES, STEPS);
    ck_assert_int_eq(rmdir(path), 0); // it is empty
    ck_assert_str_eq(getenv("USER"), path + strlen("/tmp/"));
    const pid_t broker = find_process("millrace_broker");
    folder_of(broker, folder, sizeof folder);
    ck_assert_str_ne(folder, "");
    ck_assert_int_eq(lstat(folder, &status), 0);
    ck_assert(S_ISDIR(status.st_mode) && status.st_uid == getuid() &&
              (status.st_mode & 0777) == 0700);
    snprintf(path, sizeof path, "%s/socket", folder);
    ck_assert(!lstat(path, &status) && S_ISSOCK(status.st_mode));
    mr_session_close(session);
    all_gone(broker, 2);
    mr_model_close(model);
}
END_TEST

// ---- Ends --------------------------------------------------------------------------------------

// A program that is killed, one that ends without closing, one whose child lives on: the card, its
// broker and their folder go.
START_TEST(killed_program) {
    for (int how = 0; how < 3; how++) {
        int status = 0, ends[2];
        pid_t broker = 0;
        ck_assert_int_eq(pipe(ends), 0);
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            struct mr_model *model = open_model();
            (void)open_session(model, device, NULL);
            const pid_t found = find_process("millrace_broker");
            const bool told = write(ends[1], &found, sizeof found) == sizeof found;
            if (how == 2 && fork() == 0) {
                sleep(8);
                _exit(0);
            }
            if (how == 1)
                _exit(told ? 0 : 1);
            kill(getpid(), SIGKILL);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(read(ends[0], &broker, sizeof broker), sizeof broker);
        ck_assert_int_gt(broker, 0);
        const double start = seconds_now();
        char folder[300];
        do {
            usleep(20000);
            folder_of(broker, folder, sizeof folder);
        } while ((*folder || !kill(-broker, 0)) && seconds_now() - start < 6);
        ck_assert_str_eq(folder, "");
        ck_assert_msg(kill(-broker, 0) && errno == ESRCH, "processes are left");
        close(ends[0]);
        close(ends[1]);
    }
}
END_TEST

static void kill_broker(int signal_number, const struct mr_options *options) {
    enum { MANY = 2000 };
    struct mr_model *model = open_model();
    struct mr_model_info info;
    mr_model_info(model, &info);
    struct mr_session *session = open_session(model, device, options);
    const pid_t broker = find_process("millrace_broker");
    ck_assert_int_gt(broker, 0);
    float *x = numbers((size_t)MANY * MANY * info.inputs, 1);
    float *y = numbers((size_t)MANY * info.outputs, 1);
    struct shot shot = {.signal = signal_number, .card = broker};
    pthread_t thread;
    pthread_create(&thread, NULL, shoot, &shot);
    const double start = seconds_now();
    ck_assert_int_eq(mr_session_run(session, x, MANY, MANY, 0, y, NULL), MR_ERROR_DEVICE);
    ck_assert(seconds_now() - start < 20);
    pthread_join(thread, NULL);
    ck_assert_msg(strstr(mr_session_error(session), "the process that holds XRT") != NULL, "%s",
                  mr_session_error(session));
    all_gone(broker, 5);
    ck_assert_int_eq(mr_session_run(session, x, 1, 1, 0, y, NULL), MR_ERROR_DEVICE);
    mr_session_close(session);
    session = open_session(model, device, NULL);
    compare_with_cpu(session, model, SEQUENCES, STEPS);
    mr_session_close(session);
    free(x);
    free(y);
    mr_model_close(model);
}

START_TEST(broker_killed) {
    kill_broker(SIGKILL, NULL);
}
END_TEST

START_TEST(broker_stopped) {
    kill_broker(SIGSTOP, NULL);
}
END_TEST

// The next call goes on elsewhere, from the same state.
START_TEST(broker_killed_with_fallback) {
    const struct mr_options options = {MR_OPTIONS_INIT, .fallback = "cpu:"};
    struct mr_model *model = open_model();
    struct mr_model_info info;
    mr_model_info(model, &info);
    struct mr_session *session = open_session(model, device, &options),
                      *cpu = open_session(model, "cpu:", NULL);
    float *x = numbers(8 * info.inputs, 3), y[2][64];
    for (size_t t = 0; t < 8; t++) {
        if (t == 5)
            kill(find_process("millrace_broker"), SIGKILL);
        ck_assert_int_eq(mr_session_step(session, x + t * info.inputs, y[0], NULL), 0);
        ck_assert_int_eq(mr_session_step(cpu, x + t * info.inputs, y[1], NULL), 0);
        ck_assert_mem_eq(y[0], y[1], info.outputs * sizeof(float));
    }
    ck_assert_msg(strncmp(mr_session_device(session), "cpu:", 4) == 0, "%s",
                  mr_session_device(session));
    free(x);
    mr_session_close(session);
    mr_session_close(cpu);
    mr_model_close(model);
}
END_TEST

// A stop by a key, for longer than a card may be silent.
START_TEST(stopped_for_a_while) {
    int status = 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        const struct mr_options options = {MR_OPTIONS_INIT, .limit_ms = 1000};
        setpgid(0, 0);
        struct mr_model *model = open_model();
        struct mr_session *session = open_session(model, device, &options);
        compare_with_cpu(session, model, 8000, 10);
        compare_with_cpu(session, model, SEQUENCES, STEPS);
        mr_session_close(session);
        mr_model_close(model);
        exit(0);
    }
    sleep(1);
    for (int i = 0; i < 2; i++) {
        kill(-child, SIGTSTP);
        kill(-child, SIGSTOP);
        sleep(3);
        kill(-child, SIGCONT);
        usleep(300000);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

// ---- millrace emulate --------------------------------------------------------------------------

static pid_t emulate(const char *script) {
    fflush(NULL);
    mark_cards();
    const pid_t child = fork();
    if (child == 0) {
        execl("build/millrace", "millrace", "emulate", "sh", "-c", script, (char *)NULL);
        _exit(99);
    }
    return child;
}

static int status_of(pid_t child) {
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Waits until the program has said which process it is.
static pid_t program_of(const char *path) {
    int process = 0;
    for (int i = 0; i < 500 && !process; i++) {
        FILE *file = fopen(path, "r");
        if (file && fscanf(file, "%d.", &process) != 1)
            process = 0;
        if (file)
            fclose(file);
        usleep(20000);
    }
    ck_assert_int_gt(process, 0);
    return process;
}

START_TEST(emulate_exit_codes) {
    ck_assert_int_eq(status_of(emulate("exit 0")), 0);
    ck_assert_int_eq(status_of(emulate("exit 42")), 42);
    ck_assert_int_eq(status_of(emulate("kill -KILL $$")), 128 + SIGKILL);
    ck_assert_int_eq(status_of(emulate("kill -ABRT 0")), 128 + SIGABRT); // as XRT does
    ck_assert_int_eq(status_of(emulate("exec ./none 2>/dev/null")), 127);
}
END_TEST

// What comes to the command goes to the program, and when the command goes, by whatever, the
// program and its folder go.
START_TEST(emulate_signals) {
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGKILL};
    static const char path[] = FOLDER "/program";
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char script[400], folder[300];
        unlink(path);
        snprintf(script, sizeof script,
                 "trap 'exit 7' %d; sleep 60 & echo $$. >" FOLDER "/program; wait",
                 numbers[i] == SIGKILL ? SIGQUIT : numbers[i]);
        const pid_t command = emulate(script), program = program_of(path);
        const double start = seconds_now();
        kill(command, numbers[i]);
        ck_assert_int_eq(status_of(command), numbers[i] == SIGKILL ? 1000 + SIGKILL : 7);
        do {
            usleep(20000);
            folder_of(command, folder, sizeof folder);
        } while ((*folder || (numbers[i] != SIGUSR1 && !kill(-program, 0))) &&
                 seconds_now() - start < 8);
        ck_assert_str_eq(folder, "");
        if (numbers[i] != SIGUSR1) // which asks nobody to end what the program left
            ck_assert(kill(-program, 0) && errno == ESRCH);
        kill(-program, SIGKILL);
    }
}
END_TEST

// ---- Images and brokers that are none ----------------------------------------------------------

START_TEST(wrong_brokers) {
    static const struct {
        const char *program, *words;
    } wrong[] = {{"/bin/true", "does not start"},
                 {FOLDER "/none", "is no program"},
                 {FOLDER "/model.millrace", "is no program"}};
    struct mr_model *model = open_model();
    struct mr_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("MILLRACE_BROKER", wrong[i].program, 1);
        ck_assert(try_open(model, device, NULL, &error) == NULL);
        ck_assert_msg(strstr(error.text, wrong[i].words) != NULL, "%s", error.text);
    }
    unsetenv("MILLRACE_BROKER");
    mr_session_close(open_session(model, device, NULL));
    mr_model_close(model);
}
END_TEST

int main(void) {
    build_image();
    Suite *suite = suite_create("card_process");
    TCase *cases = tcase_create("process");
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, two_on_one_card);
    tcase_add_test(cases, many_at_once);
    tcase_add_test(cases, child_by_fork);
    tcase_add_test(cases, no_child);
    tcase_add_test(cases, closed_streams);
    tcase_add_test(cases, few_descriptors);
    tcase_add_test(cases, standard_input_in_use);
    tcase_add_test(cases, standard_output_in_use);
    tcase_add_test(cases, strange_folders);
    tcase_add_test(cases, private_folder);
    tcase_add_test(cases, killed_program);
    tcase_add_test(cases, broker_killed);
    tcase_add_test(cases, broker_stopped);
    tcase_add_test(cases, broker_killed_with_fallback);
    tcase_add_test(cases, stopped_for_a_while);
    tcase_add_test(cases, emulate_exit_codes);
    tcase_add_test(cases, emulate_signals);
    tcase_add_test(cases, wrong_brokers);
    suite_add_tcase(suite, cases);
    return card_run(suite);
}
