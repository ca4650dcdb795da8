use std::{error::Error as _, sync::Arc};

use grid::{ChunkIndex, ElementType, Shape};
use proptest::prelude::*;
use zarr::{ArraySpec, ChunkCodec, Codec, Format, ZarrError, array_documents, chunk_key};
use zarrs::array::{Array, ArrayMetadata};

use crate::examples::{combinations, spec};

/// Our documents, read by `zarrs`.
fn opened(spec: &ArraySpec, format: Format, codec: &Codec) -> Array<()> {
    let documents = array_documents(spec, format, codec).unwrap();
    let metadata = match format {
        Format::V2 => ArrayMetadata::V2(serde_json::from_slice(&documents[0].bytes).unwrap()),
        Format::V3 => ArrayMetadata::V3(serde_json::from_slice(&documents[0].bytes).unwrap()),
    };
    Array::new_with_metadata(Arc::new(()), &format!("/{}", spec.path), metadata).unwrap()
}

#[test]
fn zarrs_accepts_every_document_and_names_the_same_chunks() {
    for (element, format, codec) in combinations() {
        for fill in [None, Some(vec![1; element.size()]), Some(vec![0xff; element.size()])] {
            let spec = spec(element, &[5, 0, 7], &[2, 1, 7], fill.clone());
            let array = opened(&spec, format, &codec);
            assert_eq!(array.shape(), [5, 0, 7]);
            assert_eq!(array.data_type().fixed_size(), Some(element.size()));
            let odd_nan = element.is_float() && fill.as_ref().is_some_and(|fill| fill[0] == 0xff);
            if let Some(fill) = fill.filter(|_| !(odd_nan && format == Format::V2)) {
                assert_eq!(array.fill_value().as_ne_bytes(), fill, "{element} {format}");
            }
            for index in [[0, 0, 0], [2, 0, 0], [10, 200, 3000]] {
                let ours = chunk_key(&spec.path, &ChunkIndex::new(index.to_vec()), format);
                assert_eq!(ours, array.chunk_key(&index).as_str());
            }
        }
        let scalar = spec(element, &[], &[], None);
        let ours = chunk_key(&scalar.path, &ChunkIndex::new(vec![]), format);
        assert_eq!(ours, opened(&scalar, format, &codec).chunk_key(&[]).as_str());
    }
}

#[test]
fn every_codec_gives_every_type_back_and_the_same_bytes_each_time() {
    for (element, format, codec) in combinations() {
        for shape in [&[3_u64, 50][..], &[]] {
            let spec = spec(element, shape, shape, None);
            let chunk_codec = ChunkCodec::new(&spec, format, &codec).unwrap();
            let length = usize::try_from(spec.chunk_bytes().unwrap()).unwrap();
            let chunk: Vec<u8> = (0..length).map(|i| u8::try_from(i * i % 251).unwrap()).collect();
            let stored = chunk_codec.encode(&chunk).unwrap();
            for _ in 0..4 {
                assert_eq!(chunk_codec.encode(&chunk).unwrap(), stored, "{element} {format} {codec}");
            }
            assert_eq!(chunk_codec.decode(stored).unwrap(), chunk, "{element} {format} {codec}");
        }
    }
}

/// Above the size from which zarrs would hand blosc more than one thread.
#[test]
fn a_large_chunk_is_encoded_alike_by_many_threads() {
    let spec = spec(ElementType::Float32, &[1_500_000], &[1_500_000], None);
    let chunk: Vec<u8> = (0..1_500_000_u32).flat_map(|i| (i / 7 * 3).to_le_bytes()).collect();
    for codec in ["blosc:lz4:5:shuffle", "blosc:zstd:3:bitshuffle"] {
        let codec = ChunkCodec::new(&spec, Format::V3, &codec.parse().unwrap()).unwrap();
        let expected = codec.encode(&chunk).unwrap();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| codec.encode(&chunk).unwrap())).collect();
            for thread in threads {
                assert!(thread.join().unwrap() == expected);
            }
        });
        assert!(codec.decode(expected).unwrap() == chunk);
    }
}

#[test]
fn nan_payloads_survive_every_codec() {
    let bits = [0x7fc0_1234_u32, 0xff80_0001, 0x7f80_0000, 0x8000_0000];
    let chunk: Vec<u8> = bits.into_iter().flat_map(u32::to_ne_bytes).collect();
    for (_, format, codec) in combinations().filter(|(element, ..)| *element == ElementType::Float32) {
        let spec = spec(ElementType::Float32, &[4], &[4], Some(f32::NAN.to_ne_bytes().to_vec()));
        let chunk_codec = ChunkCodec::new(&spec, format, &codec).unwrap();
        assert_eq!(chunk_codec.decode(chunk_codec.encode(&chunk).unwrap()).unwrap(), chunk);
    }
}

