// The server's state, the settings, and everything with a button; and how the page begins.
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
