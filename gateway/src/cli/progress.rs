//! A progress bar on a terminal; a line every tenth where standard error is a file or a pipe.

use crate::replay::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct Bar {
    bar: ProgressBar,
    plain: bool,
    total: u64,
    done: AtomicU64,
    stage: Mutex<String>,
}

impl Bar {
    /// `quiet` shows nothing: for `--json`.
    pub fn new(total_lines: u64, quiet: bool) -> Bar {
        Bar::of("lines", total_lines, quiet)
    }

    /// The same for whatever else is gone through.
    pub fn of(unit: &str, total_lines: u64, quiet: bool) -> Bar {
        let terminal = std::io::stderr().is_terminal();
        let target = if quiet || !terminal {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(Some(total_lines), target);
        let template = format!(
            "{{msg:<14}} [{{bar:32}}] {{human_pos}}/{{human_len}} {unit}  {{per_sec}}  {{eta}} left"
        );
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar {
            bar,
            plain: !quiet && !terminal,
            total: total_lines,
            done: AtomicU64::new(0),
            stage: Mutex::new(String::new()),
        }
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn stage(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        // The time before the first line is no measure of the lines' speed.
        self.bar.reset_eta();
        if let Ok(mut stage) = self.stage.lock() {
            *stage = what.to_owned();
        }
        if self.plain {
            eprintln!("{what} …");
        }
    }

    fn lines(&self, more: u64) {
        self.bar.inc(more);
        let before = self.done.fetch_add(more, Ordering::Relaxed);
        let tenth = |lines: u64| (lines * 10).checked_div(self.total).unwrap_or(0);
        if self.plain && tenth(before + more) > tenth(before) {
            let stage = self.stage.lock().map(|s| s.clone()).unwrap_or_default();
            eprintln!("{stage} {} %", tenth(before + more) * 10);
        }
    }
}
