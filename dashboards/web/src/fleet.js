// Several targets: the sick first. A thousand stay quick: what is not looked for is not drawn.
import { html } from 'htm/preact';
import { useState } from 'preact/hooks';
import { choose, fleet, report, shown } from './live.js';
import { Tag } from './parts.js';
import { clock, counted, line, number, percent, severity, visible } from './words.js';

const few = 4, most = 100;  // rows: beside the verdict; when asked for more
const word = (t) => (t.reachable === false ? { of: 'critical', sign: 'away', word: 'Unreachable' } : { of: t.verdict, word: severity[t.verdict] });
const sick = (t) => t.reachable === false || t.verdict === 'critical' || t.verdict === 'warning';

export function Choice() {
  const all = fleet.value;
  if (all.length < 2) return null;
  return html`<nav aria-label="Targets"><label for="target">Target</label>
    <select id="target" value=${shown.value ?? ''} onChange=${(e) => choose(e.target.value)}>
      ${all.map((t) => html`<option key=${t.target} value=${t.target}>${visible(t.target)}: ${word(t).word ?? 'unknown'}</option>`)}
    </select></nav>`;
}

function Row({ t, now }) {
  const current = t.target === shown.value;
  return html`<li><a href=${`#${new URLSearchParams({ target: t.target })}`} aria-current=${current ? 'true' : undefined}>
    <${Tag} ...${word(t)} /><b class="names">${visible(t.target)}</b><span class="headline">${line(t.headline, 140)}</span>
    <span class="dim">${[t.since && `since ${clock(t.since, now)}`, t.load !== undefined && `load ${number(t.load)}${t.vcpus ? ` on ${number(t.vcpus)} vCPUs` : ''}`, Number.isFinite(t.cpu_busy) && `CPU ${percent(t.cpu_busy)}`].filter(Boolean).join(', ')}</span></a></li>`;
}

export function Fleet() {
  const [open, unfold] = useState(false);
  const [wanted, want] = useState('');
  const all = fleet.value;
  if (all.length < 2) return null;
  const bad = all.filter(sick).length;
  const fold = all.length > few + 2;
  const text = wanted.trim().toLowerCase();
  const fits = text ? all.filter((t) => t.target.toLowerCase().includes(text) || t.headline?.toLowerCase().includes(text)) : all;
  const rows = fits.slice(0, open || text || !fold ? most : few);
  return html`<nav class=${`fleet card ${open || text ? "" : "folded-up"}`} aria-label="Fleet">
    <div class="tools"><h2>${bad === 0 ? `All ${all.length} targets are well` : `${number(bad)} of ${counted(all.length, 'target')} ${bad === 1 ? 'needs' : 'need'} you`}</h2>
      ${fold && html`<label class="find"><span class="unseen">Filter targets</span><input type="search" placeholder="Filter targets" value=${wanted} onInput=${(e) => want(e.target.value)} /></label>
      <button type="button" aria-expanded=${open} onClick=${() => unfold(!open)}>${open ? 'Show the sickest' : `Show all ${number(all.length)}`}</button>`}</div>
    <ol>${rows.map((t) => html`<${Row} key=${t.target} t=${t} now=${report.value?.at ?? t.at} />`)}</ol>
    ${fits.length === 0 && html`<p class="dim">No target has this text.</p>`}
    ${fits.length > rows.length && (open || text) && html`<p class="dim">and ${number(fits.length - rows.length)} more: filter to find one</p>`}
  </nav>`;
}
