/* The progress page: ask at 2, 3, 5, 5 … s for a minute, then every 15 s; show what the server says, go where it says. */
'use strict';
(() => {
  const page = document.querySelector('[data-status]');
  if (!page) return;
  const live = document.getElementById('live');
  const late = document.getElementById('late');
  const started = Date.now();
  let tag = '';
  let turn = 0;

  async function refresh() {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
    if (answer.redirected) return location.assign(answer.url);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('state');
    if (!fresh) return location.reload();
    document.getElementById('state').replaceWith(document.adoptNode(fresh));
    const now = document.querySelector('#state [aria-current]');
    if (now) live.textContent = now.textContent.trim();
  }

  async function look() {
    const age = Date.now() - started;
    let pause = age < 60000 ? [2, 3, 5][Math.min(turn++, 2)] : 15;
    if (late && age > 60000) late.hidden = false;
    try {
      const answer = await fetch(page.dataset.status, { headers: { Accept: 'application/json', ...(tag && { 'If-None-Match': tag }) } });
      pause = Math.max(pause, Number(answer.headers.get('Retry-After') || 0));
      if (answer.ok) {
        tag = answer.headers.get('ETag') || '';
        const said = await answer.json();
        if ([said.status, said.step, said.code].join(' ').trim() !== document.getElementById('state').dataset.seen.trim()) await refresh();
      }
      if (page.dataset.patience) await refresh(); // the next decline may look like the last one
      if (page.dataset.patience && age > 1000 * page.dataset.patience) return location.assign(location.pathname);
    } catch { /* offline: ask again */ }
    setTimeout(look, pause * 1000);
  }

  look();
  for (const button of document.querySelectorAll('[data-copy]')) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = 'Copied';
      } catch { button.textContent = 'Please copy by hand'; }
    });
  }
})();
