//! Versions and aliases.

use std::sync::Arc;
use std::time::Duration;

use stepyard_asl::Timestamp;
use stepyard_store::{
    Alias, PostgresOptions, PostgresStore, Publication, PublicationChange, Routing, Store, Version,
};
use uuid::Uuid;

use crate::fixtures::machine;
use crate::support::postgres;

over_all_stores! {
    versions_and_aliases_change_from_what_was_read,
    what_is_published_goes_with_its_state_machine,
}

fn version(number: u64, revision: u128) -> Version {
    Version {
        number,
        revision: Uuid::from_u128(revision),
        description: (number == 2).then(|| "ä second one".into()),
        created_at: Timestamp(3),
    }
}

fn alias(name: &str, first: u64, second: Option<u64>) -> Alias {
    Alias {
        name: name.into(),
        description: second.map(|_| "two".into()),
        routing: Routing { first, weight: second.map_or(100, |_| 70), second },
        created_at: Timestamp(4),
        updated_at: Timestamp(5),
    }
}

async fn versions_and_aliases_change_from_what_was_read(store: &dyn Store) {
    let arn = machine("published", 0).arn;
    assert_eq!(store.publication(&arn).await.unwrap(), None);
    store.create_state_machine(machine("published", 1), Some(version(1, 1))).await.unwrap();
    let again = store.create_state_machine(machine("published", 2), Some(version(1, 2))).await;
    assert_eq!(again.unwrap(), Some(machine("published", 1)));
    let published = async || store.publication(&arn).await.unwrap().unwrap();
    let (first, second) = (version(1, 1), version(2, 8));
    let expected =
        Publication { changes: 1, last_version: 1, versions: vec![first.clone()], aliases: vec![] };
    assert_eq!(published().await, expected);

    let change =
        async |present, change| store.change_publication(&arn, present, change).await.unwrap();
    let add = PublicationChange::AddVersion;
    let put = PublicationChange::PutAlias;
    assert!(!change(0, add(second.clone())).await, "it has changed once");
    assert!(change(1, add(second.clone())).await);
    let late = PublicationChange::AddVersion(version(2, 9));
    assert!(!change(1, late).await, "somebody else has been faster");
    assert!(change(2, put(alias("b", 1, None))).await);
    assert!(change(3, put(alias("a", 2, None))).await);
    assert!(change(4, put(alias("b", 1, Some(2)))).await);
    let expected = Publication {
        changes: 5,
        last_version: 2,
        versions: vec![second.clone(), first],
        aliases: vec![alias("a", 2, None), alias("b", 1, Some(2))],
    };
    assert_eq!(published().await, expected);
    assert_eq!(store.find_version(&arn, 2).await.unwrap(), Some(second));
    assert_eq!(store.find_version(&arn, 3).await.unwrap(), None);
    assert_eq!(store.find_alias(&arn, "b").await.unwrap(), Some(alias("b", 1, Some(2))));
    assert_eq!(store.find_alias(&arn, "c").await.unwrap(), None);

    assert!(change(5, PublicationChange::RemoveAlias("b".into())).await);
    assert!(change(6, PublicationChange::RemoveVersion(2)).await);
    let left = published().await;
    assert_eq!((left.last_version, left.versions), (2, vec![version(1, 1)]));
    assert_eq!(left.aliases, [alias("a", 2, None)]);
}

async fn what_is_published_goes_with_its_state_machine(store: &dyn Store) {
    let arn = machine("m", 0).arn;
    for turn in 0..2 {
        let created = machine("m", 10 + turn);
        let first = version(1, 10 + turn);
        assert_eq!(store.create_state_machine(created, Some(first.clone())).await.unwrap(), None);
        let published = store.publication(&arn).await.unwrap().unwrap();
        assert_eq!((published.changes, published.versions), (1, vec![first]));
        assert_eq!(published.aliases, []);
        let put = PublicationChange::PutAlias(alias("PROD", 1, None));
        assert!(store.change_publication(&arn, 1, put).await.unwrap());
        assert!(store.delete_state_machine(&arn).await.unwrap());
        assert_eq!(store.publication(&arn).await.unwrap(), None);
        assert_eq!(store.find_version(&arn, 1).await.unwrap(), None);
        assert_eq!(store.find_alias(&arn, "PROD").await.unwrap(), None);
        let late = PublicationChange::AddVersion(version(2, 10));
        assert!(!store.change_publication(&arn, 2, late).await.unwrap());
    }
    store.create_state_machine(machine("m", 20), None).await.unwrap();
    assert_eq!(store.publication(&arn).await.unwrap(), Some(Publication::default()));
}

/// As several nodes do: each reads, and makes its change to what it has read.
async fn publish(store: &dyn Store, arn: &str) -> u64 {
    loop {
        let read = store.publication(arn).await.unwrap().unwrap();
        let number = read.last_version + 1;
        let change = PublicationChange::AddVersion(version(number, 1));
        if store.change_publication(arn, read.changes, change).await.unwrap() {
            return number;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_on_postgres_never_give_a_number_twice() {
    const NODES: u64 = 4;
    const TURNS: u64 = 10;
    let Some((url, store)) = postgres().await else { return };
    let arn = machine("m", 0).arn;
    store.create_state_machine(machine("m", 1), None).await.unwrap();
    let node = |_| {
        let options = PostgresOptions { url: url.clone(), allow_unsafe: false };
        let arn = arn.clone();
        tokio::spawn(async move {
            let store = PostgresStore::open(options).await.unwrap();
            let mut numbers = Vec::new();
            for _ in 0..TURNS {
                numbers.push(publish(&store, &arn).await);
            }
            numbers
        })
    };
    let mut numbers = Vec::new();
    for ended in futures::future::join_all((0..NODES).map(node)).await {
        numbers.extend(ended.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=NODES * TURNS).collect::<Vec<_>>());
    let published = store.publication(&arn).await.unwrap().unwrap();
    let newest_first: Vec<_> = published.versions.iter().map(|version| version.number).collect();
    assert_eq!(newest_first, (1..=NODES * TURNS).rev().collect::<Vec<_>>());
}

/// A state machine goes with all of its versions, also with one that is published meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_stays_published_of_what_is_deleted_meanwhile() {
    let Some((url, store)) = postgres().await else { return };
    let arn = machine("m", 0).arn;
    let options = PostgresOptions { url, allow_unsafe: false };
    let other = Arc::new(PostgresStore::open(options).await.unwrap());
    for turn in 1..=20 {
        store.create_state_machine(machine("m", turn), None).await.unwrap();
        let publishing = {
            let (other, arn) = (other.clone(), arn.clone());
            tokio::spawn(async move {
                let mut changes = 0;
                let mut change = async |change| {
                    let done = other.change_publication(&arn, changes, change).await.unwrap();
                    changes += 1;
                    // Deletion must come in between.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    done
                };
                while change(PublicationChange::AddVersion(version(1, 1))).await
                    && change(PublicationChange::RemoveVersion(1)).await
                {}
            })
        };
        tokio::time::sleep(Duration::from_millis(turn as u64 % 5)).await;
        assert!(store.delete_state_machine(&arn).await.unwrap());
        publishing.await.unwrap();
        assert_eq!(store.find_version(&arn, 1).await.unwrap(), None, "turn {turn}");
    }
}
