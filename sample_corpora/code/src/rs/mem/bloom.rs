use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Set that answers "surely not there" or "probably there" in little memory.
pub struct Bloom {
    bits: Vec<u64>,
    size: u64,
    hashes: u32,
}

impl Bloom {
    /// Chooses the size for `expected` items and a rate of false alarms.
    pub fn with_rate(expected: usize, rate: f64) -> Self {
        let ln2 = std::f64::consts::LN_2;
        let n = expected.max(1) as f64;
        let size = (-n * rate.ln() / (ln2 * ln2)).ceil().max(64.0) as u64;
        let hashes = ((size as f64 / n) * ln2).round().max(1.0) as u32;
        let words = ((size + 63) / 64) as usize;
        Bloom { bits: vec![0; words], size, hashes }
    }

    fn positions<T: Hash>(&self, item: &T) -> impl Iterator<Item = u64> {
        let mut first = DefaultHasher::new();
        item.hash(&mut first);
        let a = first.finish();
        let mut second = DefaultHasher::new();
        (a, 0x9e37_79b9u32).hash(&mut second);
        let b = second.finish() | 1;
        let size = self.size;
        (0..self.hashes as u64).map(move |i| a.wrapping_add(i.wrapping_mul(b)) % size)
    }

    pub fn insert<T: Hash>(&mut self, item: &T) {
        for p in self.positions(item) {
            self.bits[(p / 64) as usize] |= 1 << (p % 64);
        }
    }

    pub fn may_contain<T: Hash>(&self, item: &T) -> bool {
        self.positions(item).all(|p| self.bits[(p / 64) as usize] & (1 << (p % 64)) != 0)
    }
}
