//! Settings of a database, a role or the server: those of the caller count where the caller decides, and
//! none keeps a committer from its work.

use inventory_tests::{Database, Pg, Session, User, preloaded};
use sqlx::ConnectOptions;

use crate::around::in_a_block;
use crate::plain::shop;

/// What could be in a committer's way if it heeded them.
const CONTRARY: [(&str, &str); 14] = [
    ("default_transaction_read_only", "on"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"),
    ("statement_timeout", "1ms"),
    ("lock_timeout", "1ms"),
    ("idle_in_transaction_session_timeout", "1ms"),
    ("session_replication_role", "replica"),
    ("search_path", "public"),
    ("role", "shop_reader"),
    ("row_security", "off"),
    ("plan_cache_mode", "force_custom_plan"),
    ("enable_indexscan", "off"),
    ("synchronous_commit", "off"),
    ("pg_inventory.lock_wait", "1ms"),
];

/// A caller who has their own way in all of it.
async fn caller(db: &Database) -> Session {
    let own = [
        ("default_transaction_read_only", "off"),
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "0"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("role", "none"),
        ("pg_inventory.lock_wait", "30s"),
    ];
    let mut options = db.options(User::Operator).options(own);
    if db.server.major >= 17 {
        options = options.options([("transaction_timeout", "0")]);
    }
    Session { connection: options.connect().await.unwrap() }
}

pub async fn no_setting_is_in_a_committers_way(pg: Pg) {
    let db = shop(&pg).await;
    // The committer comes as the superuser, whose own settings go before the database's.
    let superuser = User::Owner.name();
    for whose in
        [format!("DATABASE {}", db.name), format!("ROLE {superuser} IN DATABASE {}", db.name)]
    {
        let mut owner = Database::maintenance(&db.server).owner().await;
        let mut contrary = CONTRARY.to_vec();
        if pg.major >= 17 {
            contrary.push(("transaction_timeout", "1ms"));
        }
        for (name, value) in contrary {
            owner.run(&format!("ALTER {whose} SET {name} = '{value}'")).await;
        }
        let committer = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = '{}' AND backend_type = 'pg_inventory committer'",
            db.name
        );
        owner.run(&committer).await;
        let mut session = caller(&db).await;
        for call in [
            "deduct_now('LAMP', 1)",
            "reserve_now('LAMP', 1)",
            "deduct_now('SOUP', 1, request_id => gen_random_uuid())",
        ] {
            assert_eq!(in_a_block(&mut session, call).await, "ok", "{whose}: {call}");
        }
        owner.run(&format!("ALTER {whose} RESET ALL")).await;
    }
    let mut owner = db.owner().await;
    owner
        .check(
            "SELECT DISTINCT db_user FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'",
            "shop_operator",
        )
        .await;
    db.verify_is_clean().await;
}

/// What is answered is on disk, also where the server's commits are not: nobody writes its log for ten
/// seconds, and its processes die.
pub async fn an_answer_is_on_disk(pg: Pg) {
    let db = pg
        .private_database(|builder| {
            preloaded(builder)
                .setting("synchronous_commit", "off")
                .setting("wal_writer_delay", "10s")
                .setting("wal_writer_flush_after", "0")
                .setting("pg_inventory.committers", "0")
                .setting("pg_inventory.upkeep", "off")
        })
        .await;
    db.stock(&[("LAMP", 100)]).await;
    for (committers, left, told) in [(0, 99, "99|t"), (1, 98, "98|t")] {
        let mut owner = db.until_up(User::Owner).await;
        owner.run(&format!("ALTER SYSTEM SET pg_inventory.committers = {committers}")).await;
        owner.run("SELECT pg_reload_conf(); CHECKPOINT").await;
        let mut op = db.operator().await;
        while in_a_block(&mut op, "deduct_now('LAMP', 1000)").await
            != ["IV014", "IV001"][committers]
        {}
        let id = format!("request_id => '00000000-0000-4000-8000-{committers:012}'");
        let call = format!("SELECT on_hand, replayed FROM inventory.deduct_now('LAMP', 1, {id})");
        op.check(&call, &format!("{left}|f")).await;
        // And this one is lost, or the test could not tell.
        op.check("SELECT on_hand FROM inventory.deduct('LAMP', 1)", &format!("{}", left - 1)).await;
        db.server.kill();
        db.server.start_again();
        let mut op = db.until_up(User::Operator).await;
        op.check(&call, told).await;
        op.check("SELECT on_hand FROM inventory.stock_level", &left.to_string()).await;
        db.verify_is_clean().await;
    }
}

/// A committer takes in what a reload changes, like any session.
pub async fn a_reload_reaches_a_committer(pg: Pg) {
    let db = pg.private_database(preloaded).await;
    db.stock(&[("LAMP", 100)]).await;
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    assert_eq!(in_a_block(&mut op, "deduct_now('LAMP', 1)").await, "ok");
    owner.run("SET synchronous_commit = local").await;
    owner.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    owner.run("ALTER SYSTEM SET synchronous_commit = 'local'").await;
    owner.run("SELECT pg_reload_conf()").await;
    // Whoever still waited for the standby would wait for ever.
    owner.until("SELECT pg_sleep(0.1) IS NOT NULL AND current_setting('synchronous_standby_names') = 'nobody'").await;
    for _ in 0..20 {
        op.run("SET statement_timeout = '30s'; SELECT inventory.deduct_now('LAMP', 1)").await;
    }
    db.verify_is_clean().await;
}
