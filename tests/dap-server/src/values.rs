//! Typed values: what a variable holds in memory and what an attribute says.

use bytes::{BufMut, BytesMut};

use crate::xdr::append_fixed;

/// The atomic types of DAP2 (ESE-RFC-004, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DapType {
    /// Unsigned 8 bits.
    Byte,
    /// Signed 16 bits, 4 bytes on the wire.
    Int16,
    /// Unsigned 16 bits, 4 bytes on the wire.
    UInt16,
    /// Signed 32 bits.
    Int32,
    /// Unsigned 32 bits.
    UInt32,
    /// IEEE single.
    Float32,
    /// IEEE double.
    Float64,
    /// Text, its length in bytes in front.
    String,
    /// A `String` that promises to be a URL.
    Url,
}

impl DapType {
    /// The keyword of DDS and DAS.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Byte => "Byte",
            Self::Int16 => "Int16",
            Self::UInt16 => "UInt16",
            Self::Int32 => "Int32",
            Self::UInt32 => "UInt32",
            Self::Float32 => "Float32",
            Self::Float64 => "Float64",
            Self::String => "String",
            Self::Url => "Url",
        }
    }

    /// Bytes of one element inside an array on the wire; `None` for text, which has no fixed width.
    pub fn wire_width(self) -> Option<u64> {
        match self {
            Self::Byte => Some(1),
            Self::Int16 | Self::UInt16 | Self::Int32 | Self::UInt32 | Self::Float32 => Some(4),
            Self::Float64 => Some(8),
            Self::String | Self::Url => None,
        }
    }

    /// Bytes of one element as a server counts them against its request limit (16-bit types count 2).
    pub fn nominal_width(self) -> u64 {
        match self {
            Self::Byte => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Float64 | Self::String | Self::Url => 8,
        }
    }
}

/// Values of one type, in C order.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// See [`DapType::Byte`].
    Byte(Vec<u8>),
    /// See [`DapType::Int16`].
    Int16(Vec<i16>),
    /// See [`DapType::UInt16`].
    UInt16(Vec<u16>),
    /// See [`DapType::Int32`].
    Int32(Vec<i32>),
    /// See [`DapType::UInt32`].
    UInt32(Vec<u32>),
    /// See [`DapType::Float32`].
    Float32(Vec<f32>),
    /// See [`DapType::Float64`].
    Float64(Vec<f64>),
    /// See [`DapType::String`].
    String(Vec<String>),
    /// See [`DapType::Url`].
    Url(Vec<String>),
}

impl Values {
    /// A single URL; a plain `&str` becomes a `String` value instead.
    pub fn url(text: &str) -> Self {
        Self::Url(vec![text.to_owned()])
    }

    /// The type of every value.
    pub fn dap_type(&self) -> DapType {
        match self {
            Self::Byte(_) => DapType::Byte,
            Self::Int16(_) => DapType::Int16,
            Self::UInt16(_) => DapType::UInt16,
            Self::Int32(_) => DapType::Int32,
            Self::UInt32(_) => DapType::UInt32,
            Self::Float32(_) => DapType::Float32,
            Self::Float64(_) => DapType::Float64,
            Self::String(_) => DapType::String,
            Self::Url(_) => DapType::Url,
        }
    }

    /// How many values there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Byte(v) => v.len(),
            Self::Int16(v) => v.len(),
            Self::UInt16(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::UInt32(v) => v.len(),
            Self::Float32(v) => v.len(),
            Self::Float64(v) => v.len(),
            Self::String(v) | Self::Url(v) => v.len(),
        }
    }

    /// Appends `count` values from `start` on, every `stride`th, in wire form.
    pub(crate) fn append(&self, start: usize, stride: usize, count: usize, out: &mut BytesMut) {
        match self {
            Self::Byte(v) => put(v, start, stride, count, out, |x| [x]),
            Self::Int16(v) => put(v, start, stride, count, out, |x| i32::from(x).to_be_bytes()),
            Self::UInt16(v) => put(v, start, stride, count, out, |x| u32::from(x).to_be_bytes()),
            Self::Int32(v) => put(v, start, stride, count, out, i32::to_be_bytes),
            Self::UInt32(v) => put(v, start, stride, count, out, u32::to_be_bytes),
            Self::Float32(v) => put(v, start, stride, count, out, |x| x.to_bits().to_be_bytes()),
            Self::Float64(v) => put(v, start, stride, count, out, |x| x.to_bits().to_be_bytes()),
            Self::String(v) | Self::Url(v) => {
                let from = v.get(start..).unwrap_or_default();
                for text in from.iter().step_by(stride.max(1)).take(count) {
                    append_text(text, out);
                }
            }
        }
    }
}

fn put<T: Copy, const W: usize>(
    values: &[T],
    start: usize,
    stride: usize,
    count: usize,
    out: &mut BytesMut,
    wire: impl Fn(T) -> [u8; W],
) {
    let from = values.get(start..).unwrap_or_default();
    if stride <= 1 {
        append_fixed(out, count, from.iter().map(|value| wire(*value)));
    } else {
        append_fixed(out, count, from.iter().step_by(stride).map(|value| wire(*value)));
    }
}

/// Length, bytes, zeros up to a multiple of four.
fn append_text(text: &str, out: &mut BytesMut) {
    out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.put_slice(text.as_bytes());
    out.put_bytes(0, text.len().wrapping_neg() % 4);
}

macro_rules! values_from {
    ($($rust:ty => $variant:ident),*) => {$(
        impl From<$rust> for Values {
            fn from(value: $rust) -> Self {
                Self::$variant(vec![value])
            }
        }
        impl From<Vec<$rust>> for Values {
            fn from(values: Vec<$rust>) -> Self {
                Self::$variant(values)
            }
        }
        impl<const N: usize> From<[$rust; N]> for Values {
            fn from(values: [$rust; N]) -> Self {
                Self::$variant(values.to_vec())
            }
        }
    )*};
}
values_from!(
    u8 => Byte, i16 => Int16, u16 => UInt16, i32 => Int32, u32 => UInt32,
    f32 => Float32, f64 => Float64, String => String
);

impl From<&str> for Values {
    fn from(text: &str) -> Self {
        Self::String(vec![text.to_owned()])
    }
}

impl<const N: usize> From<[&str; N]> for Values {
    fn from(texts: [&str; N]) -> Self {
        Self::String(texts.map(str::to_owned).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(values: impl Into<Values>) -> Vec<u8> {
        let values = values.into();
        let mut out = BytesMut::new();
        values.append(0, 1, values.count(), &mut out);
        out.to_vec()
    }

    #[test]
    fn sixteen_bits_widen_with_their_sign() {
        assert_eq!(wire([-2i16, 3]), [255, 255, 255, 254, 0, 0, 0, 3]);
        assert_eq!(wire([0xFFFEu16]), [0, 0, 255, 254]);
    }

    #[test]
    fn text_is_padded_to_four() {
        assert_eq!(wire("abcde"), b"\0\0\0\x05abcde\0\0\0");
        assert_eq!(wire(""), b"\0\0\0\0");
        assert_eq!(wire("abcd"), b"\0\0\0\x04abcd");
    }

    #[test]
    fn nan_payloads_survive() {
        let bits = 0x7FA0_1234u32;
        assert_eq!(wire(f32::from_bits(bits)), bits.to_be_bytes());
    }

    #[test]
    fn strides_skip() {
        let mut out = BytesMut::new();
        Values::from([1u8, 2, 3, 4, 5, 6]).append(1, 2, 3, &mut out);
        assert_eq!(&out[..], [2, 4, 6]);
    }
}
