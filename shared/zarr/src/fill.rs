//! A fill value's bits as JSON, in the forms that readers understand.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use grid::ElementType;
use serde_json::Value;

use crate::{Format, spec::to_hex};

/// One element's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    Signed(i64),
    Unsigned(u64),
    Float32(f32),
    Float64(f64),
}

impl Scalar {
    /// Reads one element in native order; nothing if the length is not the type's.
    pub(crate) fn read(bytes: &[u8], element: ElementType) -> Option<Self> {
        Some(match element {
            ElementType::Int8 => Self::Signed(i8::from_ne_bytes(bytes.try_into().ok()?).into()),
            ElementType::UInt8 => Self::Unsigned(u8::from_ne_bytes(bytes.try_into().ok()?).into()),
            ElementType::Int16 => Self::Signed(i16::from_ne_bytes(bytes.try_into().ok()?).into()),
            ElementType::UInt16 => Self::Unsigned(u16::from_ne_bytes(bytes.try_into().ok()?).into()),
            ElementType::Int32 => Self::Signed(i32::from_ne_bytes(bytes.try_into().ok()?).into()),
            ElementType::UInt32 => Self::Unsigned(u32::from_ne_bytes(bytes.try_into().ok()?).into()),
            ElementType::Int64 => Self::Signed(i64::from_ne_bytes(bytes.try_into().ok()?)),
            ElementType::UInt64 => Self::Unsigned(u64::from_ne_bytes(bytes.try_into().ok()?)),
            ElementType::Float32 => Self::Float32(f32::from_ne_bytes(bytes.try_into().ok()?)),
            ElementType::Float64 => Self::Float64(f64::from_ne_bytes(bytes.try_into().ok()?)),
        })
    }

    /// Zero of the type.
    pub(crate) const fn zero(element: ElementType) -> Self {
        match element {
            ElementType::Float32 => Self::Float32(0.0),
            ElementType::Float64 => Self::Float64(0.0),
            ElementType::Int8 | ElementType::Int16 | ElementType::Int32 | ElementType::Int64 => Self::Signed(0),
            ElementType::UInt8 | ElementType::UInt16 | ElementType::UInt32 | ElementType::UInt64 => Self::Unsigned(0),
        }
    }

    /// Whether this is a NaN other than the one that readers make of the string `NaN`: v3 core specification, "Fill
    /// value", sign 0, the most significant mantissa bit 1, all others 0.
    pub(crate) fn is_odd_nan(self) -> bool {
        match self {
            Self::Float32(value) => value.is_nan() && value.to_bits() != 0x7fc0_0000,
            Self::Float64(value) => value.is_nan() && value.to_bits() != 0x7ff8_0000_0000_0000,
            Self::Signed(_) | Self::Unsigned(_) => false,
        }
    }

    /// The `fill_value` of the array's document. A NaN with bits of its own is a hexadecimal string in v3 (core
    /// specification, "Fill value"); v2 has no form for it, there it becomes `NaN`.
    pub(crate) fn fill_value(self, format: Format) -> Value {
        match self {
            Self::Float32(value) if self.is_odd_nan() && format == Format::V3 => {
                format!("0x{}", to_hex(&value.to_bits().to_be_bytes())).into()
            }
            Self::Float64(value) if self.is_odd_nan() && format == Format::V3 => {
                format!("0x{}", to_hex(&value.to_bits().to_be_bytes())).into()
            }
            Self::Float32(value) => float(value.into()),
            Self::Float64(value) => float(value),
            Self::Signed(value) => value.into(),
            Self::Unsigned(value) => value.into(),
        }
    }

    /// The `_FillValue` attribute that xarray expects in v3: integers as they are; floats as the base64 of a
    /// little-endian binary64 (`FillValueCoder` in xarray's `backends/zarr.py`), anything else makes it raise.
    pub(crate) fn attribute_v3(self) -> Value {
        match self {
            Self::Signed(value) => value.into(),
            Self::Unsigned(value) => value.into(),
            Self::Float32(value) => STANDARD.encode(widened(value).to_le_bytes()).into(),
            Self::Float64(value) => STANDARD.encode(value.to_bits().to_le_bytes()).into(),
        }
    }
}

