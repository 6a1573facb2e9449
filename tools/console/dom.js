// Elements out of values. Whatever comes from outside becomes a text node or an attribute that cannot run: no file of the
// console sets innerHTML.

const SAFE_LINK = /^(\/|https?:\/\/|#)/;

export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 'href') { if (SAFE_LINK.test(value)) element.setAttribute('href', value); }
    else if (key === 'value' || key === 'checked') element[key] = value;
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

// Told to who does not see the page change.
export function say(text) {
  document.getElementById('said').textContent = text;
}

// object.key, and what it reads as in its own letters where the API says so; in its own direction.
// A line may end behind a dot.
export function named(object, key = 'name') {
  const text = object[key];
  if (text === null || text === undefined || text === '') return null;
  const unicode = object[key + '_unicode'];
  const labels = String(text).split(/(?<=\.)/);
  return [h('bdi', { class: 'name' }, labels.map((label, index) => [index > 0 ? h('wbr') : null, label])), unicode && unicode !== text ? h('bdi', { class: 'unicode' }, `(${unicode})`) : null];
}

const NUMBER = new Intl.NumberFormat('en');
export const count = (value) => (value === null || value === undefined ? '' : NUMBER.format(value));
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
export const percent = (part, whole) => (whole > 0 ? `${(100 * part / whole).toFixed(1)} %` : '–');

export function size(bytes) {
  let value = bytes || 0;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (value < 1024 || unit === 'GiB') return `${value < 10 && unit !== 'B' ? value.toFixed(1) : Math.round(value)} ${unit}`;
    value /= 1024;
  }
  return '';
}

const two = (value) => String(value).padStart(2, '0');

// Local time, as short as the day allows; the whole of it for a pointer and for programs.
export function time(text) {
  if (!text) return '–';
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) return text;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const today = new Date().toDateString() === date.toDateString();
  const shown = today ? clock : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
  return h('time', { datetime: text, title: text }, shown);
}

export function duration(seconds) {
  if (seconds >= 172800) return `${Math.round(seconds / 86400)} days`;
  if (seconds >= 7200) return `${Math.round(seconds / 3600)} hours`;
  if (seconds >= 120) return `${Math.round(seconds / 60)} minutes`;
  return `${seconds} seconds`;
}

export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text);
}

// columns: [title, how to show a row, class?]
export function table(label, columns, rows, empty = 'Nothing.') {
  if (rows.length === 0) return h('p', { class: 'quiet' }, empty);
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': label },
    h('table', null,
      h('thead', null, h('tr', null, columns.map(([title, , kind]) => h('th', { scope: 'col', class: kind || null }, title)))),
      h('tbody', null, rows.map((row) => tableRow(columns, row)))));
}

export function tableRow(columns, row) {
  return h('tr', null, columns.map(([, show, kind]) => h('td', { class: kind || null }, show(row))));
}

export function panel(title, ...children) {
  return h('section', { class: 'panel' }, title ? h('h2', null, title) : null, children);
}

export function facts(pairs) {
  return h('dl', null, pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([term, value]) => [h('dt', null, term), h('dd', null, value)]));
}

export function notice(text, kind = '') {
  return h('div', { class: `notice ${kind}`, role: kind === 'bad' ? 'alert' : null }, text);
}

// A labelled input; `more`: its attributes.
export function field(label, name, more = {}, wide = false) {
  return h('label', { class: `field${wide ? ' wide' : ''}` }, h('span', null, label),
    h('input', { name, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', ...more }));
}

export function choice(label, name, options, chosen) {
  return h('label', { class: 'field' }, h('span', null, label),
    h('select', { name }, options.map(([value, text]) => h('option', { value, selected: value === (chosen || '') }, text))));
}

export function check(label, name, checked) {
  return h('label', { class: 'check' }, h('input', { type: 'checkbox', name, checked: Boolean(checked) }), h('span', null, label));
}

// The filled fields of a form; ticked boxes are true.
export function values(form) {
  const out = {};
  for (const element of form.elements) {
    if (!element.name) continue;
    if (element.type === 'checkbox') { if (element.checked) out[element.name] = true; } else if (element.value.trim() !== '') out[element.name] = element.value.trim();
  }
  return out;
}
