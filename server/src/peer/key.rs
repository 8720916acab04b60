//! The key that the nodes of a cluster share.

use std::fmt;
use std::str::FromStr;

use ring::hmac;

/// The header that carries a request's signature, in hexadecimal digits.
pub(crate) const SIGNATURE: &str = "stepyard-signature";

/// Shortest key that protects anything.
const KEY_CHARS_MIN: usize = 16;

/// Signs requests with HMAC-SHA-256 over path and body. There is neither a time nor a nonce in it: clocks of
/// nodes may differ, and a request that is repeated changes nothing.
#[derive(Clone)]
pub(crate) struct NodeKey(Option<hmac::Key>);

impl FromStr for NodeKey {
    type Err = String;

    /// An empty text is no key: nothing is signed or checked.
    fn from_str(text: &str) -> Result<NodeKey, String> {
        if (1..KEY_CHARS_MIN).contains(&text.chars().count()) {
            return Err(format!("it must have at least {KEY_CHARS_MIN} characters"));
        }
        let key = || hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes());
        Ok(NodeKey((!text.is_empty()).then(key)))
    }
}

impl NodeKey {
    /// Whether there is a key.
    pub(super) fn is_given(&self) -> bool {
        self.0.is_some()
    }

    /// The signature of a request; `None` without a key.
    pub(super) fn sign(&self, path: &str, body: &[u8]) -> Option<String> {
        let signature = hmac::sign(self.0.as_ref()?, &signed(path, body));
        Some(signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Whether that is the signature of the request; any will do without a key.
    pub(crate) fn verify(&self, path: &str, body: &[u8], signature: Option<&str>) -> bool {
        let Some(key) = &self.0 else { return true };
        let Some(signature) = signature.and_then(from_hex) else { return false };
        hmac::verify(key, &signed(path, body), &signature).is_ok()
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "NodeKey(***)" } else { "NodeKey(none)" })
    }
}

fn signed(path: &str, body: &[u8]) -> Vec<u8> {
    [path.as_bytes(), b"\n", body].concat()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks_exact(2);
    if !digits.remainder().is_empty() {
        return None;
    }
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::NodeKey;

    #[test]
    fn a_request_is_signed_as_a_whole() {
        let key: NodeKey = "a key that two nodes share".parse().unwrap();
        let signature = key.sign("/a", b"body").unwrap();
        assert_eq!(signature.len(), 64);
        assert!(key.verify("/a", b"body", Some(&signature)));
        assert!(!key.verify("/b", b"body", Some(&signature)));
        assert!(!key.verify("/a", b"bodY", Some(&signature)));
        let other: NodeKey = "another key of that length".parse().unwrap();
        assert!(!other.verify("/a", b"body", Some(&signature)));
        for bad in [None, Some(""), Some("0"), Some("zz"), Some("é0"), Some(&signature[..62])] {
            assert!(!key.verify("/a", b"body", bad), "{bad:?}");
        }
        assert_eq!(format!("{key:?}"), "NodeKey(***)");
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let none: NodeKey = "".parse().unwrap();
        assert_eq!(none.sign("/a", b""), None);
        assert!(none.verify("/a", b"", None));
        let short = "short".parse::<NodeKey>().unwrap_err();
        assert_eq!(short, "it must have at least 16 characters");
    }
}
