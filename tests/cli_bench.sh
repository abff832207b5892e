#!/bin/bash
# cli_bench.sh - `cloister bench`: figures that agree with each other, and refusals. How fast anything is, no test asks.
. "$(dirname "$0")/cli.sh"

NORM='{"kind":"rms","eps":1e-6}'
ATTENTION='{"kind":"attention","norm_in":'$NORM',"heads":4,"kv_heads":2,"head_dim":32,"scale":0.1767,"rope":0}'
MLP='{"kind":"mlp","norm_in":'$NORM',"inner":192,"activation":"silu"}'
MOE='{"kind":"moe","norm_in":'$NORM',"experts":8,"top_k":2,"inner":64,"activation":"silu","router":{"kind":"softmax","renormalise":true}}'
SHAPE=$SCRATCH/shape.json
cat >"$SHAPE" <<JSON
{"architecture":"test","vocab":512,"hidden":128,"context":1024,"final_norm":$NORM,"ropes":[{"kind":"half","dim":32}],
 "layers":[{"blocks":[$ATTENTION,$MLP]},{"repeat":2,"blocks":[$ATTENTION,$MOE]}]}
JSON

close() { # two figures that were computed from the same numbers
    echo "(($1) / ($2) - 1) | fabs < 1e-9"
}

# Of one repetition: with several, each figure is a median of its own.
consistent() {
    expect_json '[.limits.int8_gops, .limits.read_gb_s] | all(. > 0)' true
    expect_json '[.prefill, .decode] | all(.tok_s > 0 and .tok_s_min <= .tok_s and .tok_s <= .tok_s_max)' true
    expect_json "$(close .prefill.of_peak '.prefill.int8_gops / .limits.int8_gops')" true
    expect_json "$(close .decode.of_bandwidth '.decode.gb_s / .limits.read_gb_s')" true
    expect_json "$(close '.decode.gb_s * 1e9' '(.decode.weight_bytes + .decode.cache_bytes) * .decode.tok_s / .decode.tokens')" true
    expect_json "$(close '.prefill.parts | map(.share) | add' 1)" true
    expect_json "$(close '.decode.parts | map(.share) | add' 1)" true
    expect_json '.decode.parts | keys' '["attention","experts","head","projections","router","rows","waiting"]'
}

case_is "a shape from a file: figures agree"
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" --quant w8 -p 40 -n 3 -d 70 -r 1 --json
expect_no_stderr
expect_json '[.quant, .kv, .layers, .random, .repetitions]' '["w8","bf16",3,true,1]'
expect_json '[.prefill.tokens, .prefill.depth, .decode.tokens, .decode.depth]' '[40,70,3,70]'
consistent

case_is "several repetitions: a median between the least and the largest"
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" --quant w8 -p 40 -n 20 -r 3 --json
expect_json '.repetitions' 3
expect_json '[.limits.int8_gops_min, .limits.int8_gops, .limits.int8_gops_max] | . == sort' true
expect_json '[.prefill.of_peak_min, .prefill.of_peak, .prefill.of_peak_max] | . == sort' true
expect_json '[.decode.of_bandwidth_min, .decode.of_bandwidth, .decode.of_bandwidth_max] | . == sort' true
expect_json '.decode.tok_s_min < .decode.tok_s_max' true

case_is "w4, f32 cache, several sequences, one thread"
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" --quant w4 --kv f32 -p 16 -n 2 -b 3 -t 1 -r 1 --json
expect_json '[.quant, .kv, .threads, .decode.batch, .decode.tokens]' '["w4","f32",1,3,6]'
consistent

# 3 sequences choose 2 of 8 experts each, in 2 layers: more distinct ones than one sequence alone, and not more than 6.
case_is "experts are counted as they are chosen"
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" --quant w8 -p 0 -n 1 -t 1 -r 1 --json
one=$(jq .decode.weight_bytes "$OUT" 2>/dev/null || echo 0)
expect_json 'has("prefill")' false
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" --quant w8 -p 0 -n 1 -b 3 -t 1 -r 1 --json
expert=$(((64 * 128 + 512) * 2 + 128 * 64 + 2 * 512))
expect_json "(.decode.weight_bytes - $one - 2 * 128 * 2) / $expert | . == floor and . >= 0 and . <= 8" true

case_is "bf16, few layers, for people"
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" --quant bf16 --layers 1 -p 8 -n 2 -r 1
expect_no_stderr
expect_stdout_has "cut to 1 layers"
expect_stdout_has "tok/s"
expect_stdout_has "waiting"

case_is "a bundle"
BUNDLE=$(golden_bundle qwen3-moe w8) || exit 1
expect_exit 0 "$CLOISTER" bench "$BUNDLE" --trust "$TRUST" -p 32 -n 2 -r 1 --json
expect_json '[.random, .quant]' '[false,"w8"]'
consistent

case_is "from one thread to all"
expect_exit 0 "$CLOISTER" bench --shape "$SHAPE" -p 8 -n 2 -r 1 --scaling
expect_stdout_has "threads"
expect grep -qE '^ +1 .* 1\.00x' "$OUT"

case_is "what cannot be measured is refused"
expect_exit 2 "$CLOISTER" bench
expect_exit 2 "$CLOISTER" bench --synthetic no-such-model
expect_stderr_line "moe-7b"
expect_exit 2 "$CLOISTER" bench --synthetic moe-7b --shape "$SHAPE"
expect_exit 2 "$CLOISTER" bench "$BUNDLE" --scaling
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" -b 0
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" -r 0
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" -p 0 -n 0
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" --quant w5
expect_stderr_line "bf16, w8, w4"
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" --kv int4
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" --layers 4
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" -p 1000 -d 100
expect_stderr_line "context"
expect_exit 2 "$CLOISTER" bench --shape "$SHAPE" -t 4000
expect_exit 4 "$CLOISTER" bench --synthetic deepseek-v3
expect_stderr_line "latent attention"
expect_exit 3 "$CLOISTER" bench "$BUNDLE" --trust "$SCRATCH"

case_is "a shape that is none"
echo 'not JSON' >"$SCRATCH/garbage"
expect_exit 2 "$CLOISTER" bench --shape "$SCRATCH/garbage"
expect_stderr_line "not JSON"
echo '[1,2]' >"$SCRATCH/garbage"
expect_exit 2 "$CLOISTER" bench --shape "$SCRATCH/garbage"
sed 's/"hidden":128/"hidden":0/' "$SHAPE" >"$SCRATCH/garbage"
expect_exit 2 "$CLOISTER" bench --shape "$SCRATCH/garbage"
expect_stderr_line "hidden"
sed 's/"silu"/"tanh"/' "$SHAPE" >"$SCRATCH/garbage"
expect_exit 4 "$CLOISTER" bench --shape "$SCRATCH/garbage"
expect_exit 1 "$CLOISTER" bench --shape "$SCRATCH/no-such-file"

case_is "too much for any memory: refused before it is taken"
expect_exit 5 "$CLOISTER" bench --synthetic qwen3-30b-a3b --quant bf16 -d 30000 -b 1024
expect_stderr_line "MiB are free"

finish
