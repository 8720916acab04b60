//! Reading an object piece by piece.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;

use crate::objects::{ObjectBody, ObjectError};

/// Bytes of one piece: few enough to hold many of them, enough to make the way to the file worth while.
const PIECE_BYTES: usize = 128 * 1024;

/// The body of an object from some byte on.
#[derive(Debug)]
pub(super) struct FileBody(tokio::fs::File);

impl FileBody {
    /// Blocks.
    pub(super) fn open(path: &Path, offset: u64) -> io::Result<FileBody> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(FileBody(tokio::fs::File::from_std(file)))
    }
}

#[async_trait]
impl ObjectBody for FileBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, ObjectError> {
        let mut piece = BytesMut::with_capacity(PIECE_BYTES);
        let read = self.0.read_buf(&mut piece).await;
        let read = read.map_err(ObjectError::storage("reading an object"))?;
        Ok((read > 0).then(|| piece.freeze()))
    }
}
