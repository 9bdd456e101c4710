//! The gateway's own journal: what it sold from leases while it could not tell the database at once.
//!
//! A sale counts once it is on disk: whoever is told of it may rely on it, whatever happens to this
//! process. Many that come at the same time share one sync. One file, only ever added to; when most of it
//! is settled, what is left goes into the next file, and only then is the old one removed. So the newest
//! file always says all. Where a crash cut the last write off, that was a sale nobody was told of.
//!
//! `record` is what is written · `file` how · `book` what it comes to.

mod book;
mod file;
mod record;

pub use book::{Found, Standing};
pub use record::{LeaseEntry, Sale, Settlement};

use book::Book;
use file::{Cut, Folder, Journal};
use record::Record;
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("another gateway works with {0}: give each a data directory of its own")]
    Locked(String),
    #[error("{0} is no journal of this version: move it away only if all in it is settled")]
    Damaged(String),
    #[error("cannot keep the journal in {path}: {cause}")]
    Io { path: String, cause: String },
    /// After one that failed nobody knows what is on disk: a restart reads it again.
    #[error("a write to the journal failed: nothing can be sold from leases until a restart")]
    Broken,
}

/// What a journal says, read beside whoever writes it.
#[derive(Debug, Default)]
pub struct Peeked {
    pub holder: String,
    pub sales: Vec<Found>,
    pub leases: Vec<Standing>,
}

/// Reads the journal of a data directory and leaves it as it is; what is being written just now may be left
/// out.
pub fn peek(folder: &Path) -> Result<Peeked, LedgerError> {
    let mut book = Book::default();
    file::peek(folder, |record| book.apply(record))?;
    let holder = std::fs::read_to_string(folder.join("holder")).unwrap_or_default();
    let holder = holder.trim().to_owned();
    Ok(Peeked { holder, sales: book.sales(), leases: book.leases() })
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From how many bytes on a file is made anew without what is settled.
    pub compact_at: u64,
    /// How long the end of a settled sale can be asked for.
    pub keep_settled: Duration,
    /// Of how many at most.
    pub settled_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            compact_at: 16 << 20,
            keep_settled: Duration::from_secs(3_600),
            settled_max: 100_000,
        }
    }
}

/// What became of a sale that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is on disk.
    New,
    /// Its request was sold before: this is the token of that sale, and nothing was sold now.
    Known(Uuid),
}

/// Records that go to disk together, and who waits for them.
struct Job {
    records: Vec<Record>,
    done: oneshot::Sender<Recorded>,
}

/// Sales written with one sync at most.
const TOGETHER: usize = 4_096;

/// Ends when it is dropped, with all that was handed in written.
pub struct Ledger {
    jobs: Option<Sender<Job>>,
    book: Arc<Mutex<Book>>,
    broken: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
    cut: Cut,
}

