/* make_page.c: the web page as the program has it, for tests that want to serve or judge it.
 *
 *   make_page page       its bytes
 *   make_page headers    its headers, "Name: value" a line */
#include <stdio.h>
#include <string.h>

#include "runtime/page.h"

int main(int argc, char **argv)
{
    size_t bytes;
    const char *page = rt_page(&bytes);
    if (argc == 2 && !strcmp(argv[1], "page")) {
        fwrite(page, 1, bytes, stdout);
    } else if (argc == 2 && !strcmp(argv[1], "headers")) {
        for (const struct rt_page_header *header = rt_page_headers(); header->name; header++)
            printf("%s: %s\n", header->name, header->value);
    } else {
        fprintf(stderr, "usage: make_page page|headers\n");
        return 2;
    }
    return fflush(stdout) || ferror(stdout);
}
