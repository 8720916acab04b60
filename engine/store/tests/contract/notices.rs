//! Notices of status changes.

use std::slice;

use stepyard_machine::ExecutionStatus;
use stepyard_store::{CommitGroup, Error, Notice, ShardId, ShardLease, Store, TargetId, Told};

use crate::fixtures::{SHARD, claim, commit, id, update};

over_all_stores! {
    notices_stay_until_their_target_is_told,
    a_notice_is_written_with_its_commit_or_not_at_all,
}

fn notice(target: u32, commit_seq: u64, number: u64) -> Notice {
    Notice {
        shard: SHARD,
        target: TargetId(target),
        commit_seq,
        execution: id(number),
        first_event: 7,
        redrives: 2,
    }
}

async fn notices_stay_until_their_target_is_told(store: &dyn Store) {
    let mut lease = claim(store).await;
    let first = [notice(1, 3, 2), notice(1, 3, 1), notice(u32::MAX, 3, 1)];
    let notices = first.to_vec();
    commit(store, &mut lease, CommitGroup { notices, ..CommitGroup::default() }).await;
    let later = notice(1, 4, 1);
    let notices = vec![later.clone()];
    commit(store, &mut lease, CommitGroup { notices, ..CommitGroup::default() }).await;

    let [second, earliest, other] = first;
    let of = |target, after, limit| store.notices(SHARD, TargetId(target), after, limit);
    let all = [earliest.clone(), second.clone(), later.clone()];
    assert_eq!(of(1, None, 9).await.unwrap(), all);
    assert_eq!(of(1, None, 1).await.unwrap(), slice::from_ref(&earliest));
    assert_eq!(of(1, Some(earliest.place()), 9).await.unwrap(), all[1..]);
    assert_eq!(of(1, Some(later.place()), 9).await.unwrap(), []);
    assert_eq!(store.notices(ShardId(4), TargetId(1), None, 9).await.unwrap(), []);

    let told = Told { shard: SHARD, target: TargetId(1), up_to: second.place() };
    let elsewhere = Told { shard: ShardId(4), up_to: (u64::MAX, id(9)), ..told };
    store.remove_told(&[told, elsewhere]).await.unwrap();
    assert_eq!(of(1, None, 9).await.unwrap(), slice::from_ref(&later));
    assert_eq!(of(u32::MAX, None, 9).await.unwrap(), slice::from_ref(&other));

    assert_eq!(store.remove_notices_of_others(&[TargetId(u32::MAX)]).await.unwrap(), 1);
    assert_eq!(of(1, None, 9).await.unwrap(), []);
    assert_eq!(of(u32::MAX, None, 9).await.unwrap(), slice::from_ref(&other));
    store.remove_told(&[]).await.unwrap();
    assert_eq!(store.remove_notices_of_others(&[]).await.unwrap(), 1);
    assert_eq!(store.remove_notices_of_others(&[]).await.unwrap(), 0);
    assert_eq!(of(u32::MAX, None, 9).await.unwrap(), []);
}

async fn a_notice_is_written_with_its_commit_or_not_at_all(store: &dyn Store) {
    let lease = claim(store).await;
    let stale = ShardLease { epoch: lease.epoch - 1, ..lease };
    for leases in [vec![stale], vec![]] {
        let group =
            CommitGroup { leases, notices: vec![notice(1, 1, 1)], ..CommitGroup::default() };
        let refused = store.commit(&group).await;
        assert!(matches!(refused, Err(Error::Fenced { shard: SHARD })), "{refused:?}");
    }
    let update = update(1, ExecutionStatus::Succeeded);
    let group = CommitGroup {
        leases: vec![lease],
        updates: vec![update],
        notices: vec![notice(1, 1, 1)],
        ..CommitGroup::default()
    };
    assert!(matches!(store.commit(&group).await, Err(Error::Conflict(_))));
    assert_eq!(store.notices(SHARD, TargetId(1), None, 9).await.unwrap(), []);
}
