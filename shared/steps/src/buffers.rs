use std::sync::{Mutex, PoisonError};

/// Buffers kept at once. More would count against the memory of its neighbours.
const KEPT: usize = 1;
/// Smaller ones are not worth keeping.
const SMALLEST: usize = 1 << 20;

/// Memory of chunks that are done, for the next ones. Fresh memory costs a page fault every few kilobytes: a quarter of
/// the time the demo's conversion took of the processors.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Mutex<Vec<Vec<u8>>>);

impl Buffers {
    /// Memory for `length` bytes, or an empty vector. Never more than twice of what is needed.
    pub(crate) fn take(&self, length: usize) -> Vec<u8> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |memory: &Vec<u8>| memory.capacity() >= length && memory.capacity() / 2 <= length;
        let found = kept.iter().position(fits);
        found.map(|position| kept.swap_remove(position)).unwrap_or_default()
    }

    /// Gives memory back.
    pub(crate) fn give(&self, memory: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.capacity() >= SMALLEST {
            // The newest stay: the next chunk is most likely of the same array.
            kept.insert(0, memory);
            kept.truncate(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_only_where_it_fits() {
        let buffers = Buffers::default();
        buffers.give(Vec::with_capacity(SMALLEST - 1));
        assert_eq!(buffers.take(SMALLEST - 1).capacity(), 0, "too small to keep");
        buffers.give(Vec::with_capacity(4 * SMALLEST));
        assert_eq!(buffers.take(SMALLEST).capacity(), 0, "four times what is needed");
        assert_eq!(buffers.take(5 * SMALLEST).capacity(), 0, "not enough");
        assert!(buffers.take(3 * SMALLEST).capacity() >= 3 * SMALLEST);
        assert_eq!(buffers.take(3 * SMALLEST).capacity(), 0, "given away");
        for _ in 0..5 {
            buffers.give(Vec::with_capacity(SMALLEST));
        }
        assert_eq!(buffers.0.lock().unwrap().len(), KEPT);
    }
}
