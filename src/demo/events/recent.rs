//! What is remembered of the last things only.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// At most so many entries; the oldest falls out.
#[derive(Debug)]
pub(crate) struct Recent<K, V = ()> {
    most: usize,
    by_key: HashMap<K, V>,
    order: VecDeque<K>,
}
impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, by_key: HashMap::new(), order: VecDeque::new() }
    }
    /// Whether the key was unknown.
    pub(crate) fn insert(&mut self, key: K, value: V) -> bool {
        if self.by_key.insert(key.clone(), value).is_some() {
            return false;
        }
        if self.order.len() == self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.order.push_back(key);
        true
    }
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.by_key.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_falls_out() {
        let mut recent = Recent::new(2);
        assert!(recent.insert("a", 1) && recent.insert("b", 2) && !recent.insert("a", 3));
        assert!(recent.insert("c", 4));
        assert_eq!((recent.get(&"a"), recent.get(&"b"), recent.get(&"c")), (None, Some(&2), Some(&4)));
    }
}
