/* template_message.c: a conversation of plain texts → the JSON that a template wants. */
#include "runtime/template.h"

#include "runtime/scope.h"

static void close_document(yyjson_mut_doc **document)
{
    yyjson_mut_doc_free(*document);
}

yyjson_doc *rt_template_messages(const struct rt_message *messages, size_t count)
{
    RT_CLEAN(close_document) yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *list = yyjson_mut_arr(document);
    yyjson_mut_doc_set_root(document, list);
    for (size_t i = 0; i < count; i++) {
        yyjson_mut_val *message = yyjson_mut_arr_add_obj(document, list);
        if (!yyjson_mut_obj_add_strcpy(document, message, "role", messages[i].role) ||
            !yyjson_mut_obj_add_strcpy(document, message, "content", messages[i].content))
            return NULL;
    }
    return yyjson_mut_doc_imut_copy(document, NULL);
}
