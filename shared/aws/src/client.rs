use std::{fmt, time::Duration};

use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_s3::{
    Client,
    config::{
        Builder, Region, RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
};
use steps::ports::StoreError;

use crate::{
    credentials::{self, Keys},
    options::{S3Options, endpoint, host_of},
};

/// A connection that is not made in this time will not be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How long an answer may take, and how long a body may pause. S3 answers within 20 s under load, tape-backed and
/// federated endpoints within 30 s or so.
pub(crate) const ANSWER: Duration = Duration::from_mins(1);

/// The slowest line that is still a line: 64 MiB take 256 s of it, and a quarter of that at 1 MiB/s.
const SLOWEST_BYTES_PER_SECOND: u64 = 256 * 1024;

/// The region where nobody names one: what endpoints other than AWS expect, and where AWS tells the right one.
const REGION: &str = "us-east-1";

/// How long a PUT of so many bytes may take before it is given up: an answer's time and the body's on the slowest line.
/// A PUT given up may still land for as long.
pub fn put_timeout(bytes: u64) -> Duration {
    ANSWER + Duration::from_secs(bytes.div_ceil(SLOWEST_BYTES_PER_SECOND))
}

/// A client, and what messages and requests need to know of it.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    /// Not AWS: bodies carry our own `Content-MD5`.
    pub(crate) custom: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("endpoint", &self.endpoint).field("region", &self.region).finish_non_exhaustive()
    }
}

/// Whose requests these are and where they go: what every client of one configuration is made of. Found without asking
/// the network; keys that AWS has to hand out are fetched with the first request.
#[derive(Clone)]
pub(crate) struct Access {
    /// What requests are signed for.
    pub(crate) region: String,
    /// The custom endpoint's URL; AWS where absent.
    pub(crate) endpoint_url: Option<String>,
    virtual_host_style: bool,
    credentials: Option<SharedCredentialsProvider>,
    use_fips: Option<bool>,
    use_dual_stack: Option<bool>,
    app_name: Option<AppName>,
}

impl Access {
    /// Resolves options; with `keys`, to those and no others.
    pub(crate) async fn of(options: &S3Options, keys: Option<&Keys>) -> Result<Self, StoreError> {
        match options.endpoint_url.as_deref() {
            Some(url) => Self::custom(url, options, keys).await,
            None => Self::of_aws(options, keys).await,
        }
    }

    async fn custom(url: &str, options: &S3Options, keys: Option<&Keys>) -> Result<Self, StoreError> {
        endpoint(url)?;
        let profiles = credentials::profile_files(options.profile.as_deref()).await?;
        let keys = match keys {
            Some(keys) => keys.provider(),
            None => credentials::for_custom_endpoint(&host_of(url), options.profile.as_deref(), &profiles).await?,
        };
        Ok(Self {
            region: region(options, profiles.get("region")),
            endpoint_url: Some(url.to_owned()),
            virtual_host_style: options.virtual_host_style,
            credentials: Some(keys),
            use_fips: None,
            use_dual_stack: None,
            app_name: None,
        })
    }

