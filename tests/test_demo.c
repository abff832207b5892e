/* test_demo.c: the demo model answers its questions (packaging/demo/questions.tsv): at least 95 of 100 in bf16 and w8, 90
 * in w4. A quantisation bug that random weights would hide shows here as nonsense. Uses the runtime directly, as one
 * process a question would take an hour; each quantisation runs in a child, because an opened site seals its process.
 * Under a sanitizer only every STRIDE-th question is asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/generate.h"
#include "runtime/scope.h"
#include "runtime/seal.h"
#include "tests/check.h"
#include "tests/read_file.h"
#include "tests/program.h"

#define DEMO "packaging/demo"

enum {
    QUESTIONS_MAX = 1 << 16,
    FIELDS = 4,
    LANGUAGES = 24,
    STRIDE = RT_SANITIZED ? 199 : 1, /* a prime: no common step with the order of the file */
    SHOWN_MAX = 10,
};

enum verdict { NOT_ASKED, RIGHT, WRONG };

struct question {
    const char *language, *kind, *text, *answer;
};

static struct question questions[QUESTIONS_MAX];
static size_t question_count;
static struct program_paths paths;

/* ---- the list ---- */

/* Splits `text` in place; the questions point into it. -1 where a line has not four fields. */
static int read_questions(char *text)
{
    char *lines, *fields;
    for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
        const char *field[FIELDS] = {strtok_r(line, "\t", &fields)};
        for (int i = 1; i < FIELDS; i++)
            field[i] = strtok_r(NULL, "\t", &fields);
        if (!field[FIELDS - 1] || question_count == QUESTIONS_MAX)
            return -1;
        questions[question_count++] = (struct question){field[0], field[1], field[2], field[3]};
    }
    return 0;
}

/* ---- asking, in the child ---- */

static int encode_question(const struct rt_site *site, const char *text, struct rt_tokens *prompt, struct rt_error *error)
{
    struct rt_message message = {"user", text};
    RT_FREE char *rendered = NULL;
    size_t bytes;
    if (!site->chat_template) {
        *error = site->template_error;
        return -1;
    }
    yyjson_doc *document = rt_template_messages(&message, 1);
    const struct rt_template_input input = {yyjson_doc_get_root(document), .add_generation_prompt = 1, .bos_token = "", .eos_token = "",
                                            .now = RT_NO_DATE};
    const int status = rt_template_render(site->chat_template, &input, &rendered, &bytes, error);
    yyjson_doc_free(document);
    if (status)
        return -1;
    prompt->count = 0;
    return rt_tokenizer_encode(site->tokenizer, rendered, bytes, RT_ENCODE_SPECIAL, prompt, error);
}

/* 1: answered exactly; 0: otherwise; -1: failed. */
static int ask(struct rt_site *site, const struct question *question, struct rt_tokens *prompt, int show, struct rt_error *error)
{
    if (encode_question(site, question->text, prompt, error))
        return -1;
    struct rt_request request = {
        .prompt = prompt->ids, .prompt_count = (uint32_t)prompt->count, .max_new = 96, .sampling = {.top_p = 1, .repeat_penalty = 1}};
    struct rt_result result = {0};
    struct rt_sequence *sequence = rt_sequence_open(site->engine);
    int status = sequence ? rt_generate(site, sequence, &request, &result, error) : rt_fail(error, RT_EXIT_RESOURCES, "no sequence");
    int right = !status && result.finish == RT_FINISH_STOP && !strcmp(result.text, question->answer);
    if (!status && !right && show)
        fprintf(stderr, "  %s: %s → %s instead of %s\n", question->language, question->text, result.text, question->answer);
    rt_result_close(&result);
    rt_sequence_close(site->engine, &sequence);
    return status ? -1 : right;
}

/* The child's whole life. Returns its exit code. */
static int ask_all(const char *bundle, uint8_t *verdicts)
{
    struct rt_site_options options = {
        .bundle = bundle, .trust = paths.trust, .context = 256, .kv = KN_KV_BF16, .max_logits = 1, .quiet = 1};
    struct rt_error error = {0};
    struct rt_tokens prompt = {0};
    struct rt_site site;
    int status = rt_site_open(&site, &options, &error), shown = 0;
    if (status)
        return rt_error_print(&error, "test_demo", 0);
    for (size_t i = 0; !status && i < question_count; i += STRIDE) {
        int right = ask(&site, &questions[i], &prompt, shown < SHOWN_MAX, &error);
        verdicts[i] = right > 0 ? RIGHT : WRONG;
        shown += !right;
        status = right < 0 ? -1 : 0;
    }
    free(prompt.ids);
    rt_site_close(&site);
    return status ? rt_error_print(&error, "test_demo", 0) : 0;
}

/* ---- judging ---- */

static void count_verdicts(const uint8_t *verdicts, const char *quant, double least)
{
    const char *languages[LANGUAGES] = {NULL};
    size_t asked = 0, right = 0, spoken = 0;
    for (size_t i = 0; i < question_count; i++) {
        asked += verdicts[i] != NOT_ASKED;
        right += verdicts[i] == RIGHT;
        size_t known = 0;
        while (known < spoken && strcmp(languages[known], questions[i].language))
            known++;
        if (verdicts[i] == RIGHT && known == spoken && spoken < LANGUAGES)
            languages[spoken++] = questions[i].language;
    }
    printf("     %s: %zu of %zu right, in %zu languages\n", quant, right, asked, spoken);
    CHECK(asked >= question_count / STRIDE && asked > 0);
    CHECK_THAT((double)right >= least * (double)asked, "%zu of %zu", right, asked);
    CHECK_THAT(spoken == LANGUAGES, "right answers in %zu languages only", spoken);
}

static void answers(const char *quant, double least)
{
    char *bundle = program_bundle(DEMO "/model", quant);
    uint8_t *verdicts = mmap(NULL, QUESTIONS_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(bundle && verdicts != MAP_FAILED);
    if (!bundle || verdicts == MAP_FAILED)
        return;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int code = ask_all(bundle, verdicts);
        fflush(NULL);
        _exit(code);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_THAT(status == 0, "the child's status is %d", status);
    count_verdicts(verdicts, quant, least);
    munmap(verdicts, QUESTIONS_MAX);
    free(bundle);
}

static void bf16_answers(void)
{
    answers("bf16", 0.95);
}

static void w8_answers(void)
{
    answers("w8", 0.95);
}

static void w4_answers(void)
{
    answers("w4", 0.90);
}

int main(void)
{
    static const struct check_test tests[] = {CHECK_TEST(bf16_answers), CHECK_TEST(w8_answers), CHECK_TEST(w4_answers)};
    size_t bytes;
    char *list = read_file(DEMO "/questions.tsv", &bytes);
    if (program_paths_find(&paths) || !list || read_questions(list)) {
        fprintf(stderr, DEMO "/questions.tsv: lines of language, kind, question and answer are needed, or it is missing\n");
        return 1;
    }
    return check_run(tests, sizeof tests / sizeof *tests);
}
