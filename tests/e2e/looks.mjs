// What a person sees first in each state, and that everybody can see it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { accessible, fits, has, inView, open, says, serve, state } from './browser.mjs';
import { states } from './states/index.mjs';
import { complaints } from './states/obeys.mjs';

const cure = 'CREATE INDEX CONCURRENTLY ON public.lsif_data_documents (dump_id, path);';

export const looks = {
  'the states obey docs/api.md'() {
    for (const [name, make] of Object.entries(states))
      for (const [document, body] of Object.entries(make()))
        if (document !== 'report') assert.deepEqual(complaints(document, body), [], name);
  },

  'the page is fresh and small'() {
    console.log(`        ${execFileSync(new URL('../../dashboards/web/fresh', import.meta.url).pathname, { encoding: 'utf8' }).trim()}`);
  },

  async 'one look at 1440x900: cause, since when, what to type'() {
    const server = await serve(state('incident'));
    const { page, clean, close } = await open(server.url, { viewport: { width: 1440, height: 900 } });
    const verdict = page.getByRole('region', { name: '5 tables have no index' });
    await verdict.waitFor();
    for (const text of [/^Critical, as far as could be seen$/, '5 tables have no index; every request reads them whole', /^since 2026-11-17 21:05:40 UTC \(14 h\)$/, 'SELECT pg_cancel_backend(pid)', cure])
      assert.ok(await inView(page, verdict.getByText(text).last()), `${text} is to be seen without scrolling`);
    for (const name of ['Copy: Cancel the readers that pile up', 'Copy: Build the index without blocking writers'])
      assert.ok(await inView(page, verdict.getByRole('button', { name })), name);
    assert.equal(await page.evaluate(() => scrollY), 0);
    if (process.env.PGVIGIL_PICTURE) await page.screenshot({ path: process.env.PGVIGIL_PICTURE });
    clean();
    await close();
    await server.end();
  },

  async 'every state fits and is accessible'() {
    const expected = {
      healthy: /^Healthy$/, incident: /^Critical, as far as could be seen$/, resolving: /^Resolving$/, unreachable: /^Unreachable$/, blind: /^Healthy, as far as could be seen$/,
      first_minute: 'First minute.', nulls: /^Critical, as far as could be seen$/, fleet: '3 of 5 targets need you', thousand: '1 of 1,000 targets needs you', hostile: '<script>alert(1)</script>',
    };
    for (const [name, text] of Object.entries(expected)) {
      const server = await serve(state(name));
      const { page, clean, close } = await open(server.url, { missing: ['unreachable', 'fleet'].includes(name) });
      await says(page, text);
      if (name === 'fleet') await page.evaluate(() => { location.hash = 'target=codeintel%40db-1%3A5432'; });
      if (name !== 'unreachable' && name !== 'first_minute') await has(page, 'heading', 'Connections');
      await has(page, 'heading', 'DB load over time');
      await fits(page, `state-${name}`);
      await accessible(page, name);
      clean();
      await close();
      await server.end();
    }
  },

  async 'resolving, blind, first minute say what they are'() {
    const server = await serve(state('resolving'));
    const { page, clean, close } = await open(server.url);
    await says(page, 'not seen any more');
    await says(page, 'It began 2026-11-17 21:05:40 UTC');
    await server.publish(state('blind'));
    await has(page, 'heading', 'Let pgvigil see');
    await has(page, 'button', 'Copy: what lets pgvigil see statements of other roles');
    await says(page, 'In flight: not to be seen');
    await server.publish(state('first_minute'));
    await says(page, 'Watched for 20 s');
    clean();
    await close();
    await server.end();
  },

  async 'an agent that has only reports, one that answers nothing else'() {
    for (const name of ['bare', 'lean']) {
      const server = await serve(state(name));
      const { page, clean, close } = await open(server.url, { missing: name === 'lean' });
      await has(page, 'heading', '5 tables have no index');
      await has(page, 'heading', 'Ruled out');
      assert.equal(await page.getByRole('heading', { name: 'Hot queries' }).count(), 0);
      if (name === 'lean') await says(page, 'No samples yet.');
      await fits(page, name);
      clean();
      await close();
      await server.end();
    }
  },

  async 'print is the report of the incident'() {
    const server = await serve(state('incident'));
    const { page, clean, close } = await open(server.url);
    await has(page, 'heading', 'Hot queries');
    await page.emulateMedia({ media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    for (const text of ['5 tables have no index', 'the CPU is 96 % busy', cure, 'CREATE INDEX CONCURRENTLY ON public.lsif_data_metadata', 'lsif-server 3.41.1', 'none in 4 databases'])
      assert.ok(await page.getByText(text).last().isVisible(), text);
    for (const gone of [page.getByRole('button', { name: /^Copy/ }), page.getByRole('radio', { name: '24 h' }), page.getByRole('slider')])
      assert.equal(await gone.first().isVisible(), false);
    if (process.env.PGVIGIL_SHOTS) await page.screenshot({ path: `${process.env.PGVIGIL_SHOTS}/print.png`, fullPage: true });
    await page.evaluate(() => dispatchEvent(new Event('afterprint')));
    await page.emulateMedia({ media: 'screen' });
    assert.equal(await page.getByText('the CPU is 96 % busy').isVisible(), false);
    clean();
    await close();
    await server.end();
  },

  async 'hostile names in every panel are text'() {
    const server = await serve(state('hostile'));
    const { page, clean, close } = await open(server.url);
    await has(page, 'heading', 'Connections');
    for (const name of ['Query', 'Application', 'User', 'Table', 'Wait event']) await page.getByRole('radio', { name, exact: true }).check();
    const opens = page.locator('#queries ~ * [aria-expanded=false], .query [aria-expanded=false]');
    while (await opens.count() > 0) await opens.first().click();
    await page.getByRole('heading', { name: 'Plan', exact: true }).waitFor();
    await page.getByText('The same as a table').click();
    await says(page, '\u{1F980}'.repeat(63));
    await says(page, '\u05e9\u05dc\u05d5\u05dd');
    await says(page, '{{constructor.constructor("alert(4)")()}}');
    assert.doesNotMatch(await page.locator('body').innerText(), /[\u202a-\u202e\u0007]/);
    assert.equal(await page.locator('img, main script, a[href^=javascript]').count(), 0);
    await fits(page, 'hostile-open');
    await accessible(page, 'hostile, opened');
    clean();
    await close();
    await server.end();
  },
};
