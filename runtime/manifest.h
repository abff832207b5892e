/* manifest.h: what a verified manifest says, read once into plain data and checked: every count, size, offset and name, so that
 * nobody downstream has to. Needs a struct cr_manifest, which only a good signature makes. Opens no file. Any thread.
 *
 * Format 1, JSON (nesting at most 16):
 *   {"format":1, "name":"demo", "version":7, "created":"2026-11-23T00:00:00Z" (optional), "expires":… (optional, refused when past),
 *    "numerics":"n1", "quant":"w4", "program":"cloister-pack 0.1",
 *    "chunks":{"path":"chunks.b2","size":N,"blake2b":HEX},
 *    "files":[{"path":"tokenizer.json","role":"tokenizer","size":N,"blake2b":HEX,"chunks_blake2b":HEX}, …],
 *    "codebooks":[{"codes":[16 ints],"multipliers":[16 ints]}],
 *    "model":{"architecture":"qwen3_moe","vocab":V,"hidden":H,"context":C,
 *      "embedding":{"multiplier":1}, "head":{"tied":true,"multiplier":1}, "final_norm":{"kind":"rms","eps":1e-6},
 *      "ropes":[{"kind":"half","dim":64,"attention_factor":1,"theta":1e6,"scaling":"default"}],   (theta, scaling: for people)
 *      "layers":[{"repeat":24,"blocks":[
 *        {"kind":"attention","norm_in":{"kind":"rms","eps":1e-6},"heads":32,"kv_heads":4,"head_dim":128,"scale":0.0883883461,
 *         "rope":0, "q_norm":{…}, "k_norm":{…}, "bias":["q","k","v","o"]},
 *        {"kind":"mlp","norm_in":{…},"inner":11008,"activation":"silu","bias":["gate","up","down"]},
 *        {"kind":"moe","norm_in":{…},"experts":64,"top_k":8,"inner":768,"activation":"silu","router":{"kind":"softmax","renormalise":true}}
 *      ]}]},
 *      (norm_out, multiplier, bias, q_norm, k_norm, rope are optional; "layers" is run-length coded: the repeats add up)
 *    "tensors":[{"name":"layers.0.attention.q","format":"w4","shape":[4096,2048],"codebook":0,"offset":N,"size":N}, …]}
 *
 * Roles: "weights" (in order; together they are one stream of bytes, each file but the last a whole number of chunks),
 * "tokenizer", "tokenizer_config", "template", "generation"; at most one of each but weights.
 * chunks.b2: the BLAKE2b-256 of each 1 MiB chunk of each file of "files", in that order, 32 bytes each; "chunks_blake2b" is the
 * digest of a file's own part of that list, "blake2b" of the whole file (`b2sum -l 256`).
 *
 * Tensors: offset and size are in the weights stream; offsets ascend, are multiples of 64 (of 4096 from 64 KiB of size on) and do
 * not overlap. Formats: "f32" vectors; "bf16_rows" (the embedding: [V][H] row-major); "bf16", "w8", "w4" matrices in kernel panels
 * (kernels.h), shape [N,K], or [E,N,K] for stacked experts. Names:
 *   embedding  head  final_norm  rope.R.inv_freq [dim/2]
 *   layers.I.{attention,mlp,moe}.{norm_in,norm_out}
 *   layers.I.attention.{q,k,v,o}  .{q,k,v,o}_bias  .{q_norm,k_norm}
 *   layers.I.mlp.{gate,up,down}   .{gate,up,down}_bias
 *   layers.I.moe.router [E,H]     layers.I.moe.{gate,up} [E,inner,H]  layers.I.moe.down [E,H,inner]
 * Biases are f32, shape [N], stored padded with zeros to a multiple of 64. */
#ifndef CLOISTER_MANIFEST_H
#define CLOISTER_MANIFEST_H

#include "crypto/crypto.h"
#include "runtime/error.h"
#include "runtime/model.h"

