// Prints, as JSON, what DuckDB and Polars make of a directory of windows:
// means per node row, and the column types that people would see.
import { DuckDBInstance } from '@duckdb/node-api';
import pl from 'nodejs-polars';

const dir = process.argv[2];
const glob = `${dir}/**/*.parquet`;
const columns = ['cpu_util', 'memory_util', 'network_mbps'];

async function duckdb() {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const from = `read_parquet('${glob}', hive_partitioning = true, union_by_name = true)`;
  const means = await connection.runAndReadAll(
    `select count(*)::double as rows, ${columns.map((c) => `avg(${c}) as ${c}`).join(', ')},
            max(memory_total_bytes) - 0 as memory_total_bytes from ${from} where kind = 'node'`);
  const types = await connection.runAndReadAll(`describe select * from ${from}`);
  return {
    means: means.getRowObjectsJson()[0],
    types: Object.fromEntries(types.getRowObjectsJson().map((r) => [r.column_name, r.column_type])),
  };
}

async function polars() {
  const frame = await pl.scanParquet(glob, { hivePartitioning: true })
    .filter(pl.col('kind').eq(pl.lit('node')))
    .select(pl.col('timestamp'), pl.col('memory_total_bytes'), ...columns.map((c) => pl.col(c)))
    .collect();
  const means = { rows: frame.height, memory_total_bytes: frame.getColumn('memory_total_bytes').max() };
  for (const c of columns) means[c] = frame.getColumn(c).mean();
  return { means, types: Object.fromEntries(frame.columns.map((c) => [c, String(frame.getColumn(c).dtype)])) };
}

const answer = { duckdb: await duckdb(), polars: await polars() };
console.log(JSON.stringify(answer, (_, v) => (typeof v === 'bigint' ? Number(v) : v)));
