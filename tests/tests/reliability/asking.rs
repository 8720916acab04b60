//! Asking until somebody answers.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use stepyard_tests::{ApiError, Client};

/// Pause before it is tried again.
const PAUSE: Duration = Duration::from_millis(30);

/// Calls an operation at one server after the other, from that one on, until one answers: with a result or with the name
/// of an error.
pub(crate) fn ask(
    clients: &[Client],
    first: u64,
    operation: &str,
    request: &Value,
) -> Result<Value, String> {
    let mut order = clients.iter().cycle().skip(usize::try_from(first).unwrap() % clients.len());
    loop {
        let client = order.next().unwrap();
        match client.call(operation, request) {
            Ok(answer) => return Ok(answer),
            Err(ApiError::Refused | ApiError::Connection(_)) => {}
            Err(ApiError::Answer { name, .. }) if name == "ServiceUnavailable" => {}
            Err(ApiError::Answer { name, .. }) => return Err(name),
        }
        sleep(PAUSE);
    }
}
