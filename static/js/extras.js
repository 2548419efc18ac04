/* Extras: after each choice the server stores it and tells the new total; without this script the buttons do it. */
'use strict';
(() => {
  const form = () => document.querySelector('[data-extras]');
  if (!form()) return;
  document.documentElement.classList.add('scripted');
  const said = document.createElement('p'); /* stays while the page around it is replaced */
  said.className = 'hidden-text';
  said.setAttribute('role', 'status');
  document.body.append(said);
  let asked = 0;
  const swap = (fresh, ids) => {
    for (const id of ids) {
      const mine = document.getElementById(id), theirs = fresh.getElementById(id);
      if (mine && theirs) mine.replaceChildren(...theirs.childNodes);
    }
  };
  const send = async () => {
    const mine = ++asked, sent = form(), here = location.pathname;
    const body = new FormData(sent);
    body.set('then', 'stay');
    let answer;
    try {
      answer = await fetch(sent.action, { method: 'POST', body, headers: { Accept: 'text/html' } });
    } catch { return; } /* offline: the button at the end sends the same choices */
    const text = await answer.text();
    if (mine !== asked) return;
    const fresh = new DOMParser().parseFromString(text, 'text/html');
    if (!fresh.querySelector('[data-extras]')) { location.assign(answer.url); return; }
    const to = new URL(answer.url).pathname, focused = document.activeElement?.id;
    const errors = fresh.getElementById('errors');
    if (answer.ok && to === here && !fresh.querySelector('#news .note')) swap(fresh, ['news', 'price', 'total', 'pay-now', 'bundles']);
    else {
      document.getElementById('main').replaceChildren(...fresh.getElementById('main').childNodes);
      if (answer.ok && to !== here) history.replaceState(null, '', to); /* another fare is a draft of its own */
    }
    if (errors) document.getElementById('errors').focus();
    else if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    const total = document.getElementById('total').textContent.replace(/\s+/g, ' ').trim();
    const news = [...document.querySelectorAll('#news .note')].map((note) => note.textContent).join(' ');
    if (!errors) said.textContent = `${news} ${total}`.replace(/\s+/g, ' ').trim();
  };
  document.addEventListener('change', (event) => { if (event.target.closest('[data-extras]')) send(); });
  document.getElementById('errors')?.focus();
})();
