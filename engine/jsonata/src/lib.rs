//! JSONata 2.x: compiled once, evaluated over shared JSON values.
//!
//! An [`Expression`] is a function of its input: the time, the randomness and the budget of steps are
//! arguments, and an evaluation ends within its budget, on a small stack, whatever the expression is.
//! Data is never copied: what an expression builds holds parts of its input by reference.
//!
//! ```
//! use stepyard_json::Json;
//! use stepyard_jsonata::{Dialect, Evaluated, Expression, Input};
//!
//! let expression = Expression::compile("$sum(items.price)", Dialect::Plain).unwrap();
//! let data = Json::parse(r#"{"items":[{"price":1.5},{"price":2}]}"#).unwrap();
//! let result = expression.evaluate(&mut Input::new(Some(data))).unwrap();
//! assert_eq!(result, Evaluated::Value(Json::parse("3.5").unwrap()));
//! ```

mod ast;
mod builtins;
mod compile;
mod datetime;
mod error;
mod eval;
mod expression;
mod fault;
mod limits;
mod memory;
mod messages;
mod number;
mod pattern;
mod random;
mod syntax;
mod value;

pub use compile::References;
pub use error::{Error, ErrorKind};
pub use expression::{Bindings, Dialect, Evaluated, Expression, Input};
pub use limits::{DEPTH_MAX, MEMORY_MAX, NESTING_MAX, SOURCE_MAX};
pub use random::Random;
