// What the panels tell, and how they are moved: by mouse, by keyboard, by time.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { accessible, has, open, says, serve, state } from './browser.mjs';
import { states } from './states/index.mjs';

const section = (page, name) => page.getByRole('region', { name, exact: true });

async function opened(name, options) {
  const server = await serve(state(name));
  const { page, clean, close } = await open(server.url, options);
  await has(page, 'heading', 'Hot queries');
  return { server, page, async end() { clean(); await close(); await server.end(); } };
}

// Drags over the chart, from and until as parts of its width.
async function drag(page, from, until) {
  const box = await page.locator('.u-over').boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * from, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * until, y, { steps: 5 });
  await page.mouse.up();
}

// A line to the server that can be cut, and what was said on it.
async function cuttable(url) {
  const sockets = new Set();
  const heard = [];
  const relay = createServer((near) => {
    const far = connect(Number(new URL(url).port), '127.0.0.1');
    for (const s of [near, far]) sockets.add(s.on('error', () => {}).on('close', () => { near.destroy(); far.destroy(); sockets.delete(s); }));
    near.on('data', (bytes) => heard.push(bytes.toString('latin1')));
    near.pipe(far).pipe(near);
  });
  const listen = (port) => new Promise((done) => relay.listen(port, '127.0.0.1', done));
  await listen(0);
  const { port } = relay.address();
  return {
    url: `http://127.0.0.1:${port}`, heard, mend: () => listen(port),
    cut: () => new Promise((done) => { relay.close(done); for (const s of sockets) s.destroy(); }),
  };
}

// Milliseconds. A machine that does other things is slow: only bench/page is strict.
const [brushed, sampled] = process.env.PGVIGIL_STRICT ? [100, 10] : [1000, 200];

