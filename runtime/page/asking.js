// Asking: which conversation is open, what is being answered, and how an answer comes in.
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
    if (signal.aborted) message.end = 'stopped';
    else message.error = {kind: error.kind || 'error_server', text: error.text};
    if (message.error && error.wait !== undefined) message.error.until = Date.now() + error.wait * 1000;
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
