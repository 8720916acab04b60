//! Chance as an argument: a generator that is a function of its seed.

use std::fmt::Write;

/// A deterministic generator (xoshiro256++, seeded by SplitMix64), for `States.UUID`,
/// `States.MathRandom` and the jitter of retries. Not for secrets.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A generator from the entropy of one moment.
    pub fn from_entropy(entropy: [u8; 16]) -> Random {
        let (low, high) = entropy.split_at(8);
        let half = |bytes: &[u8]| {
            bytes.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
        };
        let mut seeder = SplitMix64(half(low));
        let first = [seeder.next(), seeder.next()];
        seeder.0 ^= half(high);
        Random { state: [first[0], first[1], seeder.next(), seeder.next()] }
    }

    /// A generator from a number that a user chose: the same number gives the same sequence.
    pub fn from_seed(seed: u64) -> Random {
        let mut seeder = SplitMix64(seed);
        Random { state: std::array::from_fn(|_| seeder.next()) }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Entropy for a generator of its own.
    pub fn entropy(&mut self) -> [u8; 16] {
        let halves = u128::from(self.next_u64()) << 64 | u128::from(self.next_u64());
        halves.to_le_bytes()
    }

    /// A number from 0 on, below `bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a 128-bit product: the bias is at most bound / 2^64.
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 on, below 1.
    pub fn unit(&mut self) -> f64 {
        // As many bits as a float holds exactly.
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A UUID of version 4 (RFC 9562), in lower case.
    pub fn uuid_v4(&mut self) -> String {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next_u64().to_be_bytes());
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_seed_decides() {
        let draw = |entropy| Random::from_entropy(entropy).next_u64();
        assert_eq!(draw([1; 16]), draw([1; 16]));
        let mut late = [1; 16];
        late[15] = 2;
        let (mut a, mut b) = (Random::from_entropy([1; 16]), Random::from_entropy(late));
        assert_ne!((a.next_u64(), a.next_u64()), (b.next_u64(), b.next_u64()));
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut random = Random::from_seed(7);
        let mut seen = [0; 10];
        for _ in 0..10_000 {
            seen[random.below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (800..1_200).contains(count)), "{seen:?}");
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn uuids_have_version_and_variant() {
        let uuid = Random::from_seed(1).uuid_v4();
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(matches!(uuid.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
    }
}
