use serde::{Deserialize, Serialize};

/// What things cost, in dollars: the list prices of us-east-1 for functions on arm64.
///
/// | what | price | source |
/// |---|---|---|
/// | `lambda_gb_second` | 0.0000133334 | AWS Lambda pricing, arm64 (`x86_64`: 0.0000166667) |
/// | `lambda_call` | 0.0000002 | AWS Lambda pricing: 0.20 a million |
/// | `queue_call` | 0.0000004 | Amazon SQS pricing, standard queues: 0.40 a million |
/// | `put` | 0.000005 | Amazon S3 pricing, PUT and LIST: 0.005 a thousand |
/// | `get` | 0.0000004 | Amazon S3 pricing, GET and HEAD: 0.0004 a thousand |
/// | `storage_gb_month` | 0.023 | Amazon S3 pricing, standard storage, the first 50 TB |
///
/// They differ between regions and change; `dated` says when they were looked up. The free tier is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// When and for where these were looked up.
    pub dated: String,
    /// A gigabyte (2^30 bytes) of a function's memory for a second.
    pub lambda_gb_second: f64,
    /// A call of a function.
    pub lambda_call: f64,
    /// A call of a queue: send, receive or delete.
    pub queue_call: f64,
    /// A PUT or LIST.
    pub put: f64,
    /// A GET or HEAD.
    pub get: f64,
    /// Keeping 10^9 bytes for a month.
    pub storage_gb_month: f64,
}

impl Default for Prices {
    fn default() -> Self {
        Self {
            dated: "2026-11, us-east-1".to_owned(),
            lambda_gb_second: 0.000_013_333_4,
            lambda_call: 0.000_000_2,
            queue_call: 0.000_000_4,
            put: 0.000_005,
            get: 0.000_000_4,
            storage_gb_month: 0.023,
        }
    }
}

impl Prices {
    /// Whether every price is one: a number, and not below zero.
    pub fn are_valid(&self) -> bool {
        let all = [self.lambda_gb_second, self.lambda_call, self.queue_call, self.put, self.get, self.storage_gb_month];
        all.iter().all(|price| price.is_finite() && *price >= 0.0)
    }
}
