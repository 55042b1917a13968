// Draws the dashboards in ../dashboards from a Prometheus server's answers:
//
//	npm install --legacy-peer-deps && node render.mjs --prometheus http://127.0.0.1:9090 --minutes 15 --out /tmp/pictures
//
// One PNG a dashboard; exits with 1 when a panel could not be drawn.
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({ options: {
  prometheus: { type: 'string', default: 'http://127.0.0.1:9090' }, minutes: { type: 'string', default: '15' }, out: { type: 'string', default: 'pictures' },
  dashboards: { type: 'string', default: join(import.meta.dirname, '..', 'dashboards') }, chromium: { type: 'string', default: '/usr/bin/chromium' }, mode: { type: 'string', default: 'dark' },
} });
const to = Math.floor(Date.now() / 1000), from = to - 60 * Number(flags.minutes), step = Math.max(5, Math.round((to - from) / 120));
const variables = [['$__rate_interval', '60s'], ['$__range', `${to - from}s`], ['$__interval', `${step}s`], ['$cluster', '.*'], ['$job', '.*'], ['$node', '.*'], ['$gpu', '.*']];

async function ask(target) {
  let expr = target.expr;
  for (const [name, value] of variables) expr = expr.replaceAll(name, value);
  const query = new URLSearchParams(target.instant ? { query: expr, time: to } : { query: expr, start: from, end: to, step });
  const answer = await (await fetch(`${flags.prometheus}/api/v1/${target.instant ? 'query' : 'query_range'}?${query}`)).json();
  if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error}`);
  return answer.data.result.map((s) => (s.values ? { ...s, values: gaps(s.values) } : s));
}

// gaps puts a null where a step has no value, as Grafana's data source does.
function gaps(values) {
  const out = [];
  for (const v of values) {
    if (out.length && v[0] - out.at(-1)[0] > 1.5 * step) out.push([out.at(-1)[0] + step, null]);
    out.push(v);
  }
  return out;
}

mkdirSync(flags.out, { recursive: true });
const { outputFiles } = await build({ entryPoints: [join(import.meta.dirname, 'app.jsx')], bundle: true, write: false, outdir: 'x', format: 'iife', jsx: 'automatic', minify: true,
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.woff': 'dataurl', '.woff2': 'dataurl', '.ttf': 'dataurl' },
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' }, logLevel: 'error' });
const script = outputFiles.find((f) => f.path.endsWith('.js')).text, css = outputFiles.find((f) => f.path.endsWith('.css'))?.text ?? '';
const browser = await chromium.launch({ executablePath: flags.chromium, args: ['--no-sandbox', '--disable-gpu'] });
let failed = 0;
for (const file of readdirSync(flags.dashboards).filter((f) => f.endsWith('.json'))) {
  const dashboard = JSON.parse(readFileSync(join(flags.dashboards, file), 'utf8'));
  const answers = {};
  for (const p of dashboard.panels.filter((p) => p.targets)) answers[p.id] = await Promise.all(p.targets.map(ask));
  const page = await browser.newPage({ viewport: { width: 1650, height: 1000 } });
  page.on('console', (m) => { if (m.type() === 'error' && m.text().startsWith('panel')) { failed++; console.error(file, m.text()); } });
  page.on('pageerror', (e) => { failed++; console.error(file, String(e).slice(0, 400)); });
  const data = { dashboard, answers, from, to, step, mode: flags.mode };
  const html = join(flags.out, file.replace('.json', '.html'));
  writeFileSync(html, `<!doctype html><meta charset="utf-8"><style>*{box-sizing:border-box}body{margin:0;color:#ccccdc;background:#111217}button{color:inherit;background:none;border:0;font:inherit}${css}</style><div id="root"></div><script>Object.assign(window, ${JSON.stringify(data).replaceAll('<', '\\u003c')})</script><script>${script.replaceAll('</script', '<\\/script')}</script>`);
  await page.goto('file://' + html);
  await page.waitForTimeout(2500);
  await page.screenshot({ path: html.replace('.html', '.png'), fullPage: true });
  console.log(html.replace('.html', '.png'));
  await page.close();
}
await browser.close();
process.exit(failed ? 1 : 0);
