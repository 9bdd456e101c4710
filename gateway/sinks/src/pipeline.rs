//! Many messages under way at once: all of a batch are sent before the first is answered for.

use crate::tally::Tally;
use crate::{Down, Event, Outcome};

/// Messages under way at once.
pub const WINDOW: usize = 1_000;

/// A connection that takes messages in order and answers for each later.
pub trait Pipe {
    /// Stands for the answer to come.
    type Receipt;

    /// Whether this event is sure enough to be taken that others may be sent behind it unanswered.
    fn trusts(&self, _event: &Event) -> bool {
        true
    }

    async fn send(&mut self, event: &Event, body: Vec<u8>) -> Result<Sent<Self::Receipt>, Down>;

    /// Waits for the answer: delivered or refused.
    async fn answer(&mut self, event: &Event, receipt: Self::Receipt) -> Result<Outcome, Down>;
}

pub enum Sent<Receipt> {
    UnderWay(Receipt),
    /// It cannot be sent, and why.
    Refused(String),
}

pub async fn deliver<P: Pipe>(
    pipe: &mut P,
    source: &str,
    events: &[Event],
) -> Result<Vec<Outcome>, Down> {
    let mut tally = Tally::of(events);
    match send_all(pipe, source, events, &mut tally).await {
        Ok(()) => Ok(tally.finish()),
        Err(down) => Err(tally.down(down)),
    }
}

async fn send_all<P: Pipe>(
    pipe: &mut P,
    source: &str,
    events: &[Event],
    tally: &mut Tally<'_>,
) -> Result<(), Down> {
    let mut under_way = Vec::new();
    for (at, event) in events.iter().enumerate() {
        if under_way.len() == WINDOW || !pipe.trusts(event) {
            settle(pipe, events, &mut under_way, tally).await?;
        }
        if tally.holds_back(at) {
            continue;
        }
        match pipe.send(event, event.cloud_event(source)).await {
            Ok(Sent::UnderWay(receipt)) => under_way.push((at, receipt)),
            Ok(Sent::Refused(reason)) => tally.note(at, Outcome::Refused(reason)),
            Err(down) => {
                // What was sent before may have arrived all the same.
                let _ = settle(pipe, events, &mut under_way, tally).await;
                return Err(down);
            }
        }
        if !pipe.trusts(event) {
            settle(pipe, events, &mut under_way, tally).await?;
        }
    }
    settle(pipe, events, &mut under_way, tally).await
}

/// Waits for what is under way, in order.
async fn settle<P: Pipe>(
    pipe: &mut P,
    events: &[Event],
    under_way: &mut Vec<(usize, P::Receipt)>,
    tally: &mut Tally<'_>,
) -> Result<(), Down> {
    for (at, receipt) in under_way.drain(..) {
        if let Some(event) = events.get(at) {
            tally.note(at, pipe.answer(event, receipt).await?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::event;
    use Outcome::{Behind, Delivered};

    /// Takes all but what is named; goes away at the n-th.
    #[derive(Default)]
    struct Broker {
        refuses: Vec<usize>,
        goes_at: Option<usize>,
        trusting: bool,
        sent: Vec<String>,
    }

    impl Pipe for Broker {
        type Receipt = usize;

        fn trusts(&self, _event: &Event) -> bool {
            self.trusting
        }

        async fn send(&mut self, event: &Event, _body: Vec<u8>) -> Result<Sent<usize>, Down> {
            self.sent.push(event.sku.clone().unwrap());
            Ok(Sent::UnderWay(self.sent.len() - 1))
        }

        async fn answer(&mut self, _event: &Event, at: usize) -> Result<Outcome, Down> {
            match self.goes_at {
                Some(last) if at >= last => Err(Down::because("gone")),
                _ if self.refuses.contains(&at) => Ok(Outcome::Refused("no".into())),
                _ => Ok(Delivered),
            }
        }
    }

    async fn sent(broker: &mut Broker, skus: &[&str]) -> Result<Vec<Outcome>, Down> {
        let events: Vec<Event> = skus.iter().map(|sku| event(sku)).collect();
        deliver(broker, "/shop", &events).await
    }

    #[tokio::test]
    async fn nothing_goes_behind_what_may_be_refused() {
        let mut broker = Broker { refuses: vec![0], ..Broker::default() };
        let outcomes = sent(&mut broker, &["a", "a", "b", "a"]).await.unwrap();
        assert_eq!(outcomes, [Outcome::Refused("no".into()), Behind, Delivered, Behind]);
        assert_eq!(broker.sent, ["a", "b"]);
    }

    #[tokio::test]
    async fn what_is_known_before_it_went_away_is_told() {
        let mut broker = Broker { goes_at: Some(2), trusting: true, ..Broker::default() };
        let down = sent(&mut broker, &["a", "b", "a", "b"]).await.unwrap_err();
        assert_eq!(down, Down { decided: vec![Delivered, Delivered], ..Down::because("gone") });
        assert_eq!(broker.sent.len(), 4, "all were under way");
    }
}
