//! The tables on the terminal: what was seen, and what was asked.

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};

use crate::outcome::Outcome;

pub fn sides(outcomes: &[Outcome]) -> Table {
    let headings = ["name", "side", "clients", "calls/s", "p50 ms", "p99 ms", "max ms"];
    let mut table = headed(&headings, 2);
    for outcome in outcomes {
        for (number, side) in outcome.sides.iter().enumerate() {
            table.add_row([
                Cell::new(if number == 0 { outcome.name } else { "" }),
                Cell::new(&side.what),
                Cell::new(side.clients),
                Cell::new(format!("{:.0}", side.calls_per_second)),
                Cell::new(format!("{:.2}", side.p50_ms)),
                Cell::new(format!("{:.2}", side.p99_ms)),
                Cell::new(format!("{:.1}", side.max_ms)),
            ]);
        }
    }
    table
}

pub fn checks(outcomes: &[Outcome]) -> Table {
    let mut table = headed(&["name", "figure", "value", "wanted", ""], 2);
    for outcome in outcomes {
        let mut name = outcome.name;
        for note in &outcome.notes {
            let value = format!("{} {}", short(note.value), note.unit);
            table.add_row([Cell::new(name), Cell::new(&note.what), Cell::new(value)]);
            name = "";
        }
        for check in &outcome.checks {
            let (verdict, color) =
                if check.met { ("met", Color::Green) } else { ("missed", Color::Red) };
            table.add_row([
                Cell::new(name),
                Cell::new(&check.what),
                Cell::new(short(check.value)),
                Cell::new(check.wanted),
                Cell::new(verdict).fg(color),
            ]);
            name = "";
        }
    }
    table
}

fn headed(headings: &[&str], texts: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(headings.iter().map(|text| Cell::new(text).add_attribute(Attribute::Bold)));
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Whole where the fraction says nothing.
fn short(value: f64) -> String {
    if value.abs() >= 1_000.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
