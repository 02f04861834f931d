// Usable without a mouse: a few single keys, told by `?`.
import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import { brushed, look, spans } from './load.js';
import { jump } from './parts.js';

const all = [
  ['?', 'this help'], ['/', 'search in queries'], ['v', 'to the verdict'], ['l', 'to the chart of the load'], ['q', 'to the hot queries'],
  [`1 to ${spans.length}`, `show ${spans.map(([, w]) => w).join(', ')}`], ['Esc', 'clear the window'],
];

export function Help() {
  const box = useRef(null);
  useEffect(() => {
    const press = (e) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && !/^(radio|range)$/.test(e.target.type);
      if (e.key === 'Escape' && !box.current.open) {
        brushed.value = null;
        if (typing) e.target.blur();
        return;
      }
      if (typing || e.ctrlKey || e.metaKey || e.altKey || box.current.open) return;
      const n = Number(e.key);
      if (e.key === '?') box.current.showModal();
      else if (e.key === '/') document.getElementById('search')?.focus();
      else if (e.key === 'v') jump('main');
      else if (e.key === 'l') jump('load');
      else if (e.key === 'q') jump('queries');
      else if (n >= 1 && n <= spans.length) look(spans[n - 1][0]);
      else return;
      e.preventDefault();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
  return html`<dialog ref=${box} aria-labelledby="help"><h2 id="help">Keys</h2>
    <dl class="keys">${all.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <p class="dim">On the chart: drag over a time, or move the two handles below it with the arrow keys; queries, findings and events follow.</p>
    <form method="dialog"><button>Close</button></form></dialog>
    <button type="button" class="helps" onClick=${() => box.current.showModal()} aria-label="Keys and help">?</button>`;
}

// On paper nothing is folded away: the print is the report of the incident.
export function unfoldForPrint() {
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll('main details:not([open]):not(.asTable)')];
    for (const d of opened) d.open = true;
  });
  addEventListener('afterprint', () => { for (const d of opened) d.open = false; });
}
