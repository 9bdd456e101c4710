//! The second pass: movements, one after another.

use super::rows::{Row, Rows};
use super::survey::WAREHOUSE;
use super::{Identity, Survey, text};
use crate::error::{Error, Result};
use crate::replay::{Effect, Line, Movement};
use std::collections::HashMap;
use std::sync::Arc;

/// Lines kept of one order: one more than the engine takes, so that it refuses a longer one by its
/// own rule and memory stays bounded.
const LINES_KEPT: usize = 10_001;

/// Reasons where the file gives none.
const RETURN: &str = "return";
const WRITE_OFF: &str = "write-off";

/// Streams the record. Holds only orders whose last line is still to come (674 lines at most in the
/// sample year).
pub struct Movements<'s> {
    survey: &'s Survey,
    rows: Option<Rows>,
    open: HashMap<Arc<str>, Vec<Line>>,
}

impl<'s> Movements<'s> {
    pub fn of(survey: &'s Survey) -> Result<Movements<'s>> {
        let rows = Some(Rows::open(&survey.path)?);
        Ok(Movements { survey, rows, open: HashMap::new() })
    }

    fn next_movement(&mut self) -> Result<Option<Movement>> {
        let Some(rows) = self.rows.as_mut() else { return Ok(None) };
        while let Some(row) = rows.next_row()? {
            if let Some(movement) = take(self.survey, &mut self.open, &row)? {
                return Ok(Some(movement));
            }
        }
        let read_now = self.rows.take().map(|rows| Identity::of(&rows.content_hash()));
        if read_now.is_some_and(|identity| identity != self.survey.identity) {
            return Err(changed(self.survey));
        }
        Ok(None)
    }
}

impl Iterator for Movements<'_> {
    type Item = Result<Movement>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_movement().transpose()
    }
}

/// The movement that this row completes, if any.
fn take(
    survey: &Survey,
    open: &mut HashMap<Arc<str>, Vec<Line>>,
    row: &Row<'_>,
) -> Result<Option<Movement>> {
    let sku = survey.sku(row.sku).ok_or_else(|| changed(survey))?.clone();
    let line = Line { sku, warehouse_id: WAREHOUSE, qty: row.quantity.abs() };
    if row.quantity < 0 {
        return Ok(Some(single(survey, row, line)));
    }
    if row.quantity == 0 {
        return Ok(None);
    }
    let (invoice, complete_at) = survey.order_of(row.invoice).ok_or_else(|| changed(survey))?;
    let lines = open.entry(invoice.clone()).or_default();
    if lines.len() < LINES_KEPT {
        lines.push(line);
    }
    if row.number < complete_at {
        return Ok(None);
    }
    let lines = open.remove(row.invoice).unwrap_or_default();
    Ok(Some(Movement {
        place: row.number,
        request_id: survey.identity.order(invoice),
        name: invoice.clone(),
        reason: text::order_reason(row.invoice, row.date, row.customer),
        operator: None,
        trace_id: None,
        effect: Effect::Order(lines),
    }))
}

/// A return or a write-off.
fn single(survey: &Survey, row: &Row<'_>, line: Line) -> Movement {
    let (reason, effect) = if row.invoice.starts_with('C') {
        (RETURN.to_owned(), Effect::Receipt(line))
    } else {
        let reason = text::label(row.description).unwrap_or_else(|| WRITE_OFF.to_owned());
        (reason, Effect::WriteOff(line))
    };
    Movement {
        place: row.number,
        request_id: survey.identity.line(row.invoice, row.number),
        name: row.invoice.into(),
        reason,
        operator: text::identifier(row.customer),
        trace_id: text::identifier(row.invoice),
        effect,
    }
}

