//! The advisor's proposals for datasets as servers describe them, stored as they were reviewed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "the helpers of tests are test code too, outside of any function marked as one; they read fixtures and the clock"
)]

mod setup;

use std::time::Instant;

use run::Request;
use setup::{Source, advised, request, summary};

#[test]
fn prism_monthly_maps_since_1895() {
    insta::assert_snapshot!(summary(&Source::read("prism"), &request()));
}

#[test]
fn the_chunks_of_the_original_study() {
    let chunks = [("time", 72), ("lat", 354), ("lon", 354)].map(|(name, size)| (name.to_owned(), size)).into();
    insta::assert_snapshot!(summary(&Source::read("prism"), &Request { chunks, ..request() }));
}

#[test]
fn era5_hourly_on_a_quarter_degree() {
    insta::assert_snapshot!(summary(&Source::read("era5"), &request()));
}

#[test]
fn an_ocean_model_with_depths() {
    insta::assert_snapshot!(summary(&Source::read("ocean"), &request()));
}

#[test]
fn gridmet_daily() {
    insta::assert_snapshot!(summary(&Source::read("gridmet"), &request()));
}

#[test]
fn stations_with_names() {
    insta::assert_snapshot!(summary(&Source::read("station"), &request()));
}

#[test]
fn a_long_series() {
    insta::assert_snapshot!(summary(&Source::read("series"), &request()));
}

#[test]
fn two_hundred_variables_of_five_dimensions_take_less_than_a_second() {
    let source = Source::read("many");
    let started = Instant::now();
    let (plan, advice) = advised(&source, &request()).unwrap();
    let one = started.elapsed();
    assert_eq!((plan.arrays.len(), advice.groups.len()), (205, 1), "one grid for all, and five coordinates");
    // No two with the same lengths: nothing is shared, and every shape is looked at two hundred times.
    let chunks = |variable: usize| (format!("v{variable:03}:level"), variable as u64 % 37 + 1);
    let own = Request { chunks: (0..200).map(chunks).collect(), ..request() };
    let started = Instant::now();
    let (_, advice) = advised(&source, &own).unwrap();
    let many = started.elapsed();
    assert_eq!(advice.groups.len(), 37);
    // Printed, and not asserted: tests share a machine with others.
    eprintln!("200 variables of 5 dimensions: with one grid {one:?}, with 37 grids {many:?}");
}
