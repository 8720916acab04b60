//! This server as the Step Functions API that its own tasks call.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::BodyExt;
use stepyard_tasks::step_functions::{ApiReply, StepFunctionsApi};
use tokio::sync::watch;

use crate::actions;
use crate::app::App;
use crate::http::request_id;

/// The API, from the time on when there is a server. Tasks that were left in progress may ask earlier: they wait.
pub(crate) struct OwnApi {
    app: watch::Sender<Option<Weak<App>>>,
}

impl OwnApi {
    pub(crate) fn new() -> OwnApi {
        OwnApi { app: watch::Sender::new(None) }
    }

    /// This is the server.
    pub(crate) fn serve(&self, app: &Arc<App>) {
        self.app.send_replace(Some(Arc::downgrade(app)));
    }

    async fn app(&self) -> Option<Arc<App>> {
        let mut told = self.app.subscribe();
        let app = told.wait_for(Option::is_some).await.ok()?;
        app.as_ref()?.upgrade()
    }
}

#[async_trait]
impl StepFunctionsApi for OwnApi {
    async fn call(&self, operation: &str, request: Bytes) -> ApiReply {
        let unavailable = |request_id| ApiReply {
            status: 503,
            request_id,
            body: r#"{"__type":"ServiceUnavailable","message":"The server is shutting down"}"#
                .into(),
        };
        let Some(app) = self.app().await else { return unavailable(String::new()) };
        let request_id = request_id(&**app.runtime.entropy());
        let response = actions::call(&app, operation, &request, &request_id).await;
        let status = response.status().as_u16();
        match response.into_body().collect().await {
            Ok(body) => ApiReply { status, request_id, body: body.to_bytes() },
            Err(_) => unavailable(request_id),
        }
    }
}
