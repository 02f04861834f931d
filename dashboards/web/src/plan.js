// The plan of a query as a tree; the node that does the harm is marked, with the reason.
import { html } from 'htm/preact';
import { docs } from './docs.js';
import { report } from './live.js';
import { Tag } from './parts.js';
import { clock, counted, number } from './words.js';

const judged = { harmful: ['critical', 'Harmful'], rightful: ['ok', 'Rightful'], unsure: ['warning', 'Unsure'] };

// Depths to nested lists, so that a screen reader hears the tree.
function nest(nodes) {
  const root = { children: [] };
  const path = [root];
  for (const node of nodes) {
    const one = { node, children: [] };
    path.length = Math.min(path.length, Math.max(0, node.depth) + 1);
    path.at(-1).children.push(one);
    path.push(one);
  }
  return root.children;
}

const Node = ({ one: { node, children } }) => html`<li class=${node.verdict === 'harmful' ? 'harmful' : ''}>
  <div class="node"><p><b>${node.title}</b> ${judged[node.verdict] && html`<${Tag} of=${judged[node.verdict][0]} word=${judged[node.verdict][1]} />`}
    <span class="dim">${counted(node.rows, 'row')}, cost ${number(node.cost)}</span></p>
    ${node.details.map(([what, text]) => html`<p class="detail"><span class="dim">${what}</span> <code>${text}</code></p>`)}
    ${node.reason && html`<p class="reasoned">${node.reason}${node.confidence ? ` (confidence ${node.confidence})` : ''}</p>`}</div>
  ${children.length > 0 && html`<ul>${children.map((c) => html`<${Node} key=${c.node.number} one=${c} />`)}</ul>`}</li>`;

const sources = { generic: 'made without values, by the planner of this server', literals: 'made with values that were seen' };

export function Plan({ q }) {
  const { doc, why } = docs.plans.value;
  if (!doc) return why ? html`<p class="dim">Its plan cannot be shown: ${why}.</p>` : html`<p class="dim" role="status">Asking for its plan.</p>`;
  const id = q.plan_id ?? q.query_id;
  const p = doc.plans.find((one) => one.query_id === id && one.database === q.database) ?? doc.plans.find((one) => one.query_id === id);
  if (!p) return html`<p class="dim">No plan of it is known${q.known && !q.plan && q.reason ? `: ${q.reason}` : ''}.</p>`;
  return html`<section class="plan" aria-label="Plan"><h3>Plan</h3>
    <p class="dim">${sources[p.source] ?? p.source}${doc.at ? `, as of ${clock(doc.at, report.value?.at)}` : ''}${p.rewritten ? `; for it, ${p.rewritten}` : ''}</p>
    ${p.changed_at && html`<div class="before"><p><b>Changed ${clock(p.changed_at, report.value?.at)}</b>${p.before_cost !== null ? `: the planner's cost went from ${number(p.before_cost)} to ${number(p.cost)}` : ''}.</p>
      <dl class="facts"><div><dt>Before</dt><dd>${p.before_reads.join('; ') || 'not known'}</dd></div><div><dt>Now</dt><dd>${p.reads.join('; ') || 'not known'}</dd></div></dl></div>`}
    <ul class="tree">${nest(p.nodes).map((one) => html`<${Node} key=${one.node.number} one=${one} />`)}</ul></section>`;
}
