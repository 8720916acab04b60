//! The setting `database-url`.

use std::path::{Path, PathBuf};

use anyhow::bail;

/// The file in the data directory when no database is named.
pub(crate) const DATABASE_FILE: &str = "stepyard.db";

/// Which database keeps executions, state machines and metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file of this process.
    Sqlite(PathBuf),
    /// A server, by its URL.
    Postgres(String),
}

impl Database {
    /// Whether several processes may work on it.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Database::Postgres(_))
    }

    /// # Errors
    /// When the URL has an unknown scheme.
    pub(crate) fn new(url: &str, data_dir: &Path) -> anyhow::Result<Database> {
        if url.is_empty() {
            return Ok(Database::Sqlite(data_dir.join(DATABASE_FILE)));
        }
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Database::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => Ok(Database::Postgres(url.into())),
            _ => {
                let shown = without_password(url);
                bail!("database-url = '{shown}': it must be sqlite://PATH or postgres://...")
            }
        }
    }
}

impl std::fmt::Display for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Database::Sqlite(path) => write!(f, "{}", path.display()),
            Database::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

/// A URL as it may be shown: the password is left out, wherever it stands.
pub(crate) fn without_password(url: &str) -> String {
    let (main, query) = url.split_once('?').map_or((url, None), |(main, q)| (main, Some(q)));
    let mut shown = main.to_owned();
    if let Some((scheme, rest)) = main.split_once("://")
        && let Some((login, place)) = rest.rsplit_once('@')
        && let Some((user, _)) = login.split_once(':')
    {
        shown = format!("{scheme}://{user}:***@{place}");
    }
    let hidden = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("password") => format!("{name}=***"),
        _ => parameter.to_owned(),
    };
    if let Some(query) = query {
        shown.push('?');
        shown += &query.split('&').map(hidden).collect::<Vec<_>>().join("&");
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Database, without_password};

    #[test]
    fn urls_name_a_database() {
        let database = |url| Database::new(url, Path::new("data")).unwrap();
        assert_eq!(database(""), Database::Sqlite("data/stepyard.db".into()));
        assert_eq!(database("sqlite:///a/b.db"), Database::Sqlite("/a/b.db".into()));
        let url = "postgres://stepyard:secret@db:5432/stepyard";
        assert_eq!(database(url), Database::Postgres(url.into()));
        let refused = Database::new("mysql://a:secret@b", Path::new(".")).unwrap_err().to_string();
        assert_eq!(
            refused,
            "database-url = 'mysql://a:***@b': it must be sqlite://PATH or postgres://..."
        );
    }

    #[test]
    fn passwords_are_not_shown() {
        for (url, shown) in [
            ("postgres://u:p@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p@x@h/d?sslmode=require", "postgres://u:***@h/d?sslmode=require"),
            ("postgres://u@h/d?password=p&host=/run", "postgres://u@h/d?password=***&host=/run"),
            ("sqlite:///a.db", "sqlite:///a.db"),
            ("", ""),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
