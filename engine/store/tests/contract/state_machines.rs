//! State machines, their revisions and tags.

use std::slice;

use stepyard_asl::Timestamp;
use stepyard_store::{StateMachine, Store, Tags};
use uuid::Uuid;

use crate::fixtures::{machine, revision};

over_all_stores! {
    state_machines_have_revisions_that_stay,
    a_deletion_begins_once_and_ends_with_the_state_machine,
    tags_change_only_from_what_they_were,
}

async fn state_machines_have_revisions_that_stay(store: &dyn Store) {
    for (at, name) in ["b", "a", "c"].into_iter().enumerate() {
        assert_eq!(
            store.create_state_machine(machine(name, at as u128), None).await.unwrap(),
            None
        );
    }
    let present = store.create_state_machine(machine("a", 77), None).await.unwrap();
    assert_eq!(present, Some(machine("a", 1)));
    assert_eq!(store.get_revision(Uuid::from_u128(77)).await.unwrap(), None);
    let listed = store.list_state_machines(Some(&machine("a", 1).arn), 5).await.unwrap();
    assert_eq!(listed, [machine("b", 0).summary(), machine("c", 2).summary()]);

    let arn = machine("a", 1).arn;
    let update = async |present, number| {
        store.update_state_machine(&arn, Uuid::from_u128(present), revision(number)).await.unwrap()
    };
    assert!(!update(7, 8).await, "another revision than the one that was read");
    assert!(update(1, 8).await);
    assert_eq!(store.get_state_machine(&arn).await.unwrap(), Some(machine("a", 8)));
    assert!(store.delete_state_machine(&arn).await.unwrap());
    assert!(!store.delete_state_machine(&arn).await.unwrap());
    assert!(!update(8, 9).await);
    assert_eq!(store.get_state_machine(&arn).await.unwrap(), None);
    for number in [1, 8] {
        let kept = store.get_revision(Uuid::from_u128(number)).await.unwrap();
        assert_eq!(kept.as_deref(), Some(&revision(number)));
    }
}

async fn a_deletion_begins_once_and_ends_with_the_state_machine(store: &dyn Store) {
    store.create_state_machine(machine("kept", 1), None).await.unwrap();
    let going = machine("going", 2);
    store.create_state_machine(going.clone(), None).await.unwrap();
    assert!(store.deleting_state_machines().await.unwrap().is_empty());
    for at in [7, 8] {
        assert!(store.begin_deletion(&going.arn, Timestamp(at)).await.unwrap());
    }
    let found = store.get_state_machine(&going.arn).await.unwrap().unwrap();
    assert_eq!(found.deleting_since, Some(Timestamp(7)));
    assert_eq!(store.deleting_state_machines().await.unwrap(), slice::from_ref(&going.arn));
    assert!(store.delete_state_machine(&going.arn).await.unwrap());
    assert!(store.deleting_state_machines().await.unwrap().is_empty());
    assert!(!store.begin_deletion(&going.arn, Timestamp(9)).await.unwrap());
}

async fn tags_change_only_from_what_they_were(store: &dyn Store) {
    let tags = |keys: &[&str]| -> Tags {
        keys.iter().map(|key| ((*key).to_owned(), "v \"'\u{e9}".to_owned())).collect()
    };
    let machine = StateMachine { tags: tags(&["a"]), ..machine("tagged", 1) };
    store.create_state_machine(machine.clone(), None).await.unwrap();
    let (one, two) = (tags(&["a"]), tags(&["b", "a"]));
    assert!(!store.set_tags(&machine.arn, &two, &one).await.unwrap());
    assert!(!store.set_tags("none", &one, &two).await.unwrap());
    assert!(store.set_tags(&machine.arn, &one, &two).await.unwrap());
    let present = machine.revision.id;
    assert!(store.update_state_machine(&machine.arn, present, revision(2)).await.unwrap());
    assert_eq!(store.get_state_machine(&machine.arn).await.unwrap().unwrap().tags, two);
}
