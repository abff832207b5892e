// mock_server.mjs: stands in for `cloister serve` where the page is tested: the page with its own headers, health, models, receipts, and answers
// that depend on the first word of the question. Listens on a Unix socket, as the server does.
//
//   node mock_server.mjs MAKE_PAGE SOCKET      or   const mock = await serve(makePage, socket); mock.requests; mock.stopped; mock.ready = false
import http from 'node:http';
import {execFileSync} from 'node:child_process';
import {pathToFileURL} from 'node:url';

export const ANSWERS = {
  markdown: `# Capitals

A short list, with **bold**, *italic*, \`code\` and a [link](https://example.eu/page "title"):

1. Vienna
   - on the Danube
2. Helsinki

| Country | Capital |
|:--|--:|
| Austria | Vienna |
| Finland | Helsinki |

\`\`\`c
int main(void) { return 1 < 2; }
\`\`\`

> A quotation.

The last sentence, at https://example.eu/bare.`,
  hostile: `<img src=x onerror="window.hacked=1"> <script>window.hacked=2</script> <svg onload=window.hacked=3>

![picture](https://example.eu/track.png) ![data](data:text/html,<script>window.hacked=4</script>)

[one](javascript:window.hacked=5) [two](JaVaScRiPt:window.hacked=6) [three](data:text/html,x) [four](vbscript:x) [five](https://evil.example/"onmouseover="window.hacked=7)
[bank.example](https://evil.example/x)
[https://bank.example/?evil.example](https://evil.example/) [\u202eelpmaxe.knab](https://evil.example/z) https://bank.example@evil.example/
<javascript:window.hacked=8> <https://good.example/> [six]( javascript:window.hacked=9 ) [sev\nen](\tjavascript:window.hacked=10)

<iframe src="https://evil.example"></iframe> <a href="javascript:window.hacked=11">a</a> <style>body{display:none}</style> <base href="https://evil.example/">

\`\`\`html"><img src=x onerror=window.hacked=12>
</code></pre><script>window.hacked=13</script>
\`\`\`

| a | b |
|---|---|
| <img src=x onerror=window.hacked=14> | [x](javascript:window.hacked=15) |

\u202e reversed \u202c end of hostility`,
};
const depth = 5000;
ANSWERS.nested = [
  '>'.repeat(depth) + ' deep quote', '- '.repeat(depth) + 'deep list', Array.from({length: 400}, (_, i) => ' '.repeat(2 * i) + '- x').join('\n'),
  '['.repeat(depth) + 'a' + '](b)'.repeat(depth), '*a **b '.repeat(depth), '`'.repeat(depth) + 'x', '*'.repeat(depth) + 'y', '_a '.repeat(depth),
  '![['.repeat(depth), '<https://a'.repeat(depth), '|'.repeat(depth) + '\n' + '|-'.repeat(depth) + '|\n' + '|x'.repeat(depth), '~~a '.repeat(depth),
  '# ' + ' '.repeat(20000) + '#', '-' + ' '.repeat(20000) + 'x', '`a``b```c'.repeat(depth / 5), '(https://a'.repeat(depth) + ')'.repeat(depth),
  'end of nesting',
].join('\n\n');
ANSWERS.huge = ['one line of a very long answer, **bold** and `code`\n'.repeat(10000), 'x'.repeat(300000), '- item\n'.repeat(30000),
  'end of length'].join('\n\n');
ANSWERS.slow = 'A sentence that takes its time. '.repeat(40);

export const receipt = id => `{"receipt":1, "id":"${id}", "seed":18446744073709551615, "output":{"tokens":[1,2,3]}, "logits":"ab"}\n`;

const pieces = (text, size) => text.match(new RegExp(`[^]{1,${size}}`, 'g')) || [];
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

