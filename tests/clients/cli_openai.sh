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
BUNDLE=$("$HERE/../bundle.sh" packaging/demo/model w4) || exit 1
"$CLOISTER_BUILD/cloister" serve "$BUNDLE" --trust "$CLOISTER_TEST_DIR/trust" --socket "$DIR/socket" 2> "$DIR/log" &
server=$!
trap 'kill "$server"; wait "$server"; rm -rf "$DIR"' EXIT
for _ in $(seq 100); do
    [ -S "$DIR/socket" ] && break
    sleep 0.1
done
cp "$HERE/openai_client.py" "$DIR"
cd "$DIR" || exit 1
# shellcheck disable=SC2086 # a command
$PYTHON openai_client.py "$DIR/socket"
