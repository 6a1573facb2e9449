// Lists: their state, their imports, what a guard holds; and for an administrator what can be done about it.

import { get, post, postAndFollow, segment } from './api.js';
import { badge, count, counted, duration, facts, field, fill, h, named, notice, panel, say, size, table, time, values } from './dom.js';
import { link } from './rows.js';

const UPDATE = 'update';  // ids
const UPDATED = 'updated';

const PHASES = { fetch: 'Fetching', parse: 'Reading', import: 'Comparing', publish: 'Publishing' };

const STATES = { ok: 'good', updating: 'note', held: 'warn', failed: 'bad', never_loaded: 'warn', 'not in force': 'warn' };

export function stateBadge(list) {
  return [badge(list.state.replace('_', ' '), STATES[list.state] || ''), list.stale ? [' ', badge('stale', 'bad')] : null];
}

const COLUMNS = [
  ['List', (list) => h('a', { href: link('/lists', { name: list.name }) }, list.name)],
  ['State', (list) => [stateBadge(list), list.mode === 'observe' ? [' ', badge('observe', 'warn')] : null]],
  ['Rules', (list) => count(list.rules), 'right'],
  ['Kind', (list) => list.kind, 'secondary'],
  ['Last import', (list) => time(list.last_import), 'tight'],
  ['Age', (list) => (list.age_seconds === null ? '' : duration(list.age_seconds)), 'tight secondary'],
  ['Next', (list) => time(list.next_fetch), 'tight secondary'],
  ['Licence', (list) => list.licence, 'name secondary'],
  ['Source', (list) => h('span', { class: 'name' }, list.source), 'secondary'],
];

async function act(page, said, work) {
  try {
    const done = await work();
    await page.again();
    say(said(done));
  } catch (error) { page.fails(error); }
}

function reasonForm(label, more, submit) {
  const form = h('form', { class: 'fields', onsubmit: (event) => { event.preventDefault(); submit(values(form)); } },
    field('Reason', 'reason', { placeholder: 'for the audit log' }, true), h('button', { class: 'main' }, label), more);
  return form;
}

function samplesOf(items) {
  return h('ul', { class: 'mono' }, items.map((item) => h('li', null, typeof item === 'string' ? item : [named(item, 'pattern'), ` ${item.action}`, item.line ? h('span', { class: 'quiet' }, ` line ${item.line}`) : null])));
}

function guards(findings) {
  return table('What the guards found', [
    ['Guard', (finding) => finding.guard],
    ['', (finding) => badge(finding.holds ? 'holds' : 'warns', finding.holds ? 'warn' : '')],
    ['Finding', (finding) => [finding.text, finding.samples && finding.samples.length > 0 ? samplesOf(finding.samples) : null], 'name']], findings);
}

function held(page, list) {
  if (!list.held) return null;
  return panel('Held back', h('p', null, 'A new version came ', time(list.held.since), ' and is not in force:'), guards(list.held.why),
    page.isAdmin ? reasonForm('Approve it', null, ({ reason }) => act(page, (done) => `Approved: ${count(done.rules)} rules in force.`,
      () => post(`/lists/${segment(list.name)}/approve`, reason ? { reason } : {}))) : null);
}

function comparison(found) {
  return [h('p', null, `${count(found.added)} added, ${count(found.removed)} removed`, found.unchanged === undefined ? '' : `, ${count(found.unchanged)} unchanged`),
    h('div', { class: 'columns' },
      h('div', null, h('h3', null, 'Added'), found.added_samples.length > 0 ? samplesOf(found.added_samples) : h('p', { class: 'quiet' }, 'none')),
      h('div', null, h('h3', null, 'Removed'), found.removed_samples.length > 0 ? samplesOf(found.removed_samples) : h('p', { class: 'quiet' }, 'none')))];
}

