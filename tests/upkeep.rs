//! The shop is kept in order: by the background worker wherever it has tables, by `maintain()` where
//! there is no preload. Nobody is in its way for longer than a moment, and it is in nobody's.
#![allow(clippy::unwrap_used)] // a test may end in a panic

#[path = "upkeep/by_hand.rs"]
mod by_hand;
#[path = "upkeep/journal.rs"]
mod journal;
#[path = "upkeep/life.rs"]
mod life;
#[path = "upkeep/told.rs"]
mod told;
#[path = "upkeep/worker.rs"]
mod worker;

use by_hand::*;
use journal::*;
use life::*;
use told::*;
use worker::*;

use inventory_tests::{Database, Session, clock, promises};

promises!(
    // worker
    holds_past_their_time_are_swept,
    many_holds_are_swept,
    holds_are_swept_of_what_is_sold_all_the_time,
    old_requests_and_holds_are_forgotten,
    every_database_is_served,
    strangers_are_left_alone,
    nobody_is_given_more_rights,
    sessions_that_stay_open_stop_their_own_sku_alone,
    one_job_that_fails_stops_no_other,
    databases_can_be_dropped_and_copied,
    settings_of_a_database_do_not_mislead_it,
    // journal
    partitions_are_opened_ahead,
    partitions_are_opened_while_rows_fall_beside_them,
    the_whole_journal_is_kept_unless_told_otherwise,
    old_partitions_go_and_their_sums_stay,
    rows_beside_the_partitions_go_in_their_turn,
    a_long_transaction_puts_a_drop_off,
    a_drop_among_busy_sessions,
    // life
    the_server_stops_and_starts_with_it,
    it_comes_back_after_a_crash,
    a_standby_waits_for_its_promotion,
    it_can_be_switched_off,
    // told
    a_lack_of_processes_is_told,
    an_old_layout_is_told,
    // by hand
    maintain_does_the_same,
    maintain_leaves_nothing_behind,
    maintain_is_for_administrators,
    maintain_needs_tables_and_leave_to_write,
);

/// Goods, and a way to let time pass.
async fn open(db: &Database, goods: &[(&str, i64)]) -> Session {
    db.stock(goods).await;
    let mut owner = db.owner().await;
    owner.run(clock::TIME_PASSES).await;
    owner
}

/// No hold is left that is due.
const SWEPT: &str = "SELECT NOT EXISTS (SELECT FROM inventory.reservation \
                      WHERE state = 'HELD' AND expires_at <= clock_timestamp())";

/// The jobs that go through a table in rounds begin a new one.
const DUE: &str =
    "UPDATE inventory.upkeep SET at = '-infinity', position = 0 WHERE job <> 'reshard'";

/// What the doctor says of the worker, without the seconds in it.
const WORKER: &str = "SELECT state, regexp_replace(finding, '[0-9]+ s', 'N s') \
                        FROM inventory.doctor() WHERE topic = 'worker'";
