/* The travellers' page: how the airline will write the name, the e-mail in large letters, errors cleared on typing. */
'use strict';
(() => {
  const form = document.querySelector('[data-travellers]');
  if (!form) return;
  const letters = { ä: 'ae', ö: 'oe', ü: 'ue', å: 'aa', ø: 'oe', æ: 'ae', œ: 'oe', ß: 'ss', þ: 'th', ð: 'd', đ: 'd', ł: 'l', ĳ: 'ij', ı: 'i', ħ: 'h', ŋ: 'n' };
  const plain = (text) => [...text.toLowerCase()].map((letter) => letters[letter] || letter).join('').normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '').replace(/[^a-z]+/g, ' ').trim().toUpperCase();
  for (const out of form.querySelectorAll('[data-sent-as]')) {
    const given = document.getElementById(out.dataset.sentAs + '-givenName');
    const family = document.getElementById(out.dataset.sentAs + '-familyName');
    const show = () => {
      const name = [plain(family.value), plain(given.value)];
      out.textContent = name[0] && name[1] ? name.join(' / ') : '–';
    };
    given.addEventListener('input', show);
    family.addEventListener('input', show);
    show();
  }
  const mail = document.getElementById('contact-email');
  const shown = document.getElementById('email-shown');
  const show = () => { shown.textContent = mail.value.trim(); };
  mail.addEventListener('input', show);
  show();
  form.addEventListener('input', (event) => event.target.removeAttribute('aria-invalid'));
  form.addEventListener('submit', (event) => {
    const button = event.submitter;
    setTimeout(() => { if (button) button.disabled = true; });
  });
  window.addEventListener('pageshow', () => form.querySelectorAll('button').forEach((button) => { button.disabled = false; }));
  const errors = document.getElementById('errors');
  if (errors) errors.focus();
})();
