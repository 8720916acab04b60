//! `stepyard demo`.

use std::net::{IpAddr, SocketAddr};

use super::{asynchronous, resolved};
use crate::boot::boot;
use crate::config::{Flags, Settings};
use crate::demo::{self, Outcome, print_next_steps, print_outcomes};
use crate::serving::{listen, stop_signal};
use crate::telemetry;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Exit after the table: with 0 only if everything came out as expected
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    flags: Flags,
}

/// Runs the application on pictures made on the fly, and keeps serving.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let resolved = resolved(&arguments.flags)?;
    let mut settings = Settings::new(&resolved)?;
    if arguments.once && !resolved.is_given("listen") {
        // Nobody has to find this server, so it need not compete for the usual port.
        settings.listen = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0);
    }
    let _flush = telemetry::init(settings.log_format, "warn")?;
    asynchronous()?.block_on(show(&settings, arguments.once))
}

async fn show(settings: &Settings, once: bool) -> anyhow::Result<u8> {
    let stop = stop_signal()?;
    let mut serving = listen(settings, stop.clone())?;
    let address = serving.address;
    let app = boot(settings, serving.address).await?;
    serving.ready(&app, settings)?;
    println!(
        "stepyard is listening on http://{address}, data in {}\n",
        settings.data_dir.display()
    );
    let served = serving.run(app.clone(), settings);
    let demonstrated = async {
        let outcomes = tokio::select! {
            outcomes = demo::run(&app) => outcomes.inspect_err(|_| stop.cancel())?,
            () = stop.cancelled() => return Ok(1),
        };
        print_outcomes(&outcomes, &settings.objects_dir());
        let expected = outcomes.iter().all(Outcome::is_expected);
        if once {
            println!("\n{}", verdict(&outcomes));
            stop.cancel();
        } else {
            print_next_steps(address, settings, &outcomes);
            println!("Serving until Ctrl-C.");
        }
        anyhow::Ok(u8::from(!expected))
    };
    let (served, code) = tokio::join!(served, demonstrated);
    served?;
    let code = code?;
    Ok(if once { code } else { 0 })
}

/// What to make of the whole.
fn verdict(outcomes: &[Outcome]) -> String {
    let other: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_expected()).collect();
    let names = other.iter().map(|outcome| outcome.file_name).collect::<Vec<_>>().join(", ");
    match other.len() {
        0 => "Everything came out as expected.".into(),
        count => {
            format!("Not everything came out as expected: {count} pictures did not ({names}).")
        }
    }
}
