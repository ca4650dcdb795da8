use std::collections::BTreeSet;

use advisor::{Reader, Reads, ReadsError, Window};
use clap::Args;
use run::IndexRange;
use zarr::{Codec, Format};

use crate::units::{parse_bytes, parse_chunk, parse_milliseconds, parse_pair, parse_window};

/// What is converted, and into what.
#[derive(Debug, Args)]
#[command(next_help_heading = "What to convert")]
pub(crate) struct SelectionArguments {
    /// Variables to convert; their coordinates and bounds come along [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) variables: Vec<String>,

    /// Ranges of indices, both ends included: time=0:143
    #[arg(long, value_name = "DIM=FIRST:LAST,…", value_delimiter = ',', value_parser = parse_pair::<IndexRange>)]
    pub(crate) range: Vec<(String, IndexRange)>,

    /// Chunk sizes in elements, for all variables or for one: time=72,lat=354,tmx:time=36; along other dimensions they are
    /// chosen [default: chosen for the reads]
    #[arg(
        long,
        value_name = "[VAR:]DIM=SIZE,…",
        value_delimiter = ',',
        value_parser = parse_chunk,
        allow_hyphen_values = true,
        help_heading = "Chunks"
    )]
    pub(crate) chunks: Vec<(String, u64)>,

    /// What the dataset is read for, and so what chunks are chosen by: timeseries, map, year (of maps), region (a tenth of
    /// each side, at all times), balanced (timeseries@0.5 and map@0.5), or lengths such as time=all,lat=50,lon=50; repeat it
    /// with weights that sum to 1: --read timeseries@0.7 --read map@0.3 [default: balanced]
    #[arg(long, value_name = "READ[@WEIGHT]", allow_hyphen_values = true, help_heading = "Chunks")]
    pub(crate) read: Vec<String>,

    /// Uncompressed size of chunks that are chosen, at most or between two bounds: 64MB, 10MB:200MB. Two bounds are kept, or
    /// it is an error [default: 10MB:200MB]
    #[arg(
        long,
        value_name = "[LEAST:]MOST",
        value_parser = parse_window,
        allow_hyphen_values = true,
        help_heading = "Chunks"
    )]
    pub(crate) chunk_bytes: Option<Window>,

    /// How long a reader waits for the first byte of a chunk: 200ms, 0.2s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "200ms",
        value_parser = parse_milliseconds,
        allow_hyphen_values = true,
        help_heading = "Chunks"
    )]
    pub(crate) reader_latency: u32,

    /// Uncompressed data a second that a reader gets in one GET
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "180MB",
        value_parser = parse_bytes,
        allow_hyphen_values = true,
        help_heading = "Chunks"
    )]
    pub(crate) reader_bandwidth: u64,

    /// GETs that a reader sends at a time, for the figures with several
    #[arg(long, value_name = "N", default_value_t = 8, help_heading = "Chunks")]
    pub(crate) readers: u32,

    /// Most uncompressed data to ask for in one request; larger chunks take several
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "100MB",
        value_parser = parse_bytes,
        allow_hyphen_values = true,
        help_heading = "Chunks"
    )]
    pub(crate) request_bytes: u64,

    /// Zarr format
    #[arg(long, value_name = "v2|v3", default_value = "v3", help_heading = "Zarr")]
    pub(crate) format: Format,

    /// Compression: blosc[:lz4|zstd[:LEVEL[:shuffle|bitshuffle|noshuffle]]], zstd[:LEVEL], gzip[:LEVEL], zlib[:LEVEL]
    /// (v2 only), none
    #[arg(long, value_name = "CODEC", default_value_t = Codec::default(), help_heading = "Zarr")]
    pub(crate) codec: Codec,
}

impl SelectionArguments {
    pub(crate) fn variables(&self) -> Option<BTreeSet<String>> {
        (!self.variables.is_empty()).then(|| self.variables.iter().cloned().collect())
    }

    pub(crate) fn reads(&self) -> Result<Reads, ReadsError> {
        if self.read.is_empty() { Ok(Reads::default()) } else { Reads::parse(&self.read) }
    }

    pub(crate) const fn reader(&self) -> Reader {
        Reader { latency_ms: self.reader_latency, bytes_per_second: self.reader_bandwidth, at_once: self.readers }
    }
}
