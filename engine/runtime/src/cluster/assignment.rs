//! Which node should have a shard: rendezvous hashing (Thaler and Ravishankar, 1998). Each node ranks all
//! nodes for a shard in the same way, so they agree without talking, and one that comes or goes moves
//! only the shards that it takes or had.

use stepyard_store::{NodeId, ShardId};

/// The node that should have the shard; `None` when there is none.
pub(super) fn wished_owner(
    shard: ShardId,
    nodes: impl IntoIterator<Item = NodeId>,
) -> Option<NodeId> {
    nodes.into_iter().max_by_key(|node| (weight(shard, *node), *node))
}

/// The finaliser of SplitMix64 over both.
fn weight(shard: ShardId, node: NodeId) -> u64 {
    let (high, low) = node.0.as_u64_pair();
    mix(mix(high ^ low.rotate_left(32)) ^ mix(u64::from(shard.0) + 1))
}

fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use stepyard_store::{NodeId, SHARD_COUNT, ShardId, all_shards};
    use uuid::Uuid;

    use super::wished_owner;

    fn nodes(count: u128) -> Vec<NodeId> {
        (1..=count).map(|number| NodeId(Uuid::from_u128(number * 0x9e37_79b9))).collect()
    }

    #[test]
    fn each_node_has_its_part() {
        for count in 2..=5 {
            let nodes = nodes(count);
            for node in &nodes {
                let owned = all_shards()
                    .into_iter()
                    .filter(|shard| wished_owner(*shard, nodes.iter().copied()) == Some(*node))
                    .count();
                let fair = usize::from(SHARD_COUNT) / nodes.len();
                assert!(owned > fair / 2 && owned < fair * 2, "{owned} of {fair}");
            }
        }
    }

    #[test]
    fn only_the_shards_of_the_one_that_goes_move() {
        let all = nodes(4);
        let (gone, rest) = (all[2], [all[0], all[1], all[3]]);
        for shard in all_shards() {
            let before = wished_owner(shard, all.iter().copied());
            let after = wished_owner(shard, rest);
            assert!(before == after || before == Some(gone), "{shard:?}");
        }
        assert_eq!(wished_owner(ShardId(0), []), None);
    }
}
