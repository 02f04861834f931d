// The small parts of every block. Everything from the server is a text node; nothing is ever parsed as HTML.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { clock, severity, visible } from './words.js';

// A shape beside each word, so that colour is never the only sign.
const shapes = {
  ok: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.4 14.4-4-4 1.6-1.6 2.4 2.4 5.2-5.4 1.7 1.6Z',
  info: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.1 4.6h2.2v2.2h-2.2Zm0 4h2.2v6.8h-2.2Z',
  warning: 'M12 2.5 1 21.5h22Zm-1.1 6.8h2.2v6h-2.2Zm0 7.5h2.2V19h-2.2Z',
  critical: 'M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9Zm3 4.6v6.8h2.2V6.6Zm0 8.6v2.2h2.2v-2.2Z',
  away: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20ZM7.6 9.1l1.5-1.5L12 10.5l2.9-2.9 1.5 1.5-2.9 2.9 2.9 2.9-1.5 1.5-2.9-2.9-2.9 2.9-1.5-1.5 2.9-2.9Z',
  fading: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Zm-1.1 4.4h2.2v5.1l3.6 3.6-1.6 1.6-4.2-4.3Z',
  unknown: 'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20ZM8.7 9.4a3.4 3.4 0 1 1 4.5 3.2v1.6h-2.2v-3.2h1a1.2 1.2 0 1 0-1.2-1.6Zm2.3 6.2h2.2v2.2H11Z',
  deploy: 'M12 2 3 7v10l9 5 9-5V7Zm0 2.5 5.6 3.1L12 10.7 6.4 7.6Zm-6.8 4.8 5.7 3.2v6.3l-5.7-3.1Zm13.6 0v6.4l-5.7 3.1v-6.3Z',
};

export const Sign = ({ of }) => html`<svg class="sign" viewBox="0 0 24 24" aria-hidden="true"><path fill="currentColor" fill-rule="evenodd" d=${shapes[of] ?? shapes.info} /></svg>`;
export const Tag = ({ of, word, sign = of }) => html`<span class=${`tag ${of}`}><${Sign} of=${sign} />${word ?? severity[of] ?? of}</span>`;
export const When = ({ at, now }) => html`<time datetime=${at}>${clock(at, now)}</time>`;

async function put(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');  // plain http on another address: no clipboard there
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('no clipboard');
}

export function Code({ text, what }) {
  const [said, say] = useState('');
  const copy = () => put(text).then(() => say('Copied'), () => say('Select and copy by hand')).then(() => setTimeout(say, 2500, ''));
  return html`<div class="code">
    <pre tabindex="0"><code>${visible(text)}</code></pre>
    <button type="button" onClick=${copy} aria-label=${`Copy: ${what}`}>${said || 'Copy'}</button>
    <span class="unseen" role="status">${said}</span>
  </div>`;
}

// A share of a whole; the figure stands beside it in words.
export const Bar = ({ share, tone = '' }) => html`<span class=${`meter ${tone}`} aria-hidden="true"><i style=${{ width: `${Math.max(0, Math.min(1, share || 0)) * 100}%` }}></i></span>`;

export const place = (o) => (o && o.name ? `${o.name}${o.database && o.kind !== 'database' ? ` in ${o.database}` : ''}` : '');

export const Card = ({ id, title, kind = '', children }) => html`<section class=${`card ${kind}`} aria-labelledby=${id}><h2 id=${id} tabindex="-1">${title}</h2>${children}</section>`;

// Within the page and not by a link: the address holds the target.
export function jump(id) {
  const there = document.getElementById(id);
  there?.scrollIntoView({ block: 'start' });
  there?.focus({ preventScroll: true });
}

// A panel whose document is missing says so; one that an older agent does not know is not there at all.
export const Missing = ({ id, title, state }) => !state.gone && state.why && html`<${Card} id=${id} title=${title}><p class="dim">Cannot be shown: ${state.why}.</p></${Card}>`;
