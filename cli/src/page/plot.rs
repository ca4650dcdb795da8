//! Time series against map: what is gained for one is lost for the other.

use advisor::{Choice, Score};

use super::{
    candidates::Candidate,
    html::{concat, escape, put, scrolling, seconds, shape},
    ticks::Scale,
};
use crate::units::bytes;

const WIDE: f64 = 440.0;
const HIGH: f64 = 350.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 424.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 286.0;
/// Half the side of a label of one or two digits, and of a mark, in pixels.
const LABEL: (f64, f64) = (9.0, 8.0);
const MARK: f64 = 7.0;
/// Where a label may stand, seen from its mark: near first.
const PLACES: [(f64, f64); 14] = [
    (14.0, -12.0),
    (-14.0, 13.0),
    (-14.0, -12.0),
    (14.0, 13.0),
    (0.0, -19.0),
    (0.0, 20.0),
    (20.0, 0.0),
    (-20.0, 0.0),
    (28.0, -26.0),
    (-28.0, 28.0),
    (-28.0, -26.0),
    (28.0, 28.0),
    (0.0, -38.0),
    (0.0, 38.0),
];

/// Seconds for a time series and for a map, one GET after another.
fn times(score: &Score) -> (f64, f64) {
    let [series, map] = [0, 1].map(|read| score.reads.get(read).map_or(0.0, |read| read.seconds));
    (series, map)
}

/// Whether times are apart by more than a reader feels.
fn differ(times: impl Iterator<Item = f64> + Clone) -> bool {
    let least = times.clone().fold(f64::INFINITY, f64::min);
    times.fold(0.0, f64::max) > least * 1.1
}

/// The plot with its key, or words where there is nothing to weigh.
pub(super) fn trade_off(choice: &Choice, all: &[Candidate<'_>], subject: &str) -> String {
    let all_maps = choice.front.iter().map(|point| point.map_s);
    let all_series = choice.front.iter().map(|point| point.series_s);
    let (Some(first), Some(last)) = (choice.front.first(), choice.front.last()) else {
        return String::new();
    };
    if !(differ(all_maps) && differ(all_series)) {
        return "<p>No shape within the window trades time series for maps: one is best, or as good as any, for both. \
                So there is nothing to plot.</p>\n"
            .to_owned();
    }
    let intro = format!(
        "<p>Each point of the line is a shape that no other beats at both: {} for a time series and {} for a map \
         at one end, {} and {} at the other. \
         Both scales are logarithmic; nearer to the lower left corner is better.</p>\n",
        seconds(first.series_s),
        seconds(first.map_s),
        seconds(last.series_s),
        seconds(last.map_s)
    );
    let plot = scrolling(&format!("Plot: {}", escape(subject)), &plot(choice, all, subject));
    let key = concat(all.iter().map(|candidate| {
        let (series, map) = times(candidate.score);
        format!(
            "<li>{}{}<br><small>time series {}, map {}; {}</small></li>",
            candidate.badge(),
            shape(&candidate.score.chunk),
            seconds(series),
            seconds(map),
            escape(&candidate.label)
        )
    }));
    format!("{intro}<div class=\"trade\">{plot}<ul class=\"key\">{key}</ul></div>\n")
}

fn plot(choice: &Choice, all: &[Candidate<'_>], subject: &str) -> String {
    let marks: Vec<(f64, f64)> = all.iter().map(|candidate| times(candidate.score)).collect();
    let front = || choice.front.iter().map(|point| (point.series_s, point.map_s));
    let both = || front().chain(marks.iter().copied());
    let across = Scale::of(both().map(|(series, _)| series).collect::<Vec<_>>().into_iter(), LEFT, RIGHT);
    let up = Scale::of(both().map(|(_, map)| map).collect::<Vec<_>>().into_iter(), BOTTOM, TOP);
    let mut body = grid(&across, &up);
    let line: Vec<String> =
        front().map(|(series, map)| format!("{:.1},{:.1}", across.at(series), up.at(map))).collect();
    put(&mut body, format_args!("<polyline points=\"{}\" class=\"front\"/>", line.join(" ")));
    for point in &choice.front {
        let (x, y) = (across.at(point.series_s), up.at(point.map_s));
        put(
            &mut body,
            format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" class=\"dot\"><title>{}, {}: time series {}, map \
             {}</title></circle>",
                shape(&point.chunk),
                bytes(point.bytes),
                seconds(point.series_s),
                seconds(point.map_s)
            ),
        );
    }
    let at: Vec<(f64, f64)> = marks.iter().map(|(series, map)| (across.at(*series), up.at(*map))).collect();
    let labels = places(&at);
    for (((candidate, (x, y)), (series, map)), label) in all.iter().zip(&at).zip(&marks).zip(&labels) {
        let title = format!(
            "{}: {}, {}: time series {}, map {}",
            candidate.number,
            shape(&candidate.score.chunk),
            bytes(candidate.score.chunk_bytes),
            seconds(*series),
            seconds(*map)
        );
        if (label.0 - x).abs() + (label.1 - y).abs() > 30.0 {
            put(
                &mut body,
                format_args!(
                    "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" class=\"leader\"/>",
                    label.0, label.1
                ),
            );
        }
        let mark = if candidate.own {
            let side = 12.0;
            format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{side}\" height=\"{side}\" \
                 transform=\"rotate(45 {x:.1} {y:.1})\" class=\"mark own\"><title>{title}</title></rect>",
                x - side / 2.0,
                y - side / 2.0
            )
        } else {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"6\" class=\"mark\"><title>{title}</title></circle>")
        };
        body.push_str(&mark);
    }
    for (candidate, (x, y)) in all.iter().zip(&labels) {
        let number = candidate.number;
        put(
            &mut body,
            format_args!(
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"halo\">{number}</text>",
                y + 5.0
            ),
        );
    }
    let described = escape(&format!(
        "{subject}: seconds for a time series against seconds for a map, {} points of the front and {} candidates",
        choice.front.len(),
        all.len()
    ));
    format!("<svg role=\"img\" aria-label=\"{described}\" viewBox=\"0 0 {WIDE} {HIGH}\">{body}</svg>")
}

