use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use run::Target;
use steps::ports::{Store, StoreError, Targets};
use url::Url;

use crate::{
    Aws, S3Options, S3Store,
    client::Opened,
    options::{endpoint, host_of},
    renewing::{Renewing, SecretKeys},
};

/// The keys of a secret are fetched again no more often than this.
const RENEWAL: Duration = Duration::from_mins(5);

/// Where a deployed stack may write, as its operator set it. Nothing here is secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackTarget {
    /// The only bucket.
    pub bucket: String,
    /// The only prefix of it; empty for the whole bucket.
    pub prefix: String,
    /// The endpoint of a third party's; the stack's own services' where absent or empty.
    pub endpoint_url: Option<String>,
    /// The bucket's region; the function's where absent or empty.
    pub region: Option<String>,
    /// Puts the bucket in the host's name on a third party's endpoint, where the path is the default.
    pub virtual_host_style: bool,
    /// The ARN of the secret with the bucket's keys (see [`Aws::secret`]); the role's keys where absent or empty.
    pub secret: Option<String>,
}

/// The targets of a deployed stack: one bucket on one endpoint, below one prefix.
///
/// Whoever can write a request names the target. So nothing of a request decides whom this process talks to, or with
/// whose keys: a target that is not the operator's is refused before anything is sent.
#[derive(Debug)]
pub struct StackTargets {
    allowed: StackTarget,
    /// The endpoint, as endpoints are compared; none for AWS.
    endpoint: Option<Url>,
    region: String,
    access: Access,
}

/// Whose keys open the bucket.
#[derive(Debug)]
enum Access {
    Role(Opened),
    Secret(Arc<SecretKeys>),
}

impl StackTargets {
    /// The targets below an allowed place. Sends nothing: a secret is fetched when the first target is opened.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the place is no bucket or prefix, the endpoint is no URL of one, or the place is the
    /// state's own bucket, where a request could overwrite runs; [`StoreError::Denied`] if there is an endpoint of a
    /// third party and no secret with its keys.
    pub fn new(allowed: StackTarget, state_bucket: &str, aws: Aws) -> Result<Self, StoreError> {
        let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let allowed = StackTarget {
            prefix: allowed.prefix.trim_matches('/').to_owned(),
            endpoint_url: given(allowed.endpoint_url),
            region: given(allowed.region),
            secret: given(allowed.secret),
            ..allowed
        };
        check(&allowed, state_bucket)?;
        let region = allowed.region.clone().unwrap_or_else(|| aws.region().to_owned());
        let endpoint_url = allowed.endpoint_url.as_deref().or(aws.endpoint_url());
        let endpoint = endpoint_url.map(endpoint).transpose()?;
        let options = S3Options {
            endpoint_url: endpoint_url.map(str::to_owned),
            region: Some(region.clone()),
            profile: None,
            virtual_host_style: allowed.virtual_host_style && allowed.endpoint_url.is_some(),
        };
        let access = match &allowed.secret {
            None => Access::Role(aws.s3_in(&region)),
            Some(arn) => Access::Secret(Arc::new(SecretKeys::new(aws, arn.clone(), options, RENEWAL))),
        };
        Ok(Self { allowed, endpoint, region, access })
    }

    /// The same, with the keys of the secret fetched again after a denial no more often than this (otherwise: five
    /// minutes).
    #[must_use]
    pub fn renewing_every(self, renewal: Duration) -> Self {
        let access = match self.access {
            Access::Secret(keys) => Access::Secret(Arc::new(keys.renewing_every(renewal))),
            role @ Access::Role(_) => role,
        };
        Self { access, ..self }
    }

    /// What this stack writes to, for messages.
    fn place(&self) -> String {
        let StackTarget { bucket, prefix, .. } = &self.allowed;
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("s3://{bucket}{slash}{prefix}")
    }

    fn denied(&self, what: &str) -> StoreError {
        StoreError::Denied { message: format!("this stack writes to {} only: {what}", self.place()) }
    }

