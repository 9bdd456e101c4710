//! A database of one's own, with the extension in it, and the people who use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::servers::Server;
use crate::session::Session;

/// Who connects. All but the owner are ordinary login roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The superuser who installed the extension and owns all of it.
    Owner,
    Admin,
    Operator,
    Reader,
    /// Somebody with an account and no role of ours.
    Stranger,
}

impl User {
    pub fn name(self) -> &'static str {
        match self {
            User::Owner => inventory_gateway::cluster::SUPERUSER,
            User::Admin => "shop_admin",
            User::Operator => "shop_operator",
            User::Reader => "shop_reader",
            User::Stranger => "shop_stranger",
        }
    }
}

/// The login roles and what each is a member of.
pub(crate) const USERS: [(&str, Option<&str>); 4] = [
    ("shop_admin", Some("inventory_admin")),
    ("shop_operator", Some("inventory_operator")),
    ("shop_reader", Some("inventory_reader")),
    ("shop_stranger", None),
];

/// One database of a server; dropped with the server.
#[derive(Clone)]
pub struct Database {
    pub server: Arc<Server>,
    pub name: String,
}

static NEXT: AtomicU32 = AtomicU32::new(1);

impl Database {
    /// The server's own first database, where others are made.
    pub fn maintenance(server: &Arc<Server>) -> Database {
        Database { server: server.clone(), name: "postgres".into() }
    }

    /// A copy of this one, as it is now. Nobody may be connected.
    pub async fn cloned(&self) -> Database {
        Database::create(self.server.clone(), &self.name).await
    }

    /// A fresh one, cloned from the server's template with the extension and its tables.
    pub async fn create(server: Arc<Server>, template: &str) -> Database {
        let name = format!("shop_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name} TEMPLATE {template}");
        Database::maintenance(&server).owner().await.run(&create).await;
        Database { server, name }
    }

    pub async fn owner(&self) -> Session {
        self.session(User::Owner).await
    }

    pub async fn admin(&self) -> Session {
        self.session(User::Admin).await
    }

    pub async fn operator(&self) -> Session {
        self.session(User::Operator).await
    }

    pub async fn reader(&self) -> Session {
        self.session(User::Reader).await
    }

    pub async fn session(&self, user: User) -> Session {
        match self.try_session(user).await {
            Ok(session) => session,
            Err(error) => panic!("no connection as {} to {}: {error}", user.name(), self.name),
        }
    }

    /// For servers that may be away.
    pub async fn try_session(&self, user: User) -> Result<Session, sqlx::Error> {
        let connection = self.options(user).connect().await?;
        Ok(Session { connection })
    }

    /// Several sessions of operators.
    pub async fn operators(&self, count: usize) -> Vec<Session> {
        let mut sessions = Vec::with_capacity(count);
        for _ in 0..count {
            sessions.push(self.operator().await);
        }
        sessions
    }

    pub fn options(&self, user: User) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .host(&self.server.host)
            .port(self.server.port())
            .username(user.name())
            .password(&self.server.password)
            .database(&self.name)
            .ssl_mode(PgSslMode::Disable)
            .application_name("inventory-tests")
    }

    /// The form that other programs take.
    pub fn url(&self, user: User) -> String {
        self.server.url(user, &self.name)
    }

    /// Puts products on sale in the main warehouse, each with that many units.
    pub async fn stock(&self, goods: &[(&str, i64)]) {
        let mut admin = self.admin().await;
        for (sku, units) in goods {
            admin.run(&format!("SELECT inventory.put_product('{sku}', 'Product {sku}')")).await;
            if *units > 0 {
                admin.run(&format!("SELECT inventory.receive('{sku}', {units})")).await;
            }
        }
    }

    /// Asserts that every invariant holds.
    #[track_caller]
    pub fn verify_is_clean(&self) -> impl Future<Output = ()> + use<'_> {
        let place = std::panic::Location::caller();
        async move {
            let faults = self.owner().await.text("SELECT * FROM inventory.verify()").await;
            assert_eq!(faults, "", "at {place}: verify() finds faults");
        }
    }

    /// A digest of every row of every table of the schema: two are equal where nothing changed.
    pub async fn digest(&self) -> String {
        let mut owner = self.owner().await;
        let tables = owner
            .text(
                "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'r' \
                 AND relnamespace = 'inventory'::regnamespace ORDER BY relname",
            )
            .await;
        assert!(tables.lines().count() > 5, "the schema has tables");
        let parts: Vec<_> = tables
            .lines()
            .map(|t| {
                format!(
                    "SELECT '{t} ' || count(*) || ' ' || coalesce(md5(string_agg(t::text, '/' ORDER BY t::text)), '') \
                     FROM inventory.{t} AS t"
                )
            })
            .collect();
        // Tables may be read side by side: in which order they end is nobody's promise.
        owner.text(&format!("{} ORDER BY 1", parts.join(" UNION ALL "))).await
    }
}
