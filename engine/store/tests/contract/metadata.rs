//! Metadata of images.

use stepyard_json::{Json, Payload};
use stepyard_store::{MetadataItem, MetadataStore};

over_all_stores! {
    metadata_is_replaced_by_key,
}

async fn metadata_is_replaced_by_key(store: &dyn MetadataStore) {
    let item = |image_id: &str, timestamp, text: &str| MetadataItem {
        image_id: image_id.into(),
        timestamp,
        attributes: Payload::from(Json::from(text)),
    };
    for (image_id, timestamp, text) in
        [("a", 1, "old"), ("a", 1, "new"), ("a", 5, "later"), ("b", -3, "b")]
    {
        store.put_item(item(image_id, timestamp, text)).await.unwrap();
    }
    let of_a = store.query_items("a").await.unwrap();
    assert_eq!(of_a, [item("a", 5, "later"), item("a", 1, "new")]);
    assert_eq!(store.query_items("c").await.unwrap(), []);
    let page = store.scan_items(None, 2).await.unwrap();
    assert_eq!(page, [item("a", 1, "new"), item("a", 5, "later")]);
    let rest = store.scan_items(Some(("a".into(), 5)), 9).await.unwrap();
    assert_eq!(rest, [item("b", -3, "b")]);
}
