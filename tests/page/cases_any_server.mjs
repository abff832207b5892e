// cases_any_server.mjs: what holds whatever the answers say.
import fs from 'node:fs';
import path from 'node:path';
import {execFileSync} from 'node:child_process';
import {
  answers, askPage, becomes, browser, busy, closePage, cutOff, expect, languages, mock, openPage, origin, same, send, setLanguage, shoot,
} from './browser.mjs';

const first = await fetch(origin), pageBytes = Buffer.from(await first.arrayBuffer()), pageHeaders = Object.fromEntries(first.headers);

export const cases = {
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
    const page = await openPage();
    await askPage(page, 'Before it goes');
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'ready', 'ready');
    const restore = await cutOff();
    await send(page, 'After it went');
    await becomes(async () => await page.getAttribute('#state', 'data-state') === 'unreachable', 'unreachable');
    expect(await page.locator('#gone').isVisible(), 'the page says so');
    await shoot(page, 'gone-light');
    same(await page.locator('article').count(), 4, 'messages are there');
    // The page comes from somewhere else meanwhile, as from a proxy that lives on; the conversations are still the browser's.
    await page.route(origin, async route => route.fulfill({body: pageBytes, headers: pageHeaders}));
    await page.reload();
    await page.click('#list button');
    same(await page.locator('article').count(), 4, 'messages after a reload');
    await becomes(() => page.locator('#gone').isVisible(), 'the page says so after a reload');
    await restore();
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

  // Whatever an answer is, and wherever its pieces end: drawn in pieces it is what it is drawn at once, and soon.
  async any_text_is_drawn_soon_and_the_same_in_pieces() {
    const page = await (await browser.newContext()).newPage();
    const read = name => fs.readFileSync(path.join(import.meta.dirname, `../../runtime/page/${name}.js`), 'utf8');
    await page.addScriptTag({content: `${['elements', 'inline', 'markdown'].map(read).join('\n')}\nconst t = key => key; window.Markdown = Markdown;`});
    const {differs, slowest} = await page.evaluate(() => {
      let seed = 1, slowest = 0;
      const random = n => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
      const parts = ['a', 'word ', ' ', '  ', '    ', '\n', '\n\n', '\n\n\n', '- ', '* ', '1. ', '> ', '# ', '### ', '`', '```', '```js\n', '~~~', '*', '**', '***', '_', '~~', '[',
        '](', ')', '![', '(', '<', '>', '|', '|-|-|\n', '| a | b |\n', '---\n', 'https://x.eu/', '\\', '<br>', '<https://x.eu>', '\t', 'x](https://y.eu)', '\u202e'];
      const draw = (text, ends) => {
        const root = document.createElement('div'), markdown = new Markdown(root);
        for (const end of ends) markdown.show(text.slice(0, end));
        return root.innerHTML;
      };
      for (let i = 0; i < 3000; i++) {
        let text = '';
        for (let n = random(60); n >= 0; n--) text += parts[random(parts.length)].repeat(random(40) ? 1 : random(2000));
        const ends = Array.from({length: 12}, () => random(text.length + 1)).sort((a, b) => a - b), start = performance.now();
        if (draw(text, [...ends, text.length]) !== draw(text, [text.length])) return {differs: JSON.stringify([text.slice(0, 1000), ends])};
        slowest = Math.max(slowest, performance.now() - start);
      }
      for (const part of parts) {
        for (const text of [part, `${part}\n`].map(text => text.repeat(29000 / text.length))) {
          const start = performance.now();
          draw(text, [text.length]);
          slowest = Math.max(slowest, performance.now() - start);
        }
      }
      return {slowest};
    });
    same(differs, undefined, 'what differs');
    expect(slowest < 2000, `the slowest took ${slowest} ms`);
    console.log(`  the slowest took ${Math.round(slowest)} ms`);
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
    await askPage(page, mock ? 'markdown' : 'Hello');
    for (const code of languages) {
      await setLanguage(page, code);
      expect(await page.evaluate(() => document.documentElement.scrollWidth <= 320), `${code} fits`);
    }
    await setLanguage(page, 'en');
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
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      expect(order.at(-1) === 'draft' || outline !== 'none', `the focus is seen on ${order.at(-1)}`);
    }
    const list = order[2];
    expect(list.startsWith('One'), `the conversation comes third: ${list}`);
    const wanted = ['open-settings', 'new', list, 'export-all', 'delete-all', 'language', 'theme', 'rename', 'export', 'delete'];
    same(order.slice(0, 10), wanted, 'the order');
    same(order.at(-1), 'draft', 'the order ends');
    await page.focus('#open-settings');
    await page.keyboard.press('Enter');
    expect(await page.locator('#settings').evaluate(node => node.open), 'the settings open');
    await page.keyboard.press('Escape');
    same(await focused(), 'open-settings', 'the focus comes back');
    await closePage(page);
  },
};
