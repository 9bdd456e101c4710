//! From the first look at the settings to the last answer.

use super::app::App;
use super::listener::Door;
use super::settings::ServeSettings;
use super::{checkup, house, logs};
use crate::error::Result;
use crate::http;
use crate::relay;
use crate::saga::Coordinator;
use crate::store::Database;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where a service that has started is.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Listening {
    pub url: String,
}

/// Serves until a signal says stop; `started` hears where.
pub async fn run(
    settings: ServeSettings,
    operating: &Database,
    administering: &Database,
    started: impl FnOnce(&Listening) -> Result<()>,
) -> Result<()> {
    let telling = settings.telling()?;
    logs::start(settings.log_format, &settings.log, telling.as_ref())?;
    raise_file_limit();
    let door = Door::bind(&settings).await?;
    let (app, workers, reader) = App::new(settings.clone(), operating, administering)?;
    let mut house = tokio::task::JoinSet::new();
    house.spawn(house::keep(app.clone()));
    house.spawn(house::keep_books(app.clone()));
    house.spawn(house::keep_shadow(app.clone()));
    let (halt, halted) = watch::channel(false);
    let coordinating = Coordinator::new(&app, operating)?.map(|c| tokio::spawn(c.run(halted)));
    house.spawn(reader.run());
    house.spawn(checkup::keep_examining(app.clone()));
    house.spawn(checkup::keep_checking(app.clone()));
    let relaying = Relaying::start(&settings, &app);
    let listening = Listening { url: format!("{}://{}", door.scheme(), door.address()?) };
    if let Some(path) = &settings.address_file {
        std::fs::write(path, format!("{}\n", listening.url))?;
    }
    started(&listening)?;
    tracing::info!(url = listening.url, "listening");

    let (close, closed) = watch::channel(false);
    let deadline = Duration::from_millis(settings.shutdown_timeout_ms);
    let serving = tokio::spawn(door.serve(http::service(app.clone()), closed, deadline));
    let mut signals = Signals::new()?;
    signals.next().await;
    tracing::info!("going down: open requests finish first; a second signal ends them");
    let _ = halt.send(true);
    app.stop();
    tokio::select! {
        () = wind_up(&app, close, serving, coordinating) => {}
        () = signals.next() => tracing::warn!("ended at once by a second signal"),
    }
    house.shutdown().await;
    relaying.end().await;
    finish(app, workers).await;
    if let Some(telling) = telling {
        telling.end().await;
    }
    Ok(())
}

/// The relay beside the requests, where one was asked for.
struct Relaying(Option<(watch::Sender<bool>, tokio::task::JoinHandle<()>)>);

impl Relaying {
    fn start(settings: &ServeSettings, app: &App) -> Relaying {
        Relaying(settings.relay.then(|| {
            let (stop, stopped) = watch::channel(false);
            let relay =
                relay::run(settings.relaying.settings(), app.administering.clone(), stopped);
            (stop, tokio::spawn(relay))
        }))
    }

    /// Rounds that have begun are finished.
    async fn end(self) {
        if let Some((stop, task)) = self.0 {
            let _ = stop.send(true);
            let _ = task.await;
        }
    }
}

/// Out of readiness first, then out of connections and streams, then out of requests. Calls of sagas that
/// are under way may end meanwhile; what has not ended by then, whoever takes the saga up asks again.
async fn wind_up(
    app: &App,
    close: watch::Sender<bool>,
    serving: JoinHandle<()>,
    coordinating: Option<JoinHandle<()>>,
) {
    tokio::time::sleep(Duration::from_millis(app.settings.shutdown_delay_ms)).await;
    let _ = close.send(true);
    app.close_streams();
    let _ = serving.await;
    if let Some(coordinating) = coordinating {
        let patience = Duration::from_millis(app.settings.shutdown_timeout_ms);
        let _ = tokio::time::timeout(patience, coordinating).await;
    }
}

/// What was handed in is carried out, whoever still listens.
async fn finish(app: Arc<App>, workers: Vec<JoinHandle<()>>) {
    let (operating, administering) = (app.operating.clone(), app.administering.clone());
    drop(app);
    for worker in workers {
        // Each ends when its queue does; a hung database must not hold us.
        let _ = tokio::time::timeout(Duration::from_secs(2), worker).await;
    }
    let closing = async { tokio::join!(operating.close(), administering.close()) };
    let _ = tokio::time::timeout(Duration::from_secs(2), closing).await;
}

/// Of those that end a service.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn new() -> Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ten thousand connections need as many files; the soft limit is often a tenth of that.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
