// The page of a running agent while an incident comes and goes: `page --follow URL TABLE`. One page, opened once.
// Prints "healthy", "incident" and "resolved", each when a person who looks at it would say so.
import assert from 'node:assert/strict';
import { inView, open } from './browser.mjs';

const patience = 240_000;  // the browser shares two cores with the incident

export async function follow(url, table) {
  const { page, clean, close } = await open(url, { viewport: { width: 1440, height: 900 } });
  const word = page.locator('.verdict .word');
  const healthy = word.filter({ hasText: /^Healthy/ });
  await healthy.waitFor({ timeout: patience });
  console.log('healthy');

  // Why, since when, and what to type: in sight at once.
  const command = page.locator('.next pre').filter({ hasText: table }).filter({ hasText: 'CREATE INDEX' }).first();
  await command.waitFor({ timeout: patience });
  await word.filter({ hasText: /^Critical/ }).waitFor({ timeout: patience });
  const age = await page.locator('.verdict .when time').last().evaluate((t) => Date.now() - Date.parse(t.dateTime));
  assert.ok(age < 15_000, `the page shows a report that is ${age} ms old`);
  const [headline, since] = [page.locator('#headline'), page.locator('.verdict .when')];
  await since.filter({ hasText: 'since' }).waitFor({ timeout: patience });
  await page.waitForTimeout(1500);  // what comes with a first report has been drawn
  for (const [what, element] of [['cause', headline], ['since when', since], ['command', command]])
    assert.ok(await inView(page, element), `the ${what} is not within 1440x900`);
  assert.match(await page.locator('.verdict').innerText(), new RegExp(table));
  if (process.env.PGVIGIL_SHOTS) await page.screenshot({ path: `${process.env.PGVIGIL_SHOTS}/live-incident.png` });
  console.log('incident');

  await page.locator('.verdict').filter({ hasText: /Resolving|Healthy/ }).waitFor({ timeout: patience });
  await healthy.waitFor({ timeout: patience });
  await page.getByText('Incident over').first().waitFor({ timeout: patience });
  console.log('resolved');
  clean();
  await close();
}
