//! What a browser gets at the root: how to go on.

use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use crate::wire::Problem;

const PAGE: &str = include_str!("landing.html");

pub(super) async fn page(uri: Uri) -> Response {
    match uri.path() {
        "/" => Html(PAGE).into_response(),
        path => {
            let detail = format!("There is nothing at {path}; start at /");
            Problem::new(StatusCode::NOT_FOUND, detail).into_response()
        }
    }
}
