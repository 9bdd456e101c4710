//! One pass over the file: checked rows, and the hash of the bytes they came from.

use crate::error::{Error, Result};
use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Larger than a page of the CSV reader, so that gunzip runs in long strides.
const BUFFER: usize = 256 * 1024;

/// One line of the file, borrowed from the reader.
#[derive(Debug)]
pub struct Row<'a> {
    /// Counts data rows from 1: the row's place in the record.
    pub number: u64,
    pub invoice: &'a str,
    pub sku: &'a str,
    pub description: &'a str,
    pub quantity: i64,
    pub date: &'a str,
    pub customer: &'a str,
}

pub struct Rows {
    path: PathBuf,
    reader: csv::Reader<Hashing<Box<dyn Read + Send>>>,
    columns: Columns,
    record: csv::StringRecord,
    number: u64,
}

struct Columns {
    invoice: usize,
    sku: usize,
    description: usize,
    quantity: usize,
    date: Option<usize>,
    customer: Option<usize>,
}

impl Rows {
    pub fn open(path: &Path) -> Result<Rows> {
        let source = Hashing { inner: unpacked(path)?, hash: Sha256::new() };
        let mut reader = csv::ReaderBuilder::new().buffer_capacity(BUFFER).from_reader(source);
        let headers = reader.headers().map_err(|cause| unreadable(path, &cause))?;
        let columns = Columns::find(path, headers)?;
        let record = csv::StringRecord::new();
        Ok(Rows { path: path.to_owned(), reader, columns, record, number: 0 })
    }

    pub fn next_row(&mut self) -> Result<Option<Row<'_>>> {
        let more = self
            .reader
            .read_record(&mut self.record)
            .map_err(|cause| unreadable(&self.path, &cause))?;
        if !more {
            return Ok(None);
        }
        self.number += 1;
        let field = |at: usize| self.record.get(at).unwrap_or_default();
        let row = Row {
            number: self.number,
            invoice: field(self.columns.invoice),
            sku: field(self.columns.sku),
            description: field(self.columns.description),
            quantity: self.quantity(field(self.columns.quantity))?,
            date: self.columns.date.map(field).unwrap_or_default(),
            customer: self.columns.customer.map(field).unwrap_or_default(),
        };
        if row.invoice.is_empty() || row.sku.is_empty() {
            return Err(self.wrong("an invoice or stock code is empty"));
        }
        Ok(Some(row))
    }

    /// The SHA-256 of all bytes; to be asked after the last row.
    pub fn content_hash(self) -> Vec<u8> {
        self.reader.into_inner().hash.finalize().to_vec()
    }

    /// A whole number whose opposite is one too.
    fn quantity(&self, text: &str) -> Result<i64> {
        let quantity = text.trim().parse::<i64>().ok().filter(|q| q.checked_neg().is_some());
        quantity.ok_or_else(|| self.wrong(&format!("quantity {text:?} is no whole number")))
    }

    fn wrong(&self, what: &str) -> Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        Error::usage(format!("{}, line {line}: {what}; nothing was written", self.path.display()))
    }
}

impl Columns {
    fn find(path: &Path, headers: &csv::StringRecord) -> Result<Columns> {
        let place = |name: &str| {
            headers.iter().position(|header| header.trim_start_matches('\u{feff}').trim() == name)
        };
        let needed = |name: &str| {
            place(name).ok_or_else(|| {
                Error::usage(format!(
                    "{}: no column {name:?}; needed are Invoice, StockCode, Description, Quantity",
                    path.display()
                ))
            })
        };
        Ok(Columns {
            invoice: needed("Invoice")?,
            sku: needed("StockCode")?,
            description: needed("Description")?,
            quantity: needed("Quantity")?,
            date: place("InvoiceDate"),
            customer: place("Customer ID"),
        })
    }
}

/// gzip or plain, whatever the name says.
fn unpacked(path: &Path) -> Result<Box<dyn Read + Send>> {
    let unusable = |cause: std::io::Error| Error::usage(format!("{}: {cause}", path.display()));
    let mut file = File::open(path).map_err(unusable)?;
    let mut first = Vec::with_capacity(2);
    Read::by_ref(&mut file).take(2).read_to_end(&mut first).map_err(unusable)?;
    // Read twice, so it has to be a file: a pipe cannot go back.
    file.seek(SeekFrom::Start(0)).map_err(unusable)?;
    if first == [0x1f, 0x8b] {
        Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file))))
    } else {
        Ok(Box::new(file))
    }
}

fn unreadable(path: &Path, cause: &csv::Error) -> Error {
    Error::usage(format!("{}: {cause}; nothing was written by this reading", path.display()))
}

/// Hashes what flows through.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
