// Markdown of an answer as elements. The answer is hostile: it becomes text and a fixed set of elements without any attribute of its choosing but
// the address of a link (http, https, mailto). Images are links. Depth, elements and the length of what is looked at are bounded; what goes
// beyond is shown as it is written.
const FENCE = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})[ \t]/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: {1,4}|\t|$)/;

class Markdown extends Inline {
  constructor(root) {
    super();
    this.root = root;
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

  blocks(lines, parent, depth) {
    let i = 0;
    while (i < lines.length) {
      if (depth > DEPTH_MAX || this.elements > ELEMENTS_MAX) {
        const rest = lines.slice(i).join('\n');
        if (rest.trim()) parent.append(el('pre', {class: 'plain', dir: 'auto'}, rest));
        return;
      }
      i = this.block(lines, i, parent, depth);
    }
  }

  // Adds the block that begins at line i; which line follows it.
  block(lines, i, parent, depth) {
    const line = lines[i];
    if (line.length > INLINE_MAX) return this.paragraph(lines, i, parent);
    if (!line.trim()) return i + 1;
    if (FENCE.test(line)) return this.code(lines, i, parent);
    if (HEADING.test(line)) return this.heading(lines, i, parent);
    if (RULE.test(line)) return this.rule(i, parent);
    if (QUOTE.test(line)) return this.quote(lines, i, parent, depth);
    if (ITEM.test(line)) return this.list(lines, i, parent, depth);
    if (this.beginsTable(lines, i)) return this.table(lines, i, parent);
    return this.paragraph(lines, i, parent);
  }

  rule(i, parent) {
    parent.append(this.make('hr'));
    return i + 1;
  }

  begins(lines, i) { // whether a block begins here that ends a paragraph
    const line = lines[i];
    return line.length <= INLINE_MAX && ([FENCE, HEADING, RULE, QUOTE, ITEM].some(begin => begin.test(line)) || this.beginsTable(lines, i));
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
    const node = this.make(`h${this.level}`);
    this.inline(lines[i].trim().slice(marks).trim(), node, 0);
    parent.append(autoDirection(node));
    return i + 1;
  }

  quote(lines, i, parent, depth) {
    const inner = [];
    for (; i < lines.length && QUOTE.test(lines[i]); i++) inner.push(lines[i].replace(QUOTE, ''));
    const node = this.make('blockquote');
    this.blocks(inner, node, depth + 1);
    parent.append(autoDirection(node));
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
      const li = this.make('li');
      this.blocks(inner, li, depth + 1);
      node.append(autoDirection(li));
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
    const side = cell => cell.endsWith(':') ? (cell.startsWith(':') ? 'center' : 'end') : '';
    const head = this.cells(lines[i]), sides = this.cells(lines[i + 1]).map(side);
    const row = (cells, tag) => {
      const tr = this.make('tr');
      for (let c = 0; c < head.length && this.elements <= ELEMENTS_MAX; c++) {
        const cell = this.make(tag, {scope: tag === 'th' ? 'col' : undefined});
        cell.style.textAlign = sides[c];
        this.inline(cells[c] || '', cell, 0);
        tr.append(autoDirection(cell));
      }
      return tr;
    };
    const body = this.make('tbody'), table = this.make('table');
    const thead = el('thead', null, row(head, 'th'));
    const goesOn = line => line?.includes('|') && line.length <= INLINE_MAX && this.elements <= ELEMENTS_MAX;
    for (i += 2; goesOn(lines[i]); i++) body.append(row(this.cells(lines[i]), 'td'));
    table.append(thead, body);
    parent.append(el('div', {class: 'wide', tabindex: 0, role: 'group', 'aria-label': t('table')}, table));
    return i;
  }

  paragraph(lines, i, parent) {
    const from = i++;
    while (i < lines.length && lines[i].trim() && !this.begins(lines, i)) i++;
    const node = this.make('p');
    this.inline(lines.slice(from, i).join('\n').trim(), node, 0);
    parent.append(autoDirection(node));
    return i;
  }
}
