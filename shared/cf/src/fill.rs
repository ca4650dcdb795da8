use grid::ElementType;

use crate::{Attributes, Values, values::Number};

/// What `_FillValue` says of a variable (netCDF Users' Guide, "Attribute conventions"; CF §2.5.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Fill {
    /// The source declares none.
    None,
    /// One element with the fill value's exact bits, native order.
    Value(Vec<u8>),
    /// The attribute is there but the variable's type cannot hold it exactly, or it is text or not a single value; it
    /// stays an attribute and nothing is masked by it.
    NotRepresentable(Values),
}

impl Fill {
    /// Reads `_FillValue`. Servers give it types other than the variable's (netcdf-c issues 1151, 1614, 1930): it
    /// counts if the variable's type can hold it exactly.
    pub fn of(attributes: &Attributes, element: ElementType) -> Self {
        let Some(values) = attributes.values("_FillValue") else { return Self::None };
        match exact(values, element) {
            Some(bytes) => Self::Value(bytes),
            None => Self::NotRepresentable(values.clone()),
        }
    }

    /// One element to pad chunks with: the fill value, or zero where there is none.
    pub fn padding(&self, element: ElementType) -> Vec<u8> {
        match self {
            Self::Value(bytes) => bytes.clone(),
            Self::None | Self::NotRepresentable(_) => vec![0; element.size()],
        }
    }
}

/// The single value in `values` as native bytes of `element`, if nothing is lost.
fn exact(values: &Values, element: ElementType) -> Option<Vec<u8>> {
    if values.element() == Some(element) {
        return same_type(values);
    }
    // THREDDS writes a fill value of -1 for an unsigned variable in the signed type of equal width (netcdf-c#1614).
    if let Some(bytes) = other_sign(values, element) {
        return Some(bytes);
    }
    let numbers = values.numbers()?;
    let [number] = numbers.as_slice() else { return None };
    match *number {
        Number::Integer(value) => integer(value, element),
        Number::Float(value) => float(value, element),
    }
}

fn same_type(values: &Values) -> Option<Vec<u8>> {
    fn one<const N: usize>(values: &[[u8; N]]) -> Option<Vec<u8>> {
        match values {
            [value] => Some(value.to_vec()),
            _ => None,
        }
    }
    match values {
        Values::Int8(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::UInt8(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::Int16(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::UInt16(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::Int32(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::UInt32(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::Int64(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::UInt64(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::Float32(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::Float64(v) => one(&v.iter().map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        Values::Text(_) => None,
    }
}

fn other_sign(values: &Values, element: ElementType) -> Option<Vec<u8>> {
    match (values, element) {
        (Values::Int8(v), ElementType::UInt8) => same_type(&Values::Int8(v.clone())),
        (Values::Int16(v), ElementType::UInt16) => same_type(&Values::Int16(v.clone())),
        (Values::Int32(v), ElementType::UInt32) => same_type(&Values::Int32(v.clone())),
        (Values::Int64(v), ElementType::UInt64) => same_type(&Values::Int64(v.clone())),
        _ => None,
    }
}

fn integer(value: i128, element: ElementType) -> Option<Vec<u8>> {
    match element {
        ElementType::Int8 => i8::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::UInt8 => u8::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::Int16 => i16::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::UInt16 => u16::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::Int32 => i32::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::UInt32 => u32::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::Int64 => i64::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::UInt64 => u64::try_from(value).ok().map(|v| v.to_ne_bytes().to_vec()),
        ElementType::Float32 | ElementType::Float64 => {
            #[expect(clippy::cast_precision_loss, reason = "checked by converting back")]
            let wide = value as f64;
            #[expect(clippy::cast_possible_truncation, reason = "saturates; compared with the original")]
            let back = wide as i128;
            if back == value { float(wide, element) } else { None }
        }
    }
}

fn float(value: f64, element: ElementType) -> Option<Vec<u8>> {
    match element {
        ElementType::Float64 => Some(value.to_ne_bytes().to_vec()),
        ElementType::Float32 => {
            // A 64-bit fill on a 32-bit variable is rounded, as netCDF's own conversion does: 1e20 written as a double
            // is meant to match the 1e20 stored as a float. Values beyond the range do not become infinite.
            #[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
            let narrow = value as f32;
            (narrow.is_finite() == value.is_finite()).then(|| narrow.to_ne_bytes().to_vec())
        }
        ElementType::Int8
        | ElementType::UInt8
        | ElementType::Int16
        | ElementType::UInt16
        | ElementType::Int32
        | ElementType::UInt32
        | ElementType::Int64
        | ElementType::UInt64 => {
            #[expect(clippy::cast_possible_truncation, reason = "saturates; compared with the original")]
            let whole = value as i128;
            #[expect(clippy::cast_precision_loss, reason = "compared with the original")]
            let back = whole as f64;
            if back.to_bits() == value.to_bits() { integer(whole, element) } else { None }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(values: Values, element: ElementType) -> Fill {
        let mut attributes = Attributes::default();
        attributes.push("_FillValue", values);
        Fill::of(&attributes, element)
    }

    #[test]
    fn the_bits_of_a_nan_fill_are_kept() {
        let nan = f32::from_bits(0x7fc0_1234);
        assert_eq!(fill(Values::Float32(vec![nan]), ElementType::Float32), Fill::Value(nan.to_ne_bytes().to_vec()));
    }

    #[test]
    fn a_double_fill_on_a_float_variable_is_rounded_to_it() {
        assert_eq!(
            fill(Values::Float64(vec![1e20]), ElementType::Float32),
            Fill::Value(1e20_f32.to_ne_bytes().to_vec())
        );
        assert!(matches!(fill(Values::Float64(vec![1e300]), ElementType::Float32), Fill::NotRepresentable(_)));
    }

    #[test]
    fn a_signed_fill_on_an_unsigned_variable_keeps_its_bits() {
        assert_eq!(fill(Values::Int16(vec![-1]), ElementType::UInt16), Fill::Value(vec![0xff, 0xff]));
        assert!(matches!(fill(Values::Int32(vec![-1]), ElementType::UInt16), Fill::NotRepresentable(_)));
    }

    #[test]
    fn text_and_vectors_are_no_fill() {
        assert!(matches!(fill(Values::text("-1"), ElementType::Int16), Fill::NotRepresentable(_)));
        assert!(matches!(fill(Values::Int16(vec![1, 2]), ElementType::Int16), Fill::NotRepresentable(_)));
        assert!(matches!(fill(Values::Float64(vec![0.5]), ElementType::Int16), Fill::NotRepresentable(_)));
        assert_eq!(Fill::of(&Attributes::default(), ElementType::Int16).padding(ElementType::Int16), [0, 0]);
    }

    proptest! {
        #[test]
        fn integers_count_exactly_when_the_type_holds_them(value in any::<i64>()) {
            for element in ElementType::ALL {
                let size = element.size();
                if let Fill::Value(bytes) = fill(Values::Int64(vec![value]), element) {
                    prop_assert_eq!(bytes.len(), size);
                    if element == ElementType::Float64 {
                        let bytes: [u8; 8] = bytes.try_into().unwrap();
                        #[expect(clippy::cast_possible_truncation, reason = "exact here")]
                        let back = f64::from_ne_bytes(bytes) as i64;
                        prop_assert_eq!(back, value);
                    }
                }
            }
        }
    }
}