#[test]
fn elements_are_stored_in_little_endian_order() {
    let spec = spec(ElementType::Int16, &[2], &[2], None);
    for format in [Format::V2, Format::V3] {
        let codec = ChunkCodec::new(&spec, format, &"none".parse().unwrap()).unwrap();
        let chunk = [1_i16, -2].map(i16::to_ne_bytes).concat();
        assert_eq!(codec.encode(&chunk).unwrap(), [1, 0, 0xfe, 0xff]);
    }
}

#[test]
fn what_cannot_be_a_chunk_is_refused_before_it_is_decoded() {
    let small = spec(ElementType::Float64, &[10], &[10], None);
    let large = spec(ElementType::Float64, &[11], &[11], None);
    for (_, format, codec) in combinations().filter(|(element, ..)| *element == ElementType::Float64) {
        let small = ChunkCodec::new(&small, format, &codec).unwrap();
        let large = ChunkCodec::new(&large, format, &codec).unwrap();
        assert!(matches!(small.encode(&[0; 79]), Err(ZarrError::ChunkLength { expected: 80, found: 79, .. })));
        let foreign = large.encode(&[1; 88]).unwrap();
        let error = small.decode(foreign).unwrap_err();
        assert!(matches!(error, ZarrError::ChunkLength { found: 88, .. } | ZarrError::Chunk { .. }), "{codec} {error}");
        let mut cut = small.encode(&(0..80).collect::<Vec<_>>()).unwrap();
        cut.pop();
        assert!(small.decode(cut).is_err(), "{codec}");
        assert!(small.decode(Vec::new()).is_err(), "{codec}");
    }
    // A zstd frame that announces 2^62 bytes.
    let codec = ChunkCodec::new(&small, Format::V3, &"zstd".parse().unwrap()).unwrap();
    let bomb = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(1_u64 << 62).to_le_bytes(), &[1, 0, 0]].concat();
    assert!(matches!(codec.decode(bomb), Err(ZarrError::ChunkLength { found, .. }) if found == 1 << 62));
}

#[test]
fn a_chunk_beyond_a_codec_is_refused_when_the_codec_is_made() {
    let spec = spec(ElementType::UInt8, &[1 << 40], &[(1 << 31) - 16], None);
    let error = ChunkCodec::new(&spec, Format::V3, &Codec::default()).unwrap_err();
    assert!(matches!(error, ZarrError::ChunkTooLarge { most: 2_147_483_631, .. }), "{error}");
    assert!(ChunkCodec::new(&spec, Format::V3, &"zstd".parse().unwrap()).is_ok());
}

#[test]
fn a_refusal_names_its_cause() {
    let mut bad = spec(ElementType::UInt8, &[4], &[2], None);
    bad.chunk_shape = Shape::new(vec![0]).unwrap();
    let error = ChunkCodec::new(&bad, Format::V2, &Codec::default()).unwrap_err();
    assert_eq!(error.to_string(), "array `sst` cannot be cut into chunks");
    assert_eq!(error.source().unwrap().to_string(), "chunk size 0 along dimension 0, expected at least 1");
    bad.chunk_shape = Shape::new(vec![2]).unwrap();
    let error = ChunkCodec::new(&bad, Format::V3, &"zlib".parse().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("codec `zlib:5` does not exist in Zarr v3"), "{error}");
}

fn assert_shared<T: Send + Sync + Clone>() {}

#[test]
fn a_codec_can_be_shared() {
    assert_shared::<ChunkCodec>();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn decode_is_the_inverse_of_encode(bytes in prop::collection::vec(any::<u8>(), 8..400), runs in 1_usize..40) {
        let bytes: Vec<u8> = bytes.into_iter().flat_map(|byte| vec![byte; runs]).collect();
        for (element, format, codec) in combinations() {
            let elements = bytes.len() / element.size();
            let chunk = bytes[..elements * element.size()].to_vec();
            let spec = spec(element, &[elements as u64], &[elements as u64], None);
            let chunk_codec = ChunkCodec::new(&spec, format, &codec).unwrap();
            let stored = chunk_codec.encode(&chunk).unwrap();
            prop_assert_eq!(&chunk_codec.decode(stored.clone()).unwrap(), &chunk);
            // Cut anywhere, it is an error or the same chunk (trailing bytes may be padding), and never a panic.
            let cut = stored.len() * runs / 40;
            if let Ok(decoded) = chunk_codec.decode(stored[..cut].to_vec()) {
                prop_assert_eq!(decoded, chunk);
            }
        }
    }
}