function history(page, list, imports) {
  const place = h('div', { 'aria-live': 'polite' });
  const rolled = list.rolled_back ? list.rolled_back.import : imports.length > 0 ? imports[0].import : 0;
  async function compare(from, to) {
    try {
      const found = await get(`/lists/${segment(list.name)}/diff`, { from, to }, page.signal);
      fill(place, h('h3', null, `From import ${from} to import ${to}`), comparison(found));
    } catch (error) { page.fails(error); }
  }
  const before = new Map(imports.map((each, index) => [each.import, imports[index + 1]]));
  return panel('Imports', table('Imports, the newest first', [
    ['Import', (each) => [`#${each.import}`, each.import === rolled ? [' ', badge('in force', 'good')] : null], 'tight'],
    ['Time', (each) => time(each.time), 'tight'],
    ['Rules', (each) => count(each.rules), 'right'],
    ['Added', (each) => count(each.added), 'right secondary'],
    ['Removed', (each) => count(each.removed), 'right secondary'],
    ['Size', (each) => size(each.size_bytes), 'right tight secondary'],
    ['By', (each) => each.who, 'secondary'],
    ['', (each) => h('span', { class: 'actions' },
      before.get(each.import) ? h('button', { class: 'small', 'aria-label': `Compare import ${each.import} with the one before`, onclick: () => compare(before.get(each.import).import, each.import) }, 'Compare') : null,
      page.isAdmin && each.import !== rolled ? h('button', {
        class: 'small', 'aria-label': `Roll back to import ${each.import}`,
        onclick: () => { if (confirm(`Bring import ${each.import} of ${list.name} in force?`)) act(page, (done) => `Rolled back; generation ${done.generation}.`, () => post(`/lists/${segment(list.name)}/rollback`, { import: each.import })); },
      }, 'Roll back') : null)]], imports, 'It was never imported.'), place);
}

function buckets(list) {
  const rows = Object.entries(list.buckets).filter(([, value]) => typeof value === 'number' ? value > 0 : true);
  return panel('What its lines became', table('Lines by what became of them', [
    ['Became', ([key]) => key.replaceAll('_', ' ')],
    ['Lines', ([, value]) => (typeof value === 'number' ? count(value) : JSON.stringify(value)), 'right']], rows, 'Nothing is known.'),
  list.notes.length > 0 ? h('details', { open: list.notes.length <= 10 }, h('summary', null, `${count(list.notes.length)} remarks of the reader`),
    h('ul', { class: 'mono' }, list.notes.slice(0, 100).map((note) => h('li', null, typeof note === 'string' ? note : [note.line ? h('span', { class: 'quiet' }, `line ${note.line}: `) : null, note.text || JSON.stringify(note)])))) : null);
}

function report(page, list) {
  const place = h('div', { 'aria-live': 'polite' });
  const tally = (part) => `${count(part.decisions)} decisions, ${count(part.names)} names, ${count(part.clients)} clients`;
  async function load() {
    try {
      const found = await get(`/lists/${segment(list.name)}/report`, { since: '7d' }, page.signal);
      fill(place, facts([
        ['It names', tally(found.hits)],
        ['Nothing else blocks', tally(found.unique)],
        ['Others block anyway', tally(found.shared)],
        ['Undone by an allow', tally(found.undone)],
        ['Rules never met', `${found.never_hit_percent.toFixed(1)} % of ${count(found.rules)}`]]),
      found.unique.samples.length > 0 ? [h('h3', null, 'It alone'), h('ul', { class: 'mono' }, found.unique.samples.map((sample) => h('li', null, named(sample), ` ${count(sample.decisions)}`)))] : null);
    } catch (error) { page.fails(error); }
  }
  return panel('What it was worth in the last week', place, h('div', { class: 'actions' }, h('button', { onclick: load }, 'Count')));
}

