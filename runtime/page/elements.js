// Making elements. Nothing in the page ever parses HTML: text goes in as text.
const $ = id => document.getElementById(id);

// el('p', {class: 'note', onclick: f}, 'text', node…)
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter(child => child !== undefined && child !== null));
  return node;
}

function button(key, action, attributes) {
  return el('button', {type: 'button', onclick: action, ...attributes}, t(key));
}

// Says it to who listens to a screen reader; nobody sees it.
function say(text) {
  const live = $('live');
  live.append(el('p', null, text));
  while (live.childNodes.length > 20) live.firstChild.remove();
}

function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], {type}));
  el('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// Without TLS a browser has no navigator.clipboard; then a selection is copied.
async function copyText(text) {
  try {
    if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  } catch { /* not allowed: try the other way */ }
  const area = el('textarea', {class: 'unseen', readonly: true, 'aria-hidden': 'true'});
  const focused = document.activeElement;
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  focused?.focus();
  if (!done) throw new Error('copy');
}

async function copyFrom(text, target) {
  let key = 'copied';
  const before = target.textContent;
  await copyText(text).catch(() => { key = 'copy_failed'; });
  target.textContent = t(key);
  say(t(key));
  setTimeout(() => { target.textContent = before; }, 2000);
}
