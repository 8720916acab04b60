//! A client for the API of the server.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Deadline;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest answer that is read, in bytes.
const ANSWER_MAX: u64 = 64 << 20;

/// Speaks JSON 1.0, the protocol of AWS Step Functions, and plain HTTP.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// Nobody listens there: the call took no effect.
    Refused,
    /// The connection broke: whether the call took effect is unknown.
    Connection(String),
    /// The server answered with an error.
    Answer {
        /// `__type`.
        name: String,
        /// `message`.
        message: String,
    },
}

impl Client {
    /// For the server at that URL.
    pub fn new(url: &str) -> Client {
        Client::with_timeout(url, ANSWER_TIMEOUT)
    }

    /// One that waits for an answer only so long.
    pub fn with_timeout(url: &str, timeout: Duration) -> Client {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(timeout))
            .build()
            .into();
        Client { agent, url: url.into() }
    }

    /// Calls an operation of the Step Functions API.
    ///
    /// # Errors
    /// The error answer of the server, or a broken connection.
    pub fn call(&self, operation: &str, request: &Value) -> Result<Value, ApiError> {
        let (status, answer) = self.post(operation, &request.to_string()).map_err(not_sent)?;
        let answer: Value = serde_json::from_str(&answer).map_err(connection)?;
        if status == 200 {
            return Ok(answer);
        }
        let field = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        Err(ApiError::Answer { name: field("__type"), message: field("message") })
    }

    /// Reads a JSON document of the REST interface.
    ///
    /// # Errors
    /// A broken connection, or an answer that is no JSON.
    pub fn get(&self, path: &str) -> Result<Value, ApiError> {
        let answer = self.agent.get(format!("{}{path}", self.url)).call();
        let text = answer.map_err(not_sent)?.body_mut().read_to_string().map_err(connection)?;
        serde_json::from_str(&text).map_err(connection)
    }

    /// The value of a metric without labels.
    ///
    /// # Errors
    /// A broken connection.
    pub fn metric(&self, name: &str) -> Result<Option<f64>, ApiError> {
        let answer = self.agent.get(format!("{}/metrics", self.url)).call();
        let page = answer.map_err(not_sent)?.body_mut().read_to_string().map_err(connection)?;
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.and_then(|value| value.parse().ok()))
    }

    /// Uploads an image and returns what the server says of it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn upload(&self, image: &[u8]) -> Result<Value, ApiError> {
        let answer = self.agent.post(format!("{}/upload", self.url)).send(image);
        let text = answer.map_err(not_sent)?.body_mut().read_to_string().map_err(connection)?;
        serde_json::from_str(&text).map_err(connection)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// A broken connection.
    pub fn object(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ApiError> {
        let url = format!("{}/objects/{bucket}/{key}", self.url);
        let mut answer = self.agent.get(url).call().map_err(not_sent)?;
        answer.body_mut().read_to_vec().map_err(connection)
    }

    fn post(&self, operation: &str, body: &str) -> Result<(u16, String), ureq::Error> {
        let mut answer = self
            .agent
            .post(&self.url)
            .header("X-Amz-Target", format!("AWSStepFunctions.{operation}"))
            .header("Content-Type", "application/x-amz-json-1.0")
            .send(body)?;
        let text = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string()?;
        Ok((answer.status().as_u16(), text))
    }

    /// Creates a state machine and returns its ARN.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn create_state_machine(&self, name: &str, definition: &str) -> Result<String, ApiError> {
        let request = json!({
            "name": name,
            "definition": definition,
            "roleArn": "arn:aws:iam::000000000000:role/tests",
        });
        let answer = self.call("CreateStateMachine", &request)?;
        Ok(answer["stateMachineArn"].as_str().unwrap_or_default().into())
    }

    /// Starts an execution and returns its ARN.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn start_execution(
        &self,
        machine: &str,
        name: &str,
        input: &str,
    ) -> Result<String, ApiError> {
        let request = json!({ "stateMachineArn": machine, "name": name, "input": input });
        let answer = self.call("StartExecution", &request)?;
        Ok(answer["executionArn"].as_str().unwrap_or_default().into())
    }

    /// Has an execution go on that ended badly.
    ///
    /// # Errors
    /// Those of the API.
    pub fn redrive_execution(&self, execution: &str) -> Result<(), ApiError> {
        self.call("RedriveExecution", &json!({ "executionArn": execution })).map(drop)
    }

    /// Waits until an execution has ended, and returns the answer of DescribeExecution.
    ///
    /// # Errors
    /// As [`Client::call`].
    ///
    /// # Panics
    /// When it does not end within 30 seconds.
    pub fn await_end(&self, execution: &str) -> Result<Value, ApiError> {
        let request = json!({ "executionArn": execution });
        Deadline::after(ANSWER_TIMEOUT).wait_for("the end of an execution", || {
            match self.call("DescribeExecution", &request) {
                Ok(answer) if answer["status"] == "RUNNING" => None,
                other => Some(other),
            }
        })
    }

    /// The whole history of an execution.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn history(&self, execution: &str) -> Result<Vec<Value>, ApiError> {
        let mut events = Vec::new();
        let mut request = json!({ "executionArn": execution, "maxResults": 1_000 });
        loop {
            let mut answer = self.call("GetExecutionHistory", &request)?;
            if let Value::Array(page) = answer["events"].take() {
                events.extend(page);
            }
            match answer["nextToken"].take() {
                Value::Null => return Ok(events),
                token => request["nextToken"] = token,
            }
        }
    }
}

fn not_sent(error: ureq::Error) -> ApiError {
    match error {
        ureq::Error::Io(io) if io.kind() == ErrorKind::ConnectionRefused => ApiError::Refused,
        other => connection(other),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn connection(error: impl ToString) -> ApiError {
    ApiError::Connection(error.to_string())
}
