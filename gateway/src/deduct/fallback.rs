//! Selling on while the database is away, from goods that it has set aside for this gateway: the lease
//! pool decides, the ledger writes down, and both are told to the database as soon as it is there.
//!
//! A sale goes: out of the pool, into the ledger and onto the disk, to the client as a token, and later
//! into the database under the request's own id. So a command that the database had carried out just
//! before it went away is settled as the repeat that it is.

use super::lease::{Errand, Held, Place, Pool as Leases};
use super::ledger::{LeaseEntry, Ledger, LedgerError, Limits, Recorded, Sale, Settlement};
use super::work::{Kind, Work};
use crate::error::{Error, Result};
use crate::store::{LeaseSales, LeaseWish, Pool, Session};
use inventory_core::text::Label;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

pub use super::lease::Settings as LeaseSettings;

/// What the database's books call these leases.
const PURPOSE: &str = "fallback";
/// Sales told of in one statement.
const TOGETHER: usize = 1_000;
/// What every sale says that names no other reason; another is not kept here.
const REASON: &str = "sale";
const HOLDER_FILE: &str = "holder";

pub struct Fallback {
    /// By which the database knows whose leases these are: the data directory's, not the process's.
    holder: String,
    ttl: Duration,
    store: Pool,
    ledger: Ledger,
    desk: Mutex<Desk>,
}

struct Desk {
    leases: Leases,
    /// Sales of a lease that are on their way to the disk.
    under_way: HashMap<Uuid, usize>,
}

/// A sale that was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token(pub Uuid);

/// How a promised sale stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Accepted,
    Completed { order_no: String },
    Refused { code: String, detail: String },
}

