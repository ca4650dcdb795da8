//! A dataset in the shape of PRISM's monthly climate grids as THREDDS serves them, made by formula.
//!
//! A value is a pure function of field, month and place: two planes made once (what the place is like, and how far
//! it swings) and three numbers for each month, rounded to hundredths. Outside an outline of the conterminous
//! United States, 45 % of the cells, it is -9999. Only IEEE additions and multiplications are used, so every
//! machine makes the same bits.

use std::sync::{Arc, OnceLock};

use bytes::BytesMut;

use crate::dataset::{Array, Attribute, Columns, Dataset, Rows, Variable};
use crate::outline;
use crate::values::DapType;
use crate::xdr::{append_fixed, as_usize};

/// Rows, from north to south.
pub const LAT: u64 = 621;
/// Columns, from west to east.
pub const LON: u64 = 1405;
/// What a cell outside the outline holds.
pub const FILL: f32 = -9999.0;

/// The three fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Precipitation, mm in the month.
    Ppt,
    /// Mean of the daily maxima, degC.
    Tmx,
    /// Mean of the daily minima, degC.
    Tmn,
}

impl Field {
    /// All of them, in the order of the DDS.
    pub const ALL: [Self; 3] = [Self::Ppt, Self::Tmx, Self::Tmn];

    /// The variable's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ppt => "ppt",
            Self::Tmx => "tmx",
            Self::Tmn => "tmn",
        }
    }

    fn planes(self) -> &'static Planes {
        static PLANES: [OnceLock<Planes>; 3] = [const { OnceLock::new() }; 3];
        let [ppt, tmx, tmn] = &PLANES;
        match self {
            Self::Ppt => ppt.get_or_init(|| Planes::new(Self::Ppt)),
            Self::Tmx => tmx.get_or_init(|| Planes::new(Self::Tmx)),
            Self::Tmn => tmn.get_or_init(|| Planes::new(Self::Tmn)),
        }
    }
}

/// The value at a month, row and column; -9999 outside the outline and outside the grid.
pub fn value(field: Field, t: u64, y: u64, x: u64) -> f32 {
    if x >= LON {
        return FILL;
    }
    let place = as_usize(y * LON + x);
    let planes = field.planes();
    match (planes.base.get(place), planes.swing.get(place)) {
        (Some(base), Some(swing)) => Month::new(field, t).value(*base, *swing),
        _ => FILL,
    }
}

/// The latitude of a row's cells: 49.9167 down to 24.0833, 1/24 degree apart.
pub fn latitude(y: u64) -> f32 {
    degrees(1198, y, -1)
}

/// The longitude of a column's cells: -125.0 to -66.5.
pub fn longitude(x: u64) -> f32 {
    degrees(-3000, x, 1)
}

