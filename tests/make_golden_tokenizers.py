"""make_golden_tokenizers.py OUT - writes small tokenizers and what Hugging Face's `tokenizers` makes of many texts, for test_tokenizer.c.

OUT/texts.json               the texts
OUT/NAME.tokenizer.json      a tokenizer, trained here on the sentences below
OUT/NAME.expected.json       {"texts": [{"ids", "plain"?, "keep"?, "skip"?}, ...], "random": [{"ids", "keep", "skip"}, ...]}
  ids    encode(text).ids, special tokens recognised and the template added
  plain  the same with special tokens as ordinary text, where it differs from ids
  keep, skip  decode(ids) with and without special tokens, where it differs from the text
"random" holds sequences of random ids, so that broken characters and byte runs are met. A tokenizer that is already there is kept, because
training breaks ties by chance; everything else comes out the same each time. Remove NAME.tokenizer.json to train it anew.
Knows the formats of the libraries, nothing of Cloister."""

import json
import random
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

SENTENCES = {
    "bg": ["Заседанието започва утре в девет часа сутринта.", "Моля, изпратете ми копие от доклада до петък.",
           "Водата в реката е студена, но децата пак се къпят.", "Кой ще плати сметката за електричеството?",
           "В Пловдив има повече от 340 000 жители.", "Баба ми прави най-вкусната баница."],
    "cs": ["Příliš žluťoučký kůň úpěl ďábelské ódy.", "Vlak do Brna odjíždí ze třetího nástupiště v 17:45.",
           "Mohl byste mi prosím zopakovat tu otázku?", "Nejnovější zpráva byla uveřejněna včera večer.",
           "Děti si hrají na zahradě, i když prší.", "Cena vzrostla o 12,5 % oproti loňsku."],
    "da": ["Rødgrød med fløde smager bedst om sommeren.", "Kan du hjælpe mig med at bære kassen?",
           "Ministeriet svarede på brevet efter tre uger.", "Vi cykler på arbejde, også når det blæser.",
           "Æblerne er modne, og høsten er god i år.", "Mødet er flyttet til onsdag den 14. maj."],
    "de": ["Über den Wolken muss die Freiheit wohl grenzenlos sein.", "Die Straßenbahn fährt alle zehn Minuten zum Rathaus.",
           "Könnten Sie mir bitte die Unterlagen bis Montag schicken?", "Der Großvater erzählt von früher, und alle hören zu.",
           "Im Jahr 2023 zählte die Behörde 83.294.633 Einwohner.", "Das Datenschutzgrundverordnungsgesetz ist ein langes Wort."],
    "el": ["Η συνεδρίαση αρχίζει στις δέκα το πρωί.", "Πού μπορώ να βρω ένα φαρμακείο που διανυκτερεύει;",
           "Ο παππούς διαβάζει την εφημερίδα του στον κήπο.", "Το πλοίο για την Κρήτη φεύγει στις 21:00.",
           "Δεν θυμάμαι πια πώς τελειώνει η ιστορία.", "Η απόφαση δημοσιεύτηκε στην Εφημερίδα της Κυβερνήσεως."],
    "en": ["The committee will meet again on Thursday afternoon.", "I'd like two tickets to Dublin, please; we're in a hurry.",
           "She hasn't answered yet, but they've promised she'll call.", "Rain fell all night and the river rose by 1.2 metres.",
           "Who wrote the report that nobody's read?", "The quick brown fox jumps over the lazy dog."],
    "es": ["¿Dónde está la oficina de correos más cercana?", "El niño comió una manzana y se quedó dormido.",
           "¡Qué alegría volver a verte después de tantos años!", "La reunión se aplazó hasta el próximo miércoles.",
           "Mañana lloverá en todo el noroeste de España.", "El precio del pan ha subido un 4,7 % desde enero."],
    "et": ["Täna õhtul läheme sõpradega teatrisse.", "Palun saatke mulle lepingu koopia enne reedet.",
           "Jää on järvel juba piisavalt tugev.", "Õpetaja küsis, miks keegi ülesannet ei lahendanud.",
           "Tallinnas elab umbes 450 000 inimest.", "Vanaema küpsetab pühapäeviti leiba."],
    "fi": ["Hyvää huomenta, mitä kuuluu?", "Kokous pidetään ensi viikon tiistaina kello 13.30.",
           "Järven jää suli vasta toukokuussa.", "Voisitteko lähettää minulle hakemuksen liitteineen?",
           "Äidin tekemä mustikkapiirakka katosi viidessä minuutissa.", "Lainsäädäntöä uudistetaan parhaillaan."],
    "fr": ["L'été dernier, nous sommes allés à la mer.", "Où se trouve la gare, s'il vous plaît ?",
           "Le garçon n'a pas mangé ses épinards : il préférait le gâteau.", "Aujourd'hui, le musée ferme à 18 h 30.",
           "Ça ne m'étonne guère qu'il soit déjà parti.", "Le cœur de l'œuvre tient en une phrase."],
    "ga": ["Tá an aimsir go breá inniu i nGaillimh.", "Cá bhfuil an leabharlann, más é do thoil é?",
           "Chuaigh na páistí ar scoil ar maidin.", "Beidh an cruinniú ann Dé hAoine ag a trí a chlog.",
           "Is fearr Gaeilge bhriste ná Béarla cliste.", "D'ól mé cupán tae agus léigh mé an nuachtán."],
    "hr": ["Sutra ujutro putujemo vlakom u Zagreb.", "Možete li mi, molim vas, reći koliko je sati?",
           "Čuvar je zaključao vrata i otišao kući.", "Žene su razgovarale o đacima i njihovoj školi.",
           "Cijena goriva porasla je za 3,2 posto.", "Ljeti se djeca kupaju u moru po cijele dane."],
    "hu": ["Holnap reggel nyolckor indul a vonat Szegedre.", "Kérem, írja alá a szerződést a harmadik oldalon!",
           "Az őszi szél lefújta a leveleket a fákról.", "Hány éves volt, amikor először tengert látott?",
           "Öt hűtőházból kértünk színhúst.", "A magyar nyelvben sok az ékezetes betű."],
    "it": ["Domani mattina andiamo al mercato a comprare il pesce.", "Perché non mi hai detto che c'era lo sciopero?",
           "L'anno scorso l'università ha accolto 12.480 studenti.", "Il treno per Napoli è in ritardo di venti minuti.",
           "La nonna racconta sempre la stessa storia.", "Città vecchia, strade strette e tanta gente."],
    "lt": ["Šiandien labai gražus oras, eikime pasivaikščioti.", "Ar galėtumėte pakartoti klausimą?",
           "Ąžuolas prie namo pasodintas prieš šimtą metų.", "Posėdis įvyks ketvirtadienį, 15 valandą.",
           "Močiutė iškepė žąsį su obuoliais.", "Vilniuje gyvena daugiau kaip 580 tūkst. žmonių."],
    "lv": ["Rīt no rīta brauksim uz jūru.", "Vai jūs varētu man palīdzēt aizpildīt veidlapu?",
           "Vecmāmiņa cep pīrāgus ar speķi un sīpoliem.", "Ķēniņš ģērbās baltā mētelī.",
           "Sanāksme notiks ceturtdien plkst. 10.00.", "Rīgas iedzīvotāju skaits pērn samazinājās."],
    "mt": ["Il-laqgħa tibda għada filgħodu fid-disgħa.", "Fejn hi l-eqreb spiżerija, jekk jogħġbok?",
           "It-tfal qegħdin jilagħbu ħdejn il-baħar.", "Iż-żunżana niggżet lil ħija f'għajnu.",
           "Il-prezz tal-ħobż żdied b'ħames ċenteżmi.", "Nanna ssajjar l-aħjar fenkata f'Għawdex."],
    "nl": ["Morgen vertrekt de trein om kwart over acht.", "Zou u mij het verslag vóór vrijdag kunnen sturen?",
           "De kinderen spelen buiten, hoewel het regent.", "'s Avonds eten we meestal brood met kaas.",
           "Het ijs op de vijver is nog niet dik genoeg.", "In Utrecht wonen ongeveer 367.000 mensen."],
    "pl": ["Zażółć gęślą jaźń.", "Czy mógłby pan powtórzyć to pytanie?",
           "Pociąg do Gdańska odjeżdża z peronu czwartego o 6:15.", "Babcia upiekła szarlotkę, a dziadek pomalował płot.",
           "W Szczebrzeszynie chrząszcz brzmi w trzcinie.", "Cena chleba wzrosła o 8,9 procent."],
    "pt": ["Amanhã de manhã vamos à praia, se não chover.", "Onde fica a estação de comboios mais próxima?",
           "A avó contou-nos uma história muito antiga.", "O coração não tem razões que a razão conheça.",
           "A reunião foi adiada para quinta-feira às 15h.", "Os preços subiram 2,3 % no último trimestre."],
    "ro": ["Mâine dimineață plecăm la munte cu trenul.", "Îmi puteți spune, vă rog, unde este primăria?",
           "Copiii s-au jucat în grădină până seara târziu.", "Ședința a fost amânată pentru săptămâna viitoare.",
           "Țăranul își vinde brânza în piață.", "Prețul energiei a crescut cu 6,1 % față de anul trecut."],
    "sk": ["Zajtra ráno ideme vlakom do Košíc.", "Mohli by ste mi poslať kópiu zmluvy?",
           "Kŕdeľ šťastných ďatľov učí pri ústí Váhu mĺkveho koňa obhrýzať kôru.", "Deti sa hrajú na dvore, hoci prší.",
           "Starká upiekla makový koláč.", "Ľadová voda tečie z prameňa celý rok."],
    "sl": ["Jutri zjutraj gremo na izlet v gore.", "Mi lahko, prosim, poveste, kje je pošta?",
           "Učiteljica je otrokom prebrala pravljico.", "Čez reko vodi star lesen most.",
           "Cene živil so se zvišale za štiri odstotke.", "V Ljubljani živi približno 295.000 ljudi."],
    "sv": ["I morgon bitti åker vi till fjällen.", "Kan ni skicka mig en kopia av avtalet före fredag?",
           "Barnen badar i sjön trots att vattnet är kallt.", "Årets skörd blev bättre än väntat.",
           "Sju sjösjuka sjömän sköttes av sju sköna sjuksköterskor.", "Mötet börjar klockan 9.15 i sal 204."],
}

