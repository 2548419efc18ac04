/* Shared by the frames: talk to the page around us, and to the sandbox's API with the publishable key. */
(function () {
  'use strict';
  const API = `${location.origin}/stripe/v1`;
  let page = null; // the origin of the page around us, pinned by its first message
  const verbs = {};

  function pairs(data, prefix, out) {
    for (const [name, value] of Object.entries(data)) {
      if (value === undefined || value === null) continue;
      const key = prefix ? `${prefix}[${name}]` : name;
      if (typeof value === 'object') pairs(value, key, out);
      else out.append(key, String(value));
    }
    return out;
  }

  async function call(key, method, path, data) {
    const form = pairs(data, '', new URLSearchParams());
    const options = { method, headers: { Authorization: `Bearer ${key}` }, credentials: 'omit' };
    let url = API + path;
    if (method === 'GET') {
      url += `?${form}`;
    } else {
      options.body = form;
      // A retry of a lost answer must not charge twice: one key for both tries, as Stripe.js does.
      options.headers['Idempotency-Key'] = crypto.randomUUID();
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        const answer = await fetch(url, options);
        const body = await answer.json();
        if (answer.status >= 500 && attempt < 2) continue;
        return body.error ? { error: body.error } : { body };
      } catch {
        if (attempt < 2) continue;
        const message = 'We are experiencing issues connecting to our payments provider. Please try again.';
        return { error: { type: 'api_connection_error', message } };
      }
    }
  }

  window.addEventListener('message', async (event) => {
    const said = event.data || {};
    if (event.source !== window.parent || said.channel !== 'sandbox-stripe') return;
    if (page === null) page = event.origin;
    if (event.origin !== page || !(said.verb in verbs)) return;
    const result = await verbs[said.verb](said.args || {});
    window.parent.postMessage({ channel: 'sandbox-stripe', reply: said.id, result: result || {} }, page);
  });

  window.SandboxFrame = {
    call,
    on(verb, answer) {
      verbs[verb] = answer;
    },
    tell(event, data) {
      if (page !== null) window.parent.postMessage({ channel: 'sandbox-stripe', event, data }, page);
    },
    async retrieve(key, clientSecret) {
      const ident = clientSecret.split('_secret_')[0];
      const answer = await call(key, 'GET', `/payment_intents/${ident}`, { client_secret: clientSecret });
      return answer.error ? answer : { paymentIntent: answer.body };
    },
  };
})();
