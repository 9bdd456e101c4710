//! Sagas end well: COMPLETED with all that belongs to it, or REVERTED with nothing left, whatever the
//! participants answer and whoever is killed.
#![allow(clippy::unwrap_used)] // a test may end in a panic

mod sagas {
    pub mod answers;
    pub mod database;
    pub mod gateways;
    pub mod stage;
    pub mod storm;
}

use inventory_tests::promises;
use sagas::answers::*;
use sagas::database::*;
use sagas::gateways::*;
use sagas::storm::*;

promises!(
    an_order_is_reserved_charged_and_taken_out,
    a_repeat_begins_nothing,
    what_cannot_begin_is_refused,
    a_refusal_undoes_in_reverse,
    what_is_not_known_is_asked_again,
    a_compensation_overtakes_a_slow_action,
    a_step_that_stays_silent_is_given_up,
    too_many_tries_need_attention,
    a_refused_undoing_needs_attention,
    a_hold_that_is_gone_is_no_obstacle,
    a_command_line_goes_both_ways,
    who_lost_a_saga_changes_nothing,
    what_was_answered_stays_answered,
    an_answer_that_cannot_be_kept_is_left_out,
    a_copy_of_the_database_asks_nobody,
    sagas_that_ended_are_forgotten_in_time,
    verify_finds_what_is_spoilt,
    a_file_that_is_wrong_stops_the_service,
    two_gateways_share_and_one_takes_over,
    a_gateway_that_goes_down_hands_over,
    a_database_away_is_waited_for,
    a_changed_file_changes_no_running_saga,
    a_storm_ends_well,
    a_planted_fault_is_found,
);