OTHERS = [
    "Завтра утром мы едем на дачу.", "Кия́ни люблять свої каштани; ґанок, їжак, єнот.", "Vatnið er kalt í júní, en þó syndum við öll.",
    "Bonjour, ça va ? Oui, et toi ?", "今天天气很好，我们去公园散步吧。", "你好，世界！北京2008年奥运会。", "東京タワーの高さは333メートルです。",
    "ひらがなとカタカナと漢字が混ざった文。", "한국어 문장도 하나 있어야 합니다.", "ﾊﾝｶｸ ｶﾀｶﾅ ﾃﾞｽ", "全角ＡＢＣ１２３！？",
    "مرحبا بالعالم، كيف حالك اليوم؟", "שלום עולם, מה שלומך היום?", "السعر ١٢٣٤٫٥٦ درهم", "नमस्ते दुनिया, आप कैसे हैं?", "สวัสดีชาวโลก วันนี้อากาศดี",
    "ሰላም ለዓለም", "გამარჯობა მსოფლიო", "Բարեւ աշխարհ", "வணக்கம் உலகம்", "বাংলা ভাষা ৪৫৬", "ខ្មែរ ភាសា", "𐌰𐌱𐌲 𐤀𐤁 𝒜𝓑𝒞 𝟙𝟚𝟛",
    "Tiếng Việt có nhiều dấu: ậ ễ ộ ữ.", "İstanbul'da Iğdır, ılık İLK", "ǅ ǈ ǋ ß ẞ ŉ ǰ ΐ ﬀ ﬁ ﬃ ﬅ ﬆ",
    "e\u0301 e\u0302\u0301 o\u0328\u0304 a\u0323\u0302 \u0301solo", "A\u030a \u212b \u00c5 \u1e69 s\u0323\u0307 s\u0307\u0323",
    "q\u0307\u0323\u0301\u0327\u0316 zalgo Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA",
    "\u1112\u1161\u11ab \ud55c \u1100\u1161 \uac00\u11a8", "\u2126 \u2460 \u00bd \u2167 \u33a1 \u3392 \ufdfa \u00b2 \u2077 x\u00b3",
    "\u0f73\u0f75 \u09cb \u0b4b \u0dde", "😀 😃👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺🇵🇱 ❤️ ✈︎ 1️⃣ #️⃣", "👩🏾‍🚀🧑‍⚕️ok🤷🏻‍♀️", "a👍b 👍👍👍", "ﾟ☆*:.｡.o(≧▽≦)o.｡.:*☆ﾟ",
    "", " ", "  ", "   ", "    x", "x    ", " x", "x ", "a b", "a  b", "a   b", "\t", "\tx", "x\t\ty", " \t \t ", "\n", "\n\n", "\n\n\nx", "x\n", "x\n\n",
    "x\ny", "x\r\ny", "x\r\n\r\ny\r\n", "\r", "\r\r\n\n\r", "x \n y", "x  \n  y  \n", " \n", "\n ", "  \n\n  \n z", "x\u00a0y", "\u00a0\u00a0x",
    "x\u2009y\u200ay\u3000z", "\u3000\u3000日本", "x\u180ey", "x\u200by\u200cz\u200dw\u2060v\ufeff", "\ufeffBOM", "x\u0085y\u2028z\u2029w", "x\x0by\x0cz",
    " " * 17 + "y", "x" + " " * 64, "\n" * 12, "\t" * 9 + "z", " \u00a0 \u2003 x", "x" + "\n " * 7 + "y",
    "0", "7", "42", "123", "1234", "12345", "123456", "1234567", "3.14159", "1,000,000.00", "1 000 000", "1e-10", "0x1F600", "007", "٣٤٥", "Ⅻ", "²³¹", "½¼",
    "v1.2.3-rc.4+build.5", "2026-11-23T04:20:00Z", "+49 (0)30 123 456-78", "IBAN DE89 3704 0044 0532 0130 00", "50%", "$99.99", "€1.234,56", "£5", "§ 12 Abs. 3",
    "I'm you're he's we'll they've I'd don't", "I'M YOU'RE HE'S WE'LL THEY'VE I'D DON'T", "it’s l’été", "'s't're've'm'll'd", "'S'T'RE'VE'M'LL'D", "'ſ 'K x'ſy",
    "''s '' 'x", "o'clock rock'n'roll", "'", "''", "\"quoted\" «guillemets» „deutsch“ “english”", "dash-dash–en—em…", "...!!!???", "a.b,c;d:e!f?g",
    "(a)[b]{c}<d>", "@user #tag", "snake_case camelCase PascalCase SCREAMING_CASE kebab-case", "HTTPServerError XMLHttpRequest iPhone", "ABCdef ABc Abc aBC",
    "int main(void)\n{\n    return 0;\n}\n", "for i in range(10):\n\tprint(f\"{i:>3}\")  # comment\n", "if (a && b || !c) { x += 1; }", "a = b ? c : d;",
    "SELECT * FROM t WHERE id = 42 AND name LIKE '%x%';", "<div class=\"a b\">text</div>", "{\"key\": [1, 2, null], \"s\": \"\\u00e9\"}", "\\frac{1}{2} \\alpha_i^2",
    "C:\\Users\\name\\file.txt", "/usr/lib/x86_64-linux-gnu/libc.so.6", "https://example.org/a/b?c=d&e=f#g", "mail: name.surname@example.org",
    "x<-y->z=>w==v!=u", "/* comment */ // another\n#define X(y) ((y) + 1)\n", "\t\tif x:\r\n\t\t\ty\r\n", "🐍.py", "0b1010_1010u64", "a[i][j]++ --b **p &q",
    "\x00", "a\x00b", "\x01\x02\x1b[0m\x7f", "\ufffd", "\ufffe\uffff", "\U0010ffff", "\ue000\uf8ff", "\u00ad soft\u00adhyphen", "\u202eRTL\u202c", "\u0600\u06dd\u08e2",
    "▁", "▁▁", " ▁", "▁ x", "x▁y", "▁x ▁y", "Ġ", "ĠĠx", "Ċ", "<0x41>", "<0xE2><0x82><0xAC>", "<0x0A>", "<unk>", "[UNK]", "##x", "</w>",
    "<s>", "</s>", "<s>x</s>", "<s> x </s>", " <s> x", "x<s>", "<s><s>", "<s></s>y", "x </s> y", "<S>", "< s>", "<s", "s>", "<pad>",
    "<|endoftext|>", "x<|endoftext|>y", "x <|endoftext|> y", "<|endoftext|", "<|endoftext|><|endoftext|>", "<|im_start|>user\nHello<|im_end|>\n",
    "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>assistant\n", "<|begin_of_text|>x<|eot_id|>", "<|begin_of_text|><|begin_of_text|>", "[INST] x [/INST]",
    "<start_of_turn>user\nx<end_of_turn>\n", "<bos>x<eos>", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", "<think>\n\n</think>\n\nx", "<tool_call", "<tool_call><tool_calls>",
    "x <mask> y", "x  <mask>  y", "x<mask>y", "<mask>", " <mask> ", "\n<mask>\t<mask>\n", "x <rs>  y", "x<rs>\n\ny", "<rs> <mask>", "<rs> <rs> <ls> <ls>", "a  <ls>b", "<ls>  <rs>  z",
    "word", "words", "a word here", "awordb", "word-word", "_word_", "word's", "éword", "word\u0301", "word1", "1word", "word\u200d", "WORD Word wOrD", "(word)", "word\n",
    "Norm", "norm", "NORM", "xNormy", "norm norm", "Ａbc", "ＮＯＲＭ", "abc Abc ABC", "naïve café", "NAÏVE CAFÉ", "nai\u0308ve cafe\u0301", "caf\u00e9", "cafes",
    "tri", "triple", "tripletoken", "tripl", "tripletok", "xtripletokeny", "tri tri-ple triple token", "do not", "don\u2019t split", "twotokens", "two tokens", "two  tokens",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ababababababababababab", "abcabcabcabc", "eeeeEEEE", "nnnnnnn", "hahahahaha", "…" * 9, "ж" * 20, "字" * 20,
    "thethethe the the", "The THE tHe", "ing ings ending", "e e e e e", "  e  e  e  ", "er en de", "-----", "_______", "=======", "# # #", "* * *\n\n* * *",
]

QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
DEEPSEEK = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"""
            r"""\s*[\r\n]+|\s+(?!\S)|\s+""")


def corpus():
    return [s for group in SENTENCES.values() for s in group] + [s for s in OTHERS if len(s) > 8]


def train(normalizer, pre_tokenizer, vocab, alphabet=(), special=(), unk=None):
    """The model part of a tokenizer.json."""
    tokenizer = Tokenizer(models.BPE(unk_token=unk))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=vocab, initial_alphabet=list(alphabet), special_tokens=list(special), show_progress=False,
                                  limit_alphabet=vocab // 2)
    tokenizer.train_from_iterator(corpus(), trainer)
    return json.loads(tokenizer.to_str())["model"]


def with_bytes(model, first):
    """Puts `first` and the 256 byte tokens before the trained vocabulary."""
    names = list(first) + [f"<0x{b:02X}>" for b in range(256)]
    names += [t for t, _ in sorted(model["vocab"].items(), key=lambda item: item[1]) if t not in names]
    return dict(model, vocab={t: i for i, t in enumerate(names)}, byte_fallback=True, fuse_unk=True, unk_token=first[0])


def legacy_merges(model):
    return dict(model, merges=[" ".join(m) for m in model["merges"]])


def build(model, normalizer=None, pre=None, post=None, decoder=None, added=()):
    """A whole tokenizer, through Hugging Face's own reader. The added tokens get their ids from it."""
    shell = Tokenizer(models.BPE())
    shell.normalizer, shell.pre_tokenizer, shell.post_processor, shell.decoder = normalizer, pre, post, decoder
    tokenizer = Tokenizer.from_str(json.dumps(dict(json.loads(shell.to_str()), model=model)))
    for token in added:
        (tokenizer.add_special_tokens if token.special else tokenizer.add_tokens)([token])
    return tokenizer


