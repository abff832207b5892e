#!/bin/bash
# cli_plan.sh - what `plan` says about servers: its answer, its table, its JSON, and what it refuses. Figures of speed are
# compared with each other, never with a clock.
. "$(dirname "$0")/cli.sh"

SERVER="pack:2 numa:1(memory=768GB) core:56 pu:2"

plan() {
    "$CLOISTER" plan "$@"
}

case_is "a model that this version cannot run yet, and a server that holds it in one format of three"
expect_exit 0 plan deepseek-v3 --topology "$SERVER"
expect_no_stderr
expect_stdout_has "deepseek-v3: 671 billion weights"
expect_stdout_has "NOT YET: this version cannot run it (latent attention and shared experts)"
expect_stdout_has "2 sockets, 2 NUMA nodes, 112 cores"
expect_stdout_has "assumed: 8 channels of DDR5-5600 a socket"
expect_stdout_has "answer: deepseek-v3 fits as w8"
expect_exit 0 plan deepseek-v3 --topology "$SERVER" --memory 100
expect_stdout_has "answer: deepseek-v3 does not fit"
expect_exit 0 plan deepseek-v3 --topology "pack:2 numa:1 core:56 pu:2"
expect_stdout_has "not given: say --memory GB"

case_is "JSON: formats, nodes, limits"
needs jq
expect_exit 0 plan qwen3-235b --topology "$SERVER" --json
expect_json '.model.parameters' 235092836352
expect_json '[.formats[].format]' '["bf16","w8","w4"]'
expect_json '[.formats[].fits]' '[true,true,true]'
expect_json '.best' '"w8"'
expect_json '.formats | map(.memory.nodes | length) | unique' '[2]'
expect_json '[.formats[] | (.memory.nodes | map(.weights) | add) == .memory.weights] | all' true
expect_json '[.formats[] | .decode, .batch, .prefill | .tok_s > 0 and (.limit | length) > 0] | all' true
expect_json '(.formats[2].decode.tok_s > .formats[1].decode.tok_s) and (.formats[1].decode.tok_s > .formats[0].decode.tok_s)' true
expect_json '.formats[0].load.limit' '"disk"'
expect_json '[.formats[].memory.total] | (.[0] > .[1]) and (.[1] > .[2])' true

case_is "figures that are given count"
needs jq
expect_exit 0 plan dense-1b --topology "$SERVER" --bandwidth 100 --gops 1000000 --gflops 100000 --disk 9 --quant w8 --json
expect_json '[.machine | .read_gb_s, .int8_gops, .float_gops, .disk_gb_s | .source] | unique' '["given"]'
expect_json '[.machine.read_gb_s.value, .machine.disk_gb_s.value, (.formats | length)]' '[100,9,1]'
slow=$(jq '.formats[0].decode.limits["memory bandwidth"]' "$OUT" 2>/dev/null)
expect_exit 0 plan dense-1b --topology "$SERVER" --bandwidth 200 --gops 1000000 --gflops 100000 --quant w8 --json
expect_json "(.formats[0].decode.limits[\"memory bandwidth\"] * 2 / $slow * 1000 | round)" 1000

case_is "a saved topology, from a file and from standard input"
saved=$TESTS/golden/topologies/interleaved-offline.xml
expect_exit 0 plan moe-7b --topology "$saved" --quant w4
expect_stdout_has "2 sockets, 2 NUMA nodes, 10 cores"
expect_stdout_has "of the topology"
INPUT=$saved
expect_exit 0 plan moe-7b --topology - --quant w4
INPUT=/dev/null
expect_stdout_has "2 sockets, 2 NUMA nodes, 10 cores"
expect_stdout_has "96.00 GB"
expect_stdout_has "48.00 GB"

case_is "a bundle is verified before it is planned for"
demo=$(demo_bundle w4) || exit 1
expect_exit 0 plan "$demo" --trust "$TRUST" --topology "$SERVER"
expect_stdout_has "a bundle, packed as w4"
expect_stdout_has "fits as w8"
bad=$(copy_bundle "$demo")
sed -i 's/"version": *[0-9]*/"version":99/' "$bad/manifest.json"
expect_exit 3 plan "$bad" --trust "$TRUST" --topology "$SERVER"
expect_stderr_line "manifest.json"
expect [ ! -s "$OUT" ]

case_is "a Hugging Face directory, or its config.json"
model=$TESTS/golden/models/qwen3-moe-sparse
expect_exit 0 plan "$model" --topology "$SERVER"
expect cp "$OUT" "$SCRATCH/directory"
expect_exit 0 plan "$model/config.json" --topology "$SERVER"
expect cmp "$OUT" "$SCRATCH/directory"

case_is "this machine, measured now"
needs jq
expect_exit 0 plan moe-small --quant w8 --json
expect_json '[.machine.read_gb_s, .machine.int8_gops | .source == "measured now" and .value > 0] | all' true
expect_json '.machine.memory > 0' true
expect_json '.formats[0].fits != null' true

case_is "wrong usage and files that are none: one line, nothing on stdout"
: >"$SCRATCH/empty"
printf '{"model_type":"llama"}' >"$SCRATCH/short.json"
for words in "" "a b" "no-such-shape" "moe-7b --quant w5" "moe-7b --users 0" "moe-7b --ctx 0" "moe-7b --bandwidth -1" \
    "moe-7b --bandwidth x" "moe-7b --topology pack:99999" "moe-7b --topology nonsense" "moe-7b --topology pack:1 -t 9"; do
    # shellcheck disable=SC2086 # words
    expect_exit 2 plan $words
    expect_stderr_line "cloister: plan: "
    expect [ ! -s "$OUT" ]
done
sed 's/cpuset="[^"]*" complete/complete/' "$TESTS/golden/topologies/interleaved-offline.xml" >"$SCRATCH/damaged.xml"
expect_exit 1 plan moe-7b --topology "$SCRATCH/damaged.xml"
expect_stderr_line "damaged.xml: not a topology"
for model in "$SCRATCH/empty" "$SCRATCH/short.json"; do
    expect_exit 1 plan "$model" --topology "$SERVER"
    expect_stderr_line "$model"
done
expect_exit 1 plan moe-7b --topology "$SCRATCH/empty"
expect_exit 3 plan "$SCRATCH" --trust "$TRUST"

finish
