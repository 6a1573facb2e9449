// What happens, at a glance: totals and their course, what is blocked most, by which list, and what wants attention.

import { get } from './api.js';
import { ranks, timeline } from './chart.js';
import { count, counted, duration, fill, h, named, notice, panel, percent, size, time } from './dom.js';
import { RANGES, bars, mostOf, totals } from './figures.js';
import { stateBadge } from './lists.js';
import { link, listLink } from './rows.js';

function tile(label, figure, more) {
  return h('li', { class: 'tile' }, h('div', { class: 'label' }, label), h('div', { class: 'figure' }, figure), h('div', { class: 'more' }, more || '\u00a0'));
}

function attention(status) {
  const out = [];
  if (!status.resolver.reachable) out.push(notice('weir-resolver cannot be reached: nobody is answered.', 'bad'));
  if (status.generation_error) out.push(notice(`No generation is in force: ${status.generation_error}`, 'bad'));
  for (const list of status.lists) {
    if (list.stale) out.push(notice([h('a', { href: link('/lists', { name: list.name }) }, list.name), `: stale, ${list.age_seconds === null ? 'it never loaded' : `it has not loaded for ${duration(list.age_seconds)}`}.`], 'bad'));
    if (list.state === 'held') {
      out.push(notice([h('strong', null, list.name), ': a new version is held back. ', h('a', { href: link('/lists', { name: list.name }) }, 'Look at it')], 'warn'));
    } else if (list.last_error) {
      out.push(notice([h('a', { href: link('/lists', { name: list.name }) }, list.name), `: ${list.last_error}`], 'warn'));
    }
  }
  if (status.requests_open) out.push(notice([`${counted(status.requests_open, 'request')} of filtered people wait for an answer. `, h('a', { href: '/requests' }, 'Requests')], 'note'));
  if (status.pinned) out.push(notice(`Pinned: ${status.pinned}; a reload takes the files again.`, 'warn'));
  for (const pending of status.needs_restart) out.push(notice(`In force only when ${pending.daemon} is restarted: ${pending.keys.join(', ')}`, 'warn'));
  for (const overlay of status.overlays) {
    if (overlay.kind === 'pause') out.push(notice(['Paused until ', time(overlay.until), `: ${overlay.subject}, by ${overlay.author} (${overlay.reason}). `, h('a', { href: '/overlays' }, 'Exceptions')]));
  }
  return out;
}

// Of what time the totals are. There may be none that are as old as what was asked for.
function span(all, range) {
  if (!all.complete) return 'a part could not be read';
  if (!all.from) return 'none are written yet';
  return Date.parse(all.from) - Date.parse(all.since) > all.step_seconds * 1000 ? ['since ', time(all.from)] : `last ${range}`;
}

export async function overview(page) {
  const range = RANGES[page.query.get('range')] ? page.query.get('range') : '24h';
  const [status, all, names, lists] = await Promise.all([
    get('/status', {}, page.signal),
    totals(range, page.signal),
    mostOf('name', 'blocked', range, page.signal),
    mostOf('list', 'blocked', range, page.signal)]);
  if (page.signal.aborted) return;
  const { step, buckets } = bars(all);
  fill(page.main,
    h('div', { class: 'head' }, h('h1', null, 'Overview'),
      h('div', { class: 'segments', role: 'group', 'aria-label': 'Time range' }, Object.keys(RANGES).map((each) => h('a', { href: link('/', { range: each }), 'aria-current': each === range ? 'true' : null }, each)))),
    attention(status),
    h('ul', { class: 'tiles' },
      tile('Queries', count(all.queries), span(all, range)),
      tile('Blocked', count(all.blocked), percent(all.blocked, all.queries)),
      tile('From the cache', percent(all.cached, all.queries), count(all.cached)),
      tile('Failed', count(all.failed), percent(all.failed, all.queries)),
      tile('Rules in force', count(status.generation ? status.generation.rules : 0), status.generation ? ['generation ', count(status.generation.number)] : ''),
      tile('Decision log', size(status.log.bytes), counted(status.log.rows, 'row'))),
    panel('Queries and blocks', timeline(buckets, step)),
    h('div', { class: 'columns' },
      panel('Blocked most', ranks('Names blocked most', names.map(([row, number]) => [h('a', { href: link('/search', { name: row.name, since: range }) }, named(row)), number]), 'Nothing was blocked.')),
      panel('By list', ranks('Lists that block most', lists.map(([row, number]) => [listLink(row.list), number]), 'Nothing was blocked.'))),
    panel('Lists', h('ul', { class: 'ranks' }, status.lists.map((list) => h('li', null,
      h('span', null, h('a', { href: link('/lists', { name: list.name }) }, list.name), ' ', stateBadge(list)),
      h('span', { class: 'quiet' }, counted(list.rules, 'rule'))))),
    status.lists.length === 0 ? h('p', { class: 'quiet' }, 'No lists are configured.') : null));
}
