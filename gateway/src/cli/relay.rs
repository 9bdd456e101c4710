//! `inventory relay`: tells sinks what the journal says.

use super::settings::Settings;
use crate::error::Result;
use crate::relay::{self, RelayArgs as HowArgs};
use crate::serve::lifecycle::Signals;
use crate::serve::logs::{self, LogFormat};
use clap::Args;
use tokio::sync::watch;

#[derive(Args)]
#[command(after_help = "\
Works as a database user in inventory_admin: whoever tells sinks reads their passwords. Run as many as
you like: they share the sinks, and take over from one that died. `inventory serve --relay` does the
same beside the requests.

Example:
  inventory sink add audit redis://127.0.0.1:6379/inventory
  inventory relay --database-url postgresql://relay@localhost/shop")]
pub struct RelayArgs {
    #[command(flatten)]
    how: HowArgs,

    /// What to log: `warn`, or by module as `info,inventory_gateway::relay=debug`
    #[arg(long, env = "INVENTORY_LOG", default_value = "info", value_name = "FILTER")]
    log: String,

    /// How
    #[arg(long, env = "INVENTORY_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

pub async fn run(settings: &Settings, args: RelayArgs) -> Result<()> {
    logs::start(args.log_format, &args.log, None)?;
    let pool = settings.database()?.lazy_pool(&args.how.pool());
    let how = args.how.settings();
    let mut signals = Signals::new()?;
    let (stop, stopped) = watch::channel(false);
    tracing::info!(relay = how.name, "relaying");
    let relaying = tokio::spawn(relay::run(how, pool.clone(), stopped));
    signals.next().await;
    tracing::info!("going down: rounds that have begun finish first; a second signal ends them");
    let _ = stop.send(true);
    tokio::select! {
        _ = relaying => {}
        () = signals.next() => tracing::warn!("ended at once by a second signal"),
    }
    pool.close().await;
    Ok(())
}
