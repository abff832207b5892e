/* weights.c: plans where each tensor lies on each NUMA node, maps that memory, and copies the stream's bytes to where they belong. One
 * mapping a node, whatever the number of tensors: the kernel allows a process some 65,000. See weights.h for who may call. */
#include "runtime/weights.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/memory_file.h"
#include "runtime/scope.h"
#include "runtime/weights_parts.h"

enum {
    ALIGN = 64, /* as in the stream */
    BIG_ALIGN = 4096,
    BIG_BYTES = 64 << 10,
};

/* ---- planning: offsets in the node's memory, or in `once` ---- */

static uint64_t take(uint64_t *used, uint64_t bytes)
{
    uint64_t align = bytes >= BIG_BYTES ? BIG_ALIGN : ALIGN, at = (*used + align - 1) / align * align;
    *used = at + bytes;
    return at;
}

static uint64_t panel_bytes(const struct rt_tensor *tensor)
{
    return tensor->size / rt_tensor_matrices(tensor) / rt_tensor_panels(tensor);
}

/* The panels that a node has of a tensor, all of them where it is not split. */
static void own_panels(const struct rt_tensor *tensor, const struct rt_workers *workers, unsigned node, size_t *first, size_t *last)
{
    *first = 0;
    *last = rt_tensor_panels(tensor);
    if (rt_tensor_spread(tensor) == RT_SPREAD_SPLIT)
        rt_workers_node_share(workers, node, *last, first, last);
}

static uint64_t own_bytes(const struct rt_tensor *tensor, size_t first, size_t last)
{
    if (rt_tensor_spread(tensor) != RT_SPREAD_SPLIT)
        return tensor->size;
    return (last - first) * panel_bytes(tensor) * rt_tensor_matrices(tensor);
}

struct plan {
    uint64_t node_bytes, once_bytes;
    uint64_t *offsets; /* of each tensor, or NULL where only the sizes are wanted */
};

/* One node's tensors; with one node in all they lie as in the stream. */
static void plan_node(struct plan *plan, const struct rt_manifest *m, const struct rt_workers *workers, unsigned node)
{
    int alone = rt_workers_nodes(workers) == 1;
    plan->node_bytes = alone ? m->stream_bytes : 0;
    plan->once_bytes = 0;
    for (size_t i = 0; i < m->tensor_count; i++) {
        const struct rt_tensor *t = &m->tensors[i];
        size_t first, last;
        own_panels(t, workers, node, &first, &last);
        uint64_t *used = rt_tensor_spread(t) == RT_SPREAD_ONCE ? &plan->once_bytes : &plan->node_bytes;
        uint64_t offset = alone ? t->offset : take(used, own_bytes(t, first, last));
        if (plan->offsets)
            plan->offsets[i] = offset;
    }
}

uint64_t rt_weights_bytes(const struct rt_manifest *manifest, const struct rt_workers *workers)
{
    struct plan plan = {0};
    uint64_t all = 0;
    for (unsigned node = 0; node < rt_workers_nodes(workers); node++) {
        plan_node(&plan, manifest, workers, node);
        all += plan.node_bytes;
    }
    return all + plan.once_bytes;
}

/* ---- opening ---- */

/* Maps memory on a node, on any or, with more, on all of them in turn; or takes the kept file of that number. */
static int map(struct rt_weights *w, struct rt_memory *out, unsigned file, uint64_t bytes, const int *nodes, unsigned count,
               struct rt_error *error)
{
    if (w->kept)
        return rt_memory_file_take(out, w->kept[file], bytes, nodes, count, error);
    if (w->in_files)
        return rt_memory_file_map(out, bytes, nodes, count, error);
    if (count > 1)
        return rt_memory_map_turns(out, bytes, nodes, count, error);
    return rt_memory_map(out, bytes, count ? *nodes : RT_NODE_ANY, error);
}

/* Where tensors lie in one place: page by page on every node in turn, so that no node answers for all. */
static int map_once(struct rt_weights *w, uint64_t bytes, const struct rt_workers *workers, struct rt_error *error)
{
    if (w->count == 1 || w->once.at)
        return 0;
    RT_FREE int *numbers = calloc(w->count, sizeof *numbers);
    if (!numbers)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the list of nodes");
    for (unsigned node = 0; node < w->count; node++)
        numbers[node] = rt_workers_node_number(workers, node);
    return map(w, &w->once, w->count, bytes, numbers, w->count, error);
}

static int map_node(struct rt_weights *w, unsigned node, const struct plan *plan, const struct rt_workers *workers, struct rt_error *error)
{
    if (map_once(w, plan->once_bytes, workers, error))
        return -1;
    int number = rt_workers_node_number(workers, node);
    return map(w, &w->nodes[node].memory, node, plan->node_bytes, &number, w->count > 1, error);
}

