/* The Payment Element's inside: the card form. It alone sees the card number. */
(function () {
  'use strict';
  const frame = window.SandboxFrame;
  const $ = (id) => document.getElementById(id);
  const fields = { number: $('number'), expiry: $('expiry'), cvc: $('cvc'), postal: $('postal') };
  const UNUSABLE = ['succeeded', 'canceled', 'processing', 'requires_capture'];
  const POSTAL = { US: 'ZIP code', GB: 'Postcode', CA: 'Postal code' };
  const COUNTRIES =
    'AD AE AF AG AI AL AM AO AQ AR AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CD CF CG CH CI CK CL CM CN CO CR CV CW CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MK ML MM MN MO MQ MR MS MT MU MV MW MX MY MZ NA NC NE NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PY QA RE RO RS RU RW SA SB SC SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SZ TA TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VN VU WF WS XK YE YT ZA ZM ZW'.split(' ');
  const state = { key: '', elements: {}, options: {}, last: '' };

  const digits = (text) => text.replace(/\D/g, '');

  function brandOf(number) {
    if (/^3[47]/.test(number)) return 'amex';
    if (/^4/.test(number)) return 'visa';
    if (/^(5[1-5]|2[2-7])/.test(number)) return 'mastercard';
    if (/^6(011|5|4[4-9])/.test(number)) return 'discover';
    return '';
  }

  function luhn(number) {
    let total = 0;
    [...number].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      total += value > 9 ? value - 9 : value;
    });
    return total % 10 === 0;
  }

  function expiry() {
    const text = digits(fields.expiry.value);
    return { text, month: Number(text.slice(0, 2)), year: 2000 + Number(text.slice(2, 4)) };
  }

  /* The first thing wrong with each field, in Stripe's codes and words; null when it is right. */
  const CHECKS = {
    number() {
      const number = digits(fields.number.value);
      const length = brandOf(number) === 'amex' ? 15 : 16;
      if (number.length < length) return ['incomplete_number', 'Your card number is incomplete.'];
      return luhn(number) ? null : ['invalid_number', 'Your card number is invalid.'];
    },
    expiry() {
      const { text, month, year } = expiry();
      if (text.length < 4) return ['incomplete_expiry', "Your card's expiration date is incomplete."];
      if (month < 1 || month > 12) return ['invalid_expiry_month', "Your card's expiration date is invalid."];
      const now = new Date();
      const past = year < now.getFullYear() || (year === now.getFullYear() && month < now.getMonth() + 1);
      return past ? ['invalid_expiry_year_past', "Your card's expiration year is in the past."] : null;
    },
    cvc() {
      const length = brandOf(digits(fields.number.value)) === 'amex' ? 4 : 3;
      const right = digits(fields.cvc.value).length === length;
      return right ? null : ['incomplete_cvc', "Your card's security code is incomplete."];
    },
    postal() {
      if ($('postal-field').hidden || fields.postal.value.trim().length > 2) return null;
      return ['incomplete_zip', 'Your postal code is incomplete.'];
    },
  };

  function mark(name, problem) {
    $(`${name}-error`).textContent = problem ? problem[1] : '';
    fields[name].setAttribute('aria-invalid', problem ? 'true' : 'false');
  }

  function validate() {
    let first = null;
    for (const name of Object.keys(CHECKS)) {
      const problem = CHECKS[name]();
      mark(name, problem);
      if (problem && !first) first = { name, problem };
    }
    if (!first) return null;
    fields[first.name].focus();
    return { type: 'validation_error', code: first.problem[0], message: first.problem[1] };
  }

  function changed() {
    const complete = Object.values(CHECKS).every((check) => check() === null);
    const empty = Object.values(fields).every((field) => field.value === '');
    const now = `${complete}${empty}`;
    if (now === state.last) return;
    state.last = now;
    frame.tell('change', { complete, empty, collapsed: false, value: { type: 'card' } });
  }

  function group(number) {
    const parts = brandOf(number) === 'amex' ? [4, 6, 5] : [4, 4, 4, 4, 3];
    const out = [];
    let rest = number.slice(0, parts.reduce((sum, part) => sum + part, 0));
    for (const part of parts) {
      if (!rest) break;
      out.push(rest.slice(0, part));
      rest = rest.slice(part);
    }
    return out.join(' ');
  }

  function keepCaret(field, text) {
    const before = digits(field.value.slice(0, field.selectionStart)).length;
    if (field.value === text) return;
    field.value = text;
    let place = 0;
    for (let seen = 0; place < text.length && seen < before; place += 1) if (/\d/.test(text[place])) seen += 1;
    field.setSelectionRange(place, place);
  }

  function typedNumber() {
    const number = digits(fields.number.value);
    const brand = brandOf(number);
    keepCaret(fields.number, group(number));
    $('brand').textContent = brand.toUpperCase();
    $('brand').className = `brand ${brand}`;
  }

  function typedExpiry(event) {
    let text = digits(fields.expiry.value);
    if (text.length === 1 && Number(text) > 1) text = `0${text}`;
    const deleting = event.inputType && event.inputType.startsWith('delete');
    if (text.length > 2) fields.expiry.value = `${text.slice(0, 2)} / ${text.slice(2, 4)}`;
    else fields.expiry.value = text.length === 2 && !deleting ? `${text} / ` : text;
  }

  function showPostal() {
    const name = POSTAL[$('country').value];
    $('postal-field').hidden = !name || $('country-field').hidden;
    if (name) $('postal-label').textContent = name;
  }

  function fillCountries() {
    const names = new Intl.DisplayNames(['en'], { type: 'region' });
    const rows = COUNTRIES.map((code) => [names.of(code), code]).sort((a, b) => a[0].localeCompare(b[0]));
    $('country').replaceChildren(...rows.map(([name, code]) => new Option(name, code)));
    const here = new Intl.Locale(navigator.language).maximize().region;
    $('country').value = COUNTRIES.includes(here) ? here : 'US';
  }

  function applyOptions(options) {
    state.options = options;
    const billing = options.fields && options.fields.billingDetails;
    const address = billing && billing.address;
    $('country-field').hidden = billing === 'never' || address === 'never' || Boolean(address && address.country === 'never');
    const given = (((options.defaultValues || {}).billingDetails || {}).address || {});
    if (given.country) $('country').value = given.country;
    if (given.postal_code) fields.postal.value = given.postal_code;
    showPostal();
  }

  function applyAppearance(appearance) {
    const allowed = ['colorPrimary', 'colorBackground', 'colorText', 'colorTextSecondary', 'colorDanger', 'borderRadius', 'fontFamily',
      'fontSizeBase', 'spacingUnit'];
    for (const [name, value] of Object.entries((appearance || {}).variables || {})) {
      if (allowed.includes(name)) document.documentElement.style.setProperty(`--${name}`, String(value));
    }
  }

  function refuse(error) {
    $('card').hidden = true;
    $('refused').hidden = false;
    $('refused').textContent = error.message;
    return { error };
  }

  frame.on('init', async ({ key, elements, options }) => {
    Object.assign(state, { key, elements });
    applyAppearance(elements.appearance);
    applyOptions(options);
    new ResizeObserver(() => frame.tell('resize', { height: document.body.getBoundingClientRect().height })).observe(document.body);
    if (!elements.clientSecret) return {};
    const answer = await frame.retrieve(key, elements.clientSecret);
    if (answer.error) return refuse(answer.error);
    const intent = answer.paymentIntent;
    if (!UNUSABLE.includes(intent.status)) return {};
    return refuse({
      type: 'invalid_request_error',
      code: 'payment_intent_unexpected_state',
      message: `This payment can no longer be made here: it is ${intent.status.replaceAll('_', ' ')}.`,
      payment_intent: intent,
    });
  });

  frame.on('update', (elements) => {
    Object.assign(state, { elements });
    applyAppearance(elements.appearance);
  });
  frame.on('options', applyOptions);
  frame.on('focus', () => fields.number.focus());
  frame.on('blur', () => document.activeElement && document.activeElement.blur());
  frame.on('clear', () => {
    $('card').reset();
    typedNumber();
    changed();
  });
  frame.on('submit', () => {
    const error = validate();
    return error ? { error } : { selectedPaymentMethod: 'card' };
  });

  async function method(extra) {
    const wrong = validate();
    if (wrong) return { error: wrong };
    const { month, year } = expiry();
    const given = (extra || {}).billing_details || {};
    const address = { ...given.address };
    if (!$('country-field').hidden) address.country = $('country').value;
    if (!$('postal-field').hidden) address.postal_code = fields.postal.value.trim();
    const answer = await frame.call(state.key, 'POST', '/payment_methods', {
      type: 'card',
      card: { number: digits(fields.number.value), exp_month: month, exp_year: year, cvc: digits(fields.cvc.value) },
      billing_details: { ...given, address },
    });
    if (answer.error && answer.error.param === 'number') mark('number', [answer.error.code, answer.error.message]);
    return answer;
  }

  frame.on('confirm', async ({ clientSecret, confirmParams, context }) => {
    const made = await method(confirmParams.payment_method_data);
    if (made.error) return made;
    const ident = clientSecret.split('_secret_')[0];
    const { return_url, receipt_email, shipping } = confirmParams;
    const answer = await frame.call(state.key, 'POST', `/payment_intents/${ident}/confirm`, {
      client_secret: clientSecret,
      payment_method: made.body.id,
      use_stripe_sdk: true,
      return_url,
      receipt_email,
      shipping,
      client_context: context,
    });
    return answer.error ? answer : { paymentIntent: answer.body };
  });

  frame.on('token', async ({ params, context }) => {
    const made = await method(params.payment_method_data);
    if (made.error) return made;
    const { return_url, shipping } = params;
    const answer = await frame.call(state.key, 'POST', '/confirmation_tokens', {
      payment_method: made.body.id,
      return_url,
      shipping,
      client_context: context,
    });
    return answer.error ? answer : { confirmationToken: answer.body };
  });

  fillCountries();
  showPostal();
  $('card').addEventListener('submit', (event) => event.preventDefault());
  fields.number.addEventListener('input', typedNumber);
  fields.expiry.addEventListener('input', typedExpiry);
  fields.cvc.addEventListener('input', () => keepCaret(fields.cvc, digits(fields.cvc.value)));
  $('country').addEventListener('change', showPostal);
  $('card').addEventListener('input', changed);
  for (const name of Object.keys(CHECKS)) {
    fields[name].addEventListener('blur', () => {
      if (fields[name].value) mark(name, CHECKS[name]());
    });
    fields[name].addEventListener('input', () => {
      if (fields[name].getAttribute('aria-invalid') === 'true' && !CHECKS[name]()) mark(name, null);
    });
  }
})();
