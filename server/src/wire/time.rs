//! Times on the wire.

use serde::{Serialize, Serializer};
use stepyard_asl::Timestamp;

/// A time as the AWS protocol writes it, for members that may be absent.
#[derive(Debug, Serialize)]
pub(crate) struct EpochSeconds(#[serde(serialize_with = "epoch_seconds")] pub(crate) Timestamp);

/// Seconds since the epoch with a fraction of milliseconds, as the AWS protocol writes times.
pub(crate) fn epoch_seconds<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    // Exact: milliseconds of our era have 41 bits, floats hold 53.
    out.serialize_f64(time.0 as f64 / 1_000.0)
}
