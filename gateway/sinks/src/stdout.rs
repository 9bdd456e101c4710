//! Standard output: a line an event.

use std::io::Write;

use crate::{Down, Event, Outcome};

/// Waits until the last line has left this process.
pub async fn deliver(source: &str, events: &[Event]) -> Result<Vec<Outcome>, Down> {
    let mut lines = Vec::new();
    for event in events {
        lines.extend(event.cloud_event(source));
        lines.push(b'\n');
    }
    let written = tokio::task::spawn_blocking(move || {
        let mut out = std::io::stdout().lock();
        out.write_all(&lines).and_then(|()| out.flush())
    });
    match written.await {
        Ok(Ok(())) => Ok(vec![Outcome::Delivered; events.len()]),
        Ok(Err(error)) => Err(Down::because(format!("standard output: {error}"))),
        Err(error) => Err(Down::because(format!("standard output: {error}"))),
    }
}
