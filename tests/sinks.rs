//! Where events go: what each sink does with what it is given, when it is well and when it is not.
#![allow(clippy::unwrap_used)] // a test may end in a panic

mod sinks {
    pub mod brokers;
    pub mod documents;
    pub mod relayed;
    pub mod trust;
    pub mod webhooks;
}

use inventory_tests::promises;
use sinks::brokers::*;
use sinks::documents::*;
use sinks::relayed::*;
use sinks::trust::*;
use sinks::webhooks::*;

promises!(
    once: redis_has_every_event_in_order,
    nats_has_every_event_in_order,
    rabbitmq_has_every_event_in_order,
    redis_comes_back_and_misses_nothing,
    nats_comes_back_and_misses_nothing,
    rabbitmq_comes_back_and_misses_nothing,
    what_no_queue_takes_is_refused,
    what_is_too_long_is_refused,
    what_is_not_there_is_named,
    no_password_is_shown,
    a_server_without_tls_is_away,
    every_event_is_as_its_document_says,
    each_broker_hears_of_every_order,
    redis_is_down_for_a_while_under_orders,
    nats_is_down_for_a_while_under_orders,
    only_who_is_vouched_for_is_told,
    a_webhook_is_signed,
    a_webhook_gets_the_events_of_a_sku_in_order,
    a_webhook_may_refuse_an_event,
    a_webhook_that_is_away_is_left_alone,
    a_webhook_is_not_led_elsewhere,
    private_addresses_are_not_reached,
    an_endless_answer_ends,
    an_answer_without_its_body_is_one,
);
