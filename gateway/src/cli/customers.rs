//! The end of `inventory demo`, which goes on: the sample shop's orders come in at the gateway again, one customer
//! after the other, for whoever watches them in the console.

use super::screen::{Screen, grouped};
use crate::client::Client;
use crate::error::{Error, Result};
use crate::replay::{Effect, Line, Movement};
use crate::sample;
use crate::store::{Caller, Goods, NewOrder, Step};
use serde_json::json;
use std::collections::VecDeque;
use std::time::Duration;

/// Between two customers: a busy shop, and still one can read what happens.
const PAUSE: Duration = Duration::from_millis(150);
/// Orders that are being packed, before the oldest of them leaves.
const PACKED: usize = 6;
/// One parcel in so many comes back.
const RETURNS: u64 = 25;
/// Units that a supplier brings where a customer found too few.
const DELIVERY: i64 = 48;

/// Over HTTP a caller is who has the key; and no customer comes twice.
const NOBODY: Caller = Caller { request_id: None, operator: None, trace_id: None };

/// Serves customers for so long, or until somebody presses Ctrl-C.
pub async fn serve(client: &Client, time: Duration, screen: &Screen) -> Result<()> {
    let mut counter = Counter { client, packed: VecDeque::new(), served: 0, refused: 0 };
    tokio::select! {
        ended = counter.serve() => ended?,
        () = tokio::time::sleep(time) => {}
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    let [served, refused] = [counter.served, counter.refused].map(|count| grouped(count as i64));
    screen
        .say(&format!("{served} customers served, {refused} of them in vain; the gateway goes on"))
}

/// Where customers stand in line.
struct Counter<'c> {
    client: &'c Client,
    packed: VecDeque<String>,
    served: u64,
    refused: u64,
}

impl Counter<'_> {
    /// Ends only with an error: the gateway is gone, or the key holds no more.
    async fn serve(&mut self) -> Result<()> {
        loop {
            for movement in sample::movements() {
                self.take(movement).await?;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn take(&mut self, movement: Movement) -> Result<()> {
        let Movement { name, reason, effect, .. } = movement;
        match effect {
            Effect::Receipt(line) => self.receive(&line, line.qty, &reason).await,
            Effect::WriteOff(line) => {
                let gone = self.client.adjust(&goods(&line), -line.qty, &reason, &NOBODY).await;
                unless_refused(gone).map(drop)
            }
            Effect::Order(lines) => {
                self.served += 1;
                let had = match lines.as_slice() {
                    [line] => self.sell(line, &reason).await?,
                    lines => self.order(lines, &name).await?,
                };
                if had { Ok(()) } else { self.turn_away(&lines).await }
            }
        }
    }

    /// One thing over the counter; whether it was there.
    async fn sell(&self, line: &Line, reason: &str) -> Result<bool> {
        let sold = self.client.deduct(&goods(line), line.qty, reason, &NOBODY).await;
        unless_refused(sold).map(|sold| sold.is_some())
    }

    /// Several, to be packed; whether they were there.
    async fn order(&mut self, lines: &[Line], name: &str) -> Result<bool> {
        let order = NewOrder {
            direction: "outbound".to_owned(),
            lines: lines.iter().map(|line| json!({"sku": line.sku, "qty": line.qty})).collect(),
            warehouse_id: lines.first().map_or(1, |line| line.warehouse_id),
            external_ref: Some(name.to_owned()),
        };
        let (_, taken) = self.client.create_order(&order, &NOBODY).await?;
        if unless_refused(self.step(&taken.order_no, Step::Start, None).await)?.is_none() {
            self.step(&taken.order_no, Step::Fail, Some("sold out")).await?;
            return Ok(false);
        }
        self.packed.push_back(taken.order_no);
        if self.packed.len() > PACKED
            && let Some(oldest) = self.packed.pop_front()
        {
            self.step(&oldest, Step::Complete, None).await?;
            if self.served.is_multiple_of(RETURNS) {
                self.step(&oldest, Step::Revert, Some("sent back")).await?;
            }
        }
        Ok(true)
    }

    async fn step(&self, order_no: &str, step: Step, reason: Option<&str>) -> Result<()> {
        self.client.move_order(order_no, step, reason, &NOBODY).await.map(drop)
    }

    /// The next customer shall find some.
    async fn turn_away(&mut self, lines: &[Line]) -> Result<()> {
        self.refused += 1;
        for line in lines {
            self.receive(line, DELIVERY, "delivery").await?;
        }
        Ok(())
    }

    async fn receive(&self, line: &Line, units: i64, reason: &str) -> Result<()> {
        self.client.receive(&goods(line), units, None, reason, &NOBODY).await.map(drop)
    }
}

fn goods(line: &Line) -> Goods {
    Goods { sku: line.sku.to_string(), warehouse_id: line.warehouse_id, lot: None }
}

/// None where the stock says no, which is no fault of the shop.
fn unless_refused<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
