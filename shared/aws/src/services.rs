use std::{fmt, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_sqs::config::retry::RetryConfig;
use steps::ports::{QueueError, StoreError};

use crate::{
    Keys, S3Options, S3Store, SqsQueue,
    client::{Access, Opened, timeouts},
    state_endpoint_from_environment,
};

/// How long an answer of SQS or Secrets Manager may take: both answer in milliseconds, and are asked again.
pub(crate) const SHORT_ANSWER: Duration = Duration::from_secs(10);

/// The SDK's configuration, loaded once for a process: region, credentials and endpoint of the stack's own services
/// (state bucket, queues, secrets). Loading it reads variables and files, and asks no network.
#[derive(Clone)]
pub struct Aws {
    access: Access,
    config: SdkConfig,
    /// Made once, so that stores share its connections.
    objects: Opened,
    queues: aws_sdk_sqs::Client,
}

impl fmt::Debug for Aws {
    /// Leaves out whatever knows the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("place", &self.place("services")).finish_non_exhaustive()
    }
}

impl Aws {
    /// As the environment says: on Lambda the role's keys (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`,
    /// `AWS_SESSION_TOKEN`) and `AWS_REGION`; with `AWS_ENDPOINT_URL`, that endpoint for every service.
    ///
    /// # Errors
    /// As [`S3Store::open`].
    pub async fn from_environment() -> Result<Self, StoreError> {
        let endpoint_url = state_endpoint_from_environment(|name| std::env::var(name).ok());
        Self::load(&S3Options { endpoint_url, ..S3Options::default() }).await
    }

    /// As these options say, whose endpoint is that of every service.
    ///
    /// # Errors
    /// As [`S3Store::open`].
    pub async fn load(options: &S3Options) -> Result<Self, StoreError> {
        Ok(Self::of(Access::of(options, None).await?))
    }

    /// As [`Self::load`], with these keys and no others.
    ///
    /// # Errors
    /// As [`S3Store::open_with_keys`].
    pub async fn with_keys(options: &S3Options, keys: &Keys) -> Result<Self, StoreError> {
        Ok(Self::of(Access::of(options, Some(keys)).await?))
    }

    fn of(access: Access) -> Self {
        let config = access.sdk_config();
        let queues = aws_sdk_sqs::config::Builder::from(&config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(SHORT_ANSWER))
            .build();
        Self { objects: access.s3(), queues: aws_sdk_sqs::Client::from_conf(queues), access, config }
    }

    /// What requests are signed for.
    pub fn region(&self) -> &str {
        &self.access.region
    }

    /// The URL of the endpoint that stands in for AWS (LocalStack, say), where there is one.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.access.endpoint_url.as_deref()
    }

    /// What clients of further services are made of, by `Config::from(&SdkConfig)`. No such client asks the environment
    /// for an endpoint of its own.
    pub const fn sdk_config(&self) -> &SdkConfig {
        &self.config
    }

    /// The store of a bucket's objects below a prefix. Sends nothing.
    pub fn store(&self, bucket: &str, prefix: &str) -> S3Store {
        S3Store::of(bucket, prefix, self.objects.clone())
    }

    /// An S3 client for a region.
    pub(crate) fn s3_in(&self, region: &str) -> Opened {
        if region == self.region() { self.objects.clone() } else { self.access.clone().in_region(region).s3() }
    }

    /// Where a service is, for messages.
    pub(crate) fn place(&self, service: &str) -> String {
        self.access.place(service)
    }

    /// The queue of a URL. Sends nothing.
    ///
    /// # Errors
    /// A permanent [`QueueError`] if this is no queue's URL.
    pub fn queue(&self, url: &str) -> Result<SqsQueue, QueueError> {
        SqsQueue::new(self.queues.clone(), url, self.place("SQS"))
    }
}
