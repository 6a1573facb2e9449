// Decisions as rows of a table; live and search show the same.

import { badge, field, h, choice, named, time } from './dom.js';

const CLASSES = {
  blocked: ['blocked', 'bad'],
  would_block: ['would block', 'warn'],
  allowed_over_block: ['allowed', 'good'],
  resolved: ['resolved', ''],
  rebinding: ['rebinding', 'bad'],
  blocked_upstream: ['blocked upstream', 'warn'],
  dropped: ['not recorded', 'warn'],
  counters: ['totals', ''],
};

export function outcomeBadge(name) {
  const [text, kind] = CLASSES[name] || [name, ''];
  return badge(text, kind);
}

export function link(path, parameters) {
  const query = new URLSearchParams(parameters).toString();
  return query ? `${path}?${query}` : path;
}

// Rules of weir's own stand in no list that could be shown.
const OWN_PAGES = { local: '/rules', badfilter: '/rules', overlays: '/overlays' };
const BUILT_IN = /^(protected|canary-names|safe-search-.*)$/;

export function listLink(name) {
  if (BUILT_IN.test(name)) return h('span', null, name);
  return h('a', { href: OWN_PAGES[name] || link('/lists', { name }) }, name);
}

function what(row) {
  if (row.class === 'dropped') return h('span', { class: 'quiet' }, `${row.dropped} decisions were lost before they could be kept`);
  if (row.class === 'counters') return h('span', { class: 'quiet' }, `${row.queries} queries, ${row.blocked} blocked, ${row.cached} from the cache`);
  const parameters = { name: row.name, type: row.type };
  if (row.group) parameters.group = row.group;
  return [h('a', { href: link('/why', parameters), title: 'Why?' }, named(row)),
    row.link_name ? h('div', { class: 'quiet small' }, row.link === 'alias' ? 'alias ' : row.link === 'address' ? 'address ' : '', named(row, 'link_name')) : null];
}

function rule(row) {
  if (!row.list) return row.link === 'default_deny' ? h('span', { class: 'quiet' }, 'denied by default') : null;
  return [listLink(row.list), row.line ? h('span', { class: 'quiet' }, `:${row.line}`) : null,
    row.pattern && row.pattern !== row.name ? h('div', { class: 'quiet small' }, named(row, 'pattern')) : null];
}

function took(microseconds) {
  if (microseconds === undefined) return '';
  return microseconds < 1000 ? `${microseconds} µs` : `${(microseconds / 1000).toFixed(microseconds < 10000 ? 1 : 0)} ms`;
}

export const COLUMNS = [
  ['Time', (row) => time(row.time), 'tight'],
  ['Outcome', (row) => outcomeBadge(row.class)],
  ['Name', what, 'name'],
  ['Type', (row) => row.type, 'secondary'],
  ['Client', (row) => row.client, 'secondary tight'],
  ['Group', (row) => row.group, 'secondary'],
  ['Rule', rule],
  ['Took', (row) => took(row.latency_us), 'right tight secondary'],
];

export const FILTERS = ['name', 'client', 'group', 'list', 'class'];

export function filterFields(query) {
  return [
    field('Name and all below', 'name', { value: query.get('name') || '', placeholder: 'example.org' }, true),
    field('Client', 'client', { value: query.get('client') || '', placeholder: '192.0.2.0/24' }),
    field('Group', 'group', { value: query.get('group') || '' }),
    field('List', 'list', { value: query.get('list') || '' }),
    choice('Outcome', 'class', [['', 'any'], ['blocked', 'blocked'], ['would_block', 'would block'], ['allowed_over_block', 'allowed'], ['resolved', 'resolved'], ['dropped', 'not recorded']], query.get('class')),
  ];
}

export function filterOf(query) {
  const out = {};
  for (const key of FILTERS) if (query.get(key)) out[key] = query.get(key);
  return out;
}
