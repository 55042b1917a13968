// Draws dashboards with Grafana's own components (@grafana/ui), from answers
// that render.mjs has put into window.answers. Panels whose component Grafana does
// not publish (status-history, state-timeline) are drawn as plain cells,
// coloured by Grafana's own display processors.
import React from 'react';
import { createRoot } from 'react-dom/client';
import {
  createTheme, dateTime, toDataFrame, applyFieldOverrides, getFieldDisplayValues, getDisplayValueAlignmentFactors,
  FieldType, ThemeContext, FieldConfigOptionsRegistry, VizOrientation,
} from '@grafana/data';
import { TimeSeries, BarGauge, BigValue, Table, VizRepeater, PanelChrome } from '@grafana/ui';

const theme = createTheme({ colors: { mode: window.mode || 'light' } });
// What fieldConfig may hold, as far as our dashboards use it; in Grafana itself the panel plugins register it.
const custom = ['drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'gradientMode', 'spanNulls', 'insertNulls', 'showPoints', 'pointSize', 'axisPlacement', 'axisLabel', 'axisColorMode',
  'axisBorderShow', 'axisCenteredZero', 'barAlignment', 'scaleDistribution', 'stacking', 'thresholdsStyle', 'hideFrom', 'axisSoftMin', 'axisSoftMax', 'align', 'cellOptions', 'filterable', 'inspect'];
const property = (id, path, isCustom) => ({ id, path, name: id, isCustom, process: (v) => v, shouldApply: () => true, override: () => null, editor: () => null, settings: {} });
const registry = new FieldConfigOptionsRegistry(() => [
  ...['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'thresholds', 'mappings', 'color', 'links'].map((id) => property(id, id, false)),
  ...custom.map((id) => property('custom.' + id, id, true)),
]);
const unit = 30, gap = 8;
const plain = (s) => s;

// frames turns the answers to a panel's targets into Grafana's data frames.
function frames(panel, answers) {
  const out = [];
  panel.targets.forEach((target, i) => {
    const answer = answers[i] || [];
    if (panel.type === 'table') {
      const names = [...new Set(answer.flatMap((s) => Object.keys(s.metric)))];
      out.push({ refId: target.refId, fields: [
        ...names.map((n) => ({ name: n, type: FieldType.string, config: {}, values: answer.map((s) => s.metric[n] || '') })),
        { name: 'Value', type: FieldType.number, config: {}, values: answer.map((s) => Number(s.value[1])) }] });
      return;
    }
    for (const s of answer) {
      const name = legend(target.legendFormat, s.metric);
      const points = s.values || [s.value];
      out.push({ refId: target.refId, name, fields: [
        { name: 'Time', type: FieldType.time, config: {}, values: points.map((p) => p[0] * 1000) },
        { name: 'Value', type: FieldType.number, labels: s.metric, config: { displayNameFromDS: name }, values: points.map((p) => (p[1] === null ? null : Number(p[1]))) }] });
    }
  });
  const made = out.map((f) => toDataFrame(f));
  return applyFieldOverrides({ data: organize(panel, made), fieldConfig: panel.fieldConfig, fieldConfigRegistry: registry, replaceVariables: plain, theme, timeZone: 'utc' });
}

function organize(panel, made) {
  for (const t of panel.transformations || []) {
    if (t.id !== 'organize') continue;
    for (const f of made) {
      f.fields = f.fields.filter((x) => !t.options.excludeByName[x.name]);
      f.fields.sort((a, b) => (t.options.indexByName[a.name] ?? 99) - (t.options.indexByName[b.name] ?? 99));
      f.fields.forEach((x) => { x.name = t.options.renameByName[x.name] || x.name; });
    }
  }
  return made;
}

function legend(format, metric) {
  if (format === '__auto') return Object.keys(metric).length ? JSON.stringify(metric) : 'Value';
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, n) => metric[n] ?? '');
}

