use super::*;
use crate::Values;

/// A variable as a test writes it: name, dimensions, attributes.
type Row = (&'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

fn with<T>(rows: &[Row], look: impl FnOnce(&[Variable<'_>]) -> T) -> T {
    let attributes: Vec<Attributes> = rows
        .iter()
        .map(|(_, _, pairs)| {
            let mut attributes = Attributes::default();
            pairs.iter().for_each(|(key, value)| attributes.push(*key, Values::text(*value)));
            attributes
        })
        .collect();
    let variables: Vec<_> =
        rows.iter().zip(&attributes).map(|((name, dimensions, _), a)| (*name, dimensions.to_vec(), a)).collect();
    look(&variables)
}

/// The roles as one line, in the order of the names.
fn roles(rows: &[Row]) -> String {
    let roles = with(rows, axis_roles);
    roles.iter().map(|(name, role)| format!("{name}={role}")).collect::<Vec<_>>().join(" ")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of datasets")]
fn real_conventions() {
    let cases: &[(&str, &[Row], &str)] = &[
        (
            "ERA5 of the Climate Data Store",
            &[
                ("t", &["valid_time", "pressure_level", "latitude", "longitude"], &[("units", "K")]),
                ("valid_time", &["valid_time"], &[("units", "seconds since 1970-01-01"), ("standard_name", "time")]),
                ("pressure_level", &["pressure_level"], &[("units", "hPa"), ("standard_name", "air_pressure")]),
                ("latitude", &["latitude"], &[("units", "degrees_north"), ("standard_name", "latitude")]),
                ("longitude", &["longitude"], &[("units", "degrees_east")]),
            ],
            "latitude=y longitude=x pressure_level=vertical valid_time=time",
        ),
        (
            "ROMS",
            &[
                (
                    "temp",
                    &["ocean_time", "s_rho", "eta_rho", "xi_rho"],
                    &[("coordinates", "lon_rho lat_rho s_rho ocean_time")],
                ),
                ("u", &["ocean_time", "s_rho", "eta_u", "xi_u"], &[]),
                ("ocean_time", &["ocean_time"], &[("units", "seconds since 1900-01-01 00:00:00")]),
                ("s_rho", &["s_rho"], &[("standard_name", "ocean_s_coordinate_g2"), ("positive", "up")]),
                ("lat_rho", &["eta_rho", "xi_rho"], &[("units", "degree_north")]),
                ("lon_rho", &["eta_rho", "xi_rho"], &[("units", "degree_east")]),
                ("Cs_w", &["s_w"], &[]),
                ("Vtransform", &["tracer"], &[]),
            ],
            "eta_rho=y eta_u=y ocean_time=time s_rho=vertical s_w=vertical tracer=other xi_rho=x xi_u=x",
        ),
        (
            "WRF",
            &[
                (
                    "T",
                    &["Time", "bottom_top", "south_north", "west_east"],
                    &[("coordinates", "XLONG XLAT XTIME"), ("units", "K")],
                ),
                ("U", &["Time", "bottom_top", "south_north", "west_east_stag"], &[]),
                ("W", &["Time", "bottom_top_stag", "south_north", "west_east"], &[]),
                ("SMOIS", &["Time", "soil_layers_stag", "south_north", "west_east"], &[]),
                ("XLAT", &["Time", "south_north", "west_east"], &[("units", "degree_north")]),
                ("XLONG", &["Time", "south_north", "west_east"], &[("units", "degree_east")]),
                ("XTIME", &["Time"], &[("units", "minutes since 2000-01-24 12:00:00")]),
            ],
            "Time=time bottom_top=vertical bottom_top_stag=vertical soil_layers_stag=vertical south_north=y west_east=x \
             west_east_stag=x",
        ),
        (
            "NEMO",
            &[
                ("thetao", &["time_counter", "deptht", "y", "x"], &[("coordinates", "time_centered nav_lat nav_lon")]),
                ("nav_lat", &["y", "x"], &[("standard_name", "latitude")]),
                ("nav_lon", &["y", "x"], &[("standard_name", "longitude")]),
                ("deptht", &["deptht"], &[("units", "m"), ("positive", "down"), ("bounds", "deptht_bounds")]),
                ("deptht_bounds", &["deptht", "axis_nbounds"], &[]),
                ("time_counter", &["time_counter"], &[("axis", "T"), ("units", "seconds since 1900-01-01")]),
            ],
            "axis_nbounds=other deptht=vertical time_counter=time x=x y=y",
        ),
        (
            "gridMET",
            &[
                ("air_temperature", &["day", "lat", "lon"], &[("coordinates", "day lat lon")]),
                ("day", &["day"], &[("units", "days since 1900-01-01 00:00:00"), ("standard_name", "time")]),
                ("lat", &["lat"], &[("units", "degrees_north"), ("axis", "Y")]),
                ("lon", &["lon"], &[("units", "degrees_east"), ("axis", "X")]),
            ],
            "day=time lat=y lon=x",
        ),
        (
            "THREDDS over GRIB",
            &[
                ("Temperature_isobaric", &["time1", "isobaric2", "y", "x"], &[("coordinates", "reftime time1 y x")]),
                ("Rain", &["time", "y", "x"], &[]),
                ("Dew", &["reftime", "time1", "y", "x"], &[]),
                (
                    "reftime",
                    &["reftime"],
                    &[("standard_name", "forecast_reference_time"), ("units", "Hour since 2024-1-1")],
                ),
                ("time1", &["time1"], &[("units", "Hour since 2024-01-01T00:00:00Z"), ("_CoordinateAxisType", "Time")]),
                ("time", &["time"], &[("units", "Hour since 2024-01-01T00:00:00Z"), ("bounds", "time_bounds")]),
                ("time_bounds", &["time", "time_bounds_1"], &[]),
                ("isobaric2", &["isobaric2"], &[("units", "Pa"), ("positive", "down")]),
                ("y", &["y"], &[("standard_name", "projection_y_coordinate"), ("units", "km")]),
                ("x", &["x"], &[("_CoordinateAxisType", "GeoX"), ("units", "km")]),
            ],
            "isobaric2=vertical reftime=other time=time time1=time time_bounds_1=other x=x y=y",
        ),
        (
            "stations, each at its place, with a profile of an unknown kind",
            &[
                ("t", &["station", "obs"], &[("coordinates", "lat lon alt time")]),
                ("lat", &["station"], &[("units", "degrees_north")]),
                ("lon", &["station"], &[("units", "degrees_east")]),
                ("time", &["obs"], &[("units", "days since 2000-01-01")]),
            ],
            "obs=time station=other",
        ),
        (
            "a trajectory",
            &[
                ("t", &["obs"], &[("coordinates", "time lat lon")]),
                ("lat", &["obs"], &[("units", "degrees_north")]),
                ("lon", &["obs"], &[("units", "degrees_east")]),
                ("time", &["obs"], &[("units", "days since 2000-01-01")]),
            ],
            "obs=time",
        ),
        (
            "an unstructured grid",
            &[
                ("u", &["time", "siglay", "node"], &[("coordinates", "lat lon")]),
                ("lat", &["node"], &[("units", "degrees_north")]),
                ("lon", &["node"], &[("units", "degrees_east")]),
            ],
            "node=other siglay=vertical time=time",
        ),
        (
            "GFDL, by cartesian_axis alone",
            &[
                ("v", &["a", "b", "c", "d", "e"], &[]),
                ("a", &["a"], &[("cartesian_axis", "T")]),
                ("b", &["b"], &[("cartesian_axis", "Z")]),
                ("c", &["c"], &[("cartesian_axis", "Y")]),
                ("d", &["d"], &[("cartesian_axis", "X")]),
                ("e", &["e"], &[("cartesian_axis", "N")]),
            ],
            "a=time b=vertical c=y d=x e=other",
        ),
    ];
    for (what, rows, expected) in cases {
        assert_eq!(roles(rows), *expected, "{what}");
    }
}

#[test]
fn each_attribute_counts_and_an_earlier_one_more() {
    let cases: &[(&[(&str, &str)], Role)] = &[
        (&[("axis", "Z"), ("standard_name", "time")], Role::Vertical),
        (&[("axis", "?"), ("standard_name", "latitude")], Role::Y),
        (&[("standard_name", "grid_longitude"), ("units", "degrees")], Role::X),
        (&[("standard_name", "atmosphere_hybrid_sigma_pressure_coordinate")], Role::Vertical),
        (&[("standard_name", "ocean_s_coordinate_g1")], Role::Vertical),
        (&[("standard_name", "model_level_number")], Role::Vertical),
        (&[("standard_name", "height_above_mean_sea_level")], Role::Vertical),
        (&[("standard_name", "realization"), ("units", "level")], Role::Other),
        (&[("standard_name", "forecast_period"), ("units", "hours since 2000-1-1")], Role::Other),
        (&[("_CoordinateAxisType", "RunTime"), ("units", "hours since 2000-1-1")], Role::Other),
        (&[("_CoordinateAxisType", "Pressure")], Role::Vertical),
        (&[("units", "degreesN")], Role::Y),
        (&[("units", "degree_E")], Role::X),
        (&[("units", "Days Since 1990-1-1")], Role::Time),
        (&[("units", "millibar")], Role::Vertical),
        (&[("units", "sigma_level")], Role::Vertical),
        (&[("units", "m"), ("positive", "Down")], Role::Vertical),
        (&[("units", "m")], Role::Other),
        (&[("units", "degrees")], Role::Other),
        (&[("units", "hours")], Role::Other),
    ];
    for (pairs, expected) in cases {
        let mut attributes = Attributes::default();
        pairs.iter().for_each(|(key, value)| attributes.push(*key, Values::text(*value)));
        let roles = axis_roles(&[("n", vec!["n"], &attributes)]);
        assert_eq!(roles["n"], *expected, "{pairs:?}");
    }
}

#[test]
fn names_are_the_last_resort() {
    let cases = [
        ("Times time_counter day T MT time2 t_1", Role::Time),
        ("lev plev plev19 isobaricInhPa height_above_ground1 depthw Depth sigma lv_ISBL0 k ZDim_1", Role::Vertical),
        ("lat Latitude nlat rlat nj j south_north eta_psi yc YT_OCEAN lat1 lat_0 g0_lat_2 Y", Role::Y),
        ("lon longitude x1 nlon rlon ni i west_east_stag xi_v xc xu_ocean lon_0 g0_lon_3 grid_xt", Role::X),
        ("bnds nv number member station 7 _ timeless latency ensemble reftime step x_wind", Role::Other),
    ];
    for (names, expected) in cases {
        for name in names.split(' ') {
            let roles = axis_roles(&[("v", vec![name], &Attributes::default())]);
            assert_eq!(roles[name], expected, "{name}");
        }
    }
}

#[test]
fn two_dimensions_of_a_variable_are_never_guessed_to_be_the_same() {
    for (rows, expected) in [
        // The faster one, unless it has a number.
        (&[("v", &["row", "y", "x"] as &[_], &[] as &[_])] as &[Row], "row=other x=x y=y"),
        (&[("v", &["lat", "lat1"], &[])], "lat=y lat1=other"),
        // What attributes say stands.
        (&[("v", &["nj", "y"], &[]), ("nj", &["nj"], &[("axis", "Y")])], "nj=y y=other"),
        (&[("v", &["month", "time"], &[]), ("time", &["time"], &[("axis", "T")])], "month=other time=time"),
        // Each in a variable of its own: there is no conflict.
        (&[("v", &["lat"], &[]), ("w", &["y"], &[])], "lat=y y=y"),
    ] {
        assert_eq!(roles(rows), expected);
    }
}

#[test]
fn bounds_and_dimensions_without_a_name_have_no_role() {
    let rows: &[Row] = &[
        ("v", &["time", ""], &[]),
        ("time", &["time"], &[("climatology", "edges"), ("units", "days since 2000-1-1")]),
        ("edges", &["time", "x"], &[]),
    ];
    assert_eq!(roles(rows), "time=time x=other");
    assert_eq!(roles(&[]), "");
}

#[test]
fn a_curvilinear_grid_stored_by_columns_is_known_by_its_names() {
    let rows: &[Row] = &[
        ("v", &["lon", "lat"], &[("coordinates", "a b")]),
        ("w", &["p", "q"], &[("coordinates", "c d")]),
        ("a", &["lon", "lat"], &[("standard_name", "latitude")]),
        ("b", &["lon", "lat"], &[("standard_name", "longitude")]),
        ("c", &["p", "q"], &[("standard_name", "latitude")]),
        ("d", &["p", "q"], &[("standard_name", "longitude")]),
        ("e", &["r", "s"], &[("standard_name", "latitude"), ("coordinates", "e")]),
    ];
    assert_eq!(roles(rows), "lat=y lon=x p=y q=x r=other s=other");
}

#[test]
fn times_stand_in_the_coordinate_variable_or_beside_it() {
    const SINCE: (&str, &str) = ("units", "hours since 2000-01-01");
    let found = |rows: &[Row]| with(rows, time_coordinates).into_iter().collect::<Vec<_>>();
    let pair = |dimension: &str, name: &str| (dimension.to_owned(), name.to_owned());
    assert_eq!(found(&[("time", &["time"], &[SINCE])]), [pair("time", "time")]);
    let wrf: &[Row] = &[("T", &["Time", "x"], &[("coordinates", "XTIME")]), ("XTIME", &["Time"], &[SINCE])];
    assert_eq!(found(wrf), [pair("Time", "XTIME")]);
    // Without units, or with those of the run's start, it is not the time of the data.
    assert_eq!(found(&[("time", &["time"], &[])]), []);
    let start: &[Row] = &[
        ("v", &["time"], &[("coordinates", "reftime")]),
        ("reftime", &["time"], &[SINCE, ("standard_name", "forecast_reference_time")]),
    ];
    assert_eq!(found(start), []);
}

#[test]
fn roles_have_one_name_for_people_and_documents() {
    for role in [Role::Time, Role::Vertical, Role::Y, Role::X, Role::Other] {
        assert_eq!(serde_json::to_value(role).unwrap(), role.to_string());
    }
}
