// Totals and orders out of rows of the log.

import { get, offers } from './api.js';

const MOST = 10;
const COUNTED_ROWS = 5000;

export const RANGES = { '1h': 3600, '24h': 86400, '7d': 604800 };

// Counter rows, one a minute, worker and group, into `number` buckets that end now.
export function intoBuckets(rows, seconds, number, now = Date.now()) {
  const step = (seconds * 1000) / number;
  const begin = now - seconds * 1000;
  const buckets = Array.from({ length: number }, (_, index) => ({ time: begin + index * step, queries: 0, blocked: 0 }));
  for (const row of rows) {
    const index = Math.min(number - 1, Math.floor((Date.parse(row.time) - begin) / step));
    if (index < 0) continue;
    buckets[index].queries += row.queries;
    buckets[index].blocked += row.blocked;
  }
  return { step, buckets };
}

export function total(rows, key) {
  return rows.reduce((sum, row) => sum + row[key], 0);
}

// What has most of the decisions of a class: counted by the log where it does, else of its newest rows.
// {rows: [[a row with `key`, count]], of: how many rows were counted, 0: all of them}
export async function mostOf(key, decisions, since, signal) {
  if (await offers('/log/top')) {
    const found = await get('/log/top', { by: key, class: decisions, since, limit: MOST }, signal);
    return { of: 0, rows: found.rows.filter((row) => row.key).map((row) => [{ [key]: row.key, [`${key}_unicode`]: row.key_unicode }, row.decisions]) };
  }
  const found = await get('/log/search', { class: decisions, since, limit: COUNTED_ROWS }, signal);
  return { of: found.complete ? 0 : found.rows.length, rows: mostFrequent(found.rows, key, MOST) };
}

// The `most` most frequent values of `key`: [[a row that has it, count]].
export function mostFrequent(rows, key, most) {
  const seen = new Map();
  for (const row of rows) {
    if (!row[key]) continue;
    const known = seen.get(row[key]);
    if (known) known[1] += 1;
    else seen.set(row[key], [row, 1]);
  }
  return [...seen.values()].sort((a, b) => b[1] - a[1]).slice(0, most);
}
