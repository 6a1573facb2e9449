// The frame: who is here, which page, and what a page is given. A page is a function of the address and fills `main`.

import { ApiError, get, token, whenSignedOut } from './api.js';
import { fill, h, notice, say } from './dom.js';
import { audit } from './audit.js';
import { lists } from './lists.js';
import { login } from './login.js';
import { overlays } from './overlays.js';
import { overview } from './overview.js';
import { policies } from './policies.js';
import { requests } from './requests.js';
import { rules } from './rules.js';
import { search } from './search.js';
import { tail } from './tail.js';
import { why } from './why.js';

const PAGES = [
  ['/', 'Overview', overview],
  ['/tail', 'Live', tail],
  ['/search', 'Search', search],
  ['/why', 'Why', why],
  ['/lists', 'Lists', lists],
  ['/overlays', 'Exceptions', overlays],
  ['/requests', 'Requests', requests],
  ['/rules', 'Rules', rules],
  ['/policies', 'Groups', policies],
  ['/audit', 'Audit', audit],
];

const main = document.getElementById('main');
let session = null;
let leaving = new AbortController();

function showFrame(path) {
  const nav = document.getElementById('pages');
  const who = document.getElementById('session');
  if (!session) {
    nav.replaceChildren();
    who.replaceChildren();
    return;
  }
  fill(nav, h('ul', null, PAGES.map(([href, title]) => h('li', null,
    h('a', { href, 'aria-current': href === path ? 'page' : null }, title)))));
  fill(who, h('span', null, `${session.name} · ${session.role}`), h('button', { class: 'small', onclick: signOut }, 'Sign out'));
}

function signOut() {
  token.forget();
  session = null;
  show();
}

async function identify() {
  if (session || !token.get()) return;
  session = await get('/session');
}

async function show() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const address = new URL(location.href);
  try {
    await identify();
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) {
      showFrame(address.pathname);
      fill(main, notice(error.message, 'bad'), h('button', { onclick: show }, 'Try again'));
      return;
    }
  }
  if (signal.aborted) return;
  showFrame(address.pathname);
  if (!session) {
    document.title = 'Sign in – weir';
    login(main, (known) => {
      session = known;
      show();
    });
    return;
  }
  const found = PAGES.find(([path]) => path === address.pathname) || PAGES[0];
  document.title = `${found[1]} – weir`;
  // What a page needs to know; `again` draws it anew, `go` changes what stands behind the question mark.
  const page = {
    main, signal, session, query: address.searchParams,
    isAdmin: session.role === 'admin',
    again: show,
    go: (parameters, path = address.pathname) => go(path, parameters),
    fails: (error) => fails(error, signal),
  };
  try {
    await found[2](page);
  } catch (error) {
    fails(error, signal);
  }
}

function fails(error, signal) {
  if (signal.aborted || error.name === 'AbortError' || error.status === 401) return;
  main.querySelector('.notice.bad')?.remove();
  main.prepend(notice(error.message, 'bad'));
  say(error.message);
}

function go(path, parameters) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters || {})) if (value !== '' && value !== undefined) query.set(key, value);
  const text = query.toString();
  history.pushState(null, '', path + (text ? `?${text}` : ''));
  return show();
}

// Links of ours change the page without loading it anew.
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const address = new URL(link.href, location.href);
  if (address.origin !== location.origin || link.getAttribute('href').startsWith('#')) return;
  event.preventDefault();
  history.pushState(null, '', address);
  show().then(() => {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  });
});
window.addEventListener('popstate', show);
whenSignedOut(() => {
  if (!session) return;
  session = null;
  show().then(() => say('Signed out: the token opens nothing any more.'));
});
show();
