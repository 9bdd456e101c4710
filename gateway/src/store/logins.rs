//! Roles that may log in, for who installs: a superuser.

use super::{Session, statements as sql};
use crate::error::Result;
use sqlx::{AssertSqlSafe, Row};

impl Session {
    /// A role of that name and password that may do what `group` may; made where it is missing.
    pub async fn put_login(&mut self, name: &str, password: &str, group: &str) -> Result<()> {
        // The statements hold the password: the server must not write them into its log.
        self.plain("SET log_statement = none; SET log_min_duration_statement = -1; SET log_min_error_statement = panic")
            .await?;
        let row = sqlx::query(sql::PUT_LOGIN)
            .bind(name)
            .bind(password)
            .bind(group)
            .fetch_one(&mut self.connection)
            .await?;
        let statements: String = row.try_get("statements")?;
        // Every value in it was quoted by the server.
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut self.connection).await?;
        self.plain(
            "RESET log_statement; RESET log_min_duration_statement; RESET log_min_error_statement",
        )
        .await
    }
}
