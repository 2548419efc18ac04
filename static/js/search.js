/* The search form with JavaScript: airport boxes (W3C combobox, manual selection), swap, flights, dates, ages. */
'use strict';
(() => {
  const form = document.querySelector('[data-search]');
  if (!form) return;
  const known = new Map(); // what was asked before on this page
  const PLANE = 'M3 13l18-8-6 16-4-6z';
  const TOWN = 'M4 21V8l6-4v17M10 21V10h10v11M14 14h2M14 17.5h2M3 21h18';

  async function suggestions(text) {
    const key = text.toLowerCase();
    if (!known.has(key)) {
      const answer = await fetch(form.dataset.places + '?q=' + encodeURIComponent(key), { headers: { Accept: 'application/json' } });
      if (!answer.ok) return [];
      known.set(key, (await answer.json()).places || []);
    }
    return known.get(key);
  }

  class AirportBox {
    constructor(input) {
      this.input = input;
      this.list = document.createElement('ul');
      this.list.id = input.id + '-list';
      this.list.hidden = true;
      this.list.setAttribute('role', 'listbox');
      this.list.setAttribute('aria-label', input.labels[0].textContent + ': suggestions');
      this.status = document.createElement('div');
      this.status.className = 'hidden-text';
      this.status.setAttribute('role', 'status');
      input.after(this.list, this.status);
      input.setAttribute('role', 'combobox');
      input.setAttribute('aria-autocomplete', 'list');
      input.setAttribute('aria-expanded', 'false');
      input.setAttribute('aria-controls', this.list.id);
      this.at = -1;
      this.asked = 0;
      input.addEventListener('input', () => this.typed(120));
      input.addEventListener('keydown', (event) => this.key(event));
      input.addEventListener('blur', () => this.close());
      input.addEventListener('focus', () => input.select());
      this.list.addEventListener('mousedown', (event) => event.preventDefault()); // the box keeps the focus
      this.list.addEventListener('click', (event) => {
        const item = event.target.closest('li');
        if (item) this.choose(item);
      });
      if (window.visualViewport) visualViewport.addEventListener('resize', () => this.fit());
    }

    typed(pause, then) {
      clearTimeout(this.timer);
      const text = this.input.value.trim();
      if (text.length < 2) {
        this.status.textContent = '';
        return this.close();
      }
      this.timer = setTimeout(() => this.ask(text, then), pause);
    }

    async ask(text, then) {
      const mine = ++this.asked;
      try {
        const found = await suggestions(text);
        if (mine !== this.asked || document.activeElement !== this.input) return;
        this.show(found);
        if (then) then();
      } catch {
        this.close(); // no suggestions: the server understands free text
      }
    }

    show(found) {
      const cities = new Set(found.filter((place) => place.kind === 'city').map((place) => place.code));
      this.list.replaceChildren(...found.map((place, i) => this.item(place, i, cities)));
      this.at = -1;
      this.input.removeAttribute('aria-activedescendant');
      this.list.hidden = !found.length;
      this.list.scrollTop = 0;
      this.input.setAttribute('aria-expanded', String(found.length > 0));
      this.status.textContent = found.length
        ? found.length + (found.length === 1 ? ' place' : ' places') + ' found, use the up and down keys' : 'No place found';
      if (found.length) this.fit();
    }

    fit() { // the list stays above a phone's keyboard
      if (this.list.hidden || !window.visualViewport) return;
      const view = visualViewport;
      if (view.width < 704 && this.input.getBoundingClientRect().bottom - view.offsetTop > view.height / 2) {
        this.input.closest('.place').scrollIntoView({ block: 'start' });
      }
      const room = view.height - (this.input.getBoundingClientRect().bottom - view.offsetTop) - 12;
      this.list.style.maxHeight = Math.max(132, Math.min(384, room)) + 'px';
    }

    item(place, i, cities) {
      const item = document.createElement('li');
      const city = place.kind === 'city';
      item.id = this.list.id + '-' + i;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      if (!city && cities.has(place.cityCode)) item.className = 'within';
      item.dataset.value = place.text;
      item.append(drawing(city ? TOWN : PLANE), word('b', '', place.text.replace(/ \([A-Z]{3}\)$/, '')),
        word('span', 'code', place.code),
        word('span', 'soft', [city ? place.airports.join(', ') : place.city, place.countryName].filter(Boolean).join(' · ')));
      return item;
    }

    key(event) {
      const open = !this.list.hidden;
      const last = this.list.children.length - 1;
      const to = {
        ArrowDown: () => (this.at < last ? this.at + 1 : 0), ArrowUp: () => (this.at > 0 ? this.at - 1 : last),
        Home: () => 0, End: () => last,
      }[event.key];
      if (event.key === 'Escape') {
        if (open) event.preventDefault();
        else this.input.value = '';
        this.close();
      } else if (event.key === 'Enter' && open && this.at >= 0) {
        event.preventDefault();
        this.choose(this.list.children[this.at]);
      } else if (to && (open ? this.at >= 0 || event.key.startsWith('Arrow') : event.key.startsWith('Arrow'))) {
        event.preventDefault();
        if (open) this.go(to());
        else this.typed(0, () => !this.list.hidden && this.go(event.key === 'ArrowUp' ? this.list.children.length - 1 : 0));
      }
    }

    go(at) {
      const items = [...this.list.children];
      this.at = at;
      items.forEach((item, i) => item.setAttribute('aria-selected', String(i === at)));
      this.input.setAttribute('aria-activedescendant', items[at].id);
      items[at].scrollIntoView({ block: 'nearest' });
    }

    choose(item) {
      this.input.value = item.dataset.value;
      this.input.removeAttribute('aria-invalid');
      this.status.textContent = item.dataset.value + ' chosen';
      this.close();
    }

    close() {
      clearTimeout(this.timer);
      this.asked++;
      this.list.hidden = true;
      this.at = -1;
      this.input.setAttribute('aria-expanded', 'false');
      this.input.removeAttribute('aria-activedescendant');
    }
  }

  function word(tag, name, text) {
    const part = document.createElement(tag);
    if (name) part.className = name;
    part.textContent = text;
    return part;
  }

  function drawing(path) {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(document.createElementNS('http://www.w3.org/2000/svg', 'path'));
    svg.firstChild.setAttribute('d', path);
    return svg;
  }

  form.querySelectorAll('.combo input').forEach((input) => new AirportBox(input));

  const legs = [...form.querySelectorAll('[data-leg]')];
  const more = form.querySelector('[data-more]');
  const field = (name, number) => form.elements[number === 1 ? name : name + number];
  const NAMES = ['origin', 'destination', 'departureDate'];
  let flights = legs.filter((leg) => !leg.hidden).length;

  const swap = form.querySelector('[data-swap]');
  swap.hidden = false;
  form.classList.add('can-swap');
  swap.addEventListener('click', () => {
    const { origin, destination } = form.elements;
    [origin.value, destination.value] = [destination.value, origin.value];
  });

  more.addEventListener('click', (event) => {
    event.preventDefault();
    flights += 1;
    if (!field('origin', flights).value) field('origin', flights).value = field('destination', flights - 1).value;
    tidy();
    field(field('origin', flights).value ? 'destination' : 'origin', flights).focus();
  });

  form.addEventListener('click', (event) => {
    const button = event.target.closest('[name="remove"]');
    if (!button) return;
    event.preventDefault();
    for (let number = Number(button.value); number <= legs.length; number += 1) {
      for (const name of NAMES) field(name, number).value = number < legs.length ? field(name, number + 1).value : '';
    }
    flights -= 1;
    tidy();
    (more.hidden ? field('origin', flights) : more).focus();
  });

  function tidy() { // what the chosen kind of trip does not need is not sent
    const trip = form.elements.trip.value;
    const multi = trip === 'multi';
    form.elements.returnDate.disabled = trip !== 'return';
    legs.forEach((leg, i) => {
      leg.hidden = i >= Math.max(2, flights);
      for (const name of NAMES) field(name, i + 1).disabled = i > 0 && (!multi || leg.hidden);
      const remove = leg.querySelector('[name="remove"]');
      if (remove) remove.hidden = flights < 3;
    });
    more.hidden = flights >= legs.length;
    const children = Number(form.elements.children.value);
    form.querySelectorAll('.age select').forEach((age, i) => { age.disabled = i >= children; });
    let earliest = form.elements.departureDate.min;
    for (const day of [...legs.map((_, i) => field('departureDate', i + 1)), form.elements.returnDate]) {
      if (day.disabled) continue;
      if (day.min !== earliest) day.min = earliest; // setting it, even to the same, empties a date half typed
      if (day.value > earliest) earliest = day.value;
    }
  }
  form.addEventListener('change', tidy);
  window.addEventListener('pageshow', tidy);
  tidy();

  form.addEventListener('submit', (event) => {
    if (event.submitter && event.submitter.name) return;
    const button = form.querySelector('.button.big');
    button.disabled = true;
    button.textContent = 'Searching …';
  });
  window.addEventListener('pageshow', () => {
    const button = form.querySelector('.button.big');
    button.disabled = false;
    button.textContent = 'Search flights';
  });
  const errors = document.getElementById('errors');
  if (errors) errors.focus();
})();
