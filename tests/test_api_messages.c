/* test_api_messages.c: conversations as chat templates are given them, from what requests say. What is refused is cli_serve's. */
#include "tests/check.h"

#include <stdlib.h>

#include "runtime/api_messages.h"

/* What becomes of a request, as JSON; free it. Its refusal where it is refused. */
static char *normal(const char *request)
{
    yyjson_doc *asked = NULL, *made = NULL;
    struct rt_api_error error = {0};
    char *text = NULL;
    if (rt_api_parse(&asked, request, strlen(request), &error) || rt_api_messages_read(&made, yyjson_doc_get_root(asked), &error))
        text = strdup(error.message);
    else
        text = yyjson_write(made, YYJSON_WRITE_NOFLAG, NULL);
    yyjson_doc_free(made);
    yyjson_doc_free(asked);
    return text;
}

static void check_normal(const char *request, const char *wanted)
{
    char *text = normal(request);
    CHECK_THAT(text && !strcmp(text, wanted), "%s", text ? text : "no memory");
    free(text);
}

static void content_is_one_string(void)
{
    check_normal("{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
                 "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"variables\":{}}");
    check_normal("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\u0000\"},\"b\",{\"type\":\"text\","
                 "\"text\":\"\"}]}]}",
                 "{\"messages\":[{\"role\":\"user\",\"content\":\"a\\u0000b\"}],\"variables\":{}}");
    check_normal("{\"messages\":[{\"role\":\"user\",\"content\":[]}]}",
                 "{\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"variables\":{}}");
}

static void developers_are_the_system(void)
{
    check_normal("{\"messages\":[{\"role\":\"developer\",\"content\":\"x\",\"name\":\"n\",\"other\":1}]}",
                 "{\"messages\":[{\"role\":\"system\",\"content\":\"x\",\"name\":\"n\"}],\"variables\":{}}");
}

static void arguments_are_objects(void)
{
    check_normal(
        "{\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":"
        "{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": [1]}\"}},{\"function\":{\"name\":\"g\",\"arguments\":\"not JSON\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"y\"}]}",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"1\",\"type\":\"function\",\"function\":"
        "{\"name\":\"f\",\"arguments\":{\"a\":[1]}}},{\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"not JSON\"}}]},"
        "{\"role\":\"tool\",\"content\":\"y\",\"tool_call_id\":\"1\"}],\"variables\":{}}");
}

#define USER "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"

static void templates_are_given_tools_documents_and_variables(void)
{
    check_normal("{" USER ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"documents\":[{\"t\":1}]}",
                 "{" USER ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"documents\":[{\"t\":1}],\"variables\":{}}");
    check_normal("{" USER ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_choice\":\"none\"}",
                 "{" USER ",\"variables\":{}}");
    check_normal("{" USER ",\"chat_template_kwargs\":{\"enable_thinking\":true,\"z\":null},\"reasoning_effort\":\"none\"}",
                 "{" USER ",\"variables\":{\"enable_thinking\":true,\"z\":null,\"reasoning_effort\":\"none\"}}");
    check_normal("{" USER ",\"reasoning_effort\":\"none\"}",
                 "{" USER ",\"variables\":{\"reasoning_effort\":\"none\",\"enable_thinking\":false}}");
    check_normal("{" USER ",\"reasoning_effort\":\"high\"}", "{" USER ",\"variables\":{\"reasoning_effort\":\"high\"}}");
}

CHECK_MAIN(CHECK_TEST(content_is_one_string), CHECK_TEST(developers_are_the_system), CHECK_TEST(arguments_are_objects),
           CHECK_TEST(templates_are_given_tools_documents_and_variables))
