#!/bin/bash
# bundle.sh MODEL QUANT - packs and signs MODEL, a Hugging Face directory, once per test run, and prints the bundle's
# path. The secret key of the run is $CLOISTER_TEST_DIR/test.sec, the trust store $CLOISTER_TEST_DIR/trust. Whoever wants
# to damage a bundle copies it first.
set -eu

model=$1 quant=$2
pack=$CLOISTER_BUILD/cloister-pack
here=$CLOISTER_TEST_DIR
bundle=$here/bundles/$(basename "$(dirname "$(realpath "$model")")")-$(basename "$model")-$quant

# Silent unless it fails.
step() {
    "$@" >"$here/bundle.log" 2>&1 && return
    cat "$here/bundle.log" >&2
    exit 1
}

if [ ! -e "$here/trust/test.pub" ]; then
    mkdir -p "$here/trust" "$here/bundles"
    step "$pack" keygen -W -p "$here/trust/test.pub" -s "$here/test.sec"
fi
if [ ! -e "$bundle" ]; then
    rm -rf "$bundle.new"
    step "$pack" pack "$model" -o "$bundle.new" --quant "$quant" --name "$(basename "$model")"
    step "$pack" sign "$bundle.new" -s "$here/test.sec"
    mv "$bundle.new" "$bundle"
fi
echo "$bundle"
