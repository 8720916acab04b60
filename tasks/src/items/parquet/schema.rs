//! What the decoder takes for granted of a schema, checked before it follows it.
//!
//! A schema is a tree that is written as a list, each group before its members. The decoder makes the tree with one call for
//! each level, and gives each column the names of all groups around it.

use super::thrift::Shape::{self, Byte, Flag, Number, Struct, Text};
use super::thrift::{Compact, Fields};

/// Most groups around a column, with that of the whole row.
const DEPTH_MAX: usize = 64;

/// Most bytes of the names of all columns and groups, each with those of the groups around it.
const NAMES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The field of a footer that holds the schema (`FileMetaData`).
const SCHEMA: i16 = 2;

/// Fields of an element of a schema (`SchemaElement`).
const NAME: i16 = 4;
const MEMBERS: i16 = 5;
const ELEMENT: Fields = &[
    (1, Number),
    (2, Number),
    (3, Number),
    (NAME, Text),
    (MEMBERS, Number),
    (6, Number),
    (7, Number),
    (8, Number),
    (9, Number),
    (10, Struct(LOGICAL_TYPE)),
];

const NOTHING: Shape = Struct(&[]);

/// `TimeType` and `TimestampType`, of which the unit is one of three structs without fields.
const TIME: Shape = Struct(&[(1, Flag), (2, Struct(&[(1, NOTHING), (2, NOTHING), (3, NOTHING)]))]);

/// `LogicalType`, of which one is there.
const LOGICAL_TYPE: Fields = &[
    (1, NOTHING),
    (2, NOTHING),
    (3, NOTHING),
    (4, NOTHING),
    (5, Struct(&[(1, Number), (2, Number)])),
    (6, NOTHING),
    (7, TIME),
    (8, TIME),
    (10, Struct(&[(1, Byte), (2, Flag)])),
    (11, NOTHING),
    (12, NOTHING),
    (13, NOTHING),
    (14, NOTHING),
    (15, NOTHING),
    (16, Struct(&[(1, Byte)])),
    (17, Struct(&[(1, Text)])),
    (18, Struct(&[(1, Text), (2, Number)])),
    (19, NOTHING),
];

/// A group whose members are being read.
struct Group {
    members_left: usize,
    /// Of its own name and those of the groups around it.
    names_bytes: usize,
}

/// Refuses a footer whose schema the decoder cannot follow.
///
/// # Errors
/// Why.
pub(super) fn check(footer: &[u8]) -> Result<(), String> {
    let mut footer = Compact::new(footer);
    let length = footer.find_structs(SCHEMA).map_err(broken)?;
    let (mut around, mut names_bytes): (Vec<Group>, usize) = (Vec::new(), 0);
    for left in (0..length).rev() {
        let element = footer.structure(ELEMENT).map_err(broken)?;
        let members_left = element.size(MEMBERS).map_err(broken)?.unwrap_or(0);
        // The decoder makes room for all of them at once.
        if members_left > left {
            return Err("a group of its schema has more members than there are".into());
        }
        let outer = around.last().map_or(0, |group| group.names_bytes);
        let name = element.text(NAME).unwrap_or_default();
        let group = Group { members_left, names_bytes: outer + name.len() + size_of::<String>() };
        names_bytes += group.names_bytes;
        enter(&mut around, group);
        if around.len() > DEPTH_MAX {
            return Err(format!("its columns are nested deeper than {DEPTH_MAX} levels"));
        }
        if names_bytes > NAMES_BYTES_MAX {
            return Err(format!("the names of its columns have more than {NAMES_BYTES_MAX} bytes"));
        }
    }
    Ok(())
}

/// Goes into a group, or behind it and whatever ends with it when it is a column.
fn enter(around: &mut Vec<Group>, group: Group) {
    if let Some(outer) = around.last_mut() {
        outer.members_left -= 1;
    }
    around.push(group);
    while around.pop_if(|group| group.members_left == 0).is_some() {}
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn broken(cause: String) -> String {
    format!("its schema is damaged: {cause}")
}
