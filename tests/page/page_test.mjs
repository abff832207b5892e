// page_test.mjs: drives the web page with a real browser, against mock_server.mjs, or against a server that listens on PAGE_SOCKET: then only the
// cases that ask nothing of the answers run. Started by cli_page.sh; wants MAKE_PAGE, PAGE_MODULES (what package.json names, installed there) and
// CHROMIUM. PAGE_SHOTS=DIR: pictures of the page, to be looked at.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {execFileSync} from 'node:child_process';
import {createRequire} from 'node:module';
import {isDeepStrictEqual} from 'node:util';
import {listen} from './forward.mjs';
import {serve} from './mock_server.mjs';

const require = createRequire(path.join(process.env.PAGE_MODULES, 'x.js'));
const {chromium} = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.PAGE_SHOTS, real = process.env.PAGE_SOCKET;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'page-'));
const socket = real || path.join(folder, 'socket');
const languages = 'bg es cs da de et el en fr ga hr it lv lt hu mt nl pl pt ro sk sl fi sv'.split(' ');

const mock = real ? null : await serve(process.env.MAKE_PAGE, socket);
let forward = await listen(socket);
const origin = `http://127.0.0.1:${forward.port}/`;
const browser = await chromium.launch({executablePath: process.env.CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : []});

// ---- expecting ----

let wrong = 0;
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

function expect(condition, what) {
  if (condition) return;
  wrong++;
  console.log(`  not so: ${what}`);
}

function same(got, want, what) {
  expect(isDeepStrictEqual(got, want), `${what}: ${JSON.stringify(got)?.slice(0, 500)} instead of ${JSON.stringify(want)?.slice(0, 500)}`);
}

async function becomes(condition, what, ms = 10000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) if (await condition()) return true;
  expect(false, `${what} within ${ms} ms`);
  return false;
}

// ---- a page ----

// Everything that the policy stopped, every other host asked, every script's error is against it.
async function openPage(options = {}, at = origin) {
  const context = await browser.newContext({locale: 'en-GB', viewport: {width: 1280, height: 800}, permissions: [], ...options});
  const page = await context.newPage();
  page.bad = [];
  page.on('pageerror', error => page.bad.push(`error: ${error.message}`));
  page.on('console', message => { if (/Content Security|Refused to|TrustedHTML/.test(message.text())) page.bad.push(message.text()); });
  page.on('dialog', dialog => { page.bad.push('a dialog'); dialog.dismiss(); });
  page.on('request', request => { if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(origin)) page.bad.push(`asked for ${request.url()}`); });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', event => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(at);
  return page;
}

async function closePage(page) {
  same(await page.evaluate(() => window.violations), [], 'violations of the policy');
  same(page.bad, [], 'what the browser complained of');
  await page.context().close();
}

const answers = page => page.locator('article.assistant');
const busy = page => page.locator('#stop').isVisible();

async function send(page, text) {
  await page.fill('#draft', text);
  await page.press('#draft', 'Enter');
}

async function askPage(page, text, ms = 20000) {
  await send(page, text);
  await becomes(async () => !await busy(page), `an answer to “${text}”`, ms);
}

async function shoot(page, name, fullPage = false) {
  if (shots) await page.screenshot({path: path.join(shots, `${name}.png`), fullPage});
}

// ---- the cases ----