fn grid(across: &Scale, up: &Scale) -> String {
    let mut lines = String::new();
    let mut texts = String::new();
    for (x, words) in across.ticks(52.0) {
        put(&mut lines, format_args!("M{x:.1} {TOP}V{BOTTOM}"));
        put(
            &mut texts,
            format_args!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{words}</text>", BOTTOM + 20.0),
        );
    }
    for (y, words) in up.ticks(23.0) {
        put(&mut lines, format_args!("M{LEFT} {y:.1}H{RIGHT}"));
        put(
            &mut texts,
            format_args!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{words}</text>", LEFT - 8.0, y + 5.0),
        );
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    format!(
        "<path d=\"{lines}\" class=\"light\"/><path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" class=\"axis\"/>{texts}\
         <text x=\"0\" y=\"16\">↑ a map at one time takes</text>\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">a time series at a point takes →</text>",
        BOTTOM + 48.0
    )
}

/// A place for each mark's number, where it covers neither a mark nor another number.
fn places(marks: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for (x, y) in marks {
        let free = |(dx, dy): &&(f64, f64)| {
            let (at_x, at_y) = (x + dx, y + dy);
            let is_inside = at_x > LEFT + LABEL.0 && at_x < RIGHT && at_y > TOP - 4.0 && at_y < BOTTOM - LABEL.1;
            let apart = |(other_x, other_y): &(f64, f64), wide: f64, high: f64| {
                (at_x - other_x).abs() >= wide || (at_y - other_y).abs() >= high
            };
            is_inside
                && taken.iter().all(|other| apart(other, 2.0 * LABEL.0, 2.0 * LABEL.1))
                // No number is nearer to another mark than to its own, unless the marks lie on one another.
                && marks.iter().filter(|(other_x, other_y)| (x - other_x).hypot(y - other_y) > MARK).all(
                    |(other_x, other_y)| (at_x - other_x).hypot(at_y - other_y) > dx.hypot(*dy) + 2.0,
                )
                && marks.iter().all(|mark| apart(mark, LABEL.0 + MARK - 3.0, LABEL.1 + MARK - 3.0))
        };
        let (dx, dy) = PLACES.iter().find(free).copied().unwrap_or((14.0, -12.0));
        taken.push((x + dx, y + dy));
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_marks_in_one_place_stand_apart() {
        let found = places(&[(200.0, 150.0), (201.0, 151.0), (200.0, 149.0), (420.0, 40.0)]);
        for (at, one) in found.iter().enumerate() {
            for other in &found[at + 1..] {
                assert!((one.0 - other.0).abs() >= 18.0 || (one.1 - other.1).abs() >= 16.0, "{found:?}");
            }
        }
        assert!(found[3].0 < RIGHT, "{found:?}");
    }
}
