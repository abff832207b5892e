#!/bin/bash
# cli_page_sources.sh - the page is put together from its sources only when each of the 24 languages has every word, and always to the same bytes.
. "$(dirname "$0")/cli.sh"

# A copy of the sources; `edit FILE PYTHON` changes its words `w`.
fresh() {
    rm -rf "$SCRATCH/page" && cp -r "$TOP/runtime/page" "$SCRATCH/page" && mkdir -p "$SCRATCH/out"
}

edit() {
    python3 -c "
import json, sys
path = sys.argv[1]
w = json.load(open(path, encoding='utf-8'))
$2
json.dump(w, open(path, 'w', encoding='utf-8'), ensure_ascii=False)" "$SCRATCH/page/languages/$1.json"
}

assemble() {
    expect_exit "$1" "$SCRATCH/page/assemble.py" "$SCRATCH/out"
}

needs python3
case_is "the sources make the page that the program has"
fresh
assemble 0
expect cmp "$SCRATCH/out/page.html" <("$CLOISTER_BUILD/tests/make_page" page)
expect grep -qF "Content-Security-Policy: $(cat "$SCRATCH/out/page.policy")" <("$CLOISTER_BUILD/tests/make_page" headers)

case_is "a word too few is refused"
fresh
edit mt "del w['retry']"
assemble 1
expect_stderr_line "runtime/page/languages/mt.json: not the keys of en.json in their order: retry"

case_is "a word too many is refused"
fresh
edit ga "w['more'] = 'x'"
assemble 1
expect_stderr_line "languages/ga.json: not the keys of en.json in their order: more"

case_is "an empty word is refused"
fresh
edit 'fi' "w['send'] = ' '"
assemble 1
expect_stderr_line "languages/fi.json: send: empty"

case_is "another placeholder is refused"
fresh
edit el "w['retry_in'] = w['retry_in'].replace('{time}', '{zeit}')"
assemble 1
expect_stderr_line "languages/el.json: retry_in: not the placeholders of en.json"

case_is "a form without its number is refused"
fresh
edit pl "w['tokens']['few'] = 'tokeny'"
assemble 1
expect_stderr_line "languages/pl.json: tokens: not the placeholders of en.json"

case_is "one text where numbers need forms is refused"
fresh
edit sl "w['tokens'] = '{n} žetonov'"
assemble 1
expect_stderr_line "languages/sl.json: tokens: en.json has forms for numbers, with other"

case_is "a language too few is refused"
fresh
rm "$SCRATCH/page/languages/lv.json"
assemble 1
expect_stderr_line "runtime/page/languages: not the 24 languages: lv"

case_is "words cannot end the script"
fresh
edit sv "w['send'] = '</script><script>'"
assemble 0
expect [ "$(grep -o '</script>' "$SCRATCH/out/page.html" | wc -l)" -eq 1 ]

finish
