//! How records lie in a file: each framed by its length and a CRC, one after another.
//!
//! ```text
//! "INVLEDG1" | length u32 | crc32 u32 | record | length | crc32 | record | …      (little endian)
//! ```

use super::LedgerError;
use super::record::Record;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MAGIC: &[u8; 8] = b"INVLEDG1";
/// Bytes of a record at most: what claims to be longer is none.
const RECORD_MAX: usize = 64 << 10;
const FRAME: usize = 8;
/// Whoever had the folder before may not be quite gone: a process that it had just begun holds its lock
/// until it has its own program.
const LOCK_PATIENCE: Duration = Duration::from_secs(1);
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// What was cut off the end of a file: a write that a crash interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    pub bytes: u64,
}

/// A data directory that is ours alone.
pub struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    pub fn lock(path: &Path) -> Result<Folder, LedgerError> {
        let failed = |cause: io::Error| io_error(path, &cause);
        fs::create_dir_all(path).map_err(failed)?;
        let open =
            OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = open.map_err(failed)?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Folder { path: path.to_owned(), lock }),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LedgerError::Locked(path.display().to_string()));
                }
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            }
        }
    }

    pub fn failed(&self, cause: &io::Error) -> LedgerError {
        io_error(&self.path, cause)
    }

    /// Reads the newest file, cuts off what is not whole, and removes what was before it.
    pub fn open(&self, each: impl FnMut(Record)) -> Result<(Journal, Cut), LedgerError> {
        let lock = self.lock.try_clone().map_err(|cause| self.failed(&cause))?;
        let numbers = self.tidy().map_err(|cause| self.failed(&cause))?;
        let folder = self.path.clone();
        let Some(newest) = numbers.iter().max().copied() else {
            let file = make(&folder, 1, &[]).map_err(|cause| self.failed(&cause))?;
            let size = MAGIC.len() as u64;
            return Ok((
                Journal { folder, _lock: lock, number: 1, file, size, begun: size },
                Cut::default(),
            ));
        };
        let (file, size, cut) = self.read(newest, each)?;
        let journal = Journal { folder, _lock: lock, number: newest, file, size, begun: size };
        for old in numbers.iter().filter(|number| **number < newest) {
            journal.remove(*old)?;
        }
        Ok((journal, cut))
    }

    /// The numbers of the files that are there, without what was never finished.
    fn tidy(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".new") {
                fs::remove_file(&path)?;
            } else if let Some(number) = name.strip_prefix("sales-") {
                numbers.extend(number.parse::<u64>());
            }
        }
        Ok(numbers)
    }

    fn read(
        &self,
        number: u64,
        mut each: impl FnMut(Record),
    ) -> Result<(File, u64, Cut), LedgerError> {
        let path = name(&self.path, number);
        let failed = |cause: io::Error| io_error(&path, &cause);
        let mut file = OpenOptions::new().read(true).append(true).open(&path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            return Err(LedgerError::Damaged(path.display().to_string()));
        };
        while let Some((record, after)) = next(rest) {
            each(record);
            rest = after;
        }
        let whole = (bytes.len() - rest.len()) as u64;
        if !rest.is_empty() {
            file.set_len(whole).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        Ok((file, whole, Cut { bytes: rest.len() as u64 }))
    }
}

/// Reads the newest file of a folder whose writer is at work.
pub fn peek(folder: &Path, mut each: impl FnMut(Record)) -> Result<(), LedgerError> {
    let bytes = newest_bytes(folder).map_err(|cause| io_error(folder, &cause))?;
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        return Err(LedgerError::Damaged(folder.display().to_string()));
    };
    while let Some((record, after)) = next(rest) {
        each(record);
        rest = after;
    }
    Ok(())
}

/// The writer may begin a new file and remove the old one between two steps of ours.
fn newest_bytes(folder: &Path) -> io::Result<Vec<u8>> {
    let mut tries = 3;
    loop {
        let names =
            fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let number = |name: String| name.strip_prefix("sales-")?.parse::<u64>().ok();
        let newest = names.filter_map(number).max();
        let newest =
            newest.ok_or(io::Error::new(io::ErrorKind::NotFound, "there is no journal in it"))?;
        match fs::read(name(folder, newest)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound && tries > 0 => tries -= 1,
            read => return read,
        }
    }
}

/// The file that is written.
pub struct Journal {
    folder: PathBuf,
    /// Held as long as anybody may write.
    _lock: File,
    number: u64,
    file: File,
    size: u64,
    /// Its size when it was begun or read: so much may be of use still.
    begun: u64,
}

impl Journal {
    /// Adds records; they are on disk when this returns.
    pub fn append(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes = self.frames(records)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(|cause| io_error(&self.folder, &cause))?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Whether it has grown enough to be made anew: beyond `bytes`, and to twice what it began with.
    pub fn is_over(&self, bytes: u64) -> bool {
        self.size > bytes.max(self.begun.saturating_mul(2))
    }

    /// Goes on in a new file that begins with these records.
    pub fn begin_anew(&mut self, records: &[Record]) -> Result<(), LedgerError> {
        let bytes = self.frames(records)?;
        let (old, number) = (self.number, self.number + 1);
        let file = make(&self.folder, number, &bytes);
        self.file = file.map_err(|cause| io_error(&self.folder, &cause))?;
        self.number = number;
        self.size = (MAGIC.len() + bytes.len()) as u64;
        self.begun = self.size;
        self.remove(old)
    }

    fn remove(&self, number: u64) -> Result<(), LedgerError> {
        fs::remove_file(name(&self.folder, number)).map_err(|cause| io_error(&self.folder, &cause))
    }

    fn frames(&self, records: &[Record]) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = Vec::with_capacity(records.len() * 192);
        for record in records {
            let failed = |cause: postcard::Error| LedgerError::Io {
                path: self.folder.display().to_string(),
                cause: cause.to_string(),
            };
            let body = postcard::to_allocvec(record).map_err(failed)?;
            bytes.extend((body.len() as u32).to_le_bytes());
            bytes.extend(crc32fast::hash(&body).to_le_bytes());
            bytes.extend(body);
        }
        Ok(bytes)
    }
}

/// The first record, and what is behind it; nothing where it is not whole.
fn next(bytes: &[u8]) -> Option<(Record, &[u8])> {
    let (frame, rest) = bytes.split_at_checked(FRAME)?;
    let length = u32::from_le_bytes(frame[..4].try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(frame[4..].try_into().ok()?);
    // Zeroes, which a file system may leave at the end, are no empty record.
    if !(1..=RECORD_MAX).contains(&length) {
        return None;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    let whole = crc32fast::hash(body) == crc;
    let record = whole.then(|| postcard::from_bytes(body).ok())??;
    Some((record, rest))
}

/// Makes a file that is there whole or not at all.
fn make(folder: &Path, number: u64, records: &[u8]) -> io::Result<File> {
    let path = name(folder, number);
    let unfinished = path.with_extension("new");
    let mut file = File::create(&unfinished)?;
    file.write_all(MAGIC)?;
    file.write_all(records)?;
    file.sync_all()?;
    fs::rename(&unfinished, &path)?;
    File::open(folder)?.sync_all()?;
    OpenOptions::new().append(true).open(&path)
}

fn name(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("sales-{number:08}"))
}

fn io_error(path: &Path, cause: &io::Error) -> LedgerError {
    LedgerError::Io { path: path.display().to_string(), cause: cause.to_string() }
}
