// page_test.mjs: drives the web page with a real browser, against mock_server.mjs, or against a server that listens on PAGE_SOCKET: then only the
// cases that ask nothing of the answers run. Started by cli_page.sh; wants MAKE_PAGE, PAGE_MODULES (what package.json names, installed there) and
// CHROMIUM. PAGE_SHOTS=DIR: pictures of the page, to be looked at.
import {cases as always} from './cases_any_server.mjs';
import {cases as mocked} from './cases_mock.mjs';
import {finish, mock, runCase} from './browser.mjs';

let passed = 0, failed = 0;
for (const [name, run] of Object.entries({...always, ...(mock ? mocked : {})})) {
  if (!name.includes(process.argv[2] || '')) continue; // for one at a time
  if (await runCase(name, run)) passed++;
  else failed++;
}
await finish();
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed || !passed ? 1 : 0;
