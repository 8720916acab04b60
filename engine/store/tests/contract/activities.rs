//! Activities.

use stepyard_asl::Timestamp;
use stepyard_store::{Activity, Store, Tags};

over_all_stores! {
    activities_are_created_once,
}

async fn activities_are_created_once(store: &dyn Store) {
    let activity = |name: &str, created_at| Activity {
        arn: format!("arn:aws:states:us-east-1:000000000000:activity:{name}").into(),
        name: name.into(),
        created_at: Timestamp(created_at),
        encryption: r#"{"type":"AWS_OWNED_KEY"}"#.into(),
        tags: Tags::from([("k".into(), "v".into())]),
    };
    let all = ["a", "b", "c"].map(|name| activity(name, 5));
    for activity in all.iter().rev() {
        assert_eq!(store.create_activity(activity.clone()).await.unwrap(), None);
    }
    let present = store.create_activity(activity("b", 6)).await.unwrap();
    assert_eq!(present.as_ref(), Some(&all[1]), "it stays as it was");
    assert_eq!(store.list_activities(None, 9).await.unwrap(), all);
    assert_eq!(store.list_activities(Some(&all[0].arn), 1).await.unwrap(), all[1..2]);

    let other = Tags::from([("k".into(), "w".into())]);
    assert!(!store.set_activity_tags(&all[0].arn, &other, &other).await.unwrap());
    assert!(!store.set_activity_tags("none", &all[0].tags, &other).await.unwrap());
    assert!(store.set_activity_tags(&all[0].arn, &all[0].tags, &other).await.unwrap());
    assert_eq!(store.get_activity(&all[0].arn).await.unwrap().unwrap().tags, other);

    assert!(store.delete_activity(&all[0].arn).await.unwrap());
    assert!(!store.delete_activity(&all[0].arn).await.unwrap());
    assert_eq!(store.get_activity(&all[0].arn).await.unwrap(), None);
    assert_eq!(store.create_activity(activity("a", 7)).await.unwrap(), None);
}
