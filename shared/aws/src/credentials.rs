//! Whose keys sign the requests.
//!
//! AWS: the default chain (environment, profile, web identity, container, instance). A custom endpoint: the environment
//! and profile files, and nothing else. A role's keys are AWS's to check, and of no use to anyone else but to whoever
//! would collect them.

use std::{borrow::Cow, fmt};

use aws_config::{
    environment::EnvironmentVariableCredentialsProvider,
    profile::{ProfileFileCredentialsProvider, ProfileSet},
    provider_config::ProviderConfig,
};
use aws_sdk_s3::config::{Credentials, ProvideCredentials as _, Region, SharedCredentialsProvider};
use steps::ports::StoreError;

/// Keys that were found elsewhere than in the environment or a profile: in a secret, say. Never printed.
#[derive(Clone)]
pub struct Keys(Credentials);

impl Keys {
    /// A pair of keys without a session.
    pub fn new(access_key_id: &str, secret_access_key: &str) -> Self {
        Self::of_session(access_key_id, secret_access_key, None)
    }

    /// Keys with the token of their session, if they have one.
    pub fn of_session(access_key_id: &str, secret_access_key: &str, session_token: Option<&str>) -> Self {
        let token = session_token.map(str::to_owned);
        Self(Credentials::new(access_key_id, secret_access_key, token, None, "dap2zarr"))
    }

    /// Access key, secret key and session token.
    pub(crate) fn parts(&self) -> (&str, &str, Option<&str>) {
        (self.0.access_key_id(), self.0.secret_access_key(), self.0.session_token())
    }

    pub(crate) fn provider(&self) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(self.0.clone())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// What a profile must not have if its keys are to go to a custom endpoint: each makes AWS hand out a role's keys.
const OF_A_ROLE: [&str; 6] =
    ["role_arn", "credential_source", "web_identity_token_file", "sso_session", "sso_start_url", "login_session"];

/// The profile files as the environment names them, with a profile selected.
#[expect(
    clippy::default_trait_access,
    reason = "the files, and the machine they are read from, have no name in `aws_config`"
)]
pub(crate) async fn profile_files(profile: Option<&str>) -> Result<ProfileSet, StoreError> {
    let selected = profile.map(|name| Cow::Owned(name.to_owned()));
    aws_config::profile::load(&Default::default(), &Default::default(), &Default::default(), selected).await.map_err(
        |error| StoreError::Denied { message: format!("the AWS profile files cannot be read: {}", causes(&error)) },
    )
}

/// The keys for AWS of one profile, which may name a role, SSO or a process.
pub(crate) fn of_profile(profile: &str, region: &Region) -> SharedCredentialsProvider {
    let config = ProviderConfig::without_region().with_region(Some(region.clone()));
    let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build();
    SharedCredentialsProvider::new(provider)
}

/// The keys for a custom endpoint.
pub(crate) async fn for_custom_endpoint(
    host: &str,
    profile: Option<&str>,
    profiles: &ProfileSet,
) -> Result<SharedCredentialsProvider, StoreError> {
    let environment = EnvironmentVariableCredentialsProvider::new();
    if profile.is_none() && environment.provide_credentials().await.is_ok() {
        return Ok(SharedCredentialsProvider::new(environment));
    }
    let name = profiles.selected_profile();
    let denied = |message: String| Err(StoreError::Denied { message });
    let Some(found) = profiles.get_profile(name) else {
        return denied(format!(
            "no credentials for {host}: {}there is no profile `{name}` in {}; {ADVICE}",
            environment_said(profile),
            files()
        ));
    };
    if let Some(property) = OF_A_ROLE.iter().find(|property| found.get(property).is_some()) {
        return denied(format!(
            "no credentials for {host}: profile `{name}` has `{property}`, and the keys of an AWS role are not sent to \
             endpoints other than AWS; {ADVICE}"
        ));
    }
    if found.get("aws_access_key_id").is_none() && found.get("credential_process").is_none() {
        return denied(format!(
            "no credentials for {host}: {}profile `{name}` in {} holds no keys; {ADVICE}",
            environment_said(profile),
            files()
        ));
    }
    Ok(SharedCredentialsProvider::new(ProfileFileCredentialsProvider::builder().profile_name(name).build()))
}

const ADVICE: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to the endpoint's keys, or name a profile that \
                      holds aws_access_key_id and aws_secret_access_key";

/// What to do where AWS's own chain found nothing.
pub(crate) const AWS_ADVICE: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile of ~/.aws/config, \
                                     or log in with `aws sso login`";

fn environment_said(profile: Option<&str>) -> &'static str {
    if profile.is_some() { "" } else { "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set, and " }
}

fn files() -> String {
    let file = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    format!(
        "{} or {}",
        file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
        file("AWS_CONFIG_FILE", "~/.aws/config")
    )
}

/// An error and its causes in one line, each said once.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}
