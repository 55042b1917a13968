// Computes with DuckDB, over the node rows of a directory of windows, what
// nodemeter summary tabulates: mean, least, percentiles and most of the
// utilization columns, per node and over all. Prints the overall figures.
import { DuckDBInstance } from '@duckdb/node-api';

const columns = ['cpu_util', 'memory_util', 'gpu_util', 'network_mbps'];
const figures = columns.map((c) => `avg(${c}) as ${c}, min(${c}), max(${c}), quantile_cont(${c}, [0.05, 0.5, 0.95, 0.99])`).join(', ');
const from = `read_parquet('${process.argv[2]}/**/*.parquet', hive_partitioning = true) where kind = 'node'`;
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run(`select worker_id, ${figures} from ${from} group by worker_id`);
const all = await connection.runAndReadAll(`select ${figures} from ${from}`);
console.log(JSON.stringify(Object.fromEntries(columns.map((c) => [c, Number(all.getRowObjectsJson()[0][c])]))));
