//! `stepyard serve`.

use super::{asynchronous, settings};
use crate::boot::boot;
use crate::config::Flags;
use crate::serving::{listen, stop_signal};
use crate::telemetry;

pub(super) fn run(flags: &Flags) -> anyhow::Result<u8> {
    let settings = settings(flags)?;
    let _flush = telemetry::init(settings.log_format, "info,sqlx::postgres::notice=warn")?;
    asynchronous()?.block_on(async {
        let stop = stop_signal()?;
        let mut serving = listen(&settings, stop.clone())?;
        let app = tokio::select! {
            app = boot(&settings, serving.address) => app?,
            // Nothing has been acknowledged yet.
            () = stop.cancelled() => return Ok(()),
        };
        serving.ready(&app, &settings)?;
        println!("stepyard is listening on http://{}", serving.address);
        serving.run(app, &settings).await
    })?;
    Ok(0)
}