static void set_places(struct rt_weights *w, unsigned node, const struct plan *plan, const struct rt_workers *workers)
{
    struct rt_weights_node *own = &w->nodes[node];
    for (size_t i = 0; i < w->manifest->tensor_count; i++) {
        const struct rt_tensor *t = &w->manifest->tensors[i];
        size_t first, last;
        own_panels(t, workers, node, &first, &last);
        int once = w->count > 1 && rt_tensor_spread(t) == RT_SPREAD_ONCE;
        own->places[i] = (struct rt_tensor_place){
            .at = (once ? w->once.at : own->memory.at) + plan->offsets[i], .first_panel = (uint32_t)first, .last_panel = (uint32_t)last};
    }
}

/* A copy whose pointers will be the node's own. */
static int copy_model(struct rt_model *out, const struct rt_model *from, struct rt_error *error)
{
    struct rt_layer *layers = calloc(from->layer_count, sizeof *layers);
    if (!layers)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the model's %u layers", from->layer_count);
    memcpy(layers, from->layers, from->layer_count * sizeof *layers);
    *out = *from;
    out->layers = layers;
    return 0;
}

static int open_node(struct rt_weights *w, unsigned node, const struct rt_workers *workers, struct rt_error *error)
{
    size_t tensors = w->manifest->tensor_count;
    struct rt_weights_node *own = &w->nodes[node];
    RT_FREE uint64_t *offsets = calloc(tensors, sizeof *offsets);
    own->places = calloc(tensors, sizeof *own->places);
    if (!offsets || !own->places)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for the places of %zu tensors", tensors);
    struct plan plan = {.offsets = offsets};
    plan_node(&plan, w->manifest, workers, node);
    if (map_node(w, node, &plan, workers, error) || copy_model(&own->model, &w->manifest->model, error))
        return -1;
    set_places(w, node, &plan, workers);
    return rt_model_bind(&own->model, w->manifest, own->places, error);
}

/* ---- pages, before anything is written to them ---- */

struct touch {
    const struct rt_weights *weights;
    const struct rt_workers *workers;
    _Atomic int failed;
};

/* The worker's part of its node's memory, so that it lies there even where the kernel would not bind it. */
static void touch_part(void *user, unsigned worker)
{
    struct touch *touch = user;
    unsigned node = rt_workers_node(touch->workers, worker), first, last;
    rt_workers_of_node(touch->workers, node, &first, &last);
    if (rt_memory_touch(&touch->weights->nodes[node].memory, worker - first, last - first))
        touch->failed = 1;
}

static int renounce(struct rt_memory *memory, struct rt_error *error)
{
    return memory->is_file ? rt_memory_file_renounce(memory, error) : rt_memory_renounce(memory, error);
}

static int touch_all(struct rt_weights *w, struct rt_workers *workers, struct rt_error *error)
{
    struct touch touch = {.weights = w, .workers = workers};
    rt_workers_run(workers, touch_part, &touch);
    if (!touch.failed)
        return 0;
    for (unsigned node = 0; node < w->count; node++) /* somebody else has taken reserved pages meanwhile */
        if (w->nodes[node].memory.pages == RT_PAGES_RESERVED && renounce(&w->nodes[node].memory, error))
            return -1;
    touch.failed = 0;
    rt_workers_run(workers, touch_part, &touch);
    return touch.failed ? rt_fail(error, RT_EXIT_RESOURCES, "no memory for the weights; free some") : 0;
}

/* Only where it matters who comes first or whether pages are left: otherwise the loader's threads touch them while they wait for the disk. */
static int must_touch(const struct rt_weights *w)
{
    for (unsigned node = 0; node < w->count; node++) {
        const struct rt_memory *memory = &w->nodes[node].memory;
        if (w->count > 1 && (memory->binding == RT_BINDING_TOUCH || memory->pages == RT_PAGES_RESERVED))
            return 1;
    }
    return 0;
}

/* ---- all of it ---- */

static int open_nodes(struct rt_weights *w, const struct rt_workers *workers, struct rt_error *error)
{
    for (unsigned node = 0; node < w->count; node++) {
        if (open_node(w, node, workers, error))
            return -1;
        w->models[node] = &w->nodes[node].model;
    }
    return 0;
}

int rt_weights_open(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers, struct rt_error *error)
{
    return rt_weights_open_in(out, manifest, workers, 0, NULL, error);
}

