import { get, token } from './api.js';
import { field, fill, h, notice } from './dom.js';

export function login(main, done) {
  const problem = h('div', { role: 'alert' });
  const form = h('form', { onsubmit: submit },
    field('Token', 'token', { type: 'password', required: true, autofocus: true, placeholder: 'weir_…' }),
    problem,
    h('button', { class: 'main', type: 'submit' }, 'Sign in'));

  async function submit(event) {
    event.preventDefault();
    token.set(form.elements.token.value.trim());
    problem.replaceChildren();
    try {
      done(await get('/session'));
    } catch (error) {
      token.forget();
      fill(problem, notice(error.message, 'bad'));
      form.elements.token.select();
    }
  }

  fill(main, h('div', { class: 'login panel' },
    h('h1', null, 'Sign in'),
    h('p', { class: 'quiet' }, 'A token is made on the machine that weir runs on: ',
      h('code', null, 'weir token add NAME --role admin'), ' or ', h('code', null, 'analyst'), '.'),
    form));
  form.elements.token.focus();
}
