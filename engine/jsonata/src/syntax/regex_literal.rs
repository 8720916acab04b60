//! Where a regular expression literal ends.

use super::lexer::Kind;

/// Scans `/pattern/flags` at the start of the text: the literal and its length in bytes, or an error
/// code and the offset at which it was noticed.
pub(super) fn scan(text: &str) -> Result<(Kind, usize), (&'static str, usize)> {
    let bytes = text.as_bytes();
    let mut depth = 0_i32;
    // How many backslashes stand directly before.
    let mut backslashes = 0;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match byte {
            b'/' if depth == 0 && backslashes % 2 == 0 => {
                if at == 1 {
                    return Err(("S0301", at));
                }
                return Ok(literal(text, at));
            }
            b'(' | b'[' | b'{' if backslashes == 0 => depth += 1,
            b')' | b']' | b'}' if backslashes == 0 => depth -= 1,
            _ => {}
        }
        backslashes = if *byte == b'\\' { backslashes + 1 } else { 0 };
    }
    Err(("S0302", text.len()))
}

fn literal(text: &str, slash: usize) -> (Kind, usize) {
    let rest = &text[slash + 1..];
    let length = rest.bytes().take_while(|byte| matches!(byte, b'i' | b'm')).count();
    let pattern = text[1..slash].into();
    (Kind::Regex { pattern, flags: rest[..length].into() }, slash + 1 + length)
}
