/* The search form with JavaScript: airport boxes (W3C combobox, manual selection), return date, children's ages. */
'use strict';
(() => {
  const form = document.querySelector('[data-search]');
  if (!form) return;

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
      input.addEventListener('input', () => this.typed());
      input.addEventListener('keydown', (event) => this.key(event));
      input.addEventListener('blur', () => setTimeout(() => this.close(), 150));
      input.addEventListener('focus', () => input.select());
      this.list.addEventListener('mousedown', (event) => event.preventDefault());
      this.list.addEventListener('click', (event) => {
        const item = event.target.closest('li');
        if (item) this.choose(item);
      });
    }

    typed() {
      clearTimeout(this.timer);
      const text = this.input.value.trim();
      if (text.length < 2) return this.close();
      this.timer = setTimeout(() => this.ask(text), 120);
    }

    async ask(text) {
      const mine = ++this.asked;
      try {
        const answer = await fetch(form.dataset.places + '?q=' + encodeURIComponent(text), { headers: { Accept: 'application/json' } });
        const found = answer.ok ? (await answer.json()).places || [] : [];
        if (mine === this.asked && document.activeElement === this.input) this.show(found);
      } catch {
        this.close(); // no suggestions: the server understands free text
      }
    }

    show(found) {
      this.list.replaceChildren(...found.slice(0, 8).map((place, i) => this.item(place, i)));
      this.at = -1;
      this.input.removeAttribute('aria-activedescendant');
      this.list.hidden = !found.length;
      this.input.setAttribute('aria-expanded', String(found.length > 0));
      this.status.textContent = found.length ? found.length + (found.length === 1 ? ' place' : ' places') + ' found, use up and down keys' : 'No place found';
    }

    item(place, i) {
      const item = document.createElement('li');
      item.id = this.list.id + '-' + i;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      const city = place.kind === 'city';
      const name = place.city || place.name;
      item.dataset.value = (city ? name + ', all airports' : place.city ? place.city + ', ' + place.name : place.name) + ' (' + place.code + ')';
      for (const [tag, text] of [['', city ? name + ', all airports' : name], ['code', place.code],
        ['soft', [city ? (place.airports || []).join(', ') : place.name, place.countryName || place.country].filter(Boolean).join(' · ')]]) {
        const part = document.createElement('span');
        part.className = tag;
        part.textContent = text;
        item.append(part);
      }
      return item;
    }

    key(event) {
      const items = [...this.list.children];
      if (event.key === 'Escape') {
        if (!this.list.hidden) event.preventDefault();
        else this.input.value = '';
        return this.close();
      }
      if (event.key === 'Enter' && !this.list.hidden && this.at >= 0) {
        event.preventDefault();
        return this.choose(items[this.at]);
      }
      if (event.key === 'Tab') return this.close();
      if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
      event.preventDefault();
      if (this.list.hidden) return this.typed();
      this.at = (this.at + (event.key === 'ArrowDown' ? 1 : -1) + items.length) % items.length;
      items.forEach((item, i) => item.setAttribute('aria-selected', String(i === this.at)));
      this.input.setAttribute('aria-activedescendant', items[this.at].id);
      items[this.at].scrollIntoView({ block: 'nearest' });
    }

    choose(item) {
      this.input.value = item.dataset.value;
      this.input.removeAttribute('aria-invalid');
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

  new AirportBox(form.elements.origin);
  new AirportBox(form.elements.destination);

  const back = form.querySelector('[data-return]');
  const ages = form.querySelector('[data-ages]');
  const tidy = () => {
    const oneWay = form.elements.trip.value === 'oneway';
    back.hidden = oneWay;
    form.elements.returnDate.disabled = oneWay;
    ages.hidden = form.elements.children.value === '0';
    if (form.elements.departureDate.value) form.elements.returnDate.min = form.elements.departureDate.value;
  };
  form.addEventListener('change', tidy);
  tidy();
  const errors = document.getElementById('errors');
  if (errors) errors.focus();
})();
