//! Tables for people, JSON for programs.

use crate::error::{Error, Result};
use comfy_table::{CellAlignment, ContentLineStyle, LineStyle, Table, TableStyle};
use serde::Serialize;
use std::io::Write;

/// How psql draws its tables: people who use the one read the other.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction('|'))
    .header_separator(LineStyle::none().fill('-').junction('+'))
    .content_lines(ContentLineStyle::none().junction('|'));

pub struct Screen {
    json: bool,
}

/// A column of a table of `T`.
pub struct Column<T> {
    title: &'static str,
    alignment: CellAlignment,
    cell: fn(&T) -> String,
}

pub const fn text<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, alignment: CellAlignment::Left, cell }
}

pub const fn number<T>(title: &'static str, cell: fn(&T) -> String) -> Column<T> {
    Column { title, alignment: CellAlignment::Right, cell }
}

impl Screen {
    pub fn new(json: bool) -> Screen {
        Screen { json }
    }

    /// For a part of a command whose whole has its own answer.
    pub fn silent() -> Screen {
        Screen { json: true }
    }

    pub fn is_json(&self) -> bool {
        self.json
    }

    /// A table, or an array of objects.
    pub fn list<T: Serialize>(&self, rows: &[T], columns: &[Column<T>]) -> Result<()> {
        if self.json {
            return self.json(&rows);
        }
        let mut table = table(rows, columns);
        let count = match rows.len() {
            1 => "(1 row)".to_owned(),
            n => format!("({} rows)", grouped(n as i64)),
        };
        table.push('\n');
        table.push_str(&count);
        write(&table)
    }

    /// The same without the count of rows, inside a longer text.
    pub fn table<T>(&self, rows: &[T], columns: &[Column<T>]) -> Result<()> {
        if self.json { Ok(()) } else { write(&table(rows, columns)) }
    }

    /// One object for programs, one sentence or paragraph for people.
    pub fn answer<T: Serialize>(&self, value: &T, for_people: &str) -> Result<()> {
        if self.json { self.json(value) } else { write(for_people) }
    }

    /// A line that only people need.
    pub fn say(&self, line: &str) -> Result<()> {
        if self.json { Ok(()) } else { write(line) }
    }

    pub fn json<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|cause| Error::Answer(cause.to_string()))?;
        write(&text)
    }
}

fn table<T>(rows: &[T], columns: &[Column<T>]) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(columns.iter().map(|c| c.title));
    for row in rows {
        table.add_row(columns.iter().map(|c| visible((c.cell)(row))));
    }
    for (at, column) in columns.iter().enumerate() {
        if let Some(drawn) = table.column_mut(at) {
            drawn.set_cell_alignment(column.alignment);
        }
    }
    table.trim_fmt()
}

/// No text out of the database may move the terminal's cursor.
pub fn visible(text: String) -> String {
    if text.chars().any(char::is_control) {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    } else {
        text
    }
}

fn write(text: &str) -> Result<()> {
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}

/// 1234567 as `1,234,567`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The value, or nothing where it is absent.
pub fn or_blank<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(-1000), "-1,000");
        assert_eq!(grouped(i64::MIN), "-9,223,372,036,854,775,808");
    }

    #[test]
    fn tables_look_like_those_of_psql() {
        let rows = [("A", 5), ("Lamp\u{1b}[2J", 1200)];
        let drawn = table(
            &rows,
            &[text("sku", |r: &(&str, i32)| r.0.to_owned()), number("qty", |r| r.1.to_string())],
        );
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines[0].trim_end(), " sku      |  qty");
        assert!(lines[1].starts_with("----------+-"), "{drawn}");
        assert!(drawn.ends_with("1200") && !drawn.contains('\u{1b}'), "{drawn}");
    }
}
