//! `Resource` of a Task state.

use std::fmt;
use std::sync::Arc;

/// What a Task state calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// `arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]`.
    Lambda(LambdaFunction),
    /// `arn:aws:states:REGION:ACCOUNT:activity:NAME`.
    Activity {
        /// The ARN.
        arn: Arc<str>,
    },
    /// `arn:aws:states:::SERVICE:ACTION[.PATTERN]`.
    Service(ServiceCall),
}

/// A Lambda function named by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LambdaFunction {
    /// The ARN as it is written.
    pub arn: Arc<str>,
    /// Name of the function.
    pub name: Arc<str>,
    /// Version or alias.
    pub qualifier: Option<Arc<str>>,
}

/// A service integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCall {
    /// The ARN as it is written.
    pub arn: Arc<str>,
    /// `lambda`, `states`, `aws-sdk:sfn`: the `resourceType` of history events.
    pub service: Arc<str>,
    /// `invoke`, `startExecution`, without the pattern.
    pub action: Arc<str>,
    /// How the call is waited for.
    pub pattern: Pattern,
}

/// Integration patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Go on when the service has answered.
    RequestResponse,
    /// `.sync`: go on when what was started has ended.
    Sync,
    /// `.sync:2`: the same, with parsed output.
    Sync2,
    /// `.waitForTaskToken`: go on when the token comes back.
    WaitForTaskToken,
}

impl Pattern {
    /// What follows the action in the resource.
    pub fn suffix(self) -> &'static str {
        match self {
            Pattern::RequestResponse => "",
            Pattern::Sync => ".sync",
            Pattern::Sync2 => ".sync:2",
            Pattern::WaitForTaskToken => ".waitForTaskToken",
        }
    }
}

impl Resource {
    /// Reads a resource; `None` when it is not one of the three forms.
    pub fn parse(text: &str) -> Option<Resource> {
        let mut parts = text.splitn(6, ':');
        let (scheme, _partition) = (parts.next()?, parts.next()?);
        let (service, _region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let rest = parts.next()?;
        let arn = Arc::from(text);
        match (scheme, service) {
            ("arn", "lambda") => lambda(arn, rest),
            ("arn", "states") if account.is_empty() => service_call(arn, rest),
            ("arn", "states") => {
                let name = rest.strip_prefix("activity:")?;
                (!name.is_empty()).then_some(Resource::Activity { arn })
            }
            _ => None,
        }
    }

    /// Whether whoever gets the task gets a token by which it can be ended.
    pub fn gives_token(&self) -> bool {
        match self {
            Resource::Lambda(_) => false,
            Resource::Activity { .. } => true,
            Resource::Service(call) => call.pattern != Pattern::RequestResponse,
        }
    }

    /// Whether a task ends when what its call has started does: `.sync` and `.sync:2`.
    pub fn waits_for_a_job(&self) -> bool {
        match self {
            Resource::Service(call) => matches!(call.pattern, Pattern::Sync | Pattern::Sync2),
            Resource::Lambda(_) | Resource::Activity { .. } => false,
        }
    }

    /// The ARN as it is written.
    pub fn arn(&self) -> &Arc<str> {
        match self {
            Resource::Lambda(function) => &function.arn,
            Resource::Activity { arn } => arn,
            Resource::Service(call) => &call.arn,
        }
    }
}

fn lambda(arn: Arc<str>, rest: &str) -> Option<Resource> {
    let mut parts = rest.strip_prefix("function:")?.splitn(2, ':');
    let name = parts.next().filter(|name| !name.is_empty())?;
    let qualifier = parts.next().map(Arc::from);
    Some(Resource::Lambda(LambdaFunction { arn, name: name.into(), qualifier }))
}

fn service_call(arn: Arc<str>, rest: &str) -> Option<Resource> {
    // The pattern may hold a colon itself, so it is cut off first.
    let patterns = [Pattern::Sync2, Pattern::Sync, Pattern::WaitForTaskToken];
    let (call, pattern) = patterns
        .into_iter()
        .find_map(|pattern| Some((rest.strip_suffix(pattern.suffix())?, pattern)))
        .unwrap_or((rest, Pattern::RequestResponse));
    let (service, action) = call.rsplit_once(':')?;
    if service.is_empty() || action.is_empty() {
        return None;
    }
    Some(Resource::Service(ServiceCall {
        arn,
        service: service.into(),
        action: action.into(),
        pattern,
    }))
}

/// The ARN.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.arn())
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Resource};

    #[test]
    fn lambda_functions_have_name_and_qualifier() {
        for (arn, name, qualifier) in [
            (
                "arn:aws:lambda:region:acct:function:ImageProcessorFunction",
                "ImageProcessorFunction",
                None,
            ),
            ("arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", "f", Some("$LATEST")),
        ] {
            let Some(Resource::Lambda(function)) = Resource::parse(arn) else { panic!("{arn}") };
            assert_eq!((&*function.name, function.qualifier.as_deref()), (name, qualifier));
        }
    }

    #[test]
    fn service_calls_have_service_action_and_pattern() {
        for (arn, service, action, pattern) in [
            ("arn:aws:states:::lambda:invoke", "lambda", "invoke", Pattern::RequestResponse),
            (
                "arn:aws:states:::states:startExecution.sync:2",
                "states",
                "startExecution",
                Pattern::Sync2,
            ),
            ("arn:aws:states:::ecs:runTask.sync", "ecs", "runTask", Pattern::Sync),
            (
                "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "sqs",
                "sendMessage",
                Pattern::WaitForTaskToken,
            ),
            (
                "arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",
                "aws-sdk:sfn",
                "sendTaskSuccess",
                Pattern::RequestResponse,
            ),
        ] {
            let Some(Resource::Service(call)) = Resource::parse(arn) else { panic!("{arn}") };
            assert_eq!((&*call.service, &*call.action, call.pattern), (service, action, pattern));
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "x",
            "arn:aws:s3:::bucket",
            "arn:aws:states:::lambda",
            "arn:aws:lambda:r:a:function:",
            "arn:aws:states:r:a:activity:",
        ] {
            assert_eq!(Resource::parse(text), None, "{text}");
        }
    }
}
