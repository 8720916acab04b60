//! `stepyard backup`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use stepyard_store::SqliteInspector;
use stepyard_tasks::objects::copy_objects;

use super::{asynchronous, settings};
use crate::config::{DATABASE_FILE, Database, Flags};
use crate::telemetry;

/// What is added to the name of the folder until the backup is whole.
const UNFINISHED: &str = ".unfinished";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The folder that is made; it is there only when the backup is whole
    folder: PathBuf,
    #[command(flatten)]
    flags: Flags,
}

/// Copies database and objects, also while a server runs on them. The copy is a data directory. The database
/// comes first: an object is stored before the database names it, so each one that it names is there.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let settings = settings(&arguments.flags)?;
    let _flush = telemetry::init(settings.log_format, "warn")?;
    let target = &arguments.folder;
    let unfinished = make_folder(target)?;
    match &settings.database {
        Database::Sqlite(path) => copy_database(path, &unfinished.join(DATABASE_FILE))?,
        Database::Postgres(_) => println!(
            "the database is on Postgres: only objects are copied, so dump it before this (docs/backup.md)"
        ),
    }
    let copied = copy_objects(&settings.objects_dir(), &unfinished.join("objects"))?;
    File::open(&unfinished)?.sync_all()?;
    fs::rename(&unfinished, target)
        .with_context(|| format!("cannot give {} its name", unfinished.display()))?;
    sync_parent(target)?;
    println!("{} objects, {} bytes: copied to {}", copied.objects, copied.bytes, target.display());
    Ok(0)
}

fn make_folder(target: &Path) -> anyhow::Result<PathBuf> {
    if target.exists() {
        bail!("{} is there already; name a new folder", target.display());
    }
    let mut name = target.as_os_str().to_owned();
    name.push(UNFINISHED);
    let unfinished = PathBuf::from(name);
    fs::create_dir(&unfinished).with_context(|| {
        format!(
            "cannot make {}; remove what a backup that was cut off has left",
            unfinished.display()
        )
    })?;
    Ok(unfinished)
}

fn copy_database(path: &Path, target: &Path) -> anyhow::Result<()> {
    asynchronous()?.block_on(async {
        SqliteInspector::open(path).await?.back_up(target).await?;
        anyhow::Ok(())
    })?;
    println!("database: {} bytes", fs::metadata(target)?.len());
    Ok(())
}

fn sync_parent(folder: &Path) -> anyhow::Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}