def special(text, **flags):
    return AddedToken(text, special=True, **{"normalized": False, **flags})


def plain(text, **flags):
    return AddedToken(text, special=False, **{"normalized": False, **flags})


def bos_template(name, number):
    return processors.TemplateProcessing(single=f"{name} $A", pair=f"{name} $A {name} $B", special_tokens=[(name, number)])


BYTES = pre_tokenizers.ByteLevel.alphabet()


def byte_level(prefix=False, regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex, trim_offsets=False)


def split(regex, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(regex), behavior, invert)


def gpt2():
    pre = byte_level(regex=True)
    return build(train(None, pre, 700, BYTES, ["<|endoftext|>"]), None, pre, processors.ByteLevel(trim_offsets=False), decoders.ByteLevel(),
                 [special("<|endoftext|>", normalized=True)])


def gpt2_prefix():
    pre = byte_level(prefix=True, regex=True)
    return build(legacy_merges(train(None, pre, 500, BYTES)), None, pre, processors.RobertaProcessing(("</s>", 501), ("<s>", 500)),
                 decoders.ByteLevel(), [special("<s>"), special("</s>"), special("<mask>", lstrip=True)])


def qwen():
    pre = pre_tokenizers.Sequence([split(QWEN), byte_level()])
    added = [special("<|endoftext|>"), special("<|im_start|>"), special("<|im_end|>"), plain("<tool_call>"), plain("</tool_call>"),
             plain("<think>"), plain("</think>")]
    return build(train(normalizers.NFC(), pre, 900, BYTES), normalizers.NFC(), pre, processors.ByteLevel(trim_offsets=False),
                 decoders.ByteLevel(), added)