// An update takes seconds or minutes. Its phases are told to who cannot see the bar, its end stands beside the button.
async function update(page, list, button, place) {
  if (button.getAttribute('aria-disabled')) return;
  button.setAttribute('aria-disabled', 'true');  // it keeps the focus
  const bar = h('progress', { 'aria-label': `Update of ${list.name}`, max: 1 });
  const phase = h('p', { class: 'quiet' }, 'Updating …');
  fill(place, bar, phase);
  const tell = ({ phase: name, done, total }) => {
    if (total > 0) bar.value = Math.min(1, done / total);
    else bar.removeAttribute('value');
    const text = `${PHASES[name] || name} …`;
    if (phase.textContent === text) return;
    phase.textContent = text;
    say(`${list.name}: ${text}`);
  };
  let ended;
  try {
    const done = await postAndFollow(`/lists/${segment(list.name)}/update`, {}, tell);
    ended = [done.changed ? `Updated: ${count(done.added)} added, ${count(done.removed)} removed, ${counted(done.rules, 'rule')} in force.` : 'Nothing has changed.', done.in_force ? 'note' : 'warn'];
  } catch (error) {
    if (error.status === 401) return;
    ended = [error.message, 'warn'];
  }
  if (page.signal.aborted) return;  // somebody looks at another page
  await page.again();
  const after = document.getElementById(UPDATED);
  if (after) fill(after, notice(...ended));
  document.getElementById(UPDATE)?.focus();
  say(`${list.name}: ${ended[0]}`);
}

function doing(page, list) {
  if (!page.isAdmin) return null;
  const place = h('div', { 'aria-live': 'polite' });
  async function look() {
    fill(place, h('p', { class: 'quiet' }, 'Fetching …'));
    try {
      const found = await post(`/lists/${segment(list.name)}/update`, { dry_run: true });
      fill(place, h('h3', null, 'An update would'), found.changed ? [found.would_be_held ? notice('It would be held back.', 'warn') : null, comparison(found), found.guards.length > 0 ? guards(found.guards) : null] : h('p', null, 'change nothing.'));
    } catch (error) {
      place.replaceChildren();
      page.fails(error);
    }
  }
  const updated = h('div', { id: UPDATED });
  return [h('div', { class: 'actions' },
    h('button', { id: UPDATE, onclick: (event) => update(page, list, event.currentTarget, updated) }, 'Update now'),
    h('button', { onclick: look }, 'What would an update do?')), updated, place];
}

async function one(page, name) {
  const [{ lists: [list] }, { imports }] = await Promise.all([
    get(`/lists/${segment(name)}`, {}, page.signal), get(`/lists/${segment(name)}/history`, {}, page.signal)]);
  fill(page.main,
    h('p', null, h('a', { href: '/lists' }, 'All lists')),
    h('div', { class: 'head' }, h('h1', null, list.name), stateBadge(list)),
    list.stale ? notice('It has not loaded for three of its intervals.', 'bad') : null,
    list.last_error && !list.held ? notice(list.last_error, 'bad') : null,
    list.rolled_back ? notice(`Import ${list.rolled_back.import} is in force (${list.rolled_back.how}); the newest is ${list.rolled_back.newest}.`, 'warn') : null,
    held(page, list),
    panel(null, facts([
      ['Source', list.source], ['Defined in', list.where], ['Kind', `${list.kind}, rank ${list.rank}, ${list.mode}`], ['Category', list.category], ['Licence', list.licence],
      ['Rules', count(list.rules)], ['Lines', count(list.lines)], ['Last import', time(list.last_import)], ['Last check', time(list.last_check)], ['Age', list.age_seconds === null ? 'never loaded' : `${duration(list.age_seconds)} since the last load`], ['Next fetch', time(list.next_fetch)],
      ['SHA-256', list.sha256 ? h('code', { class: 'name' }, list.sha256) : '']]), doing(page, list)),
    history(page, list, imports),
    h('div', { class: 'columns' }, buckets(list), report(page, list)));
}

export async function lists(page) {
  const name = page.query.get('name');
  if (name) return one(page, name);
  const found = await get('/lists', {}, page.signal);
  fill(page.main, h('h1', null, 'Lists'), panel(null, table('Lists', COLUMNS, found.lists, 'No lists are configured.')));
}
