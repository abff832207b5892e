/* api_page.c: GET /, the page for people. */
#include <string.h>

#include "runtime/api_call.h"
#include "runtime/page.h"

int rt_api_page(struct rt_api_call *call, struct rt_api_error *error)
{
    const char *page = rt_page(&call->bytes);
    call->headers = rt_page_headers();
    call->text = malloc(call->bytes);
    if (!call->text)
        return rt_api_fail(error, 503, NULL, NULL, "no memory for the page");
    memcpy(call->text, page, call->bytes);
    return 0;
}
