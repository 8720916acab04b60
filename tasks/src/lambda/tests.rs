use super::*;

#[test]
fn names_are_found_in_every_form() {
    for text in ["f", "f:1", "123:function:f", "arn:aws:lambda:r:1:function:f:$LATEST"] {
        assert_eq!(function_name(text), "f", "{text}");
    }
    assert_eq!(function_name("myfunction:1"), "myfunction");
}

#[cfg(feature = "aws")]
mod over_http {
    use std::sync::Arc;
    use std::time::Duration;

    use aws_sdk_lambda::config::{
        BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig,
    };
    use aws_smithy_http_client::Builder;
    use stepyard_json::Json;
    use stepyard_runtime::{TaskOutcome, TaskRunner};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::super::*;
    use crate::TaskRegistry;
    use crate::testing::{error_and_cause, invocation};

    /// Serves one request; yields its head and body as one text.
    async fn serve(reply: Vec<u8>) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "request cut off");
            }
            // The client hangs up on an answer that is too long.
            let _ = stream.write_all(&reply).await;
            String::from_utf8(request).unwrap()
        });
        (url, served)
    }

    fn is_whole(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        body.len() >= length.map_or(0, |length| length.parse().unwrap())
    }

    fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ndate: Mon, 23 Nov 2026 12:00:00 GMT\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: keep-alive\r\nx-amzn-requestid: 11111111-2222-3333-4444-555555555555\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    }

    fn registry(url: &str) -> TaskRegistry {
        registry_with(url, TimeoutConfig::disabled())
    }

    fn registry_with(url: &str, timeouts: TimeoutConfig) -> TaskRegistry {
        let config = aws_sdk_lambda::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .endpoint_url(url)
            .build();
        let client = aws_sdk_lambda::Client::from_conf(config);
        TaskRegistry::new().with_lambda(Arc::new(AwsLambda::with_client(client, url)))
    }

    async fn run(url: &str, resource: &str, parameters: &str) -> TaskOutcome {
        registry(url).run(invocation(resource, parameters)).await
    }

    const DIRECT: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";
    const INVOKE: &str = "arn:aws:states:::lambda:invoke";
    const HEADERS: &str = "x-amzn-remapped-content-length: 0\r\nx-amz-executed-version: $LATEST\r\nx-amzn-trace-id: root=1\r\n";

    #[tokio::test]
    async fn a_direct_call_sends_the_input_and_keeps_the_result_as_written() {
        let (url, served) = serve(answer("200 OK", HEADERS, r#"{"n": 1.0}"#)).await;
        let outcome = run(&url, DIRECT, r#"{"a": 1e2}"#).await;
        let TaskOutcome::Succeeded(result) = outcome else { panic!("{outcome:?}") };
        assert_eq!(&**result.text(), r#"{"n": 1.0}"#);
        let request = served.await.unwrap();
        let path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations";
        assert!(request.starts_with(&format!("POST {path} HTTP/1.1")), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"a\": 1e2}"), "{request}");
        assert!(request.contains("AWS4-HMAC-SHA256 Credential=test/"), "{request}");
    }

    #[tokio::test]
    async fn lambda_invoke_shows_the_headers_in_the_spelling_of_aws() {
        let (url, served) = serve(answer("200 OK", HEADERS, "\"HelloWorld!\"")).await;
        let parameters = r#"{"FunctionName":"f","Payload":"{\"n\":0.0}","Qualifier":"live","LogType":"Tail","InvocationType":"RequestResponse","ClientContext":"e30="}"#;
        let outcome = run(&url, INVOKE, parameters).await;
        let TaskOutcome::Succeeded(result) = outcome else { panic!("{outcome:?}") };
        insta::assert_snapshot!(result, @r#"{"ExecutedVersion":"$LATEST","Payload":"HelloWorld!","SdkHttpMetadata":{"AllHttpHeaders":{"X-Amz-Executed-Version":["$LATEST"],"x-amzn-Remapped-Content-Length":["0"],"Connection":["keep-alive"],"x-amzn-RequestId":["11111111-2222-3333-4444-555555555555"],"Content-Length":["13"],"Date":["Mon, 23 Nov 2026 12:00:00 GMT"],"X-Amzn-Trace-Id":["root=1"],"Content-Type":["application/json"]},"HttpHeaders":{"Connection":"keep-alive","Content-Length":"13","Content-Type":"application/json","Date":"Mon, 23 Nov 2026 12:00:00 GMT","X-Amz-Executed-Version":"$LATEST","x-amzn-Remapped-Content-Length":"0","x-amzn-RequestId":"11111111-2222-3333-4444-555555555555","X-Amzn-Trace-Id":"root=1"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"11111111-2222-3333-4444-555555555555"},"StatusCode":200}"#);
        let request = served.await.unwrap();
        assert!(
            request.starts_with("POST /2015-03-31/functions/f/invocations?Qualifier=live"),
            "{request}"
        );
        for header in [
            "x-amz-invocation-type: RequestResponse",
            "x-amz-log-type: Tail",
            "x-amz-client-context: e30=",
        ] {
            assert!(request.contains(header), "{request}");
        }
        assert!(request.ends_with("\r\n\r\n{\"n\":0.0}"), "{request}");
    }

    #[tokio::test]
    async fn an_error_of_the_function_keeps_its_payload_and_loses_its_spaces_in_lambda_invoke() {
        let headers = format!("{HEADERS}x-amz-function-error: Unhandled\r\n");
        let payload = r#"{"errorMessage": "", "errorType": "CustomException", "stackTrace": []}"#;
        let compact = payload.replace(' ', "");
        for (resource, parameters, expected) in
            [(DIRECT, "{}", payload), (INVOKE, r#"{"FunctionName":"f"}"#, &compact)]
        {
            let (url, _served) = serve(answer("200 OK", &headers, payload)).await;
            let (error, cause) = error_and_cause(run(&url, resource, parameters).await);
            assert_eq!((&*error, &*cause), ("CustomException", expected));
        }
    }

    #[tokio::test]
    async fn errors_of_the_service_have_the_texts_of_aws() {
        let error_type = |name: &str| format!("x-amzn-errortype: {name}\r\n");
        let body = r#"{"Type":"User","Message":"Function not found: f:$LATEST"}"#;
        let headers = error_type("ResourceNotFoundException");
        let (url, _served) = serve(answer("404 Not Found", &headers, body)).await;
        let (error, cause) = error_and_cause(run(&url, DIRECT, "{}").await);
        assert_eq!(error, "Lambda.ResourceNotFoundException");
        insta::assert_snapshot!(cause, @"Function not found: f:$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: 11111111-2222-3333-4444-555555555555; Proxy: null)");

        let headers = error_type("AccessDeniedException");
        let (url, _served) = serve(answer("403 Forbidden", &headers, r#"{"Message":"no"}"#)).await;
        let (error, cause) = error_and_cause(run(&url, DIRECT, "{}").await);
        assert_eq!(error, "Lambda.AWSLambdaException");
        assert!(cause.contains("Error Code: AccessDeniedException"), "{cause}");
    }

    /// Lambda answers for a function that ran out of time: without a name in older runtimes, with one in newer.
    #[tokio::test]
    async fn a_function_that_ran_out_of_time_has_the_error_of_its_runtime() {
        let headers = format!("{HEADERS}x-amz-function-error: Unhandled\r\n");
        let old =
            r#"{"errorMessage":"2026-11-23T12:00:03.000Z 1111 Task timed out after 3.00 seconds"}"#;
        let new = r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1111 Error: Task timed out after 3.00 seconds"}"#;
        for (resource, parameters) in [(DIRECT, "{}"), (INVOKE, r#"{"FunctionName":"f"}"#)] {
            for (payload, expected) in [(old, "Lambda.Unknown"), (new, "Sandbox.Timedout")] {
                let (url, _served) = serve(answer("200 OK", &headers, payload)).await;
                let (error, cause) = error_and_cause(run(&url, resource, parameters).await);
                assert_eq!((&*error, &*cause), (expected, payload));
            }
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_never_answers_is_a_timeout_of_the_client() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let impatient = Duration::from_millis(100);
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(impatient).build();
        let outcome = registry_with(&url, timeouts).run(invocation(DIRECT, "{}")).await;
        let (error, cause) = error_and_cause(outcome);
        assert_eq!(error, "Lambda.ClientExecutionTimeoutException");
        insta::assert_snapshot!(cause, @"Client execution did not complete before the specified timeout configuration.");
    }

    #[tokio::test]
    async fn too_many_calls_at_the_same_time_are_throttled_by_name() {
        let body = r#"{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#;
        let headers = "x-amzn-errortype: TooManyRequestsException\r\n";
        let (url, _served) = serve(answer("429 Too Many Requests", headers, body)).await;
        let (error, cause) = error_and_cause(run(&url, DIRECT, "{}").await);
        assert_eq!(error, "Lambda.TooManyRequestsException");
        assert!(
            cause.starts_with("Rate Exceeded. (Service: AWSLambda; Status Code: 429;"),
            "{cause}"
        );
    }

    #[tokio::test]
    async fn an_endpoint_nobody_listens_at_is_a_client_error() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let (error, cause) = error_and_cause(run(&url, DIRECT, "{}").await);
        assert_eq!(error, "Lambda.SdkClientException");
        assert!(cause.starts_with("Unable to execute HTTP request: "), "{cause}");
        assert!(cause.ends_with(&format!(" (function {DIRECT} at {url})")), "{cause}");
    }

    #[tokio::test]
    async fn who_is_not_known_there_is_told_where_that_was() {
        let body = r#"{"message":"The security token included in the request is invalid."}"#;
        let headers = "x-amzn-errortype: UnrecognizedClientException\r\n";
        let (url, _served) = serve(answer("403 Forbidden", headers, body)).await;
        let (error, cause) = error_and_cause(run(&url, DIRECT, "{}").await);
        assert_eq!(error, "Lambda.AWSLambdaException");
        let advice =
            format!("Proxy: null) (function {DIRECT} at {url}; set AWS_ACCESS_KEY_ID and ");
        assert!(cause.contains(&advice), "{cause}");
    }

    #[tokio::test]
    async fn answers_are_bounded_and_must_be_json() {
        let limit = format!(
            "The state/task '{DIRECT}' returned a result with a size exceeding the maximum number of bytes service limit."
        );
        for length in [REPLY_BYTES_MAX + 1, 263_168] {
            let (url, _served) = serve(answer("200 OK", HEADERS, &"a".repeat(length))).await;
            let (error, cause) = error_and_cause(run(&url, DIRECT, "{}").await);
            assert_eq!((&*error, &cause), ("States.DataLimitExceeded", &limit));
        }
        let (url, _served) = serve(answer("200 OK", HEADERS, "hello")).await;
        let (error, _) = error_and_cause(run(&url, DIRECT, "{}").await);
        assert_eq!(error, "Lambda.Unknown");
    }

    #[tokio::test]
    async fn an_asynchronous_call_has_no_payload() {
        let (url, _served) = serve(answer("202 Accepted", "", "")).await;
        let parameters = r#"{"FunctionName":"f","InvocationType":"Event"}"#;
        let outcome = run(&url, INVOKE, parameters).await;
        let TaskOutcome::Succeeded(result) = outcome else { panic!("{outcome:?}") };
        assert_eq!(result.tree().get("Payload"), Some(&Json::from("")));
        assert_eq!(result.tree().get("StatusCode"), Some(&Json::from(202)));
    }
}
