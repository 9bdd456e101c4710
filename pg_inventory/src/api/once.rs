//! Commands that are none on stock happen once per request id, too.

use crate::engine::{self, Claim, Patience};
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::plans;
use crate::session::{self, Session};
use inventory_core::Refusal;
use inventory_core::command::Origin;
use inventory_core::fingerprint::Fingerprint;

/// What a command on master data answers.
#[derive(Clone, Copy)]
pub struct Done {
    /// Whether it made or changed what its answer tells of.
    pub created: bool,
    pub replayed: bool,
}

/// What a command on master data has to happen once by.
#[derive(Clone, Default)]
pub struct Once {
    pub origin: Origin,
    fingerprint: Fingerprint,
    /// Rows of the journal that come with it.
    movements: usize,
}

/// Runs a command on master data once per request id. The effect locks what it is about, claims the
/// id, and only then changes anything: so a repeat waits for the first and changes nothing.
pub fn once(
    origin: Origin,
    fingerprint: Fingerprint,
    effect: impl Fn(&Spi, &Session, &Once) -> Result<Done, Refusal>,
) -> Result<Done, Refusal> {
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let once = Once { origin, fingerprint, movements: 0 };
        match effect(spi, &session, &once) {
            // A refusal may be the echo of this very request's effect.
            Err(refusal) => once.first(spi)?.ok_or(refusal),
            done => done,
        }
    })
}

impl Once {
    /// The same, with so many rows of the journal.
    pub fn with(&self, movements: usize) -> Once {
        Once { movements, ..self.clone() }
    }

    /// Claims the id. When it is taken: the first answer, and nothing may be changed.
    pub fn claim(&self, spi: &Spi) -> Result<Option<Done>, Refusal> {
        let Some(id) = self.origin.request_id else { return Ok(None) };
        let claim = Claim {
            id,
            fingerprint: self.fingerprint,
            order: None,
            levels: vec![0],
            movements: i32::try_from(self.movements).unwrap_or(i32::MAX),
            hold: None,
        };
        while claim.insert(spi, server::now()).is_empty() {
            if let Some(first) = self.first(spi)? {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// The answer to keep for repeats.
    pub fn answer(&self, spi: &Spi, created: bool) -> Done {
        if let Some(id) = self.origin.request_id.filter(|_| created) {
            let args = Args::new().uuid(&id.0).int8s([Some(1)].into_iter());
            spi.execute(plans::ANSWER_REQUEST.plan(spi), &args);
        }
        Done { created, replayed: false }
    }

    /// The first answer, where the id's effect is there.
    fn first(&self, spi: &Spi) -> Result<Option<Done>, Refusal> {
        let Some((_, known)) =
            self.origin.request_id.and_then(|id| engine::look_up(spi, &[id]).pop())
        else {
            return Ok(None);
        };
        if known.fingerprint != self.fingerprint {
            return Err(engine::reused());
        }
        Ok(Some(Done { created: known.levels.first() == Some(&1), replayed: true }))
    }
}
