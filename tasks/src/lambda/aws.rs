//! Functions on AWS Lambda or any endpoint that speaks its API, through the AWS SDK.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::operation::invoke::{InvokeError, InvokeOutput};
use aws_sdk_lambda::primitives::Blob;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeDeserializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use http_body_util::{LengthLimitError, Limited};
use tokio::sync::OnceCell;

use super::{InvokeFailure, InvokeReply, InvokeRequest, LambdaService, REPLY_BYTES_MAX};
use crate::aws::{CONNECT_TIMEOUT, Called, Place, Service, is_configured, sources};

/// Calls functions through the AWS SDK.
///
/// Endpoint, region and credentials come from the SDK's own environment variables, files and
/// services (`AWS_ENDPOINT_URL_LAMBDA`, `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, ...),
/// read at the first call. A call is sent once: repeating it is the state machine's `Retry`.
#[derive(Debug)]
pub struct AwsLambda {
    place: Place,
    connection: OnceCell<(Client, Called)>,
}

impl AwsLambda {
    /// A client that is made at the first call. The region is used when the SDK finds none.
    pub fn new(default_region: impl Into<String>) -> AwsLambda {
        AwsLambda { place: Place::of_environment(default_region), connection: OnceCell::new() }
    }

    /// For an endpoint at that URL that takes any credentials.
    pub fn at(endpoint: impl Into<String>, default_region: impl Into<String>) -> AwsLambda {
        AwsLambda { place: Place::at(endpoint, default_region), connection: OnceCell::new() }
    }

    /// Uses a client that exists, which calls that endpoint.
    pub fn with_client(client: Client, endpoint: impl Into<String>) -> AwsLambda {
        let place = Place::at(endpoint, "");
        let called = place.called(&SdkConfig::builder().build(), SERVICE);
        AwsLambda { place, connection: OnceCell::new_with(Some((client, called))) }
    }

    /// Whether the environment says where functions are or who calls them, so that calling Lambda
    /// makes sense. `variable` reads an environment variable.
    pub fn is_configured(variable: impl Fn(&str) -> Option<String>) -> bool {
        is_configured(SERVICE.variable, variable)
    }

    async fn connection(&self) -> &(Client, Called) {
        self.connection.get_or_init(|| self.connect()).await
    }

    async fn connect(&self) -> (Client, Called) {
        let config = self.place.load(|loader| {
            loader
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts())
                // A function may take 15 minutes without a byte on the wire.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        });
        let config = config.await;
        (Client::new(&config), self.place.called(&config, SERVICE))
    }
}

const SERVICE: Service = Service { id: "Lambda", variable: "AWS_ENDPOINT_URL_LAMBDA" };

/// Longest wait for an answer: a function runs at most 15 minutes (quotas of AWS Lambda). A connection
/// that a router has forgotten would be waited for without end.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15 * 60 + 30);

/// What AWS's SDK for Java, which Step Functions uses, says after such a wait.
const CLIENT_TIMEOUT: &str =
    "Client execution did not complete before the specified timeout configuration.";

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build()
}

#[async_trait]
impl LambdaService for AwsLambda {
    async fn invoke(&self, request: InvokeRequest) -> Result<InvokeReply, InvokeFailure> {
        let capture = Capture::default();
        let (client, called) = self.connection().await;
        let asked = format!("function {}", request.function_name);
        let call = client
            .invoke()
            .function_name(request.function_name)
            .set_qualifier(request.qualifier)
            .set_invocation_type(request.invocation_type.as_deref().map(Into::into))
            .set_client_context(request.client_context)
            .set_log_type(request.log_type.as_deref().map(Into::into))
            .set_payload(request.payload.map(|payload| Blob::new(payload.to_vec())))
            .customize()
            .interceptor(capture.clone());
        match Box::pin(call.send()).await {
            Ok(output) => Ok(reply(output, capture.take())),
            Err(error) => Err(failure(&error, called, &asked)),
        }
    }
}

fn reply(output: InvokeOutput, headers: Vec<(String, String)>) -> InvokeReply {
    InvokeReply {
        status: u16::try_from(output.status_code).unwrap_or_default(),
        function_error: output.function_error,
        executed_version: output.executed_version,
        log_result: output.log_result,
        payload: output.payload.map(Blob::into_inner).unwrap_or_default().into(),
        headers,
    }
}

/// Names and texts as Step Functions shows them, recorded from AWS, with the place where AWS has not said anything.
fn failure(
    error: &SdkError<InvokeError, HttpResponse>,
    called: &Called,
    asked: &str,
) -> InvokeFailure {
    if let SdkError::ServiceError(service) = error {
        let (status, modeled) = (service.raw().status().as_u16(), service.err());
        let code = modeled.code().unwrap_or("Unknown");
        let name = if is_modeled(modeled) { code } else { "AWSLambdaException" };
        let advice = match called.advice_for(code) {
            advice if advice.is_empty() => advice,
            advice => format!(" ({}{advice})", called.place(asked)),
        };
        return InvokeFailure::Error {
            error: format!("Lambda.{name}"),
            cause: format!(
                "{} (Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {}; Proxy: null){advice}",
                modeled.message().unwrap_or("null"),
                modeled.request_id().unwrap_or("null"),
            ),
        };
    }
    if is_length_limit(error) {
        return InvokeFailure::TooLarge;
    }
    match error {
        SdkError::TimeoutError(_) => InvokeFailure::Error {
            error: "Lambda.ClientExecutionTimeoutException".to_owned(),
            cause: CLIENT_TIMEOUT.to_owned(),
        },
        _ => InvokeFailure::Error {
            error: "Lambda.SdkClientException".to_owned(),
            cause: format!("Unable to execute HTTP request: {}", called.unanswered(asked, error)),
        },
    }
}

/// Whether the API describes this error; others go by the name of the service.
#[expect(deprecated, reason = "the SDK has no other way to tell the errors it knows")]
fn is_modeled(error: &InvokeError) -> bool {
    !matches!(error, InvokeError::Unhandled(_))
}

fn is_length_limit(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(<dyn Error>::is::<LengthLimitError>)
}

/// Keeps the headers of the answer and limits its length.
#[derive(Clone, Debug, Default)]
struct Capture(Arc<Mutex<Vec<(String, String)>>>);

impl Capture {
    fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Capture {
    fn name(&self) -> &'static str {
        "capture"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().take_body();
        let limited = SdkBody::from_body_1_x(Limited::new(body, REPLY_BYTES_MAX));
        *context.response_mut().body_mut() = limited;
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers().iter();
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = headers.collect();
        Ok(())
    }
}