impl Ledger {
    /// Opens the journal of a data directory, which is then this process's alone, and reads what is in it.
    pub fn open(folder: &Path, limits: Limits) -> Result<Ledger, LedgerError> {
        let folder = Folder::lock(folder)?;
        let mut book = Book::default();
        let (journal, cut) = folder.open(|record| book.apply(record))?;
        let book = Arc::new(Mutex::new(book));
        let broken = Arc::new(AtomicBool::new(false));
        let (jobs, receiver) = channel();
        let writer = Writer { journal, limits, book: book.clone(), broken: broken.clone() };
        let writer = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || writer.run(&receiver))
            .map_err(|cause| folder.failed(&cause))?;
        Ok(Ledger { jobs: Some(jobs), book, broken, writer: Some(writer), cut })
    }

    /// What the last process had begun to write and nobody was told of.
    pub fn cut(&self) -> Cut {
        self.cut
    }

    pub fn broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Writes a sale down. Once this has answered it is a promise.
    pub async fn sold(&self, sale: Sale) -> Result<Recorded, LedgerError> {
        self.write(vec![Record::Sale(sale)]).await
    }

    /// What the database said of sales.
    pub async fn settled(
        &self,
        ends: Vec<(Uuid, Settlement)>,
        at_ms: i64,
    ) -> Result<(), LedgerError> {
        let record =
            |(token, settlement): (Uuid, Settlement)| Record::Settled { token, settlement, at_ms };
        self.write(ends.into_iter().map(record).collect()).await.map(drop)
    }

    pub async fn lease_taken(&self, lease: LeaseEntry) -> Result<(), LedgerError> {
        self.write(vec![Record::Lease { lease, sold: 0 }]).await.map(drop)
    }

    /// It sells no more, and all its sales are settled.
    pub async fn lease_ended(&self, lease: Uuid) -> Result<(), LedgerError> {
        self.write(vec![Record::LeaseEnded(lease)]).await.map(drop)
    }

    async fn write(&self, records: Vec<Record>) -> Result<Recorded, LedgerError> {
        let (done, answer) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(LedgerError::Broken)?;
        jobs.send(Job { records, done }).map_err(|_| LedgerError::Broken)?;
        answer.await.map_err(|_| LedgerError::Broken)
    }

    /// A sale and how it ended, if it did.
    pub fn find(&self, token: Uuid) -> Option<Found> {
        self.read().find(token)
    }

    /// The token under which a request was sold.
    pub fn token_of(&self, request_id: Uuid) -> Option<Uuid> {
        self.read().token_of(request_id)
    }

    /// The leases that have not ended, and how much was sold from each.
    pub fn leases(&self) -> Vec<Standing> {
        self.read().leases()
    }

    /// Sales of a lease that the database has not been told of, the oldest first.
    pub fn unsettled(&self, lease: Uuid, most: usize) -> Vec<Sale> {
        self.read().unsettled(lease, most)
    }

    /// How many sales the database has not been told of.
    pub fn waiting(&self) -> usize {
        self.read().waiting()
    }

    fn read(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has broken the ledger already.
            let _ = writer.join();
        }
    }
}

/// The one thread that writes.
struct Writer {
    journal: Journal,
    limits: Limits,
    book: Arc<Mutex<Book>>,
    broken: Arc<AtomicBool>,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let more = jobs.try_iter().take(TOGETHER - 1);
            let together: Vec<Job> = std::iter::once(first).chain(more).collect();
            if let Err(cause) = self.serve(together) {
                tracing::error!(error = %cause, "the journal of sales cannot be written");
                self.broken.store(true, Ordering::Release);
                // Whoever waits finds its answer gone, and so does everybody after.
                return;
            }
        }
    }

    /// Writes, syncs, and only then answers.
    fn serve(&mut self, jobs: Vec<Job>) -> Result<(), LedgerError> {
        let (records, answers) = self.admit(jobs);
        self.journal.append(&records)?;
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        records.into_iter().for_each(|record| book.apply(record));
        book.forget(self.limits.keep_settled, self.limits.settled_max);
        drop(book);
        for (done, recorded) in answers {
            // A client that has gone does not take its sale with it.
            let _ = done.send(recorded);
        }
        self.compact()
    }

    /// What is to be written: a request is sold once, also where it comes twice at the same time.
    fn admit(&self, jobs: Vec<Job>) -> (Vec<Record>, Vec<(oneshot::Sender<Recorded>, Recorded)>) {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new: HashMap<Uuid, Uuid> = HashMap::new();
        let (mut records, mut answers) = (Vec::new(), Vec::with_capacity(jobs.len()));
        for job in jobs {
            let before = |sale: &Sale| {
                let id = sale.request_id;
                book.token_of(id).or_else(|| new.get(&id).copied())
            };
            if let Some(token) = job.records.iter().filter_map(Record::sale).find_map(before) {
                answers.push((job.done, Recorded::Known(token)));
                continue;
            }
            new.extend(
                job.records.iter().filter_map(Record::sale).map(|s| (s.request_id, s.token)),
            );
            records.extend(job.records);
            answers.push((job.done, Recorded::New));
        }
        (records, answers)
    }

    fn compact(&mut self) -> Result<(), LedgerError> {
        if !self.journal.is_over(self.limits.compact_at) {
            return Ok(());
        }
        let records = self.book.lock().unwrap_or_else(PoisonError::into_inner).records();
        self.journal.begin_anew(&records)
    }
}

#[cfg(test)]
mod tests;
