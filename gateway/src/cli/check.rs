//! `inventory check`

use super::screen::{Screen, text};
use super::settings::Settings;
use crate::error::{Error, Result};
use crate::store::Violation;

pub async fn run(settings: &Settings) -> Result<()> {
    let violations = settings.connect().await?.verify().await?;
    let screen = settings.screen();
    if violations.is_empty() {
        return screen.answer(&violations, "sound: every invariant holds");
    }
    show(&screen, &violations)?;
    Err(Error::Unsound(violations.len()))
}

pub fn show(screen: &Screen, violations: &[Violation]) -> Result<()> {
    screen.list(
        violations,
        &[
            text("check", |v: &Violation| v.check_name.clone()),
            text("subject", |v| v.subject.clone()),
            text("expected", |v| v.expected.clone()),
            text("actual", |v| v.actual.clone()),
        ],
    )
}
