//! Group commit holds what it promises: calls of many sessions are decided and committed together, each
//! with the answer it would have had alone; nobody's lock, error, cancel or death harms another call, is
//! waited for longer than the call wants to wait, or leaves anything behind.
//!
//! More sessions than slots there cannot be: a slot is made for each process that the server can have.
#![allow(clippy::unwrap_used)] // a test may end in a panic

#[path = "group_commit/around.rs"]
mod around;
#[path = "group_commit/busy.rs"]
mod busy;
#[path = "group_commit/crowd.rs"]
mod crowd;
#[path = "group_commit/ends.rs"]
mod ends;
#[path = "group_commit/plain.rs"]
mod plain;
#[path = "group_commit/settings.rs"]
mod settings;

use inventory_tests::promises;

use around::*;
use busy::*;
use crowd::*;
use ends::*;
use plain::*;
use settings::*;

promises!(
    it_answers_as_a_deduction_does,
    a_hold_made_now_is_as_any_other,
    a_request_id_has_one_effect,
    order_numbers_rise,
    the_journal_names_who_called,
    low_stock_is_told_once,
    rights_are_the_callers,
    the_effect_outlives_the_callers_transaction,
    what_others_hold_is_busy_in_time,
    a_call_goes_through_when_the_other_is_done,
    a_prepared_transaction_is_somebody_else,
    what_is_ones_own_is_busy_at_once,
    two_that_wait_for_each_other_end,
    one_call_that_raises_harms_no_other,
    a_locked_table_is_busy_in_time,
    a_locked_leaf_stops_its_own_goods_alone,
    a_waiting_call_can_be_given_up,
    a_call_given_up_while_it_is_committed,
    a_committer_that_cannot_know_says_so,
    a_committer_ended_or_cancelled_is_not_missed,
    a_committer_ended_leaves_those_who_wait_to_the_next,
    what_was_told_is_so_after_any_end,
    the_extension_goes_and_comes_again,
    a_committer_is_in_no_databases_way,
    a_database_that_lets_nobody_in,
    without_a_process_each_commits_alone,
    without_preload_it_works_alone,
    another_version_is_told_of,
    a_standby_refuses_until_it_is_promoted,
    resharding_fails_no_call,
    the_server_shows_what_is_done,
    no_setting_is_in_a_committers_way,
    an_answer_is_on_disk,
    a_reload_reaches_a_committer,
    a_crowd_agrees_with_its_logs,
);
