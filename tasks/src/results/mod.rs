//! What a `ResultWriter` writes: the results of a Map Run, in files with a manifest (AWS developer guide, "ResultWriter").
//!
//! Results may be far larger than memory: each goes into the file of its kind as it comes, and the files are written in
//! parts. They have the same names each time, so that what a crash has cut off can be written again from the start.

mod file;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use stepyard_asl::WriterConfig;
use stepyard_json::{Json, Object};
use stepyard_machine::{ChildResult, ResultKind};

use crate::arguments::{required_text, text};
use crate::objects::{ObjectError, ObjectStore};
use file::ResultFiles;

/// Largest file of results, in bytes (AWS developer guide: 5 GB).
pub const RESULT_FILE_BYTES_MAX: u64 = 5_000_000_000;

/// Error and cause of a Map Run whose results cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ResultWriterError {
    /// For people.
    pub cause: String,
}

impl ResultWriterError {
    /// The name of the error.
    pub const NAME: &'static str = "States.ResultWriterFailed";
}

impl From<ObjectError> for ResultWriterError {
    fn from(error: ObjectError) -> ResultWriterError {
        ResultWriterError { cause: error.to_string() }
    }
}

/// Where the results of a Map Run go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    bucket: String,
    /// The keys of all files begin with this and a slash.
    folder: String,
    map_run_arn: String,
}

impl Destination {
    /// From what `Parameters` or `Arguments` have become: `Bucket` and, maybe, `Prefix`. The files lie in a folder of
    /// the Map Run's own.
    ///
    /// # Errors
    /// When there is no bucket, or one of them is not a text.
    pub fn new(arguments: &Json, map_run_arn: &str) -> Result<Destination, ResultWriterError> {
        let refused = |cause| ResultWriterError { cause };
        let bucket = required_text(arguments, "Bucket").map_err(refused)?;
        let prefix = text(arguments, "Prefix").map_err(refused)?.unwrap_or_default();
        let prefix = prefix.trim_end_matches('/');
        let run = map_run_arn.rsplit(':').next().unwrap_or_default();
        let folder = if prefix.is_empty() { run.to_owned() } else { format!("{prefix}/{run}") };
        Ok(Destination { bucket: bucket.to_owned(), folder, map_run_arn: map_run_arn.to_owned() })
    }

    fn manifest_key(&self) -> String {
        format!("{}/manifest.json", self.folder)
    }

    /// What the Map state leaves instead of the results.
    pub fn state_result(&self) -> Json {
        let mut details = Object::new();
        details.insert("Bucket", &*self.bucket);
        details.insert("Key", self.manifest_key());
        let mut result = Object::new();
        result.insert("MapRunArn", &*self.map_run_arn);
        result.insert("ResultWriterDetails", details);
        result.into()
    }
}

/// Writes the results of one Map Run.
pub struct ResultWriter {
    objects: Arc<dyn ObjectStore>,
    destination: Destination,
    config: WriterConfig,
    /// In the order of [`ResultKind::ALL`].
    files: [ResultFiles; 3],
}

impl ResultWriter {
    /// Begins without a file: each is made with its first result.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        destination: Destination,
        config: WriterConfig,
    ) -> ResultWriter {
        let files = ResultKind::ALL.map(|kind| {
            let name = format!("{}/{}", destination.folder, kind.as_str());
            ResultFiles::new(name, config.output_type, RESULT_FILE_BYTES_MAX)
        });
        ResultWriter { objects, destination, config, files }
    }

    /// Adds the result of one child execution.
    ///
    /// # Errors
    /// When the store refuses; the writer is of no use then but to be aborted.
    pub async fn write(&mut self, result: &ChildResult) -> Result<(), ResultWriterError> {
        let values = result.written(self.config.transformation);
        let at = ResultKind::ALL.iter().position(|kind| *kind == result.kind());
        let files = &mut self.files[at.unwrap_or_default()];
        files.write(&*self.objects, &self.destination.bucket, &values).await?;
        Ok(())
    }

    /// Completes the files and writes the manifest, which tells that all is there.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn finish(mut self) -> Result<Json, ResultWriterError> {
        let mut listed = Object::new();
        for (kind, files) in ResultKind::ALL.into_iter().zip(&mut self.files) {
            listed.insert(kind.as_str(), files.finish().await?);
        }
        let mut manifest = Object::new();
        manifest.insert("DestinationBucket", &*self.destination.bucket);
        manifest.insert("MapRunArn", &*self.destination.map_run_arn);
        manifest.insert("ResultFiles", listed);
        let text = Json::from(manifest).to_string();
        let (bucket, key) = (&self.destination.bucket, self.destination.manifest_key());
        self.objects.put(bucket, &key, text.into(), file::attributes()).await?;
        Ok(self.destination.state_result())
    }

    /// Drops the files that are not complete.
    pub async fn abort(self) {
        for files in self.files {
            files.abort().await;
        }
    }
}
