//! Every statement the gateway sends is prepared against the real schema, on every PostgreSQL that
//! `INVENTORY_TEST_PG` names (`15=<bin folder>,18=<bin folder>`); without it there is nothing to ask.

use inventory_gateway::cluster::Cluster;
use inventory_gateway::store::statements;
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr};

const NAMED_BY: &str = "INVENTORY_TEST_PG";

#[tokio::test]
async fn every_statement_fits_the_schema() {
    let named = std::env::var(NAMED_BY).unwrap_or_default();
    if named.is_empty() {
        eprintln!("skipped: {NAMED_BY} names no PostgreSQL");
    }
    for bin_dir in named.split(',').filter_map(|pair| pair.split_once('=')).map(|(_, dir)| dir) {
        let cluster = Cluster::builder(bin_dir).setting("fsync", "off").start().unwrap();
        let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
        for sql in
            [statements::CREATE_EXTENSION, "SELECT inventory.install()", statements::SCRATCH_SETUP]
        {
            sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        }
        // Several statements in one, which the protocol does not prepare; it has just been run.
        for (file, sql) in
            statements::ALL.iter().filter(|(_, sql)| *sql != statements::SCRATCH_SETUP)
        {
            let prepared = connection.prepare(sql.into_sql_str()).await;
            assert!(prepared.is_ok(), "{file}.sql: {}", prepared.err().unwrap());
        }
        connection.close().await.unwrap();
    }
}
