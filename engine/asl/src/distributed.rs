//! What a Map state in DISTRIBUTED mode has beside the fields of every Map: where its items come from, how they are
//! grouped, and where the results go (AWS developer guide, "Distributed mode").

use std::sync::Arc;

use crate::references::{References, VariableNames};
use crate::{Jsonata, Path, Template, WorkflowType};

/// Items that a reader hands out at most (AWS developer guide, `MaxItems`).
pub const ITEMS_MAX: u64 = 100_000_000;

/// Largest input of a batch, in bytes (AWS developer guide, `MaxInputBytesPerBatch`).
pub const BATCH_BYTES_MAX: u64 = 262_144;

/// Fields of the mode DISTRIBUTED.
#[derive(Debug)]
pub struct Distributed {
    /// `ExecutionType` of the child executions.
    pub execution_type: WorkflowType,
    /// `Label`, a part of the ARNs of its Map Runs; made up for each run when absent.
    pub label: Option<Arc<str>>,
    /// `ItemReader`; without one the items come from the input of the state.
    pub item_reader: Option<ItemReader>,
    /// `ItemBatcher`.
    pub item_batcher: Option<ItemBatcher>,
    /// `ResultWriter`.
    pub result_writer: Option<ResultWriter>,
}

/// A whole number that is not negative: written, at the end of a path, or computed.
#[derive(Debug)]
pub enum Count {
    /// Written in the definition.
    Literal(u64),
    /// `...Path`.
    Path(Path),
    /// Computed in JSONata.
    Jsonata(Jsonata),
}

/// `ItemReader`: items that lie in Amazon S3.
#[derive(Debug)]
pub struct ItemReader {
    /// `Resource`: what is read.
    pub source: ReaderSource,
    /// `Parameters`, or `Arguments` in JSONata: `Bucket`, and `Key` or `Prefix`.
    pub arguments: Option<Template>,
    /// `ReaderConfig`, but for the number of items.
    pub config: Arc<ReaderConfig>,
    /// `MaxItems` or `MaxItemsPath`: how many items there are at most; 0, as when absent, stands for all.
    pub max_items: Option<Count>,
}

/// What an item reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderSource {
    /// `arn:aws:states:::s3:getObject`: one object, which holds the items or a list of objects that do.
    Object,
    /// `arn:aws:states:::s3:listObjectsV2`: all objects under a prefix.
    Listing,
}

/// `ReaderConfig`: how the items are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderConfig {
    /// `InputType`.
    pub input_type: Option<InputType>,
    /// `ManifestType`.
    pub manifest_type: Option<ManifestType>,
    /// `Transformation` is `LOAD_AND_FLATTEN`: of a listing, the content of the objects is read, not what is known of
    /// them.
    pub load_and_flatten: bool,
    /// `ItemsPointer`, a JSON Pointer (RFC 6901) to the items in a JSON file; empty for the whole of it.
    pub items_pointer: Arc<str>,
    /// `CSVHeaderLocation` and `CSVHeaders`.
    pub csv_headers: CsvHeaders,
    /// `CSVDelimiter`.
    pub csv_delimiter: CsvDelimiter,
}

/// `InputType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputType {
    /// Rows of fields between delimiters.
    Csv,
    /// One array or object.
    Json,
    /// One value a line.
    JsonLines,
    /// Apache Parquet.
    Parquet,
    /// The older name for an inventory of Amazon S3.
    Manifest,
}

/// `ManifestType`: what kind of list of objects an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestType {
    /// What `UNLOAD` of Amazon Athena writes: a URI of Amazon S3 a line.
    Athena,
    /// `manifest.json` of an inventory of Amazon S3.
    Inventory,
}

/// Where the names of the columns are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CsvHeaders {
    /// In the first row.
    #[default]
    FirstRow,
    /// In the definition.
    Given(Vec<Arc<str>>),
}

/// `CSVDelimiter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvDelimiter {
    /// `,`
    #[default]
    Comma,
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// A blank.
    Space,
    /// A tabulator.
    Tab,
}

impl CsvDelimiter {
    /// The character, one byte of ASCII.
    pub fn byte(self) -> u8 {
        match self {
            CsvDelimiter::Comma => b',',
            CsvDelimiter::Pipe => b'|',
            CsvDelimiter::Semicolon => b';',
            CsvDelimiter::Space => b' ',
            CsvDelimiter::Tab => b'\t',
        }
    }
}

/// `ItemBatcher`: several items for each child execution.
#[derive(Debug)]
pub struct ItemBatcher {
    /// `MaxItemsPerBatch` or `MaxItemsPerBatchPath`.
    pub max_items: Option<Count>,
    /// `MaxInputBytesPerBatch` or `MaxInputBytesPerBatchPath`.
    pub max_input_bytes: Option<Count>,
    /// `BatchInput`, which every batch gets.
    pub batch_input: Option<Template>,
}

/// `ResultWriter`: what becomes of the results of the child executions.
#[derive(Debug)]
pub struct ResultWriter {
    /// Whether the results are exported to Amazon S3, that is whether there is a `Resource`.
    pub is_export: bool,
    /// `Parameters`, or `Arguments` in JSONata: `Bucket` and `Prefix`.
    pub arguments: Option<Template>,
    /// `WriterConfig`, with its defaults filled in.
    pub config: WriterConfig,
}

/// `WriterConfig`: how results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterConfig {
    /// `OutputType`.
    pub output_type: OutputType,
    /// `Transformation`.
    pub transformation: Transformation,
}

/// `OutputType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputType {
    /// An array.
    #[default]
    Json,
    /// One value a line.
    JsonLines,
}

/// `Transformation` of a `WriterConfig`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transformation {
    /// Input and output of an execution, with what is known of it: the default of exports.
    None,
    /// The output: the default without export.
    #[default]
    Compact,
    /// The output; of one that is an array, its elements.
    Flatten,
}

impl References for Count {
    fn collect(&self, found: &mut VariableNames) {
        match self {
            Count::Literal(_) => {}
            Count::Path(path) => path.collect(found),
            Count::Jsonata(jsonata) => jsonata.collect(found),
        }
    }
}

impl References for Distributed {
    fn collect(&self, found: &mut VariableNames) {
        if let Some(reader) = &self.item_reader {
            reader.arguments.collect(found);
            reader.max_items.collect(found);
        }
        if let Some(batcher) = &self.item_batcher {
            batcher.max_items.collect(found);
            batcher.max_input_bytes.collect(found);
            batcher.batch_input.collect(found);
        }
        if let Some(writer) = &self.result_writer {
            writer.arguments.collect(found);
        }
    }
}
