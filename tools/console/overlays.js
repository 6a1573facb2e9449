// Exceptions that end by themselves: allowed names and pauses.

import { del, get, post, segment } from './api.js';
import { badge, duration, field, fill, h, panel, say, table, time, values } from './dom.js';

const listOf = (text) => (text ? text.split(/[\s,]+/).filter(Boolean) : []);

function beginForm(page, kind) {
  const form = h('form', { class: 'fields', onsubmit: submit },
    kind === 'allow' ? field('Name and all below', 'name', { required: true, placeholder: 'cdn.example.org' }, true) : null,
    field('Minutes', 'minutes', { type: 'number', min: 1, max: 527040, value: kind === 'allow' ? '30' : '60', required: true }),
    field('Reason', 'reason', { required: true }, true),
    field('Only for groups', 'groups', { placeholder: 'everybody' }),
    field('Only for clients', 'clients', { placeholder: 'everybody' }),
    h('button', { class: 'main' }, kind === 'allow' ? 'Allow' : 'Pause filtering'));
  async function submit(event) {
    event.preventDefault();
    const given = values(form);
    const asked = { seconds: Number(given.minutes) * 60, reason: given.reason };
    if (given.name) asked.name = given.name;
    if (given.groups) asked.groups = listOf(given.groups);
    if (given.clients) asked.clients = listOf(given.clients);
    try {
      const done = await post(`/overlays/${kind}`, asked);
      await page.again();
      say(`${done.overlay.subject} until ${done.overlay.until}`);
    } catch (error) { page.fails(error); }
  }
  return panel(kind === 'allow' ? 'Let a name through' : 'Let filtering rest', form);
}

export async function overlays(page) {
  const found = await get('/overlays', {}, page.signal);
  const columns = [
    ['', (overlay) => badge(overlay.kind === 'pause' ? 'pause' : 'allow', overlay.kind === 'pause' ? 'warn' : 'good')],
    ['What', (overlay) => overlay.subject, 'name'],
    ['Ends', (overlay) => [time(overlay.until), h('div', { class: 'quiet small' }, `in ${duration(overlay.seconds_left)}`)], 'tight'],
    ['By', (overlay) => overlay.author, 'secondary'],
    ['Reason', (overlay) => overlay.reason],
    ['Number', (overlay) => overlay.id, 'secondary'],
  ];
  if (page.isAdmin) columns.push(['', (overlay) => h('button', { class: 'small', 'aria-label': `End ${overlay.id}`, onclick: () => end(overlay) }, 'End now')]);
  async function end(overlay) {
    try {
      await del(`/overlays/${segment(overlay.id)}`, {});
      await page.again();
      say(`Ended: ${overlay.subject}`);
    } catch (error) { page.fails(error); }
  }
  fill(page.main, h('h1', null, 'Exceptions'),
    panel('In force now', table('Exceptions in force', columns, found.overlays, 'None.')),
    page.isAdmin ? [beginForm(page, 'allow'), beginForm(page, 'pause')] : h('p', { class: 'quiet' }, 'An administrator’s token can make and end exceptions.'));
}
