/* make_receipt.c: runs a program and then prints a file that it has written: the way out of an emulated machine, of which only output comes back.
 *
 *   make_receipt FILE PROGRAM ARGUMENT…      exits as PROGRAM did */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/input.h"
#include "tests/program.h"

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "make_receipt FILE PROGRAM ARGUMENT…\n");
        return 2;
    }
    struct program_output out = program_run((const char *const *)(argv + 2));
    free(out.text);
    if (out.code)
        return out.code < 0 ? 127 : out.code;
    struct rt_error error;
    size_t bytes;
    char *text;
    if (rt_input_read(argv[1], &text, &bytes, &error))
        return rt_error_print(&error, "make_receipt", 0);
    fwrite(text, 1, bytes, stdout);
    free(text);
    return 0;
}
