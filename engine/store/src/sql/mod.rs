//! What the stores over SQL databases share.

mod codes;
mod journal;
pub(crate) mod migrations;
mod rows;

pub(crate) use codes::{status_code, type_code};
pub(crate) use journal::{JOURNAL_DOWN, JOURNAL_FROM, JOURNAL_UP};
pub(crate) use rows::{Columns, keyed};
use sqlx::error::DatabaseError;
use sqlx::migrate::Migrator;

use crate::{CommitGroup, Error, ExecutionRow, ExecutionUpdate, Tags};

/// What a reply of the database that is not a success asks for. A full disk or a lock passes; a damaged
/// file does not, nor does a row that is there already.
#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` asks for")]
pub(crate) fn database_error(error: sqlx::Error) -> Error {
    let corrupt = |what: String| Error::Corrupt { what, reason: error.to_string() };
    match &error {
        sqlx::Error::ColumnDecode { index, .. } => corrupt(format!("column {index}")),
        sqlx::Error::Database(refused) if is_corrupt(&**refused) => corrupt("database".into()),
        sqlx::Error::Database(refused) if refused.is_unique_violation() => {
            Error::Conflict(refused.message().to_owned())
        }
        _ => Error::Unavailable(error.to_string()),
    }
}

/// By the codes of SQLite (<https://sqlite.org/rescode.html>; the low byte of an extended code is the
/// primary one) and of Postgres (class XX: internal error, data or index corrupted).
fn is_corrupt(refused: &dyn DatabaseError) -> bool {
    const SQLITE_CORRUPT: u32 = 11;
    const SQLITE_NOT_A_DATABASE: u32 = 26;
    let Some(code) = refused.code() else { return false };
    match code.parse::<u32>() {
        // SQLSTATEs have five characters.
        Ok(number) if code.len() < 5 => {
            matches!(number & 0xff, SQLITE_CORRUPT | SQLITE_NOT_A_DATABASE)
        }
        _ => matches!(&*code, "XX001" | "XX002"),
    }
}

/// Refuses a schema that is not the one of this program; a command that only looks does not change it.
pub(crate) fn check_version(migrations: &Migrator, present: i64) -> Result<(), Error> {
    let known = migrations.iter().map(|migration| migration.version).max().unwrap_or_default();
    if present == known {
        return Ok(());
    }
    let advice = match present < known {
        true => "bring it up to date with `stepyard migrate`",
        false => "use a newer program",
    };
    let text = format!("the database has schema version {present}, this program {known}: {advice}");
    Err(Error::Unusable(text))
}

/// What cannot be of versions and aliases, as sentences.
pub(crate) const PUBLICATION_FAULTS: &str = "\
    SELECT v.state_machine_arn || ':' || v.version || ' has a revision that is not there' AS fault \
    FROM state_machine_version v \
    WHERE NOT EXISTS (SELECT 1 FROM revision r WHERE r.revision_id = v.revision_id) \
    UNION ALL SELECT v.state_machine_arn || ':' || v.version || ' was never published' \
    FROM state_machine_version v WHERE NOT EXISTS (SELECT 1 FROM state_machine m \
        WHERE m.arn = v.state_machine_arn AND m.last_version >= v.version) \
    UNION ALL SELECT a.state_machine_arn || ':' || a.name || ' has no state machine' \
    FROM state_machine_alias a \
    WHERE NOT EXISTS (SELECT 1 FROM state_machine m WHERE m.arn = a.state_machine_arn) \
    UNION ALL SELECT a.state_machine_arn || ':' || a.name || ' leads to a version that is not there' \
    FROM state_machine_alias a WHERE NOT EXISTS (SELECT 1 FROM state_machine_version v \
        WHERE v.state_machine_arn = a.state_machine_arn AND v.version = a.first_version) \
    OR a.second_version IS NOT NULL AND NOT EXISTS (SELECT 1 FROM state_machine_version v \
        WHERE v.state_machine_arn = a.state_machine_arn AND v.version = a.second_version) \
    ORDER BY 1";

/// Tags as they are stored: the same tags give the same text.
pub(crate) fn tags_text(tags: &Tags) -> String {
    serde_json::json!(tags).to_string()
}

/// An execution that starts and changes in one group is inserted as it ends.
pub(crate) fn merge(group: &CommitGroup) -> (Vec<ExecutionRow>, Vec<ExecutionUpdate>) {
    let mut starts = group.starts.clone();
    starts.sort_by_key(|row| row.id);
    let mut updates = Vec::new();
    for update in &group.updates {
        match starts.binary_search_by_key(&update.id, |row| row.id) {
            Ok(at) => {
                let row = &mut starts[at];
                row.status = update.status;
                row.stopped_at = update.stopped_at;
                row.redriven = update.redriven;
                row.resume_at = update.resume_at;
            }
            Err(_) => updates.push(update.clone()),
        }
    }
    (starts, updates)
}

/// Numbers of this program as the databases have them; none of them comes near the end of the range.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// For `LIMIT`.
pub(crate) fn row_limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
