// Charts as SVG: they take the page's colours, and there is a table of the same figures for who does not see them.
// (Of the chart libraries that Debian has, each draws on a canvas, which has neither.)

import { count, h, table } from './dom.js';

const SPACE = 'http://www.w3.org/2000/svg';

function s(tag, attributes, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

const two = (value) => String(value).padStart(2, '0');

function label(time, step) {
  const date = new Date(time);
  return step >= 3600_000 * 3 ? `${two(date.getMonth() + 1)}-${two(date.getDate())}` : `${two(date.getHours())}:${two(date.getMinutes())}`;
}

// A round number at or above `value`.
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= value);
}

// buckets: [{time, queries, blocked}], each `step` milliseconds long.
export function timeline(buckets, step) {
  const width = Math.min(1200, Math.max(300, window.innerWidth - 60));  // so that its text is as large as the page's
  const height = 150;
  const base = 132;
  const top = roundUp(Math.max(1, ...buckets.map((bucket) => bucket.queries)));
  const bar = width / Math.max(1, buckets.length);
  const tall = (value) => (value / top) * (base - 10);
  const svg = s('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  for (const share of [0, 0.5, 1]) {
    const y = base - tall(top * share);
    svg.append(s('line', { class: 'axis', x1: 0, x2: width, y1: y, y2: y }));
    if (share > 0) svg.append(s('text', { x: 2, y: y + 11 }, count(top * share)));
  }
  buckets.forEach((bucket, index) => {
    const x = index * bar + bar * 0.1;
    const told = s('title', {}, `${new Date(bucket.time).toLocaleString()}: ${count(bucket.queries)} queries, ${count(bucket.blocked)} blocked`);
    svg.append(s('g', {}, told,
      s('rect', { class: 'all', x, y: base - tall(bucket.queries), width: bar * 0.8, height: tall(bucket.queries) }),
      s('rect', { class: 'bad', x, y: base - tall(bucket.blocked), width: bar * 0.8, height: tall(bucket.blocked) })));
  });
  const every = Math.ceil(buckets.length / Math.floor(width / 90));
  buckets.forEach((bucket, index) => {
    if (index % every !== 0) return;
    svg.append(s('text', { x: index * bar, y: height - 3 }, label(bucket.time, step)));
  });
  return h('figure', { class: 'chart' }, svg,
    h('figcaption', null, h('span', null, h('span', { class: 'key all' }), 'queries'),
      h('span', null, h('span', { class: 'key bad' }), 'blocked')),
    h('details', null, h('summary', null, 'As a table'),
      table('Queries and blocks over time', [
        ['From', (row) => new Date(row.time).toLocaleString()],
        ['Queries', (row) => count(row.queries), 'right'],
        ['Blocked', (row) => count(row.blocked), 'right']], buckets)));
}

// Names with their counts: [[what is shown, count]], the largest first.
export function ranks(label, rows, empty) {
  if (rows.length === 0) return h('p', { class: 'quiet' }, empty);
  const most = rows[0][1];
  return h('ol', { class: 'ranks', 'aria-label': label }, rows.map(([shown, value]) => h('li', null,
    h('span', null, shown), h('span', null, count(value)),
    h('meter', { min: 0, max: most, value, 'aria-hidden': 'true' }))));
}
