//! `stepyard config`.

use super::resolved;
use crate::config::{Flags, Settings, without_password};
use crate::events::WebhookUrl;

pub(super) fn run(flags: &Flags) -> anyhow::Result<u8> {
    let resolved = resolved(flags)?;
    for (key, value, origin) in resolved.iter() {
        let value = match key {
            "node-key" if !value.is_empty() => "***".to_owned(),
            "events-webhook" => hosts(value),
            _ => without_password(value),
        };
        println!("{key:<24} {value:<24} {origin}");
    }
    Settings::new(&resolved)?;
    Ok(0)
}

/// Webhooks without what may be secret in their URLs.
fn hosts(urls: &str) -> String {
    let host = |url| WebhookUrl::parse(url).map_or("?".to_owned(), |url| url.to_string());
    urls.split(',')
        .map(str::trim)
        .filter(|url| !url.is_empty())
        .map(host)
        .collect::<Vec<_>>()
        .join(",")
}
