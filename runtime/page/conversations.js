// What can be done with whole conversations: open, name, delete, export.
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
