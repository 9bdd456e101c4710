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

    /// Waits for the answers to all of these: delivered or refused, one an event, in order.
    async fn answers(&mut self, sent: Vec<(&Event, Self::Receipt)>) -> Result<Vec<Outcome>, Down>;
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
            settle(pipe, &mut under_way, tally).await?;
        }
        if tally.holds_back(at) {
            continue;
        }
        match pipe.send(event, event.cloud_event(source)).await {
            Ok(Sent::UnderWay(receipt)) => under_way.push((at, event, receipt)),
            Ok(Sent::Refused(reason)) => tally.note(at, Outcome::Refused(reason)),
            Err(down) => {
                // What was sent before may have arrived all the same.
                let _ = settle(pipe, &mut under_way, tally).await;
                return Err(down);
            }
        }
        if !pipe.trusts(event) {
            settle(pipe, &mut under_way, tally).await?;
        }
    }
    settle(pipe, &mut under_way, tally).await
}

/// Waits for what is under way: where each event stands in the batch, itself, and its receipt.
async fn settle<P: Pipe>(
    pipe: &mut P,
    under_way: &mut Vec<(usize, &Event, P::Receipt)>,
    tally: &mut Tally<'_>,
) -> Result<(), Down> {
    let places: Vec<usize> = under_way.iter().map(|(at, ..)| *at).collect();
    let sent = under_way.drain(..).map(|(_, event, receipt)| (event, receipt)).collect();
    let answers = pipe.answers(sent).await;
    let outcomes = answers.as_ref().unwrap_or_else(|down| &down.decided);
    for (at, outcome) in places.into_iter().zip(outcomes) {
        tally.note(at, outcome.clone());
    }
    answers.map(drop)
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

        async fn answers(&mut self, sent: Vec<(&Event, usize)>) -> Result<Vec<Outcome>, Down> {
            let refuses = |at: &usize| self.refuses.contains(at);
            let outcome = |at| if refuses(&at) { Outcome::Refused("no".into()) } else { Delivered };
            let last = self.goes_at.unwrap_or(usize::MAX);
            let all = sent.len();
            let before = sent.into_iter().map(|(_, at)| at).take_while(|at| *at < last);
            let decided: Vec<Outcome> = before.map(outcome).collect();
            if decided.len() == all {
                Ok(decided)
            } else {
                Err(Down { decided, ..Down::because("gone") })
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
