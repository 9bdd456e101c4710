//! What an earlier run of the same record left behind.

use super::Opening;
use crate::error::{Error, Refused, Result};
use crate::store::Session;
use inventory_core::refusal::Code;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use uuid::Uuid;

const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
const CLAIM_INTERVAL: Duration = Duration::from_millis(100);

/// A movement's request id and its place in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub place: u64,
    pub request_id: Uuid,
}

/// What of this record the journal holds already.
#[derive(Debug, Default)]
pub struct History {
    /// Request id to its effect on on hand.
    known: HashMap<Uuid, i64>,
    /// The last place that had an effect: everything up to it was decided by an earlier run.
    decided_to: Option<u64>,
}

impl History {
    pub fn new(known: HashMap<Uuid, i64>, places: &[Place]) -> History {
        let decided_to =
            places.iter().filter(|p| known.contains_key(&p.request_id)).map(|p| p.place).max();
        History { known, decided_to }
    }

    /// Claims the record for this session, then asks the journal once; an empty one is not asked.
    /// Two runs at once would decide each other's refusals afresh.
    pub async fn read(
        session: &mut Session,
        record: Uuid,
        places: &[Place],
        openings: &[Opening],
    ) -> Result<History> {
        claim(session, record).await?;
        if !session.movements_exist().await? {
            return Ok(History::default());
        }
        let ids: Vec<Uuid> = places
            .iter()
            .map(|p| p.request_id)
            .chain(openings.iter().map(|o| o.request_id))
            .collect();
        Ok(History::new(session.known_requests(&ids).await?, places))
    }

    pub fn knows(&self, request_id: Uuid) -> bool {
        self.known.contains_key(&request_id)
    }

    /// Whether an earlier run came past this place.
    pub fn decided(&self, place: u64) -> bool {
        self.decided_to.is_some_and(|to| place <= to)
    }

    /// Whether an earlier run came past the opening.
    pub fn has_movements(&self) -> bool {
        self.decided_to.is_some()
    }

    /// A record has one opening. Another one now would mix two histories: refused before anything
    /// is written, as the engine would refuse each receipt.
    pub fn check_openings(&self, openings: &[Opening], opening: Option<i64>) -> Result<()> {
        let Some(opening) = opening else { return Ok(()) };
        let none_received = !openings.iter().any(|o| self.knows(o.request_id));
        let other = openings
            .iter()
            .filter_map(|o| self.known.get(&o.request_id).map(|qty| (o, *qty)))
            .find(|(o, qty)| *qty != o.line.qty);
        let detail = match other {
            Some((first, qty)) => format!(
                "this file was replayed before with --opening {qty} (seen at {:?}), now with --opening {opening}",
                first.line.sku
            ),
            None if none_received && self.has_movements() => format!(
                "this file was replayed before without --opening, now with --opening {opening}"
            ),
            None => return Ok(()),
        };
        Err(Error::Refused(Box::new(Refused {
            code: Code::RequestIdReused,
            message: "the opening stock of a file is received once".to_owned(),
            detail: Some(detail),
            hint: Some(
                "Nothing was changed. Run it again as the first time, or use a fresh database for another opening."
                    .to_owned(),
            ),
        })))
    }
}

/// Waits a while: the server may not have noticed yet that an earlier run was killed.
async fn claim(session: &mut Session, record: Uuid) -> Result<()> {
    let key = record.as_u64_pair().0 as i64;
    let until = Instant::now() + CLAIM_PATIENCE;
    while !session.claim_record(key).await? {
        if Instant::now() > until {
            return Err(Error::Refused(Box::new(Refused {
                code: Code::Busy,
                message: "another session is replaying the same record".to_owned(),
                detail: None,
                hint: Some("Wait until it is done, then run it again.".to_owned()),
            })));
        }
        tokio::time::sleep(CLAIM_INTERVAL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Line;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn opening(n: u128, qty: i64) -> Opening {
        let line = Line { sku: "A".into(), warehouse_id: 1, qty };
        Opening { request_id: id(n), line }
    }

    #[test]
    fn everything_up_to_the_last_effect_is_decided() {
        let places: Vec<_> =
            (1..=4).map(|n| Place { place: n * 10, request_id: id(n.into()) }).collect();
        let history = History::new(HashMap::from([(id(1), -1), (id(3), -1)]), &places);
        assert!(history.decided(20) && !history.knows(id(2)));
        assert!(history.decided(30));
        assert!(!history.decided(40));
        assert!(!History::default().decided(0));
    }

    #[test]
    fn another_opening_is_refused_and_says_which() {
        let places = [Place { place: 1, request_id: id(9) }];
        let ran_with_500 = History::new(HashMap::from([(id(1), 500), (id(9), -1)]), &places);
        assert!(ran_with_500.check_openings(&[opening(1, 500)], Some(500)).is_ok());
        assert!(ran_with_500.check_openings(&[], None).is_ok());
        let error = ran_with_500.check_openings(&[opening(1, 600)], Some(600)).unwrap_err();
        assert!(error.to_string().contains("--opening 500"), "{error}");

        let ran_without = History::new(HashMap::from([(id(9), -1)]), &places);
        let error = ran_without.check_openings(&[opening(1, 500)], Some(500)).unwrap_err();
        assert!(error.to_string().contains("without --opening"), "{error}");
    }

    #[test]
    fn an_opening_that_was_refused_for_some_is_no_other_opening() {
        let places = [Place { place: 1, request_id: id(9) }];
        let history = History::new(HashMap::from([(id(1), 500), (id(9), -1)]), &places);
        assert!(history.check_openings(&[opening(1, 500), opening(2, 500)], Some(500)).is_ok());
    }

    #[test]
    fn a_run_killed_while_it_received_the_opening_goes_on() {
        let history = History::new(HashMap::from([(id(1), 500)]), &[]);
        assert!(history.check_openings(&[opening(1, 500), opening(2, 500)], Some(500)).is_ok());
    }
}