def llama3():
    pre = pre_tokenizers.Sequence([split(LLAMA3), byte_level()])
    model = dict(train(None, pre, 800, BYTES), ignore_merges=True)
    post = processors.Sequence([processors.ByteLevel(trim_offsets=True), bos_template("<|begin_of_text|>", len(model["vocab"]))])
    return build(model, None, pre, post, decoders.ByteLevel(), [special("<|begin_of_text|>"), special("<|eot_id|>")])


def o200k():
    pre = pre_tokenizers.Sequence([split(O200K), byte_level()])
    return build(train(None, pre, 600, BYTES), None, pre, None, decoders.ByteLevel(), [special("<|endoftext|>")])


def numbers():
    """Digits in threes from the right, and possessive repeats, as in patterns that come from tiktoken."""
    regex = r"[^\r\n\p{L}\p{N}]?+\p{L}++|\d{1,3}(?=(?:\d{3})*\b)|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|^\s|\s"
    pre = pre_tokenizers.Sequence([split(regex), byte_level()])
    return build(train(None, pre, 400, BYTES), None, pre, None, decoders.ByteLevel(), [special("<|endoftext|>")])


def deepseek():
    pre = pre_tokenizers.Sequence([split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level()])
    model = train(None, pre, 600, BYTES)
    return build(model, normalizers.Sequence([]), pre, bos_template("<s>", len(model["vocab"])), decoders.ByteLevel(),
                 [special("<s>"), special("</s>"), plain("<think>", normalized=True), plain("</think>", normalized=True)])


