//! The proposal against every even split there is.

use advisor::{Axis, Reader, Reads, Subject, Terms, Window};
use cf::Role;

fn subject(element_bytes: u64, axes: &[(u64, Role)]) -> Subject {
    let axes = axes.iter().enumerate().map(|(at, (size, role))| Axis {
        name: format!("d{at}"),
        size: *size,
        role: *role,
        cadence: None,
        source_chunk: None,
        offset: 0,
        chosen: None,
    });
    Subject { axes: axes.collect(), element_bytes, wire_bytes: element_bytes.max(4) }
}

/// Even splits of an axis: every number of parts up to 60, then fewer.
fn splits(size: u64) -> Vec<u64> {
    let parts = (1..=60).chain((60..size).step_by(usize::try_from(size / 40 + 1).unwrap())).chain([size]);
    let mut lengths: Vec<u64> = parts.filter(|parts| *parts <= size).map(|parts| size.div_ceil(parts)).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// The least cost within the window, over time, y and x; one element along all others.
fn least(subject: &Subject, terms: &Terms<'_>) -> f64 {
    let of = |role: Role| subject.axes.iter().position(|axis| axis.role == role).unwrap();
    let (t, y, x) = (of(Role::Time), of(Role::Y), of(Role::X));
    let mut chunk = vec![1; subject.axes.len()];
    let mut best = f64::INFINITY;
    for time in splits(subject.axes[t].size) {
        for row in splits(subject.axes[y].size) {
            for column in splits(subject.axes[x].size) {
                (chunk[t], chunk[y], chunk[x]) = (time, row, column);
                let bytes = subject.chunk_bytes(&chunk);
                if bytes < terms.window.least() || bytes > terms.window.most() {
                    continue;
                }
                let each = terms.reader.chunk_s(bytes);
                let count = |at: usize, length: u64| subject.axes[at].size.div_ceil(length) as f64;
                let (series, map) = (count(t, time), count(y, row) * count(x, column));
                let cost: f64 = terms
                    .reads
                    .iter()
                    .map(|read| read.weight() * each * if read.pattern.to_string() == "map" { map } else { series })
                    .sum();
                best = best.min(cost);
            }
        }
    }
    best
}

#[test]
fn proposals_cost_at_most_an_eighth_more_than_the_best_there_is() {
    let five = [(1460, Role::Time), (10, Role::Other), (37, Role::Vertical), (361, Role::Y), (720, Role::X)];
    let six =
        [(500, Role::Time), (10, Role::Other), (37, Role::Vertical), (181, Role::Y), (360, Role::X), (3, Role::Other)];
    let prism = [(1512, Role::Time), (621, Role::Y), (1405, Role::X)];
    for (bytes, axes, reads) in [
        (4, &five[..], "balanced"),
        (8, &six[..], "balanced"),
        (4, &prism[..], "map"),
        (4, &prism[..], "balanced"),
        (4, &prism[..], "timeseries"),
        (2, &five[..], "map"),
    ] {
        let (subject, reads) = (subject(bytes, axes), Reads::parse(&[reads]).unwrap());
        for shapes in [20_000, Terms::SHAPES] {
            let terms = Terms {
                reads: &reads,
                reader: Reader::default(),
                window: Window::default(),
                request_bytes: 100_000_000,
                shapes,
            };
            let first = advisor::advise(&subject, &terms, &|_| None).unwrap().first().unwrap().clone();
            let best = least(&subject, &terms);
            assert!(
                first.cost_s <= best * 1.13,
                "{axes:?} {reads}: {:?} costs {}, best {best}",
                first.chunk,
                first.cost_s
            );
        }
    }
}

#[test]
fn many_axes_end_soon() {
    for (axes, size) in [(10, 5), (25, 2), (30, 3), (64, 2)] {
        let role = |at: usize| if at == 0 { Role::Time } else { Role::Other };
        let axes: Vec<_> = (0..axes).map(|at| (size, role(at))).collect();
        let reads = Reads::default();
        let terms = Terms {
            reads: &reads,
            reader: Reader::default(),
            window: Window::default(),
            request_bytes: 100_000_000,
            shapes: Terms::SHAPES,
        };
        let choice = advisor::advise(&subject(4, &axes), &terms, &|_| None).unwrap();
        assert!(choice.considered <= 700_000, "{}", choice.considered);
    }
}
