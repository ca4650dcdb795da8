use aws_sdk_secretsmanager::{Client, config::Builder, config::Region, config::retry::RetryConfig};
use serde_json::{Map, Value};
use steps::ports::StoreError;

use crate::{Aws, Keys, attempts::Attempts, client::timeouts, error::Class, fault::Fault, services::SHORT_ANSWER};

/// The names that a key may have in a secret: ours, and those of the variables that it would be set by.
const ACCESS_KEY_ID: [&str; 2] = ["access_key_id", "AWS_ACCESS_KEY_ID"];
const SECRET_ACCESS_KEY: [&str; 2] = ["secret_access_key", "AWS_SECRET_ACCESS_KEY"];
const SESSION_TOKEN: [&str; 2] = ["session_token", "AWS_SESSION_TOKEN"];

impl Aws {
    /// The keys in a secret of Secrets Manager, given by ARN or name. Its text is a JSON object with `access_key_id`,
    /// `secret_access_key` and, where the keys have one, `session_token`; or with the same under the names
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`. Other members are left alone. One request,
    /// tried a few times.
    ///
    /// # Errors
    /// [`StoreError::Denied`] if there is no such secret, it may not be read, or holds no keys, without a word of what
    /// it holds; [`StoreError::Transient`] if the service cannot be reached.
    pub async fn secret(&self, arn: &str) -> Result<Keys, StoreError> {
        let name = name(arn);
        let denied = |what: &str| StoreError::Denied { message: format!("the secret `{name}` {what}") };
        let output = {
            let client = self.secrets(arn);
            let mut attempts = Attempts::at("secret");
            loop {
                match client.get_secret_value().secret_id(arn).send().await {
                    Ok(output) => break output,
                    Err(error) => {
                        let again = attempts.again(Fault::of(&error)).await;
                        again.map_err(|fault| self.not_given(name, &fault))?;
                    }
                }
            }
        };
        match output.secret_string.as_deref() {
            Some(text) => keys(text).map_err(|what| denied(&what)),
            None => Err(denied("is binary: expected text, a JSON object with access_key_id and secret_access_key")),
        }
    }

    /// A client for the region that an ARN names, else for ours. Made for one request: there are few in a process's life.
    fn secrets(&self, arn: &str) -> Client {
        let config = Builder::from(self.sdk_config())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(SHORT_ANSWER));
        let region =
            arn.strip_prefix("arn:").and_then(|rest| rest.split(':').nth(2)).filter(|region| !region.is_empty());
        Client::from_conf(match region {
            Some(region) => config.region(Region::new(region.to_owned())).build(),
            None => config.build(),
        })
    }

    fn not_given(&self, name: &str, fault: &Fault) -> StoreError {
        let place = self.place("Secrets Manager");
        let mut message = format!("the secret `{name}` was not given by {place}: {}", fault.what());
        let advice = match fault.class {
            Class::Transient => return StoreError::Transient { message, retry_after: None },
            Class::Missing => "; create it, or check the parameter TargetSecretArn",
            _ if fault.code == "DecryptionFailure" => "; the role needs kms:Decrypt with the secret's key",
            Class::Denied if !fault.code.is_empty() => {
                "; the role needs secretsmanager:GetSecretValue on it, and kms:Decrypt where a key of yours encrypts it"
            }
            Class::Denied | Class::Full | Class::Refused => "",
        };
        message.push_str(advice);
        StoreError::Denied { message }
    }
}

/// A secret's name, which an ARN ends with; before it stands the account's number.
fn name(arn: &str) -> &str {
    arn.split_once(":secret:").map_or(arn, |(_, name)| name)
}

/// The keys in a secret's text; or what is wrong with it, in words that repeat nothing of it.
fn keys(text: &str) -> Result<Keys, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("is not JSON: line {} column {}", error.line(), error.column()))?;
    let Value::Object(members) = value else {
        return Err("is not a JSON object: expected access_key_id and secret_access_key".to_owned());
    };
    let required = |names| member(&members, names)?.ok_or_else(|| absent(names));
    let (id, secret) = (required(ACCESS_KEY_ID)?, required(SECRET_ACCESS_KEY)?);
    Ok(Keys::of_session(id, secret, member(&members, SESSION_TOKEN)?))
}

/// A member under one of its names. One that is null or empty is none.
fn member<'a>(members: &'a Map<String, Value>, names: [&str; 2]) -> Result<Option<&'a str>, String> {
    let found =
        names.into_iter().find_map(|name| members.get(name).filter(|value| !value.is_null()).map(|v| (name, v)));
    let Some((name, value)) = found else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| format!("has a `{name}` that is not a string"))?.trim();
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("has a `{name}` with spaces or characters that no key has"));
    }
    Ok((!text.is_empty()).then_some(text))
}

fn absent([ours, variable]: [&str; 2]) -> String {
    format!("has no `{ours}` (or `{variable}`)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_under_both_names() {
        let read =
            |text: &str, token: Option<&str>| assert_eq!(keys(text).unwrap().parts(), ("AKID", "hunter2", token));
        read(r#"{"access_key_id":"AKID","secret_access_key":"hunter2"}"#, None);
        let both = r#"{"AWS_ACCESS_KEY_ID":" AKID\n","AWS_SECRET_ACCESS_KEY":"hunter2","session_token":"t","x":{}}"#;
        read(both, Some("t"));
        let empty = r#"{"access_key_id":"AKID","secret_access_key":"hunter2","session_token":""}"#;
        read(empty, None);
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_it() {
        for (text, said) in [
            ("hunter2", "is not JSON: line 1 column 1"),
            (r#"{"access_key_id":"hunter2""#, "is not JSON: line 1 column 26"),
            (r#"["hunter2"]"#, "is not a JSON object"),
            (r#"{"secret_access_key":"hunter2"}"#, "has no `access_key_id` (or `AWS_ACCESS_KEY_ID`)"),
            (r#"{"access_key_id":"hunter2"}"#, "has no `secret_access_key` (or `AWS_SECRET_ACCESS_KEY`)"),
            (r#"{"access_key_id":"hunter2","secret_access_key":""}"#, "has no `secret_access_key`"),
            (r#"{"access_key_id":"hunter2","secret_access_key":{"hunter2":1}}"#, "that is not a string"),
            (r#"{"access_key_id":"hunter2","secret_access_key":"hunter2\nx"}"#, "with spaces"),
        ] {
            let what = keys(text).unwrap_err();
            assert!(what.contains(said), "{text}: {what}");
            assert!(!what.contains("hunter2"), "{what}");
        }
    }

    #[test]
    fn a_secret_goes_by_its_name() {
        assert_eq!(name("arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf"), "a/b-AbCdEf");
        assert_eq!(name("a/b"), "a/b");
    }
}
