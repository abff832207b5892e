#!/bin/bash
# cli_convert.sh - what `cloister-pack pack` makes of config.json, templates and tokenizers, the exact words of its
# refusals, and its bound on memory. CLOISTER_BIG=1 packs 8 GB within 1 GiB as well. Damage to weights and what failures
# leave is cli_pack.sh's.
. "$(dirname "$0")/cli.sh"

SYNTHETIC=$CLOISTER_BUILD/tests/make_synthetic
MODEL=$SCRATCH/model # in two shards, with a chat template
OUTPUT=$SCRATCH/output
LARGE=$SCRATCH/large
LAST_SHARD=model-00002-of-00002.safetensors
mkdir "$OUTPUT" || exit 1
"$SYNTHETIC" "$MODEL" --arch qwen3_moe --hidden 136 --layers 2 --heads 2 --kv-heads 1 --head-dim 64 --experts 3 --expert-inner 72 \
    --vocab 1500 --shard-mb 1 || exit 1

pack() {
    "$PACK" pack "$@"
}

# The model, to be changed; becomes the current directory.
copy_model() {
    rm -rf "$SCRATCH/changed"
    cp -r "$MODEL" "$SCRATCH/changed" && cd "$SCRATCH/changed" || exit 1
}

# edit FILTER: changes the copy's config.json.
edit() {
    needs jq || return
    jq "$1" config.json >config.new && mv config.new config.json
}

# packed NAME OPTION…: packs the copy to $OUTPUT/NAME.
packed() {
    local name=$1
    shift
    rm -rf "${OUTPUT:?}/$name"
    expect_exit 0 pack . -o "$OUTPUT/$name" --quant bf16 --name same "$@"
}

