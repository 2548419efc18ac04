/* Copy buttons; and a page whose booking moves looks again by itself, without being torn away while it is read. */
'use strict';
(() => {
  for (const button of document.querySelectorAll('[data-copy]')) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        button.textContent = 'Copied';
      } catch {
        button.textContent = 'Please copy by hand';
      }
    });
  }

  const moving = document.querySelector('[data-moving]');
  if (!moving) return;
  const look = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-moving]');
      if (answer.redirected || (answer.ok && fresh?.dataset.moving !== moving.dataset.moving)) return location.reload();
    } catch { /* offline: look again */ }
    setTimeout(look, moving.dataset.every * 1000);
  };
  setTimeout(look, moving.dataset.every * 1000);
})();
