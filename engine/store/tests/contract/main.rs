//! What every store promises, as lists over all of them.
#![expect(clippy::unwrap_used, reason = "a test")]

/// Runs each promise over each store.
macro_rules! over_all_stores {
    ($($promise:ident),* $(,)?) => {
        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                if let Some((_, store)) = crate::support::postgres().await {
                    super::$promise(&store).await;
                }
            })*
        }

        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&stepyard_store::MemoryStore::new()).await;
            })*
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $promise() {
                let (_folder, store) = crate::fixtures::sqlite().await;
                super::$promise(&store).await;
            })*
        }
    };
}

mod activities;
mod commits;
mod databases;
mod executions;
mod express;
mod fixtures;
mod map_runs;
mod metadata;
mod nodes;
mod notices;
mod publication;
mod races;
mod retention;
mod state_machines;
#[path = "../support/mod.rs"]
mod support;
