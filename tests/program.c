/* program.c: fork, exec, read, wait. Knows nothing of what is run. */
#include "tests/program.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *read_all(int fd, size_t *bytes)
{
    size_t room = 1 << 16;
    char *text = malloc(room);
    ssize_t got = 0;
    *bytes = 0;
    while (text && (got = read(fd, text + *bytes, room - *bytes - 1)) > 0) {
        *bytes += (size_t)got;
        if (room - *bytes < 1 << 15) {
            char *larger = realloc(text, room *= 2);
            if (!larger)
                free(text);
            text = larger;
        }
    }
    if (text)
        text[*bytes] = 0;
    return text;
}

struct program_output program_run(const char *const *argv)
{
    struct program_output out = {.code = -1};
    int ends[2], status;
    if (pipe(ends))
        return out;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    out.text = read_all(ends[0], &out.bytes);
    close(ends[0]);
    if (child > 0 && waitpid(child, &status, 0) == child)
        out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return out;
}

char *program_bundle(const char *model, const char *quant)
{
    const char *argv[] = {"tests/bundle.sh", model, quant, NULL};
    struct program_output out = program_run(argv);
    if (out.code || !out.text) {
        fprintf(stderr, "  %s cannot be packed as %s\n", model, quant);
        free(out.text);
        return NULL;
    }
    out.text[strcspn(out.text, "\n")] = 0;
    return out.text;
}

int program_paths_find(struct program_paths *out)
{
    const char *build = getenv("CLOISTER_BUILD"), *scratch = getenv("CLOISTER_TEST_DIR");
    if (!build || !scratch) {
        fprintf(stderr, "start it with tests/run.sh BUILD NAME\n");
        return -1;
    }
    snprintf(out->cloister, sizeof out->cloister, "%s/cloister", build);
    snprintf(out->trust, sizeof out->trust, "%s/trust", scratch);
    return 0;
}
