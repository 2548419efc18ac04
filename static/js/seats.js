/* Seats: arrow keys move by seat, the server stores each choice and tells the new total. Without it: plain buttons. */
'use strict';
(() => {
  const said = document.createElement('p'); /* stays while the page around it is replaced */
  said.className = 'hidden-text';
  said.setAttribute('role', 'status');
  document.body.append(said);
  const seats = () => [...document.querySelectorAll('[data-grid] button')];
  const rest = (chosen) => seats().forEach((seat) => { seat.tabIndex = seat === chosen ? 0 : -1; });
  const tell = (seat) => {
    const told = document.querySelector('[data-told]');
    if (told && seat) told.textContent = seat.getAttribute('aria-label');
  };

  const begin = () => {
    for (const table of document.querySelectorAll('[data-grid]')) {
      table.setAttribute('role', 'grid');
      table.querySelectorAll('tr').forEach((row) => row.setAttribute('role', 'row'));
      table.querySelectorAll('td').forEach((cell) => cell.setAttribute('role', 'gridcell'));
    }
    const all = seats();
    rest(all.find((seat) => seat.classList.contains('mine')) ?? all[0]);
  };

  const middle = (seat) => { const box = seat.getBoundingClientRect(); return box.left + box.width / 2; };
  const rowsOf = () => [...document.querySelectorAll('[data-grid] tr')]
    .map((row) => [...row.querySelectorAll('button')]).filter((row) => row.length);

  const goal = (seat, key) => {
    const rows = rowsOf(), at = rows.findIndex((row) => row.includes(seat)), row = rows[at], place = row.indexOf(seat);
    const near = (other) => other && other.reduce((best, each) =>
      (Math.abs(middle(each) - middle(seat)) < Math.abs(middle(best) - middle(seat)) ? each : best));
    switch (key) {
      case 'ArrowRight': return row[place + 1];
      case 'ArrowLeft': return row[place - 1];
      case 'ArrowDown': return near(rows[at + 1]);
      case 'ArrowUp': return near(rows[at - 1]);
      case 'Home': return row[0];
      case 'End': return row[row.length - 1];
      case 'PageDown': return near(rows[Math.min(at + 5, rows.length - 1)]);
      case 'PageUp': return near(rows[Math.max(at - 5, 0)]);
      default: return undefined;
    }
  };

  const show = (fresh, to, pressed) => {
    document.getElementById('main').replaceChildren(...fresh.getElementById('main').childNodes);
    history.replaceState(null, '', to);
    begin();
    const target = document.getElementById('errors') ?? document.getElementById('ask-title')
      ?? document.getElementById(pressed) ?? document.querySelector('[data-grid] [tabindex="0"]');
    if (target?.matches('[data-grid] button')) rest(target);
    target?.focus({ preventScroll: Boolean(target?.matches('[data-grid] button')) });
    const head = document.getElementById('map-title'), total = document.getElementById('total');
    if (!document.getElementById('errors') && head && total) {
      said.textContent = `${head.textContent}. ${total.textContent}`.replace(/\s+/g, ' ').trim();
    }
  };

  document.addEventListener('submit', async (event) => {
    const form = event.target;
    if (!form.matches('[data-seats]')) return;
    event.preventDefault();
    const body = new FormData(form, event.submitter), pressed = event.submitter?.id;
    let answer;
    try {
      answer = await fetch(form.action, { method: 'POST', body, headers: { Accept: 'text/html' } });
    } catch {
      said.textContent = 'Connection lost. Nothing was changed; please try again.';
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (fresh.querySelector('[data-seats]')) show(fresh, answer.url, pressed);
    else location.assign(answer.url);
  });

  document.addEventListener('keydown', (event) => {
    const seat = event.target.closest?.('[data-grid] button');
    if (!seat || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = goal(seat, event.key);
    if (!next) return;
    event.preventDefault();
    rest(next);
    next.focus();
  });
  document.addEventListener('focusin', (event) => tell(event.target.closest?.('[data-grid] button')));
  document.addEventListener('mouseover', (event) => tell(event.target.closest?.('[data-grid] .seat')));
  begin();
  (document.getElementById('errors') ?? document.getElementById('ask-title'))?.focus();
})();
