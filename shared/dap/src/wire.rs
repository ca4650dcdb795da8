use grid::{ByteOrder, ElementType, WireElement};

/// DAP2's numeric types (ESE-RFC-004 §3.1), with how they stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WireType {
    /// Unsigned, 8 bits. Arrays are packed and padded to four bytes at the end; a scalar takes four bytes.
    Byte,
    /// Signed, 16 bits, sent in four bytes.
    Int16,
    /// Unsigned, 16 bits, sent in four bytes.
    UInt16,
    /// Signed, 32 bits.
    Int32,
    /// Unsigned, 32 bits.
    UInt32,
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
}

impl WireType {
    /// Every type.
    pub const ALL: [Self; 7] =
        [Self::Byte, Self::Int16, Self::UInt16, Self::Int32, Self::UInt32, Self::Float32, Self::Float64];

    /// The type of a DDS keyword, whatever its case; nothing for `String`, `Url` and the constructors.
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wire| wire.keyword().eq_ignore_ascii_case(keyword))
    }

    /// The DDS keyword.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Byte => "Byte",
            Self::Int16 => "Int16",
            Self::UInt16 => "UInt16",
            Self::Int32 => "Int32",
            Self::UInt32 => "UInt32",
            Self::Float32 => "Float32",
            Self::Float64 => "Float64",
        }
    }

    /// The type in memory.
    pub const fn element(self) -> ElementType {
        match self {
            Self::Byte => ElementType::UInt8,
            Self::Int16 => ElementType::Int16,
            Self::UInt16 => ElementType::UInt16,
            Self::Int32 => ElementType::Int32,
            Self::UInt32 => ElementType::UInt32,
            Self::Float32 => ElementType::Float32,
            Self::Float64 => ElementType::Float64,
        }
    }

    /// One element of an array on the wire: XDR is big-endian, its smallest unit four bytes except in arrays of `Byte`
    /// (RFC 4506 §3, ESE-RFC-004 §7).
    pub const fn wire_element(self) -> WireElement {
        let width = match self {
            Self::Byte => 1,
            Self::Int16 | Self::UInt16 | Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Float64 => 8,
        };
        WireElement { width, order: ByteOrder::Big }
    }
}

impl From<WireType> for ElementType {
    fn from(wire: WireType) -> Self {
        wire.element()
    }
}

impl From<WireType> for WireElement {
    fn from(wire: WireType) -> Self {
        wire.wire_element()
    }
}

impl std::fmt::Display for WireType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.keyword())
    }
}
