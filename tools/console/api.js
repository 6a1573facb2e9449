// Asks the sidecar. The token lives in sessionStorage, so it ends with the tab, and goes into one field of each request:
// no cookie is ever sent, and no other site's page has it.

const KEY = 'weir-token';
const BASE = '/api/v1';
const LINES = 'application/jsonl';

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (text) => sessionStorage.setItem(KEY, text),
  forget: () => sessionStorage.removeItem(KEY),
};

let signedOut = () => {};
export function whenSignedOut(callback) {
  signedOut = callback;
}

function query(parameters) {
  const out = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters || {})) {
    if (Array.isArray(value)) value.forEach((item) => out.append(key, item));
    else if (value !== undefined && value !== null && value !== '') out.append(key, String(value));
  }
  const text = out.toString();
  return text ? `?${text}` : '';
}

async function send(method, path, parameters, signal, accept = 'application/json') {
  const inBody = method === 'POST';
  const headers = { Accept: accept, Authorization: `Bearer ${token.get() || ''}` };
  if (inBody) headers['Content-Type'] = 'application/json';
  let response;
  try {
    response = await fetch(BASE + path + (inBody ? '' : query(parameters)), {
      method, headers, signal, cache: 'no-store', credentials: 'omit', redirect: 'error',
      body: inBody ? JSON.stringify(parameters || {}) : undefined,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unavailable', 'weir-sidecar cannot be reached.');
  }
  if (response.ok) return response;
  let code = 'io';
  let message = `weir-sidecar answered ${response.status}.`;
  try {
    ({ error: { code, message } } = await response.json());
  } catch { /* an answer without a reason */ }
  if (response.status === 401) {
    token.forget();
    signedOut();
  }
  throw new ApiError(response.status, code, message);
}

export const get = async (path, parameters, signal) => (await send('GET', path, parameters, signal)).json();
export const post = async (path, parameters) => (await send('POST', path, parameters)).json();
export const del = async (path, parameters) => (await send('DELETE', path, parameters)).json();

// What takes a while: `each` is told how far it is, {phase, done, total}; the result is post()'s. It goes on when nobody
// waits for it.
export async function postAndFollow(path, parameters, each) {
  const response = await send('POST', path, parameters, undefined, `${LINES}, application/json`);
  if (!response.headers.get('Content-Type').startsWith(LINES)) return response.json();
  let end = null;
  await read(response, (line) => {
    if (line.error) throw new ApiError(response.status, line.error.code, line.error.message);
    if (line.end) ({ end } = line);
    else each(line);
  });
  if (end) return end;
  throw new ApiError(0, 'unavailable', 'The connection ended before the result came.');
}

// Lines of JSON as they come, until `signal` or the other end.
export async function lines(path, parameters, signal, each) {
  await read(await send('GET', path, parameters, signal), each);
}

async function read(response, each) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    const pieces = rest.split('\n');
    rest = pieces.pop();
    for (const piece of pieces) if (piece) each(JSON.parse(piece));
  }
}

export const segment = encodeURIComponent;
