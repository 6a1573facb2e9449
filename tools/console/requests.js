// What filtered people have said to be wrong: the trace as it was then, and for an administrator the answer.

import { get, post, segment } from './api.js';
import { badge, choice, field, fill, h, named, panel, say, table, time, values } from './dom.js';
import { link, listLink } from './rows.js';

const STATES = { open: 'warn', accepted: 'good', refused: '' };

function answering(page, request) {
  const form = h('form', { class: 'fields', onsubmit: (event) => event.preventDefault() },
    field('Minutes', `minutes-${request.id}`, { type: 'number', min: 1, max: 527040, value: '60' }),
    choice('For', `scope-${request.id}`, [['group', `group ${request.group}`], ['client', 'this client'], ['everybody', 'everybody']], 'group'),
    field('Answer', `reason-${request.id}`, { placeholder: 'who asked sees it' }, true));
  async function send(path, parameters, said) {
    const given = values(form);
    const reason = given[`reason-${request.id}`];
    if (reason) parameters.reason = reason;
    try {
      await post(`/requests/${segment(request.id)}/${path}`, parameters);
      await page.again();
      say(said);
    } catch (error) { page.fails(error); }
  }
  const scope = () => values(form)[`scope-${request.id}`] || 'group';
  form.append(
    h('button', { class: 'main', type: 'button', onclick: () => send('accept', { seconds: 60 * Number(values(form)[`minutes-${request.id}`] || 60), scope: scope() }, `${request.name} is let through for a while`) }, 'Allow for a while'),
    h('button', { type: 'button', onclick: () => send('accept', { rule: true, scope: scope() }, `${request.name} is let through by a rule`) }, 'Allow by a rule'),
    h('button', { type: 'button', onclick: () => send('refuse', {}, 'Refused') }, 'Refuse'));
  return form;
}

function one(page, request) {
  const decision = request.decision || {};
  return panel(null,
    h('h2', null, named(request), ' ', badge(request.state, STATES[request.state] || '')),
    h('p', null, 'Asked ', time(request.filed), ` by ${request.client} of group ${request.group}. Blocked by `,
      decision.list ? listLink(decision.list) : 'no list', decision.rule ? [', rule ', h('code', null, decision.rule)] : null,
      decision.because ? ` (${decision.because})` : null, '. ',
      h('a', { href: link('/why', { name: request.name, group: request.group }) }, 'Why now?')),
    request.remark ? h('p', null, 'They say: ', h('q', null, request.remark)) : null,
    request.trace ? h('details', null, h('summary', null, 'The trace as it was then'), h('pre', { class: 'scroll', tabindex: '0' }, JSON.stringify(request.trace, null, 1))) : null,
    request.state === 'open' ? answering(page, request) : null);
}

export async function requests(page) {
  if (!page.isAdmin) {
    fill(page.main, h('h1', null, 'Requests'), h('p', { class: 'quiet' }, 'They name single clients: an administrator’s token shows them.'));
    return;
  }
  const found = await get('/requests', {}, page.signal);
  const open = found.requests.filter((each) => each.state === 'open');
  const answered = found.requests.filter((each) => each.state !== 'open');
  fill(page.main, h('h1', null, 'Requests'),
    open.length === 0 ? h('p', { class: 'quiet' }, 'Nobody waits for an answer.') : open.map((each) => one(page, each)),
    panel('Answered', table('Answered requests', [
      ['Name', (each) => named(each), 'name'],
      ['', (each) => badge(each.state, STATES[each.state] || '')],
      ['Answered', (each) => time(each.answered), 'tight'],
      ['By', (each) => each.answered_by, 'secondary'],
      ['What was done', (each) => each.outcome, 'secondary'],
      ['Answer', (each) => each.answer]], answered, 'None.')));
}
