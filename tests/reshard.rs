//! Growth: the leaves of stock are split and joined while everybody works. No unit is lost or doubled,
//! no call fails, and whoever is in the way is named.
#![allow(clippy::unwrap_used)] // a test may end in a panic

#[path = "reshard/crowd.rs"]
mod crowd;
#[path = "reshard/rules.rs"]
mod rules;
#[path = "reshard/waiting.rs"]
mod waiting;

use crowd::*;
use rules::*;
use waiting::*;

use inventory_tests::{Database, Session, promises};

promises!(
    // crowd
    a_busy_shop_grows_and_shrinks,
    sessions_notice_that_the_leaves_are_others,
    // waiting
    an_idle_session_is_waited_for_and_named,
    a_prepared_transaction_is_named,
    a_killed_reshard_goes_on_where_it_was,
    a_power_cut_in_the_middle,
    the_later_of_two_wins,
    an_autovacuum_gives_way,
    // rules
    an_old_snapshot_is_told_so,
    every_row_survives,
    a_resharded_shop_is_like_a_fresh_one,
    numbers_that_make_no_sense_are_refused,
    resharding_is_for_administrators,
    it_commits_by_itself,
);

/// How many leaves stock has.
const LEAVES: &str =
    "SELECT count(*) FROM pg_inherits WHERE inhparent = 'inventory.stock'::regclass";

async fn reshard(session: &mut Session, shards: u32) {
    session.run(&format!("CALL inventory.reshard({shards})")).await;
    session.check(LEAVES, &shards.to_string()).await;
}

/// That many products with a hundred units each, as if they had been received.
async fn fill(db: &Database, products: usize) {
    let sku = "'S' || lpad(n::text, 7, '0')";
    db.owner()
        .await
        .run(&format!(
            "INSERT INTO inventory.product (sku, name, lot_controlled, unit, attributes, created_at, updated_at) \
             SELECT {sku}, 'Product', false, 'each', '{{}}', now(), now() FROM generate_series(1, {products}) AS n; \
             INSERT INTO inventory.stock (sku, warehouse_id, lot, on_hand, reserved, version, received_at, lot_controlled) \
             SELECT {sku}, 1, '', 100, 0, 1, now(), false FROM generate_series(1, {products}) AS n; \
             INSERT INTO inventory.journal (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, \
                                            reserved_delta, on_hand, reserved, version, reason, db_user) \
             SELECT nextval('inventory.journal_id'), 1, pg_current_xact_id(), now(), 'STOCK_RECEIVED', {sku}, 1, '', 100, \
                    0, 100, 0, 1, 'receipt', current_user FROM generate_series(1, {products}) AS n"
        ))
        .await;
}

/// The name that [`fill`] gives to a product, from 1 on.
fn sku(number: usize) -> String {
    format!("S{number:07}")
}
