// Runs the SQL on standard input, statement by statement, and prints the rows
// of the last one as JSON: query.mjs < queries.sql
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const connection = await (await DuckDBInstance.create(':memory:')).connect();
const out = [];
for (const sql of readFileSync(0, 'utf8').split(';').filter((s) => s.trim() !== '')) {
  const result = await connection.runAndReadAll(sql);
  out.push(result.getRowObjectsJson());
}
console.log(JSON.stringify(out));
