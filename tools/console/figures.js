// Totals and orders, as the log adds them up.

import { get } from './api.js';

const MOST = 10;

// How far back, and of how long each bar is: about 50 of them.
export const RANGES = { '1h': 60, '24h': 1800, '7d': 10800 };

export const totals = (range, signal) => get('/log/totals', { since: range, step: RANGES[range] }, signal);

// Its rows as bars, one each step, also where nobody asked anything. The first and the last may be of a part of their time.
export function bars(found) {
  const step = found.step_seconds * 1000;
  const rows = new Map(found.rows.map((row) => [Date.parse(row.time), row]));
  const out = [];
  for (let time = Math.floor(Date.parse(found.since) / step) * step; time < Date.parse(found.until); time += step) {
    const row = rows.get(time);
    out.push({ time, queries: row ? row.queries : 0, blocked: row ? row.blocked : 0 });
  }
  return { step, buckets: out };
}

// What has most of the decisions of a class: [[a row with `key`, count]].
export async function mostOf(key, decisions, since, signal) {
  const found = await get('/log/top', { by: key, class: decisions, since, limit: MOST }, signal);
  return found.rows.filter((row) => row.key).map((row) => [{ [key]: row.key, [`${key}_unicode`]: row.key_unicode }, row.decisions]);
}