int rt_weights_open_in(struct rt_weights **out, const struct rt_manifest *manifest, struct rt_workers *workers, int in_files,
                       const int *kept, struct rt_error *error)
{
    *out = NULL;
    unsigned count = rt_workers_nodes(workers);
    RT_CLEAN(rt_weights_close) struct rt_weights *w = calloc(1, sizeof *w + count * sizeof *w->nodes);
    if (!w)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %u nodes", count);
    w->manifest = manifest;
    w->count = count;
    w->in_files = in_files;
    w->kept = kept;
    w->models = calloc(count, sizeof *w->models);
    w->reports = calloc(count, sizeof *w->reports);
    if (!w->models || !w->reports)
        return rt_fail(error, RT_EXIT_RESOURCES, "no memory for %u nodes", count);
    if (open_nodes(w, workers, error) || (!kept && must_touch(w) && touch_all(w, workers, error)))
        return -1;
    w->kept = NULL;
    *out = RT_MOVE(w);
    return 0;
}

void rt_weights_close(struct rt_weights **weights)
{
    struct rt_weights *w = *weights;
    *weights = NULL;
    if (!w)
        return;
    for (unsigned node = 0; node < w->count; node++) {
        rt_memory_unmap(&w->nodes[node].memory);
        free(w->nodes[node].places);
        free(w->nodes[node].model.layers);
    }
    rt_memory_unmap(&w->once);
    free(w->models);
    free(w->reports);
    free(w);
}

const struct rt_manifest *rt_weights_manifest(const struct rt_weights *weights)
{
    return weights->manifest;
}

const struct rt_model *rt_weights_model(const struct rt_weights *weights, unsigned node)
{
    return weights->models[node];
}

const struct rt_model *const *rt_weights_models(const struct rt_weights *weights)
{
    return weights->models;
}

/* ---- filling ---- */

uint8_t *rt_weights_direct(const struct rt_weights *weights, uint64_t offset, size_t bytes)
{
    (void)bytes;
    return weights->count == 1 ? weights->nodes[0].memory.at + offset : NULL;
}

struct range { /* of the stream */
    uint64_t begin, end;
    const uint8_t *bytes;
};

/* What the range holds of the stream's [begin, begin + bytes), to where that lies. */
static void copy_overlap(const struct range *range, uint64_t begin, uint64_t bytes, uint8_t *to)
{
    uint64_t from = begin > range->begin ? begin : range->begin;
    uint64_t end = begin + bytes < range->end ? begin + bytes : range->end;
    if (from < end)
        memcpy(to + (from - begin), range->bytes + (from - range->begin), end - from);
}

static void copy_panels(const struct range *range, const struct rt_tensor *tensor, const struct rt_tensor_place *place)
{
    uint64_t matrix = tensor->size / rt_tensor_matrices(tensor), panel = panel_bytes(tensor);
    uint64_t own = (place->last_panel - place->first_panel) * panel;
    uint64_t first = range->begin > tensor->offset ? (range->begin - tensor->offset) / matrix : 0;
    for (uint64_t i = first; i < rt_tensor_matrices(tensor) && tensor->offset + i * matrix < range->end; i++)
        copy_overlap(range, tensor->offset + i * matrix + place->first_panel * panel, own, place->at + i * own);
}

static void copy_tensor(const struct rt_weights *w, const struct range *range, size_t index)
{
    const struct rt_tensor *tensor = &w->manifest->tensors[index];
    enum rt_spread spread = rt_tensor_spread(tensor);
    for (unsigned node = 0; node < (spread == RT_SPREAD_ONCE ? 1 : w->count); node++) {
        const struct rt_tensor_place *place = &w->nodes[node].places[index];
        if (spread == RT_SPREAD_SPLIT)
            copy_panels(range, tensor, place);
        else
            copy_overlap(range, tensor->offset, tensor->size, place->at);
    }
}

/* The first tensor that ends behind the offset. */
static size_t first_tensor(const struct rt_manifest *m, uint64_t offset)
{
    size_t low = 0, high = m->tensor_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->tensors[middle].offset + m->tensors[middle].size <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void rt_weights_place(struct rt_weights *weights, uint64_t offset, const uint8_t *from, size_t bytes)
{
    const struct range range = {offset, offset + bytes, from};
    const struct rt_manifest *m = weights->manifest;
    for (size_t i = first_tensor(m, offset); i < m->tensor_count && m->tensors[i].offset < range.end; i++)
        copy_tensor(weights, &range, i);
}

void rt_weights_protect(struct rt_weights *weights)
{
    rt_memory_protect(&weights->once);
    for (unsigned node = 0; node < weights->count; node++) {
        rt_memory_protect(&weights->nodes[node].memory);
        rt_memory_look(&weights->reports[node], &weights->nodes[node].memory);
    }
}

const struct rt_memory_report *rt_weights_report(const struct rt_weights *weights, unsigned *count)
{
    *count = weights->count;
    return weights->reports;
}
