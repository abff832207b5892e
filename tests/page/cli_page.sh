#!/bin/bash
# cli_page.sh - the web page in a real browser: what it does, that it does nothing else whatever an answer says, and that everybody can use it
# (page_test.mjs). Run by name. Needs chromium, and node 20 or later with npm, which puts into the cache what package-lock.json names.
#
#   PAGE_SOCKET=SOCKET    a server to put under the page instead of the mock; the cases that need its answers are left out
#   PAGE_SHOTS=DIR        pictures of the page, to be looked at
. "$(dirname "$0")/../cli.sh"

case_is "the page in a browser"
needs chromium node npm
skipped || [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skip "node is older than 20"

modules=${XDG_CACHE_HOME:-$HOME/.cache}/cloister/page-$(sha256sum <"$TESTS/page/package-lock.json" | head -c 16)
if ! skipped && [ ! -d "$modules" ]; then
    mkdir -p "$modules.new" && cp "$TESTS"/page/package*.json "$modules.new" &&
        (cd "$modules.new" && npm ci --ignore-scripts --no-audit --no-fund) >"$SCRATCH/npm" 2>&1 && mv "$modules.new" "$modules" ||
        skip "npm could not fetch playwright-core and axe-core: $(tail -n 1 "$SCRATCH/npm")"
fi
skipped && finish

MAKE_PAGE=$CLOISTER_BUILD/tests/make_page PAGE_MODULES=$modules CHROMIUM=$(command -v chromium) exec node "$TESTS/page/page_test.mjs"
