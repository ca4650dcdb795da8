use grid::{ElementType, Shape};

/// What the planner aims at where the user does not choose: about 64 MB of uncompressed data.
pub const DEFAULT_CHUNK_BYTES: u64 = 64_000_000;

/// What is known of one array when its chunk shape is chosen.
#[derive(Debug)]
pub(crate) struct Chunking<'a> {
    pub(crate) shape: &'a Shape,
    pub(crate) element: ElementType,
    /// The source's own chunk shape, of the array's rank.
    pub(crate) source_chunks: Option<&'a [u64]>,
    /// Sizes the user chose, by axis; already at most the array's.
    pub(crate) chosen: &'a [Option<u64>],
    /// Bytes to aim at.
    pub(crate) chunk_bytes: u64,
}

impl Chunking<'_> {
    /// A chunk shape: the user's sizes where given; elsewhere the same share of every dimension, as large as the aim
    /// allows. The same share everywhere means that a time series and a map cost a reader about the same. Sizes are
    /// multiples of the source's chunks, so that no source chunk is decoded for two of ours; without any they split
    /// the dimension evenly, so that no sliver is left at the edge.
    pub(crate) fn shape(&self) -> Vec<u64> {
        let aim = (self.chunk_bytes / self.element.size() as u64).max(1);
        let base = self.base(aim);
        if product(&self.at(1.0, &base)) <= u128::from(aim) {
            return self.at(1.0, &base);
        }
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        // Sixty halvings reach a single element of the longest dimension a shape can have.
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if product(&self.at(middle, &base)) <= u128::from(aim) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let sizes = self.at(low, &base);
        self.evened(sizes, &base)
    }

    /// The unit each free size is a multiple of: the source's chunk, unless those alone pass the aim.
    fn base(&self, aim: u64) -> Vec<u64> {
        let ones = vec![1; self.shape.rank()];
        let Some(chunks) = self.source_chunks else { return ones };
        let chunks: Vec<u64> =
            chunks.iter().zip(self.shape.sizes()).map(|(chunk, size)| (*chunk).min(*size).max(1)).collect();
        if product(&self.at(0.0, &chunks)) <= u128::from(aim) { chunks } else { ones }
    }

    /// The chunk shape that covers the share `share` of every free dimension, at least one unit of it.
    fn at(&self, share: f64, base: &[u64]) -> Vec<u64> {
        self.shape
            .sizes()
            .iter()
            .zip(base)
            .zip(self.chosen)
            .map(|((size, unit), chosen)| {
                if let Some(chosen) = chosen {
                    return (*chosen).max(1);
                }
                let units = size.div_ceil(*unit);
                #[expect(clippy::cast_precision_loss, reason = "a share; rounding moves a boundary by one unit")]
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to `units`")]
                let taken = (share * units as f64).floor() as u64;
                taken.max(1).saturating_mul(*unit).min((*size).max(1))
            })
            .collect()
    }

    /// Free sizes without a source chunk are shrunk until the chunks of a dimension are all of nearly one size.
    fn evened(&self, sizes: Vec<u64>, base: &[u64]) -> Vec<u64> {
        sizes
            .into_iter()
            .zip(self.shape.sizes())
            .zip(base)
            .zip(self.chosen)
            .map(|(((chunk, size), unit), chosen)| {
                if chosen.is_some() || *unit > 1 || *size == 0 {
                    return chunk;
                }
                size.div_ceil(size.div_ceil(chunk))
            })
            .collect()
    }
}

fn product(sizes: &[u64]) -> u128 {
    sizes.iter().fold(1_u128, |product, size| product.saturating_mul(u128::from(*size)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunks(shape: &[u64], source: Option<&[u64]>, chosen: &[Option<u64>], bytes: u64) -> Vec<u64> {
        let shape = Shape::new(shape.to_vec()).unwrap();
        let element = ElementType::Float32;
        Chunking { shape: &shape, element, source_chunks: source, chosen, chunk_bytes: bytes }.shape()
    }

    #[test]
    fn prism_gets_multiples_of_its_source_chunks() {
        let chunk = chunks(&[1512, 621, 1405], Some(&[1, 23, 44]), &[None; 3], DEFAULT_CHUNK_BYTES);
        assert_eq!((chunk[1] % 23, chunk[2] % 44), (0, 0), "{chunk:?}");
        let bytes = chunk.iter().product::<u64>() * 4;
        assert!((32_000_000..=64_000_000).contains(&bytes), "{chunk:?} {bytes}");
    }

    #[test]
    fn a_small_array_is_one_chunk() {
        assert_eq!(chunks(&[10, 20], None, &[None; 2], DEFAULT_CHUNK_BYTES), [10, 20]);
        assert_eq!(chunks(&[], None, &[], DEFAULT_CHUNK_BYTES), [] as [u64; 0]);
        assert_eq!(chunks(&[0, 20], None, &[None; 2], DEFAULT_CHUNK_BYTES), [1, 20]);
    }

    #[test]
    fn without_source_chunks_no_sliver_is_left() {
        let chunk = chunks(&[8760, 721, 1440], None, &[None; 3], DEFAULT_CHUNK_BYTES);
        for (size, chunk) in [8760_u64, 721, 1440].into_iter().zip(chunk) {
            let last = size - (size.div_ceil(chunk) - 1) * chunk;
            assert!(last * 2 > chunk, "{size} in {chunk} leaves {last}");
        }
    }

    #[test]
    fn the_user_decides_where_the_user_decided() {
        let chunk = chunks(&[144, 621, 1405], Some(&[1, 23, 44]), &[Some(72), None, None], DEFAULT_CHUNK_BYTES);
        assert_eq!(chunk[0], 72);
        assert!(chunk.iter().product::<u64>() * 4 <= DEFAULT_CHUNK_BYTES);
    }

    proptest! {
        #[test]
        fn chunks_stay_within_the_array_and_the_aim(
            axes in prop::collection::vec((1_u64..5_000, 1_u64..100), 0..5),
            aligned in any::<bool>(),
            bytes in 1_000_u64..100_000_000,
        ) {
            let (shape, source): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
            prop_assume!(Shape::new(shape.clone()).is_ok());
            let chosen = vec![None; shape.len()];
            let chunk = chunks(&shape, aligned.then_some(source.as_slice()), &chosen, bytes);
            prop_assert!(chunk.iter().zip(&shape).all(|(chunk, size)| *chunk >= 1 && chunk <= size));
            prop_assert!(chunk.iter().product::<u64>() * 4 <= bytes.max(4));
        }
    }
}
