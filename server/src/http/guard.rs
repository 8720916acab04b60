//! Against DNS rebinding and cross-site requests: pages of other sites must not drive this server from
//! a browser on the same machine.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::wire::Problem;

/// The host names by which this server may be addressed over REST.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
}

impl Guard {
    /// The names of the loopback interface, the address that is listened on, and what the operator
    /// adds.
    pub(crate) fn new(listen: std::net::IpAddr, more: &[String]) -> Guard {
        let mut hosts: Vec<String> =
            ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
        hosts.push(match listen {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("[{address}]"),
        });
        hosts.extend(more.iter().map(|host| host.to_ascii_lowercase()));
        Guard { hosts }
    }

    /// Whether the request comes from a page that is not served under a name of this server.
    pub(super) fn is_foreign_page(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(header::ORIGIN)
            && !origin(headers).is_some_and(|authority| self.knows(&authority))
    }

    fn knows(&self, authority: &str) -> bool {
        let name = without_port(authority).to_ascii_lowercase();
        name.ends_with(".localhost") || self.hosts.contains(&name)
    }
}

fn without_port(authority: &str) -> &str {
    match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    }
}

/// Refuses unknown hosts, and writes that come from a page of another origin.
pub(crate) async fn check(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let host = host(&request);
    if !host.as_deref().is_some_and(|host| guard.knows(host)) {
        let detail = format!(
            "This server does not answer to the host name '{}'; add it with --allowed-hosts",
            host.unwrap_or_default()
        );
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, detail).into_response();
    }
    if !request.method().is_safe() && is_foreign(request.headers(), host.as_deref()) {
        let detail = "A page of another origin may not change anything here";
        return Problem::new(StatusCode::FORBIDDEN, detail).into_response();
    }
    next.run(request).await
}

/// The host of the absolute form if there is one, else of the header (RFC 9112, section 3.2).
fn host(request: &Request) -> Option<String> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str().to_owned());
    }
    request.headers().get(header::HOST)?.to_str().ok().map(str::to_owned)
}

/// Browsers say where a writing request comes from; other clients say nothing.
fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    headers.contains_key(header::ORIGIN) && origin(headers).as_deref() != host
}

/// The authority of the origin; `None` when there is none, or one without a name, such as `null`.
fn origin(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?.to_str().ok()?.parse::<Uri>().ok()?;
    origin.authority().map(|authority| authority.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{Guard, is_foreign};

    #[test]
    fn only_known_hosts_are_answered() {
        let guard = Guard::new([127, 0, 0, 1].into(), &["Stepyard.Example".into()]);
        for host in
            ["localhost:8083", "127.0.0.1", "[::1]:80", "sync-x.localhost", "stepyard.example:1"]
        {
            assert!(guard.knows(host), "{host}");
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil", ""] {
            assert!(!guard.knows(host), "{host}");
        }
    }

    #[test]
    fn a_name_that_was_rebound_is_foreign_to_the_aws_protocol() {
        let guard = Guard::new([127, 0, 0, 1].into(), &[]);
        let from = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("origin", origin.parse().unwrap());
            guard.is_foreign_page(&headers)
        };
        assert!(!guard.is_foreign_page(&HeaderMap::new()));
        assert!(!from("http://localhost:8083"));
        assert!(from("http://evil.example:8083"));
        assert!(from("null"));
    }

    #[test]
    fn a_foreign_page_is_told_by_its_origin() {
        let headers = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("origin", origin.parse().unwrap());
            headers
        };
        let host = Some("localhost:8083");
        assert!(!is_foreign(&HeaderMap::new(), host));
        assert!(!is_foreign(&headers("http://localhost:8083"), host));
        for origin in ["http://localhost:9999", "https://evil.example", "null"] {
            assert!(is_foreign(&headers(origin), host), "{origin}");
        }
    }
}
