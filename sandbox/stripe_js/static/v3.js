/* The sandbox's Stripe(): Stripe.js's own surface as far as a checkout uses it. Card data is typed into a
   frame of this script's origin and never reaches the page that loads it. */
(function () {
  'use strict';
  const ORIGIN = new URL(document.currentScript.src).origin;
  const LOAD_TIMEOUT_MS = 15000;
  const UNREACHABLE = { type: 'api_connection_error', message: 'The payment form could not be loaded. Check your connection.' };

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = 'IntegrationError';
    }
  }

  function need(condition, message) {
    if (!condition) throw new IntegrationError(message);
  }

  function style(node, rules) {
    // Property by property: a style attribute would need 'unsafe-inline' in the page's policy.
    for (const [name, value] of Object.entries(rules)) node.style.setProperty(name, value);
  }

  /* One frame of our origin and the questions asked of it. */
  class Frame {
    constructor(path, title) {
      this.node = document.createElement('iframe');
      this.node.title = title;
      this.node.src = ORIGIN + path;
      style(this.node, { border: '0', width: '100%', display: 'block', 'color-scheme': 'normal' });
      this.waiting = new Map();
      this.next = 1;
      this.onEvent = () => {};
      this.loaded = new Promise((resolve) => this.node.addEventListener('load', resolve, { once: true }));
      this.listener = (event) => this.heard(event);
      window.addEventListener('message', this.listener);
    }

    heard(event) {
      if (event.origin !== ORIGIN || event.source !== this.node.contentWindow) return;
      const said = event.data || {};
      if (said.channel !== 'sandbox-stripe') return;
      if (said.event) {
        this.onEvent(said.event, said.data || {});
      } else if (this.waiting.has(said.reply)) {
        this.waiting.get(said.reply)(said.result);
        this.waiting.delete(said.reply);
      }
    }

    async ask(verb, args) {
      await this.loaded;
      const id = this.next++;
      return new Promise((resolve) => {
        this.waiting.set(id, resolve);
        this.node.contentWindow.postMessage({ channel: 'sandbox-stripe', id, verb, args }, ORIGIN);
      });
    }

    remove() {
      window.removeEventListener('message', this.listener);
      this.node.remove();
      for (const answer of this.waiting.values()) {
        answer({ error: { type: 'invalid_request_error', message: 'The payment form was removed from the page.' } });
      }
      this.waiting.clear();
    }
  }

  class PaymentElement {
    constructor(elements, options) {
      this.elements = elements;
      this.options = options || {};
      this.handlers = {};
      this.frame = null;
      this.destroyed = false;
    }

    on(name, handler) {
      (this.handlers[name] = this.handlers[name] || []).push(handler);
      return this;
    }

    once(name, handler) {
      const wrapped = (event) => {
        this.off(name, wrapped);
        handler(event);
      };
      return this.on(name, wrapped);
    }

    off(name, handler) {
      this.handlers[name] = handler ? (this.handlers[name] || []).filter((one) => one !== handler) : [];
      return this;
    }

    fire(name, data) {
      for (const handler of [...(this.handlers[name] || [])]) handler({ elementType: 'payment', ...data });
    }

    mount(where) {
      need(!this.destroyed, 'This Element was destroyed; create a new one.');
      const home = typeof where === 'string' ? document.querySelector(where) : where;
      need(home instanceof Element, `The place to mount the Element in does not exist: ${where}`);
      if (this.frame) this.unmount();
      home.replaceChildren();
      this.frame = new Frame('/stripe-js/element', 'Secure payment input frame');
      style(this.frame.node, { height: '220px', margin: '0', 'min-width': '100%' });
      this.frame.onEvent = (name, data) => this.told(name, data);
      this.fire('loaderstart', {});
      home.append(this.frame.node);
      const frame = this.frame;
      const silence = new Promise((resolve) => setTimeout(() => resolve({ error: UNREACHABLE }), LOAD_TIMEOUT_MS));
      const asked = frame.ask('init', { key: this.elements.key, elements: this.elements.plain(), options: this.options });
      Promise.race([asked, silence]).then((answer) => {
        if (this.frame !== frame) return;
        if (answer.error) this.fire('loaderror', { error: answer.error });
        else this.fire('ready', {});
      });
    }

    told(name, data) {
      if (name === 'resize') style(this.frame.node, { height: `${Math.ceil(data.height)}px` });
      else this.fire(name, data);
    }

    update(options) {
      Object.assign(this.options, options);
      if (this.frame) this.frame.ask('options', this.options);
    }

    unmount() {
      if (this.frame) this.frame.remove();
      this.frame = null;
    }

    destroy() {
      this.unmount();
      this.destroyed = true;
      if (this.elements.payment === this) this.elements.payment = null;
    }

    focus() {
      if (this.frame) this.frame.ask('focus', {});
    }

    blur() {
      if (this.frame) this.frame.ask('blur', {});
    }

    clear() {
      if (this.frame) this.frame.ask('clear', {});
    }

    collapse() {}

    mounted() {
      need(this.frame, 'The Payment Element is not mounted.');
      return this.frame;
    }
  }

  class Elements {
    constructor(key, options) {
      this.key = key;
      this.options = { ...options };
      this.payment = null;
      this.submitted = false;
      this.check();
    }

    check() {
      const given = this.options;
      need(!('paymentMethodTypes' in given), '`paymentMethodTypes` is no longer supported: use `allowedPaymentMethodTypes`.');
      if (given.clientSecret) {
        need(!given.mode, 'Give Elements either a clientSecret or a mode, not both.');
        need(/^pi_\w+_secret_\w+$/.test(given.clientSecret), 'The clientSecret is not one of a PaymentIntent.');
        return;
      }
      need(given.mode === 'payment', "Elements need a clientSecret, or mode: 'payment' with amount and currency.");
      need(Number.isInteger(given.amount) && given.amount > 0, 'Elements need an amount in minor units (a positive integer).');
      need(/^[a-z]{3}$/.test(given.currency || ''), 'Elements need a three-letter currency in lower case.');
      const how = given.captureMethod;
      need(how === undefined || ['automatic', 'automatic_async', 'manual'].includes(how), `Unknown captureMethod: ${how}`);
    }

    plain() {
      return JSON.parse(JSON.stringify(this.options));
    }

    context() {
      if (this.options.clientSecret) return {};
      const { mode, amount, currency, captureMethod } = this.options;
      return { mode, amount, currency, capture_method: captureMethod || 'automatic' };
    }

    create(type, options) {
      need(type === 'payment', `The sandbox has the 'payment' Element only, not '${type}'.`);
      need(!this.payment, 'Elements can hold one Payment Element only.');
      this.payment = new PaymentElement(this, options);
      return this.payment;
    }

    getElement(type) {
      return type === 'payment' ? this.payment : null;
    }

    update(options) {
      need(!('clientSecret' in options), 'The clientSecret of Elements cannot be changed.');
      Object.assign(this.options, options);
      this.check();
      this.submitted = false;
      if (this.payment && this.payment.frame) this.payment.frame.ask('update', this.plain());
    }

    async fetchUpdates() {
      return {};
    }

    async submit() {
      need(this.payment, 'Create and mount a Payment Element first.');
      const answer = await this.payment.mounted().ask('submit', {});
      this.submitted = !answer.error;
      return answer;
    }

    ready(verb) {
      need(this.payment, 'Create and mount a Payment Element first.');
      const frame = this.payment.mounted();
      need(this.options.clientSecret || this.submitted, `elements.submit() must be called before stripe.${verb}().`);
      this.submitted = false;
      return frame;
    }
  }

  function withOutcome(returnUrl, intent) {
    const url = new URL(returnUrl);
    url.searchParams.set('payment_intent', intent.id);
    url.searchParams.set('payment_intent_client_secret', intent.client_secret);
    const status = { requires_payment_method: 'failed', processing: 'pending' }[intent.status] || 'succeeded';
    url.searchParams.set('redirect_status', status);
    return url.href;
  }

  function leaveTo(url) {
    window.location.assign(url);
    return new Promise(() => {}); // the page goes away; nothing after this may run
  }

  /* The bank's page in a dialog over the shop's page; resolves when the bank is done. */
  function challenge(url) {
    const dialog = document.createElement('dialog');
    const frame = new Frame('', 'Your bank asks you to confirm this payment');
    const asked = new URL(url);
    frame.node.src = ORIGIN + asked.pathname + asked.search; // our own origin, however the API was addressed
    dialog.setAttribute('aria-label', 'Confirm this payment with your bank');
    style(dialog, {
      border: '0', padding: '0', margin: '0', width: '100%', height: '100%', 'max-width': 'none', 'max-height': 'none',
      background: 'rgba(15, 23, 42, 0.6)', display: 'flex', 'align-items': 'center', 'justify-content': 'center',
    });
    style(frame.node, {
      width: 'min(420px, calc(100% - 16px))', height: 'min(540px, calc(100% - 16px))', background: '#fff', 'border-radius': '12px',
      'box-shadow': '0 20px 60px rgba(15, 23, 42, 0.35)',
    });
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    dialog.append(frame.node);
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      frame.onEvent = (name) => {
        if (name !== 'challenge-done') return;
        frame.remove();
        dialog.close();
        dialog.remove();
        resolve();
      };
      frame.ask('hello', {});
    });
  }

  class SandboxStripe {
    constructor(key) {
      need(typeof key === 'string' && key.startsWith('pk_test_') && key.length > 8, 'Stripe() needs a pk_test_ key.');
      this.key = key;
      this.hidden = null;
    }

    controller() {
      if (!this.hidden) {
        this.hidden = new Frame('/stripe-js/controller', 'Payment controller');
        this.hidden.node.setAttribute('aria-hidden', 'true');
        this.hidden.node.tabIndex = -1;
        style(this.hidden.node, { position: 'absolute', width: '1px', height: '1px', left: '-9999px', top: '0', visibility: 'hidden' });
        document.body.append(this.hidden.node);
      }
      return this.hidden;
    }

    elements(options) {
      return new Elements(this.key, options || {});
    }

    async retrievePaymentIntent(clientSecret) {
      need(/^pi_\w+_secret_\w+$/.test(clientSecret || ''), 'retrievePaymentIntent() needs a client secret.');
      return this.controller().ask('retrieve', { key: this.key, clientSecret });
    }

    async confirmPayment({ elements, clientSecret, confirmParams = {}, redirect = 'always' } = {}) {
      need(elements instanceof Elements, 'confirmPayment() needs the Elements instance.');
      const secret = clientSecret || elements.options.clientSecret;
      need(secret, 'confirmPayment() needs a clientSecret.');
      need(redirect === 'if_required' || confirmParams.return_url, 'confirmParams.return_url is required.');
      const frame = elements.ready('confirmPayment');
      const args = { clientSecret: secret, confirmParams: JSON.parse(JSON.stringify(confirmParams)), context: elements.context() };
      const answer = await frame.ask('confirm', args);
      if (answer.error) return answer;
      return this.finish(answer.paymentIntent, secret, confirmParams.return_url, redirect);
    }

    async createConfirmationToken({ elements, params = {} } = {}) {
      need(elements instanceof Elements, 'createConfirmationToken() needs the Elements instance.');
      const frame = elements.ready('createConfirmationToken');
      return frame.ask('token', { params: JSON.parse(JSON.stringify(params)), context: elements.context() });
    }

    async handleNextAction({ clientSecret } = {}) {
      const answer = await this.retrievePaymentIntent(clientSecret);
      if (answer.error) return answer;
      const intent = answer.paymentIntent;
      need(intent.status === 'requires_action', `handleNextAction: the PaymentIntent is ${intent.status}, not requires_action.`);
      return this.finish(intent, clientSecret, null, 'if_required');
    }

    async finish(intent, secret, returnUrl, redirect) {
      let now = intent;
      if (now.status === 'requires_action') {
        const action = now.next_action;
        if (action.type === 'redirect_to_url') return leaveTo(action.redirect_to_url.url);
        await challenge(action.use_stripe_sdk.stripe_js);
        const answer = await this.retrievePaymentIntent(secret);
        if (answer.error) return answer;
        now = answer.paymentIntent;
        if (now.status === 'requires_payment_method') return { error: { ...now.last_payment_error, payment_intent: now } };
      }
      if (redirect === 'always' && returnUrl) return leaveTo(withOutcome(returnUrl, now));
      return { paymentIntent: now };
    }
  }

  function Stripe(key) {
    return new SandboxStripe(key);
  }
  Stripe.version = 'endive';
  Stripe.sandbox = true;
  window.Stripe = Stripe;
})();
