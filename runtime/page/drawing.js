// What is seen of the open conversation, the list and the server's state, and where the window stands.
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
  const drawn = message => message !== running?.message && old.find(view => view.message === message);
  views = (current?.messages || []).map(message => drawn(message) || new MessageView(message, acts));
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

function listed(conversation) {
  const {id, title, changed} = conversation, isOpen = conversation === current;
  return el('button', {type: 'button', 'data-id': id, 'aria-current': isOpen && 'page', onclick: () => open(conversation)},
    el('span', {dir: 'auto'}, title), el('time', {datetime: new Date(changed).toISOString()}, formatDay(changed)));
}

function drawList() {
  const focused = document.activeElement?.dataset?.id;
  $('list').replaceChildren(...conversations.map(conversation => el('li', null, listed(conversation))));
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
