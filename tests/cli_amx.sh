#!/bin/bash
# cli_amx.sh - AMX, and AVX-512 with VNNI and without, whatever this processor has: what it lacks runs on an emulated one (amx/emulate.py).
# There every kernel gives the reference's bits, and whole models give, byte for byte, what they give here. The kernels' tests run every
# THIN-th of their trials when they are emulated; with CLOISTER_BIG=1 all of them, which takes a quarter of an hour.
. "$(dirname "$0")/cli.sh"

ISAS=(amx vnni avx512)
QUANTS=(w8 w4 bf16)
QUESTION='Käännös (bulgaria): Hyvää huomenta'
THIN=13 # a prime: no common step with the lists that the trials are made of
GUEST_SECONDS=500
if [ -n "${CLOISTER_BIG:-}" ]; then
    THIN=1 GUEST_SECONDS=3000
fi

# One with AMX has every instruction set. A lesser one differs in what is chosen: its models show that.
kernel_tests() {
    case $1 in
    amx) echo test_kernels test_products test_attention test_numerics ;;
    *) echo test_kernels ;;
    esac
}

DATA=$SCRATCH/data # what the programs find where they run
HERE=$("$CLOISTER" doctor | sed -n 's/^[a-z]* *instructions *\([a-z0-9]*\) .*/\1/p') # the best instruction set of this processor

# ---- programs on processors, as many at a time as this machine has ----

# begin NAME ISA PROGRAM…: starts PROGRAM on a processor whose best instruction set is ISA. What it writes comes to be in
# $SCRATCH/NAME.ISA.out and .err, its exit code in .code.
begin() {
    local result=$SCRATCH/$1.$2 isa=$2 emulate=() path
    shift 2
    if [ "$isa" != "$HERE" ]; then
        emulate=("$TESTS/amx/emulate.py" --cpu "$isa" --seconds "$GUEST_SECONDS" --env "CLOISTER_THIN=$THIN")
        for path in "$DATA"/*; do
            emulate+=(--copy "$path")
        done
    fi
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    (
        cd "$DATA" || exit
        "${emulate[@]}" "$@" >"$result.out" 2>"$result.err" </dev/null
        echo $? >"$result.code"
    ) &
}

begin_kernel_tests() {
    local name
    for name in $(kernel_tests "$1"); do
        begin "$name" "$1" "$CLOISTER_BUILD/tests/$name"
    done
}

begin_models() {
    local quant
    for quant in "${QUANTS[@]}"; do
        begin "logits-$quant" "$1" "$CLOISTER" logits "models-qwen3-moe-$quant" --trust trust --all --json --tokens "$TOKENS"
    done
    begin answer "$1" "$CLOISTER" run demo-model-w4 --trust trust --json -p "$QUESTION"
    begin doctor "$1" "$CLOISTER" doctor
}

prepare() {
    local bundles=() quant
    for quant in "${QUANTS[@]}"; do
        bundles+=("$(golden_bundle qwen3-moe "$quant")") || exit 1
    done
    bundles+=("$(demo_bundle w4)") || exit 1
    mkdir "$DATA" && cp -r "$TRUST" "${bundles[@]}" "$DATA" || exit 1
    TOKENS=$(jq -r '[.sequences[].tokens] | max_by(length) | map(tostring) | join(",")' "$TESTS/golden/models/qwen3-moe/expected.json")
}

# ---- what they said ----

expect_ended() {
    local result=$SCRATCH/$1.$2 code
    code=$(cat "$result.code" 2>/dev/null)
    expect [ "$code" = 0 ] && return
    tail -n 20 "$result.out" "$result.err" | cut -c 1-300 | sed 's/^/    /'
}

# The test compared every instruction set up to this one, and left nothing out but what needs a better one.
judge_kernel_test() {
    local out=$SCRATCH/$1.$2.out
    expect_ended "$1" "$2"
    expect grep -qE '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$' "$out"
    expect_silence sed -n '/^SKIP .*: this processor lacks/d; /^SKIP /p' "$out"
    [ "$1" != test_kernels ] || expect grep -qx "ok   $2_was_compared" "$out"
}

judge_logits() {
    expect_ended "logits-$1" "$2"
    expect [ "$(jq '.logits | length' "$SCRATCH/logits-$1.$2.out")" -ge 100 ]
    expect cmp "$SCRATCH/logits-$1.$HERE.out" "$SCRATCH/logits-$1.$2.out"
}

judge_answer() {
    expect_ended answer "$1"
    expect [ "$(jq '.tokens | length' "$SCRATCH/answer.$1.out")" -ge 2 ]
    expect [ "$(jq -c '[.text, .tokens]' "$SCRATCH/answer.$HERE.out")" = "$(jq -c '[.text, .tokens]' "$SCRATCH/answer.$1.out")" ]
}

judge_doctor() {
    expect_ended doctor "$1"
    expect grep -qE "^ok +instructions +$1 \(" "$SCRATCH/doctor.$1.out"
}

# ---- the cases ----

# Why nothing can run on a processor with this instruction set; nothing where it can.
obstacle() {
    if sanitized; then
        echo "sanitizer build is dynamic"
    elif ! command -v jq >/dev/null; then
        echo "jq is not installed"
    elif [ "$1" != "$HERE" ] && ! { "$TESTS/amx/build_emulator.sh" && "$TESTS/kernel.sh"; } >/dev/null 2>"$SCRATCH/why"; then
        echo "no emulator: $(tail -n 1 "$SCRATCH/why")"
    fi
}

# Begins a case about an instruction set; false where it is skipped.
case_on() {
    case_is "$2 on $1"
    [ -z "${obstacles[$1]}" ] || skip "${obstacles[$1]}"
    ! skipped
}

declare -A obstacles
free=()
for isa in "${ISAS[@]}"; do
    obstacles[$isa]=$(obstacle "$isa")
    [ -n "${obstacles[$isa]}" ] || free+=("$isa")
done

if [ ${#free[@]} -gt 0 ]; then
    prepare
    begin_models "$HERE"
    for isa in "${free[@]}"; do
        begin_kernel_tests "$isa"
        [ "$isa" = "$HERE" ] || begin_models "$isa"
    done
    wait
fi

for isa in "${ISAS[@]}"; do
    for name in $(kernel_tests "$isa"); do
        if case_on "$isa" "$name"; then judge_kernel_test "$name" "$isa"; fi
    done
    if case_on "$isa" "the program"; then judge_doctor "$isa"; fi
    for quant in "${QUANTS[@]}"; do
        if case_on "$isa" "logits of $quant"; then judge_logits "$quant" "$isa"; fi
    done
    if case_on "$isa" "an answer"; then judge_answer "$isa"; fi
done

finish
