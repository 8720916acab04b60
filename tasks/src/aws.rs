//! How AWS is reached, whichever of its services is meant.

use std::error::Error;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::config::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_types::service_config::ServiceConfigKey;

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

    /// Where calls with that configuration go.
    pub(crate) fn called(&self, config: &SdkConfig, service: Service) -> Called {
        let Service { id, variable } = service;
        let key = ServiceConfigKey::builder()
            .service_id(id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
        let general = config.endpoint_url().map(str::to_owned);
        Called {
            endpoint: self.endpoint.clone().or(own).or(general),
            region: config.region().map_or_else(String::new, ToString::to_string),
            variable,
        }
    }
}

/// A service of AWS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// Its name in configuration files.
    pub(crate) id: &'static str,
    /// The environment variable of its URL.
    pub(crate) variable: &'static str,
}

/// Where calls of a service go, as errors tell it.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    /// A URL, when it is not AWS's own.
    endpoint: Option<String>,
    region: String,
    variable: &'static str,
}

/// What a service says when it does not know who calls it: AWS never says so to an execution.
const UNKNOWN_CALLER: [&str; 6] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

impl Called {
    /// What was asked for, and where.
    pub(crate) fn place(&self, asked: &str) -> String {
        match &self.endpoint {
            Some(endpoint) => format!("{asked} at {endpoint}"),
            None => format!("{asked} at AWS in {}", self.region),
        }
    }

    /// Why a call was not answered, with its place and what to do about it.
    pub(crate) fn unanswered(&self, asked: &str, error: &(dyn Error + 'static)) -> String {
        let lacks_credentials = sources(error).any(<dyn Error>::is::<CredentialsError>);
        let advice = if lacks_credentials { self.advice() } else { String::new() };
        format!("{} ({}{advice})", chain(error), self.place(asked))
    }

    /// What to do when a service answers with that code; nothing when it is not about who calls.
    pub(crate) fn advice_for(&self, code: &str) -> String {
        if UNKNOWN_CALLER.contains(&code) { self.advice() } else { String::new() }
    }

    fn advice(&self) -> String {
        let Called { region, variable, .. } = self;
        format!(
            "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to credentials of \
             that place, AWS_REGION if it is not {region}, and {variable} if it is not AWS"
        )
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
