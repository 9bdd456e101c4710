//! Repairs: what the journal and the holds say takes the place of what is stored, under the lock of the row.

use super::Task;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::book::{Book, Papers, Told};
use inventory_core::command::{Action, Place, Truth};
use inventory_core::hold::HoldId;
use inventory_core::text::Label;
use inventory_core::{Code, Refusal};

/// For each repair among the tasks. Everything else is decided by what is stored.
pub fn read(
    spi: &Spi,
    tasks: &[Task],
    book: &mut Book,
    papers: &mut Papers,
) -> Result<(), Refusal> {
    for action in tasks.iter().filter_map(|task| Some(&task.command.as_ref().ok()?.action)) {
        match action {
            Action::Mend { place, lot, truth, .. } => {
                read_row(spi, book, place, lot.as_ref(), *truth)?;
            }
            Action::MendLease { lease, .. } => read_lease(spi, papers, *lease)?,
            _ => {}
        }
    }
    Ok(())
}

fn read_row(
    spi: &Spi,
    book: &mut Book,
    place: &Place,
    lot: Option<&Label>,
    truth: Truth,
) -> Result<(), Refusal> {
    told(spi, place, lot).map_or(Ok(()), |told| book.mend(place, lot, truth, told))
}

/// What the journal and the holds say of a row.
pub fn told(spi: &Spi, place: &Place, lot: Option<&Label>) -> Option<Told> {
    let args = Args::new().text(&place.sku).int4(place.warehouse_id.number());
    let told = spi.execute(plans::TOLD_OF_ROW.plan(spi), &args.text(lot.map_or("", |lot| &**lot)));
    told.first().map(|row| Told {
        on_hand: row.int8(1),
        reserved: row.int8(2),
        version: row.int8(3),
        next_expiry: row.maybe_moment(4),
        corrected: row.int8(5),
    })
}

fn read_lease(spi: &Spi, papers: &mut Papers, id: HoldId) -> Result<(), Refusal> {
    let Some(Ok(hold)) = papers.holds.get_mut(&id) else { return Ok(()) };
    let (Some(line), Some(lease)) = (hold.lines.first(), &mut hold.lease) else { return Ok(()) };
    let args = Args::new().text(&line.place.sku).uuid(&id.0);
    let told = spi.execute(plans::TOLD_OF_LEASE.plan(spi), &args);
    let granted = told.first().map_or(0, |row| row.int8(1));
    if granted == 0 {
        let detail = format!("the journal no longer tells of lease {}", id.text());
        return Err(Refusal::new(Code::UnknownReservation, detail));
    }
    lease.granted = granted;
    lease.sold = told.first().map_or(0, |row| row.int8(2));
    // To be written whatever is stored.
    lease.stored = -1;
    Ok(())
}