export const panels = {
  async 'the panels of an incident tell who, how much, until when'() {
    const { page, end } = await opened('incident');
    await says(page, /active sessions on average on 4 vCPUs/);
    const connections = section(page, 'Connections');
    await connections.getByText('Full in 2 min').waitFor();
    await connections.getByText('178 of 197 (90 %)').waitFor();
    await connections.getByText('from lsif-server by bundle_manager in codeintel at 10.4.0.17').waitFor();
    const blocking = section(page, 'Who waits for whom');
    await blocking.getByText('pid 4021').first().waitFor();
    // The tree is a tree: who waits for a waiter is below it.
    await blocking.locator('.tree li li').filter({ hasText: 'pid 4130' }).waitFor();
    const progress = section(page, 'In progress');
    assert.equal(await progress.getByRole('progressbar', { name: 'CREATE INDEX CONCURRENTLY public.lsif_data_references' }).evaluate((e) => e.value), 0.62);
    await progress.getByText('62 % of building index: scanning table, about 2 min left').waitFor();
    await progress.getByText('Waits for pid 4021').waitFor();
    assert.equal(await progress.getByRole('progressbar', { name: 'migration lsif to scip' }).evaluate((e) => e.value), 0.34);
    await progress.getByText('34 %, about 2 h left', { exact: true }).waitFor();
    await progress.getByText('Stands still', { exact: true }).waitFor();
    await section(page, 'Temporary files').getByText('temp_file_limit is 1 GB').waitFor();
    await section(page, 'Temporary files').getByText('(78 % of the limit)').waitFor();
    const events = section(page, 'Events of the last day');
    await events.getByText('temp_file_limit went from -1 to 1GB').waitFor();
    await events.getByText('lsif-server 3.41.1').waitFor();
    await says(page, /Agent 0\.5\.0, up 24 h, 0\.48 % of one core, 40 MB of memory/);
    await end();
  },

  async 'a query opens to its text, its plan with the harmful node, its cure'() {
    const { page, end } = await opened('incident');
    const queries = section(page, 'Hot queries');
    const first = queries.getByRole('listitem').filter({ hasText: 'lsif_data_documents WHERE' }).first();
    await first.getByText('Plan harmful').waitFor();
    await first.getByText('Plan changed 2026-11-17 21:05:40 UTC').waitFor();
    await first.getByRole('button', { expanded: false }).first().click();
    const plan = first.getByRole('region', { name: 'Plan' });
    await plan.getByText('Parallel Seq Scan on public.lsif_data_documents').waitFor();
    const harmful = plan.locator('li li li');
    assert.match(await harmful.innerText(), /Parallel Seq Scan.*Harmful/s);
    assert.match(await harmful.innerText(), /no index begins with dump_id or path/);
    await plan.getByText('lsif_data_documents by index lsif_data_documents_pkey').waitFor();
    await first.getByRole('button', { name: 'Copy: Build the index without blocking writers' }).waitFor();
    await accessible(page, 'an open query');
    await queries.getByRole('searchbox').fill('insert into');
    assert.equal(await queries.getByRole('button', { expanded: false }).count(), 1);
    await end();
  },

  async 'a brushed window: queries, findings and events follow; Escape ends it'() {
    const { page, end } = await opened('day', { viewport: { width: 1440, height: 900 } });
    await page.getByRole('radio', { name: '24 h' }).check();
    await says(page, /Critical in 841 of 1,440 minutes/);
    await drag(page, 0.05, 0.2);  // a calm hour of the day before
    const window = section(page, 'Window');
    await window.getByText('0.51 active sessions on average').or(window.getByText('0.50 active sessions on average')).first().waitFor();
    assert.doesNotMatch(await window.innerText(), /public\.lsif_data_documents has no index/);
    await section(page, 'Events of the window').getByText(/^None between/).waitFor();
    await drag(page, 0.35, 0.5);  // the hour in which it began
    await window.getByText('public.lsif_data_documents has no index').waitFor();
    await section(page, 'Events of the window').getByText('table public.lsif_data_documents is new').waitFor();
    const share = section(page, 'Queries of the window').getByRole('listitem').first();
    assert.match(await share.innerText(), /71 %/);
    await page.keyboard.press('Escape');
    await window.waitFor({ state: 'detached' });
    await has(page, 'heading', 'Events of the last day');
    await end();
  },

  async 'brushing a day is quick'() {
    const { page, end } = await opened('day', { viewport: { width: 1440, height: 900 } });
    await page.getByRole('radio', { name: '24 h' }).check();
    await says(page, /Critical in 841 of 1,440 minutes/);
    const taken = await page.evaluate(async () => {
      const over = document.querySelector('.u-over');
      const box = over.getBoundingClientRect();
      const mouse = (to, type, x, more) => to.dispatchEvent(new MouseEvent(type, { bubbles: true, button: 0, buttons: 1, clientX: box.left + x * box.width, clientY: box.top + 60, ...more }));
      const lists = () => ['.window .frame', '#queries', '#events'].map((s) => document.querySelector(s)?.parentNode.textContent).join();
      const all = [];
      for (let n = 0; n < 9; ++n) {
        const from = 0.1 + n * 0.05;
        mouse(over, 'mousemove', from, { movementX: 1 });
        mouse(over, 'mousedown', from);
        mouse(over, 'mousemove', from + 0.3, { movementX: 300 });
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        const before = lists(), begun = performance.now();
        mouse(document, 'mouseup', from + 0.3);
        while (lists() === before && performance.now() - begun < 2000) await new Promise((done) => { const c = new MessageChannel(); c.port1.onmessage = done; c.port2.postMessage(0); });
        void document.body.offsetHeight;  // laid out as well
        all.push(performance.now() - begun);
      }
      return all.sort((a, b) => a - b);
    });
    console.log(`        brush of 1440 minutes: median ${taken[4].toFixed(1)} ms, worst ${taken[8].toFixed(1)} ms`);
    assert.ok(taken[4] < brushed, `${taken}`);
    await end();
  },

  async 'load comes by itself, a second at a time, and costs little'() {
    const server = await serve(state('incident'));
    const { page, close } = await open('about:blank');
    // What the page does with a sample at once, merged, stacked and drawn: `sample` gives it one as the stream would.
    await page.addInitScript(() => {
      const add = EventSource.prototype.addEventListener;
      EventSource.prototype.addEventListener = function (name, f) {
        add.call(this, name, f);
        if (name === 'load') window.sample = async (doc) => {
          const begun = performance.now();
          f({ data: JSON.stringify(doc) });
          await Promise.resolve().then(() => 0).then(() => 0);
          return performance.now() - begun;
        };
      };
    });
    await page.goto(server.url);
    await says(page, /at most 46\.\d at 10:59:50 UTC/);
    const last = { ...states.incident().load };
    last.points = last.points.slice(-1);
    const taken = [];
    for (let n = 1; n < 30; ++n) {
      const [p] = last.points;
      taken.push(await page.evaluate((doc) => window.sample(doc), { ...last, points: [{ ...p, at: p.at + n, active: 60, by: [58, 0, 2, 0, 0] }] }));
    }
    await server.publish(state('later'));
    await says(page, /at most 60 at 11:06:41 UTC/);
    taken.sort((a, b) => a - b);
    const median = taken[taken.length >> 1];
    console.log(`        a sample: median ${median.toFixed(1)} ms of ${taken.length}`);
    assert.ok(median < sampled, `${taken}`);
    await close();
    await server.end();
  },

  async 'a lost connection goes on where it was'() {
    const server = await serve(state('healthy'));
    const line = await cuttable(server.url);
    const { page, close } = await open(line.url);
    await has(page, 'heading', 'nothing harms this server');
    await line.cut();
    await says(page, 'Connection to the agent lost');
    await server.publish(state('incident'));
    await line.mend();
    await has(page, 'heading', '5 tables have no index');
    await says(page, /^Live$/);
    await says(page, 'Full in 2 min');
    assert.ok(line.heard.some((text) => /^GET \/api\/v1\/stream/.test(text) && /Last-Event-ID: \d+/i.test(text)), 'it says what it has seen');
    await close();
    await line.cut();
    await server.end();
  },

  async 'a history that is empty or does not answer leaves what is in memory'() {
    const { page, end } = await opened('incident', { missing: true });
    await says(page, /at most 46\.\d at 10:59:50 UTC/);
    await page.route(/load\?.*from=/, (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":"the history does not answer"}' }));
    await page.getByRole('radio', { name: '6 h' }).check();
    await says(page, 'The history does not answer: the history does not answer. Shown is what is in memory.');
    await says(page, /at most 46\.\d at 10:59:50 UTC/);
    await page.unroute(/load\?.*from=/);
    await page.route(/load\?.*from=/, (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ ...states.incident().load, queries: [], points: [], resolution_seconds: 60 }) }));
    await page.getByRole('radio', { name: '1 h' }).check();
    await page.getByText('Shown is what is in memory').waitFor({ state: 'detached' });
    await says(page, /at most 46\.\d at 10:59:50 UTC/);
    await end();
  },

  async 'by keyboard alone'() {
    const { page, end } = await opened('incident', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the verdict');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    const reach = async (name, most = 40) => {
      for (let n = 0; n < most; ++n) {
        await page.keyboard.press('Tab');
        if (await page.evaluate((name) => { const a = document.activeElement; return (a.getAttribute('aria-label') ?? a.textContent).includes(name); }, name)) return;
      }
      assert.fail(`${name} is not reached by Tab`);
    };
    await reach('Copy: Cancel the readers');
    await page.keyboard.press('Enter');
    await says(page, /^Copied$/);
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^SELECT pg_cancel_backend/);
    await reach('temp_file_limit went from');  // a mark on the chart
    await page.keyboard.press('ArrowRight');
    assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), /Deploy: lsif-server 3\.41\.1/);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Window from');
    for (let n = 0; n < 3; ++n) await page.keyboard.press('PageUp');
    await section(page, 'Window').waitFor();
    await has(page, 'heading', 'Queries of the window');
    await page.keyboard.press('Escape');
    await section(page, 'Window').waitFor({ state: 'detached' });
    await page.keyboard.press('4');
    assert.equal(await page.getByRole('radio', { name: '24 h' }).isChecked(), true);
    await page.keyboard.press('?');
    await has(page, 'heading', 'Keys');
    await accessible(page, 'help');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('/');
    await page.keyboard.type('chunks');
    assert.equal(await section(page, 'Hot queries').getByRole('button', { expanded: false }).count(), 1);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { expanded: true }).first().waitFor();
    await end();
  },

  async 'a fleet: the sick first, a thousand stay quick'() {
    const server = await serve(state('thousand'));
    const { page, clean, close } = await open(server.url, { missing: true });
    const fleet = page.getByRole('navigation', { name: 'Fleet' });
    await fleet.getByRole('listitem').first().getByText('codeintel@db-1:5432').waitFor();
    await has(page, 'heading', '5 tables have no index');
    assert.equal(await fleet.getByRole('listitem').count(), 4);
    await fleet.getByRole('button', { name: 'Show all 1,000' }).click();
    await fleet.getByText('and 900 more').waitFor();
    const taken = await page.evaluate(async () => {
      const box = document.querySelector('.fleet input');
      const begun = performance.now();
      box.value = 'db-77';
      box.dispatchEvent(new Event('input', { bubbles: true }));
      while (document.querySelectorAll('.fleet li').length > 12) await new Promise((done) => setTimeout(done));
      return performance.now() - begun;
    });
    assert.ok(taken < 100, `filtered in ${taken} ms`);
    await fleet.getByRole('link').filter({ hasText: 'shop@db-77:5432' }).click();
    assert.match(page.url(), /#target=shop%40db-77%3A5432$/);
    await has(page, 'heading', 'nothing harms this server');
    await page.goBack();
    await has(page, 'heading', '5 tables have no index');
    clean();
    await close();
    await server.end();
  },
};
