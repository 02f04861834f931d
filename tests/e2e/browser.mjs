// A browser, a server of states, and what the tests of the page ask of both.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { write } from './states/index.mjs';

const shots = process.env.PGVIGIL_SHOTS;
export const report = (name) => new URL(`reports/${name}.json`, import.meta.url).pathname;
export const recorded = (name) => JSON.parse(readFileSync(report(name), 'utf8'));

const written = mkdtempSync(`${tmpdir()}/pgvigil-states-`);
process.on('exit', () => rmSync(written, { recursive: true, force: true }));
const there = new Set();
// The directory of a state; made when it is first asked for.
export function state(name) {
  if (!there.has(name)) write(name, `${written}/${name}`);
  there.add(name);
  return `${written}/${name}`;
}

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

export async function serve(...args) {
  const child = spawn(process.argv[2], args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => (await lines.next()).value ?? '';
  const url = (await line()).replace('listening on ', '');
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  return {
    url,
    publish: async (path) => { child.stdin.write(`${path}\n`); assert.equal(await line(), 'published'); },
    end: () => new Promise((done) => { child.once('exit', done); child.stdin.end('quit\n'); }),
  };
}

// A page that notes all that must not happen: errors, console output, requests to anybody else, dialogs.
// `missing`: the server has no documents beside the report; the browser itself then complains of each answer.
export async function open(url, { missing = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const bad = [];
  page.on('pageerror', (e) => bad.push(`error: ${e.message}`));
  page.on('console', (m) => {
    if (missing && /Failed to load resource.* (404|503) /.test(m.text())) return;
    if (['error', 'warning'].includes(m.type())) bad.push(`console: ${m.text()}`);
  });
  page.on('request', (r) => { if (!r.url().startsWith(url) && !r.url().startsWith('data:')) bad.push(`request: ${r.url()}`); });
  page.on('dialog', (d) => { bad.push(`dialog: ${d.message()}`); d.dismiss(); });
  const answer = await page.goto(url);
  return { page, answer, clean: () => assert.deepEqual(bad, []), close: () => context.close() };
}

export const has = (page, role, name) => page.getByRole(role, { name }).first().waitFor({ timeout: 30_000 });
export const says = (page, text) => page.getByText(text).first().waitFor({ timeout: 30_000 });

// Nothing sticks out sideways, from a phone to a wide desk, and nothing unknown is printed as a program would.
export async function fits(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [320, 768, 1440, 1920]) {
      await page.setViewportSize({ width, height: 900 });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${name} is ${wide} px too wide at ${width} px`);
      if (shots) await page.screenshot({ path: `${shots}/${name}-${scheme}-${width}.png`, fullPage: true });
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
  assert.doesNotMatch(await page.locator('body').innerText(), /undefined|NaN|\bnull\b|\[object/);
}

// No violation of any rule of axe, in both schemes and on a phone.
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export async function accessible(page, name) {
  await page.evaluate(axe);
  for (const [scheme, width] of [['light', 1280], ['dark', 1280], ['light', 360]]) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.setViewportSize({ width, height: 900 });
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join(' ; ')}`), [], `${name}, ${scheme}, ${width} px`);
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

export const inView = (page, locator) => locator.evaluate((e) => {
  const { top, left, bottom, right, width, height } = e.getBoundingClientRect();
  return width > 0 && height > 0 && top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
});
