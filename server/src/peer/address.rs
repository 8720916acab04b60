//! Where a node is reached.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;

use hyper::Uri;
use hyper::http::uri::Authority;

/// `http://HOST:PORT`, without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeAddress(Arc<str>);

impl NodeAddress {
    pub(super) fn text(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl From<SocketAddr> for NodeAddress {
    fn from(address: SocketAddr) -> NodeAddress {
        NodeAddress(format!("http://{address}").into())
    }
}

impl FromStr for NodeAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<NodeAddress, &'static str> {
        let rule = "it must be http://HOST:PORT";
        let uri: Uri = text.parse().map_err(|_| rule)?;
        let port = uri.authority().and_then(Authority::port_u16);
        let bare = uri.path() == "/" && uri.query().is_none();
        match (uri.scheme_str(), port) {
            (Some("http"), Some(_)) if bare => Ok(NodeAddress(text.trim_end_matches('/').into())),
            _ => Err(rule),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NodeAddress;

    #[test]
    fn an_address_has_host_and_port() {
        let of = |text: &str| text.parse::<NodeAddress>();
        assert_eq!(of("http://node-1:8083/").unwrap(), of("http://node-1:8083").unwrap());
        assert_eq!(&*of("http://[::1]:80").unwrap().text(), "http://[::1]:80");
        for bad in [
            "node-1:8083",
            "http://node-1",
            "https://node-1:1",
            "http://n:1/path",
            "http://n:1?q",
            "",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
