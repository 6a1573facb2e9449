// The administrator's own rules, which come before those of every list.

import { del, get, post } from './api.js';
import { badge, choice, field, fill, h, named, panel, say, table, values } from './dom.js';
import { link } from './rows.js';

function addForm(page) {
  const form = h('form', { class: 'fields', onsubmit: submit },
    field('Name, pattern or line', 'pattern', { required: true, placeholder: 'tracker.example.org' }, true),
    choice('Action', 'action', [['block', 'block'], ['allow', 'allow'], ['nxdomain', 'nxdomain'], ['nodata', 'nodata'], ['refused', 'refused']], 'block'),
    field('Only for groups', 'groups', { placeholder: 'everybody' }),
    field('Reason', 'reason', { placeholder: 'for the audit log' }, true),
    h('button', { class: 'main' }, 'Add'));
  async function submit(event) {
    event.preventDefault();
    const asked = values(form);
    if (asked.groups) asked.groups = asked.groups.split(/[\s,]+/).filter(Boolean);
    // A line of an adblock list says itself what it does.
    if (/[|@^$]/.test(asked.pattern) && !asked.pattern.startsWith('/')) delete asked.action;
    try {
      const done = await post('/rules', asked);
      await page.again();
      say(done.changed ? `Added; generation ${done.generation}.` : 'It was there already.');
    } catch (error) { page.fails(error); }
  }
  return panel('Add a rule', form);
}

export async function rules(page) {
  const found = await get('/rules', {}, page.signal);
  async function remove(rule) {
    if (!confirm(`Remove the rule ${rule.pattern}?`)) return;
    try {
      const asked = { pattern: rule.pattern, kind: rule.kind, action: rule.action };
      for (const key of ['clients', 'groups', 'types']) if (rule[key]) asked[key] = rule[key];
      await del('/rules', asked);
      await page.again();
      say(`Removed ${rule.pattern}.`);
    } catch (error) { page.fails(error); }
  }
  const columns = [
    ['Rule', (rule) => h('a', { href: link('/why', { name: rule.pattern.replace(/^\*\./, '') }) }, named(rule, 'pattern')), 'name'],
    ['Kind', (rule) => rule.kind, 'secondary'],
    ['Action', (rule) => [badge(rule.cancels ? 'disables' : rule.action, rule.action === 'allow' ? 'good' : 'bad'), rule.important ? [' ', badge('important', 'note')] : null]],
    ['Answered with', (rule) => [...(rule.addresses || []), ...(rule.target ? [rule.target] : []), ...(rule.answers || [])].join(', '), 'secondary'],
    ['Only for', (rule) => [...(rule.groups || []), ...(rule.clients || []), ...(rule.types || [])].join(', ')],
  ];
  if (page.isAdmin) columns.push(['', (rule) => (rule.cancels ? null : h('button', { class: 'small', 'aria-label': `Remove ${rule.pattern}`, onclick: () => remove(rule) }, 'Remove'))]);
  fill(page.main, h('h1', null, 'Own rules'), page.isAdmin ? addForm(page) : null,
    panel(null, table('Own rules', columns, found.rules, 'There are none.')));
}
