//! Who may what: every route of the document against every role, and against everything that is no
//! key and no token of ours.
#![allow(clippy::unwrap_used)] // a test may end in a panic

mod http_roles {
    pub mod keys;
    pub mod table;
    pub mod tokens;
}

use http_roles::keys::*;
use http_roles::table::*;
use http_roles::tokens::*;
use inventory_tests::promises;

promises!(
    every_route_for_every_role,
    what_is_no_key,
    keys_expire,
    a_revoked_key_works_for_two_seconds_at_most,
    a_new_key_works_at_once,
    uses_are_written_down,
    tokens_of_each_algorithm,
    each_key_of_an_algorithm_is_tried,
    tokens_that_do_not_hold,
    a_public_key_is_no_shared_secret,
    issuer_and_audience,
    a_service_without_tokens,
    the_database_users_have_no_more_rights,
);
