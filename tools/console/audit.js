// Who changed what is filtered, when and why.

import { get } from './api.js';
import { badge, count, fill, h, notice, panel, table, time } from './dom.js';
import { link } from './rows.js';

const RANGES = [['24h', 'a day'], ['7d', 'a week'], ['30d', '30 days'], ['', 'all']];

function details(record) {
  return Object.entries(record.details || {}).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `${key.replaceAll('_', ' ')} ${key === 'sha256' ? `${text.slice(0, 12)}…` : text}`;
  }).join(', ');
}

export async function audit(page) {
  const since = page.query.get('since') ?? '7d';
  const [found, check] = await Promise.all([
    get('/audit', { since: since === 'all' ? '' : since, limit: 1000 }, page.signal), get('/audit/verify', {}, page.signal)]);
  fill(page.main,
    h('div', { class: 'head' }, h('h1', null, 'Audit'),
      h('div', { class: 'segments', role: 'group', 'aria-label': 'Time range' }, RANGES.map(([value, text]) => h('a', {
        href: link('/audit', { since: value || 'all' }), 'aria-current': (value || 'all') === since ? 'true' : null }, text)))),
    check.whole ? h('p', { class: 'quiet' }, badge('whole', 'good'), ` The chain of ${count(check.records)} records is unbroken; the newest is `, h('code', { class: 'name' }, check.head.slice(0, 16)), '.')
      : notice(['The chain of records is broken: ', check.faults.join('; ')], 'bad'),
    found.complete ? null : notice('Only the newest records are shown.', 'warn'),
    panel(null, table('Changes, the newest first', [
      ['Number', (record) => record.number, 'right secondary'],
      ['Time', (record) => time(record.time), 'tight'],
      ['Who', (record) => record.who, 'tight'],
      ['What', (record) => record.what, 'tight'],
      ['Subject and reason', (record) => [record.subject, record.why ? h('div', { class: 'quiet small' }, record.why) : null], 'name'],
      ['Generation', (record) => count(record.generation), 'right secondary'],
      ['Details', details, 'name secondary small']], [...found.records].reverse(), 'Nothing was changed.')));
}
