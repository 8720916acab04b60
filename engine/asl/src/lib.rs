//! Amazon States Language: text to diagnostics and a typed program.
//!
//! [`compile`] takes the text of a definition and tells every fault of it, or gives a [`Program`]:
//! the same state machine with resolved transitions and compiled paths. The parts of a program that
//! compute (paths, payload templates, intrinsic functions, conditions) evaluate against an [`Env`].

mod choice;
mod compile;
mod diagnostic;
mod distributed;
mod env;
mod expression;
mod intrinsic;
mod jsonata;
mod jsonpath;
mod lower;
mod path;
mod program;
mod references;
mod repeated;
mod resource;
mod template;
mod text_source;
mod timestamp;
mod variable;

pub use choice::{Choice, Comparison, Kind, Operator, Test, TypeTest};
pub use compile::{
    Compilation, DEFINITION_BYTES_MAX, WorkflowType, compile, compile_accepted, compile_as,
};
pub use diagnostic::{Code, Diagnostic, Severity};
pub use distributed::{
    BATCH_BYTES_MAX, Count, CsvDelimiter, CsvHeaders, Distributed, ITEMS_MAX, InputType,
    ItemBatcher, ItemReader, ManifestType, OutputType, ReaderConfig, ReaderSource, ResultWriter,
    Transformation, WriterConfig,
};
pub use env::{EXPRESSION_FUEL, Env, EvalError, Surroundings};
pub use expression::Expression;
pub use intrinsic::{Function, Intrinsic};
pub use jsonata::{Jsonata, StatesMember};
pub use path::{NotFound, Path};
pub use program::{
    Catcher, ChoiceRule, ChoiceState, ErrorEquals, Fail, Flow, Items, JitterStrategy, Map,
    MaxConcurrency, Outcome, Parallel, Pass, Program, ResultPath, Retrier, Scope, ScopeId, Seconds,
    State, StateId, StateKind, Task, Tolerated, Transition, Wait, WaitUntil,
};
pub use references::VariableNames;
pub use resource::{LambdaFunction, Pattern, Resource, ServiceCall};
pub use stepyard_jsonata::Random;
pub use template::Template;
pub use text_source::TextSource;
pub use timestamp::Timestamp;
