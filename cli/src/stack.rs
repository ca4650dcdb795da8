//! Finding a deployed stack: from options and variables to its state store and what it calls its parts.

mod outputs;
mod state;

use aws::{Aws, S3Options};
pub(crate) use outputs::{Outputs, undispatched};
use run::{Reason, ReasonKind};
pub(crate) use state::State;

use crate::{arguments::StackArguments, failure::Failure};

/// A deployed stack, as far as it is known.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) state: State,
    /// What its outputs say; nothing where only the bucket was named.
    pub(crate) outputs: Option<Outputs>,
    pub(crate) aws: Aws,
    /// What a person adds to a command to mean this stack again; begins with a blank, or is empty where the environment
    /// says it.
    pub(crate) again: String,
}

/// How a stack was named.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    stack: Option<String>,
    bucket: Option<String>,
}

impl Stack {
    /// The stack that is meant.
    pub(crate) async fn find(arguments: &StackArguments) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let Some(named) = named(arguments, variable) else {
            let message = "which stack? name it with --stack or DAP2ZARR_STACK, or its state bucket with \
                           --state-bucket or DAP2ZARR_STATE_BUCKET";
            return Err(Reason::new(ReasonKind::BadRequest, message).into());
        };
        // Nothing that speaks of the target's endpoint is asked.
        let endpoint_url =
            arguments.state_endpoint_url.clone().or_else(|| aws::state_endpoint_from_environment(variable));
        let options = S3Options {
            endpoint_url,
            region: arguments.region.clone(),
            profile: arguments.profile.clone(),
            virtual_host_style: false,
        };
        let aws = Aws::load(&options).await.map_err(|error| Failure::new(ReasonKind::State, &error))?;
        let outputs = match &named.stack {
            Some(name) => Some(Outputs::of(name, &aws).await?),
            None => None,
        };
        let bucket = named.bucket.or_else(|| Some(outputs.as_ref()?.state_bucket.clone())).unwrap_or_default();
        Ok(Self { state: State::new(aws.store(&bucket, "")), outputs, aws, again: again(arguments) })
    }

    /// Whether the environment or the arguments name a stack at all.
    pub(crate) fn is_named(arguments: &StackArguments) -> bool {
        named(arguments, |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty())).is_some()
    }
}

/// What an argument says counts more than any variable, and a bucket that was given more than the stack's output.
fn named(arguments: &StackArguments, variable: impl Fn(&str) -> Option<String>) -> Option<Named> {
    let (stack, bucket) = (arguments.stack.clone(), arguments.state_bucket.clone());
    if stack.is_some() || bucket.is_some() {
        return Some(Named { stack, bucket });
    }
    match (variable("DAP2ZARR_STACK"), variable("DAP2ZARR_STATE_BUCKET")) {
        (None, None) => None,
        (stack @ Some(_), _) => Some(Named { stack, bucket: None }),
        (None, bucket) => Some(Named { stack: None, bucket }),
    }
}

fn again(arguments: &StackArguments) -> String {
    let options = [
        ("stack", &arguments.stack),
        ("state-bucket", &arguments.state_bucket),
        ("state-endpoint-url", &arguments.state_endpoint_url),
        ("region", &arguments.region),
        ("profile", &arguments.profile),
    ];
    let given = options.iter().filter_map(|(name, value)| Some(format!(" --{name} {}", value.as_ref()?)));
    given.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_count_more_than_variables() {
        let both = |name: &str| match name {
            "DAP2ZARR_STACK" => Some("from-environment".to_owned()),
            "DAP2ZARR_STATE_BUCKET" => Some("bucket-from-environment".to_owned()),
            _ => None,
        };
        let text = |text: &str| Some(text.to_owned());
        let given = StackArguments { stack: text("given"), ..StackArguments::default() };
        assert_eq!(named(&given, both), Some(Named { stack: text("given"), bucket: None }));
        let given = StackArguments { state_bucket: text("given"), ..StackArguments::default() };
        assert_eq!(named(&given, both), Some(Named { stack: None, bucket: text("given") }));
        assert_eq!(again(&given), " --state-bucket given");
        let given = StackArguments::default();
        assert_eq!(named(&given, both), Some(Named { stack: text("from-environment"), bucket: None }));
        assert_eq!((named(&given, |_| None), again(&given)), (None, String::new()));
    }
}
