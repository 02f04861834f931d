// The first look: is it broken, since when, why, what to type. All of it is to be seen without scrolling.
import { html } from 'htm/preact';
import { ownLine } from './live.js';
import { Preflight, sql } from './findings.js';
import { Code, Sign, jump } from './parts.js';
import { clock, counted, duration, line, seconds, severity } from './words.js';

const fading = (own) => (own?.alerts ?? []).filter((a) => a.state === 'resolving');

export function verdict(r, own) {
  if (!r.reachable) return { sign: 'away', mood: 'critical', word: 'Unreachable' };
  if (r.verdict === 'ok' && fading(own).length > 0) return { sign: 'fading', mood: 'info', word: 'Resolving' };
  // What was only half looked at is not shown in green.
  if (r.verdict === 'ok' && r.partial) return { sign: 'info', mood: 'info', word: `${severity.ok}, as far as could be seen` };
  return { sign: r.verdict, mood: r.verdict, word: severity[r.verdict] + (r.partial ? ', as far as could be seen' : '') };
}

const everyFinding = (r) => [...r.incidents.flatMap((i) => [...i.causes, ...i.symptoms, ...i.events]), ...r.events, ...r.posture];
const isBlind = (r) => r.reachable && (r.partial || everyFinding(r).some((f) => f.check === 'agent_blind'));

const steps = (finding, kind) => (finding?.remedies ?? []).filter((m) => m.kind === kind).flatMap((m) => m.steps).filter((s) => s.straight_path && s.sql);

// First aid first, then the cure: its index statement is what the whole page is for.
function commands(r) {
  const lead = r.incidents[0]?.causes[0];
  const aid = steps(lead, 'first_aid').slice(0, 1).map((step) => ({ word: 'First aid', step }));
  const cure = steps(lead, 'cure').slice(0, 2).map((step) => ({ word: 'The cure', step }));
  return [...aid, ...cure];
}

function Commands({ r }) {
  const all = commands(r);
  const grant = isBlind(r) ? r.blind_spots.find((b) => b.mend && sql.test(b.mend)) : null;
  if (all.length === 0 && (!grant || r.incidents.length > 0)) return null;
  if (all.length === 0) return html`<div class="next"><h2>Let pgvigil see</h2><ol><li><p class="todo">${grant.what}: ${grant.why}</p><${Code} text=${grant.mend} what=${`what lets pgvigil see ${grant.what}`} /></li></ol></div>`;
  const more = r.incidents[0].causes.length - 1;
  return html`<div class="next"><h2>What to type next</h2>
    <ol>${all.map(({ word, step }) => html`<li key=${step.title + step.sql}>
      <p class="todo"><b>${word}:</b> ${step.title}${step.database || step.run_as ? html`<span class="dim"> ${[step.database && `in ${step.database}`, step.run_as && `as ${step.run_as}`].filter(Boolean).join(', ')}</span>` : ''}</p>
      <${Code} text=${step.sql} what=${step.title} />
      <${Preflight} of=${step.preflight} />
      ${step.caution && html`<p class="careful"><strong>Caution:</strong> ${step.caution}</p>`}
    </li>`)}</ol>
    <p class="dim"><button type="button" class="plainly" onClick=${() => jump('incident')}>${more > 0 ? `Evidence, undo, and ${more} more of the same` : 'Evidence, undo and what else there is'}</button></p>
  </div>`;
}

// Beside the commands there is room for the proof.
function Why({ r }) {
  const lead = r.incidents[0]?.causes[0];
  return lead?.evidence.length > 0 && html`<dl class="proof">${lead.evidence.slice(0, 3).map((e) => html`<div><dt>${e.what}</dt><dd>${line(e.value, 120)}</dd></div>`)}</dl>`;
}

function Notes({ r, own }) {
  const notes = [];
  for (const a of r.verdict === 'ok' ? fading(own) : [])
    notes.push(html`<p><strong>${a.sentence}</strong>: not seen any more. It began <time datetime=${a.since}>${clock(a.since, r.at)}</time>; the all-clear follows when it stays away.</p>`);
  if (r.reachable && own?.observed_seconds < 60)
    notes.push(html`<p><strong>First minute.</strong> Watched for ${duration(own.observed_seconds)}: rates and comparisons with earlier come with the next looks.</p>`);
  if (isBlind(r) && r.blind_spots.length > 0)
    notes.push(html`<p><strong>Not all of it can be seen:</strong> ${r.blind_spots.slice(0, 3).map((b) => b.what).join('; ')}${r.blind_spots.length > 3 ? ` and ${r.blind_spots.length - 3} more` : ''}. <button type="button" class="plainly" onClick=${() => jump('blind')}>${counted(r.blind_spots.length, 'blind spot')}</button></p>`);
  return notes.length > 0 && html`<div class="notes">${notes}</div>`;
}

export function Verdict({ r }) {
  const own = ownLine.value;
  const v = verdict(r, own);
  const since = r.incidents[0]?.since ?? (r.incidents.length > 0 || !r.reachable ? own?.since : null);
  return html`<section class=${`verdict ${v.mood}`} aria-labelledby="headline">
    <div class="what" aria-live="polite">
      <p class="word"><${Sign} of=${v.sign} />${v.word}</p>
      <h1 id="headline" class=${r.headline.length > 64 ? 'long' : ''}>${r.headline}</h1>
      ${r.reason && html`<p class="reason">${r.reason}</p>`}
      <p class="when">${since && html`<span class="onset">since <time datetime=${since}>${clock(since, r.at)}</time> (${duration(seconds(since, r.at))})</span>, `}${r.incidents.length > 0 && html`<span class="onset">act ${r.incidents[0].act_by}</span>, `}as of <time datetime=${r.at}>${clock(r.at)}</time></p>
      <${Why} r=${r} />
      <${Notes} r=${r} own=${own} />
    </div>
    <${Commands} r=${r} />
  </section>`;
}
