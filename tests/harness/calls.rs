//! One call of each function that changes something, for tests of what holds for all of them.

use crate::session::Session;

/// Calls that are well formed, whether or not there is anything for them to work on.
pub const CHANGING: &[&str] = &[
    "SELECT inventory.install()",
    "SELECT inventory.put_product('A', 'Product A')",
    "SELECT inventory.put_warehouse(2, 'NORTH', 'North')",
    "SELECT inventory.delete_product('A')",
    "SELECT inventory.delete_warehouse(2)",
    "SELECT inventory.receive('A', 1)",
    "SELECT inventory.deduct('A', 1)",
    "SELECT inventory.try_deduct('A', 1)",
    "SELECT inventory.deduct_now('A', 1)",
    "SELECT inventory.deduct_many(ARRAY[NULL]::uuid[], ARRAY['A'], ARRAY[1])",
    "SELECT inventory.adjust('A', 1, 'found')",
    "SELECT inventory.recount('A', 1, 'counted')",
    "SELECT inventory.transfer('A', 1, 1, 2)",
    "SELECT inventory.next_order_no()",
    "SELECT inventory.next_order_id()",
    "SELECT inventory.reserve('A', 1)",
    "SELECT inventory.reserve_now('A', 1)",
    "SELECT inventory.reserve_many(NULL, ARRAY['A'], ARRAY[1])",
    "SELECT inventory.confirm('99999999-9999-4999-8999-999999999999')",
    "SELECT inventory.release('99999999-9999-4999-8999-999999999999')",
    "SELECT inventory.create_order('outbound', '[{\"sku\": \"A\", \"qty\": 1}]')",
    "SELECT inventory.start_order('20240520123001001000001')",
    "SELECT inventory.complete_order('20240520123001001000001')",
    "SELECT inventory.fail_order('20240520123001001000001', 'lost')",
    "SELECT inventory.revert_order('20240520123001001000001', 'returned')",
    "SELECT inventory.set_hot('A', true)",
    "SELECT inventory.execute_many(ARRAY['deduct'], ARRAY[NULL]::uuid[], ARRAY['A'], ARRAY[1])",
    "SELECT inventory.take_lease('A', 1, 'gate-1', 'token')",
    "SELECT inventory.renew_leases('gate-1', ARRAY['99999999-9999-4999-8999-999999999999']::uuid[], '1 minute')",
    "SELECT inventory.settle_lease('99999999-9999-4999-8999-999999999999', 'gate-1', ARRAY['99999999-9999-4999-8999-999999999998']::uuid[], ARRAY[1])",
    "SELECT inventory.return_lease('99999999-9999-4999-8999-999999999999', 'gate-1')",
    "SELECT inventory.repair_leases('1 hour')",
    "SELECT inventory.report_findings('redis', now(), ARRAY['redis_level'], ARRAY['A in 1'], ARRAY['0'], ARRAY['1'])",
    "SELECT inventory.confirm_ticket(1)",
    "SELECT inventory.reject_ticket(1, 'as it is')",
    "SELECT inventory.run_ticket(1)",
    "SELECT inventory.start_shadow('main', 1000)",
    "SELECT inventory.stop_shadow('main')",
    "SELECT inventory.feed_shadow('main', NULL, 'c', NULL, ARRAY[1], ARRAY['A'], ARRAY[1], ARRAY[NULL]::text[], ARRAY[1], ARRAY[1], ARRAY[1])",
    "SELECT inventory.create_api_key('k1', 'Key 1', 'reader', sha256('k1'))",
    "SELECT inventory.revoke_api_key('k1')",
    "SELECT inventory.touch_api_keys(ARRAY['k1'], ARRAY[now()])",
    r#"SELECT inventory.begin_saga('one', '{"steps": [{"name": "a", "participant": "b", "action": "c"}]}', '{}')"#,
    "SELECT inventory.claim_sagas('gate-1', '1 minute')",
    "SELECT inventory.advance_saga('99999999-9999-4999-8999-999999999999', 1, '1 minute')",
    "SELECT inventory.retry_saga('99999999-9999-4999-8999-999999999999')",
    "SELECT inventory.put_sink('out', 'stdout:')",
    "SELECT inventory.pause_sink('out')",
    "SELECT inventory.resume_sink('out')",
    "SELECT inventory.take_turns('relay-1')",
    "SELECT inventory.save_progress('out', 1)",
    "SELECT inventory.redrive(1)",
    "SELECT inventory.give_turns('relay-1')",
    "SELECT inventory.drop_sink('out')",
    "SELECT inventory.maintain()",
    "CALL inventory.reshard(32)",
];

/// The extension's functions that change nothing, or are called by those above only.
const OTHERS: &[&str] = &[
    "verify",
    "doctor",
    "group_commit",
    "api_keys",
    "reshard_step",
    "remembered_requests",
    "events_now",
    "read_events",
    "due_events",
];

/// Asserts that no function was forgotten above.
pub async fn are_complete(session: &mut Session) {
    let known = OTHERS.iter().copied().chain(CHANGING.iter().map(|call| name_of(call)));
    let known: Vec<_> = known.map(|name| format!("'{name}'")).collect();
    let sql = format!(
        "SELECT p.proname FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = 'inventory'::regnamespace \
         AND p.prorettype <> 'trigger'::regtype AND p.proname NOT IN ({})",
        known.join(", ")
    );
    session.check(&sql, "").await;
}

/// The function that is called.
pub fn name_of(call: &str) -> &str {
    let from = call.find("inventory.").map_or(0, |at| at + "inventory.".len());
    call[from..].split('(').next().unwrap_or_default()
}
