//! What a compressed chunk says of its length, read before anything of that length is allocated: a damaged or foreign
//! object may say anything.

use crate::compression::Compression;

/// Bytes that `stored` says it decodes to. Nothing if it does not say (deflate never does) or is no such frame; the codec
/// itself then has the last word.
pub(crate) fn declared_length(stored: &[u8], compression: Compression) -> Option<u64> {
    match compression {
        Compression::None => Some(stored.len() as u64),
        Compression::Blosc { .. } => blosc(stored),
        Compression::Zstd { .. } => zstd(stored),
        Compression::Gzip { .. } | Compression::Zlib { .. } => None,
    }
}

/// c-blosc `README_CHUNK_FORMAT.rst`, "The header": bytes 4 to 7, little-endian.
fn blosc(stored: &[u8]) -> Option<u64> {
    stored.get(4..8).map(little_endian)
}

/// The sum of `Frame_Content_Size` over all frames (RFC 8878 §3.1.1). Each frame is walked block by block to its end,
/// because a second frame could say anything too.
fn zstd(stored: &[u8]) -> Option<u64> {
    let (mut total, mut rest) = (0_u64, stored);
    while !rest.is_empty() {
        let (length, after) = zstd_frame(rest)?;
        total = total.checked_add(length)?;
        rest = after;
    }
    (!stored.is_empty()).then_some(total)
}

/// One frame: `Magic_Number Frame_Header_Descriptor [Window_Descriptor] [Dictionary_ID] Frame_Content_Size Block+
/// [Content_Checksum]`.
fn zstd_frame(stored: &[u8]) -> Option<(u64, &[u8])> {
    let rest = stored.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, rest) = rest.split_first()?;
    let single_segment = descriptor >> 5 & 1 == 1;
    let dictionary_bytes = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
    let rest = rest.get(usize::from(!single_segment) + dictionary_bytes..)?;
    let (length, mut rest) = match (descriptor >> 6, single_segment) {
        (0, false) => return None,
        (0, true) => split(rest, 1)?,
        (1, _) => split(rest, 2).map(|(length, rest)| (length + 256, rest))?,
        (2, _) => split(rest, 4)?,
        _ => split(rest, 8)?,
    };
    loop {
        // Block_Header: Last_Block 1 bit, Block_Type 2 bits, Block_Size 21 bits. A run-length block stores one byte.
        let (header, after) = split(rest, 3)?;
        let size = if header >> 1 & 3 == 1 { 1 } else { usize::try_from(header >> 3).ok()? };
        rest = after.get(size..)?;
        if header & 1 == 1 {
            break;
        }
    }
    let checksum = if descriptor >> 2 & 1 == 1 { 4 } else { 0 };
    Some((length, rest.get(checksum..)?))
}

/// The first `size` bytes, at most 8, as a number, and what follows them.
fn split(bytes: &[u8], size: usize) -> Option<(u64, &[u8])> {
    let (head, tail) = bytes.split_at_checked(size)?;
    Some((little_endian(head), tail))
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_frame_that_does_not_say_its_length_is_left_to_the_codec() {
        let zstd = Compression::Zstd { level: 3 };
        // Magic, descriptor without content size, window descriptor, one last raw block of 1 byte.
        assert_eq!(declared_length(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0, 9, 0, 0, 7], zstd), None);
        // The same in a single segment of 1 byte, twice.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 9, 0, 0, 7];
        assert_eq!(declared_length(&frame, zstd), Some(1));
        assert_eq!(declared_length(&[frame, frame].concat(), zstd), Some(2));
        assert_eq!(declared_length(&[], zstd), None);
        assert_eq!(declared_length(&frame[..9], zstd), None);
        assert_eq!(declared_length(&[1, 2, 3], Compression::Gzip { level: 5 }), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..40), magic in any::<bool>()) {
            if magic {
                bytes.splice(0..0, [0x28, 0xb5, 0x2f, 0xfd]);
            }
            declared_length(&bytes, Compression::Zstd { level: 3 });
        }
    }
}
