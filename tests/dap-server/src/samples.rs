//! Small datasets that hold what real ones rarely hold together.

use crate::dataset::{Array, Attribute, Dataset, Variable};
use crate::values::Values;

/// Every atomic type as scalar, vector and matrix with extreme values; nested Structures, a packed Grid, odd
/// dimensions, text, and attributes of every type. Served as `types`.
pub fn types() -> Dataset {
    let mut dataset = Dataset::new("types");
    let numbers: [(&str, Values); 7] = [
        ("u8", [0u8, 1, 127, 128, 192, 255].into()),
        ("i16", [0i16, 1, -1, i16::MIN, i16::MAX, -9999].into()),
        ("u16", [0u16, 1, 32767, 32768, u16::MAX, 9999].into()),
        ("i32", [0i32, 1, -1, i32::MIN, i32::MAX, -9999].into()),
        ("u32", [0u32, 1, 0x7FFF_FFFF, 0x8000_0000, u32::MAX, 9999].into()),
        ("f32", singles().into()),
        ("f64", doubles().into()),
    ];
    let scalars: [Values; 7] = [
        192u8.into(),
        i16::MIN.into(),
        u16::MAX.into(),
        i32::MIN.into(),
        u32::MAX.into(),
        f32::from_bits(0x7FA0_1234).into(),
        f64::from_bits(0x7FF4_0000_1234_5678).into(),
    ];
    for ((name, values), scalar) in numbers.into_iter().zip(scalars) {
        dataset = dataset
            .with(Array::scalar(&format!("{name}_scalar"), scalar))
            .with(Array::new(&format!("{name}_vector"), [("n", 6)], values.clone()))
            .with(Array::new(&format!("{name}_matrix"), [("y", 2), ("x", 3)], values));
    }
    let [grid_lat, grid_lon] = packed_axes();
    let dataset =
        texts(odd_dimensions(dataset)).with(grid_lat).with(grid_lon).with(packed()).with(nested()).with(attributes());
    globals(dataset)
}

/// Signalling NaN with a payload, minus zero, the infinities, the least and the largest.
fn singles() -> [f32; 6] {
    [f32::from_bits(0x7FA0_1234), -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::from_bits(1), f32::MAX]
}

fn doubles() -> [f64; 6] {
    [f64::from_bits(0x7FF4_0000_1234_5678), -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::from_bits(1), 0.1 + 0.2]
}

fn texts(dataset: Dataset) -> Dataset {
    let url = |path: &str| format!("http://example.com/{path}");
    dataset
        .with(Array::scalar("text_scalar", "snow \u{2744}"))
        .with(Array::new("text_vector", [("four", 4)], ["", "a", "four", "fiver"]))
        .with(Array::new("text_matrix", [("y", 2), ("two", 2)], ["\"quoted\"", "back\\slash", "tab\t", "caf\u{e9}"]))
        .with(Array::scalar("url_scalar", Values::url("http://example.com/?a=b&c=%20")))
        .with(Array::new("url_vector", [("two", 2)], Values::Url(vec![url("one"), url("two")])))
}

fn odd_dimensions(dataset: Dataset) -> Dataset {
    dataset
        .with(Array::new("nothing", [("none", 0)], Vec::<f32>::new()))
        .with(Array::new("nothing_wide", [("none", 0), ("x", 3)], Vec::<i16>::new()))
        .with(Array::new("nothing_said", [("none", 0)], Vec::<String>::new()))
        .with(Array::new("anonymous", [("", 3)], [1i32, 2, 3]))
        .with(Array::new("half_anonymous", [("y", 2), ("", 2)], [1u8, 2, 3, 4]))
        .with(Array::new("single", [("one", 1)], [7u8]))
        .with(Array::new("five_bytes", [("five", 5)], [1u8, 2, 3, 4, 5]))
        .with(Array::formula("five_deep", [("a", 2), ("b", 3), ("c", 1), ("d", 2), ("e", 4)], |i| {
            let digits = i.iter().fold(0, |sum, index| sum * 10 + index);
            i32::try_from(digits).unwrap_or(-1)
        }))
}

fn packed_axes() -> [Array; 2] {
    let lat = Array::new("grid_lat", [("grid_lat", 3)], [-30f32, 0.0, 30.0]);
    let lon = Array::new("grid_lon", [("grid_lon", 4)], [0f64, 90.0, 180.0, 270.0]);
    [lat.attribute("units", "degrees_north"), lon.attribute("units", "degrees_east")]
}

/// A Grid of packed integers, as CF packs temperatures.
fn packed() -> Variable {
    let array = Array::formula("packed", [("grid_lat", 3), ("grid_lon", 4)], |i| {
        let place = i.iter().fold(0, |sum, index| sum * 4 + index);
        i16::try_from(place).map_or(-32767, |place| if place == 5 { -32767 } else { place * 321 })
    })
    .attribute("scale_factor", 0.01f64)
    .attribute("add_offset", 273.15f64)
    .attribute("_FillValue", -32767i16)
    .attribute("units", "K")
    .attribute("_ChunkSizes", [2i32, 3]);
    Variable::grid(array, packed_axes())
}

fn nested() -> Variable {
    let inner: [Variable; 2] = [
        Array::scalar("depth", 2.5f64).attribute("units", "m").into(),
        Array::new("name", [("two", 2)], ["left", "right"]).into(),
    ];
    let members: [Variable; 4] = [
        Array::scalar("flag", 200u8).into(),
        Array::new("levels", [("level", 3)], [10i16, 20, -30]).into(),
        Variable::structure("inner", inner),
        Array::scalar("last", 0xFFFF_FFFFu32).into(),
    ];
    Variable::structure("outer", members)
}

/// One variable with attributes of every type.
fn attributes() -> Array {
    Array::scalar("attributed", 1i32)
        .attribute("a_byte", [0u8, 255])
        .attribute("an_int16", i16::MIN)
        .attribute("a_uint16", u16::MAX)
        .attribute("an_int32", [i32::MIN, i32::MAX])
        .attribute("a_uint32", u32::MAX)
        .attribute("a_float32", [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.1, -0.0])
        .attribute("a_float64", [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.1 + 0.2, 1e300])
        .attribute("a_string", "say \"hi\"\\ tab\tnewline\ncaf\u{e9}")
        .attribute("strings", ["one", "two, and; {more}", ""])
        .attribute("empty", "")
        .attribute("a_url", Values::url("http://example.com/"))
}

fn globals(dataset: Dataset) -> Dataset {
    dataset
        .global("Conventions", "CF-1.8")
        .global("title", "every type")
        .global("version", [1i32, 2, 3])
        .container("EXTRA", Attribute::Container("deep".to_owned(), vec![Attribute::new("level", 2i32)]))
}

/// An array beside a Sequence, which is listed and not served. Served as `sequence`.
pub fn sequence() -> Dataset {
    let members = [Array::scalar("station", "name"), Array::scalar("temperature", 0f32).attribute("units", "K")];
    Dataset::new("sequence")
        .with(Array::new("x", [("x", 3)], [1f32, 2.0, 3.0]))
        .with(Variable::sequence("profiles", members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_hold_together() {
        for dataset in [types(), sequence(), crate::prism::window(2, 3, 4)] {
            assert_eq!(dataset.check(), Ok(()));
        }
    }
}
