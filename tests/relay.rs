//! The outside world hears of every movement: cursors that skip nothing, relays that share sinks, events that
//! a sink does not take.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_tests::promises;

#[path = "relay/delivery.rs"]
mod delivery;
#[path = "relay/gateway.rs"]
mod gateway;
#[path = "relay/reading.rs"]
mod reading;
#[path = "relay/receiver.rs"]
mod receiver;
#[path = "relay/turns.rs"]
mod turns;

use delivery::*;
use gateway::*;
use reading::*;
use turns::*;

promises!(
    what_commits_late_is_read_when_it_commits,
    one_s_own_transaction_is_open_too,
    crowds_and_readers_agree,
    cursors_of_another_database_are_refused,
    what_was_pruned_is_said_to_be,
    relays_share_sinks_and_hand_them_over,
    a_turn_that_is_over_saves_nothing,
    a_sink_that_refuses_too_much_is_paused,
    the_outbox_says_what_became_of_each_event,
    secrets_of_sinks_are_for_relays,
    a_sink_that_is_away_for_a_while_hears_it_all,
    a_relay_killed_between_sending_and_saving_sends_again,
    two_relays_share_the_work_and_one_takes_over,
    a_relay_that_slept_past_its_turn_sends_nothing_more,
    a_sink_that_cannot_be_read_says_so,
    a_relay_that_ends_in_order_repeats_nothing,
    an_open_transaction_delays_only_its_own_events,
    a_poison_event_stops_nobody_else,
    those_behind_a_parked_event_wait_for_it,
    a_copy_of_the_database_is_silent,
    resumed_it_may_leave_out_what_came_meanwhile,
    tables_do_not_grow_with_what_was_delivered,
    partitions_are_kept_for_a_slow_sink,
    standard_output_is_a_sink_too,
    serve_tells_sinks_and_the_outbox_shows_it,
);
