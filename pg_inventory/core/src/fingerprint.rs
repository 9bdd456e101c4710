//! What a request id stands for: the kind of command with its normalised arguments.

use crate::command::{Action, Line, Place, Quantity, Truth};
use crate::hold::HoldId;
use crate::order::OrderDraft;
use crate::text::Label;
use sha2::{Digest, Sha256};

/// 128 bits of SHA-256 over a command's content: without operator and trace, so that a repeat by
/// another hand is a repeat.
pub type Fingerprint = [u8; 16];

/// Collects a content field by field; every field carries its length, so no two contents run together.
pub struct Content(Sha256);

impl Content {
    pub fn of(kind: &str) -> Content {
        Content(Sha256::new()).text(kind)
    }

    pub fn text(mut self, text: &str) -> Content {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    pub fn int(mut self, value: i64) -> Content {
        self.0.update(value.to_le_bytes());
        self
    }

    pub fn maybe_text(self, text: Option<&str>) -> Content {
        match text {
            Some(text) => self.int(1).text(text),
            None => self.int(0),
        }
    }

    pub fn maybe_int(self, value: Option<i64>) -> Content {
        match value {
            Some(value) => self.int(1).int(value),
            None => self.int(0),
        }
    }

    pub fn finish(self) -> Fingerprint {
        let digest = self.0.finalize();
        let mut print = Fingerprint::default();
        print.copy_from_slice(&digest[..16]);
        print
    }

    fn place(self, place: &Place) -> Content {
        self.text(&place.sku).int(place.warehouse_id.number().into())
    }

    fn hold(self, hold: HoldId) -> Content {
        self.text(&hold.text())
    }

    fn lot(self, lot: Option<&Label>) -> Content {
        self.maybe_text(lot.map(|l| &**l))
    }

    fn line(self, line: &Line) -> Content {
        self.place(&line.place).lot(line.lot.as_ref()).int(line.quantity.units()).text(&line.reason)
    }
}

/// The fingerprint of a command on stock. `deduct`, `try_deduct`, `deduct_now` and a one-line order
/// of `deduct_many` are the same action, so they are one kind.
pub fn of(action: &Action) -> Fingerprint {
    match action {
        Action::Receive { line, expires_on } => {
            Content::of("receive").line(line).maybe_int(expires_on.map(|d| d.0.into()))
        }
        Action::Deduct { lines } => deduction(lines),
        // However it came to be, a sale is one sale.
        Action::Sell { line, .. } => deduction(std::slice::from_ref(line)),
        Action::Adjust { place, lot, delta, reason } => {
            Content::of("adjust").place(place).lot(lot.as_ref()).int(delta.units()).text(reason)
        }
        Action::Recount { place, lot, counted, expected_version, reason } => Content::of("recount")
            .place(place)
            .lot(lot.as_ref())
            .int(counted.units())
            .maybe_int(*expected_version)
            .text(reason),
        Action::Transfer { line, to } => Content::of("transfer").line(line).place(to),
        // Not the id that it gets: a repeat brings another one.
        Action::Reserve { lines, ttl, .. } => lines
            .iter()
            .fold(Content::of("reserve").int(ttl.micros()).int(lines.len() as i64), Content::line),
        Action::Confirm { hold, quantity } => {
            Content::of("confirm").hold(*hold).maybe_int(quantity.map(Quantity::units))
        }
        Action::Release { hold, reason } => Content::of("release").hold(*hold).text(reason),
        Action::Expire { hold } => Content::of("expire").hold(*hold),
        Action::Lease { line, holder, purpose, ttl, .. } => {
            Content::of("lease").line(line).text(holder).text(purpose.as_str()).int(ttl.micros())
        }
        Action::ReturnLease { lease, .. } => Content::of("return_lease").hold(*lease),
        Action::Mend { place, lot, truth, reason } => {
            let content = Content::of("mend").place(place).lot(lot.as_ref()).text(reason);
            match truth {
                Truth::Stock => content.text("stock"),
                Truth::Journal => content.text("journal"),
                Truth::Level(level) => content.text("level").int(level.units()),
                Truth::Counted { apart, .. } => content.text("counted").int(*apart),
                Truth::Apart { delta, .. } => content.text("apart").int(delta.units()),
            }
        }
        Action::MendLease { lease, reason } => Content::of("mend_lease").hold(*lease).text(reason),
        Action::CreateOrder(draft) => order(draft),
        Action::MoveOrder { order, step, reason, .. } => {
            Content::of(step.as_str()).int(order.id()).maybe_text(reason.as_deref())
        }
    }
    .finish()
}

fn deduction(lines: &[Line]) -> Content {
    lines.iter().fold(Content::of("deduct").int(lines.len() as i64), Content::line)
}

fn order(draft: &OrderDraft) -> Content {
    let head = Content::of("create_order")
        .text(draft.direction.as_str())
        .int(draft.warehouse_id.number().into())
        .maybe_text(draft.external_ref.as_deref())
        .int(draft.lines.len() as i64);
    draft.lines.iter().fold(head, |content, line| {
        let content = content.text(&line.sku).lot(line.lot.as_ref()).int(line.quantity.units());
        content.maybe_int(line.expires_on.map(|d| d.0.into()))
    })
}
