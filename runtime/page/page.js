// The page: which conversation is open, what is being answered, and everything with a button.
let conversations = []; // the one changed last first
let current = null;     // open; null: a new one
let running = null;     // {conversation, message, controller}
let views = [];         // of current.messages
let models = [];

const acts = {
  running: () => running?.message,
  retry: message => answerFrom(current.messages.indexOf(message)),
  edit(message, text) {
    const at = current.messages.indexOf(message);
    current.messages[at] = {role: 'user', content: text, time: Date.now()};
    answerFrom(at + 1);
  },
};

// ---- asking ----

function newId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(16).padStart(8, '0')).join('');
}

function keep(conversation) { // it was changed
  conversation.changed = Date.now();
  conversations = [conversation, ...conversations.filter(other => other !== conversation)];
  return store.put(conversation);
}

function isKept(conversation) { // it may have been deleted while its answer came
  return conversations.includes(conversation);
}

function titleOf(text) {
  const line = text.trim().split('\n')[0];
  return line.length <= 80 ? line : `${line.slice(0, 80).replace(/\s+\S*$/, '')}…`;
}

function send() {
  const text = $('draft').value;
  if (running || !text.trim()) return;
  if (!current) current = {id: newId(), title: titleOf(text), created: Date.now(), messages: []};
  current.messages.push({role: 'user', content: text, time: Date.now()});
  $('draft').value = '';
  fitDraft();
  answerFrom(current.messages.length);
}

// What the model is told: no failed or empty answers, no reasoning.
function requestBody(messages) {
  const body = {model: settings.get('model') || models[0], messages: [], stream: true, stream_options: {include_usage: true}};
  const system = settings.get('system'), thinking = settings.get('thinking');
  if (system.trim()) body.messages.push({role: 'system', content: system});
  for (const {role, content} of messages) if (content) body.messages.push({role, content});
  for (const name of ['temperature', 'max_tokens', 'seed']) if (settings.get(name) !== '') body[name] = Number(settings.get(name));
  if (thinking) body.chat_template_kwargs = {enable_thinking: thinking === 'on'};
  return body;
}

// Answers the messages before `at`; what stands there and behind it goes.
async function answerFrom(at) {
  if (running) return;
  const conversation = current, message = {role: 'assistant', content: '', time: Date.now()}, controller = new AbortController();
  conversation.messages.splice(at, Infinity, message);
  running = {conversation, message, controller};
  keep(conversation);
  drawConversation();
  drawList();
  $('draft').focus();
  scrollToEnd();
  say(t('waiting'));
  const error = await receive(conversation, message, controller.signal);
  running = null;
  if (isKept(conversation)) keep(conversation);
  redraw(message);
  drawList();
  if (error?.kind === 'gone') checkServer();
  if (error || !message.id) return;
  message.receipt = await fetchReceipt(message.id);
  if (!message.receipt || !isKept(conversation)) return;
  store.put(conversation);
  redraw(message);
}

async function receive(conversation, message, signal) {
  const reader = new Reader();
  let begun = 0, drawn = 0, saved = Date.now(), timer = 0;
  const draw = () => {
    const start = performance.now(), follow = atEnd();
    timer = 0;
    viewOf(message)?.grow();
    reader.read(message.content);
    if (follow) scrollToEnd();
    drawn = performance.now() - start;
    if (Date.now() - saved > 3000 && isKept(conversation)) {
      store.put(conversation);
      saved = Date.now();
    }
  };
  const grown = () => {
    begun ||= performance.now();
    timer ||= setTimeout(draw, Math.max(40, 4 * drawn)); // drawing takes a fifth of the time at most
  };
  try {
    await streamAnswer(requestBody(conversation.messages.slice(0, -1)), message, signal, grown);
  } catch (error) {
    if (!signal.aborted) message.error = {kind: error.kind || 'error_server', text: error.text, until: error.wait === undefined ? undefined : Date.now() + error.wait * 1000};
    else message.end = 'stopped';
  }
  clearTimeout(timer);
  if (begun) message.seconds = (performance.now() - begun) / 1000;
  if (message.error || message.end === 'stopped') say(t(message.error?.kind || 'stopped'));
  else { reader.read(message.content, true); say(t('done')); }
  return message.error || (signal.aborted ? {} : null);
}

function stop() {
  running?.controller.abort();
}

// ---- drawing ----

function viewOf(message) {
  return views.find(view => view.message === message);
}

function redraw(message) {
  const follow = atEnd();
  viewOf(message)?.draw();
  if (follow && viewOf(message)) scrollToEnd();
  drawButtons();
}

