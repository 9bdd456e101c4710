//! One connection. SQL goes over the simple protocol and comes back as text, the way `psql -At`
//! shows it: columns joined by `|`, rows by line ends, `null` where there is none.

use std::fmt;

use futures::TryStreamExt;
use sqlx::postgres::{PgConnection, PgDatabaseError, PgRow};
use sqlx::{AssertSqlSafe, Column, Row, TypeInfo, ValueRef};

/// An open session; closed when dropped.
pub struct Session {
    pub connection: PgConnection,
}

/// An error as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Refused {
    pub sqlstate: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({}) [{}]", self.sqlstate, self.message, self.detail, self.hint)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Refused {
        match error.as_database_error().and_then(|e| e.try_downcast_ref::<PgDatabaseError>()) {
            Some(e) => Refused {
                sqlstate: e.code().into(),
                message: e.message().into(),
                detail: e.detail().unwrap_or_default().into(),
                hint: e.hint().unwrap_or_default().into(),
            },
            // The connection is gone; no server said so.
            None => Refused { message: error.to_string(), ..Refused::default() },
        }
    }
}

/// What a query answered: the names and types of its columns, and its rows as text.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub columns: Vec<String>,
    pub types: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |row: &Vec<Option<String>>| {
            let cells: Vec<_> = row.iter().map(|c| c.as_deref().unwrap_or("null")).collect();
            cells.join("|")
        };
        f.write_str(&self.rows.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

impl Session {
    /// Runs one or several statements; the rows are those of the last statement that has any.
    pub async fn query(&mut self, sql: &str) -> Result<Answer, Refused> {
        let mut answer = Answer::default();
        let mut stream =
            sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_many(&mut self.connection);
        let mut fresh = true;
        while let Some(step) = stream.try_next().await? {
            match step {
                sqlx::Either::Left(_done) => fresh = true,
                sqlx::Either::Right(row) => {
                    if std::mem::take(&mut fresh) {
                        answer = Answer::with_columns_of(&row);
                    }
                    answer.rows.push(texts(&row)?);
                }
            }
        }
        Ok(answer)
    }

    /// The answer as text; a statement that fails fails the test.
    pub async fn text(&mut self, sql: &str) -> String {
        match self.query(sql).await {
            Ok(answer) => answer.to_string(),
            Err(refused) => panic!("{sql}\n  failed with {refused}"),
        }
    }

    /// Runs what answers nothing of interest.
    pub async fn run(&mut self, sql: &str) {
        self.text(sql).await;
    }

    /// A single number.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let text = self.text(sql).await;
        text.parse().unwrap_or_else(|_| panic!("{sql}\n  answered {text}, no number"))
    }

    /// Asserts the answer, line by line; blanks around the lines of `expected` do not count.
    #[track_caller]
    pub fn check<'a>(
        &'a mut self,
        sql: &'a str,
        expected: &'a str,
    ) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let answer = self.text(sql).await;
            let expected: Vec<_> =
                expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
            assert_eq!(answer, expected.join("\n"), "at {place}: {sql}");
        }
    }

    /// The error that the statement must end with.
    #[track_caller]
    pub fn refused<'a>(&'a mut self, sql: &'a str) -> impl Future<Output = Refused> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            match self.query(sql).await {
                Err(refused) => refused,
                Ok(answer) => panic!("at {place}: {sql}\n  was not refused, it answered {answer}"),
            }
        }
    }

    /// Asserts SQLSTATE and the start of DETAIL.
    #[track_caller]
    pub fn check_refused<'a>(
        &'a mut self,
        sql: &'a str,
        sqlstate: &'a str,
        detail: &'a str,
    ) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let Err(refused) = self.query(sql).await else {
                panic!("at {place}: {sql}\n  was not refused");
            };
            assert_eq!(refused.sqlstate, sqlstate, "at {place}: {sql}\n  {refused}");
            assert!(refused.detail.starts_with(detail), "at {place}: {sql}\n  {refused}");
        }
    }

    /// This session's backend.
    pub async fn pid(&mut self) -> u32 {
        let pid = self.number("SELECT pg_catalog.pg_backend_pid()").await;
        u32::try_from(pid).expect("a process id is positive")
    }

    /// Polls until the query answers `t`; fails the test after a minute.
    #[track_caller]
    pub fn until<'a>(&'a mut self, sql: &'a str) -> impl Future<Output = ()> + use<'a> {
        let place = std::panic::Location::caller();
        async move {
            let begun = std::time::Instant::now();
            while self.text(sql).await != "t" {
                assert!(begun.elapsed().as_secs() < 60, "at {place}: never came true: {sql}");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }

    /// Polls until that many sessions of this database wait for a lock.
    #[track_caller]
    pub fn until_waiting(&mut self, sessions: usize) -> impl Future<Output = ()> + use<'_> {
        let place = std::panic::Location::caller();
        async move {
            let sql = format!("SELECT ({WAITING}) >= {sessions}");
            let begun = std::time::Instant::now();
            while self.text(&sql).await != "t" {
                assert!(begun.elapsed().as_secs() < 60, "at {place}: fewer than {sessions} wait");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }

    /// How many sessions of this database wait for a lock.
    pub async fn waiting(&mut self) -> i64 {
        self.number(WAITING).await
    }

    /// Asserts that every invariant holds.
    #[track_caller]
    pub fn verify_is_clean(&mut self) -> impl Future<Output = ()> + use<'_> {
        let place = std::panic::Location::caller();
        async move {
            let faults = self.text("SELECT * FROM inventory.verify()").await;
            assert_eq!(faults, "", "at {place}: verify() finds faults");
        }
    }
}

const WAITING: &str = "SELECT count(*) FROM pg_catalog.pg_stat_activity \
    WHERE datname = pg_catalog.current_database() AND wait_event_type = 'Lock'";

impl Answer {
    fn with_columns_of(row: &PgRow) -> Answer {
        Answer {
            columns: row.columns().iter().map(|c| c.name().to_owned()).collect(),
            types: row.columns().iter().map(|c| c.type_info().name().to_owned()).collect(),
            rows: Vec::new(),
        }
    }
}

fn texts(row: &PgRow) -> Result<Vec<Option<String>>, Refused> {
    (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                return Ok(None);
            }
            let text = value.as_str().map_err(sqlx::Error::Decode)?;
            Ok(Some(text.to_owned()))
        })
        .collect()
}
