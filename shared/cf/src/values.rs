use grid::ElementType;

/// The values of one attribute, in the type the server declared. Usually one; never converted on the way in.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Signed, 8 bits.
    Int8(Vec<i8>),
    /// Unsigned, 8 bits: DAP2's `Byte`.
    UInt8(Vec<u8>),
    /// Signed, 16 bits.
    Int16(Vec<i16>),
    /// Unsigned, 16 bits.
    UInt16(Vec<u16>),
    /// Signed, 32 bits.
    Int32(Vec<i32>),
    /// Unsigned, 32 bits.
    UInt32(Vec<u32>),
    /// Signed, 64 bits.
    Int64(Vec<i64>),
    /// Unsigned, 64 bits.
    UInt64(Vec<u64>),
    /// IEEE 754 binary32.
    Float32(Vec<f32>),
    /// IEEE 754 binary64.
    Float64(Vec<f64>),
    /// DAP2's `String` and `Url`.
    Text(Vec<String>),
}

/// One number, wide enough to hold any of the types exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Any integer type.
    Integer(i128),
    /// Either float type. The bits of a 32-bit value, NaN payloads included, are not kept here.
    Float(f64),
}

impl Values {
    /// A single text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(vec![text.into()])
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Int8(v) => v.len(),
            Self::UInt8(v) => v.len(),
            Self::Int16(v) => v.len(),
            Self::UInt16(v) => v.len(),
            Self::Int32(v) => v.len(),
            Self::UInt32(v) => v.len(),
            Self::Int64(v) => v.len(),
            Self::UInt64(v) => v.len(),
            Self::Float32(v) => v.len(),
            Self::Float64(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element type, or nothing for text.
    pub const fn element(&self) -> Option<ElementType> {
        match self {
            Self::Int8(_) => Some(ElementType::Int8),
            Self::UInt8(_) => Some(ElementType::UInt8),
            Self::Int16(_) => Some(ElementType::Int16),
            Self::UInt16(_) => Some(ElementType::UInt16),
            Self::Int32(_) => Some(ElementType::Int32),
            Self::UInt32(_) => Some(ElementType::UInt32),
            Self::Int64(_) => Some(ElementType::Int64),
            Self::UInt64(_) => Some(ElementType::UInt64),
            Self::Float32(_) => Some(ElementType::Float32),
            Self::Float64(_) => Some(ElementType::Float64),
            Self::Text(_) => None,
        }
    }

    /// The one text, if that is what this is.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(texts) => match texts.as_slice() {
                [text] => Some(text),
                _ => None,
            },
            Self::Int8(_)
            | Self::UInt8(_)
            | Self::Int16(_)
            | Self::UInt16(_)
            | Self::Int32(_)
            | Self::UInt32(_)
            | Self::Int64(_)
            | Self::UInt64(_)
            | Self::Float32(_)
            | Self::Float64(_) => None,
        }
    }

    /// The values as numbers; nothing for text.
    pub fn numbers(&self) -> Option<Vec<Number>> {
        fn integers<T: Copy + Into<i128>>(values: &[T]) -> Vec<Number> {
            values.iter().map(|value| Number::Integer((*value).into())).collect()
        }
        Some(match self {
            Self::Int8(v) => integers(v),
            Self::UInt8(v) => integers(v),
            Self::Int16(v) => integers(v),
            Self::UInt16(v) => integers(v),
            Self::Int32(v) => integers(v),
            Self::UInt32(v) => integers(v),
            Self::Int64(v) => integers(v),
            Self::UInt64(v) => integers(v),
            Self::Float32(v) => v.iter().map(|value| Number::Float(f64::from(*value))).collect(),
            Self::Float64(v) => v.iter().map(|value| Number::Float(*value)).collect(),
            Self::Text(_) => return None,
        })
    }
}
