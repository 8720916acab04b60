//! Test harness shared by the suites: the real binary as a child process, a client for its API, and
//! an endpoint that plays AWS Lambda.

mod client;
mod database;
mod deadline;
mod lambda_stub;
mod mount;
mod postgres;
mod proxy;
mod repository;
mod server;
mod shim;
mod webhook_stub;

pub use client::{ApiError, Client};
pub use database::{TestDatabase, block_on};
pub use deadline::{Deadline, Stopwatch};
pub use lambda_stub::{LambdaStub, Reply, Run};
pub use mount::SmallDisk;
pub use postgres::PostgresCluster;
pub use proxy::{Action, Meddler, Meddlers, Proxy, Sender, Target, Way};
pub use repository::{binary, root};
pub use server::{Server, ServerOptions};
pub use shim::Shim;
pub use webhook_stub::WebhookStub;