# refused CODE TEXT [QUANT]: packing the copy ends with CODE and one line, exactly TEXT, and leaves nothing.
refused() {
    rm -rf "${OUTPUT:?}"/*
    expect_exit "$1" pack . -o "$OUTPUT/b" --quant "${3:-w8}"
    expect [ "$(cat "$ERR")" = "cloister-pack: $2" ]
    expect_silence ls -A "$OUTPUT"
}

case_is "the result as JSON"
expect_exit 0 pack "$MODEL" -o "$OUTPUT/b" --quant w4 --name demo --version 7 --json
expect_no_stderr
expect_json '[.bundle, .name, .version, .quant, .files, .parameters]' "[\"$OUTPUT/b\",\"demo\",7,\"w4\",7,690456]"
expect_json '.seconds > 0' true
expect [ "$(jq '.bytes' <"$OUT")" -eq "$(cat "$OUTPUT"/b/[!m]* | wc -c)" ]

case_is "one core writes the same bytes as all"
needs taskset
copy_model
core=$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')
packed a --quant w4
rm -rf "$OUTPUT/b"
expect_exit 0 taskset -c "$core" "$PACK" pack . -o "$OUTPUT/b" --quant w4 --name same
expect diff -r "$OUTPUT/a" "$OUTPUT/b"

case_is "the creation time comes from --created or SOURCE_DATE_EPOCH, or is left out"
copy_model
packed a --created 2023-11-14T22:13:20Z
rm -rf "$OUTPUT/b"
expect_exit 0 env SOURCE_DATE_EPOCH=1700000000 "$PACK" pack . -o "$OUTPUT/b" --quant bf16 --name same
expect diff -r "$OUTPUT/a" "$OUTPUT/b"
expect grep -q '"created": "2023-11-14T22:13:20Z"' "$OUTPUT/a/manifest.json"
packed b
expect_silence grep created "$OUTPUT/b/manifest.json"

case_is "both spellings of config.json give the same bundle"
copy_model
edit '.rope_theta = 1e6 | .rope_scaling = {type: "yarn", factor: 2, original_max_position_embeddings: 2048} |
      .num_experts = .num_local_experts | .torch_dtype = .dtype | del(.dtype, .num_local_experts)'
packed a
cp "$MODEL/config.json" .
edit '.rope_parameters = {rope_type: "yarn", factor: 2, original_max_position_embeddings: 2048, rope_theta: 1e6}'
packed b
expect diff -r "$OUTPUT/a" "$OUTPUT/b"
expect grep -q '"scaling": "yarn"' "$OUTPUT/a/manifest.json"

case_is "a chat template of its own file comes before tokenizer_config.json's"
copy_model
packed a
expect_no_stderr
expect grep -q 'message.role' "$OUTPUT/a/chat_template.jinja"
echo '{{ messages[0].content }}' >chat_template.jinja
packed b
expect cmp chat_template.jinja "$OUTPUT/b/chat_template.jinja"

case_is "a chat template that is not supported, or none, is a warning"
copy_model
echo '{% frobnicate %}' >chat_template.jinja
packed a
expect_stderr_line "it packs, but chat will need --raw"
rm chat_template.jinja
echo '{}' >tokenizer_config.json
packed b
expect_stderr_line "cloister-pack: warning: no chat template was found; it packs, but chat will need --raw"
expect [ ! -e "$OUTPUT/b/chat_template.jinja" ]

case_is "a sliding window cuts the context"
copy_model
edit '.use_sliding_window = true | .sliding_window = 100'
packed b
expect_stderr_line "warning: the context is cut from 4096 to the sliding window's 100 tokens; results up to there are the same"
expect grep -q '"context": 100,' "$OUTPUT/b/manifest.json"

case_is "wrong usage"
expect_exit 2 pack "$MODEL" --quant w4
expect_stderr_line "give a Hugging Face directory and -o BUNDLE"
expect_exit 2 pack "$MODEL" -o "$OUTPUT/c" --quant w5
expect_stderr_line "--quant: give w4, w8 or bf16"
expect_exit 2 pack "$MODEL" -o "$OUTPUT/c" --quant w4 --created 2026-02-30T00:00:00Z
expect_stderr_line "--created: give a time like 2026-11-23T00:00:00Z"
expect_exit 2 pack "$MODEL" -o "$OUTPUT/c" --quant w4 --part-mib 4096
expect_stderr_line "--part-mib"
expect_exit 2 pack "$SCRATCH/nowhere" -o "$OUTPUT/c" --quant w4
expect_stderr_line "$SCRATCH/nowhere: No such file or directory; give the directory of a Hugging Face model"
expect_exit 2 pack "$MODEL" -o "$OUTPUT/nowhere/c" --quant w4
expect_stderr_line "nowhere/: No such file or directory; make the directory that is to hold the bundle"

case_is "what config.json may not say"
copy_model
edit '.model_type = "gpt2"'
refused 4 'config.json: model_type "gpt2" is not supported; these are: llama, mistral, mixtral, qwen3, qwen3_moe'
edit '.model_type = "qwen3_moe" | .hidden_act = "gelu"'
refused 4 'config.json: activation "gelu" is not supported; silu is'
edit '.hidden_act = "silu" | del(.hidden_size)'
refused 1 'config.json: "hidden_size" is missing'
echo '{"model_type":' >config.json
refused 1 'config.json: not JSON: unexpected end of data at byte 15'
rm config.json
refused 1 ".: has no config.json; give the directory that save_pretrained wrote"

case_is "which tensor is missing, surplus, or of another shape"
copy_model
edit '.num_hidden_layers = 3'
refused 1 'the weights lack tensor model.layers.2.input_layernorm.weight, which config.json calls for'
edit '.num_hidden_layers = 1'
refused 1 "$LAST_SHARD: tensor model.layers.1.input_layernorm.weight belongs to no part of the model that config.json describes"
edit '.num_hidden_layers = 2 | .num_local_experts = 4'
refused 1 "model-00001-of-00002.safetensors: tensor model.layers.0.mlp.gate.weight has shape [3,136] where config.json makes it [4,136]"

case_is "which number is not finite, whatever the quantisation"
copy_model
printf '\xc0\x7f' | dd of="$LAST_SHARD" bs=1 seek=$(($(stat -c %s "$LAST_SHARD") - 4)) conv=notrunc status=none
for quant in w4 w8 bf16; do
    refused 1 "$LAST_SHARD: tensor model.layers.1.mlp.experts.2.down_proj.weight holds NaN, infinity or a number beyond bf16 at row 135, column 70" $quant
done

case_is "why a shard cannot be read"
copy_model
truncate -s -1 "$LAST_SHARD"
refused 1 "$LAST_SHARD: model.layers.1.mlp.experts.2.down_proj.weight: truncated: the file ends before its data does; copy the file again"
truncate -s 100 "$LAST_SHARD"
refused 1 "$LAST_SHARD: truncated in its header; copy the file again"
sed -i "s/$LAST_SHARD/..\/x/" model.safetensors.index.json
refused 1 'model.safetensors.index.json: "../x" is not a plain file name'
rm model.safetensors.index.json
refused 1 "model.safetensors: no such file, nor model.safetensors.index.json"
mkdir model.safetensors
refused 1 "model.safetensors: not a regular file"

case_is "a type of number that is not supported"
copy_model
LC_ALL=C sed -i '0,/"dtype":"BF16","shape"/s//"dtype":"I16" ,"shape"/' model-00001-of-00002.safetensors
refused 4 "model-00001-of-00002.safetensors: tensor model.embed_tokens.weight is I16; pack the original in F32, F16 or BF16"

case_is "a tokenizer that is missing, too large, or not supported"
copy_model
edit '.vocab_size = 200'
refused 1 "tokenizer.json: 257 tokens, but config.json's \"vocab_size\" is 200"
sed -i 's/"BPE"/"Unigram"/' tokenizer.json
expect_exit 4 pack . -o "$OUTPUT/b" --quant w8
expect_stderr_line "tokenizer.json: "
rm tokenizer.json
refused 1 "tokenizer.json: no such file; save the model with a fast tokenizer"

case_is "a limit on the size of files leaves nothing"
cd "$SCRATCH" || exit 1
# shellcheck disable=SC2016 # for the inner shell
expect_exit 5 bash -c 'ulimit -f 100; "$@"' bash "$PACK" pack "$MODEL" -o "$OUTPUT/b" --quant w8
expect_stderr_line "weights-00001-of-00001.bin: File too large; the weights need "
expect_silence ls -A "$OUTPUT"

# within KIB: packs the large model in an address space of so many KiB.
within() {
    # shellcheck disable=SC2016 # for the inner shell
    bash -c 'ulimit -v "$1"; "$2" pack "$3" -o "$4" --quant w8' bash "$1" "$PACK" "$LARGE" "$OUTPUT/b"
}

case_is "500 MB are packed within 24 MiB, and 4 a core"
! sanitized || skip "sanitizer build needs more memory"
expect "$SYNTHETIC" "$LARGE" --hidden 2048 --inner 8192 --layers 4 --heads 16 --kv-heads 4 --head-dim 128 --tied
expect_exit 0 within $(((24 + 4 * $(nproc)) * 1024))
expect [ "$(cat "$OUTPUT"/b/weights-* | wc -c)" -gt 240000000 ]
rm -rf "$OUTPUT/b" "$LARGE"

if [ "${CLOISTER_BIG:-}" = 1 ]; then
    case_is "8 GB are packed within 1 GiB"
    expect "$SYNTHETIC" "$LARGE" --arch qwen3_moe --hidden 2048 --layers 24 --heads 16 --kv-heads 4 --head-dim 128 --experts 32 --top-k 2 \
        --expert-inner 768 --vocab 32000 --shard-mb 2000
    expect_exit 0 within 1048576
    expect [ "$(cat "$OUTPUT"/b/weights-* | wc -c)" -gt 4000000000 ]
    rm -rf "$OUTPUT/b" "$LARGE"
fi

finish
