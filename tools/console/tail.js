// Decisions as they are made.

import { lines } from './api.js';
import { COLUMNS, FILTERS, filterFields, filterOf } from './rows.js';
import { fill, h, panel, say, table, tableRow, values } from './dom.js';

const MOST_ROWS = 500;

export async function tail(page) {
  let held = false;
  let number = 0;
  const state = h('span', { class: 'quiet' }, 'waiting for decisions');
  const place = h('div', null, h('p', { class: 'quiet' }, 'Nothing yet.'));
  const hold = h('button', { type: 'button', 'aria-pressed': 'false', onclick: toggle }, 'Hold');
  const form = h('form', { class: 'fields', onsubmit: narrow }, filterFields(page.query), h('button', { class: 'main' }, 'Narrow'), hold);

  function toggle() {
    held = !held;
    hold.setAttribute('aria-pressed', String(held));
    hold.textContent = held ? 'Go on' : 'Hold';
    say(held ? 'Held.' : 'Going on.');
  }
  function narrow(event) {
    event.preventDefault();
    page.go(Object.fromEntries(Object.entries(values(form)).filter(([key]) => FILTERS.includes(key))));
  }
  function show(row) {
    if (held || row.end) return;
    number += 1;
    state.textContent = `${number} since you came`;
    let body = place.querySelector('tbody');
    if (!body) {
      fill(place, table('Decisions, the newest first', COLUMNS, [row]));
      return;
    }
    body.prepend(tableRow(COLUMNS, row));
    while (body.rows.length > MOST_ROWS) body.lastElementChild.remove();
  }

  fill(page.main, h('div', { class: 'head' }, h('h1', null, 'Live'), state), panel(null, form), panel(null, place));
  lines('/log/tail', filterOf(page.query), page.signal, show)
    .then(() => { if (!page.signal.aborted) state.textContent = 'the stream has ended; load the page again'; }, page.fails);
}
