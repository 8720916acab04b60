//! Objects that list the files in which the items are.

use std::sync::Arc;

use stepyard_asl::{CsvHeaders, InputType, ManifestType, ReaderConfig};
use stepyard_json::Json;

use super::bytes::Location;
use super::{ItemReaderError, ReadRequest};

/// Files in the order of a manifest, and how they are written.
pub(super) struct Manifest {
    pub(super) files: Vec<Location>,
    pub(super) config: ReaderConfig,
}

/// What kind of manifest the request is for, if it is for one.
pub(super) fn manifest_type(config: &ReaderConfig) -> Option<ManifestType> {
    match (config.manifest_type, config.input_type) {
        (Some(manifest_type), _) => Some(manifest_type),
        (None, Some(InputType::Manifest)) => Some(ManifestType::Inventory),
        (None, _) => None,
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is not one.
    pub(super) fn parse(
        manifest_type: ManifestType,
        bytes: &[u8],
        request: &ReadRequest,
    ) -> Result<Manifest, ItemReaderError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| invalid(&format!("it is not UTF-8: {error}")))?;
        match manifest_type {
            ManifestType::Inventory => inventory(text, request),
            ManifestType::Athena => athena(text, request),
        }
    }
}

/// `manifest.json` of an inventory: the data files lie in its own bucket, their rows have the columns of `fileSchema`
/// (Amazon S3 User Guide, "Locating your inventory list").
fn inventory(text: &str, request: &ReadRequest) -> Result<Manifest, ItemReaderError> {
    let manifest = Json::parse(text).map_err(|error| invalid(&error.to_string()))?;
    let member = |name: &str| manifest.get(name).and_then(Json::as_str);
    let format = member("fileFormat").unwrap_or_default();
    if format != "CSV" {
        return Err(invalid(&format!("the file format is '{format}', only CSV is supported")));
    }
    let schema = member("fileSchema").ok_or_else(|| invalid("there is no fileSchema"))?;
    // `arn:aws:s3:::bucket`, or the name alone.
    let bucket = member("destinationBucket").and_then(|arn| arn.rsplit(':').next());
    let bucket = bucket.ok_or_else(|| invalid("there is no destinationBucket"))?;
    let files = manifest.get("files").and_then(Json::as_array);
    let files = files.ok_or_else(|| invalid("there are no files"))?;
    let files = files.iter().map(|file| {
        let key = file.get("key").and_then(Json::as_str);
        let key = key.ok_or_else(|| invalid("a file has no key"))?;
        Ok(request.other(bucket, key))
    });
    let headers = schema.split(',').map(|column| Arc::from(column.trim())).collect();
    let config = ReaderConfig {
        input_type: Some(InputType::Csv),
        csv_headers: CsvHeaders::Given(headers),
        ..ReaderConfig::default()
    };
    Ok(Manifest { files: files.collect::<Result<_, ItemReaderError>>()?, config })
}

/// What `UNLOAD` writes: a URI a line (Amazon Athena User Guide, "UNLOAD").
fn athena(text: &str, request: &ReadRequest) -> Result<Manifest, ItemReaderError> {
    let lines = text.lines().map(|line| line.trim().trim_matches('"'));
    let files = lines.filter(|line| !line.is_empty()).map(|uri| {
        let path = uri.strip_prefix("s3://").and_then(|path| path.split_once('/'));
        let (bucket, key) = path.ok_or_else(|| invalid(&format!("'{uri}' is no URI of S3")))?;
        Ok(request.other(bucket, key))
    });
    let files = files.collect::<Result<_, ItemReaderError>>()?;
    let config = ReaderConfig { manifest_type: None, ..(*request.config).clone() };
    Ok(Manifest { files, config })
}

fn invalid(what: &str) -> ItemReaderError {
    ItemReaderError::new(format!("The manifest cannot be read: {what}"))
}
