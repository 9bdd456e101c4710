//! `/v1/events`: what happens is heard once, in order, by whoever listens, through restarts of gateways and
//! of the database; nobody who is slow, or one too many, is a burden to the others.
#![allow(clippy::unwrap_used)] // a test may end in a panic

mod events {
    pub mod asking;
    pub mod command;
    pub mod limits;
    pub mod resuming;
    pub mod tickets;
    pub mod writers;
}

use events::asking::*;
use events::command::*;
use events::limits::*;
use events::resuming::*;
use events::tickets::*;
use inventory_tests::promises;

promises!(
    every_topic_is_told_as_the_outbox_has_it,
    only_what_was_asked_for,
    who_hears_nothing_knows_where_it_stands,
    what_cannot_be_asked_for,
    curl_and_event_source_follow_through_restarts,
    who_goes_from_gateway_to_gateway_misses_nothing,
    who_joins_while_others_write_misses_nothing,
    who_waits_for_a_turn_has_begun,
    what_commits_late_is_told_late,
    cursors_of_another_database,
    streams_outlive_the_database,
    a_service_that_goes_down_ends_its_streams,
    one_reader_for_all,
    one_stream_too_many,
    who_does_not_listen_is_cut_off,
    a_revoked_key_hears_no_more,
    a_ticket_opens_one_door,
    tickets_that_do_not_hold,
    tickets_for_tokens,
    the_command_follows_both_ways,
    the_command_goes_on_after_a_restart,
);