export function serve(makePage, socket) {
  const page = execFileSync(makePage, ['page']);
  const headers = execFileSync(makePage, ['headers'], {encoding: 'utf8'}).trim().split('\n').map(line => line.split(/: (.*)/s).slice(0, 2));
  const mock = {requests: [], stopped: 0, ready: true, busy: 0, receipts: true, key: '', count: 0};

  const json = (response, status, value, more) => {
    response.writeHead(status, {'Content-Type': 'application/json', ...more});
    response.end(JSON.stringify(value));
  };
  const refuse = (response, status, message, code, more) =>
    json(response, status, {error: {message, type: 'invalid_request_error', param: null, code}}, more);

  async function answer(body, response) {
    const id = `chatcmpl-${++mock.count}`, question = body.messages.at(-1).content, word = question.split(/\s/)[0];
    let alive = true;
    response.on('close', () => { if (!response.writableFinished) { mock.stopped++; alive = false; } });
    response.writeHead(200, {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store'});
    const chunk = {id, object: 'chat.completion.chunk', created: 1, model: body.model};
    const send = value => response.write(`data: ${JSON.stringify({...chunk, ...value})}\n\n`);
    const delta = (delta, finish_reason = null) => send({choices: [{index: 0, delta, finish_reason}]});
    response.write(': a comment\n\n');
    delta({role: 'assistant', content: ''});
    if (word === 'reason') for (const piece of pieces('First I think. Then I think **again**.', 5)) delta({reasoning_content: piece});
    const text = ANSWERS[word] || `Answer ${mock.count} to “${question}”. Vienna is the capital of Austria.`;
    for (const piece of pieces(text, text.length > 20000 ? 4096 : 12)) {
      if (!alive) return;
      delta({content: piece});
      if (word === 'break' && Math.random() < .5) return response.destroy();
      await sleep(word === 'slow' ? 60 : text.length > 20000 ? 0 : 4);
    }
    if (word === 'break') return response.destroy();
    if (word === 'fail') {
      response.write(`data: ${JSON.stringify({error: {message: 'the model stumbled', type: 'server_error', code: null}})}\n\n`);
      return response.end();
    }
    delta({}, word === 'cut' ? 'length' : 'stop');
    send({choices: [], usage: {prompt_tokens: 20, completion_tokens: 37, total_tokens: 57}});
    response.end('data: [DONE]\n\n');
  }

  async function complete(request, response) {
    let text = '';
    for await (const chunk of request) text += chunk;
    const body = JSON.parse(text), word = body.messages.at(-1).content.split(/\s/)[0];
    mock.requests.push(body);
    if (word === 'busy' && mock.busy++ === 0) return refuse(response, 429, 'the queue is full', 'queue_full', {'Retry-After': '2'});
    if (word === 'long') return refuse(response, 400, 'the prompt has 9000 tokens, the model takes 8192', 'context_length_exceeded');
    if (word === 'denied') return refuse(response, 401, 'no key', 'invalid_api_key');
    if (word === 'fault') return refuse(response, 500, 'it broke', null);
    return answer(body, response);
  }

  function route(request, response) {
    const path = request.url.split('?')[0];
    if (request.method === 'GET' && path === '/') {
      response.writeHead(200, headers.flat());
      return response.end(page);
    }
    if (path === '/health') return json(response, mock.ready ? 200 : 503, {status: mock.ready ? 'ok' : 'loading'});
    if (mock.key && request.headers.authorization !== `Bearer ${mock.key}`) return refuse(response, 401, 'an API key is needed', 'invalid_api_key');
    const model = {id: 'demo-model', object: 'model', created: 1, owned_by: 'cloister'};
    if (path === '/v1/models') return json(response, 200, {object: 'list', data: [model]});
    if (path === '/v1/chat/completions' && request.method === 'POST') return complete(request, response);
    if (path.startsWith('/v1/receipts/') && mock.receipts) {
      response.writeHead(200, {'Content-Type': 'application/json'});
      return response.end(receipt(path.slice(13)));
    }
    return refuse(response, 404, 'there is nothing here', null);
  }

  const server = http.createServer((request, response) => Promise.resolve(route(request, response)).catch(() => response.destroy()));
  mock.close = () => new Promise(resolve => { server.close(resolve); server.closeAllConnections(); });
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(socket, () => resolve(mock));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] || '').href) await serve(process.argv[2], process.argv[3]);