SP_DECODER = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


def llama2():
    norm = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    model = legacy_merges(with_bytes(train(norm, None, 600), ["<unk>", "<s>", "</s>"]))
    return build(model, norm, None, bos_template("<s>", 1), decoders.Sequence(SP_DECODER + [decoders.Strip(" ", 1, 0)]),
                 [special("<unk>"), special("<s>"), special("</s>")])


def mistral():
    pre = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    model = with_bytes(train(None, pre, 600), ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"])
    return build(model, None, pre, bos_template("<s>", 1), decoders.Sequence(SP_DECODER + [decoders.Strip(" ", 1, 0)]),
                 [special("<unk>"), special("<s>"), special("</s>"), special("[INST]"), special("[/INST]"), plain("word")])


def gemma():
    norm, pre = normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous")
    first = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "\n", "\n\n", "\t", "▁▁", "▁▁▁"]
    model = with_bytes(train(norm, split("▁+|[^▁]+"), 600), first)
    model["merges"] += [["▁", "▁"], ["▁", "▁▁"], ["\n", "\n"]] if "▁" in model["vocab"] else []
    model["unk_token"] = "<unk>"
    added = [special(t) for t in first[:7]] + [plain(t) for t in first[7:]]
    return build(model, norm, pre, bos_template("<bos>", 2), decoders.Sequence(SP_DECODER), added)


