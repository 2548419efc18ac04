/* Extras: after each choice the server computes the new total; without this script the button does it. */
'use strict';
(() => {
  const form = document.querySelector('[data-extras]');
  if (!form) return;
  document.documentElement.classList.add('scripted');
  let asked = 0;
  form.addEventListener('change', async () => {
    const mine = ++asked;
    const body = new FormData(form);
    body.set('then', 'stay');
    try {
      const answer = await fetch(form.action, { method: 'POST', body, headers: { Accept: 'text/html' } });
      if (!answer.ok || mine !== asked) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const id of ['price', 'total']) document.getElementById(id).replaceChildren(...fresh.getElementById(id).childNodes);
    } catch { /* offline: the button at the end sends the same choices */ }
  });
  const errors = document.getElementById('errors');
  if (errors) errors.focus();
})();
