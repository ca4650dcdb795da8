//! What the attributes of a coordinate say of its role.

use super::Role;
use crate::Attributes;

/// The role of a coordinate with these attributes, or nothing if they do not say. [`Role::Other`]: they say that it is
/// none of the four.
pub(super) fn role(attributes: &Attributes) -> Option<Role> {
    let text = |key: &str| attributes.text(key).map(str::trim);
    text("axis")
        .and_then(of_axis)
        .or_else(|| text("cartesian_axis").and_then(of_axis))
        .or_else(|| text("standard_name").and_then(of_standard_name))
        .or_else(|| text("_CoordinateAxisType").and_then(of_axis_type))
        .or_else(|| text("units").and_then(of_units))
        .or_else(|| text("positive").and_then(of_positive))
}

/// CF §4: `axis` is one of these letters. `cartesian_axis`, which the models of GFDL write, has the same.
fn of_axis(letter: &str) -> Option<Role> {
    match letter {
        "T" | "t" => Some(Role::Time),
        "Z" | "z" => Some(Role::Vertical),
        "Y" | "y" => Some(Role::Y),
        "X" | "x" => Some(Role::X),
        _ => None,
    }
}

/// CF §3.3 and the standard name table; a modifier may follow the name after a blank (Appendix C).
fn of_standard_name(name: &str) -> Option<Role> {
    let name = name.split_whitespace().next()?;
    Some(match name {
        "time" => Role::Time,
        // The start of a forecast and the time since then: with units of time, but not the time of the data (CF §4.4 speaks
        // of the latter alone).
        "forecast_reference_time" | "forecast_period" | "realization" => Role::Other,
        "latitude" | "grid_latitude" | "projection_y_coordinate" | "projection_y_angular_coordinate" => Role::Y,
        "longitude" | "grid_longitude" | "projection_x_coordinate" | "projection_x_angular_coordinate" => Role::X,
        "depth"
        | "depth_below_geoid"
        | "depth_below_sea_floor"
        | "altitude"
        | "barometric_altitude"
        | "height"
        | "geopotential_height"
        | "geometric_height"
        | "air_pressure"
        | "sea_water_pressure"
        | "model_level_number" => Role::Vertical,
        name if name.starts_with("height_above_") => Role::Vertical,
        // CF §4.3.3 and Appendix D: `ocean_s_coordinate_g1` has something behind the word.
        name if (name.starts_with("atmosphere_") || name.starts_with("ocean_")) && name.contains("_coordinate") => {
            Role::Vertical
        }
        _ => return None,
    })
}

/// netCDF-Java's `_CoordinateAxisType` ("CDM Object Names and Coordinate Attributes"). Its other values speak of radars
/// and spectra.
fn of_axis_type(name: &str) -> Option<Role> {
    Some(match name {
        "Time" => Role::Time,
        "Lat" | "GeoY" => Role::Y,
        "Lon" | "GeoX" => Role::X,
        "Height" | "Pressure" | "GeoZ" => Role::Vertical,
        "RunTime" | "TimeOffset" | "Ensemble" => Role::Other,
        _ => return None,
    })
}

/// Units that belong to one kind of coordinate alone.
fn of_units(units: &str) -> Option<Role> {
    if is_time_unit(units) {
        return Some(Role::Time);
    }
    let units = units.to_ascii_lowercase();
    Some(match units.as_str() {
        // CF §4.1 and §4.2, each with its spellings.
        "degrees_north" | "degree_north" | "degree_n" | "degrees_n" | "degreen" | "degreesn" => Role::Y,
        "degrees_east" | "degree_east" | "degree_e" | "degrees_e" | "degreee" | "degreese" => Role::X,
        // CF §4.3.1: units of pressure make a coordinate vertical; the names are those of UDUNITS.
        "bar" | "bars" | "millibar" | "millibars" | "mbar" | "mb" | "decibar" | "decibars" | "dbar" | "atmosphere"
        | "atmospheres" | "atm" | "pascal" | "pascals" | "pa" | "hpa" | "hectopascal" | "hectopascals" | "kpa" => {
            Role::Vertical
        }
        // CF §4.3.2: deprecated, and still met.
        "level" | "layer" | "sigma_level" => Role::Vertical,
        _ => return None,
    })
}

/// CF §4.4: `UNIT since DATE`.
pub(super) fn is_time_unit(units: &str) -> bool {
    units.to_ascii_lowercase().contains(" since ")
}

/// CF §4.3: only a vertical coordinate has it.
fn of_positive(direction: &str) -> Option<Role> {
    (direction.eq_ignore_ascii_case("up") || direction.eq_ignore_ascii_case("down")).then_some(Role::Vertical)
}
