//! The only module that names `zarrs` (0.23.14): an array over no storage is a checked document and a codec.

use std::{borrow::Cow, num::NonZeroU64, sync::Arc};

use zarrs::array::{
    Array, ArrayBytes, ArrayMetadata, ArrayMetadataV2, ArrayMetadataV3, ArrayToBytesCodecTraits as _, CodecOptions,
};

use crate::{
    ArraySpec, Codec, Document, Format, ZarrError, array_documents, compression::Compression, frames::declared_length,
};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The largest buffer blosc takes: `BLOSC_MAX_BUFFERSIZE` in c-blosc's `blosc.h`, `INT_MAX` less 16 bytes of header.
const BLOSC_MOST: u64 = i32::MAX as u64 - 16;

/// Encodes and decodes the chunks of one array. Deterministic: the same bytes in give the same bytes out. One call uses
/// one thread; several threads may share a codec.
#[derive(Debug, Clone)]
pub struct ChunkCodec {
    path: String,
    array: Arc<Array<()>>,
    chunk_shape: Vec<NonZeroU64>,
    chunk_bytes: u64,
    compression: Compression,
}

impl ChunkCodec {
    /// Makes the array's documents, has `zarrs` check them, and takes the codec from what it understood: what a chunk is
    /// encoded with is what the documents say.
    ///
    /// # Errors
    /// [`ZarrError::CodecNotInFormat`], [`ZarrError::Grid`], [`ZarrError::Inconsistent`], [`ZarrError::ChunkTooLarge`],
    /// [`ZarrError::Refused`].
    pub fn new(spec: &ArraySpec, format: Format, codec: &Codec) -> Result<Self, ZarrError> {
        let path = spec.path.to_string();
        let documents = array_documents(spec, format, codec)?;
        let refused = |source| ZarrError::Refused { path: path.clone(), format, source };
        let metadata = parse(&documents, format).map_err(refused)?;
        let array = Array::new_with_metadata(Arc::new(()), &format!("/{path}"), metadata)
            .map_err(|error| refused(error.into()))?;
        let chunk_shape = array.chunk_shape(&vec![0; spec.shape.rank()]).map_err(|error| refused(error.into()))?;
        let most = match codec.0 {
            Compression::Blosc { .. } => BLOSC_MOST,
            Compression::None | Compression::Zstd { .. } | Compression::Gzip { .. } | Compression::Zlib { .. } => {
                u64::MAX
            }
        };
        let chunk_bytes = spec.chunk_bytes().filter(|bytes| *bytes <= most).ok_or_else(|| {
            ZarrError::ChunkTooLarge { path: path.clone(), codec: codec.clone(), most: most.min(isize::MAX as u64) }
        })?;
        Ok(Self { path, array: Arc::new(array), chunk_shape, chunk_bytes, compression: codec.0 })
    }

    /// Encodes one chunk: `chunk` holds the elements of the full chunk shape in C order, native endian.
    ///
    /// # Errors
    /// [`ZarrError::ChunkLength`], [`ZarrError::Chunk`].
    pub fn encode(&self, chunk: &[u8]) -> Result<Vec<u8>, ZarrError> {
        self.check_length(chunk.len() as u64)?;
        self.array
            .codecs()
            .encode(
                ArrayBytes::new_flen(chunk),
                &self.chunk_shape,
                self.array.data_type(),
                self.array.fill_value(),
                &options(),
            )
            .map(Cow::into_owned)
            .map_err(|error| self.failure("encoded", error.into()))
    }

    /// Decodes one chunk: the inverse of [`encode`](Self::encode), bit for bit.
    ///
    /// # Errors
    /// [`ZarrError::ChunkLength`] if the bytes are not a chunk of this array, [`ZarrError::Chunk`] if they are damaged.
    /// Blosc and zstd say how long a chunk is before it is decoded, and nothing is allocated if that is not the length
    /// of a chunk of this array; gzip and zlib do not, and may take up to a thousand times the memory of `bytes`.
    pub fn decode(&self, bytes: Vec<u8>) -> Result<Vec<u8>, ZarrError> {
        if let Some(length) = declared_length(&bytes, self.compression) {
            self.check_length(length)?;
        }
        let chunk = self
            .array
            .codecs()
            .decode(bytes.into(), &self.chunk_shape, self.array.data_type(), self.array.fill_value(), &options())
            .and_then(|decoded| Ok(decoded.into_fixed()?.into_owned()))
            .map_err(|error| self.failure("decoded", error.into()))?;
        self.check_length(chunk.len() as u64)?;
        Ok(chunk)
    }

    fn check_length(&self, found: u64) -> Result<(), ZarrError> {
        if found == self.chunk_bytes {
            return Ok(());
        }
        Err(ZarrError::ChunkLength { path: self.path.clone(), expected: self.chunk_bytes, found })
    }

    fn failure(&self, action: &'static str, source: Cause) -> ZarrError {
        ZarrError::Chunk { path: self.path.clone(), action, source }
    }
}

fn options() -> CodecOptions {
    CodecOptions::default().with_concurrent_target(1)
}

/// Our own documents as `zarrs` reads them.
fn parse(documents: &[Document], format: Format) -> Result<ArrayMetadata, Cause> {
    let array = documents.first().map(|document| document.bytes.as_slice()).unwrap_or_default();
    Ok(match format {
        Format::V2 => ArrayMetadata::V2(serde_json::from_slice::<ArrayMetadataV2>(array)?),
        Format::V3 => ArrayMetadata::V3(serde_json::from_slice::<ArrayMetadataV3>(array)?),
    })
}
