// An ordinary application with node-postgres. Exits with 0 when everything was as promised.
'use strict';
const assert = require('node:assert');
const { randomUUID } = require('node:crypto');
const { createRequire } = require('node:module');
const { Pool } = createRequire(process.argv[3] + '/')('pg');

const pool = new Pool({ connectionString: process.argv[2], max: 8 });
const deduct = 'SELECT * FROM inventory.deduct($1, $2, request_id => $3)';

async function main() {
  // 64-bit numbers come as strings.
  const request = randomUUID();
  const first = (await pool.query(deduct, ['A', 3, request])).rows[0];
  assert.deepStrictEqual({ ...first, order_no: first.order_no.length },
    { code: 'ok', order_no: 23, on_hand: '7', reserved: '0', available: '7', replayed: false });
  const again = (await pool.query(deduct, ['A', 3, request])).rows[0];
  assert.deepStrictEqual(again, { ...first, replayed: true });

  await assert.rejects(pool.query(deduct, ['A', 100, null]), (refused) => {
    assert.strictEqual(refused.code, 'IV001');
    assert.strictEqual(refused.detail, 'requested 100 units, available: 7');
    assert.ok(refused.hint);
    return true;
  });

  // As many at once as the pool has connections, by a named statement.
  const sold = await Promise.all(Array.from({ length: 20 }, () => pool.query({
    name: 'sell', text: 'SELECT code FROM inventory.try_deduct($1, $2)', values: ['B', 1] })));
  const codes = sold.map((answer) => answer.rows[0].code);
  assert.strictEqual(codes.filter((code) => code === 'ok').length, 10);
  assert.strictEqual(codes.filter((code) => code === 'insufficient_stock').length, 10);

  const many = await pool.query('SELECT * FROM inventory.deduct_many($1::uuid[], $2, $3)',
    [[request, randomUUID()], ['A', 'A'], [3, 2]]);
  assert.deepStrictEqual(many.rows.map((row) => [row.line, row.code, row.on_hand, row.replayed]),
    [[1, 'ok', '7', true], [2, 'ok', '5', false]]);
}

main().then(() => pool.end()).catch((error) => {
  console.error(error);
  process.exit(1);
});
