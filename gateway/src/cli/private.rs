//! A private PostgreSQL that a gateway can stand before: extension and tables, two logins that may do
//! no more than they must, and an admin key for the API. Passwords and key lie in the cluster's folder.

use super::screen::Screen;
use super::{init, secrets};
use crate::cluster::{self, Builder, Cluster, Error as ClusterError};
use crate::error::{Error, Result};
use crate::http::key::ApiKey;
use crate::store::{Database, NewKey, Session};
use chrono::Utc;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Group commit and the upkeep in the background need the library from the server's start on.
const PRELOADED: &str = "pg_inventory";
/// The database that is made.
pub const DATABASE: &str = "inventory";

/// Who the gateway is in the database: a login for stock, and one for products, warehouses and keys.
const OPERATOR: (&str, &str) = ("inventory_gateway", "inventory_operator");
const ADMINISTRATOR: (&str, &str) = ("inventory_gateway_admin", "inventory_admin");

/// Files in the cluster's folder.
const LOGINS_FILE: &str = "logins";
const KEY_FILE: &str = "api_key";
const KEY_NAME: &str = "local admin";

/// What a gateway needs to stand before it.
pub struct Furnished {
    pub operator_url: String,
    pub administrator_url: String,
    /// An admin key.
    pub api_key: String,
}

pub fn builder(pg_bin: &Path) -> Builder {
    Cluster::builder(pg_bin).database(DATABASE).setting("shared_preload_libraries", PRELOADED)
}

/// Where an admin key is kept.
pub fn key_file(home: &Path) -> PathBuf {
    home.join(KEY_FILE)
}

/// Starts it; PostgreSQL takes its time, other work goes on.
pub async fn start(builder: Builder) -> Result<Cluster> {
    blocking(move || builder.start()).await?.map_err(told)
}

/// Stops the server of one that ends with us, and removes it where it is temporary.
pub async fn end(cluster: Cluster) -> Result<()> {
    blocking(move || drop(cluster)).await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| Error::Answer(cause.to_string()))
}

/// Brings in what is missing; what is there stays as it is.
pub async fn furnish(
    cluster: &Cluster,
    patience: Duration,
    sample: bool,
    screen: &Screen,
) -> Result<Furnished> {
    let mut session = Database::new(&cluster.url(), patience)?.connect().await?;
    init::prepare(&mut session, screen).await?;
    if sample {
        init::load_sample(&mut session, screen).await?;
    }
    let [operator, administrator] = passwords(cluster.home())?;
    let api_key = admin_key(&mut session, cluster.home()).await?;
    for ((name, group), password) in [(OPERATOR, &operator), (ADMINISTRATOR, &administrator)] {
        session.put_login(name, password, group).await?;
    }
    session.close().await?;
    Ok(Furnished {
        operator_url: cluster.url_of(OPERATOR.0, &operator, DATABASE),
        administrator_url: cluster.url_of(ADMINISTRATOR.0, &administrator, DATABASE),
        api_key,
    })
}

/// Those of the two logins, drawn once.
fn passwords(home: &Path) -> Result<[String; 2]> {
    let path = home.join(LOGINS_FILE);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let of = |login: &str| {
        let line = kept.lines().find_map(|line| line.strip_prefix(login)?.strip_prefix('='));
        line.map_or_else(|| cluster::password().map_err(told), |known| Ok(known.to_owned()))
    };
    let both = [of(OPERATOR.0)?, of(ADMINISTRATOR.0)?];
    let text = format!("{}={}\n{}={}\n", OPERATOR.0, both[0], ADMINISTRATOR.0, both[1]);
    if text != kept {
        secrets::write(&path, &text)?;
    }
    Ok(both)
}

/// The one that was made before, while it is good; else a new one.
async fn admin_key(session: &mut Session, home: &Path) -> Result<String> {
    let path = key_file(home);
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if let Some(key) = ApiKey::parse(kept.trim()) {
        let known = session.api_keys().await?;
        let good = |at: Option<crate::store::Time>| at.is_none_or(|at| at > Utc::now());
        let holds = known.iter().any(|known| {
            known.key_id == key.id()
                && key.is(&known.key_hash)
                && good(known.revoked_at)
                && good(known.expires_at)
        });
        if holds {
            return Ok(key.reveal());
        }
    }
    let key = ApiKey::fresh();
    let new = NewKey {
        key_id: key.id(),
        name: KEY_NAME,
        role: "admin",
        key_hash: &key.hash(),
        expires_at: None,
    };
    session.create_api_key(&new).await?;
    secrets::write(&path, &format!("{}\n", key.reveal()))?;
    Ok(key.reveal())
}

pub fn told(error: ClusterError) -> Error {
    match error {
        ClusterError::NotStarted { .. } | ClusterError::NotStopped { .. } => Error::Unreachable {
            target: "the private PostgreSQL".to_owned(),
            cause: error.to_string(),
        },
        _ => Error::usage(error.to_string()),
    }
}
