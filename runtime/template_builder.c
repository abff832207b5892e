/* template_builder.c: texts that grow, with a mark per byte that came from outside, and what a rendering may take: memory, steps, depth. */
#include "runtime/template_value.h"

#include <string.h>
#include <utf8proc.h>

/* ---- limits ---- */

void rt_render_count(struct rt_render *render, size_t bytes)
{
    render->steps += 1 + bytes / RT_TEMPLATE_STEP_BYTES;
}

/* Small pieces add up to a step. */
static void count_piece(struct rt_render *render, size_t bytes)
{
    render->pieces += bytes + 16;
    render->steps += render->pieces / RT_TEMPLATE_STEP_BYTES;
    render->pieces %= RT_TEMPLATE_STEP_BYTES;
}

int rt_render_check(struct rt_render *render)
{
    return render->steps > RT_TEMPLATE_STEPS_MAX ? rt_render_fail(render, "rendering takes too many steps") : 0;
}

int rt_render_deeper(struct rt_render *render)
{
    rt_render_count(render, 0);
    if (rt_render_check(render))
        return -1;
    if (render->depth == RT_TEMPLATE_EVAL_MAX)
        return rt_render_fail(render, "an expression is nested too deep");
    render->depth++;
    return 0;
}

int rt_render_take(struct rt_render *render, size_t count, size_t size, void *pointer_address)
{
    size_t bytes;
    void *memory = __builtin_mul_overflow(count, size, &bytes) ? NULL : rt_arena_take(&render->arena, bytes);
    if (!memory) {
        rt_render_fail(render, "rendering takes too much memory");
        render->error->code = RT_EXIT_RESOURCES;
        return -1;
    }
    memcpy(pointer_address, &memory, sizeof memory);
    return 0;
}

/* ---- building ---- */

static int move_to(struct rt_render *render, struct rt_builder *builder, size_t room)
{
    char *bytes;
    uint8_t *foreign = NULL;
    if (rt_render_take(render, room + 1, 1, &bytes) || (builder->foreign && rt_render_take(render, room + 1, 1, &foreign)))
        return -1;
    if (builder->count)
        memcpy(bytes, builder->bytes, builder->count);
    if (builder->foreign)
        memcpy(foreign, builder->foreign, builder->count);
    *builder = (struct rt_builder){bytes, foreign, builder->count, room};
    return 0;
}

static int make_room(struct rt_render *render, struct rt_builder *builder, size_t more, int foreign)
{
    count_piece(render, more);
    if (rt_render_check(render))
        return -1;
    if (more > RT_TEMPLATE_OUTPUT_MAX - builder->count) {
        rt_render_fail(render, "a text is longer than %d MiB", RT_TEMPLATE_OUTPUT_MAX >> 20);
        render->error->code = RT_EXIT_RESOURCES;
        return -1;
    }
    const size_t need = builder->count + more, twice = 2 * builder->count + 32;
    if (need > builder->room || !builder->bytes) {
        const size_t room = need > twice ? need : twice;
        if (move_to(render, builder, room > RT_TEMPLATE_OUTPUT_MAX ? RT_TEMPLATE_OUTPUT_MAX : room))
            return -1;
    }
    return foreign && !builder->foreign ? rt_render_take(render, builder->room + 1, 1, &builder->foreign) : 0;
}

int rt_builder_put(struct rt_render *render, struct rt_builder *builder, struct rt_text text)
{
    if (make_room(render, builder, text.count, text.foreign != NULL))
        return -1;
    if (text.count)
        memcpy(builder->bytes + builder->count, text.bytes, text.count);
    if (text.foreign && text.count)
        memcpy(builder->foreign + builder->count, text.foreign, text.count);
    builder->count += text.count;
    return 0;
}

int rt_builder_put_bytes(struct rt_render *render, struct rt_builder *builder, const char *bytes, size_t count, int foreign)
{
    if (make_room(render, builder, count, foreign))
        return -1;
    if (count)
        memcpy(builder->bytes + builder->count, bytes, count);
    if (foreign)
        memset(builder->foreign + builder->count, 1, count);
    builder->count += count;
    return 0;
}

int rt_builder_put_character(struct rt_render *render, struct rt_builder *builder, uint32_t c, int foreign)
{
    char bytes[4];
    return rt_builder_put_bytes(render, builder, bytes, (size_t)utf8proc_encode_char((utf8proc_int32_t)c, (utf8proc_uint8_t *)bytes),
                                foreign);
}

int rt_builder_fill(struct rt_render *render, struct rt_builder *builder, struct rt_text text, size_t times)
{
    for (size_t i = 0; i < times && text.count; i++)
        if (rt_builder_put(render, builder, text))
            return -1;
    return 0;
}

struct rt_text rt_builder_text(const struct rt_builder *builder)
{
    return (struct rt_text){.bytes = builder->bytes ? builder->bytes : "", .foreign = builder->foreign, .count = builder->count};
}

int rt_text_join(struct rt_render *render, const struct rt_text *parts, size_t count, struct rt_value *out)
{
    struct rt_builder builder = {0};
    size_t total = 0;
    for (size_t i = 0; i < count && total <= RT_TEMPLATE_OUTPUT_MAX; i++)
        total += parts[i].count;
    if (make_room(render, &builder, total, 0))
        return -1;
    for (size_t i = 0; i < count; i++)
        if (rt_builder_put(render, &builder, parts[i]))
            return -1;
    *out = rt_value_text(rt_builder_text(&builder));
    return 0;
}

int rt_text_escape(struct rt_render *render, struct rt_text text, struct rt_value *out)
{
    static const char special[] = "&<>'\"", *const names[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
    struct rt_builder builder = {0};
    for (size_t at = 0; at < text.count && !text.markup; at++) {
        const char *found = text.bytes[at] ? strchr(special, text.bytes[at]) : NULL;
        const char *put = found ? names[found - special] : text.bytes + at;
        if (rt_builder_put_bytes(render, &builder, put, found ? strlen(put) : 1, text.foreign && text.foreign[at]))
            return -1;
    }
    *out = rt_value_text(text.markup ? text : rt_builder_text(&builder));
    out->text.markup = 1;
    return 0;
}
