/* The travellers' page: how the airline will write the name, slips in the e-mail, what is typed kept at every step. */
'use strict';
(() => {
  const form = document.querySelector('[data-travellers]');
  if (!form) return;
  const byId = (id) => document.getElementById(id);

  // --- the name as the airline writes it (bookings/forms/names.py does the same) ---
  const letters = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe', æ: 'ae', œ: 'oe', ß: 'ss', þ: 'th', ð: 'd', đ: 'd', ł: 'l', ĳ: 'ij', ı: 'i', ħ: 'h', ŋ: 'n' };
  const plain = (text) => [...text.normalize('NFC').toLowerCase()].map((letter) => letters[letter] || letter).join('')
    .normalize('NFKD').replace(/[\u0300-\u036f]/g, '').replace(/[^a-z]+/g, ' ').trim().toUpperCase();
  for (const out of form.querySelectorAll('[data-sent-as]')) {
    const given = byId(out.dataset.sentAs + '-givenName');
    const family = byId(out.dataset.sentAs + '-familyName');
    const show = () => {
      const name = [plain(family.value), plain(given.value)];
      out.textContent = name[0] && name[1] ? name.join(' / ') : '–';
    };
    given.addEventListener('input', show);
    family.addEventListener('input', show);
    show();
  }

  // --- the e-mail address, large, and what was probably meant ---
  const mail = byId('contact-email');
  const shown = byId('email-shown');
  const meant = byId('email-meant');
  const use = meant.querySelector('button');
  use.hidden = false;
  const suggest = (address) => {
    meant.hidden = !address;
    meant.querySelector('strong').textContent = address;
  };
  const show = () => { shown.textContent = mail.value.trim(); };
  mail.addEventListener('input', () => { show(); suggest(''); });
  show();
  use.addEventListener('click', () => {
    mail.value = meant.querySelector('strong').textContent;
    suggest('');
    show();
    mail.focus();
    mail.dispatchEvent(new Event('change', { bubbles: true }));
  });

  // --- an error goes once its field is mended; a new one comes only with the next submit ---
  form.addEventListener('change', (event) => {
    const field = event.target.closest('.field');
    if (!field || !event.target.value) return;
    field.querySelectorAll('[aria-invalid]').forEach((input) => input.removeAttribute('aria-invalid'));
    const error = field.querySelector('.error');
    if (!error) return;
    field.querySelectorAll('[aria-describedby]').forEach((input) => {
      const left = input.getAttribute('aria-describedby').split(' ').filter((id) => id && id !== error.id);
      if (left.length) input.setAttribute('aria-describedby', left.join(' ')); else input.removeAttribute('aria-describedby');
    });
    if (field.matches('[aria-describedby]')) field.removeAttribute('aria-describedby');
    error.classList.add('mended'); // its place stays: or the press that ended the typing would miss its button
  });

  // --- what is typed is kept on our side, sealed; nothing is stored in the browser ---
  const said = form.querySelector('[data-saved]');
  let timer = 0;
  let leaving = false;
  const save = async () => {
    const data = new FormData(form);
    data.set('then', 'save');
    try {
      const answer = await fetch(form.action, { method: 'POST', body: data, headers: { Accept: 'application/json' }, keepalive: true });
      if (!answer.ok) return;
      const told = await answer.json();
      said.textContent = 'Saved';
      if (document.activeElement !== mail) suggest(told.meant);
    } catch { said.textContent = ''; }
  };
  form.addEventListener('change', () => {
    said.textContent = '';
    clearTimeout(timer);
    timer = setTimeout(() => { if (!leaving) save(); }, 300);
  });

  form.addEventListener('submit', (event) => {
    leaving = true;
    clearTimeout(timer);
    const button = event.submitter;
    setTimeout(() => { if (button) button.disabled = true; });
  });
  window.addEventListener('pageshow', () => {
    leaving = false;
    form.querySelectorAll('button').forEach((button) => { button.disabled = false; });
  });
  const errors = byId('errors');
  if (errors) errors.focus();
})();