def metaspace_always():
    norm = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    pre = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True), pre_tokenizers.Digits(True)])
    return build(dict(train(norm, pre, 500, unk="<unk>", special=["<unk>"]), fuse_unk=True), norm, pre, None, decoders.Metaspace(),
                 [special("<unk>"), special("<s>"), special("</s>", rstrip=True)])


def nfkc():
    norm = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()])
    pre = pre_tokenizers.Sequence([pre_tokenizers.Digits(False), pre_tokenizers.Punctuation("contiguous"),
                                   pre_tokenizers.Metaspace(prepend_scheme="never", split=True)])
    model = train(norm, pre, 500, unk="[UNK]", special=["[UNK]"])
    return build(model, norm, pre, None, decoders.Sequence([decoders.Metaspace(prepend_scheme="never"), decoders.Fuse()]),
                 [special("[UNK]"), plain("Norm", normalized=True), plain("ＡBC", normalized=True), special("<S>", normalized=True)])


def added():
    norm = normalizers.Lowercase()
    pre = byte_level(regex=True)
    flags = [special("<mask>", lstrip=True, rstrip=True), special("<rs>", rstrip=True), special("<ls>", lstrip=True), special("<|endoftext|>"),
             plain("word", single_word=True), plain("Norm", normalized=True), plain("caf\u00e9", normalized=True, single_word=True),
             plain("tri"), plain("triple"), plain("tripletoken"), plain("two tokens", rstrip=True), plain("Abc", normalized=True, lstrip=True),
             special("<pad>", normalized=True), special("<S>", single_word=True)]
    return build(train(norm, pre, 500, BYTES), norm, pre, processors.ByteLevel(trim_offsets=False), decoders.ByteLevel(), flags)


def whitespace():
    norm = normalizers.NFKD()
    pre = pre_tokenizers.Whitespace()
    model = train(norm, pre, 500, unk="[UNK]", special=["[UNK]"])
    return build(model, norm, pre, processors.BertProcessing(("[SEP]", len(model["vocab"]) + 1), ("[CLS]", len(model["vocab"]))), None,
                 [special("[UNK]"), special("[CLS]"), special("[SEP]")])