impl Fallback {
    /// Reads what was promised before, and goes on selling from the leases that are still good.
    pub fn open(
        folder: &Path,
        store: Pool,
        ttl: Duration,
        settings: LeaseSettings,
    ) -> Result<Fallback> {
        let wrong = |cause: LedgerError| Error::usage(format!("--journal-dir: {cause}"));
        let ledger = Ledger::open(folder, Limits::default()).map_err(wrong)?;
        let mut leases = Leases::new(settings);
        let (now, now_ms) = (Instant::now(), unix_ms());
        for standing in ledger.leases() {
            let lease = &standing.lease;
            let time_left = u64::try_from(lease.expires_at_ms - now_ms).unwrap_or(0);
            let until = now + Duration::from_millis(time_left);
            let place = Place { sku: lease.sku.as_str().into(), warehouse_id: lease.warehouse_id };
            leases.want(&place, 0, now);
            leases.taken(
                &place,
                Held { lease_id: lease.lease_id, left: standing.left(), since: now, until },
            );
        }
        let desk = Mutex::new(Desk { leases, under_way: HashMap::new() });
        Ok(Fallback { holder: holder(folder)?, ttl, store, ledger, desk })
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Units of a place that may be sold from leases now.
    pub fn left(&self, sku: &str, warehouse_id: i32) -> i64 {
        self.desk().leases.left(&Place { sku: sku.into(), warehouse_id }, Instant::now())
    }

    /// How many leases there are, and the units that may be sold from them now.
    pub fn held(&self) -> (usize, i64) {
        self.desk().leases.held(Instant::now())
    }

    /// Notes what is asked for, so that it can be set aside ahead of need.
    pub fn want(&self, work: &Work) {
        if let Some((place, units)) = for_sale(work) {
            self.desk().leases.want(&place, units, Instant::now());
        }
    }

    /// Sells one line from a lease, if there is one with as much; a request that was sold before is told
    /// its first token.
    pub async fn sell(&self, work: &Work) -> Option<Token> {
        if let Some(token) = self.token_of(work.request_id) {
            return Some(token);
        }
        let (place, units) = for_sale(work)?;
        let lease_id = {
            let mut desk = self.desk();
            let lease = desk.leases.sell(&place, units, Instant::now())?;
            *desk.under_way.entry(lease).or_default() += 1;
            lease
        };
        let token = Uuid::new_v4();
        let sale = Sale {
            token,
            lease_id,
            request_id: work.request_id,
            sku: place.sku.to_string(),
            warehouse_id: place.warehouse_id,
            quantity: units,
            operator: Some(work.operator.to_string()),
            trace_id: Some(work.trace_id.clone()),
            at_ms: unix_ms(),
        };
        let recorded = self.ledger.sold(sale).await;
        self.arrived(lease_id);
        match recorded {
            Ok(Recorded::New) => Some(Token(token)),
            Ok(Recorded::Known(first)) => Some(Token(first)),
            Err(error) => {
                tracing::error!(%error, "a sale could not be written down, and was not made");
                None
            }
        }
    }

    fn arrived(&self, lease: Uuid) {
        let mut desk = self.desk();
        if let Some(count) = desk.under_way.get_mut(&lease) {
            *count -= 1;
            if *count == 0 {
                desk.under_way.remove(&lease);
            }
        }
    }

    pub fn token_of(&self, request_id: Uuid) -> Option<Token> {
        self.ledger.token_of(request_id).map(Token)
    }

    pub fn standing(&self, token: &Token) -> Option<Standing> {
        let found = self.ledger.find(token.0)?;
        Some(match found.settlement {
            None => Standing::Accepted,
            Some(Settlement::Completed { order_no }) => Standing::Completed { order_no },
            Some(Settlement::Refused { code, detail }) => Standing::Refused { code, detail },
        })
    }

    /// Sales that the database has not been told of.
    pub fn waiting(&self) -> usize {
        self.ledger.waiting()
    }

    /// Gives the goods of these places back because somebody needs them now; whether there were any.
    pub async fn give_back(&self, work: &Work) -> Result<bool> {
        let now = Instant::now();
        let leases: Vec<Uuid> = {
            let mut desk = self.desk();
            let places = work
                .lines
                .iter()
                .map(|line| place(&line.place.sku, line.place.warehouse_id.number()));
            places.flat_map(|place| desk.leases.give_back(&place, now)).collect()
        };
        if leases.is_empty() {
            return Ok(false);
        }
        let mut session = self.store.session().await?;
        for lease in leases {
            self.end(&mut session, lease).await?;
        }
        Ok(true)
    }

    /// One round of what is to be done: to be called every moment while the database is there.
    pub async fn round(&self) -> Result<()> {
        let errands = self.desk().leases.errands(Instant::now());
        let unsettled = self.ledger.waiting() > 0;
        if errands.is_empty() && !unsettled {
            return Ok(());
        }
        let mut session = self.store.session().await?;
        for standing in self.ledger.leases() {
            self.settle(&mut session, standing.lease.lease_id).await?;
        }
        for errand in errands {
            self.run(&mut session, errand).await?;
        }
        Ok(())
    }

    async fn run(&self, session: &mut Session, errand: Errand) -> Result<()> {
        match errand {
            Errand::Take { place, units } => self.take(session, place, units).await,
            Errand::Renew { leases } => self.renew(session, &leases).await,
            Errand::Return { lease } => self.end(session, lease).await,
        }
    }

    async fn take(&self, session: &mut Session, place: Place, units: i64) -> Result<()> {
        // From before it was asked for, so that we believe in it no longer than the database does.
        let since = Instant::now();
        let wish = LeaseWish {
            sku: &place.sku,
            quantity: units,
            warehouse_id: place.warehouse_id,
            holder: &self.holder,
            purpose: PURPOSE,
            ttl: self.ttl,
            request_id: Uuid::new_v4(),
        };
        let taken = session.take_lease(&wish).await;
        let lease = match taken {
            Ok(lease) => lease,
            Err(error) => {
                self.desk().leases.not_taken(&place, Instant::now());
                return if error.refusal().is_some() { Ok(()) } else { Err(error) };
            }
        };
        let entry = LeaseEntry {
            lease_id: lease.lease_id,
            sku: place.sku.to_string(),
            warehouse_id: place.warehouse_id,
            purpose: PURPOSE.to_owned(),
            granted: lease.granted,
            generation: lease.generation,
            expires_at_ms: lease.expires_at.timestamp_millis(),
        };
        self.ledger.lease_taken(entry).await.map_err(told)?;
        let held =
            Held { lease_id: lease.lease_id, left: lease.granted, since, until: since + self.ttl };
        self.desk().leases.taken(&place, held);
        Ok(())
    }

    async fn renew(&self, session: &mut Session, leases: &[Uuid]) -> Result<()> {
        let since = Instant::now();
        for renewed in session.renew_leases(&self.holder, leases, self.ttl).await? {
            if renewed.state == "OPEN" {
                self.desk().leases.renewed(renewed.lease_id, since, since + self.ttl);
            } else {
                // Somebody gave it back for us, or the database is another one: nothing more from it.
                self.desk().leases.gone(renewed.lease_id);
                self.settle(session, renewed.lease_id).await?;
                self.ledger.lease_ended(renewed.lease_id).await.map_err(told)?;
            }
        }
        Ok(())
    }

    /// Tells of all its sales, then gives its rest back. What is still on its way to the disk goes first.
    async fn end(&self, session: &mut Session, lease: Uuid) -> Result<()> {
        let busy = self.desk().under_way.contains_key(&lease);
        let ended = match busy {
            true => Ok(false),
            false => self.settle_and_return(session, lease).await,
        };
        let mut desk = self.desk();
        match ended {
            Ok(true) => desk.leases.gone(lease),
            _ => desk.leases.not_returned(lease, Instant::now()),
        }
        ended.map(drop)
    }

    async fn settle_and_return(&self, session: &mut Session, lease: Uuid) -> Result<bool> {
        self.settle(session, lease).await?;
        match session.return_lease(lease, &self.holder).await {
            Ok(_) => {}
            // It is closed already, or of a database that is gone.
            Err(error) if error.refusal().is_some() => {}
            Err(error) => return Err(error),
        }
        self.ledger.lease_ended(lease).await.map_err(told)?;
        Ok(true)
    }

    /// Tells the database of what was sold from a lease, the oldest first.
    async fn settle(&self, session: &mut Session, lease: Uuid) -> Result<()> {
        loop {
            let sales = self.ledger.unsettled(lease, TOGETHER);
            if sales.is_empty() {
                return Ok(());
            }
            let ends = match self.tell(session, lease, &sales).await {
                Ok(ends) => ends,
                Err(error) => match error.refusal() {
                    // Of the lease as a whole: it is not there any more.
                    Some(refused) => {
                        let code = refused.code.as_str();
                        let detail = refused.in_short();
                        tracing::error!(%lease, code, detail, sales = sales.len(), "sales from a lease were refused");
                        sales.iter().map(|sale| (sale.token, refusal(code, detail))).collect()
                    }
                    None => return Err(error),
                },
            };
            self.ledger.settled(ends, unix_ms()).await.map_err(told)?;
        }
    }

    async fn tell(
        &self,
        session: &mut Session,
        lease: Uuid,
        sales: &[Sale],
    ) -> Result<Vec<(Uuid, Settlement)>> {
        let mut columns = LeaseSales::default();
        for sale in sales {
            columns.request_ids.push(sale.request_id);
            columns.quantities.push(sale.quantity);
            columns.operators.push(sale.operator.as_deref());
            columns.trace_ids.push(sale.trace_id.as_deref());
        }
        let settled = session.settle_lease(lease, &self.holder, &columns, true).await?;
        Ok(sales
            .iter()
            .zip(settled)
            .map(|(sale, end)| {
                let settlement = match (end.code.as_str(), end.order_no) {
                    ("ok", Some(order_no)) => Settlement::Completed { order_no },
                    (code, _) => refusal(code, &end.detail.unwrap_or_default()),
                };
                (sale.token, settlement)
            })
            .collect())
    }
}

/// What can be sold from a lease: one line without a lot, for the usual reason.
fn for_sale(work: &Work) -> Option<(Place, i64)> {
    let [line] = work.lines.as_slice() else { return None };
    let plain = work.kind == Kind::Deduct && line.lot.is_none() && &*line.reason == REASON;
    plain.then(|| (place(&line.place.sku, line.place.warehouse_id.number()), line.quantity.units()))
}

fn place(sku: &Label, warehouse_id: i32) -> Place {
    Place { sku: Arc::from(&**sku), warehouse_id }
}

fn refusal(code: &str, detail: &str) -> Settlement {
    Settlement::Refused { code: code.to_owned(), detail: detail.to_owned() }
}

fn told(error: LedgerError) -> Error {
    Error::Answer(error.to_string())
}

/// Made once for a data directory.
fn holder(folder: &Path) -> Result<String> {
    let path = folder.join(HOLDER_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        _ => {
            let fresh = format!("gateway-{}", Uuid::new_v4().simple());
            std::fs::write(&path, &fresh)?;
            Ok(fresh)
        }
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
