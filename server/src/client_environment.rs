//! What clients of AWS need in their environment to use this server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Commands for a shell that make its clients use the server that listens there; it takes any credentials. Why the
/// prefix of the host is switched off, `docs/clients.md` tells.
pub(crate) fn exports(listen: SocketAddr, region: &str) -> [String; 3] {
    let (url, region) = (quoted(&format!("http://{}", reachable(listen))), quoted(region));
    [
        "export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test".to_owned(),
        format!("export AWS_REGION={region} AWS_DEFAULT_REGION={region}"),
        format!("export AWS_ENDPOINT_URL_SFN={url} AWS_DISABLE_HOST_PREFIX_INJECTION=true"),
    ]
}

/// Where clients on the same machine reach a server that listens on that address.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// A word of a POSIX shell that is this text, whatever stands in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::exports;

    #[test]
    fn every_address_means_the_loopback_interface() {
        for (listen, url) in [
            ("127.0.0.1:8083", "'http://127.0.0.1:8083'"),
            ("0.0.0.0:80", "'http://127.0.0.1:80'"),
            ("[::]:80", "'http://[::1]:80'"),
            ("192.0.2.1:80", "'http://192.0.2.1:80'"),
        ] {
            let [.., endpoint] = exports(listen.parse().unwrap(), "r");
            assert!(endpoint.contains(&format!("AWS_ENDPOINT_URL_SFN={url} ")), "{endpoint}");
        }
    }

    #[test]
    fn a_shell_takes_a_region_as_it_is() {
        let [_, region, _] = exports("127.0.0.1:80".parse().unwrap(), "a'$(b)");
        assert_eq!(region, r"export AWS_REGION='a'\''$(b)' AWS_DEFAULT_REGION='a'\''$(b)'");
    }
}