def splits():
    pre = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split("-", "merged_with_next"), split(r"\d+", "contiguous"),
        split(r"[^,;]+", "removed", True), split("[aeiou]", "merged_with_previous"), pre_tokenizers.Punctuation("merged_with_previous"),
        split(r"\w+(?=\.)|[\w']+\b", "merged_with_next"), byte_level(prefix=True)])
    return build(train(None, pre, 450, BYTES), None, pre, None,
                 decoders.Sequence([decoders.ByteLevel(), decoders.Replace("  ", " "), decoders.Strip(" ", 2, 0)]))


TOKENIZERS = [gpt2, gpt2_prefix, qwen, llama3, o200k, numbers, deepseek, llama2, mistral, gemma, metaspace_always, nfkc, added, whitespace, splits]


def random_texts(rng, count):
    pieces = (["<s>", "</s>", "<mask>", "<|endoftext|>", "word", "Norm", "triple", "'s", "'LL", "▁", "é", "e\u0301", "İ", "ß", "Σ", "字", "の", "한", "👩‍🚀", "\u200d", "\ufe0f"]
              + list(" " * 12 + "\t\n\r\n\u00a0\u3000") + list("aAeEtTzZ019.,-_'\"<>|()") + ["the", "ing", "ой", "ων", "über", "١", "½", "\u0323", "\u0307", "\x00", "\U0001f600"])
    return ["".join(rng.choice(pieces) for _ in range(rng.randint(1, 24))) for _ in range(count)]


def random_ids(rng, tokenizer, count):
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    low = [i for i in range(size) if tokenizer.id_to_token(i) is not None and len(tokenizer.id_to_token(i)) <= 6]
    return [[rng.choice(low) if rng.random() < 0.7 else rng.randrange(size + 3) for _ in range(rng.randint(0, 16))] for _ in range(count)]


def expect_text(tokenizer, text):
    tokenizer.encode_special_tokens = False
    ids = tokenizer.encode(text).ids
    tokenizer.encode_special_tokens = True
    plain_ids = tokenizer.encode(text).ids
    out = {"ids": ids}
    if plain_ids != ids:
        out["plain"] = plain_ids
    for name, skip in (("keep", False), ("skip", True)):
        decoded = tokenizer.decode(ids, skip_special_tokens=skip)
        if decoded != text:
            out[name] = decoded
    return out


def expect_ids(tokenizer, ids):
    return {"ids": ids, "keep": tokenizer.decode(ids, skip_special_tokens=False), "skip": tokenizer.decode(ids, skip_special_tokens=True)}


def write_lines(path, head, lines, tail):
    path.write_text(head + ",\n".join(lines) + tail, encoding="utf-8")


def dumps(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    texts = [s for group in SENTENCES.values() for s in group] + OTHERS + random_texts(random.Random(4), 120)
    write_lines(out / "texts.json", "[\n", map(dumps, texts), "\n]\n")
    for make in TOKENIZERS:
        name = make.__name__
        path = out / f"{name}.tokenizer.json"
        if not path.exists():
            path.write_text(dumps(spell(make, json.loads(make().to_str()))) + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_file(str(path))
        lines = [dumps(expect_text(tokenizer, t)) for t in texts]
        decodes = [dumps(expect_ids(tokenizer, ids)) for ids in random_ids(random.Random(name), tokenizer, 100)]
        write_lines(out / f"{name}.expected.json", '{"texts":[\n', lines, '\n],"random":[\n' + ",\n".join(decodes) + "\n]}\n")
        print(name, tokenizer.get_vocab_size(), len(lines), len(decodes))


def spell(make, data):
    """Hugging Face writes merges as pairs; older files have strings, and both must be read."""
    if make in (gpt2_prefix, llama2):
        data["model"] = legacy_merges(data["model"])
    return data


if __name__ == "__main__":
    main()
