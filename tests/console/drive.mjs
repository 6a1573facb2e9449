// Drives the console in Chromium as its users do: node drive.mjs SCENARIO, with the rest in WEIR_CONSOLE (JSON).
//
// In every scenario: no error on the browser's console that was not foreseen, no exception, no request to anybody but the
// sidecar. Ends with 0, or with 1 and what was wrong.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const given = JSON.parse(process.env.WEIR_CONSOLE);
const require = createRequire(join(given.modules, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const DESKTOP = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };
const PATIENCE_MS = 15000;

const faults = [];
let foreseen = [];

async function open(browser, { token = given.admin, viewport = DESKTOP, colorScheme = 'light' } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'UTC' });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = `${message.text()} ${message.location().url}`;
    if (!foreseen.some((pattern) => pattern.test(text))) faults.push(`console: ${text}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${given.url}/`)) faults.push(`a request to ${request.url()}`);
    if (request.url().includes(given.admin) || request.url().includes(given.analyst)) faults.push('a token in an address');
  });
  page.on('dialog', (dialog) => dialog.accept());
  if (token) {
    await page.goto(given.url);
    await page.evaluate((text) => sessionStorage.setItem('weir-token', text), token);
  }
  return page;
}

async function go(page, path, heading) {
  await page.goto(given.url + path);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const violation of violations) {
    const serious = violation.impact === 'serious' || violation.impact === 'critical';
    const nodes = violation.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary.replaceAll('\n', ' ')}`);
    if (serious) faults.push(`${where}: axe: ${violation.id}: ${nodes.join(' | ')}`);
  }
}

async function fitsItsWidth(page, where) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) faults.push(`${where}: the page is ${over} pixels wider than its window`);
}

async function shoot(page, name) {
  mkdirSync(given.screenshots, { recursive: true });
  await page.screenshot({ path: join(given.screenshots, `${name}.png`), fullPage: true });
}

const shown = (page, text) => page.getByText(text).first().waitFor();

const PAGES = [
  ['overview', '/', 'Overview'], ['live', '/tail', 'Live'], ['search', '/search?class=blocked', 'Search'],
  ['why', '/why?name=ads.example', 'Why'], ['why-followed', '/why?name=stats.news.example&follow=true', 'Why'],
  ['lists', '/lists', 'Lists'], ['list', '/lists?name=ads', 'ads'], ['exceptions', '/overlays', 'Exceptions'],
  ['rules', '/rules', 'Own rules'], ['groups', '/policies', 'Groups and policies'], ['audit', '/audit', 'Audit']];

const SCENARIOS = {
  async every_page_in_light_and_dark_on_desk_and_phone(browser) {
    for (const colorScheme of ['light', 'dark']) {
      for (const [size, viewport] of [['desk', DESKTOP], ['phone', PHONE]]) {
        const page = await open(browser, { viewport, colorScheme });
        for (const [name, path, heading] of PAGES) {
          await go(page, path, heading);
          if (name === 'search' || name === 'overview') await page.locator('main').getByText('ads.example').first().waitFor();
          if (name.startsWith('why')) await page.locator('.verdict').waitFor();
          // Colours do not depend on the width, nor structure on the colours.
          if (size === 'desk' || colorScheme === 'light') await accessible(page, `${name} ${size} ${colorScheme}`);
          await fitsItsWidth(page, `${name} ${size} ${colorScheme}`);
          await shoot(page, `${name}-${size}-${colorScheme}`);
        }
        await page.context().close();
      }
    }
  },

  async signing_in(browser) {
    foreseen = [/status of 401/];
    const page = await open(browser, { token: '' });
    await go(page, '/lists', 'Sign in');
    await accessible(page, 'sign in');
    await shoot(page, 'sign-in-desk-light');
    await page.getByLabel('Token').fill('weir_' + '0'.repeat(64));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('opens nothing').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('weir-token')), null);
    await page.getByLabel('Token').fill(given.analyst);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Lists' }).waitFor();
    await shown(page, 'bob · analyst');
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    assert.equal(await page.evaluate(() => document.cookie), '');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    // One that is taken away while the page is open.
    await page.getByLabel('Token').fill(given.removed);
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('opens nothing').waitFor();
  },

  async what_an_analyst_is_not_offered(browser) {
    const page = await open(browser, { token: given.analyst });
    await go(page, '/overlays', 'Exceptions');
    assert.equal(await page.getByRole('button', { name: 'Allow', exact: true }).count(), 0);
    await go(page, '/lists?name=held', 'held');
    await shown(page, 'Held back');
    assert.equal(await page.getByRole('button', { name: 'Approve it' }).count(), 0);
    assert.equal(await page.getByRole('button', { name: /Roll back/ }).count(), 0);
    await go(page, '/rules', 'Own rules');
    assert.equal(await page.getByRole('button', { name: 'Add' }).count(), 0);
    await go(page, '/why?name=ads.example', 'Why');
    await page.locator('.verdict').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Allow for a while' }).count(), 0);
  },

  async searching_keeps_its_filter_in_the_address(browser) {
    const page = await open(browser);
    await go(page, '/search', 'Search');
    await page.getByLabel('Name and all below').fill('ads.example');
    await page.getByLabel('Outcome').selectOption('blocked');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.waitForURL(/name=ads\.example/);
    assert.match(page.url(), /class=blocked/);
    await page.locator('tbody tr').first().waitFor();
    for (const row of await page.locator('tbody tr').allInnerTexts()) assert.match(row, /ads\.example/);
    await page.reload();
    await page.locator('tbody tr').first().waitFor();
    assert.equal(await page.getByLabel('Name and all below').inputValue(), 'ads.example');
    await page.locator('tbody tr').first().getByRole('link', { name: 'ads.example' }).click();
    await page.getByRole('heading', { level: 1, name: 'Why' }).waitFor();
    await page.locator('.verdict').getByText('is blocked').waitFor();
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor();
    // A filter that is none is told beside the form.
    foreseen = [/status of 400/];
    await page.getByLabel('Client').fill('nobody at all');
    await page.getByRole('button', { name: 'Search' }).click();
    await page.getByRole('alert').getByText('is no client').waitFor();
  },

  async why_now_then_and_as_the_resolver_answers(browser) {
    const page = await open(browser);
    await go(page, '/why', 'Why');
    await page.getByLabel('Name or address').fill('b.ads.example');
    await page.getByRole('button', { name: 'Why?' }).click();
    await page.locator('.verdict').getByText('is allowed').waitFor();
    await page.getByRole('region', { name: /rule that decided/ }).getByText('good').waitFor();
    await page.getByRole('region', { name: /did not decide/ }).getByText('ads', { exact: true }).waitFor();
    // Before the list that lets it through was there.
    await page.getByLabel('At', { exact: true }).fill(given.before);
    await page.getByRole('button', { name: 'Why?' }).click();
    await page.locator('.verdict').getByText('is blocked').waitFor();
    assert.match(page.url(), /at=/);
    await page.getByLabel('At', { exact: true }).fill('');
    await page.getByLabel('Name or address').fill('stats.news.example');
    await page.getByLabel('ask the resolver').check();
    await page.getByRole('button', { name: 'Why?' }).click();
    await shown(page, 'On the way to the answer');
    await shown(page, 'collect.metrics.test');
    // In its own letters, beside the name.
    await go(page, '/why?name=x.xn--bcher-kva.example', 'Why');
    await page.locator('.verdict').getByText('(x.bücher.example)').waitFor();
  },

  async a_name_is_let_through_for_a_while_and_back(browser) {
    const page = await open(browser);
    await go(page, '/why?name=r1.bulk.test', 'Why');
    await page.locator('.verdict').getByText('is blocked').waitFor();
    await page.getByLabel('Minutes').fill('10');
    await page.getByLabel('Reason').fill('the page is broken');
    await page.getByRole('button', { name: 'Allow for a while' }).click();
    await page.locator('.verdict').getByText('is allowed').waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Exceptions' }).click();
    await page.getByRole('heading', { level: 1, name: 'Exceptions' }).waitFor();
    await shown(page, 'the page is broken');
    await shoot(page, 'exceptions-one-desk-light');
    await page.getByRole('button', { name: /^End a/ }).click();
    await page.getByText('None.').waitFor();
    await page.getByRole('navigation').getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('heading', { level: 1, name: 'Audit' }).waitFor();
    await shown(page, 'api:alice');
    await shown(page, 'the page is broken');
  },

  async a_held_version_is_approved_and_rolled_back(browser) {
    const page = await open(browser);
    await go(page, '/', 'Overview');
    await page.getByRole('link', { name: 'Look at it' }).click();
    await page.getByRole('heading', { level: 1, name: 'held' }).waitFor();
    await shown(page, 'Held back');
    await shoot(page, 'held-desk-light');
    await accessible(page, 'a held list');
    await page.getByLabel('Reason').fill('looked at it');
    await page.getByRole('button', { name: 'Approve it' }).click();
    await page.getByText('Held back').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: /^Compare import/ }).click();
    await shown(page, /From import \d+ to import \d+/);
    await shown(page, '0 added, 30 removed');
    await page.getByRole('button', { name: /^Roll back to import/ }).click();
    await shown(page, /Import \d+ is in force/);
    await page.getByRole('button', { name: 'What would an update do?' }).click();
    await page.getByText(/An update would/).waitFor();
    await page.getByRole('button', { name: 'Count' }).click();
    await shown(page, 'Nothing else blocks');
  },

  async decisions_come_in_as_they_are_made(browser) {
    const page = await open(browser);
    await go(page, '/tail', 'Live');
    console.log('READY'); // whoever started us asks now, again and again
    await page.locator('tbody').getByText('live.ads.example').first().waitFor();
    await page.getByRole('button', { name: 'Hold' }).click();
    await page.getByRole('button', { name: 'Go on' }).waitFor();
  },

  async own_rules_come_and_go(browser) {
    const page = await open(browser);
    await go(page, '/rules', 'Own rules');
    await page.getByLabel('Name, pattern or line').fill('made.in.browser.example');
    await page.getByLabel('Reason').fill('a test');
    await page.getByRole('button', { name: 'Add' }).click();
    await shown(page, 'made.in.browser.example');
    await page.getByRole('button', { name: 'Remove made.in.browser.example' }).click();
    await page.getByRole('link', { name: 'made.in.browser.example' }).waitFor({ state: 'detached' });
    foreseen = [/status of 400/];
    await page.getByLabel('Name, pattern or line').fill('a..b');
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('alert').waitFor();
  },

  async hostile_names_are_text(browser) {
    foreseen = [/status of 400/];
    const page = await open(browser);
    const name = '<img src=x onerror="document.title=1">.example';
    await page.goto(`${given.url}/why?name=${encodeURIComponent(name)}`);
    await page.locator('.verdict, .notice.bad').first().waitFor();
    await page.goto(`${given.url}/search?name=${encodeURIComponent('"><script>document.title=1</script>')}&list=${encodeURIComponent('<b>x</b>')}`);
    await page.locator('main h1').waitFor();
    await page.goto(`${given.url}/search?name=evil.collect.metrics.test`);
    await page.locator('main h1').waitFor();
    await go(page, '/search?list=trackers', 'Search');
    await page.locator('tbody tr').first().waitFor();
    assert.notEqual(await page.title(), '1');
    assert.equal(await page.locator('main img, main script, main b').count(), 0);
  },

  async the_keyboard_reaches_everything(browser) {
    const page = await open(browser);
    await go(page, '/lists', 'Lists');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content');
    const seen = new Set();
    for (let i = 0; i < 40; i += 1) {
      await page.keyboard.press('Tab');
      seen.add(await page.evaluate(() => document.activeElement.textContent.trim()));
    }
    for (const each of ['Overview', 'Search', 'Why', 'Audit', 'Sign out', 'ads']) assert.ok(seen.has(each), each);
    await page.getByRole('link', { name: 'Search' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor();
  },

  async the_overview_shows_what_was_counted(browser) {
    const number = (value) => value.toLocaleString('en');
    for (const [token, range] of [[given.admin, '24h'], [given.analyst, '1h']]) {
      const page = await open(browser, { token });
      await go(page, `/?range=${range}`, 'Overview');
      const { queries, blocked, cached, failed } = given.totals;
      const tiles = page.locator('.tile');
      for (const [label, figure, more] of [['Queries', queries, /last|since/], ['Blocked', blocked, /%/], ['Failed', failed, /%/]]) {
        const tile = tiles.filter({ hasText: label }).first();
        assert.equal(await tile.locator('.figure').innerText(), number(figure), label);
        assert.match(await tile.locator('.more').innerText(), more);
      }
      assert.equal(await tiles.filter({ hasText: 'From the cache' }).locator('.more').innerText(), number(cached));
      // The same bar by bar, in the table behind the chart.
      await page.getByText('As a table').click();
      const rows = await page.locator('figure table tbody tr').allInnerTexts();
      assert.ok(rows.length >= (range === '1h' ? 60 : 48) && rows.length <= 62, rows.length);
      const sum = (column) => rows.reduce((all, row) => all + Number(row.split('\t')[column].replaceAll(',', '')), 0);
      assert.deepEqual([sum(1), sum(2)], [queries, blocked]);
      await page.context().close();
    }
  },

  async bars_of_totals(browser) {
    const page = await open(browser);
    const found = await page.evaluate(async () => {
      const { bars } = await import('/figures.js');
      return bars({ since: '2026-07-06T09:10:00.000Z', until: '2026-07-06T12:00:00.000Z', step_seconds: 1800,
        rows: [{ time: '2026-07-06T09:00:00.000Z', queries: 5, blocked: 1 }, { time: '2026-07-06T11:30:00.000Z', queries: 7, blocked: 2 }] });
    });
    assert.equal(found.step, 1800_000);
    assert.deepEqual(found.buckets.map(({ queries, blocked }) => [queries, blocked]), [[5, 1], [0, 0], [0, 0], [0, 0], [0, 0], [7, 2]]);
  },

  async a_list_is_updated_by_keyboard(browser) {
    const page = await open(browser);
    await go(page, '/lists?name=fresh', 'fresh');
    await page.evaluate(() => {
      globalThis.told = [];
      const said = document.getElementById('said');
      new MutationObserver(() => globalThis.told.push(said.textContent)).observe(said, { childList: true, characterData: true, subtree: true });
    });
    const button = page.getByRole('button', { name: 'Update now' });
    await button.focus();
    await page.keyboard.press('Enter');
    const ended = page.locator('#updated .notice');
    await ended.getByText('Updated: 3 added, 1 removed, 3 rules in force.').waitFor();
    await shown(page, /#\d+ in force/);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Update now');
    const told = await page.evaluate(() => globalThis.told);
    assert.match(told[0], /^fresh: .+ …$/);  // a phase
    assert.equal(told.at(-1), 'fresh: Updated: 3 added, 1 removed, 3 rules in force.');
    await accessible(page, 'an updated list');
    await shoot(page, 'updated-desk-light');
    await page.keyboard.press('Enter');
    await ended.getByText('Nothing has changed.').waitFor();
    // What a guard holds, and what is refused.
    foreseen = [/status of 400/];
    await go(page, '/lists?name=held', 'held');
    await button.click();
    await ended.getByText('the new version is held').waitFor();
    await shown(page, 'Held back');
    const analyst = await open(browser, { token: given.analyst });
    await go(analyst, '/lists?name=fresh', 'fresh');
    assert.equal(await analyst.getByRole('button', { name: 'Update now' }).count(), 0);
  },
};

const scenario = SCENARIOS[process.argv[2]];
assert.ok(scenario, `no such scenario; there are: ${Object.keys(SCENARIOS).join(' ')}`);
const browser = await chromium.launch({
  executablePath: given.chromium, chromiumSandbox: false,
  args: ['--disable-background-networking', '--disable-component-update', '--no-first-run', '--disable-gpu'] });
try {
  await scenario(browser);
} catch (error) {
  faults.push(error.stack);
  const [context] = browser.contexts();
  if (context) await shoot(context.pages()[0], `failed-${process.argv[2]}`).catch(() => {});
} finally {
  await browser.close();
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
