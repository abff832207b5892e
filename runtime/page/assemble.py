#!/usr/bin/env python3
"""assemble.py OUT: makes the web page out of the files beside this one: OUT/page.html, which needs nothing else, and OUT/page.policy, the
Content-Security-Policy that lets exactly its script and its style run. The same files make the same bytes.

Each languages/CODE.json must have the keys of en.json in their order, and each of its words the same {placeholders}; else nothing is made."""
import base64
import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = "words elements inline markdown store server message asking drawing conversations page".split()
# The Union's order: by the languages' own names.
LANGUAGES = "bg es cs da de et el en fr ga hr it lv lt hu mt nl pl pt ro sk sl fi sv".split()
POLICY = [
    "default-src 'none'",
    "script-src '{script}'",
    "style-src '{style}'",
    "connect-src 'self'",
    "img-src data:",  # the page's own icon; an answer never makes an image
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",  # and no policy makes one: text cannot become HTML or script
    "trusted-types 'none'",
]


def read(name):
    return (HERE / name).read_text(encoding="utf-8")


def fail(place, reason):
    sys.exit(f"{place}: {reason}")


def forms(entry):
    return entry if isinstance(entry, dict) else {"": entry}


def placeholders(entry):
    found = {frozenset(re.findall(r"\{\w+\}", text)) for text in forms(entry).values()}
    return found.pop() if len(found) == 1 else None


def check_language(code, words, english):
    place = f"runtime/page/languages/{code}.json"
    if list(words) != list(english):
        wrong = sorted(set(words) ^ set(english)) or [k for k, e in zip(words, english) if k != e][:1]
        fail(place, f"not the keys of en.json in their order: {', '.join(wrong)}")
    for key, entry in words.items():
        if isinstance(entry, dict) != isinstance(english[key], dict) or "other" not in forms(entry) and isinstance(entry, dict):
            fail(place, f"{key}: en.json has {'forms for numbers, with other' if isinstance(english[key], dict) else 'one text'}")
        if not all(isinstance(text, str) and text.strip() for text in forms(entry).values()):
            fail(place, f"{key}: empty")
        if placeholders(entry) != placeholders(english[key]):
            fail(place, f"{key}: not the placeholders of en.json")


def all_words():
    there = sorted(path.stem for path in (HERE / "languages").glob("*.json"))
    if there != sorted(LANGUAGES):
        fail("runtime/page/languages", f"not the 24 languages: {' '.join(sorted(set(there) ^ set(LANGUAGES)))}")
    words = {code: json.loads(read(f"languages/{code}.json")) for code in LANGUAGES}
    for code in LANGUAGES:
        check_language(code, words[code], words["en"])
    table = {"keys": list(words["en"]), "order": LANGUAGES, "words": {code: list(words[code].values()) for code in LANGUAGES}}
    return json.dumps(table, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def script():
    text = "\n".join(read(f"{name}.js") for name in SCRIPTS)
    lines = (line.strip() for line in text.split("\n"))  # no literal of it goes over lines
    text = "\n".join(line for line in lines if line and not line.startswith("//"))
    return "(() => {\n'use strict';\n" + text.replace("@words@", all_words()) + "\n})();"


def style():
    text = re.sub(r"/\*.*?\*/", "", read("page.css"), flags=re.S)
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: assemble.py OUT")
    out, parts = pathlib.Path(sys.argv[1]), {"script": script(), "style": style()}
    for name, text in parts.items():
        if f"</{name}" in text.lower() or "<!--" in text:
            fail(f"the page's {name}", "has what ends it, or begins a comment")
    page = re.sub(r"@(script|style)@", lambda match: parts[match[1]], read("page.html"))
    out.joinpath("page.html").write_text(page, encoding="utf-8", newline="\n")
    out.joinpath("page.policy").write_text("; ".join(POLICY).format(**{name: digest(text) for name, text in parts.items()}), encoding="ascii")


main()