const cases = {
  async the_page_opens_and_knows_its_server() {
    const page = await openPage();
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'ready', 'ready');
    expect((await page.textContent('#model')).length > 0, 'the model has a name');
    await shoot(page, 'empty-light');
    await closePage(page);
  },

  async it_comes_with_its_headers() {
    const response = await fetch(origin), lines = execFileSync(process.env.MAKE_PAGE, ['headers'], {encoding: 'utf8'}).trim().split('\n');
    expect(lines.length > 5, 'there are headers');
    for (const line of lines) {
      const [name, value] = line.split(/: (.*)/s);
      same(response.headers.get(name), value, name);
    }
    expect(execFileSync(process.env.MAKE_PAGE, ['page']).equals(Buffer.from(await response.arrayBuffer())), 'its bytes are those of the program');
  },

  async it_sends_and_shows_an_answer() {
    const page = await openPage();
    await askPage(page, 'Which city is the capital of Austria?');
    same(await answers(page).count(), 1, 'answers');
    expect((await answers(page).locator('.text').last().innerText()).trim().length > 0, 'the answer has a text');
    same(await page.locator('.trouble:visible').count(), 0, 'troubles');
    same(await page.textContent('#title'), 'Which city is the capital of Austria?', 'title');
    await closePage(page);
  },

  async conversations_survive_a_reload() {
    const page = await openPage();
    await askPage(page, 'Remember me');
    const text = await answers(page).innerText();
    await page.reload();
    await page.click('#list button');
    same(await page.locator('article.user .text').innerText(), 'Remember me', 'question');
    same(await answers(page).innerText(), text, 'answer');
    await closePage(page);
  },

  async a_server_that_goes_is_noticed_and_nothing_is_lost() {
    const page = await openPage(), port = forward.port;
    await askPage(page, 'Before it goes');
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'ready', 'ready');
    await forward.close();
    await send(page, 'After it went');
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'unreachable', 'unreachable');
    expect(await page.locator('#gone').isVisible(), 'the page says so');
    await shoot(page, 'gone-light');
    same(await page.locator('article').count(), 4, 'messages are there');
    // The page comes from somewhere else meanwhile, as from a proxy that lives on; the conversations are still the browser's.
    await page.route(origin, async route => route.fulfill({body: pageText, headers: pageHeaders}));
    await page.reload();
    await page.click('#list button');
    same(await page.locator('article').count(), 4, 'messages after a reload');
    await becomes(() => page.locator('#gone').isVisible(), 'the page says so after a reload');
    forward = await listen(socket, port);
    await page.click('#check');
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'ready', 'ready again');
    expect(!await page.locator('#gone').isVisible(), 'the page says it no more');
    await answers(page).last().getByRole('button', {name: 'Try again'}).click();
    await becomes(async () => !await busy(page) && await page.locator('.trouble:visible').count() === 0, 'an answer after all');
    page.bad = page.bad.filter(text => !/ERR_CONNECTION_REFUSED/.test(text));
    await closePage(page);
  },

  async every_language_is_there_and_chosen_by_the_browser() {
    const page = await openPage({locale: 'de-AT'});
    same(await page.getAttribute('html', 'lang'), 'de', 'lang for de-AT');
    same(await page.textContent('#send'), 'Senden', 'send');
    same(await page.locator('#language option').evaluateAll(nodes => nodes.map(node => node.value)), languages, 'languages');
    const seen = new Set();
    for (const code of languages) {
      await page.selectOption('#language', code);
      same(await page.getAttribute('html', 'lang'), code, 'lang');
      seen.add(await page.textContent('#notice'));
      same(await page.evaluate(() => document.body.innerText.match(/\{\w+\}|undefined|NaN/)), null, `placeholders in ${code}`);
    }
    same(seen.size, languages.length, 'different notices');
    await page.reload();
    same(await page.getAttribute('html', 'lang'), 'sv', 'the choice is kept');
    await closePage(page);
    const other = await openPage({locale: 'ja-JP'});
    same(await other.getAttribute('html', 'lang'), 'en', 'lang for ja-JP');
    await closePage(other);
  },

  async numbers_take_the_forms_of_their_language() {
    const here = path.join(import.meta.dirname, '../../runtime/page/languages');
    for (const code of languages) {
      const wanted = new Intl.PluralRules(code).resolvedOptions().pluralCategories.sort();
      for (const [key, entry] of Object.entries(JSON.parse(fs.readFileSync(path.join(here, `${code}.json`), 'utf8'))))
        if (typeof entry === 'object') same(Object.keys(entry).sort(), wanted, `${code} ${key}`);
    }
  },

  async it_fits_320_pixels_in_every_language() {
    const page = await openPage({viewport: {width: 320, height: 640}});
    await askPage(page, real ? 'Hello' : 'markdown');
    for (const code of languages) {
      await page.evaluate(code => { const node = document.getElementById('language'); node.value = code; node.dispatchEvent(new Event('change')); }, code);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= 320), `${code} fits`);
    }
    await page.evaluate(() => { const node = document.getElementById('language'); node.value = 'en'; node.dispatchEvent(new Event('change')); });
    await shoot(page, 'narrow-light');
    await page.click('#drawer');
    await shoot(page, 'narrow-conversations');
    expect(await page.locator('#list button').isVisible(), 'the conversations open');
    await page.keyboard.press('Escape');
    expect(!await page.locator('#list button').isVisible(), 'the conversations close');
    await page.click('#open-settings');
    await shoot(page, 'narrow-settings');
    await page.keyboard.press('Escape');
    await page.setViewportSize({width: 640, height: 360}); // a screen of 1280 by 720 at 200 %
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= 640), 'it fits at 200 %');
    await page.locator('#draft').scrollIntoViewIfNeeded();
    await shoot(page, 'zoom-light');
    await closePage(page);
  },

  async the_keyboard_alone_suffices() {
    const page = await openPage(), focused = () => page.evaluate(() => document.activeElement.id);
    await becomes(async () => await focused() === 'draft', 'the message field has the focus at first');
    expect(await page.evaluate(() => document.querySelector('a, button, input, select, textarea').matches('.skip')), 'the skip link comes first');
    await page.focus('.skip');
    expect(await page.locator('.skip').evaluate(node => node.getBoundingClientRect().top >= 0), 'and is seen');
    await page.keyboard.press('Enter');
    same(await focused(), 'draft', 'it leads to the message field');
    await page.keyboard.type('One');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('Two');
    await page.keyboard.press('Enter');
    await becomes(async () => !await busy(page) && await answers(page).count() === 1, 'an answer');
    same(await page.locator('article.user .text').innerText(), 'One\nTwo', 'what was sent');
    same(await focused(), 'draft', 'the focus stays');
    await page.evaluate(() => document.querySelector('.skip').focus());
    const order = [];
    for (let i = 0; i < 30 && order.at(-1) !== 'draft'; i++) {
      await page.keyboard.press('Tab');
      order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent));
      expect(await page.evaluate(() => document.activeElement.id === 'draft' || getComputedStyle(document.activeElement).outlineStyle !== 'none'), `the focus is seen on ${order.at(-1)}`);
    }
    const list = order[2];
    expect(list.startsWith('One'), `the conversation comes third: ${list}`);
    same(order.slice(0, 10), ['open-settings', 'new', list, 'export-all', 'delete-all', 'language', 'theme', 'rename', 'export', 'delete'], 'the order');
    same(order.at(-1), 'draft', 'the order ends');
    await page.focus('#open-settings');
    await page.keyboard.press('Enter');
    expect(await page.locator('#settings').evaluate(node => node.open), 'the settings open');
    await page.keyboard.press('Escape');
    same(await focused(), 'open-settings', 'the focus comes back');
    await closePage(page);
  },
};

