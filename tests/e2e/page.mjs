// The page in a real Chromium. With the path of page_server: every state of it, on recorded reports.
// With the URL of a running agent: that it shows a verdict, alone and without an error. Texts after the URL must be on it.
// With --follow URL TABLE: one page of a running agent from healthy through the incident of that table to its end.
// PGVIGIL_SHOTS=DIR keeps a picture of each state; CHROMIUM names another browser.
import assert from 'node:assert/strict';
import { browser, fits, has, open, recorded, report, says, serve } from './browser.mjs';
import { figures } from './figures.mjs';
import { follow } from './follow.mjs';
import { looks } from './looks.mjs';
import { panels } from './panels.mjs';

const tests = {
  async 'no report yet, then the first one arrives by itself'() {
    const server = await serve();
    const { page, clean, close } = await open(server.url);
    await has(page, 'heading', 'No report yet');
    await fits(page, 'empty');
    await server.publish(report('healthy'));
    await has(page, 'heading', recorded('healthy').headline);
    clean();
    await close();
    await server.end();
  },

  async 'healthy: a calm page that says what was looked at'() {
    const server = await serve(report('healthy'));
    const { page, answer, clean, close } = await open(server.url);
    const csp = answer.headers()['content-security-policy'];
    assert.match(csp, /default-src 'none'/);
    assert.doesNotMatch(csp, /unsafe/);
    await has(page, 'heading', 'nothing harms this server');
    await says(page, /^Healthy$/);
    await has(page, 'heading', 'Ruled out');
    await says(page, 'none in 4 databases');
    await has(page, 'img', '0.40 active sessions on 4 vCPUs');
    await says(page, '0.35 % of one core');
    await fits(page, 'healthy');
    clean();
    await close();
    await server.end();
  },

  async 'incident: cause, evidence, remedy to copy, symptoms folded, blind spots; live'() {
    const server = await serve(report('healthy'));
    const { page, clean, close } = await open(server.url, { permissions: ['clipboard-read', 'clipboard-write'] });
    await has(page, 'heading', 'nothing harms this server');
    await server.publish(report('incident'));
    await has(page, 'heading', '5 tables have no index; every request reads them whole');
    await says(page, /^Critical, as far as could be seen$/);
    assert.equal(await page.title(), 'Critical, as far as could be seen: codeintel@db-1:5432 - pgvigil');
    await has(page, 'heading', 'public.lsif_data_documents has no index');
    await says(page, 'Parallel Seq Scan, filter (dump_id, path)');
    await has(page, 'heading', 'First aid');
    await has(page, 'heading', 'The cure');
    await says(page, 'needs about 3.4 GB of temporary space');
    await page.getByRole('button', { name: 'Copy: Build the index without blocking writers' }).first().click();
    await says(page, /^Copied$/);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()),
      'CREATE INDEX CONCURRENTLY ON public.lsif_data_documents (dump_id, path);');
    const symptom = page.getByText('the CPU is 96 % busy');
    assert.equal(await symptom.isVisible(), false);
    await page.getByText('Explains 2 symptoms').focus();
    await page.keyboard.press('Enter');
    await symptom.waitFor();
    await says(page, 'A symptom whose cause is not known');
    await says(page, 'GRANT pg_read_all_data TO pgvigil;');
    await fits(page, 'incident');
    clean();
    await close();
    await server.end();
  },

  async 'preflight: beside the command what would stop it, told by a word and a shape'() {
    const server = await serve(report('incident'));
    const { page, clean, close } = await open(server.url);
    await has(page, 'heading', 'What to type next');
    const next = page.locator('.next li', { hasText: 'Build the index' });
    const folded = next.locator('details.preflight');
    await folded.getByText('would fail: needs about 3.4 GB of temporary files, temp_file_limit is 1 GB; waits for 2').waitFor();
    assert.equal(await folded.getByRole('listitem').count(), 0);  // the first look stays short
    await folded.locator('summary').focus();
    await page.keyboard.press('Enter');
    await folded.getByText('does not end by itself').waitFor();
    const items = await folded.getByRole('listitem').allInnerTexts();
    assert.deepEqual(items.map((t) => t.trim().split(':')[0]), ['fine', 'would fail', 'not seen', 'waits']);
    // Without colour the four are told apart by their shapes.
    const shapes = await folded.locator('li path').evaluateAll((all) => all.map((p) => p.getAttribute('d')));
    assert.equal(new Set(shapes).size, 4);
    await page.locator('.next li', { hasText: 'Cancel the readers' }).getByText('goes through now').waitFor();
    // In the incident itself what would stop it is open, what passes is folded.
    const step = page.locator('.step', { hasText: 'Build the index' }).first();
    assert.equal(await step.getByRole('listitem').filter({ hasText: 'temporary files' }).count(), 1);
    await fits(page, 'preflight');
    clean();
    await close();
    await server.end();
  },

  async 'hostile names are text'() {
    const server = await serve(report('hostile'));
    const { page, clean, close } = await open(server.url, { permissions: ['clipboard-read', 'clipboard-write'] });
    await says(page, '<script>alert(1)</script>');
    await says(page, '<img src=x onerror=alert(2)>');
    await says(page, '</script><script>alert(3)</script>');
    // A mark that turns the text around is named on the page and copied as it is.
    assert.doesNotMatch(await page.locator('body').innerText(), /\u202e/);
    await says(page, '\u27e8U+202E\u27e9');
    await page.getByRole('button', { name: 'Copy: Build the index' }).first().click();
    await says(page, /^Copied$/);
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /\u202e/);
    assert.equal(await page.locator('img, main script, dt b').count(), 0);
    await fits(page, 'hostile');
    clean();
    await close();
    await server.end();
  },

  async 'a server that is away; then an agent that is away'() {
    const server = await serve('--interval', '1', report('unreachable'));  // stale after three seconds
    const { page, close } = await open(server.url);
    await has(page, 'heading', 'db-1:5432 does not answer: connection refused');
    await says(page, /^Unreachable$/);
    await says(page, 'unknown');
    await fits(page, 'unreachable');
    await page.getByRole('alert').filter({ hasText: 'Stale.' }).waitFor();
    await fits(page, 'stale');
    await server.publish(report('healthy'));
    await has(page, 'heading', 'nothing harms this server');
    await page.getByRole('alert').waitFor({ state: 'detached' });
    await server.end();
    await says(page, 'Connection to the agent lost');
    await close();
  },

  async 'several targets: the worst first, the others a choice away'() {
    const server = await serve(report('healthy'));
    const { page, clean, close } = await open(server.url);
    await has(page, 'heading', 'nothing harms this server');
    await server.publish(report('hostile'));
    const choice = page.getByRole('combobox', { name: 'Target' });
    await choice.waitFor();
    await has(page, 'heading', 'nothing harms this server');
    await page.goto('about:blank');
    await page.goto(server.url);
    await says(page, '<script>alert(1)</script>');
    assert.equal(await choice.inputValue(), recorded('hostile').target);
    await choice.selectOption(recorded('healthy').target);
    await has(page, 'heading', 'nothing harms this server');
    await fits(page, 'several');
    clean();
    await close();
    await server.end();
  },

  async 'with a token: a login, and a cookie that no script sees'() {
    const server = await serve('--token', 'sesame & co', report('healthy'));
    const { page, clean, close } = await open(server.url);
    assert.equal(new URL(page.url()).pathname, '/login');
    await page.getByLabel('Token').fill('guess');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('alert').filter({ hasText: 'That was not the token.' }).waitFor();
    await fits(page, 'login');
    await page.getByLabel('Token').fill('sesame & co');
    await page.getByLabel('Token').press('Enter');
    await has(page, 'heading', 'nothing harms this server');
    assert.equal(await page.evaluate(() => document.cookie), '');
    clean();
    await close();
    await server.end();
  },
};

async function look(url, texts) {
  const { page, answer, clean, close } = await open(url);
  assert.equal(answer.status(), 200);
  await page.getByRole('heading', { level: 1 }).filter({ hasNotText: 'No report yet' }).waitFor({ timeout: 60_000 });
  for (const text of texts) await says(page, text);
  await fits(page, 'agent');
  clean();
  await close();
}

if (process.argv[2] === '--follow') {
  const [url, table] = process.argv.slice(3);
  await follow(url.replace(/\/$/, ''), table).then(() => process.exit(0), (e) => { console.log(e.stack); process.exit(1); });
}

let failed = 0;
const todo = /^https?:/.test(process.argv[2]) ? { [process.argv[2]]: () => look(process.argv[2].replace(/\/$/, ''), process.argv.slice(3)) } : { ...tests, ...figures, ...looks, ...panels };
const wanted = process.env.PGVIGIL_ONLY;  // a part of a test's name
for (const [name, test] of Object.entries(todo)) {
  if (wanted && !name.includes(wanted)) continue;
  const begun = Date.now();
  try {
    await test();
    console.log(`ok      ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
  } catch (e) {
    ++failed;
    console.log(`FAILED  ${name}\n${e.stack}`);
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
