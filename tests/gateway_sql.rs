//! What the gateway asks of the database: many commands in one call that waits for nobody, leases, keys.

mod gateway_sql {
    pub mod keys;
    pub mod leases;
    pub mod many;
}

use gateway_sql::keys::*;
use gateway_sql::leases::*;
use gateway_sql::many::*;
use inventory_tests::promises;

promises!(
    kinds_mix_and_each_line_is_answered,
    lines_of_one_request_are_one_command,
    a_repeat_through_another_function_is_known,
    malformed_calls_raise_and_bad_lines_are_told,
    what_others_hold_is_busy_and_the_rest_goes_on,
    a_claimed_request_id_is_busy_and_the_rest_goes_on,
    who_waits_gets_it_in_the_end,
    crowds_in_batches_never_oversell,
    a_lease_sells_what_it_was_granted,
    a_repeated_settlement_changes_nothing,
    a_sale_is_known_whichever_way_it_came,
    the_rest_goes_back_once,
    leased_goods_are_nobody_elses,
    a_lease_outlives_its_time,
    leases_are_renewed_by_their_holder,
    only_a_repair_gives_back_for_others,
    lots_are_leased_first_expired_first_out,
    a_restored_database_knows_no_lease,
    leases_are_taken_once_a_request,
    what_is_leased_is_in_use,
    many_settle_while_many_sell,
    what_ended_long_ago_is_forgotten,
    keys_come_are_used_and_go,
    keys_that_make_no_sense_are_refused,
);
