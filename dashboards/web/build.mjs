// src/ to dist/: bundle, minify, hash the names. dist/ is committed, so that a build of the agent needs no node.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const sha = (bytes) => createHash('sha256').update(bytes).digest('hex');
rmSync('dist', { recursive: true, force: true });
mkdirSync('dist/assets', { recursive: true });

const named = {};
const emit = (name, extension, bytes) => {
  named[name] = `/assets/${name}-${sha(bytes).slice(0, 10)}.${extension}`;
  writeFileSync(`dist${named[name]}`, bytes);
};
// uPlot hangs every way of drawing a series on one object, so that none can be shaken off. We draw straight lines.
const lean = {
  name: 'lean',
  setup: (b) => b.onLoad({ filter: /uPlot\.esm\.js$/ }, ({ path }) => {
    const all = readFileSync(path, 'utf8');
    const contents = all.replace(/^\t\(paths\.(stepped|bars|spline) .*$/gm, '').replace(/^uPlot\.(rangeLog|rangeAsinh) .*$/gm, '');
    if (all.length - contents.length < 100) throw new Error('uPlot has changed: see what of it is not needed');
    return { contents };
  }),
};
const bundle = async (entry) => (await build({
  entryPoints: [entry], bundle: true, minify: true, write: false, format: 'esm', target: 'es2022', charset: 'utf8', legalComments: 'none', plugins: [lean],
})).outputFiles[0].contents;
emit('app', 'js', await bundle('src/app.js'));
emit('style', 'css', await bundle('src/style.css'));
emit('icon', 'svg', readFileSync('src/icon.svg'));

const page = (from, to, wrong = '') =>
  writeFileSync(`dist/${to}`, readFileSync(`src/${from}`, 'utf8').replace(/@(\w+)@/g, (_, name) => (name === 'wrong' ? wrong : named[name])));
page('index.html', 'index.html');
page('login.html', 'login.html');
page('login.html', 'login-wrong.html', '<p class="wrong" role="alert">That was not the token.</p>');

// What dist/ was made from and is made of, as sha256sum -c reads it; ./fresh compares.
const sources = ['build.mjs', 'package.json', 'package-lock.json', ...readdirSync('src').map((f) => `src/${f}`)];
const made = readdirSync('dist', { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => `${f.parentPath ?? f.path}/${f.name}`);
writeFileSync('dist/SOURCES.sha256', [...sources, ...made].sort().map((f) => `${sha(readFileSync(f))}  ${f}\n`).join(''));
