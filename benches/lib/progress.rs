//! How far it is: a bar on a terminal; a line for each phase where standard error is a file or a pipe.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::Result;

/// How often the bar moves while time passes.
const TICK: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
}

impl Progress {
    /// `unit` is what the bar counts.
    pub fn new(unit: &str) -> Result<Progress> {
        let plain = !std::io::stderr().is_terminal();
        let target =
            if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let template = format!(
            "[{{bar:32}}] {{human_pos}}/{{human_len}} {unit}  {{elapsed}} of about {{duration}}  {{msg}}"
        );
        let style = ProgressStyle::with_template(&template).map_err(std::io::Error::other)?;
        bar.set_style(style.progress_chars("=> "));
        Ok(Progress { bar, plain })
    }

    /// Says what is under way.
    pub fn say(&self, what: impl Into<String>) {
        let what = what.into();
        if self.plain {
            eprintln!("{what} …");
        }
        self.bar.set_message(what);
        self.bar.tick();
    }

    /// Begins something of so many steps.
    pub fn phase(&self, what: impl Into<String>, steps: u64) {
        self.bar.reset();
        self.bar.set_length(steps);
        self.say(what);
    }

    pub fn lengthen(&self, steps: u64) {
        self.bar.inc_length(steps);
    }

    pub fn inc(&self, steps: u64) {
        self.bar.inc(steps);
    }

    pub fn at(&self, step: u64) {
        self.bar.set_position(step);
    }

    /// Lets time pass; the phase counts seconds.
    pub fn wait(&self, time: Duration) {
        let (begun, before) = (Instant::now(), self.bar.position());
        while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
            std::thread::sleep(left.min(TICK));
            self.bar.set_position(before + begun.elapsed().as_secs());
        }
    }

    pub fn done(&self) {
        self.bar.finish_and_clear();
    }
}
