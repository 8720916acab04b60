//! The functions by name, with their numbers of arguments.

use std::ops::RangeInclusive;

use stepyard_json::Json;

use super::{Arguments, array, encoding, json, math, text};
use crate::{EvalError, Random};

/// An intrinsic function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `States.Array`.
    Array,
    /// `States.ArrayContains`.
    ArrayContains,
    /// `States.ArrayGetItem`.
    ArrayGetItem,
    /// `States.ArrayLength`.
    ArrayLength,
    /// `States.ArrayPartition`.
    ArrayPartition,
    /// `States.ArrayRange`.
    ArrayRange,
    /// `States.ArrayUnique`.
    ArrayUnique,
    /// `States.Base64Decode`.
    Base64Decode,
    /// `States.Base64Encode`.
    Base64Encode,
    /// `States.Format`.
    Format,
    /// `States.Hash`.
    Hash,
    /// `States.JsonMerge`.
    JsonMerge,
    /// `States.JsonToString`.
    JsonToString,
    /// `States.MathAdd`.
    MathAdd,
    /// `States.MathRandom`.
    MathRandom,
    /// `States.StringSplit`.
    StringSplit,
    /// `States.StringToJson`.
    StringToJson,
    /// `States.UUID`.
    Uuid,
}

impl Function {
    /// All functions.
    pub const ALL: [Function; 18] = [
        Function::Array,
        Function::ArrayContains,
        Function::ArrayGetItem,
        Function::ArrayLength,
        Function::ArrayPartition,
        Function::ArrayRange,
        Function::ArrayUnique,
        Function::Base64Decode,
        Function::Base64Encode,
        Function::Format,
        Function::Hash,
        Function::JsonMerge,
        Function::JsonToString,
        Function::MathAdd,
        Function::MathRandom,
        Function::StringSplit,
        Function::StringToJson,
        Function::Uuid,
    ];

    /// The function of that name.
    pub fn by_name(name: &str) -> Option<Function> {
        Function::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Its name in the States Language.
    pub fn name(self) -> &'static str {
        match self {
            Function::Array => "States.Array",
            Function::ArrayContains => "States.ArrayContains",
            Function::ArrayGetItem => "States.ArrayGetItem",
            Function::ArrayLength => "States.ArrayLength",
            Function::ArrayPartition => "States.ArrayPartition",
            Function::ArrayRange => "States.ArrayRange",
            Function::ArrayUnique => "States.ArrayUnique",
            Function::Base64Decode => "States.Base64Decode",
            Function::Base64Encode => "States.Base64Encode",
            Function::Format => "States.Format",
            Function::Hash => "States.Hash",
            Function::JsonMerge => "States.JsonMerge",
            Function::JsonToString => "States.JsonToString",
            Function::MathAdd => "States.MathAdd",
            Function::MathRandom => "States.MathRandom",
            Function::StringSplit => "States.StringSplit",
            Function::StringToJson => "States.StringToJson",
            Function::Uuid => "States.UUID",
        }
    }

    /// How many arguments it takes.
    pub(super) fn arity(self) -> RangeInclusive<usize> {
        match self {
            Function::Array => 0..=usize::MAX,
            Function::Format => 1..=usize::MAX,
            Function::Uuid => 0..=0,
            Function::ArrayLength
            | Function::ArrayUnique
            | Function::Base64Decode
            | Function::Base64Encode
            | Function::JsonToString
            | Function::StringToJson => 1..=1,
            Function::ArrayContains
            | Function::ArrayGetItem
            | Function::ArrayPartition
            | Function::Hash
            | Function::MathAdd
            | Function::StringSplit => 2..=2,
            Function::ArrayRange | Function::JsonMerge => 3..=3,
            Function::MathRandom => 2..=3,
        }
    }
}

/// Calls a function with evaluated arguments.
pub(super) fn call(arguments: &Arguments<'_>, random: &mut Random) -> Result<Json, EvalError> {
    match arguments.function {
        Function::Array => Ok(arguments.values.to_vec().into()),
        Function::ArrayContains => array::contains(arguments),
        Function::ArrayGetItem => array::get_item(arguments),
        Function::ArrayLength => array::length(arguments),
        Function::ArrayPartition => array::partition(arguments),
        Function::ArrayRange => array::range(arguments),
        Function::ArrayUnique => array::unique(arguments),
        Function::Base64Decode => encoding::base64_decode(arguments),
        Function::Base64Encode => encoding::base64_encode(arguments),
        Function::Format => text::format(arguments),
        Function::Hash => encoding::hash(arguments),
        Function::JsonMerge => json::merge(arguments),
        Function::JsonToString => json::to_string(arguments),
        Function::MathAdd => math::add(arguments),
        Function::MathRandom => math::random(arguments, random),
        Function::StringSplit => text::split(arguments),
        Function::StringToJson => json::from_string(arguments),
        Function::Uuid => Ok(random.uuid_v4().into()),
    }
}
