use std::{collections::HashMap, fmt};

use async_trait::async_trait;
use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::put_object::{PutObjectError, builders::PutObjectFluentBuilder},
    primitives::{ByteStream, DateTime},
};
use bytes::Bytes;
use jiff::Timestamp;
use run::Target;
use steps::ports::{Entry, Head, Metadata, Object, Store, StoreError};

use crate::{
    Keys, S3Options,
    body::{self, BodyError},
    client::{self, Access, Opened},
    place::Place,
    put_timeout,
};

/// A bucket's prefix as a store.
///
/// `ETag`s are passed on as the endpoint writes them, quotes included.
#[derive(Clone)]
pub struct S3Store {
    pub(crate) client: Client,
    pub(crate) place: Place,
    /// Not AWS: every PUT carries `Content-MD5`.
    custom: bool,
}

impl fmt::Debug for S3Store {
    /// Leaves the client out: it knows the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Store").field("place", &self.place).field("custom", &self.custom).finish_non_exhaustive()
    }
}

impl S3Store {
    /// The store of a bucket's objects below a prefix; keys are relative to it. Reads the profile files, and sends nothing.
    ///
    /// # Errors
    /// [`StoreError::Denied`] if there are no keys for a custom endpoint, or the profile files cannot be read;
    /// [`StoreError::Refused`] if the endpoint is no URL of one. That AWS's own chain finds no keys shows at the first
    /// request, as [`StoreError::Denied`].
    pub async fn open(bucket: &str, prefix: &str, options: &S3Options) -> Result<Self, StoreError> {
        Self::open_as(bucket, prefix, options, None).await
    }

    /// As [`Self::open`], with these keys and no others.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with_keys(
        bucket: &str,
        prefix: &str,
        options: &S3Options,
        keys: &Keys,
    ) -> Result<Self, StoreError> {
        Self::open_as(bucket, prefix, options, Some(keys)).await
    }

    async fn open_as(bucket: &str, prefix: &str, options: &S3Options, keys: Option<&Keys>) -> Result<Self, StoreError> {
        Ok(Self::of(bucket, prefix, Access::of(options, keys).await?.s3()))
    }

    /// The store that a client sees.
    pub(crate) fn of(bucket: &str, prefix: &str, opened: Opened) -> Self {
        let Opened { client, endpoint, region, custom } = opened;
        let prefix = prefix.trim_matches('/').to_owned();
        Self { client, place: Place { bucket: bucket.to_owned(), prefix, endpoint, region }, custom }
    }

    /// The store of a run's target. Endpoint and region are the target's, which a plan may have fixed long ago; where it
    /// names no region, the options' is taken. The endpoint of the options is not.
    ///
    /// # Errors
    /// As [`Self::open`]; [`StoreError::Refused`] if the target is a folder.
    pub async fn open_target(target: &Target, options: &S3Options) -> Result<Self, StoreError> {
        match target {
            Target::S3 { bucket, prefix, endpoint, region } => {
                let region = region.clone().or_else(|| options.region.clone());
                let options = S3Options { endpoint_url: endpoint.clone(), region, ..options.clone() };
                Self::open(bucket, prefix, &options).await
            }
            Target::Folder { path } => {
                Err(StoreError::Refused { message: format!("the target {path} is a folder, not a bucket") })
            }
        }
    }

    async fn put_object(&self, key: &str, bytes: &Bytes) -> Result<PutObjectFluentBuilder, StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.place.bucket)
            .key(self.place.key(key)?)
            .content_length(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
            .body(ByteStream::from(bytes.clone()));
        Ok(if self.custom { request.content_md5(body::content_md5(bytes).await) } else { request })
    }

    /// Sends a PUT with the time its body needs, and returns the `ETag`.
    async fn send(&self, put: PutObjectFluentBuilder, bytes: &Bytes) -> Result<Option<String>, PutFailure> {
        let limits = client::timeouts(put_timeout(bytes.len() as u64));
        let config = aws_sdk_s3::Config::builder().timeout_config(limits);
        let output = put.customize().config_override(config).send().await.map_err(Box::new)?;
        Ok(output.e_tag.filter(|etag| !etag.is_empty()))
    }

    /// Sends a PUT with a condition. `false`: the condition did not hold.
    async fn send_if(&self, key: &str, put: PutObjectFluentBuilder, bytes: &Bytes) -> Result<bool, StoreError> {
        match self.send(put, bytes).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(412) => Ok(false),
            Err(error) => Err(self.place.failed("put", key, &error)),
        }
    }
}

