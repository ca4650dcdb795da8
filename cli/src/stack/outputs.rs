use std::error::Error;

use advisor::Workers;
use aws::Aws;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cloudformation::{
    Client,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::describe_stacks::DescribeStacksError,
    types::Stack,
};
use run::{Reason, ReasonKind, Target};

use crate::{arguments::FunctionArgument, failure::Failure, plan::cost};

/// What a deployed stack says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outputs {
    pub(crate) state_bucket: String,
    /// Names of the functions.
    pub(crate) functions: Vec<(FunctionArgument, String)>,
    /// `s3://bucket/prefix/`, below which datasets lie.
    target_url: Option<String>,
    /// Its functions, as its parameters say; the template's defaults where they are not told.
    pub(crate) workers: Workers,
}

impl Outputs {
    /// Asks `CloudFormation`.
    pub(crate) async fn of(name: &str, aws: &Aws) -> Result<Self, Failure> {
        let answer = Client::new(aws.sdk_config()).describe_stacks().stack_name(name).send().await;
        let place =
            aws.endpoint_url().map_or_else(|| aws.region().to_owned(), |url| format!("{} at {url}", aws.region()));
        let stacks = answer.map_err(|error| refused(name, &place, &error))?.stacks.unwrap_or_default();
        let Some(stack) = stacks.first() else {
            return Err(missing(name, &place));
        };
        Self::read(name, stack).map_err(Failure::from)
    }

    fn read(name: &str, stack: &Stack) -> Result<Self, Reason> {
        let output = |key: &str| {
            let found = stack.outputs().iter().find(|output| output.output_key() == Some(key));
            found.and_then(|output| output.output_value()).map(str::to_owned)
        };
        let wanted = |key: &str| {
            output(key).ok_or_else(|| {
                let status = stack.stack_status().map_or("unknown", |status| status.as_str());
                let message = if status.ends_with("_COMPLETE") && !status.contains("ROLLBACK") {
                    format!(
                        "stack `{name}` has no output {key}, so it is not a dap2zarr stack, or an older one: deploy \
                         template.yaml again, or name another stack"
                    )
                } else {
                    format!(
                        "stack `{name}` has no output {key}: its status is {status}; wait until it is deployed, or see \
                         what went wrong with `aws cloudformation describe-stack-events --stack-name {name}`"
                    )
                };
                Reason::new(ReasonKind::BadRequest, message)
            })
        };
        Ok(Self {
            state_bucket: wanted("StateBucket")?,
            functions: vec![
                (FunctionArgument::Planner, wanted("PlannerFunction")?),
                (FunctionArgument::Chunk, wanted("ChunkFunction")?),
                (FunctionArgument::Finalizer, wanted("FinalizerFunction")?),
            ],
            target_url: output("TargetUrl"),
            workers: workers(stack),
        })
    }

    /// Refuses a target that the stack would refuse later.
    pub(crate) fn check(&self, target: &Target) -> Result<(), Failure> {
        let Some(allowed) = &self.target_url else { return Ok(()) };
        if format!("{target}/").starts_with(allowed.as_str()) {
            return Ok(());
        }
        let message = format!("the stack writes below {allowed} alone, not to {target}");
        Err(Reason::new(ReasonKind::BadRequest, message).into())
    }
}

/// The chunk functions, by parameters of the stack.
fn workers(stack: &Stack) -> Workers {
    let number = |key: &str| -> Option<u64> {
        let found = stack.parameters().iter().find(|parameter| parameter.parameter_key() == Some(key));
        found?.parameter_value()?.parse().ok()
    };
    let at_once = number("MaximumConcurrency").and_then(|number| u32::try_from(number).ok());
    let memory = number("ChunkMemoryMb").and_then(|megabytes| megabytes.checked_mul(1 << 20));
    Workers { at_once: at_once.unwrap_or(cost::STACK.at_once), memory: memory.or(cost::STACK.memory) }
}

fn missing(name: &str, place: &str) -> Failure {
    let message = format!(
        "there is no stack `{name}` in {place}: check its name, the region (--region) and the account (--profile)"
    );
    Reason::new(ReasonKind::BadRequest, message).into()
}

