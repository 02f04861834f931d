// The page of a running agent while an incident comes and goes: `page --follow URL TABLE`. One page, opened once.
// Prints "healthy", "incident" and "resolved", each when a person who looks at it would say so.
import assert from 'node:assert/strict';
import { inView, open } from './browser.mjs';

const patience = 240_000;  // the browser shares two cores with the incident

// When the agent's report first leads with this table, as its API tells: asked from outside of the page.
async function reported(url, table) {
  const origin = new URL(url).origin;
  for (const end = Date.now() + patience; Date.now() < end; await new Promise((r) => setTimeout(r, 200))) {
    const targets = await fetch(`${origin}/api/v1/targets`).then((r) => r.json()).catch(() => ({}));
    const first = targets.targets?.[0];
    if (first?.headline.includes(table)) return { at: Date.now(), cycle: 1000 * targets.interval_seconds };
  }
  throw new Error(`no report leads with ${table}`);
}

export async function follow(url, table) {
  const { page, clean, close } = await open(url, { viewport: { width: 1440, height: 900 } });
  const word = page.locator('.verdict .word');
  const healthy = word.filter({ hasText: /^Healthy/ });
  await healthy.waitFor({ timeout: patience });
  console.log('healthy');

  const [report, shown] = await Promise.all([
    reported(url, table),
    page.locator('#headline').filter({ hasText: table }).waitFor({ timeout: patience }).then(() => Date.now()),
  ]);
  assert.ok(shown - report.at < report.cycle, `the page shows the finding ${shown - report.at} ms after the report`);

  // Why, since when, and what to type: in sight at once.
  const command = page.locator('.next pre').filter({ hasText: table }).filter({ hasText: 'CREATE INDEX' }).first();
  await command.waitFor({ timeout: patience });
  await word.filter({ hasText: /^Critical/ }).waitFor({ timeout: patience });
  const [headline, since] = [page.locator('#headline'), page.locator('.verdict .when')];
  await since.filter({ hasText: 'since' }).waitFor({ timeout: patience });
  await page.waitForTimeout(1500);  // what comes with a first report has been drawn
  for (const [what, element] of [['cause', headline], ['since when', since], ['command', command]])
    assert.ok(await inView(page, element), `the ${what} is not within 1440x900`);
  assert.match(await page.locator('.verdict').innerText(), new RegExp(table));
  if (process.env.PGVIGIL_SHOTS) await page.screenshot({ path: `${process.env.PGVIGIL_SHOTS}/live-incident.png` });
  console.log(`incident: on the page ${shown - report.at} ms after the report`);

  await page.locator('.verdict').filter({ hasText: /Resolving|Healthy/ }).waitFor({ timeout: patience });
  await healthy.waitFor({ timeout: patience });
  await page.getByText('Incident over').first().waitFor({ timeout: patience });
  console.log('resolved');
  clean();
  await close();
}
