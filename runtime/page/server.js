// The server's side: OpenAI's API under the page's own address. Throws {kind, status, text, wait}: what went wrong, in the terms of the words
// "error_…" or "gone" and "broken", what the server says about it, and in how many seconds to come back.
const LINE_MAX = 1 << 24, ANSWER_MAX = 1 << 23;

class Trouble extends Error {
  constructor(kind, status, text, wait) {
    super(kind);
    Object.assign(this, {kind, status, text: text && String(text).slice(0, 1000), wait});
  }
}

function troubleKind(status, code) {
  if (status === 413 || code === 'context_length_exceeded') return 'error_long';
  if (status === 429) return 'error_busy';
  if (status === 401 || status === 403) return 'error_denied';
  if (status === 502 || status === 504) return 'gone';
  if (status === 503) return 'error_busy';
  return status >= 500 ? 'error_server' : 'error_request';
}

// Retry-After: seconds, or a date.
function secondsToWait(header) {
  if (!header) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(Math.ceil(seconds), 0), 86400) : undefined;
}

async function responseTrouble(response) {
  let error = {};
  try { error = JSON.parse((await response.text()).slice(0, 65536)).error || {}; } catch { /* a proxy's own page */ }
  return new Trouble(troubleKind(response.status, error.code), response.status, error.message, secondsToWait(response.headers.get('Retry-After')));
}

async function ask(path, options) {
  const headers = {...options?.headers}, key = settings.get('key');
  let response;
  if (key) headers.Authorization = `Bearer ${key}`;
  try {
    response = await fetch(path, {cache: 'no-store', referrerPolicy: 'no-referrer', ...options, headers});
  } catch (error) {
    throw options?.signal?.aborted && options.signal.reason?.name !== 'TimeoutError' ? error : new Trouble('gone');
  }
  if (!response.ok) throw await responseTrouble(response);
  return response;
}

// The "data:" of server-sent events, one after the other.
async function* eventData(stream) {
  const reader = stream.getReader(), decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const {value, done} = await reader.read();
    rest += done ? '\n' : decoder.decode(value, {stream: true});
    const lines = rest.split(/\r?\n/);
    rest = lines.pop();
    if (rest.length > LINE_MAX) throw new Trouble('error_server');
    for (const line of lines) if (line.startsWith('data:')) yield line.slice(5).trim();
    if (done) return;
  }
}

// Asks for an answer and adds to `answer` what comes; `grown` is called after each piece. Sets answer.end: stop, length and so on.
async function streamAnswer(body, answer, signal, grown) {
  const headers = {'Content-Type': 'application/json'};
  const response = await ask('v1/chat/completions', {method: 'POST', headers, body: JSON.stringify(body), signal});
  let complete = false;
  try {
    for await (const data of eventData(response.body)) {
      if (data === '[DONE]') { complete = true; break; }
      takeChunk(JSON.parse(data), answer);
      if (answer.content.length + (answer.reasoning || '').length > ANSWER_MAX) { answer.end = 'length'; break; }
      grown();
    }
  } catch (error) {
    if (signal.aborted || error instanceof Trouble) throw error;
    throw new Trouble(error instanceof SyntaxError ? 'error_server' : 'broken');
  }
  if (!complete && !answer.end) throw new Trouble('broken');
}

function takeChunk(chunk, answer) {
  if (chunk.error) throw new Trouble(chunk.error.code === 'context_length_exceeded' ? 'error_long' : 'error_server', 200, chunk.error.message);
  if (chunk.id) answer.id = String(chunk.id);
  if (chunk.model) answer.model = String(chunk.model);
  if (chunk.usage) answer.usage = {prompt_tokens: chunk.usage.prompt_tokens, completion_tokens: chunk.usage.completion_tokens};
  const choice = chunk.choices?.[0];
  if (choice?.delta?.reasoning_content) answer.reasoning = (answer.reasoning || '') + choice.delta.reasoning_content;
  if (choice?.delta?.content) answer.content += choice.delta.content;
  if (choice?.finish_reason) answer.end = choice.finish_reason;
}

// The receipt's text as the server has it, to the byte: its signature is over that. Nothing where there is none.
async function fetchReceipt(id) {
  try {
    return await (await ask(`v1/receipts/${encodeURIComponent(id)}`, {signal: AbortSignal.timeout(20000)})).text();
  } catch {
    return undefined;
  }
}

async function fetchModels() {
  const {data} = await (await ask('v1/models', {signal: AbortSignal.timeout(20000)})).json();
  return data.map(model => String(model.id));
}

// ready, starting or unreachable
async function fetchState() {
  try {
    await ask('health', {signal: AbortSignal.timeout(10000)});
    return 'ready';
  } catch (trouble) {
    return trouble.kind === 'gone' ? 'unreachable' : 'starting';
  }
}
