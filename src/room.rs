//! Memory that is used again.

/// Makes a vector of at least `len` items to write over, whatever they are: what is there is not
/// cleared again.
///
/// Not `vec![0; len]`, for which the system's `calloc` takes longer than its `malloc` where blocks are small.
pub(crate) fn make_room<T: Clone + Default>(items: &mut Vec<T>, len: usize) {
    if items.capacity() < len {
        *items = Vec::with_capacity(len);
    }
    if items.len() < len {
        items.resize(len, T::default());
    }
}
