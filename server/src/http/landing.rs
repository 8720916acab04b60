//! What a browser gets at the root: how to go on.

use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Html;

use crate::wire::Problem;

const PAGE: &str = include_str!("landing.html");

/// The address in the page as it is written.
const ADDRESS: &str = "localhost:8083";

pub(super) async fn page(headers: HeaderMap) -> Html<String> {
    Html(PAGE.replace(ADDRESS, address(&headers)))
}

pub(super) async fn nothing_there(uri: Uri) -> Problem {
    let detail = format!("There is nothing at {}; start at /", uri.path());
    Problem::new(StatusCode::NOT_FOUND, detail)
}

/// The address by which the client has found this server, when it has no characters that mean something in HTML.
fn address(headers: &HeaderMap) -> &str {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.filter(|host| host.chars().all(is_plain)).unwrap_or(ADDRESS)
}
