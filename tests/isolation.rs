//! Two or three sessions meet over the same goods, in every order in which their steps can come:
//! what each is answered, who waits for whom, and what is left. The specs are in `isolation/`, each
//! beside what is expected; `harness/isolation.rs` says how they are written.

use inventory_tests::{Pg, isolation, promises};

macro_rules! specs {
    ($($name:ident),* $(,)?) => {
        $(async fn $name(pg: Pg) {
            isolation::check(&pg, stringify!($name)).await;
        })*
        const SPECS: &[&str] = &[$(stringify!($name)),*];
        promises!(every_spec_is_run, $($name),*);
    };
}

specs!(
    adjust_against_reserve,
    complete_against_fail,
    confirm_against_confirm,
    confirm_against_expiry,
    confirm_against_release,
    deduct_against_expiry,
    deduct_against_reserve,
    deduct_in_an_old_snapshot,
    delete_product_against_order,
    delete_product_against_reserve,
    delete_warehouse_against_receive,
    idle_in_transaction,
    recount_against_deduct,
    replay_at_once,
    reserve_against_reserve,
    revert_against_revert,
    start_against_deduct,
    start_against_start,
    transfer_against_transfer,
);

async fn every_spec_is_run(_: Pg) {
    assert_eq!(isolation::names(), SPECS, "the specs of the folder, in alphabetical order");
}
