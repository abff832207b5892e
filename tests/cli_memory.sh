#!/bin/bash
# cli_memory.sh - `run` takes the weights, the cache and at most 64 MiB more: the largest resident memory that the kernel
# saw (VmHWM) after a question was answered. CLOISTER_BIG=1 shows it for a bundle of 4 GB as well.
. "$(dirname "$0")/cli.sh"
. "$TESTS/chat.sh"

ALLOWANCE=$((64 << 20))

weight_bytes() {
    cat "$1"/weights-*.bin | wc -c
}

# Bytes of keys and values in bf16 for the whole context of `run`, by the manifest.
cache_bytes() {
    jq '([.model.context, 4096] | min | (. + 63) / 64 | floor * 64) *
        ([.model.layers[] | .repeat as $n | .blocks[] | select(.kind == "attention") |
          $n * .kv_heads * .head_dim * 2 * 2] | add)' \
        "$1/manifest.json"
}

peak_bytes() {
    echo $(($(awk '/^VmHWM:/ { print $2 }' "/proc/$1/status") * 1024))
}

# Asks one long question, so that steps are as large as they get, and compares; prints the figures.
judge() {
    local bundle=$1 weights cache peak
    skipped && return
    weights=$(weight_bytes "$bundle")
    cache=$(cache_bytes "$bundle")
    chat_start "$bundle" --kv bf16 -n 8
    expect chat_ask "$(printf 'What is the capital of Malta? %.0s' {1..40})"
    peak=$(peak_bytes "$CHAT")
    chat_stop
    printf '     weights %d KiB, cache %d KiB, resident at most %d KiB: %d KiB more\n' \
        $((weights >> 10)) $((cache >> 10)) $((peak >> 10)) $(((peak - weights - cache) >> 10))
    expect [ "$peak" -gt "$weights" ]
    expect [ "$peak" -le $((weights + cache + ALLOWANCE)) ]
}

for quant in w4 bf16; do
    case_is "the demo in $quant"
    needs jq
    ! sanitized || skip "sanitizer build needs more memory"
    bundle=$(demo_bundle "$quant") || exit 1
    judge "$bundle"
done

# 4.0e9 weights in w8, of an input of 8 GB that is gone before the bundle is loaded.
big_bundle() {
    "$CLOISTER_BUILD/tests/make_synthetic" "$SCRATCH/big" --arch qwen3_moe --hidden 2048 --layers 24 --heads 16 --kv-heads 4 \
        --head-dim 128 --experts 32 --top-k 2 --expert-inner 768 --vocab 32000 --shard-mb 2000 &&
        "$TESTS/bundle.sh" "$SCRATCH/big" w8
    rm -rf "$SCRATCH/big"
}

if [ "${CLOISTER_BIG:-}" = 1 ]; then
    case_is "a bundle of 4 GB"
    needs jq
    bundle=$(big_bundle) || exit 1
    judge "$bundle"
    expect [ "$(weight_bytes "$bundle")" -gt 4000000000 ]
    rm -rf "$bundle"
fi

finish
