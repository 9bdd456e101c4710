//! The catalogue of refusals against what the server really raises.

use inventory_core::refusal::CATALOGUE;
use inventory_tests::{Pg, promises};

promises!(
    each_refusal_is_raised_as_the_catalogue_says,
    a_refusal_names_what_was_asked_and_what_is_there,
    the_row_form_bears_the_catalogues_names,
    a_refusal_takes_the_transaction_with_it_and_a_savepoint_saves_it,
    before_install_every_function_says_so,
);

const ID: &str = "11111111-1111-4111-8111-111111111111";

/// How to come by each refusal; those of features to come are not in it.
fn ways() -> Vec<(&'static str, String)> {
    vec![
        ("insufficient_stock", "deduct('A', 10)".into()),
        ("unknown_sku", "deduct('NONE', 1)".into()),
        ("unknown_warehouse", "deduct('A', 1, 77)".into()),
        ("invalid_argument", "deduct('A', 0)".into()),
        ("request_id_reused", format!("deduct('A', 2, request_id => '{ID}')")),
        ("unknown_lot", "deduct('LOT', 1, lot => 'nowhere')".into()),
        ("version_conflict", "recount('A', 1, 'x', expected_version => 99)".into()),
        ("in_use", "delete_product('A')".into()),
        ("unknown_saga", format!("retry_saga('{ID}')")),
        ("nothing_to_retry", "retry_saga((SELECT saga_id FROM inventory.sagas))".into()),
        ("unknown_ticket", "run_ticket(1)".into()),
    ]
}

/// Refusals that nothing in this release can meet with.
const TO_COME: [&str; 6] = [
    "unknown_reservation",
    "reservation_expired",
    "reservation_closed",
    "invalid_transition",
    "unknown_order",
    "busy",
];

async fn each_refusal_is_raised_as_the_catalogue_says(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 4)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product('LOT', 'By lot', lot_controlled => true)").await;
    admin.run(&format!("SELECT inventory.deduct('A', 1, request_id => '{ID}')")).await;
    let step = r#"{"steps": [{"name": "a", "participant": "b", "action": "c"}]}"#;
    admin.run(&format!("SELECT inventory.begin_saga('one', '{step}', '{{}}')")).await;
    let ways = ways();
    for entry in &CATALOGUE {
        let Some((_, call)) = ways.iter().find(|(name, _)| *name == entry.name) else {
            assert!(
                TO_COME.contains(&entry.name) || entry.name == "not_installed",
                "no test comes by {}",
                entry.name
            );
            continue;
        };
        let refused = admin.refused(&format!("SELECT inventory.{call}")).await;
        assert_eq!(refused.sqlstate, entry.sqlstate, "{call}: {refused}");
        assert_eq!(refused.message, entry.title, "{call}: {refused}");
        assert_eq!(refused.hint, entry.hint, "{call}: {refused}");
        assert!(!refused.detail.is_empty(), "{call}: {refused}");
    }
}

async fn a_refusal_names_what_was_asked_and_what_is_there(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 3)]).await;
    let mut op = db.operator().await;
    let refused = op.refused("SELECT inventory.deduct('A', 10)").await;
    assert_eq!(refused.sqlstate, "IV001");
    assert_eq!(refused.detail, "requested 10 units, available: 3");
    let refused = op.refused("SELECT inventory.deduct('NONE', 1)").await;
    assert!(refused.detail.contains("NONE"), "{refused}");
    let refused = op.refused("SELECT inventory.deduct('A', 1, 77)").await;
    assert!(refused.detail.contains("77"), "{refused}");
}

