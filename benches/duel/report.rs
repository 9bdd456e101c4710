//! The table on the terminal and `bench.json`.

use std::path::Path;

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use serde::Serialize;

use crate::error::Result;
use crate::machine::Machine;
use crate::score::{Outcome, Score};

#[derive(Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub postgresql: String,
    pub results: Vec<Outcome>,
}

impl Report {
    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }

    /// The targets that were not reached, by name.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.results.iter().filter(|outcome| outcome.met == Some(false));
        missed
            .map(|o| format!("{} {} against {}", o.name, o.variant.name(), o.against.side))
            .collect()
    }

    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        let headings = [
            "name",
            "tables",
            "side",
            "clients",
            "accepted/s",
            "p50 ms",
            "p99 ms",
            "WAL B",
            "CPU µs",
            "ours is",
            "slices",
            "target",
        ];
        table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut shown = None;
        for outcome in &self.results {
            let key = (outcome.name, outcome.variant.name());
            if shown != Some(key) {
                table.add_row(side_cells(key, &outcome.ours));
                shown = Some(key);
            }
            let mut cells = side_cells(("", ""), &outcome.against);
            cells.extend(verdict_cells(outcome));
            table.add_row(cells);
        }
        table
    }
}

fn side_cells((name, variant): (&str, &str), score: &Score) -> Vec<Cell> {
    vec![
        Cell::new(name),
        Cell::new(variant),
        Cell::new(score.side),
        Cell::new(score.clients),
        Cell::new(format!("{:.0}", score.accepted_per_second)),
        Cell::new(format!("{:.2}", score.p50_ms)),
        Cell::new(format!("{:.2}", score.p99_ms)),
        Cell::new(format!("{:.0}", score.wal_bytes_per_accepted)),
        Cell::new(format!("{:.1}", score.cpu_seconds_per_accepted * 1e6)),
    ]
}

fn verdict_cells(outcome: &Outcome) -> [Cell; 3] {
    let least = outcome.ratio_per_slice.iter().copied().fold(f64::INFINITY, f64::min);
    let most = outcome.ratio_per_slice.iter().copied().fold(0.0, f64::max);
    let verdict = match (outcome.target, outcome.met) {
        (Some(target), Some(true)) => Cell::new(format!("≥ {target} met")).fg(Color::Green),
        (Some(target), _) => Cell::new(format!("≥ {target} missed")).fg(Color::Red),
        (None, _) => Cell::new("-"),
    };
    [
        Cell::new(format!("{:.2} x", outcome.ratio)),
        Cell::new(format!("{least:.2}–{most:.2}")),
        verdict,
    ]
}
