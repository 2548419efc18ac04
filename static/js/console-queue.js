/* Keys of the console: j and k (or arrows) walk along lines, Enter opens, x ticks, / searches, ? tells the keys.
   Everything works without this script. */
'use strict';
(() => {
  const search = document.querySelector('[data-search]');
  const lines = [...document.querySelectorAll('[data-line]')];
  const keys = document.querySelector('[data-keys]');
  const ticked = document.querySelector('[data-ticked]');
  const boxes = [...document.querySelectorAll('[data-line] input[type="checkbox"]')];

  const help = () => { if (keys && !keys.open) keys.showModal(); };
  for (const button of document.querySelectorAll('[data-help]')) {
    button.hidden = false;
    button.addEventListener('click', help);
  }

  const tell = () => {
    const many = boxes.filter((box) => box.checked).length;
    if (ticked) ticked.textContent = many ? `${many} ticked` : '';
  };
  for (const box of boxes) box.addEventListener('change', tell);
  tell();

  const linkOf = (line) => line.querySelector('a.line-open');
  const walk = (step) => {
    const at = lines.indexOf(document.activeElement?.closest('[data-line]'));
    const next = lines[at < 0 ? (step > 0 ? 0 : lines.length - 1) : Math.min(Math.max(at + step, 0), lines.length - 1)];
    linkOf(next)?.focus();
    next.scrollIntoView({ block: 'nearest' });
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    const from = event.target;
    if (from.isContentEditable || from.matches('textarea, select, input:not([type="checkbox"])')) {
      if (event.key === 'Escape' && from === search) search.blur();
      return;
    }
    const arrows = from === document.body || from.closest('[data-line]');
    const deed = {
      '/': search && (() => { search.focus(); search.select(); }),
      '?': keys && help,
      j: lines.length && (() => walk(1)),
      k: lines.length && (() => walk(-1)),
      ArrowDown: lines.length && arrows && (() => walk(1)),
      ArrowUp: lines.length && arrows && (() => walk(-1)),
      x: () => from.closest('[data-line]')?.querySelector('input[type="checkbox"]')?.click(),
    }[event.key];
    if (!deed) return;
    event.preventDefault();
    deed();
  });
})();
