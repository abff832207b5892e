/* api_messages.h: the conversation of a chat request, checked and made what chat templates expect: content is one string (text parts joined),
 * "developer" is "system", arguments of tool calls are objects. Any thread. */
#ifndef CLOISTER_API_MESSAGES_H
#define CLOISTER_API_MESSAGES_H

#include "runtime/api_json.h"

/* Puts {"messages":[…]} into a document of its own, and beside it what else the template is given: "tools" and "documents", and "variables" from
 * chat_template_kwargs and reasoning_effort; each only where the request has it. */
RT_MUST_CHECK int rt_api_messages_read(yyjson_doc **out, yyjson_val *request, struct rt_api_error *error);

#endif
