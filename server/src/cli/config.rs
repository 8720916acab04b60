//! `stepyard config`.

use crate::config::{Flags, Resolved, Settings, without_password};

pub(super) fn run(flags: &Flags) -> anyhow::Result<u8> {
    let resolved = Resolved::new(flags, |name| std::env::var(name).ok())?;
    for (key, value, origin) in resolved.iter() {
        let value = match key {
            "node-key" if !value.is_empty() => "***".to_owned(),
            _ => without_password(value),
        };
        println!("{key:<24} {value:<24} {origin}");
    }
    Settings::new(&resolved)?;
    Ok(0)
}
