/* The card: Payment Element mounted with the amount before an intent exists; one press books and pays. */
'use strict';
(() => {
  const form = document.querySelector('[data-pay]');
  if (!form) return;
  const data = form.dataset;
  const button = form.querySelector('[data-pay-button]');
  const label = button ? button.textContent : '';
  const status = form.querySelector('[data-pay-status]');
  const place = document.getElementById('card-form');
  const problem = document.getElementById('pay-problem');
  let stripe = null;
  let elements = null;
  let running = false;

  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const say = (text) => { status.textContent = text; };

  function busy(on, text) {
    running = on;
    for (const one of form.querySelectorAll('button[type=submit]')) one.disabled = on;
    if (button) button.textContent = on ? text : label;
    say(on ? text : '');
  }

  /* The same words at the field itself; they go when the box is ticked. */
  function mark(target, text) {
    const tick = target.closest('.tick');
    target.setAttribute('aria-invalid', 'true');
    if (!tick || tick.querySelector('.error')) return;
    const note = document.createElement('p');
    note.className = 'error';
    note.id = target.id + '-error';
    note.textContent = text;
    tick.prepend(note);
    tick.classList.add('wrong');
    target.setAttribute('aria-describedby', note.id);
    target.addEventListener('change', () => {
      note.remove();
      tick.classList.remove('wrong');
      target.removeAttribute('aria-invalid');
      target.removeAttribute('aria-describedby');
    }, { once: true });
  }

  function complain(message, fields) {
    const list = problem.querySelector('ul');
    list.replaceChildren();
    for (const [field, text] of Object.entries(fields || { '': message })) {
      const item = document.createElement('li');
      const target = field && document.getElementById(field.split('.').pop());
      if (target) {
        const link = document.createElement('a');
        link.href = '#' + target.id;
        link.textContent = text;
        item.append(link);
        mark(target, text);
      } else item.textContent = text;
      list.append(item);
    }
    problem.hidden = false;
    problem.focus();
    busy(false);
  }

  /* The card form in the page's own colours, light or dark. */
  function appearance() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue('--' + name).trim();
    return {
      theme: matchMedia('(prefers-color-scheme: dark)').matches ? 'night' : 'stripe',
      variables: { colorPrimary: colour('link'), colorBackground: colour('card'), colorText: colour('ink'), colorTextSecondary: colour('soft'), colorDanger: colour('bad'), borderRadius: '6px' },
    };
  }

  if (place && window.Stripe) {
    stripe = window.Stripe(data.key);
    elements = stripe.elements({ mode: 'payment', amount: Number(data.amount), currency: data.currency, captureMethod: 'manual', appearance: appearance() });
    const element = elements.create('payment');
    element.on('ready', () => place.removeAttribute('aria-busy'));
    element.on('loaderror', () => complain('The card form could not be loaded. You have not been charged. Reload the page to try again.'));
    element.mount(place);
  } else if (place) {
    place.removeAttribute('aria-busy');
    complain('The card form could not be loaded. You have not been charged. Reload the page to try again.');
  }

  async function post(url, body, headers) {
    const answer = await fetch(url, { method: 'POST', body, headers: { Accept: 'application/json', ...headers } });
    let said = {};
    try { said = await answer.json(); } catch { /* an empty or cut answer: the status decides */ }
    return { ok: answer.ok, status: answer.status, said };
  }

  /* Ask how the booking stands until its payment can be made ("card", "bank"), or it goes another way. */
  async function ready(statusUrl) {
    const end = Date.now() + 90000;
    const waiting = ['reserving', 'ticket', ...('secret' in data ? ['held'] : [])]; // held until the payment is open
    for (let turn = 0; Date.now() < end; turn++) {
      await wait(Math.min(300 + 200 * turn, 3000));
      try {
        const answer = await fetch(statusUrl, { headers: { Accept: 'application/json' } });
        if (answer.ok) {
          const said = await answer.json();
          if (['card', 'bank'].includes(said.step)) return true;
          if (!waiting.includes(said.step)) return false;
        } else await wait(1000 * Number(answer.headers.get('Retry-After') || 2));
      } catch { /* connection lost: the booking is written down, ask again */ }
    }
    return false;
  }

  /* The client secret of the booking's payment; nothing when it is for another amount than the button says. */
  async function secret(urls) {
    say(data.asking);
    if (!await ready(urls.status)) return '';
    const intent = await post('/api/payments/create-intent', JSON.stringify({ bookingReference: urls.reference }),
      { 'Content-Type': 'application/json', 'X-CSRFToken': form.elements.csrfmiddlewaretoken.value });
    return intent.said.amountMinor === Number(data.amount) ? intent.said.clientSecret : '';
  }

  async function pay() {
    const checked = await elements.submit();
    if (checked.error) return complain(checked.error.message);
    const booked = await post(form.action, new FormData(form), { Prefer: 'respond-async', 'Idempotency-Key': form.elements.key.value });
    const urls = booked.said;
    if (!booked.ok) {
      if (urls.location) return location.assign(urls.location);
      return complain(urls.message || 'Something went wrong on our side. You have not been charged.', Object.keys(urls.fieldErrors || {}).length ? urls.fieldErrors : null);
    }
    const clientSecret = data.secret || await secret(urls);
    if (!clientSecret) return location.assign(urls.progress.split('?')[0]);
    say('Asking your bank …');
    const result = await stripe.confirmPayment({
      elements, clientSecret, redirect: 'if_required',
      confirmParams: { return_url: new URL(urls.back, location.href).href },
    });
    if (result.error && result.error.type === 'validation_error') return complain(result.error.message);
    await post(urls.look, new FormData(form)).catch(() => {});
    location.assign(urls.progress);
  }

  form.addEventListener('submit', async (event) => {
    const chosen = event.submitter && event.submitter.value;
    if (running) return event.preventDefault();
    if (!elements || chosen === 'hold') return;
    event.preventDefault();
    problem.hidden = true;
    busy(true, 'One moment …');
    try {
      await pay();
    } catch {
      complain('Connection lost. Your details are saved. Press the button again: we never book or charge twice.');
    }
  });
  /* The deadline: shown when fewer than twenty minutes are left, said aloud at five and at one, a new look at zero. */
  const deadline = document.querySelector('[data-deadline]');
  if (deadline) {
    const time = deadline.querySelector('time');
    const said = deadline.querySelector('[data-left-said]');
    const end = Date.parse(time.dateTime);
    let last = null;
    if (end - Date.now() < 864e5) time.textContent = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false, timeZoneName: 'short' }).format(end);
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - Date.now()) / 60000));
      if (left > 20 || left === last) return;
      last = left;
      deadline.hidden = false;
      const text = left ? '(' + left + ' min left)' : 'The time is up.';
      deadline.querySelector('[data-left]').textContent = text;
      if ([5, 1, 0].includes(left)) said.textContent = left ? left + (left === 1 ? ' minute' : ' minutes') + ' left to pay.' : text;
      if (left) return;
      const again = document.createElement('a');
      again.href = location.pathname;
      again.textContent = 'Check price again';
      deadline.append(' ', again);
      if (button && !running) button.disabled = true;
    };
    tick();
    setInterval(tick, 5000);
  }
  window.addEventListener('pageshow', (event) => { if (event.persisted) busy(false); });
  const errors = document.getElementById('errors');
  if (errors) errors.focus();
})();