async fn the_row_form_bears_the_catalogues_names(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 4)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product('LOT', 'By lot', lot_controlled => true)").await;
    admin.run(&format!("SELECT inventory.deduct('A', 1, request_id => '{ID}')")).await;
    for (name, call) in ways().into_iter().filter(|(_, call)| call.starts_with("deduct(")) {
        let row = format!("SELECT code, order_no, replayed FROM inventory.try_{call}");
        admin.check(&row, &format!("{name}|null|f")).await;
    }
    admin
        .check(
            &format!(
                "SELECT code, order_no, replayed FROM inventory.deduct_many(\
                 ARRAY[NULL, NULL, NULL, NULL, '{ID}']::uuid[], ARRAY['A', 'NONE', 'A', 'A', 'A'], \
                 ARRAY[10, 1, 1, 0, 2], ARRAY[1, 1, 77, 1, 1])"
            ),
            "insufficient_stock|null|f
             unknown_sku|null|f
             unknown_warehouse|null|f
             invalid_argument|null|f
             request_id_reused|null|f",
        )
        .await;
}

async fn a_refusal_takes_the_transaction_with_it_and_a_savepoint_saves_it(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 3)]).await;
    let mut op = db.operator().await;
    op.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    op.check_refused(
        "SELECT inventory.deduct('A', 10)",
        "IV001",
        "requested 10 units, available: 2",
    )
    .await;
    op.check_refused("SELECT 1", "25P02", "").await;
    op.run("ROLLBACK").await;
    op.run("BEGIN; SELECT inventory.deduct('A', 1); SAVEPOINT s").await;
    op.check_refused(
        "SELECT inventory.deduct('A', 10)",
        "IV001",
        "requested 10 units, available: 2",
    )
    .await;
    op.run("ROLLBACK TO s; SELECT inventory.deduct('A', 1); COMMIT").await;
    op.check("SELECT on_hand FROM inventory.stock_level", "1").await;
    // A refusal as a row leaves the transaction as it was.
    op.run("BEGIN").await;
    op.check("SELECT code FROM inventory.try_deduct('A', 10)", "insufficient_stock").await;
    op.run("SELECT inventory.deduct('A', 1); COMMIT").await;
    op.check("SELECT on_hand FROM inventory.stock_level", "0").await;
    // PL/pgSQL can tell refusals apart by their SQLSTATE.
    op.run(
        "DO $$ BEGIN PERFORM inventory.deduct('A', 1); RAISE 'not refused'; \
         EXCEPTION WHEN SQLSTATE 'IV001' THEN NULL; END $$",
    )
    .await;
    db.verify_is_clean().await;
}

async fn before_install_every_function_says_so(pg: Pg) {
    let db = pg.bare_database().await;
    let mut owner = db.owner().await;
    owner.run("CREATE EXTENSION pg_inventory").await;
    for call in [
        "put_product('A', 'n')",
        "put_warehouse(2, 'N', 'n')",
        "delete_product('A')",
        "delete_warehouse(2)",
        "receive('A', 1)",
        "deduct('A', 1)",
        "adjust('A', 1, 'r')",
        "recount('A', 1, 'r')",
        "transfer('A', 1, 1, 2)",
        "deduct_many(ARRAY[NULL]::uuid[], ARRAY['A'], ARRAY[1])",
        "next_order_no()",
        "next_order_id()",
        "verify()",
    ] {
        let refused = owner.refused(&format!("SELECT inventory.{call}")).await;
        assert_eq!(refused.sqlstate, "IV013", "{call}: {refused}");
        assert!(refused.hint.contains("inventory.install()"), "{call}: {refused}");
    }
    owner.run("SELECT inventory.install()").await;
    // The same session goes on where the tables now are.
    owner.run("SELECT inventory.put_product('A', 'n'); SELECT inventory.receive('A', 1)").await;
    owner.check("SELECT on_hand FROM inventory.deduct('A', 1)", "0").await;
    // An older layout is as good as none.
    owner.run("UPDATE inventory.installation SET layout = 0").await;
    let mut fresh = db.owner().await;
    fresh.check_refused("SELECT inventory.receive('A', 1)", "IV013", "").await;
}
