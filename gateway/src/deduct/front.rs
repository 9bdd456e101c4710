//! The way of a deduction: past the door, to the database, and where that is away, to the goods set
//! aside for it.

use super::batch::{Desk, Failed};
use super::door::{Door, Verdict};
use super::fallback::{Fallback, Token};
use super::hot::Hot;
use super::known::Known;
use super::repeats::Repeats;
use super::work::{Done, Work};
use super::zeros::Zeros;
use inventory_core::command::Place;
use inventory_core::refusal::Code;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

pub struct Front {
    pub desk: Desk,
    pub fallback: Option<Fallback>,
    pub zeros: Zeros,
    pub hot: Hot,
    pub known: Known,
    pub repeats: Repeats,
    /// Redis, where there is one.
    pub door: Option<Arc<Door>>,
    /// SKUs that are promised from goods set aside at all times.
    pub tokens: HashSet<String>,
}

/// How a deduction went.
pub enum Sold {
    /// Decided by the database.
    Done(Done),
    /// Promised; the database hears of it later.
    Promised(Token),
}

impl Front {
    /// `repeatable`: its client chose the key, so it may have been carried out before, and only the
    /// database knows.
    pub async fn deduct(&self, work: Work, repeatable: bool) -> Result<Sold, Failed> {
        // A promise is kept under its token until the database knows of it, and after.
        if repeatable && let Some(token) = self.token_of(work.request_id) {
            return Ok(Sold::Promised(token));
        }
        let place = self.zeros.place(&work);
        if let Some(place) = &place {
            self.hot.note(place);
            if let Some(refused) = self.sold_out(place, &work, repeatable).await {
                return Ok(Sold::Done(refused));
            }
        }
        let Some(fallback) = &self.fallback else {
            return Ok(Sold::Done(self.ask(work, place).await?));
        };
        fallback.want(&work);
        if let Some(token) = self.promise(fallback, &work, place.as_ref()).await {
            return Ok(Sold::Promised(token));
        }
        match self.ask(work.clone(), place.clone()).await {
            Ok(done) if done.code() == Code::InsufficientStock.as_str() => {
                self.ask_again(fallback, work, place, done).await
            }
            Ok(done) => Ok(Sold::Done(done)),
            Err(failed) if failed.is_away() => {
                fallback.sell(&work).await.map(Sold::Promised).ok_or(failed)
            }
            Err(failed) => Err(failed),
        }
    }

    fn token_of(&self, request_id: Uuid) -> Option<Token> {
        self.fallback.as_ref()?.token_of(request_id)
    }

    /// The refusal of what cannot succeed now, and did not before.
    async fn sold_out(&self, place: &Place, work: &Work, repeatable: bool) -> Option<Done> {
        let refused = self.turn_away(place, work).await?;
        if !repeatable {
            return Some(refused);
        }
        if self.repeats.may_be(work.request_id).await {
            return None;
        }
        // To ask took its time, and a zero is soon old.
        self.turn_away(place, work).await
    }

    /// The refusal of what cannot succeed, without asking PostgreSQL again.
    async fn turn_away(&self, place: &Place, work: &Work) -> Option<Done> {
        if let Some(refused) = self.zeros.refuse(work) {
            return Some(refused);
        }
        let door = self.door.as_ref().filter(|_| self.hot.is(place))?;
        let units = work.lines.first()?.quantity.units();
        let refused = door.look(place, units).await == Verdict::Refuse;
        refused.then(|| Zeros::refusal(units))
    }

    /// Token mode: Redis counts the slice, the lease pool has the last word.
    async fn promise(
        &self,
        fallback: &Fallback,
        work: &Work,
        place: Option<&Place>,
    ) -> Option<Token> {
        let place = place.filter(|place| self.tokens.contains(&*place.sku))?;
        let units = work.lines.first()?.quantity.units();
        match self.door.as_ref()?.take(place, units).await {
            Verdict::Pass(Some(_)) => fallback.sell(work).await,
            // Not known, or used up: the database knows what there is beyond the slice.
            Verdict::Pass(None) | Verdict::Refuse => None,
        }
    }

    async fn ask(&self, work: Work, place: Option<Place>) -> Result<Done, Failed> {
        let asked = Instant::now();
        let lines = work.lines.clone();
        let done = self.desk.carry_out(work).await?;
        self.known.heard(&lines, &done.lines);
        if let Some(place) = place
            && let Some(fresh_for) = self.zeros.learn(&place, &done, asked)
            && self.hot.is(&place)
            && let Some(door) = self.door.clone()
        {
            tokio::spawn(async move { door.empty(&place, fresh_for).await });
        }
        Ok(done)
    }

    /// What is short may lie in our own leases: they go back, and the question is put once more.
    async fn ask_again(
        &self,
        fallback: &Fallback,
        work: Work,
        place: Option<Place>,
        refused: Done,
    ) -> Result<Sold, Failed> {
        match fallback.give_back(&work).await? {
            true => Ok(Sold::Done(self.ask(work, place).await?)),
            false => Ok(Sold::Done(refused)),
        }
    }

    /// Goods came in at a place.
    pub fn came_in(&self, place: &Place) {
        self.zeros.forget(place);
        if let Some(door) = self.door.clone().filter(|_| self.hot.is(place)) {
            let place = place.clone();
            tokio::spawn(async move { door.forget(&place).await });
        }
    }
}
