//! How many chunks a stretch of indices touches.

use crate::real;

/// Chunks of `chunk` elements that `reach` elements in a row touch along an axis of `size`, on average over every place
/// the stretch can begin at.
pub(crate) fn touched(size: u64, chunk: u64, reach: u64) -> f64 {
    let (size, chunk) = (size.max(1), chunk.max(1));
    let reach = reach.clamp(1, size);
    let count = size.div_ceil(chunk);
    if reach == size || count == 1 {
        return real(count);
    }
    // One chunk, and one more for each border inside. A border at `b` lies inside for the beginnings from b − reach + 1
    // to b − 1, as far as these are beginnings: from 0 to size − reach. So b of them near the axis's beginning, size − b
    // near its end, and in between reach − 1, or all of them where the stretch is longer than what it leaves.
    let places = size - reach + 1;
    let borders = count - 1;
    let near_end = reach.div_ceil(chunk); // the first border that a stretch from 0 on does not pass
    let past = ((places - 1) / chunk).min(borders); // the last border at which a stretch can begin
    let first = near_end.saturating_sub(1).min(past);
    let last = (past + 1).max(near_end).min(borders + 1);
    let (size, chunk) = (u128::from(size), u128::from(chunk));
    let head = chunk * triangle(first);
    let between = u128::from(last - 1 - first) * u128::from((reach - 1).min(places));
    let tail = u128::from(borders + 1 - last) * size - chunk * (triangle(borders) - triangle(last - 1));
    let inside = head + between + tail;
    #[expect(clippy::cast_precision_loss, reason = "an average")]
    let crossed = inside as f64 / real(places);
    1.0 + crossed
}

/// 1 + 2 + … + n.
fn triangle(n: u64) -> u128 {
    u128::from(n) * (u128::from(n) + 1) / 2
}

/// Source chunks that all chunks of one axis touch, taken together, and how many source chunks there are: their ratio is
/// how often each is read.
pub(crate) fn read_again(size: u64, chunk: u64, source: u64, offset: u64) -> (u64, u64) {
    let (size, chunk, source) = (size.max(1), chunk.max(1), source.max(1));
    let there = (offset + size - 1) / source - offset / source + 1;
    let borders = size.div_ceil(chunk) - 1;
    (there + borders - aligned(borders, chunk, source, offset), there)
}

/// Of the borders at offset + k·chunk, 1 ≤ k ≤ `borders`, those that are a border of the source's too: those k for which
/// k·chunk ≡ −offset (mod source), which repeat after source ÷ gcd.
fn aligned(borders: u64, chunk: u64, source: u64, offset: u64) -> u64 {
    let (chunk, source) = (i128::from(chunk), i128::from(source));
    let (gcd, inverse) = bezout(chunk, source);
    let behind = (-i128::from(offset)).rem_euclid(source);
    if behind % gcd != 0 {
        return 0;
    }
    let period = source / gcd;
    let first = ((behind / gcd) * inverse.rem_euclid(period)).rem_euclid(period);
    let first = if first == 0 { period } else { first };
    let borders = i128::from(borders);
    let aligned = if first > borders { 0 } else { (borders - first) / period + 1 };
    u64::try_from(aligned).unwrap_or(u64::MAX)
}

/// The greatest common divisor of a and b, and x with a·x ≡ gcd (mod b).
const fn bezout(a: i128, b: i128) -> (i128, i128) {
    let (mut r, mut next_r) = (a, b);
    let (mut x, mut next_x) = (1_i128, 0_i128);
    while next_r != 0 {
        let quotient = r / next_r;
        (r, next_r) = (next_r, r - quotient * next_r);
        (x, next_x) = (next_x, x - quotient * next_x);
    }
    (r, x)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_average_is_that_of_every_beginning(size in 1_u64..300, chunk in 1_u64..300, reach in 1_u64..300) {
            let reach = reach.min(size);
            let beginnings = 0..=size - reach;
            let sum: u64 = beginnings.map(|first| (first + reach - 1) / chunk - first / chunk + 1).sum();
            let average = real(sum) / real(size - reach + 1);
            prop_assert!((touched(size, chunk, reach) - average).abs() < 1e-9, "{} {average}", touched(size, chunk, reach));
        }

        #[test]
        fn source_chunks_are_counted_as_by_hand(
            size in 1_u64..200, chunk in 1_u64..50, source in 1_u64..50, offset in 0_u64..100,
        ) {
            let chunks = (0..size).step_by(usize::try_from(chunk).unwrap());
            let sum: u64 = chunks.map(|first| {
                let last = (first + chunk).min(size) - 1;
                (offset + last) / source - (offset + first) / source + 1
            }).sum();
            let there = (offset + size - 1) / source - offset / source + 1;
            prop_assert_eq!(read_again(size, chunk, source, offset), (sum, there));
        }
    }

    #[test]
    fn long_axes_take_no_time() {
        assert_eq!(read_again(1_999_999_998, 7, 1_000_000_007, 1).1, 2);
        let there = touched(u64::MAX / 4, 7, 1_000_000);
        assert!(there > 142_857.0 && there < 142_859.0, "{there}");
    }
}
