// Markdown of an answer as elements. The answer is hostile: it becomes text and a fixed set of elements without any attribute of its choosing but
// the address of a link (http, https, mailto). Images are links. Depth, elements and the length of what is looked at are bounded; what goes
// beyond is shown as it is written.
const DEPTH_MAX = 10, ELEMENTS_MAX = 30000, INLINE_MAX = 30000, LINK_MAX = 600;

const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: {1,4}|\t|$)/;

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

class Markdown {
  constructor(root) {
    this.root = root;
    this.elements = 0;
    this.linked = false;
    this.level = 3; // of the last heading; headings of an answer begin below its own
    this.settled = 0; // characters whose elements stay
    this.scanned = 0; // up to this line's start settling has looked
    this.fence = '';
    this.blank = false;
    this.kept = {nodes: 0, elements: 0, level: 3};
  }

  // Shows `text`, which only grows from call to call. What precedes the last paragraph is not made again.
  show(text) {
    const settled = this.settle(text);
    while (this.root.childNodes.length > this.kept.nodes) this.root.lastChild.remove();
    this.elements = this.kept.elements;
    this.level = this.kept.level;
    if (settled > this.settled) {
      this.blocks(text.slice(this.settled, settled).split('\n'), this.root, 0);
      this.kept = {nodes: this.root.childNodes.length, elements: this.elements, level: this.level};
      this.settled = settled;
    }
    this.blocks(text.slice(settled).split('\n'), this.root, 0);
  }

  // A blank line and then one that begins at the margin and is no item: nothing before it changes any more.
  settle(text) {
    let settled = this.settled;
    for (;;) {
      const end = text.indexOf('\n', this.scanned);
      if (end < 0) return settled;
      const line = text.slice(this.scanned, Math.min(end, this.scanned + INLINE_MAX));
      const fence = FENCE.exec(line);
      if (!this.fence && this.blank && /^[^\s]/.test(line) && !ITEM.test(line)) settled = this.scanned;
      if (fence && !this.fence) this.fence = fence[1];
      else if (fence && fence[1].startsWith(this.fence) && !fence[2].trim()) this.fence = '';
      this.blank = !line.trim();
      this.scanned = end + 1;
    }
  }

  make(tag, attributes) {
    this.elements++;
    return el(tag, attributes);
  }

  blocks(lines, parent, depth) {
    let i = 0;
    while (i < lines.length) {
      if (depth > DEPTH_MAX || this.elements > ELEMENTS_MAX) {
        const rest = lines.slice(i).join('\n');
        if (rest.trim()) parent.append(el('pre', {class: 'plain', dir: 'auto'}, rest));
        return;
      }
      const line = lines[i];
      if (line.length > INLINE_MAX) i = this.paragraph(lines, i, parent);
      else if (!line.trim()) i++;
      else if (FENCE.test(line)) i = this.code(lines, i, parent);
      else if (HEADING.test(line)) i = this.heading(lines, i, parent);
      else if (RULE.test(line)) i = (parent.append(this.make('hr')), i + 1);
      else if (QUOTE.test(line)) i = this.quote(lines, i, parent, depth);
      else if (ITEM.test(line)) i = this.list(lines, i, parent, depth);
      else if (this.beginsTable(lines, i)) i = this.table(lines, i, parent);
      else i = this.paragraph(lines, i, parent);
    }
  }

  begins(lines, i) { // whether a block begins here that ends a paragraph
    const line = lines[i];
    return line.length <= INLINE_MAX && (FENCE.test(line) || HEADING.test(line) || RULE.test(line) || QUOTE.test(line) || ITEM.test(line) || this.beginsTable(lines, i));
  }

  code(lines, i, parent) {
    const [, fence, info] = FENCE.exec(lines[i]);
    const indent = lines[i].search(/\S/), taken = [];
    for (i++; i < lines.length; i++) {
      const end = FENCE.exec(lines[i].slice(0, INLINE_MAX));
      if (end && end[1].startsWith(fence) && !end[2].trim()) { i++; break; }
      let from = 0;
      while (from < indent && lines[i][from] === ' ') from++;
      taken.push(lines[i].slice(from));
    }
    const text = taken.join('\n'), name = info.trim().split(/\s/)[0].slice(0, 40);
    const copy = button('copy', () => copyFrom(text, copy), {'aria-label': t('copy_code')});
    const figure = this.make('figure');
    figure.append(el('figcaption', null, el('span', {dir: 'auto'}, name || t('code')), copy),
      el('pre', {dir: 'ltr', tabindex: 0, role: 'group', 'aria-label': name ? `${t('code')}: ${name}` : t('code')}, el('code', null, text)));
    this.elements += 5;
    parent.append(figure);
    return i;
  }

