//! Comparison operators: `StringEquals`, `NumericLessThanPath`, `IsNull` and the others.

use std::cmp::Ordering;

use stepyard_json::Json;

use super::timestamp;

/// An operator by its name in the States Language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Compares with a value: `StringEquals`, `BooleanEqualsPath`.
    Compare {
        /// What is asked of the order of the two.
        comparison: Comparison,
        /// The type of both.
        kind: Kind,
        /// Whether the operand is a path.
        by_path: bool,
    },
    /// `StringMatches`.
    StringMatches,
    /// `IsNull` and its siblings.
    Type(TypeTest),
}

/// What a comparison asks of the order of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `...Equals`.
    Equals,
    /// `...LessThan`.
    LessThan,
    /// `...GreaterThan`.
    GreaterThan,
    /// `...LessThanEquals`.
    LessThanEquals,
    /// `...GreaterThanEquals`.
    GreaterThanEquals,
}

/// The type that a comparison compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `String...`.
    String,
    /// `Numeric...`.
    Numeric,
    /// `Boolean...`.
    Boolean,
    /// `Timestamp...`.
    Timestamp,
}

/// Tests of a value's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeTest {
    /// `IsBoolean`.
    IsBoolean,
    /// `IsNull`.
    IsNull,
    /// `IsNumeric`.
    IsNumeric,
    /// `IsPresent`.
    IsPresent,
    /// `IsString`.
    IsString,
    /// `IsTimestamp`.
    IsTimestamp,
}

impl Operator {
    /// All operators.
    pub fn all() -> impl Iterator<Item = Operator> {
        let compared = Kind::ALL.into_iter().flat_map(|kind| {
            kind.comparisons().iter().flat_map(move |&comparison| {
                [false, true].map(|by_path| Operator::Compare { comparison, kind, by_path })
            })
        });
        compared
            .chain([Operator::StringMatches])
            .chain(TypeTest::ALL.into_iter().map(Operator::Type))
    }

    /// The operator of that name.
    pub fn by_name(name: &str) -> Option<Operator> {
        Operator::all().find(|operator| operator.name() == name)
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Operator::Compare { comparison, kind, by_path } => {
                let suffix = if by_path { "Path" } else { "" };
                format!("{}{}{suffix}", kind.prefix(), comparison.word())
            }
            Operator::StringMatches => "StringMatches".into(),
            Operator::Type(test) => test.name().into(),
        }
    }
}

impl Comparison {
    const ALL: [Comparison; 5] = [
        Comparison::Equals,
        Comparison::LessThan,
        Comparison::GreaterThan,
        Comparison::LessThanEquals,
        Comparison::GreaterThanEquals,
    ];

    fn word(self) -> &'static str {
        match self {
            Comparison::Equals => "Equals",
            Comparison::LessThan => "LessThan",
            Comparison::GreaterThan => "GreaterThan",
            Comparison::LessThanEquals => "LessThanEquals",
            Comparison::GreaterThanEquals => "GreaterThanEquals",
        }
    }

    pub(super) fn accepts(self, order: Ordering) -> bool {
        match self {
            Comparison::Equals => order.is_eq(),
            Comparison::LessThan => order.is_lt(),
            Comparison::GreaterThan => order.is_gt(),
            Comparison::LessThanEquals => order.is_le(),
            Comparison::GreaterThanEquals => order.is_ge(),
        }
    }
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::String, Kind::Numeric, Kind::Boolean, Kind::Timestamp];

    fn prefix(self) -> &'static str {
        match self {
            Kind::String => "String",
            Kind::Numeric => "Numeric",
            Kind::Boolean => "Boolean",
            Kind::Timestamp => "Timestamp",
        }
    }

    /// Booleans have no order.
    fn comparisons(self) -> &'static [Comparison] {
        match self {
            Kind::Boolean => &[Comparison::Equals],
            _ => &Comparison::ALL,
        }
    }

    /// The order of two values; `None` when one of them is not of this type.
    pub(super) fn compare(self, left: &Json, right: &Json) -> Option<Ordering> {
        match self {
            Kind::String => Some(left.as_str()?.cmp(right.as_str()?)),
            Kind::Boolean => Some(left.as_bool()?.cmp(&right.as_bool()?)),
            Kind::Timestamp => Some(timestamp(left)?.cmp(&timestamp(right)?)),
            Kind::Numeric => match (left.as_i64(), right.as_i64()) {
                (Some(left), Some(right)) => Some(left.cmp(&right)),
                _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
            },
        }
    }

    /// Whether a literal operand is of this type.
    pub(super) fn admits(self, operand: &Json) -> bool {
        match self {
            Kind::String => operand.as_str().is_some(),
            Kind::Numeric => operand.as_number().is_some(),
            Kind::Boolean => operand.as_bool().is_some(),
            Kind::Timestamp => timestamp(operand).is_some(),
        }
    }

    /// The type in the words of a diagnostic.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Kind::String => "Expected value of type String",
            Kind::Numeric => "Expected value of type Number",
            Kind::Boolean => "Expected value of type Boolean",
            Kind::Timestamp => "String does not match RFC3339 timestamp",
        }
    }
}

impl TypeTest {
    const ALL: [TypeTest; 6] = [
        TypeTest::IsBoolean,
        TypeTest::IsNull,
        TypeTest::IsNumeric,
        TypeTest::IsPresent,
        TypeTest::IsString,
        TypeTest::IsTimestamp,
    ];

    fn name(self) -> &'static str {
        match self {
            TypeTest::IsBoolean => "IsBoolean",
            TypeTest::IsNull => "IsNull",
            TypeTest::IsNumeric => "IsNumeric",
            TypeTest::IsPresent => "IsPresent",
            TypeTest::IsString => "IsString",
            TypeTest::IsTimestamp => "IsTimestamp",
        }
    }

    /// Whether a value that is there passes.
    pub(super) fn holds(self, value: &Json) -> bool {
        match self {
            TypeTest::IsBoolean => value.as_bool().is_some(),
            TypeTest::IsNull => value.is_null(),
            TypeTest::IsNumeric => value.as_number().is_some(),
            TypeTest::IsPresent => true,
            TypeTest::IsString => value.as_str().is_some(),
            TypeTest::IsTimestamp => timestamp(value).is_some(),
        }
    }
}