// cells draws one row a series: a heatmap of values or of states.
function Cells({ data, width, height }) {
  const rows = data.slice(0, 40);
  const left = 150;
  return <svg width={width} height={height} fontFamily={theme.typography.fontFamily} fontSize={11}>
    {rows.map((f, i) => {
      const h = Math.max(4, (height - 20) / rows.length), field = f.fields[1], time = f.fields[0].values;
      const from = window.from * 1000, to = window.to * 1000, step = window.step * 1000;
      return <g key={i}>
        <text x={left - 6} y={20 + i * h + h / 2 + 4} textAnchor="end" fill={theme.colors.text.primary}>{(field.config.displayName || field.config.displayNameFromDS || f.name).slice(0, 26)}</text>
        {time.map((t, j) => {
          const d = field.display(field.values[j]);
          const x = left + ((t - step - from) / (to - from)) * (width - left);
          return <rect key={j} x={Math.max(left, x)} y={20 + i * h + 1} width={(step / (to - from)) * (width - left) + 0.5} height={h - 2} fill={d.color || '#888'} />;
        })}
      </g>;
    })}
  </svg>;
}

function Body({ panel, data, width, height }) {
  const range = { from: dateTime(window.from * 1000), to: dateTime(window.to * 1000), raw: { from: 'now-1h', to: 'now' } };
  const values = () => getFieldDisplayValues({ fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: plain, theme, data, timeZone: 'utc' });
  if (data.length === 0 || data.every((f) => f.length === 0)) return <div style={{ padding: 20, color: theme.colors.text.secondary }}>No data</div>;
  switch (panel.type) {
    case 'timeseries':
      return <TimeSeries frames={data} structureRev={1} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend} options={panel.options} />;
    case 'stat': {
      const v = values()[0];
      return <BigValue value={v.display} width={width} height={height} theme={theme} colorMode={panel.options.colorMode} graphMode="none" justifyMode="auto" textMode="value" />;
    }
    case 'bargauge':
      return <VizRepeater source={data} getValues={values} renderCounter={1} width={width} height={height} orientation={VizOrientation.Horizontal} itemSpacing={6} minVizHeight={16}
        getAlignmentFactors={getDisplayValueAlignmentFactors}
        renderValue={({ value, alignmentFactors, width, height, orientation }) => <BarGauge value={value.display} width={width} height={height} orientation={orientation}
          field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex)} theme={theme} itemSpacing={6} lcdCellWidth={8} displayMode={panel.options.displayMode}
          alignmentFactors={alignmentFactors} showUnfilled valueDisplayMode="color" namePlacement="auto" />} />;
    case 'table':
      return <Table data={data[0]} width={width} height={height} />;
  }
  return <Cells panel={panel} data={data} width={width} height={height} />;
}

function Panel({ panel, answers, column }) {
  const g = panel.gridPos, width = g.w * column - gap, height = g.h * unit;
  const style = { position: 'absolute', left: g.x * column, top: g.y * (unit + gap), width, height: g.h * (unit + gap) - gap };
  if (panel.type === 'row') return <div style={{ ...style, padding: '8px 4px', fontWeight: 500 }}>{panel.title}</div>;
  return <div style={style}><PanelChrome title={panel.title} description={panel.description} width={width} height={style.height} padding="md">
    {(w, h) => <Body panel={panel} data={frames(panel, answers)} width={w} height={h} />}
  </PanelChrome></div>;
}

class Guard extends React.Component {
  state = {};
  static getDerivedStateFromError(error) { return { error }; }
  componentDidCatch(error) { console.error('panel', this.props.title, String(error)); }
  render() { return this.state.error ? <pre style={{ color: 'red' }}>{this.props.title + ': ' + this.state.error}</pre> : this.props.children; }
}

function App() {
  const { dashboard, answers } = window;
  const column = 1600 / 24;
  const bottom = Math.max(...dashboard.panels.map((p) => p.gridPos.y + p.gridPos.h)) * (unit + gap);
  return <ThemeContext.Provider value={theme}>
    <div style={{ background: theme.colors.background.canvas, color: theme.colors.text.primary, fontFamily: theme.typography.fontFamily, fontSize: 14, padding: 12, width: 1620 }}>
      <h2 style={{ margin: '4px 0 12px', fontWeight: 400 }}>{dashboard.title}</h2>
      <div style={{ position: 'relative', height: bottom }}>
        {dashboard.panels.map((p) => <Guard key={p.id} title={p.title}><Panel panel={p} answers={answers[p.id] || []} column={column} /></Guard>)}
      </div>
    </div>
  </ThemeContext.Provider>;
}

createRoot(document.getElementById('root')).render(<App />);
