//! `stepyard env`.

use anyhow::ensure;

use super::settings;
use crate::client_environment::exports;
use crate::config::Flags;

pub(super) fn run(flags: &Flags) -> anyhow::Result<u8> {
    let settings = settings(flags)?;
    let listen = settings.listen;
    ensure!(
        listen.port() != 0,
        "--listen: port 0 is any free one; give the address that the server printed at its start"
    );
    for line in exports(listen, &settings.identity.region) {
        println!("{line}");
    }
    Ok(0)
}
