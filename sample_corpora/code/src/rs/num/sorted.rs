use std::cmp::Ordering;

/// Index of the first item that is not less than `wanted`.
pub fn lower_bound<T: Ord>(items: &[T], wanted: &T) -> usize {
    let (mut low, mut high) = (0, items.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if items[middle] < *wanted {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

pub fn find<T: Ord>(items: &[T], wanted: &T) -> Option<usize> {
    let at = lower_bound(items, wanted);
    (at < items.len() && items[at] == *wanted).then_some(at)
}

/// Merges two sorted lists into one, keeping equal items from the left first.
pub fn merge<T: Ord + Clone>(left: &[T], right: &[T]) -> Vec<T> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut i, mut j) = (0, 0);
    while i < left.len() && j < right.len() {
        if left[i].cmp(&right[j]) == Ordering::Greater {
            out.push(right[j].clone());
            j += 1;
        } else {
            out.push(left[i].clone());
            i += 1;
        }
    }
    out.extend_from_slice(&left[i..]);
    out.extend_from_slice(&right[j..]);
    out
}