fn changed(survey: &Survey) -> Error {
    Error::usage(format!(
        "{}: the file changed while it was being replayed; what was sent so far stands",
        survey.path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const HEADER: &str =
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n";

    fn survey(body: &str) -> (tempfile::TempDir, Survey) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.csv");
        std::fs::write(&path, format!("{HEADER}{body}")).unwrap();
        let survey = Survey::of(&path).unwrap();
        (folder, survey)
    }

    fn movements(survey: &Survey) -> Vec<Movement> {
        Movements::of(survey).unwrap().collect::<Result<_>>().unwrap()
    }

    #[test]
    fn an_invoice_is_one_order_where_its_last_line_stands() {
        let (_folder, survey) = survey(
            "1,A,Lamp,2,2009-12-01 07:45:00,1,13085,UK\n\
             2,B,Cup,1,2009-12-01 07:46:00,1,,UK\n\
             1,A,Lamp,3,2009-12-01 07:45:00,1,13085,UK\n\
             1,b,cup,4,2009-12-01 07:45:00,1,13085,UK\n",
        );
        let got = movements(&survey);
        assert_eq!(
            got.iter().map(|m| (m.place, &*m.name)).collect::<Vec<_>>(),
            [(2, "2"), (4, "1")]
        );
        let lines: Vec<_> = got[1].lines().iter().map(|l| (&*l.sku, l.qty)).collect();
        assert_eq!(lines, [("A", 2), ("A", 3), ("b", 4)]);
        assert_eq!(got[1].reason, "invoice 1 of 2009-12-01, customer 13085");
        assert_eq!(survey.sku_count(), 3, "B and b are two stock codes");
        let places: Vec<_> = survey.places();
        assert!(
            got.iter()
                .all(|m| places.iter().any(|p| p.place == m.place && p.request_id == m.request_id))
        );
    }

    #[test]
    fn negative_lines_are_returns_on_c_invoices_and_write_offs_elsewhere() {
        let long = "x".repeat(70);
        let (_folder, survey) = survey(&format!(
            "C9,A,Lamp,-2,,1,17,UK\n8,A,{long},-3,,0,,UK\n8,A,,-1,,0,,UK\nC9,M,Manual,1,,1,,UK\nA7,B,Adjust bad debt,1,,-5,,UK\n"
        ));
        let got = movements(&survey);
        assert!(matches!(&got[0].effect, Effect::Receipt(l) if l.qty == 2));
        assert_eq!((got[0].reason.as_str(), got[0].operator.as_deref()), ("return", Some("17")));
        assert_eq!(got[0].trace_id.as_deref(), Some("C9"));
        assert!(matches!(&got[1].effect, Effect::WriteOff(l) if l.qty == 3));
        assert_eq!(got[1].reason, "x".repeat(64));
        assert_eq!(got[2].reason, "write-off");
        assert!(matches!(&got[3].effect, Effect::Order(l) if l.len() == 1));
        assert!(matches!(&got[4].effect, Effect::Order(l) if &*l[0].sku == "B"));
    }

    #[test]
    fn stock_codes_keep_their_blanks_and_names_come_from_sales() {
        let (_folder, survey) = survey("1,47503J ,damaged,-1,,0,,UK\n2,47503J , BOX ,5,,1,,UK\n");
        let plan = survey.plan(Some(7));
        assert_eq!(plan.products.len(), 1);
        assert_eq!((&*plan.products[0].sku, plan.products[0].name.as_str()), ("47503J ", "BOX"));
        assert_eq!(plan.openings[0].line.qty, 7);
        assert!(survey.plan(None).openings.is_empty());
    }

    #[test]
    fn a_packed_file_is_the_same_record() {
        let (folder, plain) = survey("1,A,Lamp,2,,1,,UK\n");
        let packed = folder.path().join("no-suffix");
        let file = std::fs::File::create(&packed).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        encoder.write_all(&std::fs::read(&plain.path).unwrap()).unwrap();
        encoder.finish().unwrap();
        let packed = Survey::of(&packed).unwrap();
        assert_eq!(packed.identity, plain.identity);
        assert_eq!(movements(&packed), movements(&plain));
    }

    #[test]
    fn a_file_that_cannot_be_read_as_a_whole_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bad.csv");
        std::fs::write(&path, format!("{HEADER}1,A,Lamp,2,,1,,UK\n1,A,Lamp,two,,1,,UK\n")).unwrap();
        let error = Survey::of(&path).unwrap_err();
        assert!(error.to_string().contains("line 3: quantity \"two\""), "{error}");
        assert_eq!(error.exit_code(), 2);
        std::fs::write(&path, "Invoice,Quantity\n").unwrap();
        assert!(Survey::of(&path).unwrap_err().to_string().contains("StockCode"));
        assert_eq!(Survey::of(&folder.path().join("none")).unwrap_err().exit_code(), 2);
    }
}
