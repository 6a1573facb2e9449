// Groups, policies and schedules in force. They are written in files, so there is nothing to change here.

import { get } from './api.js';
import { badge, count, fill, h, panel, table, time } from './dom.js';
import { link } from './rows.js';

const listLinks = (names) => names.map((name, index) => [index > 0 ? ', ' : '', h('a', { href: link('/lists', { name }) }, name)]);

function blockAnswer(block) {
  return [block.mode, block.ipv4, block.ipv6, block.target].filter(Boolean).join(' ');
}

export async function policies(page) {
  const found = await get('/policies', {}, page.signal);
  fill(page.main, h('h1', null, 'Groups and policies'),
    panel('Groups', table('Groups', [
      ['Group', (group) => group.name],
      ['Policy', (group) => group.policy],
      ['Clients', (group) => (group.clients.length > 0 ? group.clients.join(', ') : group.name === 'default' ? 'whoever is in no other group' : 'nobody'), 'name'],
      ['', (group) => h('a', { href: link('/search', { group: group.name, since: '24h' }) }, 'Decisions'), 'tight']], found.groups)),
    panel('Policies', table('Policies', [
      ['Policy', (policy) => policy.name],
      ['Lists', (policy) => (policy.lists.length > 0 ? listLinks(policy.lists) : '–'), 'name'],
      ['Blocks with', (policy) => blockAnswer(policy.block)],
      ['Default', (policy) => (policy.default === 'allow' ? 'allow' : badge(policy.default, 'warn')), 'secondary'],
      ['Log keeps of a client', (policy) => [policy.privacy, policy.log_all ? [' ', badge('every query', 'note')] : null]],
      ['Safe search', (policy) => policy.safe_search.join(', '), 'secondary']], found.policies)),
    panel('Schedules', table('Schedules', [
      ['Schedule', (schedule) => schedule.name],
      ['Group', (schedule) => schedule.group],
      ['Lists', (schedule) => listLinks(schedule.lists)],
      ['Hours', (schedule) => `${schedule.days.length === 7 ? 'daily' : schedule.days.join(' ')} ${schedule.from}–${schedule.to} ${schedule.timezone}`],
      ['Lists hold', (schedule) => [schedule.lists_hold, ' ', badge(schedule.holds_now ? 'now' : 'not now', schedule.holds_now ? 'good' : '')]],
      ['Changes', (schedule) => time(schedule.next_change), 'tight secondary']], found.schedules, 'No schedules are configured.')),
    h('p', { class: 'quiet' }, `Generation ${count(found.generation)}. Groups, policies and schedules stand in weir.toml and are taken by “weir reload”.`));
}
