//! What a Parquet file tells of itself, as Apache Thrift writes it in its compact protocol.
//!
//! The decoder trusts what it reads here with its stack and its allocations, so some of it is read before. It takes known
//! fields for what Parquet defines, whatever type is written; whoever would do otherwise could be shown another file than
//! the decoder sees. Hence a known field with another type is refused.

type Read<T> = Result<T, String>;

/// Known fields of a struct, by their numbers.
pub(super) type Fields = &'static [(i16, Shape)];

/// What Parquet defines a field to be (apache/parquet-format, parquet.thrift).
pub(super) enum Shape {
    Flag,
    Byte,
    /// Of 32 bits, or an enumeration.
    Number,
    Text,
    Struct(Fields),
}

/// A struct that was read: its known fields, each once.
pub(super) struct Struct<'a>(Vec<(i16, Value<'a>)>);

enum Value<'a> {
    Flag(bool),
    Number(i32),
    Text(&'a [u8]),
    Struct(Struct<'a>),
}

impl<'a> Struct<'a> {
    fn field(&self, number: i16) -> Option<&Value<'a>> {
        self.0.iter().find(|(known, _)| *known == number).map(|(_, value)| value)
    }

    /// The last one counts, as it does for the decoder.
    fn set(&mut self, number: i16, value: Value<'a>) {
        self.0.retain(|(known, _)| *known != number);
        self.0.push((number, value));
    }

    pub(super) fn flag(&self, number: i16) -> Option<bool> {
        let Some(Value::Flag(flag)) = self.field(number) else { return None };
        Some(*flag)
    }

    /// # Errors
    /// When it is negative.
    pub(super) fn size(&self, number: i16) -> Read<Option<usize>> {
        let Some(Value::Number(size)) = self.field(number) else { return Ok(None) };
        usize::try_from(*size).map(Some).map_err(|_| format!("a size is {size}"))
    }

    pub(super) fn text(&self, number: i16) -> Option<&'a [u8]> {
        let Some(Value::Text(text)) = self.field(number) else { return None };
        Some(text)
    }

    pub(super) fn inner(&self, number: i16) -> Option<&Struct<'a>> {
        let Some(Value::Struct(inner)) = self.field(number) else { return None };
        Some(inner)
    }
}

/// Types of values that are written (apache/thrift, thrift-compact-protocol.md).
mod kind {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const UUID: u8 = 13;
}

/// Deepest nesting in an unknown field; the decoder goes no deeper.
const UNKNOWN_DEPTH_MAX: usize = 64;

/// Longest number that is written: 64 bits, seven in a byte.
const VARINT_BYTES_MAX: u32 = 10;

const TOO_SHORT: &str = "it ends too early";

/// Bytes that are being read.
pub(super) struct Compact<'a> {
    rest: &'a [u8],
}

