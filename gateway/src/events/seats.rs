//! How many may listen, and how many of them for one principal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The places there are, and who sits in them.
pub struct Seats {
    all: usize,
    each: usize,
    taken: Mutex<HashMap<Arc<str>, usize>>,
}

/// Why somebody gets none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSeat {
    /// All are taken.
    Full,
    /// This principal has as many as one may have.
    Enough,
}

/// One that is taken, given back when dropped.
pub struct Seat {
    seats: Arc<Seats>,
    principal: Arc<str>,
}

impl Seats {
    /// `all` of them, of which one principal gets `each` at most.
    pub fn new(all: u32, each: u32) -> Arc<Seats> {
        let number = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        Arc::new(Seats { all: number(all), each: number(each), taken: Mutex::default() })
    }

    pub fn take(self: &Arc<Self>, principal: &Arc<str>) -> Result<Seat, NoSeat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.all {
            return Err(NoSeat::Full);
        }
        let own = taken.entry(principal.clone()).or_default();
        if *own >= self.each {
            return Err(NoSeat::Enough);
        }
        *own += 1;
        Ok(Seat { seats: self.clone(), principal: principal.clone() })
    }

    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_more_than_there_are() {
        let seats = Seats::new(3, 2);
        let (ann, bob): (Arc<str>, Arc<str>) = ("ann".into(), "bob".into());
        let first = seats.take(&ann).ok().unwrap();
        let _second = seats.take(&ann).ok().unwrap();
        assert_eq!(seats.take(&ann).err(), Some(NoSeat::Enough));
        let _third = seats.take(&bob).ok().unwrap();
        assert_eq!(seats.take(&bob).err(), Some(NoSeat::Full));
        drop(first);
        assert_eq!(seats.taken(), 2);
        assert!(seats.take(&bob).is_ok());
        assert_eq!(seats.taken.lock().unwrap().len(), 2, "who has left is forgotten");
    }
}
