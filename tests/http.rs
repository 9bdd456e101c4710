//! The routes of the gateway, each as its callers know it: what it answers, how it refuses, what a
//! repeat gets.
#![allow(clippy::unwrap_used)] // a test may end in a panic

mod http {
    pub mod holds;
    pub mod keys;
    pub mod master;
    pub mod movements;
    pub mod orders;
    pub mod problems;
    pub mod reading;
    pub mod service;
    pub mod stock;
}

use http::holds::*;
use http::keys::*;
use http::master::*;
use http::movements::*;
use http::orders::*;
use http::problems::*;
use http::reading::*;
use http::service::*;
use http::stock::*;
use inventory_tests::promises;

promises!(
    products_come_change_and_go,
    products_that_make_no_sense,
    warehouses_come_change_and_go,
    levels_of_a_sku,
    lots_of_a_sku,
    a_count_needs_the_version_that_was_seen,
    any_of_several_versions_will_do,
    a_count_below_what_is_held,
    receipts,
    deductions,
    orders_of_many_lines_leave_whole_or_not_at_all,
    a_refusal_names_the_line_that_is_short,
    first_expired_first_out,
    adjustments,
    transfers,
    a_hold_is_confirmed_or_released_once,
    part_of_a_hold,
    holds_that_expire,
    holds_are_all_or_nothing,
    an_order_goes_through_its_states,
    an_inbound_order_receives,
    orders_that_make_no_sense,
    a_repeat_gets_the_first_answer,
    a_repeat_after_the_answer_was_lost,
    what_is_sold_out_is_refused_at_the_door_but_for_repeats,
    a_key_stands_for_one_content,
    a_quoted_key_is_the_bare_one,
    whoever_has_no_key_is_given_one,
    keys_are_a_principal_s_and_a_route_s_own,
    keys_that_are_none,
    every_command_is_safe_to_repeat,
    unreadable_bodies,
    bodies_of_another_shape,
    objects_are_no_lists,
    values_that_cannot_be,
    numbers_that_cannot_be,
    deep_and_large_bodies,
    no_such_route_or_method,
    who_asks_too_often_waits,
    a_database_that_is_away,
    a_database_without_our_tables,
    lists_are_walked_to_their_end,
    limits_have_bounds,
    cursors_that_are_none,
    stock_that_is_low,
    the_audit_tells_who_what_when,
    traces_are_kept_with_the_movement,
    hot_skus,
    the_document_is_the_command_s,
    every_route_and_problem_is_in_the_document,
    the_reading_room_needs_no_internet,
    health_readiness_and_metrics,
    browsers_of_known_origins_only,
    secrets_stay_out_of_the_log,
);
