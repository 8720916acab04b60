//! Chance as an argument.

use std::sync::{Mutex, PoisonError};

use stepyard_asl::Random;

/// Where the runtime draws random bytes from.
pub trait Entropy: Send + Sync {
    /// Sixteen fresh bytes.
    fn draw(&self) -> [u8; 16];

    /// A fresh secret of 256 bits.
    fn draw_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&self.draw());
        key[16..].copy_from_slice(&self.draw());
        key
    }
}

/// Bytes asked of the operating system at once.
const BUFFER_BYTES: usize = 4_096;

/// The entropy of the operating system.
#[derive(Default)]
pub struct OsEntropy {
    buffer: Mutex<Vec<u8>>,
}

impl Entropy for OsEntropy {
    fn draw(&self) -> [u8; 16] {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() < 16 {
            *buffer = fresh();
        }
        let rest = buffer.len() - 16;
        let mut drawn = [0; 16];
        drawn.copy_from_slice(&buffer[rest..]);
        buffer.truncate(rest);
        drawn
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where chance comes from")]
fn fresh() -> Vec<u8> {
    let mut bytes = vec![0; BUFFER_BYTES];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// Bytes that follow from a seed; for tests and simulations.
pub struct SeededEntropy {
    random: Mutex<Random>,
}

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub fn new(seed: u64) -> SeededEntropy {
        SeededEntropy { random: Mutex::new(Random::from_seed(seed)) }
    }
}

impl Entropy for SeededEntropy {
    fn draw(&self) -> [u8; 16] {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut drawn = [0; 16];
        drawn[..8].copy_from_slice(&random.next_u64().to_le_bytes());
        drawn[8..].copy_from_slice(&random.next_u64().to_le_bytes());
        drawn
    }

    /// Nothing is drawn for it, so that seeds stand for what they stood for before there were keys.
    fn draw_key(&self) -> [u8; 32] {
        [0x5e; 32]
    }
}
