// What is inside a line of Markdown: bold, code, links and so on (markdown.js says what an answer may become).
const DEPTH_MAX = 10, ELEMENTS_MAX = 30000, INLINE_MAX = 30000, LINK_MAX = 600;

function safeAddress(text) {
  try {
    const url = new URL(text);
    return /^(https?|mailto):$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

// Without what belongs to the sentence around it: a full stop, or a bracket that the address does not open.
function trimAddress(text) {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ')' ? !text.slice(0, end).includes('(') : /[.,;:!?'*_~\]]/.test(text[end - 1]))) end--;
  return text.slice(0, end);
}

// Right to left where the text begins so. Once it is complete: a browser looks for the direction anew whenever something is added.
function autoDirection(node) {
  node.setAttribute('dir', 'auto');
  return node;
}

class Inline {
  constructor() {
    this.elements = 0;
    this.linked = false; // inside a link
  }

  make(tag, attributes) {
    this.elements++;
    return el(tag, attributes);
  }

  // Bold, code, links and so on. Each kind of mark is looked for once to the end: where none closes, none is looked for again.
  inline(text, parent, depth) {
    if (text.length > INLINE_MAX || depth > DEPTH_MAX) {
      parent.append(text);
      return;
    }
    const marks = /[\\`*_~[!<\n]|https?:\/\//g, open = new Set(), lastLink = text.lastIndexOf('](');
    let plain = 0, match;
    while ((match = marks.exec(text)) && this.elements <= ELEMENTS_MAX) {
      const at = match.index, found = this.mark(text, at, match[0], open, lastLink, depth);
      if (!found) continue;
      parent.append(text.slice(plain, at), ...found.nodes);
      plain = marks.lastIndex = found.end;
    }
    parent.append(text.slice(plain));
  }

  // What begins with the mark at `at`: its nodes and its end, or nothing.
  mark(text, at, mark, open, lastLink, depth) {
    switch (mark) {
    case '\n': return {nodes: [this.make('br')], end: at + 1};
    case '\\': return /[!-/:-@[-`{-~]/.test(text[at + 1] || '') && {nodes: [text[at + 1]], end: at + 2};
    case '`': return this.span(text, at, open);
    case '<': {
      const tag = /<(?:br ?\/?|(https?:\/\/[^\s<>]{1,2000}|mailto:[^\s<>]{1,300}))>/iy;
      tag.lastIndex = at;
      const found = tag.exec(text);
      return found && !(found[1] && this.linked) && {nodes: [found[1] ? this.link(found[1], found[1], depth) : this.make('br')], end: tag.lastIndex};
    }
    case '[': return at < lastLink && this.bracket(text, at, depth);
    case '!': return text[at + 1] === '[' && at < lastLink && this.bracket(text, at + 1, depth);
    case '*': case '_': case '~': return this.emphasis(text, at, mark, open, depth);
    default: {
      const address = /https?:\/\/[^\s<>"`]{1,2000}/y;
      address.lastIndex = at;
      const found = !this.linked && trimAddress(address.exec(text)?.[0] || '');
      return found && {nodes: [this.link(found, found, depth)], end: at + found.length};
    }
    }
  }

  span(text, at, open) {
    let length = 1;
    while (text[at + length] === '`') length++;
    const run = '`'.repeat(length);
    for (let end = at + length; !open.has(run) && (end = text.indexOf(run, end)) >= 0;) {
      let after = end + length;
      while (text[after] === '`') after++;
      if (after === end + length) {
        const node = this.make('code');
        node.append(text.slice(at + length, end).replace(/^ (.*\S.*) $/s, '$1'));
        return {nodes: [node], end: after};
      }
      end = after;
    }
    open.add(run);
    return {nodes: [run], end: at + length};
  }

  emphasis(text, at, sign, open, depth) {
    let length = 1;
    while (length < 3 && text[at + length] === sign) length++;
    const run = sign.repeat(length), word = /[\p{L}\p{N}]/u;
    const nothing = {nodes: [run], end: at + length};
    if (open.has(run) || /\s|^$/.test(text[at + length] || '') || (sign === '~' && length !== 2)) return nothing;
    if (sign === '_' && word.test(text[at - 1] || '')) return nothing;
    for (let end = at + length; (end = text.indexOf(run, end)) >= 0;) {
      let after = end + length;
      while (text[after] === sign) after++;
      const closes = !/\s/.test(text[end - 1]) && end > at + length && !(sign === '_' && word.test(text[after] || ''));
      if (closes && (after === end + length || (length < after - end && after - end === 3))) {
        const stop = after - length; // of three, the inner ones are for what is inside
        const outer = this.make(sign === '~' ? 'del' : length === 1 ? 'em' : 'strong');
        const inner = length === 3 ? this.make('em') : outer;
        if (inner !== outer) outer.append(inner);
        this.inline(text.slice(at + length, stop), inner, depth + 1);
        return {nodes: [outer], end: after};
      }
      end = after;
    }
    open.add(run);
    return nothing;
  }

  bracket(text, at, depth) {
    let level = 1, close = at + 1;
    for (const limit = at + LINK_MAX; close < limit && close < text.length; close++) {
      if (text[close] === '\\') close++;
      else if (text[close] === '[') level++;
      else if (text[close] === ']' && --level === 0) break;
    }
    if (level !== 0 || text[close + 1] !== '(') return null;
    const target = /\(\s{0,9}<?((?:[^\s()<>]|\([^\s()<>]{0,300}\)){1,2000})>?(?:\s{1,9}(?:"[^"\n]{0,300}"|'[^'\n]{0,300}'))?\s{0,9}\)/y;
    target.lastIndex = close + 1;
    const found = target.exec(text);
    const label = text.slice(at + 1, close);
    return found && {nodes: [this.linked ? label : this.link(found[1], label, depth)], end: target.lastIndex};
  }

  // A link says where it leads: its host stands behind a text that is not just its address. Each is isolated: the text cannot turn the host around.
  link(address, text, depth) {
    const url = safeAddress(address), label = el('bdi'), bare = text === address;
    const node = this.make(url ? 'a' : 'span', url && {href: url.href, rel: 'noopener noreferrer', target: '_blank', title: url.href.slice(0, 300)});
    node.append(label);
    if (bare) label.append(text);
    else {
      this.linked = true; // a link in a link is its text
      this.inline(text || address, label, depth + 1);
      this.linked = false;
    }
    const leads = url ? url.host || url.pathname : address;
    if (url?.username || !bare && text !== leads) node.append(el('bdi', {class: 'host'}, ` (${leads.slice(0, 200)})`));
    return node;
  }
}
