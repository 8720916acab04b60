//! What of a text can stand in a JSON string as it is.

/// How many bytes there are before the first quote, backslash or control character, looked at a word at a time.
#[inline]
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += size_of::<u64>();
    }
    let rest = &bytes[at..];
    let plain = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
    at + plain.unwrap_or(rest.len())
}

/// Tells the quotes, backslashes and control characters among eight bytes by their highest bits. The lowest of those is
/// right; above it a borrow may add others.
const fn special_bytes(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x80 * EACH;
    const fn below(word: u64, limit: u64) -> u64 {
        word.wrapping_sub(limit * EACH) & !word & HIGHEST
    }
    let quotes = below(word ^ (b'"' as u64 * EACH), 1);
    let backslashes = below(word ^ (b'\\' as u64 * EACH), 1);
    quotes | backslashes | below(word, 0x20)
}
