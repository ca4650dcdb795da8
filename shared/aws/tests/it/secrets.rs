//! Keys from Secrets Manager: what is read, what is refused, and what is never printed.

use aws::Keys;
use serde_json::json as value;
use steps::ports::StoreError;

use crate::scripted::{Scripted, json, json_error};

const ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:target-AbCdEf";

pub(crate) fn secret(text: &str) -> String {
    json(&value!({"ARN": ARN, "Name": "target", "SecretString": text}).to_string())
}

async fn read(server: &Scripted) -> Result<Keys, StoreError> {
    server.aws().await.secret(ARN).await
}

#[tokio::test]
async fn keys_are_read() {
    for text in [
        r#"{"access_key_id":"AKIDTARGET","secret_access_key":"hunter2target"}"#,
        r#"{"AWS_ACCESS_KEY_ID":"AKIDTARGET","AWS_SECRET_ACCESS_KEY":"hunter2target","AWS_SESSION_TOKEN":"t","note":1}"#,
    ] {
        let server = Scripted::start(&[secret(text)]).await;
        let keys = read(&server).await.unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(…)");
        let asked = server.asked();
        assert_eq!((asked.len(), asked[0].operation()), (1, "GetSecretValue"));
        assert_eq!(asked[0].json()["SecretId"], ARN);
        let signed = asked[0].header("authorization").unwrap();
        assert!(signed.contains("/eu-central-1/secretsmanager/"), "the region is the ARN's: {signed}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_a_denial_that_says_why() {
    let account = "User: arn:aws:sts::123456789012:assumed-role/r is not authorized";
    let bad = "400 Bad Request";
    for (answer, said) in [
        (
            json_error(bad, "ResourceNotFoundException", "Secrets Manager can't find it."),
            "create it, or check the parameter TargetSecretArn",
        ),
        (json_error(bad, "AccessDeniedException", account), "the role needs secretsmanager:GetSecretValue on it"),
        (json_error(bad, "DecryptionFailure", "x"), "the role needs kms:Decrypt"),
        (json_error(bad, "InvalidRequestException", "marked for deletion"), "marked for deletion"),
        (json(&value!({"SecretBinary": "aHVudGVyMg=="}).to_string()), "is binary: expected text"),
        (secret("hunter2target"), "is not JSON"),
        (secret(r#"{"access_key_id":"hunter2"}"#), "has no `secret_access_key`"),
    ] {
        let server = Scripted::start(&[answer]).await;
        let error = read(&server).await.unwrap_err();
        assert!(matches!(&error, StoreError::Denied { message } if message.contains(said)), "{said}: {error:?}");
        let text = format!("{error:?}");
        assert!(text.contains("`target-AbCdEf`"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVy") && !text.contains("123456789012"), "{text}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_service_that_stumbles_is_asked_again() {
    let good = secret(r#"{"access_key_id":"a","secret_access_key":"b"}"#);
    let answers = [
        json_error("400 Bad Request", "ThrottlingException", "x"),
        json_error("500 Oops", "InternalServiceError", "x"),
    ];
    let server = Scripted::start(&[&answers[..], &[good]].concat()).await;
    read(&server).await.unwrap();
    assert_eq!(server.asked().len(), 3);

    let down = Scripted::start(&answers[1..]).await;
    let error = read(&down).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("tried 6 times"), "{error:?}");
}