fn degrees(first_24ths: i32, index: u64, step: i32) -> f32 {
    let index = i32::try_from(index).unwrap_or(0);
    round_to_f32(f64::from(first_24ths + step * index) / 24.0)
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest f32 is what an axis of f32 holds")]
fn round_to_f32(value: f64) -> f32 {
    value as f32
}

/// Days from 1895-01-01 to the first of month `t` (0 is January 1895), proleptic Gregorian.
pub fn days(t: u64) -> u32 {
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let year = 1895 + t / 12;
    let month = as_usize(t % 12);
    let before = BEFORE.get(month).copied().unwrap_or(0);
    let leap = leap_days(year) > leap_days(year - 1) && month >= 2;
    let days = (t / 12) * 365 + leap_days(year - 1) - leap_days(1894) + before + u64::from(leap);
    u32::try_from(days).unwrap_or(u32::MAX)
}

/// The whole grid with `months` months (144 are twelve years, 1.5 GB; the product itself has over 1500).
pub fn dataset(months: u64) -> Dataset {
    window(months, LAT, LON)
}

/// The north-western `rows` by `columns` cells; 64 by 96 hold land and sea.
pub fn window(months: u64, rows: u64, columns: u64) -> Dataset {
    let (rows, columns) = (rows.min(LAT), columns.min(LON));
    let time = Array::formula("time", [("time", months)], |i| day_number(i.first()))
        .attribute("bounds", "time_bnds")
        .attribute("calendar", "gregorian")
        .attribute("long_name", "Time")
        .attribute("standard_name", "time")
        .attribute("units", "days since 1895-01-01 00:00:00");
    let lat = Array::formula("lat", [("lat", rows)], |i| i.first().map_or(f32::NAN, |y| latitude(*y)))
        .attribute("long_name", "Latitude")
        .attribute("standard_name", "latitude")
        .attribute("units", "degrees_north")
        .attribute("axis", "Y");
    let lon = Array::formula("lon", [("lon", columns)], |i| i.first().map_or(f32::NAN, |x| longitude(*x)))
        .attribute("long_name", "Longitude")
        .attribute("standard_name", "longitude")
        .attribute("units", "degrees_east")
        .attribute("axis", "X");
    let bounds = Array::formula("time_bnds", [("time", months), ("tbnd", 2)], |i| match i {
        [t, side] => day_number(Some(&(t + side))),
        _ => f32::NAN,
    })
    .attribute("_ChunkSizes", [1i32, 2]);
    let mut dataset = Dataset::new("prism").with(lon.clone()).with(lat.clone()).with(time.clone()).with(bounds);
    for field in Field::ALL {
        let maps = [time.clone(), lat.clone(), lon.clone()];
        dataset = dataset.with(Variable::grid(grid(field, [months, rows, columns]), maps));
    }
    dataset
        .global("Conventions", "CF-1.4")
        .global("title", "Monthly climate grids in the shape of PRISM, made by formula")
        .global("institution", "dap2zarr tests")
        .global("history", "none: every value is a function of its indices")
        .container("DODS_EXTRA", Attribute::new("Unlimited_Dimension", "time"))
}

fn grid(field: Field, [months, rows, columns]: [u64; 3]) -> Array {
    let (units, long_name, method) = match field {
        Field::Ppt => ("mm/month", "Total Monthly Precipitation", "time: sum"),
        Field::Tmx => ("degC", "Mean Monthly Maximum Temperature", "time: mean"),
        Field::Tmn => ("degC", "Mean Monthly Minimum Temperature", "time: mean"),
    };
    let dimensions = [("time", months), ("lat", rows), ("lon", columns)];
    Array::rows(field.name(), dimensions, DapType::Float32, Arc::new(field))
        .attribute("name", field.name())
        .attribute("long_name", long_name)
        .attribute("units", units)
        .attribute("cell_methods", method)
        .attribute("_FillValue", FILL)
        .attribute("missing_value", FILL)
        .attribute("_ChunkSizes", [1i32, 23, 44])
}

/// Exact: the days of four centuries stay below 2^24.
fn day_number(t: Option<&u64>) -> f32 {
    t.map_or(f32::NAN, |t| round_to_f32(f64::from(days(*t))))
}

impl Rows for Field {
    fn append(&self, row: &[u64], columns: Columns, out: &mut BytesMut) {
        let [t, y] = *row else { return };
        let planes = self.planes();
        let month = Month::new(*self, t);
        let start = as_usize(y * LON) + columns.start;
        let base = planes.base.get(start..).unwrap_or_default();
        let swing = planes.swing.get(start..).unwrap_or_default();
        let wire = |(base, swing): (&f32, &f32)| month.value(*base, *swing).to_be_bytes();
        if columns.stride == 1 {
            append_fixed(out, columns.count, base.iter().zip(swing).map(wire));
        } else {
            let cells = base.iter().zip(swing).step_by(columns.stride);
            append_fixed(out, columns.count, cells.map(wire));
        }
    }
}

/// What one month does to the planes.
struct Month {
    gain: f32,
    weight: f32,
    offset: f32,
    least: f32,
}

impl Month {
    /// `-cos` over the year, January first.
    const SEASON: [f32; 12] = [-1.0, -0.866, -0.5, 0.0, 0.5, 0.866, 1.0, 0.866, 0.5, 0.0, -0.5, -0.866];

    fn new(field: Field, t: u64) -> Self {
        let month = u32::try_from(t).unwrap_or(u32::MAX);
        let season = Self::SEASON.get(as_usize(t % 12)).copied().unwrap_or(0.0);
        match field {
            Field::Ppt => Self {
                gain: 1.0 - 0.3 * season + 0.3 * noise(month, 1, 11),
                weight: noise(month, 2, 11),
                offset: 0.0,
                least: 0.0,
            },
            Field::Tmx | Field::Tmn => Self {
                gain: 1.0,
                weight: noise(month, 3, 11),
                offset: 1200.0 * season + 200.0 * noise(month, 4, 11),
                least: -9000.0,
            },
        }
    }

    /// Hundredths, rounded to the nearest by adding and taking away 1.5 * 2^23, then divided: the f32 nearest to
    /// the decimal. Every step is one that vectorises with SSE2; `round`, `max` and a branch around the division do
    /// not, and made this 2.5 times slower.
    fn value(&self, base: f32, swing: f32) -> f32 {
        const ROUND: f32 = 12_582_912.0;
        let exact = base * self.gain + swing * self.weight + self.offset;
        let rounded = (exact + ROUND) - ROUND;
        let hundredths = if rounded < self.least { self.least } else { rounded };
        let value = hundredths / 100.0;
        if base < OUTSIDE / 2.0 { FILL } else { value }
    }
}

/// What the base plane holds outside the outline.
const OUTSIDE: f32 = -1.0e9;

/// Hundredths for each cell of the grid.
struct Planes {
    base: Vec<f32>,
    swing: Vec<f32>,
}

impl Planes {
    fn new(field: Field) -> Self {
        let seed = match field {
            Field::Ppt => 100,
            Field::Tmx | Field::Tmn => 200,
        };
        let size = as_usize(LAT * LON);
        let (mut base, mut swing) = (Vec::with_capacity(size), Vec::with_capacity(size));
        let (rows, columns) = (LAT.try_into().unwrap_or(0), LON.try_into().unwrap_or(0));
        for y in 0u16..rows {
            let inside = outline::crossings(f64::from(1198 - i32::from(y)) / 24.0);
            for x in 0u16..columns {
                let longitude = f64::from(i32::from(x) - 3000) / 24.0;
                let land = outline::is_inside(&inside, longitude);
                base.push(if land { Self::base(field, y, x, seed) } else { OUTSIDE });
                swing.push(Self::swing(field, y, x, seed));
            }
        }
        Self { base, swing }
    }

    fn base(field: Field, y: u16, x: u16, seed: u32) -> f32 {
        let hills = smooth(y, x, 48, seed) + 0.5 * smooth(y, x, 11, seed + 1);
        let grain = noise(u32::from(y), u32::from(x), seed + 2);
        match field {
            Field::Ppt => (6000.0 + 3000.0 * hills + 2.0 * f32::from(x) + 60.0 * grain).max(0.0),
            Field::Tmx => 1000.0 + 2.5 * f32::from(y) - 400.0 * hills + 15.0 * grain,
            Field::Tmn => -200.0 + 2.5 * f32::from(y) - 400.0 * hills + 15.0 * grain,
        }
    }

    fn swing(field: Field, y: u16, x: u16, seed: u32) -> f32 {
        let size = match field {
            Field::Ppt => 2500.0,
            Field::Tmx => 300.0,
            Field::Tmn => 250.0,
        };
        size * smooth(y, x, 90, seed + 3)
    }
}

/// Noise of -1 to 1 that changes over `cell` grid cells.
fn smooth(y: u16, x: u16, cell: u16, seed: u32) -> f32 {
    let split = |i: u16| {
        let part = f32::from(i % cell) / f32::from(cell);
        (u32::from(i / cell), part * part * (3.0 - 2.0 * part))
    };
    let ((row, down), (column, right)) = (split(y), split(x));
    let along = |row| {
        let (west, east) = (noise(row, column, seed), noise(row, column + 1, seed));
        west + (east - west) * right
    };
    let (north, south) = (along(row), along(row + 1));
    north + (south - north) * down
}

/// A hash of -1 to 1.
fn noise(a: u32, b: u32, seed: u32) -> f32 {
    let mut hash = a
        .wrapping_mul(0x9E37_79B1)
        .wrapping_add(b.wrapping_mul(0x85EB_CA77))
        .wrapping_add(seed.wrapping_mul(0xC2B2_AE3D));
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x2C1B_3C6D);
    hash = (hash ^ (hash >> 12)).wrapping_mul(0x297A_2D39);
    hash ^= hash >> 15;
    f32::from(u16::try_from(hash >> 16).unwrap_or(0)) / 32768.0 - 1.0
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the same bits are the point")]
mod tests {
    use super::*;

    #[test]
    fn axes_are_those_of_prism() {
        assert_eq!((longitude(0), longitude(1404)), (-125.0, -66.5));
        assert_eq!((latitude(0), latitude(620)), (49.916_668, 24.083_334));
    }

    #[test]
    fn months_begin_where_the_calendar_says() {
        // 1896 is a leap year, 1900 is not.
        let found: Vec<u32> = [0, 1, 12, 13, 14, 15, 24, 60, 62, 63, 1440].map(days).to_vec();
        assert_eq!(found, [0, 31, 365, 396, 425, 456, 731, 1826, 1885, 1916, 43829]);
    }

    #[test]
    fn about_four_cells_in_ten_are_masked() {
        let masked = Field::Ppt.planes().base.iter().filter(|b| **b == OUTSIDE);
        let percent = masked.count() * 100 / as_usize(LAT * LON);
        assert!((35..=50).contains(&percent), "{percent} %");
        assert!(value(Field::Ppt, 0, 300, 700) >= 0.0, "Kansas is land");
        assert_eq!(value(Field::Tmx, 0, 620, 0), FILL);
    }

    #[test]
    fn values_are_hundredths_in_a_sensible_range() {
        for field in Field::ALL {
            for t in [0, 5, 77] {
                let values = (0..LAT).step_by(7).flat_map(|y| (0..LON).step_by(5).map(move |x| value(field, t, y, x)));
                for value in values.filter(|v| *v != FILL) {
                    let range = if field == Field::Ppt { 0.0..400.0 } else { -60.0..60.0 };
                    assert!(range.contains(&value), "{field:?} {value}");
                    assert_eq!((value * 100.0).round() / 100.0, value);
                }
            }
        }
    }

    #[test]
    fn rows_and_values_agree() {
        let mut out = BytesMut::new();
        for (start, stride, count) in [(0, 1, 1405), (3, 7, 100)] {
            out.clear();
            let columns = Columns { start, stride, count };
            Field::Tmn.append(&[17, 300], columns, &mut out);
            assert_eq!(out.len(), 4 * count);
            for (i, bytes) in out.as_chunks::<4>().0.iter().enumerate() {
                let x = u64::try_from(start + i * stride).unwrap();
                let expected = value(Field::Tmn, 17, 300, x);
                assert_eq!(f32::from_be_bytes(*bytes).to_bits(), expected.to_bits());
            }
        }
    }
}