fn refused(name: &str, place: &str, error: &SdkError<DescribeStacksError>) -> Failure {
    let what = format!("stack `{name}` cannot be looked up in {place}");
    let Some(service) = error.as_service_error() else {
        return undispatched(&what, error);
    };
    let (code, said) = (service.code().unwrap_or_default(), service.message().unwrap_or_default());
    if code == "ValidationError" && said.contains("does not exist") {
        return missing(name, place);
    }
    let advice = if code.contains("AccessDenied") {
        "; the keys need cloudformation:DescribeStacks, or name the state bucket with --state-bucket"
    } else if code.starts_with("Expired") {
        "; the session is over: log in again"
    } else {
        ""
    };
    Reason::new(ReasonKind::State, format!("{what}: {code}: {}{advice}", said.trim_end_matches('.'))).into()
}

/// A request that met no answer that we could read.
pub(crate) fn undispatched(what: &str, error: &(dyn Error + 'static)) -> Failure {
    let mut next = Some(error);
    let mut without_keys = false;
    while let Some(this) = next {
        without_keys |= this.downcast_ref::<CredentialsError>().is_some();
        next = this.source();
    }
    let advice = if without_keys {
        "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile with --profile, or \
         log in with `aws sso login`: "
    } else {
        ""
    };
    Reason::new(ReasonKind::State, format!("{what}: {advice}{}", causes(error))).into()
}

/// An error and its causes in one line, each said once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::{Output, Parameter, StackStatus};

    use super::*;

    fn stack(status: StackStatus, outputs: &[(&str, &str)]) -> Stack {
        let output = |(key, value): &(&str, &str)| Output::builder().output_key(*key).output_value(*value).build();
        Stack::builder().stack_status(status).set_outputs(Some(outputs.iter().map(output).collect())).build()
    }

    const OURS: [(&str, &str); 5] = [
        ("StateBucket", "state"),
        ("PlannerFunction", "x-planner"),
        ("ChunkFunction", "x-chunk"),
        ("FinalizerFunction", "x-finalizer"),
        ("TargetUrl", "s3://data/zarr/"),
    ];

    #[test]
    fn a_stack_of_ours_tells_its_parts() {
        let outputs = Outputs::read("x", &stack(StackStatus::UpdateComplete, &OURS)).unwrap();
        assert_eq!(outputs.state_bucket, "state");
        assert_eq!(outputs.functions[1], (FunctionArgument::Chunk, "x-chunk".to_owned()));
        for (target, good) in [("s3://data/zarr/a", true), ("s3://data/zarr", true), ("s3://data/zarrs", false)] {
            let target = Target::s3(target, None, None).unwrap();
            assert_eq!(outputs.check(&target).is_ok(), good, "{target}");
        }
    }

    #[test]
    fn its_functions_are_as_its_parameters_say() {
        let with = |parameters: &[(&str, &str)]| {
            let parameter =
                |(key, value): &(&str, &str)| Parameter::builder().parameter_key(*key).parameter_value(*value).build();
            let parameters = parameters.iter().map(parameter).collect();
            let outputs = stack(StackStatus::CreateComplete, &OURS).outputs().to_vec();
            let stack = Stack::builder().set_outputs(Some(outputs)).set_parameters(Some(parameters)).build();
            Outputs::read("x", &stack).unwrap().workers
        };
        let told = with(&[("MaximumConcurrency", "16"), ("ChunkMemoryMb", "3008"), ("Contact", "")]);
        assert_eq!(told, Workers { at_once: 16, memory: Some(3_008 << 20) });
        assert_eq!(with(&[("MaximumConcurrency", "many")]), cost::STACK);
    }

    #[test]
    fn a_stack_that_is_not_ours_or_not_there_yet_says_what_to_do() {
        let foreign = stack(StackStatus::CreateComplete, &[("Url", "http://x")]);
        let message = Outputs::read("web", &foreign).unwrap_err().message;
        assert!(message.contains("is not a dap2zarr stack"), "{message}");
        let young = stack(StackStatus::CreateInProgress, &[]);
        let message = Outputs::read("web", &young).unwrap_err().message;
        assert!(message.contains("its status is CREATE_IN_PROGRESS; wait"), "{message}");
        let broken = stack(StackStatus::RollbackComplete, &[]);
        let message = Outputs::read("web", &broken).unwrap_err().message;
        assert!(message.contains("describe-stack-events --stack-name web"), "{message}");
    }
}
