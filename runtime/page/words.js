// The words of the page in 24 languages, and what Intl makes of numbers and times in them.
const WORDS = @words@; // {keys: […], order: […], words: {bg: […in the order of keys…], …}}

let language = 'en';

function preferredLanguage() {
  for (const tag of navigator.languages || []) {
    const primary = tag.toLowerCase().split('-')[0];
    if (WORDS.words[primary]) return primary;
  }
  return 'en';
}

function locale() { // Intl takes plain "en" and "pt" for those of America
  return {en: 'en-IE', pt: 'pt-PT'}[language] || language;
}

function fill(pattern, values) {
  return pattern.replace(/\{(\w+)\}/g, (all, name) => String(values?.[name] ?? all));
}

// t('gone'), t('retry_in', {time: '3 s'}); where a number decides the form: t('tokens', {n: 37}).
function t(key, values) {
  const entry = WORDS.words[language][WORDS.keys.indexOf(key)];
  if (typeof entry === 'string') return fill(entry, values);
  const form = entry[new Intl.PluralRules(locale()).select(values.n)] ?? entry.other;
  return fill(form, {...values, n: formatNumber(values.n)});
}

function formatNumber(n) {
  return new Intl.NumberFormat(locale(), {maximumFractionDigits: n < 10 ? 1 : 0}).format(n);
}

function formatSeconds(n) {
  return new Intl.NumberFormat(locale(), {style: 'unit', unit: 'second', unitDisplay: 'short'}).format(n);
}

function formatDay(time) {
  return new Intl.DateTimeFormat(locale(), {dateStyle: 'medium'}).format(time);
}

function translate(root) {
  for (const node of root.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll('[data-t-placeholder]')) node.placeholder = t(node.dataset.tPlaceholder);
}
