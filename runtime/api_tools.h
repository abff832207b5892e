/* api_tools.h: how a chat request lets the model call tools: tools, tool_choice, parallel_tool_calls. The server's thread. */
#ifndef CLOISTER_API_TOOLS_H
#define CLOISTER_API_TOOLS_H

#include "runtime/answer.h"

/* After terms->conversation and its one prompt, and the grammar. A call that must come is begun in the prompt, and the answer follows the
 * schema of what is called. */
RT_MUST_CHECK int rt_api_tools_read(struct rt_answer_terms *terms, const struct rt_site *site, yyjson_val *request,
                                    struct rt_api_error *error);

#endif