function drawConversation() {
  const old = views;
  views = (current?.messages || []).map(message => old.find(view => view.message === message && running?.message !== message) || new MessageView(message, acts));
  $('messages').replaceChildren(...views.map(view => view.node));
  $('title').textContent = current ? current.title : t('welcome');
  document.title = current ? `${current.title} – Cloister` : 'Cloister';
  document.body.classList.toggle('empty', !current);
  $('tools').hidden = !current;
  drawButtons();
}

function drawButtons() {
  $('send').hidden = Boolean(running);
  $('stop').hidden = !running;
  $('messages').setAttribute('aria-busy', String(running?.conversation === current && Boolean(current)));
  for (const node of document.querySelectorAll('.change, .trouble button')) if (node.id !== 'check') node.disabled = Boolean(running);
  for (const node of document.querySelectorAll('.last')) node.hidden = node.closest('article') !== $('messages').lastChild;
  if (running) for (const node of document.querySelectorAll('.change')) node.hidden = true;
  else for (const node of document.querySelectorAll('.change:not(.last)')) node.hidden = false;
  drawEndButton();
}

function drawList() {
  const focused = document.activeElement?.dataset?.id;
  $('list').replaceChildren(...conversations.map(conversation => el('li', null,
    el('button', {type: 'button', 'data-id': conversation.id, 'aria-current': conversation === current ? 'page' : undefined, onclick: () => open(conversation)},
      el('span', {dir: 'auto'}, conversation.title), el('time', {datetime: new Date(conversation.changed).toISOString()}, formatDay(conversation.changed))))));
  $('none').hidden = conversations.length > 0;
  $('list').hidden = conversations.length === 0;
  $('all').hidden = conversations.length === 0;
  if (focused) $('list').querySelector(`[data-id="${focused}"]`)?.focus();
}

function drawLanguage() {
  document.documentElement.lang = language;
  translate(document);
  views = [];
  drawConversation();
  drawList();
  drawState($('state').dataset.state);
}

function drawState(state) {
  const follow = atEnd();
  $('state').dataset.state = state;
  if ($('state').textContent !== t(state)) $('state').textContent = t(state); // else it is said again
  $('model').textContent = settings.get('model') && models.includes(settings.get('model')) ? settings.get('model') : models[0] || '';
  $('gone').hidden = state !== 'unreachable';
  if (follow) scrollToEnd();
}

// ---- where the window stands ----

function atEnd() {
  return window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 80;
}

function scrollToEnd() {
  window.scrollTo(0, document.documentElement.scrollHeight);
}

function drawEndButton() {
  $('end').hidden = atEnd() || !current;
}

function fitDraft() {
  const draft = $('draft');
  draft.style.height = 'auto';
  draft.style.height = `${draft.scrollHeight}px`;
}

function setDrawer(open) {
  document.documentElement.style.setProperty('--header', `${document.querySelector('header').offsetHeight}px`);
  document.body.classList.toggle('drawn', open);
  document.querySelector('main').inert = open;
  $('drawer').setAttribute('aria-expanded', String(open));
}

// ---- conversations ----

function open(conversation) {
  const drawn = document.body.classList.contains('drawn');
  current = conversation;
  setDrawer(false);
  drawConversation();
  drawList();
  scrollToEnd();
  if (!conversation) $('draft').focus();
  else if (drawn) $('title').focus();
}

// A question with an answer: the text where a name is asked for, true, or nothing.
function askUser(title, yes, name) {
  const dialog = $('ask');
  $('ask-title').textContent = title;
  $('ask-yes').textContent = t(yes);
  $('ask-label').hidden = name === undefined;
  $('ask-name').value = name || '';
  dialog.returnValue = '';
  dialog.showModal();
  if (name !== undefined) $('ask-name').select();
  return new Promise(resolve => dialog.addEventListener('close', () =>
    resolve(dialog.returnValue === 'yes' && (name === undefined || $('ask-name').value.trim())), {once: true}));
}

async function rename() {
  const conversation = current, title = await askUser(t('rename'), 'save', conversation.title);
  if (!title) return;
  conversation.title = title;
  await keep(conversation);
  drawList();
  if (conversation === current) drawConversation();
}

function forget(gone) {
  for (const conversation of gone) {
    if (running?.conversation === conversation) stop();
    store.remove(conversation.id);
  }
  conversations = conversations.filter(conversation => !gone.includes(conversation));
  if (gone.includes(current)) open(null);
  else drawList();
}

async function deleteOne() {
  const conversation = current;
  if (await askUser(t('delete_sure', {title: conversation.title}), 'delete')) forget([conversation]);
}

