//! The URL of a webhook.

use std::fmt;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::http::HeaderValue;
use percent_encoding::percent_decode_str;

use crate::config::without_password;

/// Where events are posted to.
#[derive(Clone)]
pub(crate) struct WebhookUrl {
    /// As it was given.
    text: String,
    /// Without user and password.
    pub(super) uri: Uri,
    /// User and password, for HTTP basic authentication.
    pub(super) authorization: Option<HeaderValue>,
}

impl WebhookUrl {
    /// # Errors
    /// When it is no URL of a web server.
    pub(crate) fn parse(text: &str) -> anyhow::Result<WebhookUrl> {
        let refused = || format!("events-webhook = '{}'", without_password(text));
        let given: Uri = text.parse().with_context(refused)?;
        let (Some("http" | "https"), Some(authority)) = (given.scheme_str(), given.authority())
        else {
            bail!("{}: it must be http://... or https://...", refused());
        };
        let (login, place) = match authority.as_str().rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority.as_str()),
        };
        let mut parts = given.clone().into_parts();
        parts.authority = Some(place.parse().with_context(refused)?);
        Ok(WebhookUrl {
            text: text.to_owned(),
            uri: Uri::from_parts(parts).with_context(refused)?,
            authorization: login.map(basic).transpose().with_context(refused)?,
        })
    }

    /// As it was given, secrets included.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }
}

/// Without what may be secret, which the path of some webhooks is.
impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let place = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{place}")
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of `Authorization` (RFC 7617).
fn basic(login: &str) -> anyhow::Result<HeaderValue> {
    let decoded: Vec<u8> = percent_decode_str(login).collect();
    let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(decoded)))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::WebhookUrl;

    #[test]
    fn a_login_becomes_a_header_and_is_not_shown() {
        let url = WebhookUrl::parse("https://user:p%40ss@h:8443/secret?key=x").unwrap();
        assert_eq!(url.uri.to_string(), "https://h:8443/secret?key=x");
        assert_eq!(url.authorization.as_ref().unwrap().to_str().unwrap(), "Basic dXNlcjpwQHNz");
        assert_eq!(
            (url.to_string(), format!("{url:?}")),
            ("https://h:8443".into(), url.to_string())
        );
        assert!(url.is_https());
        let plain = WebhookUrl::parse("http://h").unwrap();
        assert_eq!((plain.authorization, plain.uri.to_string()), (None, "http://h/".into()));
    }

    #[test]
    fn what_is_no_url_of_a_web_server_is_refused() {
        for (text, place) in [
            ("h/x", "events-webhook = 'h/x'"),
            (
                "ftp://u:p@h",
                "events-webhook = 'ftp://u:***@h': it must be http://... or https://...",
            ),
            ("http://", "events-webhook = 'http://'"),
        ] {
            let error = WebhookUrl::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}");
        }
    }
}
