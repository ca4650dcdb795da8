//! What the name of a dimension makes probable. No convention says so: these are the names that models and servers use.

use super::Role;

/// A role guessed from a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guess {
    pub(super) role: Role,
    /// The name stands in the lists as it is, without a number removed.
    pub(super) is_exact: bool,
}

/// Times; `mt` is HYCOM's, `time_counter` NEMO's, `time_instant` XIOS's.
const TIME: &[&str] = &[
    "time",
    "times",
    "t",
    "date",
    "datetime",
    "day",
    "month",
    "year",
    "hour",
    "doy",
    "dayofyear",
    "mt",
    "tax",
    "time_counter",
    "time_instant",
    "ocean_time",
    "valid_time",
    "forecast_time",
    "obs_time",
    "xtime",
];

/// Levels; `lev_2`, `isobaricInhPa` and the like are found by number and beginning.
const VERTICAL: &[&str] = &[
    "z",
    "zt",
    "zw",
    "zc",
    "zl",
    "zi",
    "zlev",
    "zdim",
    "k",
    "k_l",
    "k_u",
    "k_p",
    "nz",
    "lev",
    "level",
    "levels",
    "levelist",
    "ilev",
    "nlev",
    "nlevs",
    "plev",
    "pfull",
    "phalf",
    "pres",
    "pressure",
    "pressure_level",
    "model_level",
    "layer",
    "layers",
    "height",
    "altitude",
    "alt",
    "depth",
    "deptht",
    "depthu",
    "depthv",
    "depthw",
    "nav_lev",
    "st_ocean",
    "sw_ocean",
    "s_rho",
    "s_w",
    "sigma",
    "siglay",
    "siglev",
    "hybrid",
    "bottom_top",
    "bottom_top_stag",
    "soil_layers",
    "soil_layers_stag",
];

/// How names of levels begin in GRIB: THREDDS, cfgrib, NCL.
const VERTICAL_BEGINNINGS: &[&str] =
    &["isobaric", "height_above_", "heightabove", "depth_below_", "depthbelow", "hybrid_", "sigma_", "lv_"];

/// Rows: geographic, rotated, ROMS, WRF, CICE, `MITgcm`, MOM.
const Y: &[&str] = &[
    "y",
    "lat",
    "lats",
    "latitude",
    "latitudes",
    "nlat",
    "nlats",
    "rlat",
    "grid_latitude",
    "projection_y_coordinate",
    "northing",
    "ny",
    "nj",
    "j",
    "j_g",
    "yc",
    "yg",
    "yt",
    "yu",
    "yh",
    "yq",
    "yt_ocean",
    "yu_ocean",
    "grid_y",
    "grid_yt",
    "ygrid",
    "ydim",
    "row",
    "rows",
    "nrows",
    "south_north",
    "south_north_stag",
    "eta_rho",
    "eta_u",
    "eta_v",
    "eta_psi",
];

/// Columns, in the same order.
const X: &[&str] = &[
    "x",
    "lon",
    "lons",
    "longitude",
    "longitudes",
    "nlon",
    "nlons",
    "rlon",
    "grid_longitude",
    "projection_x_coordinate",
    "easting",
    "nx",
    "ni",
    "i",
    "i_g",
    "xc",
    "xg",
    "xt",
    "xu",
    "xh",
    "xq",
    "xt_ocean",
    "xu_ocean",
    "grid_x",
    "grid_xt",
    "xgrid",
    "xdim",
    "col",
    "cols",
    "ncols",
    "west_east",
    "west_east_stag",
    "xi_rho",
    "xi_u",
    "xi_v",
    "xi_psi",
];

/// The role that the name suggests, whatever its case.
pub(super) fn guess(name: &str) -> Option<Guess> {
    let name = name.to_ascii_lowercase();
    if let Some(role) = listed(&name) {
        return Some(Guess { role, is_exact: true });
    }
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    // `g0_lat_2` is NCL's way of naming the grids of a GRIB file.
    let bare = match bare.rsplit_once('_') {
        Some((_, last @ ("lat" | "lon"))) => last,
        _ => bare,
    };
    let begins = || VERTICAL_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)).then_some(Role::Vertical);
    let role = listed(bare).or_else(begins)?;
    Some(Guess { role, is_exact: false })
}

fn listed(name: &str) -> Option<Role> {
    let lists = [(TIME, Role::Time), (VERTICAL, Role::Vertical), (Y, Role::Y), (X, Role::X)];
    lists.into_iter().find(|(names, _)| names.contains(&name)).map(|(_, role)| role)
}
