//! `create_api_key`, `api_keys`, `revoke_api_key`, `touch_api_keys`.

use inventory_tests::Pg;

const KEYS: &str = "SELECT key_id, name, role, key_hash = sha256(key_id::bytea), expires_at IS NULL, \
    last_used_at AT TIME ZONE 'UTC', revoked_at IS NULL FROM inventory.api_keys() ORDER BY key_id";

pub async fn keys_come_are_used_and_go(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin
        .check(
            "SELECT * FROM inventory.create_api_key('a1', 'Till 1', 'operator', sha256('a1'))",
            "ok|t",
        )
        .await;
    admin
        .run("SELECT inventory.create_api_key('b2', 'Board', 'reader', sha256('b2'), now() + interval '1 day')")
        .await;
    admin.check(KEYS, "a1|Till 1|operator|t|t|null|t\nb2|Board|reader|t|f|null|t").await;
    let touch = |at: &str| {
        format!(
            "SELECT inventory.touch_api_keys(ARRAY['b2', 'none', 'a1'], array_fill('{at}'::timestamptz, ARRAY[3]))"
        )
    };
    admin.check(&touch("2026-01-02 00:00Z"), "2").await;
    admin.check(&touch("2026-01-01 00:00Z"), "0").await;
    admin.check(&touch("2026-01-03 00:00Z"), "2").await;
    admin.check("SELECT * FROM inventory.revoke_api_key('b2')", "ok|t").await;
    admin.check("SELECT * FROM inventory.revoke_api_key('b2')", "ok|f").await;
    admin
        .check(KEYS, "a1|Till 1|operator|t|t|2026-01-03 00:00:00|t\nb2|Board|reader|t|f|2026-01-03 00:00:00|f")
        .await;
    // A key that somebody is revoking is not waited for.
    let mut other = db.admin().await;
    other.run("BEGIN; SELECT inventory.revoke_api_key('a1')").await;
    admin.check(&touch("2026-01-04 00:00Z"), "1").await;
    other.run("COMMIT").await;
    for sql in ["SELECT inventory.api_keys()", "SELECT * FROM inventory.api_key"] {
        db.operator().await.check_refused(sql, "42501", "").await;
    }
    db.verify_is_clean().await;
}

pub async fn keys_that_make_no_sense_are_refused(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.create_api_key('a1', 'Till 1', 'operator', sha256('a1'))").await;
    for (key, detail) in [
        ("'A1', 'n', 'reader', sha256('x')", "key_id must have 1 to 32"),
        ("'', 'n', 'reader', sha256('x')", "key_id must have 1 to 32"),
        ("NULL, 'n', 'reader', sha256('x')", "key_id must not be NULL"),
        ("'b', '', 'reader', sha256('x')", "name must have 1 to 200"),
        ("'b', 'n', 'root', sha256('x')", "role must be reader"),
        ("'b', 'n', 'reader', 'short'", "key_hash must have 32 bytes"),
        ("'b', 'n', 'reader', NULL", "key_hash must not be NULL"),
        ("'b', 'n', 'reader', sha256('x'), now()", "expires_at must be in the future"),
        ("'a1', 'n', 'reader', sha256('x')", "key a1, or its hash"),
        ("'b', 'n', 'reader', sha256('a1')", "key b, or its hash"),
    ] {
        admin
            .check_refused(&format!("SELECT inventory.create_api_key({key})"), "IV004", detail)
            .await;
    }
    admin.check_refused("SELECT inventory.revoke_api_key('b')", "IV004", "there is no key b").await;
    let uneven = "SELECT inventory.touch_api_keys(ARRAY['a1'], ARRAY[]::timestamptz[])";
    admin.check_refused(uneven, "IV004", "the arrays must have").await;
    admin.check("SELECT count(*) FROM inventory.api_keys()", "1").await;
}
