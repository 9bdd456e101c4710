//! What can go wrong, and the exit code each kind ends with. Nothing here ever holds a password:
//! targets are built from host, port and database name alone.

use inventory_core::refusal::Code;
use serde_json::json;
use sqlx::postgres::PgDatabaseError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A command the engine did not carry out, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub code: Code,
    pub message: String,
    pub detail: Option<String>,
    pub hint: Option<String>,
}

impl Refused {
    /// The detail, or the sentence where there is none: what one line of a summary shows.
    pub fn in_short(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.message)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {}", .0.code.as_str(), .0.in_short())]
    Refused(Box<Refused>),
    /// Something the caller wrote: a flag, an argument, a file.
    #[error("{0}")]
    Usage(String),
    /// `target` names host, port and database, never the password.
    #[error("cannot reach {target}: {cause}")]
    Unreachable { target: String, cause: String },
    /// An error of PostgreSQL that is no refusal of ours: rights, serialization, a cancel.
    #[error("PostgreSQL {sqlstate}: {message}")]
    Database { sqlstate: String, message: String, detail: Option<String>, hint: Option<String> },
    /// The gateway did not do it, for a reason of its own: a key it does not know, a right it lacks.
    #[error("{code}: {detail}")]
    Gateway { code: String, detail: String },
    /// The answer had another shape than the contract's.
    #[error("unexpected answer: {0}")]
    Answer(String),
    /// `check` found something.
    #[error("violations of the invariants: {0}")]
    Unsound(usize),
    /// `doctor` found something.
    #[error("problems found: {0}")]
    Unwell(usize),
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

/// How a gateway's name begins where one is named.
pub const GATEWAY: &str = "the gateway at ";

impl Error {
    /// Contract section 9: 1 refused, 2 wrong usage, 3 service not reachable.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Unreachable { .. } => 3,
            _ => 1,
        }
    }

    pub fn usage(message: impl Into<String>) -> Error {
        Error::Usage(message.into())
    }

    /// A refusal with the catalogue's sentence and hint.
    pub fn refused(code: Code, detail: impl Into<String>) -> Error {
        let (message, hint) = (code.title().to_owned(), Some(code.hint().to_owned()));
        Error::Refused(Box::new(Refused { code, message, detail: Some(detail.into()), hint }))
    }

    /// The refusal, if it is one of the catalogue's.
    pub fn refusal(&self) -> Option<&Refused> {
        match self {
            Error::Refused(refused) => Some(refused),
            _ => None,
        }
    }

    /// Deadlock or serialization failure: the same transaction may pass when run again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Error::Database { sqlstate, .. } if sqlstate == "40P01" || sqlstate == "40001")
    }

    /// What to do next, where somebody knows.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Refused(refused) => refused.hint.clone(),
            Error::Unreachable { target, .. } if target.starts_with(GATEWAY) => Some(
                "Does `inventory serve` run there, and is --url (INVENTORY_URL) right? `make up` starts one \
                 and writes its address to .local/env."
                    .to_owned(),
            ),
            Error::Gateway { code, .. } if code == "unauthorized" => Some(
                "Give a key with --api-key or INVENTORY_API_KEY; `inventory key create` makes one."
                    .to_owned(),
            ),
            Error::Unreachable { .. } => Some(
                "Is the server running, and are host, port, user, password and database of \
                 --database-url (INVENTORY_DATABASE_URL) right? `make up` starts a private server and \
                 writes its address to .local/env."
                    .to_owned(),
            ),
            Error::Database { sqlstate, .. } if sqlstate == "42501" => Some(
                "The database user lacks a right: grant it inventory_operator for stock, \
                 inventory_admin for products and warehouses, inventory_reader for reading. `init` needs a \
                 superuser, because it creates an extension."
                    .to_owned(),
            ),
            Error::Database { hint, .. } => hint.clone(),
            Error::Unwell(_) => Some(
                "Do what stands beside each problem, then run `inventory doctor` again.".to_owned(),
            ),
            Error::Unsound(_) => Some(
                "Stop writing, keep a copy of the database, and look at what `inventory check` names: \
                 somebody or something changed the tables past the engine."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// For programs (`--json`): one object on standard error.
    pub fn to_json(&self) -> serde_json::Value {
        let (code, detail) = match self {
            Error::Refused(r) => (r.code.as_str(), r.in_short().to_owned()),
            Error::Usage(message) => ("usage", message.clone()),
            Error::Unreachable { .. } => ("unreachable", self.to_string()),
            Error::Database { .. } => ("database", self.to_string()),
            Error::Gateway { code, detail } => (code.as_str(), detail.clone()),
            Error::Answer(_) => ("answer", self.to_string()),
            Error::Unsound(_) => ("unsound", self.to_string()),
            Error::Unwell(_) => ("unwell", self.to_string()),
            Error::Output(_) => ("output", self.to_string()),
        };
        json!({ "code": code, "detail": detail, "hint": self.hint() })
    }

    /// For people: code and detail, then what to do next.
    pub fn for_people(&self) -> String {
        let refused = matches!(self, Error::Refused(_) | Error::Gateway { .. });
        let kind = if refused { "refused" } else { "error" };
        match self.hint() {
            Some(hint) => format!("{kind}: {self}\nhint: {hint}"),
            None => format!("{kind}: {self}"),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Error {
        match error {
            sqlx::Error::Database(database) => match database.try_downcast::<PgDatabaseError>() {
                Ok(pg) => from_postgres(&pg),
                Err(other) => Error::Answer(other.message().to_owned()),
            },
            sqlx::Error::Io(cause) => unreachable("the database", cause),
            sqlx::Error::Tls(cause) => unreachable("the database", cause),
            sqlx::Error::Protocol(cause) => unreachable("the database", cause),
            sqlx::Error::PoolTimedOut => unreachable("the database", "no free connection in time"),
            other => Error::Answer(other.to_string()),
        }
    }
}

fn unreachable(target: &str, cause: impl ToString) -> Error {
    Error::Unreachable { target: target.to_owned(), cause: cause.to_string() }
}

fn from_postgres(pg: &PgDatabaseError) -> Error {
    let message = pg.message().to_owned();
    let detail = pg.detail().map(str::to_owned);
    let hint = pg.hint().map(str::to_owned);
    if let Some(code) = code_of(pg.code(), &message) {
        // The server's hint names SQL; here there is a command for it.
        let init = "Run `inventory init`: it creates the extension and its tables.".to_owned();
        let hint = if code == Code::NotInstalled { Some(init) } else { hint };
        return Error::Refused(Box::new(Refused { code, message, detail, hint }));
    }
    if is_away(pg.code()) {
        return unreachable("the database", message);
    }
    Error::Database { sqlstate: pg.code().to_owned(), message, detail, hint }
}

/// Schema or functions missing altogether is `not_installed` too: the extension that would say so
/// itself is not there to say it.
fn code_of(sqlstate: &str, message: &str) -> Option<Code> {
    let missing = matches!(sqlstate, "3F000" | "42883" | "42P01") && message.contains("inventory");
    if missing { Some(Code::NotInstalled) } else { Code::from_sqlstate(sqlstate) }
}

/// Connection lost, server starting or stopping, no slots, no such database, login refused.
fn is_away(sqlstate: &str) -> bool {
    sqlstate.starts_with("08")
        || sqlstate.starts_with("28")
        || matches!(sqlstate, "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "3D000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let refused = Refused {
            code: Code::InsufficientStock,
            message: "not enough stock is available".into(),
            detail: Some("requested 10 units, available: 3".into()),
            hint: None,
        };
        let refused = Error::Refused(Box::new(refused));
        assert_eq!(refused.exit_code(), 1);
        assert_eq!(
            refused.for_people(),
            "refused: insufficient_stock: requested 10 units, available: 3"
        );
        assert_eq!(Error::usage("no").exit_code(), 2);
        assert_eq!(unreachable("x", "y").exit_code(), 3);
        assert_eq!(Error::Unsound(1).exit_code(), 1);
    }

    #[test]
    fn a_missing_schema_is_not_installed() {
        assert_eq!(
            code_of("3F000", "schema \"inventory\" does not exist"),
            Some(Code::NotInstalled)
        );
        assert_eq!(code_of("IV001", ""), Some(Code::InsufficientStock));
        assert_eq!(code_of("42883", "function lower(integer) does not exist"), None);
    }
}
