// The last minute in figures: load against the vCPUs, CPU with its source, connections against the limit.
import { html } from 'htm/preact';
import { Card } from './parts.js';
import { waitWords } from './series.js';
import { duration, number, percent } from './words.js';

const kinds = [['on_cpu', waitWords.cpu], ['lock', waitWords.lock], ['io', waitWords.io], ['client', waitWords.client], ['other', waitWords.other]];

const Figure = ({ of, children }) => html`<p><strong class=${of === 'unknown' ? 'unsaid' : ''}>${of}</strong><span>${children}</span></p>`;

export function Now({ report }) {
  const l = report.load;
  const { used, max } = report.connections;
  const { busy, source } = report.cpu;
  const scale = Math.max(l.active, l.vcpus ?? 0, 1) * 1.04;
  const x = (v) => `${(100 * v) / scale}%`;
  let at = 0;
  const bars = kinds.map(([key]) => { const from = at; at += l[key]; return html`<rect class=${`fill ${key}`} x=${x(from)} y="8" height="22" width=${x(l[key])} />`; });
  const said = `${number(l.active)} active sessions${l.vcpus ? ` on ${number(l.vcpus)} vCPUs` : ''}`;
  return html`<${Card} id="now" title="Load now" kind="load">
    <div class="figures">
      <${Figure} of=${number(l.samples ? l.active : null)}>active sessions${l.vcpus ? html` on ${number(l.vcpus)} vCPUs` : ''}</${Figure}>
      <${Figure} of=${percent(busy)}>CPU busy${source ? ` (${source})` : ''}</${Figure}>
      <${Figure} of=${number(used)}>${max === null ? 'connections' : `of ${number(max)} connections`}</${Figure}>
    </div>
    ${l.samples > 0 ? html`<svg class="bar" role="img" aria-label=${said} width="100%" height="38">
      <rect class="track" x="0" y="8" width="100%" height="22" rx="4" />${bars}
      ${l.vcpus && html`<line class="cores" x1=${x(l.vcpus)} x2=${x(l.vcpus)} y1="2" y2="36" />`}
    </svg>
    <ul class="legend">${kinds.filter(([key]) => l[key] > 0.005).map(([key, word]) => html`<li><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><rect class=${`fill ${key}`} width="12" height="12" rx="3" /></svg>${word} <b>${number(l[key])}</b></li>`)}
      ${l.vcpus && html`<li><svg class="swatch" viewBox="0 0 12 12" aria-hidden="true"><line class="cores" x1="6" x2="6" y1="0" y2="12" /></svg>${number(l.vcpus)} vCPUs</li>`}</ul>
    <p class="dim">Averages over ${duration(l.seconds)}, ${number(l.samples)} samples.</p>`
    : html`<p class="dim">No samples.</p>`}
  </${Card}>`;
}
