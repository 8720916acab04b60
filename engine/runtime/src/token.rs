//! The text by which somebody outside names a task.
//!
//! There is no table of tokens: one says which task it names, and the database's key proves that it was given
//! out. Whether that task still waits is the execution's knowledge.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use stepyard_machine::{EventId, TaskId, TaskTokens};
use stepyard_store::{ExecutionId, SHARD_COUNT, ShardId, TOKEN_KEY_BYTES};
use uuid::Uuid;

/// The form of tokens that is written.
const VERSION: u8 = 1;

/// Bytes of version, shard, execution and event.
const PLACE_BYTES: usize = 1 + 2 + 16 + 8;

/// Bytes of the proof: HMAC-SHA-256, cut off.
const PROOF_BYTES: usize = 16;

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskPlace {
    /// The shard of its execution.
    pub shard: ShardId,
    /// Its execution.
    pub execution: ExecutionId,
    /// Which of its tasks.
    pub task: TaskId,
}

/// What makes and proves tokens: one for each database, known to its nodes only.
pub(crate) struct TokenKey(hmac::Key);

impl TokenKey {
    pub(crate) fn new(bytes: &[u8; TOKEN_KEY_BYTES]) -> TokenKey {
        TokenKey(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The token of a task.
    pub(crate) fn seal(&self, place: TaskPlace) -> String {
        let TaskPlace { shard, execution, task } = place;
        let mut bytes = Vec::with_capacity(PLACE_BYTES + PROOF_BYTES);
        bytes.push(VERSION);
        bytes.extend(shard.0.to_be_bytes());
        bytes.extend(execution.0.as_bytes());
        bytes.extend(task.0.0.to_be_bytes());
        let proof = hmac::sign(&self.0, &bytes);
        bytes.extend(&proof.as_ref()[..PROOF_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The task that a token names; `None` when this database has not given it out. The proof is compared in the same
    /// time whatever it is.
    pub(crate) fn open(&self, token: &str) -> Option<TaskPlace> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (said, proof) = bytes.split_at_checked(PLACE_BYTES)?;
        let (execution, event) = said.get(3..)?.split_at_checked(16)?;
        let place = TaskPlace {
            shard: ShardId(u16::from_be_bytes(said.get(1..3)?.try_into().ok()?)),
            execution: ExecutionId(Uuid::from_slice(execution).ok()?),
            task: TaskId(EventId(u64::from_be_bytes(event.try_into().ok()?))),
        };
        let expected = hmac::sign(&self.0, said);
        let is_proven = proof.len() == PROOF_BYTES
            && is_equal(proof, &expected.as_ref()[..PROOF_BYTES])
            && said.first() == Some(&VERSION);
        (is_proven && place.shard.0 < SHARD_COUNT).then_some(place)
    }
}

/// Looks at every byte, also behind the first one that differs.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    std::hint::black_box(difference) == 0
}

/// The tokens of one execution.
pub(crate) struct ExecutionTokens {
    pub(crate) key: Arc<TokenKey>,
    pub(crate) shard: ShardId,
    pub(crate) execution: ExecutionId,
}

impl TaskTokens for ExecutionTokens {
    fn token(&self, task: TaskId) -> String {
        self.key.seal(TaskPlace { shard: self.shard, execution: self.execution, task })
    }
}

#[cfg(test)]
mod tests {
    use stepyard_machine::{EventId, TaskId};
    use stepyard_store::{ExecutionId, ShardId};
    use uuid::Uuid;

    use super::{TaskPlace, TokenKey};

    fn place() -> TaskPlace {
        TaskPlace {
            shard: ShardId(63),
            execution: ExecutionId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)),
            task: TaskId(EventId(24_999)),
        }
    }

    #[test]
    fn a_token_leads_to_its_task() {
        let key = TokenKey::new(&[7; 32]);
        let token = key.seal(place());
        assert!(token.len() < 200, "{token}");
        assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        assert_eq!(key.open(&token), Some(place()));
        assert_eq!(TokenKey::new(&[7; 32]).seal(place()), token);
    }

    #[test]
    fn what_was_not_given_out_leads_nowhere() {
        let key = TokenKey::new(&[7; 32]);
        let token = key.seal(place());
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            let mut changed = token.clone();
            changed.replace_range(at..=at, other);
            // The last character has bits that stand for nothing; text that is not canonical is refused as well.
            assert_eq!(key.open(&changed), None, "{changed}");
            assert_eq!(key.open(&token[..at]), None);
        }
        assert_eq!(TokenKey::new(&[8; 32]).open(&token), None);
        let elsewhere = TaskPlace { shard: ShardId(64), ..place() };
        assert_eq!(key.open(&key.seal(elsewhere)), None);
        for text in ["", "NoSuchTaskToken", "ä", &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(key.open(text), None, "{text}");
        }
    }
}
