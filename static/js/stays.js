/* Hotels and things to do: asked for when the reader comes near them, long after the page is there. Nothing found, or no
   answer in time: the place goes away. Without this script a link leads to the same on a page of its own. */
'use strict';
(() => {
  const here = document.querySelector('#stays[data-from]');
  if (!here) return;
  const alone = 'now' in here.dataset; // on its own page a sentence stays, on the page of the trip nothing does
  const url = here.dataset.from, POLL = 1200, TRIES = 12;

  function settle(fresh) {
    if (here.contains(document.activeElement)) return; // somebody is at the link: it works as it is
    if (fresh.dataset.state === 'there' || alone) here.replaceChildren(...fresh.childNodes);
    else here.remove();
  }

  async function look(tries) {
    let fresh = null;
    try {
      const answer = await fetch(url, { headers: { Accept: 'text/html' } });
      if (answer.ok && !answer.redirected) {
        fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('#stays');
      }
    } catch { /* offline: as if nothing were there */ }
    if (fresh && fresh.dataset.state !== 'asking') settle(fresh);
    else if (fresh && tries > 1) setTimeout(look, POLL, tries - 1);
    else if (!alone && !here.contains(document.activeElement)) here.remove();
  }

  if (alone) return void setTimeout(look, POLL, TRIES);
  const near = new IntersectionObserver((seen) => {
    if (!seen.some((one) => one.isIntersecting)) return;
    near.disconnect();
    look(TRIES);
  }, { rootMargin: '300px' });
  near.observe(here);
})();
