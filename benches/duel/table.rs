//! The table on the terminal.

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use inventory_benches::Check;

use crate::score::{Outcome, Score};

pub fn table(results: &[Outcome]) -> Table {
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
        "wanted",
    ];
    table.set_header(headings.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut shown = None;
    for outcome in results {
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
    let lines: Vec<String> = outcome.checks.iter().map(verdict).collect();
    let color = match outcome.checks.as_slice() {
        [] => Color::Reset,
        checks if checks.iter().all(|check| check.met) => Color::Green,
        _ => Color::Red,
    };
    [
        Cell::new(format!("{:.2} x", outcome.ratio)),
        Cell::new(format!("{least:.2}–{most:.2}")),
        Cell::new(lines.join("\n")).fg(color),
    ]
}

fn verdict(check: &Check) -> String {
    let verdict = if check.met { "met" } else { "missed" };
    format!("{} {:.2}, {} {verdict}", check.what, check.value, check.wanted)
}
