/* Results appear as airlines answer; filters work at once on a wide screen. Everything here also works by plain links
   and forms: the server sends the same page, and its parts are put in place without moving what is being read. */
'use strict';
(() => {
  const byId = (id, root = document) => root.querySelector(`#${id}`);
  const live = byId('count');
  const wide = matchMedia('(min-width: 64rem)');
  const results = () => byId('results');
  const POLL = 1000;
  const PATIENCE = 30000;
  let started = Date.now();
  let asked = 0; // the newest question wins
  let shown = location.search;

  async function page(url, headers = {}) {
    const answer = await fetch(url, { headers: { Accept: 'text/html', ...headers } });
    if (answer.status === 204 || !answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), 'text/html');
  }

  // --- putting parts in place ---------------------------------------------------------------------------------------

  function swap(id, fresh) {
    const here = byId(id), there = byId(id, fresh);
    if (here && there && !here.contains(document.activeElement)) here.replaceChildren(...there.childNodes);
  }

  /* Counts are renewed and new choices added; what is chosen, open or focused in the form is left alone. */
  function refreshFilters(fresh) {
    const here = byId('filters'), there = byId('filters', fresh);
    if (!there) return;
    if (!here) {
      document.querySelector('.filters.ghost')?.remove();
      byId('found').before(there);
      return;
    }
    for (const list of there.querySelectorAll('ul[id]')) {
      const mine = byId(list.id);
      if (mine) merge(mine, [...list.children], (one) => one.dataset.choice, (old, one) => {
        const count = old.querySelector('.n');
        if (count) count.textContent = one.querySelector('.n').textContent;
      });
    }
    for (const select of there.querySelectorAll('select')) {
      const mine = byId(select.id);
      if (mine) merge(mine, [...select.options], (one) => one.value, (old, one) => { old.textContent = one.textContent; });
    }
    for (const block of there.querySelectorAll('details[id]')) if (!byId(block.id)) here.lastElementChild.before(block);
  }

  /* Put new children between the old ones in the new order; the old keep their nodes and their order. */
  function merge(parent, fresh, key, renew) {
    const old = new Map([...parent.children].map((child) => [key(child), child]));
    let after = null, added = 0;
    for (const one of fresh) {
      const mine = old.get(key(one));
      if (mine) { renew(mine, one); after = mine; continue; }
      if (after) after.after(one); else parent.prepend(one);
      after = one;
      added += 1;
    }
    return added;
  }

  /* A card whose flights a second source sells too: what is pointed at or has the focus is renewed when it is left. */
  function renew(card, fresh) {
    if (text(card) === text(fresh)) return;
    const put = () => { if (!busy(card) && fresh.firstChild) card.replaceChildren(...fresh.childNodes); };
    put();
    for (const left of ['mouseleave', 'focusout']) card.addEventListener(left, () => setTimeout(put));
  }

  const text = (card) => card.textContent.replace(/\s+/g, ' ');
  const busy = (card) => card.matches(':hover, :focus-within');

  /* Keep what is read where it is while `change` runs: the card with the focus, else the first in view. At the very top of
     the page news may push things down. */
  function steadily(change) {
    const seen = (card) => card && card.getBoundingClientRect().bottom > 0 && card.getBoundingClientRect().top < innerHeight;
    const focused = document.activeElement?.closest('#list > li');
    const anchor = seen(focused) ? focused : scrollY > 0 && [...document.querySelectorAll('#list > li')].find(seen);
    const before = anchor && anchor.getBoundingClientRect().top;
    change();
    if (anchor && anchor.isConnected) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: 'instant' });
  }

  function state(fresh) {
    const here = results(), there = byId('results', fresh);
    const more = Number(there.dataset.matching) - Number(here.dataset.matching);
    Object.assign(here.dataset, there.dataset);
    here.className = there.className;
    return more;
  }

  function append(fresh) {
    steadily(() => {
      const more = state(fresh);
      for (const id of ['status', 'head', 'days']) swap(id, fresh);
      refreshFilters(fresh);
      const list = byId('list'), news = byId('list', fresh);
      if (list && news) {
        merge(list, [...news.children], (card) => card.dataset.key, renew);
        swap('pager', fresh);
      } else {
        if (!byId('filters', fresh)) document.querySelector('.filters.ghost')?.remove();
        swap('found', fresh);
      }
      if (more > 0) live.textContent = `${more} more flight${more === 1 ? '' : 's'} found`;
      else if (results().dataset.complete === 'yes') live.textContent = results().dataset.said;
    });
  }

  // --- waiting for the airlines -------------------------------------------------------------------------------------

  async function look() {
    const mine = asked;
    try {
      const days = results().dataset.days === 'asking';
      const fresh = await page(location.href, days ? {} : { 'X-Seen': results().dataset.answered });
      if (fresh && mine === asked && byId('results', fresh)) append(fresh);
    } catch { /* offline: try again */ }
    next();
  }

  function next() {
    const waits = results().dataset.complete === 'no' || results().dataset.days === 'asking';
    if (waits && Date.now() - started < PATIENCE) setTimeout(look, POLL);
  }

  // --- filters at once ----------------------------------------------------------------------------------------------

  async function show(url, keep) {
    const mine = asked += 1;
    results().setAttribute('aria-busy', 'true');
    try {
      const fresh = await page(url);
      if (!fresh || mine !== asked || !byId('results', fresh)) { if (mine === asked) location.assign(url); return; }
      if (keep) history.pushState(null, '', url);
      shown = location.search;
      state(fresh);
      for (const id of ['status', 'head', 'found']) byId(id).replaceChildren(...byId(id, fresh).childNodes);
      refreshFilters(fresh);
      live.textContent = results().dataset.said;
    } catch { location.assign(url); } finally { results().removeAttribute('aria-busy'); }
  }

  document.addEventListener('change', (event) => {
    const form = event.target.closest('#filters');
    if (!form || !wide.matches) return;
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
    show(`${form.action}?${chosen}`, true);
  });
  addEventListener('popstate', () => { if (location.search !== shown) location.reload(); }); // not for #filters

  // --- further pages ------------------------------------------------------------------------------------------------

  document.addEventListener('click', async (event) => {
    const link = event.target.closest('#pager a[rel=next]');
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const fresh = await page(link.href), list = byId('list');
      const known = new Set([...list.children].map((card) => card.dataset.key));
      const news = [...byId('list', fresh).children].filter((card) => !known.has(card.dataset.key));
      list.append(...news);
      byId('pager').replaceChildren(...byId('pager', fresh).childNodes);
      byId('pager').querySelector('.before')?.remove();
      live.textContent = `${news.length} more flights shown`;
      news[0]?.querySelector('button').focus();
    } catch { location.assign(link.href); }
  });

  document.addEventListener('submit', async (event) => {
    if (event.target.id !== 'ask-days') return;
    event.preventDefault();
    const form = event.target;
    form.querySelector('button').disabled = true;
    try {
      const answer = await fetch(form.action, { method: 'POST', body: new FormData(form), headers: { Accept: 'text/html' } });
      const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (!answer.ok || !byId('days', fresh)) throw new Error('refused');
      document.activeElement?.blur();
      swap('days', fresh);
      results().dataset.days = 'asking';
      started = Date.now();
      next();
    } catch { form.submit(); }
  });

  function centre() {
    const list = document.querySelector('#days ul'), here = list?.querySelector('[aria-current]')?.parentElement;
    if (here) list.scrollLeft = here.offsetLeft - (list.clientWidth - here.offsetWidth) / 2;
  }

  centre();
  next();
})();
