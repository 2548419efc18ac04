/* Results appear as airlines answer: the same page is asked again and its list put in place. */
'use strict';
(() => {
  let list = document.getElementById('results');
  const live = document.getElementById('count');
  const started = Date.now();
  async function look() {
    try {
      const answer = await fetch(location.href, { headers: { Accept: 'text/html', 'X-Wait': '1' } });
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('results');
      if (fresh && !list.contains(document.activeElement)) {
        list.replaceWith(document.adoptNode(fresh));
        list = fresh;
        live.textContent = fresh.dataset.said;
      }
    } catch { /* offline: try again */ }
    next();
  }
  function next() {
    if (list.dataset.complete === 'no' && Date.now() - started < 30000) setTimeout(look, 700);
  }
  next();
})();
