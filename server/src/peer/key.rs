//! The key that the nodes of a cluster share.

use std::fmt;
use std::str::FromStr;

use hyper::HeaderMap;
use ring::{digest, hmac};

/// The header that carries the SHA-256 of a request's body, in hexadecimal digits.
const DIGEST: &str = "stepyard-digest";

/// The header that carries a request's signature, in hexadecimal digits.
const SIGNATURE: &str = "stepyard-signature";

/// Shortest key that protects anything.
const KEY_CHARS_MIN: usize = 16;

/// Signs requests with HMAC-SHA-256 over the path and the digest of the body, so that it is known who asks before the body is
/// read. There is neither a time nor a nonce in it: clocks of nodes may differ, and a request that is repeated changes
/// nothing.
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

    /// The headers that sign a request, with their values; none without a key.
    pub(crate) fn sign(
        &self,
        path: &str,
        body: &[u8],
    ) -> impl Iterator<Item = (&'static str, String)> {
        let headers = self.0.as_ref().map(|key| {
            let digest = to_hex(digest_of(body).as_ref());
            let signature = to_hex(hmac::sign(key, &signed(path, &digest)).as_ref());
            [(DIGEST, digest), (SIGNATURE, signature)]
        });
        headers.into_iter().flatten()
    }

    /// What the body of a request must be, by its headers; `None` when they are not signed. Anything will do without a
    /// key.
    pub(crate) fn verify(&self, path: &str, headers: &HeaderMap) -> Option<SignedBody> {
        let Some(key) = &self.0 else { return Some(SignedBody(None)) };
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (digest, signature) = (header(DIGEST)?, from_hex(header(SIGNATURE)?)?);
        hmac::verify(key, &signed(path, digest), &signature).ok()?;
        from_hex(digest).map(|digest| SignedBody(Some(digest)))
    }
}

/// The digest that the body of a request has by its signature, if it needs one.
pub(crate) struct SignedBody(Option<Vec<u8>>);

impl SignedBody {
    pub(crate) fn is(&self, body: &[u8]) -> bool {
        self.0.as_deref().is_none_or(|digest| digest == digest_of(body).as_ref())
    }
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "NodeKey(***)" } else { "NodeKey(none)" })
    }
}

fn digest_of(body: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, body)
}

fn signed(path: &str, digest: &str) -> Vec<u8> {
    [path, "\n", digest].concat().into_bytes()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    use hyper::HeaderMap;

    use super::{DIGEST, NodeKey, SIGNATURE};

    fn signed(key: &NodeKey, path: &str, body: &[u8]) -> HeaderMap {
        let headers = key.sign(path, body);
        headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_request_is_signed_as_a_whole() {
        let key: NodeKey = "a key that two nodes share".parse().unwrap();
        let headers = signed(&key, "/a", b"body");
        let body = key.verify("/a", &headers).unwrap();
        assert!(body.is(b"body") && !body.is(b"bodY"));
        assert!(key.verify("/b", &headers).is_none());
        let other: NodeKey = "another key of that length".parse().unwrap();
        assert!(other.verify("/a", &headers).is_none());
        let with = |name: &'static str, value: &str| {
            let mut headers = headers.clone();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        let digest = signed(&key, "/a", b"bodY")[DIGEST].to_str().unwrap().to_owned();
        assert!(key.verify("/a", &with(DIGEST, &digest)).is_none());
        let short = &headers[SIGNATURE].to_str().unwrap()[..62];
        for bad in ["", "0", "zz", "+f", short] {
            assert!(key.verify("/a", &with(SIGNATURE, bad)).is_none(), "{bad:?}");
        }
        for missing in [DIGEST, SIGNATURE] {
            let mut rest = headers.clone();
            rest.remove(missing);
            assert!(key.verify("/a", &rest).is_none(), "without {missing}");
        }
        assert_eq!(format!("{key:?}"), "NodeKey(***)");
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let none: NodeKey = "".parse().unwrap();
        assert_eq!(none.sign("/a", b"").count(), 0);
        assert!(none.verify("/a", &HeaderMap::new()).unwrap().is(b"anything"));
        let short = "short".parse::<NodeKey>().unwrap_err();
        assert_eq!(short, "it must have at least 16 characters");
    }
}