const mocked = {
  async an_answer_comes_piece_by_piece_and_stops() {
    const page = await openPage(), stopped = mock.stopped;
    await send(page, 'slow please');
    const text = page.locator('article.assistant .text').last();
    await becomes(async () => (await text.innerText()).length > 100, 'a beginning');
    expect(await busy(page), 'it is still under way');
    const early = (await text.innerText()).length;
    await becomes(async () => (await text.innerText()).length > early, 'more');
    same(await page.getAttribute('#messages', 'aria-busy'), 'true', 'aria-busy');
    await shoot(page, 'streaming-light');
    await page.keyboard.press('Escape');
    await becomes(async () => !await busy(page), 'the end', 2000);
    await becomes(() => mock.stopped === stopped + 1, 'the server sees it');
    expect((await answers(page).innerText()).includes('The answer was stopped.'), 'it says so');
    const end = await text.innerText();
    await sleep(300);
    same(await text.innerText(), end, 'the text after the stop');
    await send(page, 'slow again');
    await page.click('#stop');
    await becomes(async () => !await busy(page), 'the end by the button', 2000);
    await closePage(page);
  },

  async it_reads_out_sentences_and_not_pieces() {
    const page = await openPage();
    await page.evaluate(() => {
      window.said = [];
      new MutationObserver(changes => changes.forEach(change => change.addedNodes.forEach(node => window.said.push(node.textContent)))).observe(document.getElementById('live'), {childList: true});
    });
    await askPage(page, 'slow please', 30000);
    const said = await page.evaluate(() => window.said);
    expect(said.length > 3 && said.length < 20, `${said.length} announcements`);
    same(said[0], 'The answer is being prepared…', 'at first');
    same(said.at(-1), 'The answer is complete.', 'at last');
    expect(said.slice(1, -1).every(text => text.endsWith('.')), 'whole sentences');
    same(said.slice(1, -1).join(' '), 'A sentence that takes its time. '.repeat(40).trim(), 'all of it once');
    await closePage(page);
  },

  async markdown_becomes_elements() {
    const page = await openPage({permissions: ['clipboard-read', 'clipboard-write']});
    await askPage(page, 'markdown');
    const answer = answers(page);
    same(await answer.locator('h4').innerText(), 'Capitals', 'heading');
    same(await answer.locator('ol > li').count(), 2, 'items');
    same(await answer.locator('ol ul li').innerText(), 'on the Danube', 'inner item');
    same(await answer.locator('th').allInnerTexts(), ['Country', 'Capital'], 'table head');
    same(await answer.locator('td').allInnerTexts(), ['Austria', 'Vienna', 'Finland', 'Helsinki'], 'table');
    same(await answer.locator('strong, em, p > code').allInnerTexts(), ['bold', 'italic', 'code'], 'marks');
    same(await answer.locator('blockquote').innerText(), 'A quotation.', 'quotation');
    same(await answer.locator('.text a').evaluateAll(nodes => nodes.map(node => [node.href, node.rel])),
      [['https://example.eu/page', 'noopener noreferrer'], ['https://example.eu/bare', 'noopener noreferrer']], 'links');
    same(await answer.locator('figcaption span').innerText(), 'c', 'the code has its language');
    await answer.getByRole('button', {name: 'Copy code'}).click();
    same(await page.evaluate(() => navigator.clipboard.readText()), 'int main(void) { return 1 < 2; }', 'copied code');
    await answer.getByRole('button', {name: 'Copy', exact: true}).click();
    expect((await page.evaluate(() => navigator.clipboard.readText())).startsWith('# Capitals\n'), 'copied message');
    await page.locator('.receipt').waitFor();
    await shoot(page, 'answer-light', true);
    await closePage(page);
  },

  // A settled beginning is not drawn again: what comes out must not depend on where the pieces end.
  async pieces_make_the_same_as_the_whole() {
    const page = await openPage();
    for (const word of ['markdown', 'hostile']) {
      await askPage(page, word);
      const streamed = await page.locator('article.assistant .text').last().innerHTML();
      await page.selectOption('#language', 'de'); // draws everything anew
      await page.selectOption('#language', 'en');
      same(await page.locator('article.assistant .text').last().innerHTML(), streamed, word);
    }
    await closePage(page);
  },

  async retry_and_edit_replace_what_follows() {
    const page = await openPage();
    await askPage(page, 'First question');
    await askPage(page, 'Second question');
    const second = await answers(page).last().locator('.text').last().innerText();
    await answers(page).last().getByRole('button', {name: 'Try again'}).click();
    await becomes(async () => !await busy(page) && (await answers(page).last().locator('.text').last().innerText()) !== second, 'another answer');
    same(mock.requests.at(-1).messages, mock.requests.at(-2).messages, 'the same is asked again');
    same(mock.requests.at(-1).messages.map(message => message.role), ['user', 'assistant', 'user'], 'roles');
    await page.locator('article.user').first().getByRole('button', {name: 'Edit'}).click();
    await page.keyboard.press('Escape');
    same(await page.locator('article').count(), 4, 'Escape leaves it');
    await page.locator('article.user').first().getByRole('button', {name: 'Edit'}).click();
    await shoot(page, 'edit-light');
    await page.locator('.edit textarea').fill('Changed question');
    await page.locator('.edit').getByRole('button', {name: 'Send'}).click();
    await becomes(async () => !await busy(page) && await page.locator('article').count() === 2, 'two messages');
    same(mock.requests.at(-1).messages, [{role: 'user', content: 'Changed question'}], 'what is asked');
    await closePage(page);
  },

  async settings_go_with_the_request() {
    const page = await openPage();
    await askPage(page, 'plain');
    same(mock.requests.at(-1), {model: 'demo-model', messages: [{role: 'user', content: 'plain'}], stream: true, stream_options: {include_usage: true}}, 'as they are');
    await page.click('#open-settings');
    await page.fill('#set-system', 'Be brief.');
    await page.selectOption('#set-thinking', 'off');
    await page.fill('#set-temperature', '0');
    await page.fill('#set-max_tokens', '100');
    await page.fill('#set-seed', '7');
    await page.fill('#set-seed', '-7');
    await page.keyboard.press('Tab');
    await shoot(page, 'settings-light');
    await page.fill('#set-seed', '7');
    await page.locator('#settings').getByRole('button', {name: 'Close'}).click();
    await page.reload();
    await askPage(page, 'plain');
    const {temperature, max_tokens, seed, chat_template_kwargs, messages} = mock.requests.at(-1);
    same({temperature, max_tokens, seed, chat_template_kwargs, messages}, {temperature: 0, max_tokens: 100, seed: 7, chat_template_kwargs: {enable_thinking: false},
      messages: [{role: 'system', content: 'Be brief.'}, {role: 'user', content: 'plain'}]}, 'as set');
    await page.click('#open-settings');
    await page.click('#reset');
    same(await page.inputValue('#set-system'), '', 'reset');
    await closePage(page);
  },

  async reasoning_is_folded_away() {
    const page = await openPage();
    await askPage(page, 'reason about it');
    const box = answers(page).locator('details').first();
    same(await box.locator('strong').count(), 0, 'not drawn while closed');
    await box.locator('summary').click();
    same(await box.locator('strong').innerText(), 'again', 'reasoning');
    await askPage(page, 'next');
    expect(!JSON.stringify(mock.requests.at(-1)).includes('First I think'), 'it is not sent back');
    await closePage(page);
  },

  async receipts_are_shown_and_saved_to_the_byte() {
    const page = await openPage();
    await askPage(page, 'certify');
    await page.locator('.receipt summary').click();
    expect((await page.locator('.receipt pre').innerText()).includes('\n  "seed":18446744073709551615,\n  "output":{\n    "tokens":[1,2,3]\n  },\n  "logits":"ab"\n}'), 'shown');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.receipt').getByRole('button', {name: 'Download'}).click()]);
    const id = `chatcmpl-${mock.count}`;
    same(download.suggestedFilename(), `receipt-${id}.json`, 'name');
    same(fs.readFileSync(await download.path(), 'utf8'), `{"receipt":1, "id":"${id}", "seed":18446744073709551615, "output":{"tokens":[1,2,3]}, "logits":"ab"}\n`, 'bytes');
    mock.receipts = false;
    await askPage(page, 'without');
    await sleep(300);
    same(await answers(page).last().locator('.receipt').count(), 0, 'none where there is none');
    mock.receipts = true;
    await closePage(page);
  },

  async errors_are_said_in_words() {
    const page = await openPage(), trouble = () => answers(page).last().locator('.trouble').innerText();
    for (const [word, text] of [['long', 'The conversation is too long for this model.'], ['denied', 'Access was refused.'], ['fault', 'The server reported a fault.'],
      ['fail', 'the model stumbled'], ['break', 'The connection was lost']]) {
      await askPage(page, word);
      expect((await trouble()).includes(text), `${word}: ${await trouble()}`);
    }
    await askPage(page, 'long');
    expect((await trouble()).includes('the model takes 8192'), 'the server’s own words');
    await shoot(page, 'errors-light');
    await askPage(page, 'cut');
    expect((await answers(page).last().innerText()).includes('maximum length'), 'the length');
    await closePage(page);
  },

  async a_key_opens_what_asks_for_one() {
    mock.key = 'k-123';
    const page = await openPage();
    await askPage(page, 'plain');
    expect((await answers(page).locator('.trouble').innerText()).includes('Access was refused.'), 'it is refused without');
    await page.click('#open-settings');
    same(await page.getAttribute('#set-key', 'type'), 'password', 'the key is not shown');
    await page.fill('#set-key', 'k-123');
    await page.keyboard.press('Tab');
    await becomes(async () => await page.textContent('#model') === 'demo-model', 'the model has a name');
    await page.keyboard.press('Escape');
    await answers(page).getByRole('button', {name: 'Try again'}).click();
    await becomes(async () => !await busy(page) && await page.locator('.trouble:visible').count() === 0, 'an answer');
    await page.locator('.receipt').waitFor();
    mock.key = '';
    await closePage(page);
  },

  async a_busy_server_is_asked_again_in_time() {
    const page = await openPage();
    mock.busy = 0;
    await askPage(page, 'busy');
    const trouble = answers(page).last().locator('.trouble');
    expect(/The server is busy\.[^]*You can try again in [12] secs?\./.test(await trouble.innerText()), await trouble.innerText());
    await becomes(async () => (await trouble.innerText()).includes('You can try again now.'), 'the count ends', 4000);
    await trouble.getByRole('button', {name: 'Try again'}).click();
    await becomes(async () => !await busy(page) && await page.locator('.trouble:visible').count() === 0, 'an answer');
    mock.ready = false;
    await page.evaluate(() => document.getElementById('check').click());
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'starting', 'not ready');
    mock.ready = true;
    await closePage(page);
  },

  async conversations_are_named_exported_and_deleted() {
    const page = await openPage();
    for (const text of ['One', 'Two', 'Three']) {
      await page.click('#new');
      await askPage(page, text);
    }
    await page.click('#rename');
    await page.fill('#ask-name', 'Third <b>time</b>');
    await shoot(page, 'rename-light');
    await page.keyboard.press('Enter');
    await becomes(async () => await page.textContent('#title') === 'Third <b>time</b>', 'a new name');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#export-all')]);
    const exported = JSON.parse(fs.readFileSync(await download.path(), 'utf8'));
    same(exported.conversations.map(one => one.title), ['Third <b>time</b>', 'Two', 'One'], 'exported');
    same(exported.conversations[2].messages.map(one => one.role), ['user', 'assistant'], 'roles');
    await page.click('#delete');
    expect((await page.textContent('#ask-title')).startsWith('Delete “Third <b>time</b>”?'), 'it asks');
    await page.keyboard.press('Escape');
    same(await page.locator('#list button').count(), 3, 'Escape keeps it');
    await page.click('#delete');
    await page.click('#ask-yes');
    await becomes(async () => await page.locator('#list button').count() === 2, 'one is gone');
    await page.click('#delete-all');
    same(await page.textContent('#ask-title'), 'Delete 2 conversations? This cannot be undone.', 'it asks');
    await page.click('#ask-yes');
    await becomes(async () => await page.locator('#list button').count() === 0, 'all are gone');
    await page.reload();
    same(await page.locator('#list button').count(), 0, 'for good');
    expect(await page.locator('#none').isVisible(), 'it says so');
    await closePage(page);
  },

  async another_tab_sees_what_changes() {
    const page = await openPage(), other = await page.context().newPage();
    await other.goto(origin);
    await askPage(page, 'Shared');
    await becomes(async () => await other.locator('#list button').count() === 1, 'the other tab has it');
    await page.click('#delete');
    await page.click('#ask-yes');
    await becomes(async () => await other.locator('#list button').count() === 0, 'the other tab has lost it');
    await closePage(page);
  },

  async an_answer_goes_on_behind_another_conversation() {
    const page = await openPage();
    await send(page, 'slow one');
    await becomes(async () => (await answers(page).innerText()).includes('takes its time'), 'a beginning');
    await page.click('#new');
    same(await page.locator('article').count(), 0, 'a new conversation');
    await sleep(500);
    await page.click('#list button');
    expect((await answers(page).innerText()).includes('takes its time'), 'it is there again');
    await sleep(3500);
    await page.reload(); // in the middle of it
    await page.click('#list button');
    expect((await page.locator('article.user .text').innerText()) === 'slow one', 'the question was kept');
    expect((await answers(page).innerText()).includes('The connection was lost'), 'the answer’s end is missed');
    expect((await answers(page).innerText()).includes('takes its time'), 'its beginning was kept');
    await closePage(page);
  },

  async a_hostile_answer_does_nothing() {
    const page = await openPage();
    await askPage(page, 'hostile');
    await sleep(300);
    same(await page.evaluate(() => window.hacked), undefined, 'nothing ran');
    same(await answers(page).locator('img, script, svg, iframe, style, base, object, embed, link, form').count(), 0, 'no such element');
    same(await answers(page).locator('*').evaluateAll(nodes => nodes.flatMap(node => node.getAttributeNames()).filter(name => name.startsWith('on') || name === 'src' || name === 'style')), [], 'no such attribute');
    const links = await answers(page).locator('a').evaluateAll(nodes => nodes.map(node => node.href));
    expect(links.length >= 3 && links.every(href => href.startsWith('https://')), links.join(' '));
    for (const text of ['bank.example', 'https://bank.example/?evil.example', '\u202eelpmaxe.knab', 'https://bank.example@evil.example/'])
      expect((await answers(page).innerText()).includes(`${text} (evil.example)`), `a link says where it leads: ${text}`);
    expect((await answers(page).innerText()).includes('<img src=x onerror="window.hacked=1">'), 'it is shown as written');
    expect((await answers(page).innerText()).includes('end of hostility'), 'to the end');
    await page.reload();
    await page.click('#list button');
    same(await page.evaluate(() => window.hacked), undefined, 'nothing ran after a reload');
    await shoot(page, 'hostile-light', true);
    await closePage(page);
  },

  async nesting_and_length_are_bounded() {
    const page = await openPage();
    for (const [word, end] of [['nested', 'end of nesting'], ['huge', 'end of length']]) {
      const start = Date.now();
      await askPage(page, word, 60000);
      console.log(`  ${word}: ${Date.now() - start} ms`);
      expect((await answers(page).last().evaluate(node => node.textContent)).includes(end), `${word} to the end`);
      same(await answers(page).last().locator('.trouble').count(), 0, `${word}: troubles`);
      expect(await page.evaluate(() => document.querySelectorAll('*').length) < 70000, 'elements');
      const from = Date.now();
      await page.evaluate(() => new Promise(resolve => setTimeout(resolve, 0)));
      expect(Date.now() - from < 2000, 'the page answers');
      await page.click('#new');
    }
    await closePage(page);
  },

  async it_is_accessible_in_light_and_dark() {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 320]) {
        const page = await openPage({colorScheme, bypassCSP: true, viewport: {width, height: 800}});
        page.bad = [];
        await becomes(async () => await page.getAttribute('#state', 'data-state') === 'ready', 'ready');
        await judge(page, `${colorScheme} ${width} empty`);
        await askPage(page, 'markdown');
        await askPage(page, 'reason ' + 'and so on '.repeat(400));
        await askPage(page, 'fault');
        await page.locator('.receipt').nth(1).waitFor();
        await page.evaluate(() => { for (const node of document.querySelectorAll('details')) node.open = true; document.getElementById('gone').hidden = false; });
        await judge(page, `${colorScheme} ${width} conversation`);
        await shoot(page, `conversation-${colorScheme}-${width}`, true);
        await page.click('#open-settings');
        await judge(page, `${colorScheme} ${width} settings`);
        await shoot(page, `settings-${colorScheme}-${width}`);
        await page.keyboard.press('Escape');
        await page.click('#delete');
        await judge(page, `${colorScheme} ${width} question`);
        await page.keyboard.press('Escape');
        if (width === 320) {
          await page.click('#drawer');
          await judge(page, `${colorScheme} ${width} conversations`);
        }
        await page.context().close();
      }
    }
  },

  async the_switch_overrides_the_system_and_motion_can_be_off() {
    const page = await openPage({colorScheme: 'light', reducedMotion: 'reduce'});
    const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    same(await back(), 'rgb(255, 255, 255)', 'light');
    await page.selectOption('#theme', 'dark');
    same(await back(), 'rgb(21, 24, 28)', 'dark');
    await page.reload();
    same(await back(), 'rgb(21, 24, 28)', 'dark after a reload');
    await send(page, 'slow');
    same(await page.locator('.waiting').evaluate(node => getComputedStyle(node, '::before').animationName), 'none', 'animation');
    await page.keyboard.press('Escape');
    await closePage(page);
  },

  async it_prints_the_conversation_alone() {
    const page = await openPage();
    await askPage(page, 'markdown');
    await page.emulateMedia({media: 'print'});
    for (const id of ['side', 'composer', 'tools']) expect(!await page.locator(`#${id}`).isVisible(), `${id} is not printed`);
    expect(await answers(page).isVisible(), 'the answer is');
    await shoot(page, 'print', true);
    await closePage(page);
  },
};

async function judge(page, what) {
  await page.evaluate(axe);
  const {violations, passes} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations', 'passes']}));
  expect(passes.length > 10, `axe judged ${what}`);
  for (const {id, help, nodes} of violations) expect(false, `${what}: ${id}: ${help}: ${nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')}`);
}

// ---- running them ----

const first = await fetch(origin), pageText = Buffer.from(await first.arrayBuffer());
const pageHeaders = Object.fromEntries(first.headers);
let passed = 0, failed = 0;
const only = process.argv[2];
for (const [name, run] of Object.entries({...cases, ...(mock ? mocked : {})})) {
  if (only && !name.includes(only)) continue;
  wrong = 0;
  try { await run(); } catch (error) { expect(false, error.stack.split('\n').slice(0, 6).join(' / ')); }
  for (const context of browser.contexts()) await context.close();
  if (wrong) failed++; else passed++;
  console.log(`${wrong ? 'FAIL' : 'ok  '} ${name}`);
}
await browser.close();
await forward.close();
await mock?.close();
fs.rmSync(folder, {recursive: true});
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed ? 1 : 0;
