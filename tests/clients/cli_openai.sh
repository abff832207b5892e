#!/bin/bash
# cli_openai.sh - the stock OpenAI client in Python works against `cloister serve` unchanged. By name only: tests/run.sh BUILD cli_openai. The module
# is in Debian as python3-openai, since trixie; PYTHON="command" may be a python3 of another system that sees the same /tmp.
set -u
PYTHON=${PYTHON:-python3}
HERE=$(cd "$(dirname "$0")" && pwd)
if ! $PYTHON -c 'import openai' 2> /dev/null; then
    echo 'SKIP the stock client: python3-openai is not installed'
    echo '0 passed, 0 failed, 1 skipped'
    exit
fi
DIR=$(mktemp -d "$CLOISTER_TEST_DIR/openai.XXXXXX")
servers=()
trap 'kill "${servers[@]}"; wait; rm -rf "$DIR"' EXIT

# serve NAME MODEL: at $DIR/NAME.
serve() {
    local bundle
    bundle=$("$HERE/../bundle.sh" "$2" w4) || exit 1
    "$CLOISTER_BUILD/cloister" serve "$bundle" --trust "$CLOISTER_TEST_DIR/trust" --socket "$DIR/$1" --name demo 2> "$DIR/$1.log" &
    servers+=($!)
    for _ in $(seq 100); do
        curl -sf --unix-socket "$DIR/$1" http://x/health > /dev/null && return
        sleep 0.1
    done
    cat "$DIR/$1.log"
    exit 1
}

cp -r packaging/demo/model "$DIR/with-tools"
cp tests/golden/templates/qwen25.jinja "$DIR/with-tools/chat_template.jinja"
serve socket packaging/demo/model
serve tools "$DIR/with-tools"
cp "$HERE/openai_client.py" "$DIR"
cd "$DIR" || exit 1
# shellcheck disable=SC2086 # a command
$PYTHON openai_client.py "$DIR/socket" "$DIR/tools"
