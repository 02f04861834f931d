// The page of one agent: the verdict first, then why, then what to type.
import { html } from 'htm/preact';
import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import '@preact/signals';
import { Blocking, Connections, Progress, TempFiles } from './activity.js';
import { Cost } from './cost.js';
import { docs, startDocs } from './docs.js';
import { Events } from './events.js';
import { BlindSpots, Happened, Incident, Posture, RuledOut } from './findings.js';
import { Choice, Fleet } from './fleet.js';
import { Help, unfoldForPrint } from './keys.js';
import { link, ownLine, report, silence, stale, start } from './live.js';
import { startLoad } from './load.js';
import { LoadPanel } from './loadpanel.js';
import { Now } from './now.js';
import { Sign, jump } from './parts.js';
import { Queries } from './queries.js';
import { Verdict, verdict } from './verdict.js';
import { clock, duration, visible } from './words.js';

function Freshness() {
  if (link.value === 'lost') return html`<p class="fresh lost" role="status">Connection to the agent lost, trying again</p>`;
  if (report.value === null) return html`<p class="fresh" role="status">Connecting</p>`;
  if (stale.value) return html`<p class="fresh quiet">No news for ${duration(silence.value)}</p>`;
  return html`<p class="fresh live" title=${`newest report ${duration(silence.value)} ago`}>Live</p>`;
}

const Stale = ({ r }) => html`<p class="stale" role="alert"><${Sign} of="warning" /><span><strong>Stale.</strong> No news from the agent for ${duration(silence.value)}. This is how it was at ${clock(r.at)}.</span></p>`;

function Body({ r }) {
  const sick = r.incidents.length > 0;
  return html`<${Verdict} r=${r} />
    <${LoadPanel} />
    <div class="columns"><div class="wide">
      ${sick && html`<h2 class="unseen">Incidents</h2>`}
      ${r.incidents.map((i, n) => html`<${Incident} key=${i.causes[0]?.check + i.causes[0]?.object.name} incident=${i} at=${r.at} first=${n === 0} />`)}
      <${Blocking} /><${Queries} />
      <${Events} />${!docs.events.value.doc && html`<${Happened} all=${r.events} />`}
      <${Posture} all=${r.posture} />
      ${!sick && html`<${RuledOut} all=${r.ruled_out} />`}
    </div><div class="side">
      <${Now} report=${r} /><${Progress} /><${Connections} /><${TempFiles} />
      <${BlindSpots} all=${r.blind_spots} />
      ${sick && html`<${RuledOut} all=${r.ruled_out} />`}
    </div></div>`;
}

function Page() {
  const r = report.value;
  const old = r !== null && stale.value;
  useEffect(() => {
    document.title = r === null ? 'pgvigil' : `${old ? 'Stale' : verdict(r, ownLine.value).word}: ${r.target} - pgvigil`;
  });
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); jump('main'); }}>Skip to the verdict</a>
    <header><div class="top">
      <p class="brand"><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M4 17h6l3-8 5 15 4-10 2 3h4" /></svg>pgvigil</p>
      <p class="target">${r ? html`<b class="names">${visible(r.target)}</b> <span class="dim">${r.version ? `PostgreSQL ${r.version}` : 'version unknown'}${r.in_recovery ? ', standby' : ''}</span>` : ''}</p>
      <${Choice} /><${Freshness} /><${Help} />
    </div></header>
    <main id="main" tabindex="-1" class=${old ? 'old' : ''}>
      ${old && html`<${Stale} r=${r} />`}
      <${Fleet} />
      ${r === null ? html`<section class="verdict waiting" aria-live="polite"><h1>No report yet</h1><p class="reason">${ownLine.value ? `${ownLine.value.headline}.` : 'The first one comes when the agent has looked at the server, usually within seconds.'}</p></section>`
        : html`<${Body} r=${r} />`}
    </main>
    <footer>${r && html`<${Cost} report=${r} />`}<p>It runs none of what it prints. <a href="/metrics">Metrics</a> <a href=${r ? `/api/v1/report?${new URLSearchParams({ target: r.target })}` : '/api/v1/targets'}>Report as JSON</a></p></footer>`;
}

startDocs();
startLoad();
start();
unfoldForPrint();
render(html`<${Page} />`, document.getElementById('page'));