/// The bits of a binary32 as a binary64. A NaN is widened by hand, because what a processor makes of its payload is its
/// own affair.
fn widened(value: f32) -> u64 {
    if !value.is_nan() {
        return f64::from(value).to_bits();
    }
    let bits = u64::from(value.to_bits());
    (bits >> 31 << 63) | (0x7ff << 52) | ((bits & 0x007f_ffff) << 29)
}

/// A float as JSON: a number that keeps its point, or one of the strings `NaN`, `Infinity`, `-Infinity`.
pub(crate) fn float(value: f64) -> Value {
    let name = match value {
        value if value.is_nan() => "NaN",
        value if value == f64::INFINITY => "Infinity",
        value if value == f64::NEG_INFINITY => "-Infinity",
        // A finite float always has a JSON number.
        value => return serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number),
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base64_forms_are_those_that_xarray_writes() {
        for (value, text) in [(f32::NAN, "AAAAAAAA+H8="), (-9999.0, "AAAAAICHw8A=")] {
            assert_eq!(Scalar::Float32(value).attribute_v3(), text);
            assert_eq!(Scalar::Float64(value.into()).attribute_v3(), text);
        }
        // 1e20 as a float is not 1e20 as a double.
        assert_ne!(Scalar::Float32(1e20).attribute_v3(), Scalar::Float64(1e20).attribute_v3());
        assert_eq!(Scalar::Float32(1e20).attribute_v3(), Scalar::Float64(f64::from(1e20_f32)).attribute_v3());
        assert_eq!(Scalar::Signed(i64::MIN).attribute_v3(), i64::MIN);
        assert_eq!(Scalar::Unsigned(u64::MAX).attribute_v3(), u64::MAX);
    }

    #[test]
    fn a_nan_of_its_own_is_hexadecimal_in_v3_and_plain_in_v2() {
        let odd = Scalar::Float32(f32::from_bits(0x7fc0_1234));
        assert_eq!(odd.fill_value(Format::V3), "0x7fc01234");
        assert_eq!(odd.fill_value(Format::V2), "NaN");
        let negative = Scalar::Float64(f64::from_bits(0xfff8_0000_0000_0000));
        assert_eq!(negative.fill_value(Format::V3), "0xfff8000000000000");
        assert!(odd.is_odd_nan() && negative.is_odd_nan());
        for format in [Format::V2, Format::V3] {
            assert_eq!(Scalar::Float32(f32::NAN).fill_value(format), "NaN");
            assert_eq!(Scalar::Float64(f64::NEG_INFINITY).fill_value(format), "-Infinity");
        }
    }

    #[test]
    fn widening_keeps_every_bit() {
        for bits in [0x7fc0_0000, 0x7fc0_1234, 0xff80_0001, 0x7f80_0000, 0x8000_0000, 0x0000_0001, 0x3f80_0000_u32] {
            let value = f32::from_bits(bits);
            let wide = f64::from_bits(widened(value));
            assert_eq!(wide.is_nan(), value.is_nan());
            if value.is_nan() {
                assert_eq!(wide.to_bits() >> 29 & 0x7f_ffff, u64::from(bits & 0x7f_ffff));
                assert_eq!(wide.is_sign_negative(), value.is_sign_negative());
            } else {
                assert_eq!(wide.to_bits(), f64::from(value).to_bits());
            }
        }
    }

    #[test]
    fn an_element_of_the_wrong_length_has_no_value() {
        for element in ElementType::ALL {
            assert_eq!(Scalar::read(&vec![0; element.size()], element), Some(Scalar::zero(element)));
            assert_eq!(Scalar::read(&vec![0; element.size() + 1], element), None);
            assert_eq!(Scalar::read(&[], element), None);
        }
    }

    #[test]
    fn a_whole_float_keeps_its_point() {
        assert_eq!(float(-9999.0).to_string(), "-9999.0");
        assert_eq!(float(1e20).to_string(), "1e+20");
        assert_eq!(float(-0.0).to_string(), "-0.0");
    }
}
