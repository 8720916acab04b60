//! The members of a request, from JSON into the types of the SDK.

use anyhow::{Context, bail, ensure};
use aws_sdk_sfn::types::{
    ExecutionStatus, IncludedData, InspectionLevel, MockErrorOutput, MockInput,
    RoutingConfigurationListItem, StateMachineType, Tag,
};
use serde_json::{Map, Value};

/// Members that have not been taken yet.
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// # Errors
    /// When the value is no object.
    pub(crate) fn new(value: Value) -> anyhow::Result<Members> {
        match value {
            Value::Object(members) => Ok(Members(members)),
            other => bail!("{other} is no object"),
        }
    }

    /// Takes the member that a setter of the SDK sets.
    ///
    /// # Errors
    /// When its type is another one.
    pub(crate) fn take<T: Member>(&mut self, setter: &str) -> anyhow::Result<Option<T>> {
        let name = camel_case(setter.trim_start_matches("set_"));
        let Some(value) = self.0.remove(&name) else { return Ok(None) };
        T::read(value).with_context(|| format!("the member {name}")).map(Some)
    }

    /// # Errors
    /// When a member is left that nobody has taken.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        let left: Vec<&String> = self.0.keys().collect();
        ensure!(left.is_empty(), "nothing sets the members {left:?}");
        Ok(())
    }
}

/// The name of a member as the service model has it, from that of the SDK.
pub(crate) fn camel_case(name: &str) -> String {
    // The one name whose words do not tell its capitals.
    if name == "billed_memory_used_in_mb" {
        return "billedMemoryUsedInMB".into();
    }
    let mut words = name.trim_start_matches("r#").split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_ascii_uppercase() + &word[1..])
}

/// A type of a member.
pub(crate) trait Member: Sized {
    fn read(value: Value) -> anyhow::Result<Self>;
}

impl Member for String {
    fn read(value: Value) -> anyhow::Result<String> {
        value.as_str().map(str::to_owned).context("no text")
    }
}

impl Member for bool {
    fn read(value: Value) -> anyhow::Result<bool> {
        value.as_bool().context("no boolean")
    }
}

impl Member for i32 {
    fn read(value: Value) -> anyhow::Result<i32> {
        Ok(value.as_i64().context("no integer")?.try_into()?)
    }
}

impl Member for f32 {
    fn read(value: Value) -> anyhow::Result<f32> {
        // The least precise type that the SDK has.
        value.to_string().parse().context("no number")
    }
}

impl<T: Member> Member for Vec<T> {
    fn read(value: Value) -> anyhow::Result<Vec<T>> {
        let Value::Array(items) = value else { bail!("no list") };
        items.into_iter().map(T::read).collect()
    }
}

macro_rules! words {
    ($($enumeration:ident),*) => {
        $(impl Member for $enumeration {
            fn read(value: Value) -> anyhow::Result<$enumeration> {
                value.as_str().map($enumeration::from).context("no word")
            }
        })*
    };
}

words!(ExecutionStatus, IncludedData, InspectionLevel, StateMachineType);

impl Member for Tag {
    fn read(value: Value) -> anyhow::Result<Tag> {
        let mut members = Members::new(value)?;
        let tag = Tag::builder().set_key(members.take("key")?).set_value(members.take("value")?);
        members.finish()?;
        Ok(tag.build())
    }
}

impl Member for RoutingConfigurationListItem {
    fn read(value: Value) -> anyhow::Result<RoutingConfigurationListItem> {
        let mut members = Members::new(value)?;
        let item = RoutingConfigurationListItem::builder()
            .set_state_machine_version_arn(members.take("state_machine_version_arn")?)
            .set_weight(members.take("weight")?);
        members.finish()?;
        Ok(item.build()?)
    }
}

impl Member for MockInput {
    fn read(value: Value) -> anyhow::Result<MockInput> {
        let mut members = Members::new(value)?;
        let mock = MockInput::builder().set_error_output(members.take("error_output")?);
        members.finish()?;
        Ok(mock.build())
    }
}

impl Member for MockErrorOutput {
    fn read(value: Value) -> anyhow::Result<MockErrorOutput> {
        let mut members = Members::new(value)?;
        let error = MockErrorOutput::builder()
            .set_error(members.take("error")?)
            .set_cause(members.take("cause")?);
        members.finish()?;
        Ok(error.build())
    }
}
