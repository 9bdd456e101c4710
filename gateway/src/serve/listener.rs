//! Takes connections: with limits on their number, heads and time, TLS where a certificate is
//! given, and an end that lets open requests finish.

use super::bare::Documented;
use super::patience::Patient;
use super::settings::ServeSettings;
use crate::error::{Error, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower::ServiceExt;

/// Bytes of a request's head, and headers in it.
const HEAD_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;
/// After an error that is nobody's connection's: no file descriptors, say.
const PAUSE: Duration = Duration::from_millis(50);

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

pub struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    permits: Arc<Semaphore>,
    builder: Arc<Builder<TokioExecutor>>,
    header_timeout: Duration,
    write_timeout: Duration,
}

impl Door {
    pub async fn bind(settings: &ServeSettings) -> Result<Door> {
        let listener = TcpListener::bind(settings.listen)
            .await
            .map_err(|cause| Error::usage(format!("--listen {}: {cause}", settings.listen)))?;
        let tls = match (&settings.tls_cert, &settings.tls_key) {
            (Some(chain), Some(key)) => Some(acceptor(chain, key)?),
            _ => None,
        };
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout())
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(settings.header_timeout()))
            .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX));
        let permits = usize::try_from(settings.max_connections).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Door {
            listener,
            tls,
            permits: Arc::new(Semaphore::new(permits)),
            builder: Arc::new(builder),
            header_timeout: settings.header_timeout(),
            write_timeout: settings.write_timeout(),
        })
    }

    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Until `closed` says so; then open requests have `deadline` to finish.
    pub async fn serve(
        self,
        router: Router,
        mut closed: watch::Receiver<bool>,
        deadline: Duration,
    ) {
        let graceful = Arc::new(GracefulShutdown::new());
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                _ = closed.wait_for(|closed| *closed) => break,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            let (builder, tls, router) = (self.builder.clone(), self.tls.clone(), router.clone());
            let (watcher, patience) = (graceful.watcher(), self.header_timeout);
            let stream = Patient::new(stream, self.write_timeout);
            tokio::spawn(async move {
                let _permit = permit;
                match tls {
                    None => talk(&builder, stream, peer, router, watcher, patience).await,
                    Some(tls) => {
                        // Who shakes hands slowly must not stay for ever either.
                        if let Ok(Ok(stream)) =
                            tokio::time::timeout(patience, tls.accept(stream)).await
                        {
                            talk(&builder, stream, peer, router, watcher, patience).await;
                        }
                    }
                }
            });
        }
        drop(self.listener);
        let Some(graceful) = Arc::into_inner(graceful) else { return };
        if tokio::time::timeout(deadline, graceful.shutdown()).await.is_err() {
            tracing::warn!("open requests did not finish in time and were cut off");
        }
    }

    async fn accept(&self) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                Some((stream, peer, permit))
            }
            Err(cause) => {
                tracing::warn!(%cause, "a connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                None
            }
        }
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    builder: &Builder<TokioExecutor>,
    stream: S,
    peer: SocketAddr,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
    patience: Duration,
) {
    let spoke = Arc::new(AtomicBool::new(false));
    let heard = spoke.clone();
    let service = router.map_request(move |request: Request<Incoming>| {
        spoke.store(true, Ordering::Relaxed);
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let connection = builder
        .serve_connection_with_upgrades(
            TokioIo::new(Documented::new(stream)),
            TowerToHyperService::new(service),
        )
        .into_owned();
    tokio::select! {
        // A client that breaks off or talks nonsense is its own affair.
        _ = watcher.watch(connection) => {}
        () = silence(&heard, patience) => {}
    }
}

/// Ends when there was no request in that time. The builder's own limit on heads begins only once it
/// knows which version is spoken, for which it waits without end.
async fn silence(heard: &AtomicBool, patience: Duration) {
    tokio::time::sleep(patience).await;
    if heard.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor> {
    let wrong = |path: &Path, cause: String| Error::usage(format!("{}: {cause}", path.display()));
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|cause| wrong(chain, cause.to_string()))?;
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|cause| wrong(key, cause.to_string()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, secret)
        .map_err(|cause| wrong(chain, cause.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
