// cases_mock.mjs: what holds with the answers of mock_server.mjs.
import fs from 'node:fs';
import {answers, askPage, becomes, busy, closePage, expect, judge, mock, openPage, origin, same, send, shoot, sleep} from './browser.mjs';
import {receipt} from './mock_server.mjs';

export const cases = {
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
      const note = changes => changes.forEach(change => change.addedNodes.forEach(node => window.said.push(node.textContent)));
      new MutationObserver(note).observe(document.getElementById('live'), {childList: true});
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
    const plain = {model: 'demo-model', messages: [{role: 'user', content: 'plain'}], stream: true, stream_options: {include_usage: true}};
    same(mock.requests.at(-1), plain, 'as they are');
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
    same(mock.requests.at(-1), {...plain, temperature: 0, max_tokens: 100, seed: 7, chat_template_kwargs: {enable_thinking: false},
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
    const lines = (await page.locator('.receipt pre').innerText()).split('\n');
    same(lines.slice(3, 7), ['  "seed":18446744073709551615,', '  "output":{', '    "tokens":[1,2,3]', '  },'], 'shown');
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.receipt').getByRole('button', {name: 'Download'}).click()]);
    const id = `chatcmpl-${mock.count}`;
    same(download.suggestedFilename(), `receipt-${id}.json`, 'name');
    same(fs.readFileSync(await download.path(), 'utf8'), receipt(id), 'bytes');
    mock.receipts = false;
    await askPage(page, 'without');
    await sleep(300);
    same(await answers(page).last().locator('.receipt').count(), 0, 'none where there is none');
    mock.receipts = true;
    await closePage(page);
  },

  async errors_are_said_in_words() {
    const page = await openPage(), trouble = () => answers(page).last().locator('.trouble').innerText();
    for (const [word, text] of Object.entries({long: 'The conversation is too long for this model.', denied: 'Access was refused.',
      fault: 'The server reported a fault.', fail: 'the model stumbled', break: 'The connection was lost'})) {
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
    const names = await answers(page).locator('*').evaluateAll(nodes => nodes.flatMap(node => node.getAttributeNames()));
    same(names.filter(name => /^(on|src|style)/.test(name)), [], 'no such attribute');
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
        await page.evaluate(() => {
          for (const node of document.querySelectorAll('details')) node.open = true;
          document.getElementById('gone').hidden = false;
        });
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
