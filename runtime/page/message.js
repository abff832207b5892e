// JSON over lines, with every digit as it is: numbers here may have more than JavaScript's.
function layOut(json) {
  let depth = 0, lists = 0;
  const line = () => `\n${'  '.repeat(Math.min(Math.max(depth, 0), 8))}`;
  return json.replace(/"(?:[^"\\]|\\.)*"|[[\]}]|[{,]\s*/g, part => {
    if (part[0] === '[') lists++;
    if (part[0] === ']') lists--;
    if (part[0] === '{') return (depth++, `{${line()}`);
    if (part[0] === '}') return (depth--, `${line()}}`);
    return part[0] === ',' && lists === 0 ? `,${line()}` : part;
  });
}

// One message as it is shown, and the page's hand in it: `acts` has edit(message, text), retry(message), and says what is `running`.
class MessageView {
  constructor(message, acts) {
    this.message = message;
    this.acts = acts;
    this.node = el('article', {class: message.role});
    this.draw();
  }

  draw() {
    const {message} = this, mine = message.role === 'user';
    clearInterval(this.timer);
    const long = mine && message.content.length > 3000;
    this.text = el('div', {class: 'text', dir: mine ? 'auto' : undefined, ...long && {class: 'text long', tabindex: 0, role: 'group', 'aria-label': t('message')}});
    this.node.replaceChildren(el('h3', null, t(mine ? 'you' : 'answer')));
    if (mine) this.text.append(message.content);
    else this.drawReasoning();
    this.node.append(this.text);
    if (!mine) {
      this.markdown = new Markdown(this.text);
      this.grow();
    }
    if (this.acts.running() === message) return;
    if (!mine) this.drawEnd();
    this.drawFoot(mine);
  }

  drawReasoning() {
    this.reasoning = el('div', {dir: 'auto', class: 'text'});
    this.reasoningBox = el('details', null, el('summary', null, t('reasoning')), this.reasoning);
    this.reasoningText = new Markdown(this.reasoning);
    this.reasoningBox.addEventListener('toggle', () => this.growReasoning());
    this.wait = el('p', {class: 'waiting'}, t('waiting'));
    this.node.append(this.reasoningBox, this.wait);
  }

  growReasoning() { // only when somebody looks
    if (this.reasoningBox.open) this.reasoningText.show(this.message.reasoning || '');
  }

  // After each piece of an answer.
  grow() {
    const {message} = this;
    this.reasoningBox.hidden = !message.reasoning;
    this.wait.hidden = message.content !== '' || this.acts.running() !== message;
    this.growReasoning();
    this.markdown.show(message.content);
  }

  // What went wrong; an answer without an end was cut off, by a reload for example.
  error() {
    return this.message.error || (this.message.end ? null : {kind: 'broken'});
  }

  drawEnd() {
    const {message} = this, error = this.error();
    if (message.end === 'length') this.node.append(el('p', {class: 'facts'}, t('cut')));
    if (message.end === 'stopped') this.node.append(el('p', {class: 'facts'}, t('stopped')));
    if (error) this.node.append(this.trouble(error));
    if (message.receipt) this.node.append(this.receipt());
  }

  trouble(error) {
    const what = el('div', null, el('p', null, t(error.kind)));
    if (error.text) what.append(el('p', null, t('server_says', {text: error.text})));
    if (error.until) {
      const count = el('p');
      const tick = () => {
        const seconds = Math.ceil((error.until - Date.now()) / 1000);
        count.textContent = seconds > 0 ? t('retry_in', {time: formatSeconds(seconds)}).replace('..', '.') : t('retry_now');
        if (seconds <= 0 || !this.node.isConnected) clearInterval(this.timer);
        return seconds;
      };
      what.append(count);
      if (tick() > 0) this.timer = setInterval(() => { if (tick() <= 0) say(t('retry_now')); }, 1000);
    }
    return el('div', {class: 'trouble'}, what, button('retry', () => this.acts.retry(this.message)));
  }

  receipt() {
    const {receipt, id} = this.message;
    return el('details', {class: 'receipt'}, el('summary', null, t('receipt')), el('div', null, el('p', {class: 'note'}, t('receipt_note')),
      el('pre', {class: 'plain', tabindex: 0, role: 'group', 'aria-label': t('receipt')}, layOut(receipt.slice(0, 20000))),
      el('p', {class: 'buttons'}, button('download', () => download(`receipt-${id.replace(/[^\w-]/g, '')}.json`, 'application/json', receipt)))));
  }

  drawFoot(mine) {
    const {message} = this, tools = el('div', {class: 'tools'});
    if (message.content) {
      const copy = button('copy', () => copyFrom(message.content, copy));
      tools.append(copy);
    }
    if (mine) tools.append(button('edit', () => this.edit(), {class: 'change'}));
    else if (!this.error()) tools.append(button('retry', () => this.acts.retry(message), {class: 'change last'}));
    this.node.append(el('div', {class: 'foot'}, tools, mine ? null : el('p', {class: 'facts'}, this.facts())));
  }

  facts() {
    const {model, usage, seconds} = this.message, count = usage?.completion_tokens;
    const speed = count > 1 && seconds > 0 && t('speed', {n: formatNumber(count / seconds)});
    return [model, count > 0 && t('tokens', {n: count}), speed].filter(Boolean).join(' · ');
  }

  edit() {
    const area = el('textarea', {dir: 'auto', 'aria-label': t('message'), 'aria-describedby': 'edit-note'});
    const close = () => { this.draw(); this.node.querySelector('.change').focus(); };
    const send = () => { if (area.value.trim()) this.acts.edit(this.message, area.value); };
    area.value = this.message.content;
    area.rows = Math.min(12, area.value.split('\n').length + 1);
    area.addEventListener('keydown', event => {
      if (event.key === 'Escape') { event.stopPropagation(); close(); }
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    });
    this.text.className = 'text edit';
    this.text.replaceChildren(area, el('p', {id: 'edit-note', class: 'note'}, t('edit_note')),
      el('div', {class: 'buttons'}, button('send', send, {class: 'main'}), button('cancel', close)));
    this.node.querySelector('.foot').hidden = true;
    area.focus();
  }
}

// Reads an answer out as it grows: in whole sentences, at most every few seconds.
class Reader {
  constructor() { this.from = 0; this.next = Date.now() + 1500; }

  read(text, all) {
    if (!all && Date.now() < this.next) return;
    const fresh = text.slice(this.from, this.from + 4000), end = all ? fresh.length : this.sentenceEnd(fresh);
    if (end > 0) say(fresh.slice(0, end).replace(/[*`#|>_]+/g, ' ').trim());
    this.from += end;
    this.next = Date.now() + 2500;
  }

  sentenceEnd(text) {
    let end = 0;
    for (const match of text.matchAll(/[.!?…;:·。]["»”’)]?\s|\n/g)) end = match.index + match[0].length;
    return end;
  }
}
