// Why a name is answered as it is: who decided, who lost, which line of which import; now, at another time, or by what the
// running resolver would answer.

import { get, post } from './api.js';
import { badge, check, choice, field, fill, h, named, notice, panel, say, table, time, values } from './dom.js';
import { link, listLink } from './rows.js';

const TYPES = ['A', 'AAAA', 'HTTPS', 'CNAME', 'MX', 'TXT', 'NS', 'SRV', 'PTR'].map((type) => [type, type]);

function ruleCells(rule) {
  const flags = [rule.exception ? 'exception' : '', rule.important ? 'important' : '', rule.mode === 'observe' ? 'observe' : ''].filter(Boolean);
  return [named(rule, 'pattern'), flags.map((flag) => [' ', badge(flag, flag === 'observe' ? 'warn' : 'note')])];
}

const RULE_COLUMNS = [
  ['List', (rule) => [listLink(rule.list), rule.line ? h('span', { class: 'quiet' }, `:${rule.line}`) : null]],
  ['Rule', ruleCells, 'name'],
  ['Action', (rule) => rule.action],
  ['Rank', (rule) => rule.rank, 'right secondary'],
  ['Import', (rule) => (rule.import ? `#${rule.import}` : ''), 'secondary'],
  ['Since', (rule) => (rule.imported ? time(rule.imported) : ''), 'tight secondary'],
  ['Why', (rule) => rule.reason ? `${rule.author}: ${rule.reason}` : '', 'secondary'],
];

function verdictOf(result) {
  const winner = result.winner;
  if (result.outcome === 'local') {
    const { local } = result;
    return ['is answered here', '', local ? [`zone `, named(local, 'zone'), local.rfc ? ` (${local.rfc})` : '', `, ${local.answer}`] : null];
  }
  if (result.outcome === 'blocked') {
    return ['is blocked', 'bad', [winner ? `by list ${winner.list}` : result.rebinding ? 'a private address for a name that is not local' : 'the policy denies what no rule allows', result.mode ? `, answered with ${result.mode}` : '']];
  }
  if (result.pause) return ['is allowed: filtering is paused', 'good', ['until ', time(result.pause.until), `, by ${result.pause.author}: ${result.pause.reason}`]];
  if (result.outcome === 'allowed') return ['is allowed', 'good', winner ? `by list ${winner.list}` : null];
  return ['is resolved', '', (result.losers || []).length > 0 ? 'no rule blocks it' : 'no rule matches'];
}

function allowForm(page, name) {
  const form = h('form', { class: 'fields', onsubmit: submit },
    field('Minutes', 'minutes', { type: 'number', min: 1, max: 527040, value: '30', required: true }),
    field('Reason', 'reason', { required: true, placeholder: 'the shop does not work without it' }, true),
    field('Only for the group', 'group', {}),
    h('button', { class: 'main' }, 'Allow for a while'));
  async function submit(event) {
    event.preventDefault();
    const { minutes, reason, group } = values(form);
    try {
      await post('/overlays/allow', { name, seconds: Number(minutes) * 60, reason, ...(group ? { groups: [group] } : {}) });
      await page.again();
      say(`${name} is allowed for ${minutes} minutes.`);
    } catch (error) { page.fails(error); }
  }
  return panel('Let it through for a while', form);
}

function parts(result) {
  return panel('On the way to the answer', h('ol', { class: 'parts' }, result.parts.map((part) => h('li', null,
    h('div', null, h('strong', null, part.part), ' ', named(part), part.address ? ` ${part.address}` : '',
      part.looks.map((look) => [' ', badge(look.outcome, look.outcome === 'blocked' ? 'bad' : look.outcome === 'allowed' ? 'good' : '')])),
    part.rules.length > 0 ? table(`Rules that match ${part.name}`, RULE_COLUMNS, part.rules) : h('div', { class: 'quiet small' }, 'no rule matches')))));
}

function show(page, result, generation) {
  const [words, kind, more] = verdictOf(result);
  const losers = result.losers || [];
  return [
    h('section', { class: 'panel' },
      h('p', { class: `verdict ${kind}` }, named(result), ` ${words}`), more ? h('p', null, more) : null,
      h('p', { class: 'quiet' }, `group ${result.group}, policy ${result.policy}, generation ${generation}`, result.at ? [', at ', time(result.at)] : '', result.until ? ['; changes at ', time(result.until)] : ''),
      result.would_deny ? h('p', { class: 'quiet' }, 'No rule allows it: default = "deny" would refuse it.') : null,
      result.asked ? h('p', { class: 'quiet' }, `asked as ${result.asked}`) : null,
      h('div', { class: 'actions' },
        h('a', { class: 'button', href: link('/search', { name: result.name }) }, 'Decisions about it'))),
    result.winner ? panel('Decided by', table('The rule that decided', RULE_COLUMNS, [result.winner])) : null,
    losers.length > 0 ? panel('Lost', table('Rules that match and did not decide, the strongest first', RULE_COLUMNS, losers)) : null,
    result.observed ? panel('Would have decided, were it enforced', table('The rule that an observe list has', RULE_COLUMNS, [result.observed.rule || result.observed])) : null,
    result.disabled ? panel('Disabled by your $badfilter', table('Rules that are disabled', RULE_COLUMNS, result.disabled)) : null,
    result.parts ? parts(result) : null,
    page.isAdmin && result.outcome === 'blocked' && !page.query.get('at') ? allowForm(page, result.name) : null,
  ];
}

export async function why(page) {
  const { query } = page;
  const form = h('form', { class: 'fields', onsubmit: submit },
    field('Name or address', 'name', { value: query.get('name') || '', required: true, placeholder: 'ads.example.org' }, true),
    choice('Type', 'type', TYPES.some(([type]) => type === query.get('type')) || !query.get('type') ? TYPES : [...TYPES, [query.get('type'), query.get('type')]], query.get('type') || 'A'),
    field('As this client', 'client', { value: query.get('client') || '', placeholder: '192.0.2.7' }),
    field('or of this group', 'group', { value: query.get('group') || '' }),
    field('At', 'at', { value: query.get('at') || '', placeholder: 'now; 2h; 2026-07-06T10:00:00Z' }),
    check('ask the resolver', 'follow', query.get('follow') === 'true'),
    h('button', { class: 'main' }, 'Why?'));
  function submit(event) {
    event.preventDefault();
    page.go(values(form));
  }
  const place = h('div', { 'aria-live': 'polite' });
  fill(page.main, h('h1', null, 'Why'), panel(null, form), place);
  if (!query.get('name')) {
    form.elements.name.focus();
    return;
  }
  const asked = {};
  for (const key of ['name', 'type', 'client', 'group', 'at', 'follow']) if (query.get(key)) asked[key] = query.get(key);
  const found = await get('/explain', asked, page.signal);
  fill(place,
    found.refused_client ? notice(`${found.refused_client.client} may not ask at all (${found.refused_client.setting}).`, 'warn') : null,
    (found.results || [found]).map((result) => show(page, { ...result, at: found.at }, found.generation)));
}
