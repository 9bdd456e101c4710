//! Orders: made, started, completed, failed, reverted.

use super::stock::{Expired, check_lot};
use super::{About, Draft, Notice, Numbering};
use crate::command::{Line, Place, WarehouseId};
use crate::event::EventType;
use crate::hold::{HeldLine, HoldId, HoldState};
use crate::order::{self, Direction, Order, OrderDraft, OrderState, Step};
use crate::order_number::OrderNumber;
use crate::text::Label;
use crate::{Code, Refusal};

impl Draft<'_> {
    pub(super) fn create_order(&mut self, draft: &OrderDraft) -> Result<(), Refusal> {
        let catalogue = &self.book.catalogue;
        if !catalogue.warehouses.contains(&draft.warehouse_id) {
            return Err(WarehouseId::unknown(draft.warehouse_id.number()));
        }
        for line in &draft.lines {
            let unknown =
                || Refusal::new(Code::UnknownSku, format!("SKU {} does not exist", line.sku));
            let lot_controlled = *catalogue.products.get(&line.sku).ok_or_else(unknown)?;
            let place = Place { sku: line.sku.clone(), warehouse_id: draft.warehouse_id };
            // On the way out the engine picks the lots where none is named.
            if draft.direction == Direction::Inbound || line.lot.is_some() {
                check_lot(&place, lot_controlled, line.lot.as_ref())?;
            }
            if line.expires_on.is_some() && !lot_controlled {
                return Err(Refusal::invalid("expires_on goes with a lot"));
            }
        }
        self.decision.numbering = Numbering::Draw(draft.warehouse_id);
        self.state_changed(draft.direction, draft.warehouse_id, (None, OrderState::Pending), None);
        Ok(())
    }

    pub(super) fn move_order(
        &mut self,
        number: OrderNumber,
        step: Step,
        reason: Option<&Label>,
        new_hold: HoldId,
    ) -> Result<(), Refusal> {
        let mut order = self.book.papers.order(number)?.clone();
        let from = order.state;
        order.check(number, step.to())?;
        let why = reason.cloned().unwrap_or_else(|| Label::fixed("order"));
        match (order.direction, step, from) {
            (Direction::Outbound, Step::Start, _) => {
                self.hold(new_hold, &lines(&order, &why), None)?;
                order.hold = Some(new_hold);
            }
            (Direction::Outbound, Step::Complete, _) => {
                let (id, held) = self.held_for(&order)?;
                let all = held.iter().map(|l| l.quantity).sum();
                self.take_held(id, &held, all, &why)?;
                self.close(id, HoldState::Confirmed)?;
            }
            (Direction::Outbound, Step::Fail, OrderState::Processing) => {
                let (id, held) = self.held_for(&order)?;
                self.give_back(id, &held, EventType::StockReleased, &why)?;
                self.close(id, HoldState::Released)?;
            }
            (Direction::Outbound, Step::Revert, OrderState::Completed) => {
                self.bring_back(&order, &why)?;
            }
            (Direction::Inbound, Step::Complete, _) => {
                for (line, ordered) in lines(&order, &why).iter().zip(&order.lines) {
                    self.put_in(line, ordered.expires_on)?;
                }
            }
            (Direction::Inbound, Step::Revert, OrderState::Completed) => {
                for line in &lines(&order, &why) {
                    self.take_out(EventType::StockDeducted, line, Expired::Allowed)?;
                }
            }
            // What did not move or is free again needs nothing.
            _ => {}
        }
        (order.state, order.reason) = (step.to(), reason.cloned());
        self.state_changed(order.direction, order.warehouse_id, (Some(from), order.state), reason);
        self.decision.numbering = Numbering::Known(number);
        self.book.papers.orders.insert(number, Ok(order));
        Ok(())
    }

    /// What an outbound order under way holds.
    fn held_for(&self, order: &Order) -> Result<(HoldId, Vec<HeldLine>), Refusal> {
        let id = order.hold.ok_or_else(order::without_hold)?;
        Ok((id, self.book.papers.hold(id)?.lines.clone()))
    }

    /// Goods that went out with an order come back to the lots they came from.
    fn bring_back(&mut self, order: &Order, why: &Label) -> Result<(), Refusal> {
        let (_, taken) = self.held_for(order)?;
        for line in &taken {
            let at = self.row_of(line)?;
            self.move_units(EventType::StockReceived, &line.place, at, line.quantity, why)?;
        }
        Ok(())
    }

    fn state_changed(
        &mut self,
        direction: Direction,
        warehouse_id: WarehouseId,
        (from, to): (Option<OrderState>, OrderState),
        reason: Option<&Label>,
    ) {
        self.decision.notices.push(Notice {
            event: EventType::OrderStateChanged,
            warehouse_id,
            about: About::Order { direction, from, to },
            reason: reason.cloned(),
        });
    }
}

/// An order's lines as goods that are to move.
fn lines(order: &Order, reason: &Label) -> Vec<Line> {
    let line = |l: &order::OrderLine| Line {
        place: order.place(l),
        lot: l.lot.clone(),
        quantity: l.quantity,
        reason: reason.clone(),
    };
    order.lines.iter().map(line).collect()
}