    async fn of_aws(options: &S3Options, keys: Option<&Keys>) -> Result<Self, StoreError> {
        let profiles = credentials::profile_files(options.profile.as_deref()).await?;
        // Given here, because the SDK's own chain ends with a call to the instance's metadata.
        let region = region(options, profiles.get("region"));
        let sdk_region = Region::new(region.clone());
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).region(sdk_region.clone());
        if let Some(keys) = keys {
            loader = loader.credentials_provider(keys.provider());
        } else if let Some(profile) = &options.profile {
            // The SDK would still prefer keys of the environment; whoever names a profile means it, as with the `aws`
            // command.
            loader = loader.profile_name(profile).credentials_provider(credentials::of_profile(profile, &sdk_region));
        }
        let sdk = loader.load().await;
        Ok(Self {
            region,
            endpoint_url: None,
            virtual_host_style: false,
            credentials: sdk.credentials_provider(),
            use_fips: sdk.use_fips(),
            use_dual_stack: sdk.use_dual_stack(),
            app_name: sdk.app_name().cloned(),
        })
    }

    /// The same for another region.
    pub(crate) fn in_region(self, region: &str) -> Self {
        Self { region: region.to_owned(), ..self }
    }

    /// An S3 client. `Client::new(&SdkConfig)` of a loaded configuration would ask `AWS_ENDPOINT_URL_S3`,
    /// `AWS_ENDPOINT_URL` and the profile's `endpoint_url` once more, and send one store's objects to the other's
    /// endpoint; so a service's configuration is never made from a loaded one.
    pub(crate) fn s3(&self) -> Opened {
        let mut config = common(self.region.clone());
        config.set_credentials_provider(self.credentials.clone());
        if let Some(url) = &self.endpoint_url {
            config = config
                .endpoint_url(url)
                .force_path_style(!self.virtual_host_style)
                .disable_s3_express_session_auth(true)
                // On the wire the default checksum is `aws-chunked` with a trailer, which R2, Ceph, Linode and others
                // refuse or store as part of the object.
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        }
        config.set_use_fips(self.use_fips);
        config.set_use_dual_stack(self.use_dual_stack);
        config.set_app_name(self.app_name.clone());
        let client = Client::from_conf(config.build());
        let (endpoint, region) = (self.place("S3"), self.region.clone());
        Opened { client, endpoint, region, custom: self.endpoint_url.is_some() }
    }

    /// What clients of other services are made of. It was not loaded, so making one asks no variable and no file.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .timeout_config(timeouts(ANSWER))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(self.endpoint_url.clone());
        config.set_credentials_provider(self.credentials.clone());
        config.set_use_fips(self.use_fips);
        config.set_use_dual_stack(self.use_dual_stack);
        config.set_app_name(self.app_name.clone());
        config.build()
    }

    /// Where a service is, for messages.
    pub(crate) fn place(&self, service: &str) -> String {
        self.endpoint_url.as_deref().map_or_else(|| format!("AWS {service} in {}", self.region), host_of)
    }
}

fn common(region: String) -> Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        // One attempt: the verbs retry, with the run's budget, the deadline and the injected randomness, and count what
        // they did. Attempts of the client's own would multiply theirs and be seen by nobody.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(ANSWER))
        // Every request and body has a limit that follows from its length; a rate measured on top of that kills slow
        // endpoints that think before they answer ("0 B/s").
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
}

/// The limits of one attempt. There is no read timeout: the SDK counts it from the request's first byte, so it would be
/// one on the upload, and each distinct value of it opens a new pool of connections.
pub(crate) fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .disable_read_timeout()
        .operation_attempt_timeout(attempt)
        .disable_operation_timeout()
        .build()
}

fn region(options: &S3Options, of_profile: Option<&str>) -> String {
    let variable = |name: &str| std::env::var(name).ok();
    // Whoever names a profile means its region too, unless the environment's is the only one.
    let named = options.profile.is_some().then(|| of_profile.map(str::to_owned)).flatten();
    options
        .region
        .clone()
        .or(named)
        .or_else(|| variable("AWS_REGION"))
        .or_else(|| variable("AWS_DEFAULT_REGION"))
        .or_else(|| of_profile.map(str::to_owned))
        .filter(|region| !region.trim().is_empty())
        .unwrap_or_else(|| REGION.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_has_time_for_its_body() {
        assert_eq!(put_timeout(0), ANSWER);
        let bytes = 64 * 1024 * 1024;
        assert!(put_timeout(bytes) > Duration::from_secs(bytes / 1_000_000) + ANSWER, "64 MiB on a line of 1 MB/s");
        assert!(put_timeout(bytes) < Duration::from_mins(10));
    }
}
