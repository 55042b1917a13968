// Holds the dashboards in ../dashboards against @grafana/schema's types: the
// dashboard's own, and of each panel the options and field settings of its plugin.
import Ajv from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({ options: { dashboards: { type: 'string', default: join(import.meta.dirname, '..', 'dashboards') } } });
const types = join(import.meta.dirname, 'node_modules/@grafana/schema/dist/types/raw');
const config = join(import.meta.dirname, 'tsconfig.json');
writeFileSync(config, JSON.stringify({ compilerOptions: { skipLibCheck: true, moduleResolution: 'node', module: 'esnext', target: 'es2020', strict: false }, include: [types + '/**/*.d.ts'] }));
const ajv = new Ajv({ strict: false, allErrors: true });
const schema = (path, type) => ajv.compile(createGenerator({ path: join(types, path), tsconfig: config, type, skipTypeCheck: true, additionalProperties: true }).createSchema(type));
const plugin = (name) => `composable/${name}/panelcfg/x/types.gen.d.ts`;
const plugins = { timeseries: 'timeseries', stat: 'stat', bargauge: 'bargauge', table: 'table', 'status-history': 'statushistory', 'state-timeline': 'statetimeline' };

let problems = 0;
const complain = (where, errors) => { for (const e of errors) { problems++; console.error(`${where}${e.instancePath}: ${e.message} ${JSON.stringify(e.params)}`); } };
const dashboard = schema('dashboard/x/types.gen.d.ts', 'Dashboard');
const known = {};
for (const file of readdirSync(flags.dashboards).filter((f) => f.endsWith('.json'))) {
  const d = JSON.parse(readFileSync(join(flags.dashboards, file), 'utf8'));
  if (!dashboard(d)) complain(file, dashboard.errors);
  for (const p of d.panels.filter((p) => p.type !== 'row')) {
    const options = (known[p.type] ??= schema(plugin(plugins[p.type]), 'Options'));
    if (!options(p.options)) complain(`${file} ${p.title} options`, options.errors);
    if (!p.fieldConfig.defaults.custom || p.type === 'table') continue;
    const fields = (known[p.type + ' fields'] ??= schema(plugin(plugins[p.type]), 'FieldConfig'));
    if (!fields(p.fieldConfig.defaults.custom)) complain(`${file} ${p.title} custom`, fields.errors);
  }
}
console.log(problems ? `${problems} problems` : 'all dashboards agree with the types');
process.exit(problems ? 1 : 0);
