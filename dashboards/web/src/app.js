// The page of one agent: the verdict first, then why, then what to type.
import { html } from 'htm/preact';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import '@preact/signals';
import { choose, chosen, link, report, silence, stale, start, targets } from './live.js';
import { BlindSpots, Cost, Events, Incident, Load, Posture, RuledOut, Sign } from './parts.js';
import { clock, duration, seconds, severity, visible } from './words.js';

function verdict(r) {
  if (!r.reachable) return { sign: 'away', mood: 'critical', word: 'Unreachable' };
  const word = severity[r.verdict] + (r.partial ? ', as far as could be seen' : '');
  return { sign: r.verdict, mood: r.verdict, word };
}

function Freshness() {
  if (link.value === 'lost') return html`<p class="fresh lost" role="status">Connection to the agent lost, trying again</p>`;
  if (report.value === null) return html`<p class="fresh" role="status">Connecting</p>`;
  if (stale.value) return html`<p class="fresh quiet">No news for ${duration(silence.value)}</p>`;
  return html`<p class="fresh live" title=${`newest report ${duration(silence.value)} ago`}>Live</p>`;
}

function Targets() {
  if (targets.value.length < 2) return null;
  return html`<nav aria-label="Targets"><label for="target">Target</label>
    <select id="target" value=${chosen.value ?? report.value?.target ?? ''} onChange=${(e) => choose(e.target.value)}>
      ${targets.value.map((t) => html`<option value=${t.target}>${visible(t.target)}: ${t.reachable ? severity[t.verdict] : 'Unreachable'}</option>`)}
    </select></nav>`;
}

function Verdict({ r }) {
  const v = verdict(r);
  const since = r.incidents[0]?.since;
  return html`<section class=${`verdict ${v.mood}`} aria-labelledby="headline" aria-live="polite">
    <p class="word"><${Sign} of=${v.sign} />${v.word}</p>
    <h1 id="headline">${r.headline}</h1>
    ${r.reason && html`<p class="reason">${r.reason}</p>`}
    <p class="when">${since && html`since <time datetime=${since}>${clock(since, r.at)}</time> (${duration(seconds(since, r.at))}), `}as of <time datetime=${r.at}>${clock(r.at)}</time></p>
  </section>`;
}

function Page() {
  const r = report.value;
  const old = r !== null && stale.value;
  useEffect(() => {
    document.title = r === null ? 'pgvigil' : `${old ? 'Stale' : verdict(r).word}: ${r.target} - pgvigil`;
  });
  return html`<a class="skip" href="#main">Skip to the verdict</a>
    <header><div class="top">
      <p class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M4 17h6l3-8 5 15 4-10 2 3h4" /></svg>pgvigil</p>
      <p class="target">${r ? html`<b>${visible(r.target)}</b> <span class="dim">${r.version ? `PostgreSQL ${r.version}` : 'version unknown'}${r.in_recovery ? ', standby' : ''}</span>` : ''}</p>
      <${Targets} /><${Freshness} />
    </div></header>
    <main id="main" class=${old ? 'old' : ''}>
      ${old && html`<p class="stale" role="alert"><${Sign} of="warning" /><span><strong>Stale.</strong> No news from the agent for ${duration(silence.value)}. This is how it was at ${clock(r.at)}.</span></p>`}
      ${r === null ? html`<section class="verdict waiting" aria-live="polite"><h1>No report yet</h1><p class="reason">The first one comes when the agent has looked at the server, usually within seconds.</p></section>`
        : html`<${Verdict} r=${r} />
          <div class="columns"><div class="wide">
            ${r.incidents.length > 0 && html`<h2 class="unseen">Incidents</h2>`}
            ${r.incidents.map((i, n) => html`<${Incident} key=${i.causes[0]?.check + i.causes[0]?.object.name} incident=${i} at=${r.at} first=${n === 0} />`)}
            <${Events} all=${r.events} /><${Posture} all=${r.posture} />
            ${r.incidents.length === 0 && html`<${RuledOut} all=${r.ruled_out} />`}
          </div><div class="side">
            <${Load} report=${r} />
            <${BlindSpots} all=${r.blind_spots} />
            ${r.incidents.length > 0 && html`<${RuledOut} all=${r.ruled_out} />`}
          </div></div>`}
    </main>
    <footer>${r && html`<${Cost} report=${r} />`}<p>It runs none of what it prints. <a href="/metrics">Metrics</a> <a href=${r ? `/api/v1/report?${new URLSearchParams({ target: r.target })}` : '/api/v1/targets'}>Report as JSON</a></p></footer>`;
}

start();
render(html`<${Page} />`, document.getElementById('page'));