impl<'a> Compact<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Compact<'a> {
        Compact { rest: bytes }
    }

    /// What was not read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes.
    pub(super) fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Goes to the list of structs that is a field of the struct that begins here. How many there are.
    pub(super) fn find_structs(&mut self, field: i16) -> Read<usize> {
        let mut last = 0;
        while let Some((number, kind)) = self.field(last)? {
            if number == field {
                return match self.list()? {
                    (kind::STRUCT, length) => Ok(length),
                    _ => Err(mistyped(number)),
                };
            }
            self.skip(kind, UNKNOWN_DEPTH_MAX)?;
            last = number;
        }
        Err(format!("field {field} is missing"))
    }

    pub(super) fn structure(&mut self, fields: Fields) -> Read<Struct<'a>> {
        let (mut read, mut last) = (Struct(Vec::new()), 0);
        while let Some((number, kind)) = self.field(last)? {
            match fields.iter().find(|(known, _)| *known == number) {
                Some((_, shape)) => read.set(number, self.value(number, kind, shape)?),
                None => self.skip(kind, UNKNOWN_DEPTH_MAX)?,
            }
            last = number;
        }
        Ok(read)
    }

    fn value(&mut self, number: i16, kind: u8, shape: &Shape) -> Read<Value<'a>> {
        Ok(match (shape, kind) {
            (Shape::Flag, kind::TRUE | kind::FALSE) => Value::Flag(kind == kind::TRUE),
            (Shape::Byte, kind::BYTE) => Value::Number(self.byte()?.into()),
            (Shape::Number, kind::I32) => Value::Number(self.number()?),
            (Shape::Text, kind::BINARY) => Value::Text(self.binary()?),
            (Shape::Struct(fields), kind::STRUCT) => Value::Struct(self.structure(fields)?),
            _ => return Err(mistyped(number)),
        })
    }

    /// Number and type of the next field; `None` at the end of the struct.
    fn field(&mut self, last: i16) -> Read<Option<(i16, u8)>> {
        let header = self.byte()?;
        let (step, kind) = (header >> 4, header & 0xf);
        let number = match (kind, step) {
            (0, _) => return Ok(None),
            (_, 0) => i16::try_from(self.number()?).ok(),
            (_, step) => last.checked_add(step.into()),
        };
        Ok(Some((number.ok_or("the number of a field is too large")?, kind)))
    }

    /// Type and number of the elements of a list, each of which has at least a byte.
    fn list(&mut self) -> Read<(u8, usize)> {
        let header = self.byte()?;
        let (kind, length) = (header & 0xf, usize::from(header >> 4));
        let length = if length == 0xf { self.length()? } else { length };
        self.check_elements(kind, length).map(|()| (kind, length))
    }

    /// The decoder takes no bytes for flags in what it skips: no data ends a list of them.
    fn check_elements(&self, kind: u8, length: usize) -> Read<()> {
        let is_flag = matches!(kind, kind::TRUE | kind::FALSE);
        if length > 0 && (is_flag || length > self.rest.len()) {
            return Err("a list has more elements than it has room for".into());
        }
        Ok(())
    }

    /// Passes over a value.
    fn skip(&mut self, kind: u8, depth_left: usize) -> Read<()> {
        let depth_left =
            depth_left.checked_sub(1).ok_or("an unknown field is nested too deeply")?;
        match kind {
            kind::TRUE | kind::FALSE => {}
            kind::BYTE => drop(self.byte()?),
            kind::I16 | kind::I32 | kind::I64 => drop(self.varint()?),
            kind::DOUBLE => drop(self.take(size_of::<f64>())?),
            kind::BINARY => drop(self.binary()?),
            kind::UUID => drop(self.take(size_of::<u128>())?),
            kind::LIST | kind::SET => {
                let (element, length) = self.list()?;
                for _ in 0..length {
                    self.skip(element, depth_left)?;
                }
            }
            kind::MAP => self.skip_map(depth_left)?,
            kind::STRUCT => {
                while let Some((_, kind)) = self.field(0)? {
                    self.skip(kind, depth_left)?;
                }
            }
            _ => return Err(format!("there is no type {kind}")),
        }
        Ok(())
    }

    fn skip_map(&mut self, depth_left: usize) -> Read<()> {
        let length = self.length()?;
        if length == 0 {
            return Ok(());
        }
        let kinds = self.byte()?;
        for kind in [kinds >> 4, kinds & 0xf] {
            self.check_elements(kind, length)?;
        }
        for _ in 0..length {
            self.skip(kinds >> 4, depth_left)?;
            self.skip(kinds & 0xf, depth_left)?;
        }
        Ok(())
    }

    fn byte(&mut self) -> Read<u8> {
        let (byte, rest) = self.rest.split_first().ok_or(TOO_SHORT)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn binary(&mut self) -> Read<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    fn length(&mut self) -> Read<usize> {
        usize::try_from(self.varint()?).map_err(|error| error.to_string())
    }

    /// A number with its sign in the lowest bit.
    fn number(&mut self) -> Read<i32> {
        let bits = u32::try_from(self.varint()?).map_err(|error| error.to_string())?;
        Ok((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed())
    }

    fn varint(&mut self) -> Read<u64> {
        let mut number = 0;
        for place in 0..VARINT_BYTES_MAX {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).wrapping_shl(7 * place);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number is too long".into())
    }
}

fn mistyped(number: i16) -> String {
    format!("field {number} has another type than Parquet defines")
}

#[cfg(test)]
mod tests {
    use super::{Compact, Shape};

    #[test]
    fn a_field_that_is_written_again_takes_no_more_room() {
        let first = [0x15, 0x02];
        let again = [0x05, 0x02, 0x04].repeat(1_000);
        let bytes = [&first[..], &again, &[0x00]].concat();
        let read = Compact::new(&bytes).structure(&[(1, Shape::Number)]).unwrap();
        assert_eq!((read.0.len(), read.size(1)), (1, Ok(Some(2))));
    }
}
