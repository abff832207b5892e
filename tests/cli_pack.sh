#!/bin/bash
# cli_pack.sh - what `cloister-pack pack` leaves behind: the same bytes each time, and all of them or nothing. What it
# refuses is in cli_convert.sh.
. "$(dirname "$0")/cli.sh"

model=$TESTS/golden/models/qwen3-moe

# What a failed pack may not leave: the output, or something on the way to it.
leftovers() {
    find "$SCRATCH" -maxdepth 1 \( -name out -o -name '.out.*' \)
}

case_is "the same input gives the same bytes"
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
mkdir "$SCRATCH/out"
echo mine >"$SCRATCH/out/file"
expect_exit 2 "$PACK" pack "$model" -o "$SCRATCH/out" --quant w4
expect grep -q "exists already" "$ERR"
expect grep -qx mine "$SCRATCH/out/file"
rm -rf "$SCRATCH/out"

case_is "a full disk: exit code 5, and nothing left"
[ "$(id -u)" -eq 0 ] && unshare -m true 2>/dev/null || skip "not root: no small file system to fill"
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
expect grep -q "No space left on device" "$ERR"

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