  heading(lines, i, parent) {
    const marks = HEADING.exec(lines[i])[1].length;
    this.level = Math.min(Math.max(marks + 2, 4), this.level + 1, 6);
    const node = this.make(`h${this.level}`, {dir: 'auto'});
    this.inline(lines[i].trim().slice(marks).trim(), node, 0);
    parent.append(node);
    return i + 1;
  }

  quote(lines, i, parent, depth) {
    const inner = [];
    for (; i < lines.length && QUOTE.test(lines[i]); i++) inner.push(lines[i].replace(QUOTE, ''));
    const node = this.make('blockquote', {dir: 'auto'});
    this.blocks(inner, node, depth + 1);
    parent.append(node);
    return i;
  }

  list(lines, i, parent, depth) {
    const first = ITEM.exec(lines[i]), ordered = /\d/.test(first[2]), kind = first[2].slice(-1);
    const node = this.make(ordered ? 'ol' : 'ul', ordered && first[2] !== '1.' ? {start: parseInt(first[2], 10)} : null);
    const margin = first[1].length;
    for (let item; i < lines.length && (item = ITEM.exec(lines[i])) && item[2].slice(-1) === kind && item[1].length < margin + 2;) {
      if (this.elements > ELEMENTS_MAX || RULE.test(lines[i])) break;
      const width = item[0].length, inner = [lines[i].slice(width).replace(/^\[( |x|X)\](?= )/, (all, x) => x === ' ' ? '☐' : '☑')];
      for (i++; i < lines.length; i++) {
        const indent = lines[i].search(/\S/);
        if (indent < 0 ? !this.goesOn(lines, i, margin) : indent < margin + 2 && (!inner.at(-1).trim() || this.begins(lines, i))) break;
        inner.push(lines[i].slice(Math.max(0, Math.min(indent, width))));
      }
      const li = this.make('li', {dir: 'auto'});
      this.blocks(inner, li, depth + 1);
      node.append(li);
      while (i < lines.length && !lines[i].trim() && i + 1 < lines.length && ITEM.test(lines[i + 1])) i++;
    }
    parent.append(node);
    return i;
  }

  goesOn(lines, i, margin) { // whether an item does behind the blank line i
    return i + 1 < lines.length && lines[i + 1].search(/\S/) >= margin + 2;
  }

  cells(line) {
    const row = line.trim().replace(/^\|/, '').replace(/\|$/, ''), cells = [''];
    for (const part of row.split(/(\\\||\|)/)) {
      if (part === '|') cells.push('');
      else cells[cells.length - 1] += part === '\\|' ? '|' : part;
    }
    return cells.map(cell => cell.trim());
  }

  beginsTable(lines, i) {
    return i + 1 < lines.length && lines[i].includes('|') && lines[i].length <= INLINE_MAX && lines[i + 1].length <= INLINE_MAX &&
      lines[i + 1].includes('-') && /^[\s|:-]+$/.test(lines[i + 1]) && this.cells(lines[i + 1]).every(cell => /^:?-+:?$/.test(cell)) &&
      this.cells(lines[i]).length === this.cells(lines[i + 1]).length;
  }

  table(lines, i, parent) {
    const head = this.cells(lines[i]), sides = this.cells(lines[i + 1]).map(cell => cell.endsWith(':') ? (cell.startsWith(':') ? 'center' : 'end') : '');
    const row = (cells, tag) => {
      const tr = this.make('tr');
      for (let c = 0; c < head.length && this.elements <= ELEMENTS_MAX; c++) {
        const cell = this.make(tag, {dir: 'auto', scope: tag === 'th' ? 'col' : undefined});
        cell.style.textAlign = sides[c];
        this.inline(cells[c] || '', cell, 0);
        tr.append(cell);
      }
      return tr;
    };
    const body = this.make('tbody'), table = this.make('table');
    const thead = el('thead', null, row(head, 'th'));
    for (i += 2; i < lines.length && lines[i].includes('|') && lines[i].length <= INLINE_MAX && this.elements <= ELEMENTS_MAX; i++) body.append(row(this.cells(lines[i]), 'td'));
    table.append(thead, body);
    parent.append(el('div', {class: 'wide', tabindex: 0, role: 'group', 'aria-label': t('table')}, table));
    return i;
  }

  paragraph(lines, i, parent) {
    const from = i++;
    while (i < lines.length && lines[i].trim() && !this.begins(lines, i)) i++;
    const node = this.make('p', {dir: 'auto'});
    this.inline(lines.slice(from, i).join('\n').trim(), node, 0);
    parent.append(node);
    return i;
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
        const node = this.make('code', {dir: 'auto'});
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