    /// The prefix of a target that is the operator's.
    fn prefix<'a>(&self, target: &'a Target) -> Result<&'a str, StoreError> {
        let Target::S3 { bucket, prefix, endpoint, region } = target else {
            return Err(self.denied("a folder is on one machine, and a stack has none"));
        };
        if *bucket != self.allowed.bucket {
            return Err(self.denied(&format!("the request names bucket `{bucket}` (parameter TargetBucket)")));
        }
        if !is_below(prefix, &self.allowed.prefix) {
            return Err(self.denied(&format!("the request names {target} (parameter TargetPrefix)")));
        }
        if let Some(url) = endpoint.as_deref().filter(|url| !self.is_ours(url)) {
            let host = host_of(url);
            return Err(self.denied(&format!(
                "the request names the endpoint {host} (parameter TargetEndpoint); leave it out to mean the stack's"
            )));
        }
        if let Some(region) = region.as_ref().filter(|region| **region != self.region) {
            let ours = &self.region;
            let region = region.escape_debug();
            return Err(self.denied(&format!(
                "the request names region {region}, the bucket's is {ours} (parameter TargetRegion); leave it out"
            )));
        }
        Ok(prefix)
    }

    /// Whether a request's endpoint is the stack's own.
    fn is_ours(&self, url: &str) -> bool {
        endpoint(url).is_ok_and(|url| self.endpoint.as_ref().is_some_and(|ours| same(ours, &url)))
    }
}

#[async_trait]
impl Targets for StackTargets {
    async fn open(&self, target: &Target) -> Result<Arc<dyn Store>, StoreError> {
        // Once more: what was planned may have been allowed by a stack that was set otherwise then.
        let prefix = self.prefix(target)?;
        let bucket = &self.allowed.bucket;
        Ok(match &self.access {
            Access::Role(opened) => Arc::new(S3Store::of(bucket, prefix, opened.clone())),
            Access::Secret(keys) => {
                keys.opened().await?;
                Arc::new(Renewing::new(bucket, prefix, Arc::clone(keys)))
            }
        })
    }

    /// The target without endpoint and region, which are the stack's.
    fn canonical(&self, target: &Target) -> Result<Target, StoreError> {
        let (bucket, prefix) = (self.allowed.bucket.clone(), self.prefix(target)?.to_owned());
        Ok(Target::S3 { bucket, prefix, endpoint: None, region: None })
    }
}

fn check(allowed: &StackTarget, state_bucket: &str) -> Result<(), StoreError> {
    let refused = |message: String| Err(StoreError::Refused { message });
    match Target::s3(&format!("s3://{}/{}", allowed.bucket, allowed.prefix), None, None) {
        // A slash in the bucket's name would have moved into the prefix.
        Ok(Target::S3 { bucket, .. }) if bucket == allowed.bucket => {}
        Ok(_) => return refused(format!("`{}` is no bucket's name (parameter TargetBucket)", allowed.bucket)),
        Err(error) => {
            return refused(format!("the stack's target: {error} (parameters TargetBucket and TargetPrefix)"));
        }
    }
    let Some(url) = &allowed.endpoint_url else {
        return if allowed.bucket == state_bucket {
            let bucket = &allowed.bucket;
            refused(format!("`{bucket}` is the stack's own bucket: name another for datasets (parameter TargetBucket)"))
        } else {
            Ok(())
        };
    };
    endpoint(url)?;
    if allowed.secret.is_none() {
        let host = host_of(url);
        let message = format!("no keys for {host}: name the secret that holds them (parameter TargetSecretArn)");
        return Err(StoreError::Denied { message });
    }
    Ok(())
}

/// Whether a prefix is another, or below it: segment by segment.
fn is_below(prefix: &str, allowed: &str) -> bool {
    allowed.is_empty() || prefix.strip_prefix(allowed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether two endpoints are one: in whatever case the host, with or without its default port and a slash at the end.
fn same(one: &Url, other: &Url) -> bool {
    let parts = |url: &Url| {
        let host = url.host_str().map(|host| host.trim_end_matches('.').to_owned());
        (url.scheme().to_owned(), host, url.port_or_known_default(), url.path().trim_end_matches('/').to_owned())
    };
    parts(one) == parts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_compared_by_segments() {
        for (prefix, allowed, below) in [
            ("a", "", true),
            ("", "", true),
            ("a", "a", true),
            ("a/b", "a", true),
            ("ab", "a", false),
            ("", "a", false),
            ("b/a", "a", false),
            ("a", "a/b", false),
        ] {
            assert_eq!(is_below(prefix, allowed), below, "{prefix} below {allowed}");
        }
    }

    #[test]
    fn endpoints_are_compared_as_urls() {
        let same = |one: &str, other: &str| same(&Url::parse(one).unwrap(), &Url::parse(other).unwrap());
        assert!(same("https://S3.example.org/", "https://s3.example.org:443"));
        assert!(same("https://s3.example.org./x/", "https://s3.example.org/x"));
        for other in
            ["http://s3.example.org", "https://s3.example.org:8443", "https://s3.example.org/x", "https://x.org"]
        {
            assert!(!same("https://s3.example.org", other), "{other}");
        }
    }
}
