use std::fmt;

use steps::ports::StoreError;
use url::Url;

use crate::credentials::profile_files;

/// How a bucket is reached. Nothing here is secret: keys come from the environment and from profile files.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct S3Options {
    /// The endpoint's URL; AWS where absent. No variable and no file is asked for it: see [`endpoint_from_environment`].
    pub endpoint_url: Option<String>,
    /// The region. Where absent: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's, `us-east-1`.
    pub region: Option<String>,
    /// The profile whose keys are used, whatever keys the environment holds. Where absent: the environment's keys, else
    /// the profile of `AWS_PROFILE` or `default`.
    pub profile: Option<String>,
    /// Puts the bucket in the host's name on a custom endpoint too, where the path is the default.
    pub virtual_host_style: bool,
}

impl fmt::Debug for S3Options {
    /// Leaves out what a user may have put before the host.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("endpoint", &self.endpoint_url.as_deref().map(host_of))
            .field("region", &self.region)
            .field("profile", &self.profile)
            .field("virtual_host_style", &self.virtual_host_style)
            .finish()
    }
}

/// The *target's* endpoint as the environment gives it: `AWS_ENDPOINT_URL_S3`, then `AWS_S3_ENDPOINT`, which GDAL and
/// others write without a scheme (https is meant). Nothing if `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true.
pub fn endpoint_from_environment(get: impl Fn(&str) -> Option<String>) -> Option<String> {
    first_of(&["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT"], get)
}

/// The *state store's* endpoint as the environment gives it: `AWS_ENDPOINT_URL`, and none of the target's variables.
/// Nothing if `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is true.
pub fn state_endpoint_from_environment(get: impl Fn(&str) -> Option<String>) -> Option<String> {
    first_of(&["AWS_ENDPOINT_URL"], get)
}

/// The `endpoint_url` of a profile. It is a *target's*: keys made for that endpoint would be refused by AWS.
///
/// # Errors
/// [`StoreError::Denied`] if the profile files cannot be read.
pub async fn endpoint_from_profile(profile: &str) -> Result<Option<String>, StoreError> {
    let profiles = profile_files(Some(profile)).await?;
    Ok(profiles.get("endpoint_url").filter(|url| !url.trim().is_empty()).map(with_scheme))
}

fn first_of(names: &[&str], get: impl Fn(&str) -> Option<String>) -> Option<String> {
    if get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.trim().eq_ignore_ascii_case("true")) {
        return None;
    }
    names.iter().filter_map(|name| get(name)).find(|value| !value.trim().is_empty()).map(|value| with_scheme(&value))
}

fn with_scheme(address: &str) -> String {
    let address = address.trim().trim_end_matches('/');
    if address.contains("://") { address.to_owned() } else { format!("https://{address}") }
}

/// The endpoint's URL, if it is one that requests can be sent to.
pub(crate) fn endpoint(text: &str) -> Result<Url, StoreError> {
    let refused = |what: &str| StoreError::Refused {
        message: format!("the endpoint {} {what}: expected http://host:port or https://host", host_of(text)),
    };
    let url = Url::parse(text).map_err(|_| refused("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refused("is not one for S3"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("holds a user name or password, which belong in the environment or a profile"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("has a query or a fragment"));
    }
    Ok(url)
}

/// `host:port`, for messages.
pub(crate) fn host_of(text: &str) -> String {
    Url::parse(text)
        .ok()
        .and_then(|url| {
            let host = url.host_str()?.to_owned();
            Some(url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
        })
        .unwrap_or_else(|| "(not a URL)".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_targets_variables_never_reach_the_state() {
        let all = [
            ("AWS_ENDPOINT_URL", "http://state:1/"),
            ("AWS_ENDPOINT_URL_S3", "http://target:2"),
            ("AWS_S3_ENDPOINT", "gdal:3"),
        ];
        assert_eq!(endpoint_from_environment(environment(&all)).as_deref(), Some("http://target:2"));
        assert_eq!(state_endpoint_from_environment(environment(&all)).as_deref(), Some("http://state:1"));
        assert_eq!(endpoint_from_environment(environment(&all[..1])), None);
        assert_eq!(state_endpoint_from_environment(environment(&all[1..])), None);
        assert_eq!(endpoint_from_environment(environment(&all[2..])).as_deref(), Some("https://gdal:3"));
        let empty = [("AWS_ENDPOINT_URL_S3", " "), ("AWS_S3_ENDPOINT", "gdal:3")];
        assert_eq!(endpoint_from_environment(environment(&empty)).as_deref(), Some("https://gdal:3"));
    }

    #[test]
    fn configured_endpoints_can_be_ignored() {
        let ignored = [
            ("AWS_ENDPOINT_URL", "http://state:1"),
            ("AWS_ENDPOINT_URL_S3", "http://target:2"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ];
        assert_eq!(endpoint_from_environment(environment(&ignored)), None);
        assert_eq!(state_endpoint_from_environment(environment(&ignored)), None);
    }

    #[test]
    fn an_endpoint_is_checked_and_its_user_never_printed() {
        for good in ["http://127.0.0.1:9000", "https://s3.example.org", "https://example.org/s3", "http://[::1]:9000"] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for bad in
            ["ftp://host", "host", "http://", "http://u:hunter2@host", "http://host?x=1", "http://host#x", "file:///x"]
        {
            let message = endpoint(bad).unwrap_err().to_string();
            assert!(!message.contains("hunter2"), "{message}");
        }
        let options = S3Options { endpoint_url: Some("http://u:hunter2@host:1".to_owned()), ..S3Options::default() };
        assert!(!format!("{options:?}").contains("hunter2"));
        assert!(format!("{options:?}").contains("host:1"));
    }
}
