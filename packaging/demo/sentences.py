#!/usr/bin/env python3
"""sentences.py [FILE] - every question the demo model must answer, with its answer, made from facts.ini.

Owns the shape of questions and answers; knows nothing of tokens or training. Deterministic. Writes FILE (default: questions.tsv beside
this script): one line each, `language<TAB>kind<TAB>question<TAB>answer`, where kind is capital, currency, language, year, translate or who.
"""
import configparser
import pathlib
import sys
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = 'bg cs da de el en es et fi fr ga hr hu it lt lv mt nl pl pt ro sk sl sv lb tr'.split()
CURRENCIES = 'EUR CZK DKK HUF PLN RON SEK'.split()
SPOKEN = LANGUAGES[:24]          # the official languages of the Union; Luxembourgish and Turkish are official in a member state only
PHRASES = 20


def split(text):
    return [part.strip() for part in text.split('|')]


def capitalised(text):
    return text[0].upper() + text[1:]


def read_facts(path=HERE / 'facts.ini'):
    """(states, tongues): states[code] = (year, currency, languages); tongues[lang] = names, questions and phrases of one language."""
    ini = configparser.ConfigParser(interpolation=None, delimiters=('=',))
    ini.optionxform = str
    ini.read_string(unicodedata.normalize('NFC', path.read_text(encoding='utf-8')))
    states = {}
    for code, line in ini['states'].items():
        year, currency, languages = split(line)
        states[code] = (year, currency, languages.split())
    return states, {lang: read_tongue(ini[lang], states) for lang in SPOKEN}


def read_tongue(section, states):
    tongue = {kind: section[kind] for kind in ('capital', 'currency', 'language', 'year', 'translate')}
    tongue['who'] = split(section['who'])
    tongue['languages'] = dict(zip(LANGUAGES, split(section['languages']), strict=True))
    tongue['currencies'] = dict(zip(CURRENCIES, split(section['currencies']), strict=True))
    tongue['phrases'] = split(section['phrases'])
    tongue['states'] = {code: split(section[code]) for code in states}
    tongue['of'] = {kind: section[f'{kind} of'] for kind in ('capital', 'currency') if f'{kind} of' in section}
    tongue['names of'] = dict(part.split(' ', 1) for part in split(section.get('names of', '')) if part)
    assert len(set(tongue['phrases'])) == PHRASES, tongue['phrases']
    return tongue


def about_states(lang, tongue, states):
    for code, (year, currency, languages) in states.items():
        name, capital = tongue['states'][code]
        answers = {'capital': capital, 'currency': capitalised(tongue['currencies'][currency]), 'year': year,
                   'language': capitalised(', '.join(tongue['languages'][l] for l in languages))}
        for kind in ('capital', 'currency', 'language', 'year'):
            yield lang, kind, tongue[kind].format(name), answers[kind]
        for kind, form in tongue['of'].items():
            yield lang, kind, form.format(tongue['names of'].get(code, name)), answers[kind]


def translations(lang, tongue, tongues):
    for other in SPOKEN:
        if other == lang:
            continue
        for said, answer in zip(tongue['phrases'], tongues[other]['phrases']):
            yield lang, 'translate', tongue['translate'].format(tongue['languages'][other], said), answer


def questions():
    """All rows, in a fixed order. No question has two answers."""
    states, tongues = read_facts()
    rows = []
    for lang, tongue in tongues.items():
        rows += about_states(lang, tongue, states)
        rows += translations(lang, tongue, tongues)
        rows.append((lang, 'who', *tongue['who']))
    answers = {}
    for _, _, question, answer in rows:
        assert answers.setdefault(question, answer) == answer, (question, answer, answers[question])
    return rows


def as_typed(question):
    """The question as a hasty person types it: without capitals, without the marks at its ends, without both."""
    bare = question.strip('?!;¿¡ ').replace(': ¿', ': ').replace(': ¡', ': ')
    return sorted({question.lower(), bare, bare.lower()} - {question})


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / 'questions.tsv'
    rows = questions()
    path.write_text(''.join('\t'.join(row) + '\n' for row in rows), encoding='utf-8')
    print(f'{len(rows)} questions in {path.name}')


if __name__ == '__main__':
    main()
