// The decision log, by a filter that stands in the address.

import { get } from './api.js';
import { COLUMNS, filterFields, filterOf, link } from './rows.js';
import { choice, count, counted, field, fill, h, notice, panel, table, values } from './dom.js';

const SINCE = [['', 'all that is kept'], ['15m', '15 minutes'], ['1h', 'an hour'], ['24h', 'a day'], ['7d', 'a week'], ['30d', '30 days']];

export async function search(page) {
  const { query } = page;
  const since = query.get('since') || '';
  const known = SINCE.some(([value]) => value === since) ? SINCE : [...SINCE, [since, since]];
  const form = h('form', { class: 'fields', onsubmit: submit }, filterFields(query),
    choice('In the last', 'since', known, since),
    field('Until', 'until', { value: query.get('until') || '', placeholder: 'now' }),
    h('button', { class: 'main' }, 'Search'));
  function submit(event) {
    event.preventDefault();
    page.go(values(form));
  }
  const place = h('div', null, h('p', { class: 'quiet' }, 'Searching …'));
  fill(page.main, h('h1', null, 'Search'), panel(null, form), panel(null, place));
  const asked = filterOf(query);
  for (const key of ['since', 'until', 'cursor']) if (query.get(key)) asked[key] = query.get(key);
  let found;
  try {
    found = await get('/log/search', { ...asked, limit: 200 }, page.signal);
  } catch (error) {
    place.replaceChildren();
    throw error;
  }
  const rows = [...found.rows].reverse();
  const oldest = rows.length > 0 ? rows[rows.length - 1].time : null;
  fill(place,
    found.note ? notice(found.note, 'warn') : null,
    found.missing ? notice(`Decisions are missing: ${found.missing.map((each) => `${each.rows ?? 'nobody knows how many'} from ${each.from} to ${each.to} (${each.why})`).join('; ')}.`, 'warn') : null,
    h('p', { class: 'quiet', role: 'status' }, found.complete ? counted(rows.length, 'decision') : `The newest ${count(rows.length)} decisions; there are more.`),
    table('Decisions found, the newest first', COLUMNS, rows, 'No decision fits.'),
    !found.complete && (found.next || oldest) ? h('div', { class: 'actions' }, h('a', { class: 'button', href: link('/search', { ...asked, ...(found.next ? { cursor: found.next } : { until: oldest }) }) }, 'Older ones')) : null);
}