enum {
    RT_FILES_MAX = 4096,
    RT_NAME_MAX = 128, /* bytes of a file or tensor name, with the final 0 */
    RT_TENSORS_MAX = 65536,
};

enum rt_role { RT_ROLE_WEIGHTS, RT_ROLE_TOKENIZER, RT_ROLE_TOKENIZER_CONFIG, RT_ROLE_TEMPLATE, RT_ROLE_GENERATION, RT_ROLES };

struct rt_file {
    char path[RT_NAME_MAX]; /* plain: no '/', no leading '.', printable ASCII */
    enum rt_role role;
    uint64_t size;
    uint64_t first_chunk;   /* index of its first chunk in chunks.b2 */
    uint64_t stream_offset; /* weights only */
    uint8_t digest[CR_DIGEST_BYTES], chunks_digest[CR_DIGEST_BYTES];
};

enum rt_tensor_format { RT_TENSOR_F32, RT_TENSOR_BF16_ROWS, RT_TENSOR_BF16, RT_TENSOR_W8, RT_TENSOR_W4 };

struct rt_tensor {
    char name[RT_NAME_MAX];
    enum rt_tensor_format format;
    uint32_t dims;
    uint64_t shape[3];
    int codebook; /* -1 if none */
    uint64_t offset, size;
};

struct rt_manifest {
    char name[RT_NAME_MAX], created[32], expires[32], quant[16], program[64];
    uint64_t version;
    struct rt_file chunks_file; /* path, size and digest of chunks.b2 */
    size_t file_count, tensor_count;
    struct rt_file *files;
    struct rt_tensor *tensors;
    uint64_t stream_bytes, chunk_count;
    int tied;                         /* the head's weights are the embedding's, in another layout: for people */
    uint8_t (*biases)[RT_BLOCKS_MAX]; /* per layer and block: bit i set where its linear i has a bias; i counts q k v o, gate up down */
    struct rt_model model;            /* everything but the pointers to weights: rt_model_bind sets those */
};

/* Reads and checks; *out is NULL on failure (RT_EXIT_TRUST for a manifest that contradicts itself, RT_EXIT_UNSUPPORTED for a
 * format, numerics or part this program does not know). `path` is for messages. */
RT_MUST_CHECK int rt_manifest_open(struct rt_manifest **out, const struct cr_manifest *verified, const char *path, struct rt_error *error);
void rt_manifest_close(struct rt_manifest **manifest);
/* A model that no bundle holds, given as a manifest's "model" object alone, to be measured or planned for: no name, files or tensors. Errors
 * as above, without a path. */
RT_MUST_CHECK int rt_manifest_open_shape(struct rt_manifest **out, const char *json, size_t bytes, struct rt_error *error);

/* ---- where weights lie ---- */

enum rt_spread {
    RT_SPREAD_ONCE,   /* in one place: the embedding, of which a step reads a few rows */
    RT_SPREAD_COPIED, /* whole on every node: what each worker reads all of */
    RT_SPREAD_SPLIT,  /* panel by panel where the panel's worker is */
};
enum rt_spread rt_tensor_spread(const struct rt_tensor *tensor);

struct rt_tensor_place { /* a tensor as one node has it */
    uint8_t *at;
    uint32_t first_panel, last_panel; /* of matrices in panels: those that are there, one stacked matrix after another */
};
/* Panels of a tensor's matrix, or of each of its stacked ones, and the number of matrices; 0 panels where it has none. */
uint32_t rt_tensor_panels(const struct rt_tensor *tensor);
uint32_t rt_tensor_matrices(const struct rt_tensor *tensor);

/* Points the model's weights to their places: places[i] is where manifest->tensors[i] lies. `model` is the manifest's, or a copy of it with
 * layers of its own. Every tensor that the parts call for must be there with the right shape and format, and none besides: RT_EXIT_TRUST with
 * the tensor's name. */
RT_MUST_CHECK int rt_model_bind(struct rt_model *model, const struct rt_manifest *manifest, const struct rt_tensor_place *places,
                                struct rt_error *error);

#endif