async function deleteAll() {
  if (await askUser(t('delete_all_sure', {n: conversations.length}), 'delete')) forget(conversations);
}

function exportJson(chosen) {
  const text = JSON.stringify({format: 'cloister-conversations', version: 1, exported: new Date().toISOString(), conversations: chosen}, null, 1);
  download(`cloister-${new Date().toISOString().slice(0, 10)}.json`, 'application/json', text);
}

// Another tab has changed one.
async function reload(id) {
  if (running?.conversation.id === id) return;
  const fresh = await store.get(id).catch(() => undefined), shown = current?.id === id;
  conversations = conversations.filter(conversation => conversation.id !== id);
  if (fresh) conversations.push(fresh);
  conversations.sort((a, b) => b.changed - a.changed);
  if (shown) {
    current = fresh || null;
    drawConversation();
  }
  drawList();
}

// ---- the server ----

let checking = 0;

async function checkServer() {
  clearTimeout(checking);
  const state = await fetchState();
  if (state === 'ready' && (models.length === 0 || $('state').dataset.state !== 'ready')) {
    models = await fetchModels().catch(() => models);
    $('set-model').replaceChildren(...models.map(model => el('option', null, model)));
    $('models').hidden = models.length < 2;
  }
  drawState(state);
  if (!document.hidden) checking = setTimeout(checkServer, (state === 'ready' ? 25000 : 4000) * (.8 + .4 * Math.random()));
}

// ---- settings ----

const DEFAULTED = ['system', 'thinking', 'temperature', 'max_tokens', 'seed'];

function fillSettings() {
  for (const name of [...DEFAULTED, 'key']) $(`set-${name}`).value = settings.get(name);
  $('set-model').value = settings.get('model') || models[0] || '';
}

function takeSetting(event) {
  const name = event.target.id.slice(4);
  if (event.target.checkValidity()) settings.set(name, event.target.value.trim());
  if (name === 'model') drawState($('state').dataset.state);
  if (name === 'key') checkServer();
}

function resetSettings() {
  for (const name of ['model', ...DEFAULTED]) settings.set(name, '');
  fillSettings();
  drawState($('state').dataset.state);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  settings.set('theme', theme === 'auto' ? '' : theme);
}

// ---- beginning ----

function listen() {
  const on = (id, event, action) => $(id).addEventListener(event, action);
  on('composer', 'submit', event => { event.preventDefault(); send(); });
  on('draft', 'input', fitDraft);
  on('draft', 'keydown', event => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  on('stop', 'click', () => { stop(); $('draft').focus(); });
  on('new', 'click', () => open(null));
  on('rename', 'click', rename);
  on('delete', 'click', deleteOne);
  on('delete-all', 'click', deleteAll);
  on('export', 'click', () => exportJson([current]));
  on('export-all', 'click', () => exportJson(conversations));
  on('ask-no', 'click', () => $('ask').close());
  on('end', 'click', () => { scrollToEnd(); $('draft').focus(); });
  on('check', 'click', checkServer);
  on('drawer', 'click', () => setDrawer(!document.body.classList.contains('drawn')));
  on('open-settings', 'click', () => { fillSettings(); $('settings').showModal(); });
  on('settings', 'change', takeSetting);
  on('reset', 'click', resetSettings);
  on('language', 'change', event => { language = event.target.value; settings.set('language', language); drawLanguage(); });
  on('theme', 'change', event => setTheme(event.target.value));
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape' || event.isComposing || document.querySelector('dialog[open]')) return;
    if (document.body.classList.contains('drawn')) { setDrawer(false); $('drawer').focus(); } else stop();
  });
  window.addEventListener('scroll', drawEndButton, {passive: true});
  window.addEventListener('resize', () => { setDrawer(false); drawEndButton(); });
  window.addEventListener('online', checkServer);
  window.addEventListener('offline', checkServer);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) checkServer(); });
  store.channel?.addEventListener('message', event => reload(event.data));
  store.onrefused = () => { $('not-kept').textContent = t('not_kept'); $('not-kept').hidden = false; };
}

async function begin() {
  language = WORDS.words[settings.get('language')] ? settings.get('language') : preferredLanguage();
  $('language').append(...WORDS.order.map(code => el('option', {value: code, lang: code}, WORDS.words[code][WORDS.keys.indexOf('language')])));
  $('language').value = language;
  setTheme(settings.get('theme') || 'auto');
  $('theme').value = document.documentElement.dataset.theme;
  listen();
  drawLanguage();
  conversations = (await store.open()).sort((a, b) => b.changed - a.changed);
  drawList();
  $('draft').focus();
  checkServer();
}

begin();
