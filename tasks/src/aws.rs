//! How AWS is reached, whichever of its services is meant.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_lambda::config::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Longest wait for a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a service of AWS is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Used when the SDK finds none.
    pub(crate) default_region: String,
    /// A URL that takes any credentials, whatever the environment says.
    pub(crate) endpoint: Option<String>,
}

impl Place {
    /// Whatever the SDK's own environment variables, files and services say.
    pub(crate) fn of_environment(default_region: impl Into<String>) -> Place {
        Place { default_region: default_region.into(), endpoint: None }
    }

    /// An endpoint that takes any credentials.
    pub(crate) fn at(endpoint: impl Into<String>, default_region: impl Into<String>) -> Place {
        Place { endpoint: Some(endpoint.into()), ..Place::of_environment(default_region) }
    }

    /// Reads the configuration; `finish` sets what is the service's own.
    pub(crate) async fn load(
        &self,
        finish: impl FnOnce(ConfigLoader) -> ConfigLoader,
    ) -> SdkConfig {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        // Not the SDK's whole chain: asking the instance metadata service takes seconds where there is none.
        let regions = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new())
            .or_else(Region::new(self.default_region.clone()));
        let mut loader =
            aws_config::defaults(BehaviorVersion::latest()).http_client(http).region(regions);
        if let Some(endpoint) = &self.endpoint {
            let any = Credentials::new("any", "any", None, None, "stepyard");
            loader = loader.endpoint_url(endpoint).credentials_provider(any);
        }
        finish(loader).load().await
    }
}

/// Whether the environment says where a service is or who calls it, so that calling it makes sense. `endpoint` is the
/// variable of the service's own URL; `variable` reads an environment variable.
pub(crate) fn is_configured(endpoint: &str, variable: impl Fn(&str) -> Option<String>) -> bool {
    const HINTS: [&str; 7] = [
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    is_set(endpoint) || HINTS.into_iter().any(is_set)
}

/// An error and what lies under it, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    sources(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// An error and what lies under it.
pub(crate) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
