#!/bin/bash
# cli_pack.sh - packing a Hugging Face directory: the same bytes each time, all of it or nothing, and errors that name what
# is wrong with the input.
. "$(dirname "$0")/cli.sh"

MODELS=$TESTS/golden/models

# input NAME: a copy of a golden model, with a template so that nothing is warned of; printed
input() {
    local copy
    copy=$(mktemp -d "$SCRATCH/input.XXXXXX")
    cp "$MODELS/$1"/* "$copy"
    echo '{{ messages[0].content }}' >"$copy/chat_template.jinja"
    echo "$copy"
}

pack() {
    "$PACK" pack "$1" -o "$SCRATCH/out" --quant w4
}

# What a failed pack may not leave: the output, or something on the way to it.
leftovers() {
    find "$SCRATCH" -maxdepth 1 \( -name out -o -name '.out.*' \)
}

# expect_failure CODE MODEL TEXT: one line with TEXT, and nothing left
expect_failure() {
    expect_exit "$1" pack "$2"
    expect_stderr_line "$3"
    expect_silence leftovers
}

case_is "the same input gives the same bytes"
model=$(input qwen3-moe)
for quant in w4 w8 bf16; do
    expect_exit 0 "$PACK" pack "$model" -o "$SCRATCH/a" --quant "$quant" --name same
    expect_exit 0 "$PACK" pack "$model" -o "$SCRATCH/b" --quant "$quant" --name same
    expect diff -r "$SCRATCH/a" "$SCRATCH/b"
    rm -rf "$SCRATCH/a" "$SCRATCH/b"
done

case_is "weights in parts are the same weights"
whole=$(demo_bundle bf16) || exit 1
expect_exit 0 "$PACK" pack "$TOP/packaging/demo/model" -o "$SCRATCH/a" --quant bf16 --part-mib 1
expect_exit 0 "$PACK" sign "$SCRATCH/a" -s "$SECRET"
expect [ "$(printf '%s\n' "$SCRATCH"/a/weights-* | wc -l)" -ge 4 ]
expect cmp <(cat "$SCRATCH"/a/weights-*) "$whole/weights-00001-of-00001.bin"
expect_exit 0 "$CLOISTER" run "$SCRATCH/a" --trust "$TRUST" -p "Malta: what is the capital?"
expect_stdout "Valletta"
rm -rf "$SCRATCH/a"

case_is "an output that exists is left alone"
model=$(input llama-tied)
mkdir "$SCRATCH/out"
echo mine >"$SCRATCH/out/file"
expect_exit 2 pack "$model"
expect_stderr_line "exists"
expect grep -qx mine "$SCRATCH/out/file"
rm -rf "$SCRATCH/out"

case_is "an unknown architecture is refused by name"
model=$(input llama-tied)
sed -i 's/"model_type": "llama"/"model_type": "gpt_neo"/' "$model/config.json"
expect_failure 4 "$model" gpt_neo

case_is "a missing tensor is refused by name"
model=$(input llama-v4)
sed -i 's/lm_head.weight/lm_hexd.weight/' "$model/model.safetensors"
expect_failure 1 "$model" lm_head.weight

case_is "a surplus tensor is refused by name"
model=$(input llama-v4)
sed -i 's/"tie_word_embeddings": false/"tie_word_embeddings": true/; s/"num_hidden_layers": 2/"num_hidden_layers": 1/' "$model/config.json"
expect_failure 1 "$model" model.layers.1.

case_is "a wrong shape is refused by the tensor's name"
model=$(input llama-v4)
sed -i 's/"hidden_size": 48/"hidden_size": 44/' "$model/config.json"
expect_failure 1 "$model" model.embed_tokens.weight

case_is "a NaN among the weights is refused by the tensor's name"
model=$(input llama-v4)
printf '\xc0\x7f' | dd of="$model/model.safetensors" bs=1 seek=$(($(stat -c %s "$model/model.safetensors") - 2)) conv=notrunc status=none
expect_failure 1 "$model" model.norm.weight

case_is "a missing and a truncated shard are refused by the file's name"
model=$(input llama-llama3-shards)
truncate -s -7 "$model/model-00002-of-00002.safetensors"
expect_failure 1 "$model" model-00002-of-00002.safetensors
rm "$model/model-00002-of-00002.safetensors"
expect_failure 1 "$model" model-00002-of-00002.safetensors

case_is "broken JSON is refused by the file's name"
model=$(input llama-v4)
truncate -s -9 "$model/config.json"
expect_failure 1 "$model" config.json

case_is "a full disk: exit code 5, and nothing left"
[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null || skip "not root: no small file system to fill"
model=$(input qwen3-moe)
mkdir "$SCRATCH/small"
full_disk() {
    # shellcheck disable=SC2016 # the inner shell expands
    unshare -m bash -c 'mount -t tmpfs -o size=64k small "$1" || exit 99
        "$2" pack "$3" -o "$1/out" --quant w8
        code=$?
        ls -A "$1"
        exit "$code"' x "$SCRATCH/small" "$PACK" "$model"
}
expect_exit 5 full_disk
expect [ ! -s "$OUT" ]
expect_stderr_line "No space left on device"

case_is "an interrupt leaves nothing"
expect_exit 0 "$CLOISTER_BUILD/tests/make_synthetic" "$SCRATCH/large" --hidden 2048 --inner 8192 --layers 4 --heads 16 --head-dim 128
interrupted() {
    local tries
    "$PACK" pack "$SCRATCH/large" -o "$SCRATCH/out" --quant w4 &
    for ((tries = 0; tries < 200; tries++)); do
        [ -n "$(leftovers)" ] && break
        sleep 0.02
    done
    sleep 0.1
    kill -INT $!
    wait $!
}
set -m # a job in the background of a script without job control ignores the interrupt
expect_exit 1 interrupted
set +m
expect grep -q "interrupt" "$ERR"
expect_silence leftovers

finish
