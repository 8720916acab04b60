//! Times on the wire.

use serde::Serializer;
use stepyard_asl::Timestamp;

/// Seconds since the epoch with a fraction of milliseconds, as the AWS protocol writes times.
pub(crate) fn epoch_seconds<S: Serializer>(time: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    // Exact: milliseconds of our era have 41 bits, floats hold 53.
    out.serialize_f64(time.0 as f64 / 1_000.0)
}
