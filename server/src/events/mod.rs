//! Events of status changes, in the shape in which AWS sends them to EventBridge, and those who get them.

mod event;
mod log;
mod url;
mod webhook;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::bail;
use event::event;
use log::LogTarget;
use ring::digest;
use stepyard_runtime::EventTarget;
use stepyard_store::TargetId;
pub(crate) use url::WebhookUrl;
use webhook::Webhook;

/// Who gets events.
#[derive(Clone, Debug, Default)]
pub(crate) struct EventSettings {
    /// Where they are posted to.
    pub(crate) webhooks: Vec<WebhookUrl>,
    /// Whether they go to the log.
    pub(crate) log: bool,
}

/// Makes the targets that the settings name.
///
/// # Errors
/// When a webhook is named twice, or when the certificates of this machine cannot be read.
pub(crate) fn event_targets(settings: &EventSettings) -> anyhow::Result<Vec<Arc<dyn EventTarget>>> {
    let mut targets: Vec<Arc<dyn EventTarget>> = Vec::new();
    for (url, number) in settings.webhooks.iter().zip(1..) {
        targets.push(Arc::new(Webhook::new(url, number)?));
    }
    if settings.log {
        targets.push(Arc::new(LogTarget));
    }
    let ids: BTreeSet<TargetId> = targets.iter().map(|target| target.id()).collect();
    if ids.len() < targets.len() {
        bail!("events-webhook names a URL twice");
    }
    Ok(targets)
}

/// The number of a target: a part of a hash of what it is.
fn target_id(what: &str) -> TargetId {
    let hash = digest::digest(&digest::SHA256, what.as_bytes());
    TargetId(hash.as_ref().iter().take(4).fold(0, |id, byte| id << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::{EventSettings, WebhookUrl, event_targets, target_id};

    fn settings(urls: &[&str], log: bool) -> EventSettings {
        let webhooks = urls.iter().map(|url| WebhookUrl::parse(url).unwrap()).collect();
        EventSettings { webhooks, log }
    }

    #[test]
    fn each_target_has_a_number_of_its_own_that_stays() {
        let both = settings(&["http://a/x", "http://a/y"], true);
        let targets = event_targets(&both).unwrap();
        let names: Vec<_> = targets.iter().map(|target| target.name().to_string()).collect();
        assert_eq!(names, ["webhook 1 (http://a)", "webhook 2 (http://a)", "log"]);
        let again = event_targets(&settings(&["http://a/y"], false)).unwrap();
        assert_eq!(again[0].id(), targets[1].id());
        assert_eq!(target_id("log").0, 0x836f_f184, "databases know it by this number");
        let twice = event_targets(&settings(&["http://a/x", "http://a/x"], false));
        assert_eq!(twice.err().unwrap().to_string(), "events-webhook names a URL twice");
    }
}