type PutFailure = Box<SdkError<PutObjectError, HttpResponse>>;

#[async_trait]
impl Store for S3Store {
    async fn put(&self, key: &str, bytes: Bytes, metadata: &Metadata) -> Result<Option<String>, StoreError> {
        let metadata: HashMap<String, String> = metadata.clone().into_iter().collect();
        let put = self.put_object(key, &bytes).await?.set_metadata((!metadata.is_empty()).then_some(metadata));
        self.send(put, &bytes).await.map_err(|error| self.place.failed("put", key, &error))
    }

    async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool, StoreError> {
        let put = self.put_object(key, &bytes).await?.if_none_match("*");
        self.send_if(key, put, &bytes).await
    }

    async fn put_if_match(&self, key: &str, bytes: Bytes, etag: &str) -> Result<bool, StoreError> {
        let put = self.put_object(key, &bytes).await?.if_match(etag);
        match self.send(put, &bytes).await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(412) => Ok(false),
            // S3 says 404 where there is no object to match; a missing bucket is another matter.
            Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => Ok(false),
            Err(error) => Err(self.place.failed("put", key, &error)),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError> {
        let request = self.client.get_object().bucket(&self.place.bucket).key(self.place.key(key)?);
        let output = match request.send().await {
            Ok(output) => output,
            Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => return Ok(None),
            Err(error) => return Err(self.place.failed("get", key, &error)),
        };
        let bytes = body::read(output.body, output.content_length).await.map_err(|error| match error {
            BodyError::Broken(what) => self.place.transient("get", key, &what),
            BodyError::TooLarge(bytes) => {
                self.place.refused("get", key, &format!("the object has {bytes} bytes, at most 2 GiB were expected"))
            }
        })?;
        Ok(Some(Object {
            bytes,
            etag: output.e_tag.filter(|etag| !etag.is_empty()),
            version: output.version_id.and_then(version),
            modified: output.last_modified.as_ref().and_then(time),
        }))
    }

    async fn head(&self, key: &str) -> Result<Option<Head>, StoreError> {
        let request = self.client.head_object().bucket(&self.place.bucket).key(self.place.key(key)?);
        let output = match request.send().await {
            Ok(output) => output,
            // The answer to a HEAD has no body, so a missing bucket looks the same; every other operation names it.
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(self.place.failed("head", key, &error)),
        };
        let length = output.content_length.and_then(|length| u64::try_from(length).ok());
        let length = length.ok_or_else(|| self.place.transient("head", key, "the answer gives no length"))?;
        let metadata = output.metadata.unwrap_or_default().into_iter().collect();
        let etag = output.e_tag.filter(|etag| !etag.is_empty());
        Ok(Some(Head { length, etag, version: output.version_id.and_then(version), metadata }))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>, StoreError> {
        self.list_all(prefix).await
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.place.bucket).key(self.place.key(key)?);
        match request.send().await {
            Ok(_) => Ok(()),
            // S3 answers 204 where there was nothing; some endpoints say so instead.
            Err(error) if status(&error) == Some(404) && error.code() != Some("NoSuchBucket") => Ok(()),
            Err(error) => Err(self.place.failed("delete", key, &error)),
        }
    }
}

/// An object's version; a bucket without versioning gives none, or one that says so.
fn version(id: String) -> Option<String> {
    (!id.is_empty() && id != "null").then_some(id)
}

/// The SDK's time as ours.
pub(crate) fn time(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    match error {
        SdkError::ServiceError(service) => Some(service.raw().status().as_u16()),
        SdkError::ConstructionFailure(_)
        | SdkError::TimeoutError(_)
        | SdkError::DispatchFailure(_)
        | SdkError::ResponseError(_)
        | _ => None,
    }
}
