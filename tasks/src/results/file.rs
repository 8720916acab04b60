//! The files of one kind of results.

use bytes::{BufMut, BytesMut};
use stepyard_asl::OutputType;
use stepyard_json::{Json, Object};

use crate::objects::{ObjectAttributes, ObjectError, ObjectStore, ObjectUpload};

/// Bytes that are gathered before they are handed on.
const PIECE_BYTES: usize = 256 * 1024;

/// What is said of each file.
pub(super) fn attributes() -> ObjectAttributes {
    ObjectAttributes {
        content_type: Some("application/json".to_owned()),
        ..ObjectAttributes::default()
    }
}

/// Files `NAME_0.json`, `NAME_1.json` and so on, each of limited size.
pub(super) struct ResultFiles {
    name: String,
    output_type: OutputType,
    file_bytes_max: u64,
    /// Key and size of those that are complete.
    complete: Vec<(String, u64)>,
    open: Option<ResultFile>,
}

/// The file that is being written.
struct ResultFile {
    key: String,
    upload: Box<dyn ObjectUpload>,
    pending: BytesMut,
    /// All its bytes.
    size: u64,
    /// Whether it has a value.
    has_values: bool,
}

impl ResultFiles {
    pub(super) fn new(name: String, output_type: OutputType, file_bytes_max: u64) -> ResultFiles {
        ResultFiles { name, output_type, file_bytes_max, complete: Vec::new(), open: None }
    }

    /// Adds values; a file that would be too large with one is completed before it.
    pub(super) async fn write(
        &mut self,
        objects: &dyn ObjectStore,
        bucket: &str,
        values: &[Json],
    ) -> Result<(), ObjectError> {
        self.file(objects, bucket).await?;
        for value in values {
            let text = value.to_string();
            // With what stands before a value, and with the closing bracket.
            let bytes = text.len() as u64 + 2;
            let is_full = self
                .open
                .as_ref()
                .is_some_and(|file| file.has_values && file.size + bytes > self.file_bytes_max);
            if is_full {
                self.complete().await?;
            }
            let output_type = self.output_type;
            let file = self.file(objects, bucket).await?;
            match output_type {
                OutputType::JsonLines => {
                    file.add(text.as_bytes());
                    file.add(b"\n");
                }
                OutputType::Json => {
                    file.add(if file.has_values { b"," } else { b"[" });
                    file.add(text.as_bytes());
                }
            }
            file.has_values = true;
            file.send(PIECE_BYTES).await?;
        }
        Ok(())
    }

    /// The file that is being written.
    async fn file(
        &mut self,
        objects: &dyn ObjectStore,
        bucket: &str,
    ) -> Result<&mut ResultFile, ObjectError> {
        let file = match self.open.take() {
            Some(file) => file,
            None => {
                let key = format!("{}_{}.json", self.name, self.complete.len());
                let upload = objects.create(bucket, &key, attributes()).await?;
                ResultFile { key, upload, pending: BytesMut::new(), size: 0, has_values: false }
            }
        };
        Ok(self.open.insert(file))
    }

    async fn complete(&mut self) -> Result<(), ObjectError> {
        let Some(mut file) = self.open.take() else { return Ok(()) };
        match (self.output_type, file.has_values) {
            (OutputType::Json, true) => file.add(b"]"),
            (OutputType::Json, false) => file.add(b"[]"),
            (OutputType::JsonLines, _) => {}
        }
        file.send(1).await?;
        file.upload.finish().await?;
        self.complete.push((file.key, file.size));
        Ok(())
    }

    /// Completes the last file, and gives all as a manifest lists them.
    pub(super) async fn finish(&mut self) -> Result<Json, ObjectError> {
        self.complete().await?;
        let listed = self.complete.iter().map(|(key, size)| {
            let mut file = Object::new();
            file.insert("Key", &**key);
            file.insert("Size", *size);
            Json::from(file)
        });
        Ok(listed.collect())
    }

    pub(super) async fn abort(self) {
        if let Some(file) = self.open {
            file.upload.abort().await;
        }
    }
}

impl ResultFile {
    fn add(&mut self, bytes: &[u8]) {
        self.pending.put_slice(bytes);
        self.size += bytes.len() as u64;
    }

    /// Hands on what is gathered, if that is at least so many bytes.
    async fn send(&mut self, bytes_min: usize) -> Result<(), ObjectError> {
        if self.pending.len() < bytes_min {
            return Ok(());
        }
        self.upload.write(self.pending.split().freeze()).await
    }
}
