// browser.mjs: a browser with the page in it, a server under it, and expectations; what page_test.mjs needs in the environment.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {createRequire} from 'node:module';
import {isDeepStrictEqual} from 'node:util';
import {listen} from './forward.mjs';
import {serve} from './mock_server.mjs';

const require = createRequire(path.join(process.env.PAGE_MODULES, 'x.js'));
const {chromium} = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.PAGE_SHOTS, real = process.env.PAGE_SOCKET; // another server than the mock
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'page-'));
const socket = real || path.join(folder, 'socket');
export const languages = 'bg es cs da de et el en fr ga hr it lv lt hu mt nl pl pt ro sk sl fi sv'.split(' ');

export const mock = real ? null : await serve(process.env.MAKE_PAGE, socket);
let forward = await listen(socket);
export const origin = `http://127.0.0.1:${forward.port}/`;
export const browser = await chromium.launch({executablePath: process.env.CHROMIUM, args: process.getuid() === 0 ? ['--no-sandbox'] : []});

// ---- expecting ----

let wrong = 0; // in the running case
export const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

export function expect(condition, what) {
  if (condition) return;
  wrong++;
  console.log(`  not so: ${what}`);
}

export function same(got, want, what) {
  expect(isDeepStrictEqual(got, want), `${what}: ${JSON.stringify(got)?.slice(0, 500)} instead of ${JSON.stringify(want)?.slice(0, 500)}`);
}

export async function becomes(condition, what, ms = 10000) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) if (await condition()) return true;
  expect(false, `${what} within ${ms} ms`);
  return false;
}

// ---- a page ----

// Everything that the policy stopped, every other host asked, every script's error is against it.
export async function openPage(options = {}, at = origin) {
  const context = await browser.newContext({locale: 'en-GB', viewport: {width: 1280, height: 800}, permissions: [], ...options});
  const page = await context.newPage();
  page.bad = [];
  page.on('pageerror', error => page.bad.push(`error: ${error.message}`));
  page.on('console', message => { if (/Content Security|Refused to|TrustedHTML/.test(message.text())) page.bad.push(message.text()); });
  page.on('dialog', dialog => { page.bad.push('a dialog'); dialog.dismiss(); });
  page.on('request', request => {
    const url = request.url();
    if (!/^(data|blob):/.test(url) && !url.startsWith(origin)) page.bad.push(`asked for ${url}`);
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', event => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(at);
  return page;
}

export async function closePage(page) {
  same(await page.evaluate(() => window.violations), [], 'violations of the policy');
  same(page.bad, [], 'what the browser complained of');
  await page.context().close();
}

export const answers = page => page.locator('article.assistant');
export const busy = page => page.locator('#stop').isVisible();

export async function send(page, text) {
  await page.fill('#draft', text);
  await page.press('#draft', 'Enter');
}

export async function askPage(page, text, ms = 20000) {
  await send(page, text);
  await becomes(async () => !await busy(page), `an answer to “${text}”`, ms);
}

// Also where the switch is folded away.
export const setLanguage = (page, code) => page.evaluate(code => {
  const node = document.getElementById('language');
  node.value = code;
  node.dispatchEvent(new Event('change'));
}, code);

export async function shoot(page, name, fullPage = false) {
  if (shots) await page.screenshot({path: path.join(shots, `${name}.png`), fullPage});
}

// By axe-core: what it knows of WCAG, and good practice.
export async function judge(page, what) {
  await page.evaluate(axe);
  const {violations, passes} = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations', 'passes']}));
  expect(passes.length > 10, `axe judged ${what}`);
  for (const {id, help, nodes} of violations)
    expect(false, `${what}: ${id}: ${help}: ${nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')}`);
}

// The server is out of reach until what this gives is called.
export async function cutOff() {
  const {port} = forward;
  await forward.close();
  return async () => { forward = await listen(socket, port); };
}

// One case; whether it held.
export async function runCase(name, run) {
  wrong = 0;
  try { await run(); } catch (error) { expect(false, error.stack.split('\n').slice(0, 6).join(' / ')); }
  for (const context of browser.contexts()) await context.close();
  console.log(`${wrong ? 'FAIL' : 'ok  '} ${name}`);
  return !wrong;
}

export async function finish() {
  await browser.close();
  await forward.close();
  await mock?.close();
  fs.rmSync(folder, {recursive: true});
}
