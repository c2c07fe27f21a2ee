use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

pub struct Expiring<K, V> {
    ttl: Duration,
    items: HashMap<K, (Instant, V)>,
    writes: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> Expiring<K, V> {
    pub fn new(ttl: Duration) -> Self {
        Expiring { ttl, items: HashMap::new(), writes: 0 }
    }

    pub fn get(&mut self, key: &K) -> Option<V> {
        match self.items.get(key) {
            Some((until, value)) if *until > Instant::now() => Some(value.clone()),
            Some(_) => {
                self.items.remove(key);
                None
            }
            None => None,
        }
    }

    pub fn put(&mut self, key: K, value: V) {
        self.items.insert(key, (Instant::now() + self.ttl, value));
        self.writes += 1;
        if self.writes % 256 == 0 {
            self.sweep();
        }
    }

    pub fn get_or_load<E>(
        &mut self,
        key: &K,
        load: impl FnOnce(&K) -> Result<V, E>,
    ) -> Result<V, E> {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let value = load(key)?;
        self.put(key.clone(), value.clone());
        Ok(value)
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        self.items.retain(|_, (until, _)| *until > now);
    }
}
