//! `stepyard put` and `stepyard get`: objects in the buckets of this machine.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use bytes::Bytes;
use stepyard_tasks::objects::{FsObjectStore, ObjectAttributes, ObjectStore, ReadOptions};

use super::{asynchronous, settings};
use crate::config::Flags;

/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 1 << 20;

#[derive(clap::Args)]
pub(super) struct PutArguments {
    /// The bucket, which is made if it is not there
    bucket: String,
    /// The key
    key: String,
    /// The file to copy
    file: PathBuf,
    #[command(flatten)]
    flags: Flags,
}

#[derive(clap::Args)]
pub(super) struct GetArguments {
    /// The bucket
    bucket: String,
    /// The key
    key: String,
    #[command(flatten)]
    flags: Flags,
}

/// Copies a file into a bucket, also while a server runs.
pub(super) fn put(arguments: &PutArguments) -> anyhow::Result<u8> {
    let PutArguments { bucket, key, file, flags } = arguments;
    let settings = settings(flags)?;
    let shown = file.display();
    let mut source = File::open(file).with_context(|| format!("cannot read {shown}"))?;
    let info = asynchronous()?.block_on(async {
        let objects = FsObjectStore::open(settings.objects_dir(), &[bucket])?;
        let mut upload = objects.create(bucket, key, ObjectAttributes::default()).await?;
        loop {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let read = (&mut source).take(PIECE_BYTES as u64).read_to_end(&mut piece);
            if read.with_context(|| format!("cannot read {shown}"))? == 0 {
                break;
            }
            upload.write(Bytes::from(piece)).await?;
        }
        anyhow::Ok(upload.finish().await?)
    })?;
    println!("{bucket}/{key}: {} bytes", info.size);
    Ok(0)
}

/// Writes an object to the standard output.
pub(super) fn get(arguments: &GetArguments) -> anyhow::Result<u8> {
    let GetArguments { bucket, key, flags } = arguments;
    let settings = settings(flags)?;
    asynchronous()?.block_on(async {
        let objects = FsObjectStore::open(settings.objects_dir(), &[])?;
        let mut body = objects.read(bucket, key, ReadOptions::default()).await?.body;
        let mut out = std::io::stdout().lock();
        while let Some(piece) = body.chunk().await? {
            out.write_all(&piece)?;
        }
        anyhow::Ok(out.flush()?)
    })?;
    Ok(0)
}
