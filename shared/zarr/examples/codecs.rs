//! Measures codecs on real data: `cargo run --release -p dap2zarr-zarr --example codecs -- FILE.f4 FILE.i2 …`
//!
//! Each file holds one variable's elements, raw and little-endian, in C order; its extension is numpy's type code. The
//! whole file is one chunk. Prints, for each codec, the stored size in parts of the original and the speed of encoding
//! and decoding in MB (10^6 bytes of elements) per second, the best of five runs each.

use std::{error::Error, path::Path, time::Instant};

use grid::{ElementType, Shape};
use zarr::{ArrayPath, ArraySpec, ChunkCodec, Codec, Format};

const RUNS: usize = 5;
const CANDIDATES: [&str; 10] = [
    "none",
    "blosc:lz4:5:shuffle",
    "blosc:zstd:1:shuffle",
    "blosc:zstd:3:shuffle",
    "blosc:zstd:3:bitshuffle",
    "blosc:zstd:5:shuffle",
    "blosc:zstd:5:bitshuffle",
    "blosc:zlib:5:shuffle",
    "zstd:3",
    "gzip:5",
];

/// What one codec made of all files.
#[derive(Default)]
struct Total {
    raw: f64,
    stored: f64,
    encode_seconds: f64,
    decode_seconds: f64,
    ratios: Vec<f64>,
}

#[expect(clippy::print_stdout, reason = "this program's output")]
fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    println!("| codec | size | smallest–largest | encode MB/s | decode MB/s |\n|---|---|---|---|---|");
    for candidate in CANDIDATES {
        let codec: Codec = candidate.parse()?;
        let mut total = Total::default();
        for file in &files {
            measure(Path::new(file), &codec, &mut total)?;
        }
        total.ratios.sort_by(f64::total_cmp);
        println!(
            "| `{codec}` | {:.3} | {:.3}–{:.3} | {:.0} | {:.0} |",
            total.stored / total.raw,
            total.ratios.first().copied().unwrap_or_default(),
            total.ratios.last().copied().unwrap_or_default(),
            total.raw / 1e6 / total.encode_seconds,
            total.raw / 1e6 / total.decode_seconds,
        );
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "an example may read files and clocks; the library does not")]
#[expect(clippy::cast_precision_loss, reason = "sizes of files")]
fn measure(file: &Path, codec: &Codec, total: &mut Total) -> Result<(), Box<dyn Error>> {
    let raw = std::fs::read(file)?;
    let chunk_codec = ChunkCodec::new(&spec(file, raw.len())?, Format::V3, codec)?;
    let (mut encode, mut decode, mut stored) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..RUNS {
        let chunk = raw.clone();
        let begin = Instant::now();
        let encoded = chunk_codec.encode(&chunk)?;
        encode = encode.min(begin.elapsed().as_secs_f64());
        stored = encoded.len();
        let begin = Instant::now();
        let decoded = chunk_codec.decode(encoded)?;
        decode = decode.min(begin.elapsed().as_secs_f64());
        if decoded != raw {
            return Err(format!("{codec} does not give {} back", file.display()).into());
        }
    }
    total.raw += raw.len() as f64;
    total.stored += stored as f64;
    total.encode_seconds += encode;
    total.decode_seconds += decode;
    total.ratios.push(stored as f64 / raw.len() as f64);
    Ok(())
}

/// A one-dimensional array of one chunk.
fn spec(file: &Path, bytes: usize) -> Result<ArraySpec, Box<dyn Error>> {
    let code = file.extension().and_then(|code| code.to_str()).unwrap_or_default();
    let element = match code {
        "i2" => ElementType::Int16,
        "i4" => ElementType::Int32,
        "f4" => ElementType::Float32,
        "f8" => ElementType::Float64,
        _ => return Err(format!("{}: expected an extension i2, i4, f4 or f8", file.display()).into()),
    };
    let elements = u64::try_from(bytes / element.size())?;
    Ok(ArraySpec {
        path: ArrayPath::new("x")?,
        shape: Shape::new(vec![elements])?,
        chunk_shape: Shape::new(vec![elements])?,
        element,
        fill: None,
        dimensions: vec!["x".to_owned()],
        attributes: serde_json::Map::new(),
    })
}
