//! Arrays over the same dimensions: what is known of them, why they are cut so, and how else they could be.

use advisor::{Axis, Score};
use cf::Role;
use run::Group;

use super::{
    candidates::{Candidate, candidates, table},
    drawing::draw,
    html::{concat, escape, label, listed, name, put, scrolling, seconds, sentence, shape},
    plot::trade_off,
};
use crate::units::{bytes, count, counted, mean};

/// Arrays that are named at once; the others unfold.
const NAMED: usize = 12;
/// Arrays that are named at all.
const MOST_NAMED: usize = 300;
/// Groups that are shown in full.
pub(super) const MOST_IN_FULL: usize = 8;
/// Groups in the short table.
const MOST_SHORT: usize = 500;

/// A group in full. `number` counts from 1.
pub(super) fn section(group: &Group, number: usize, at_once: u32) -> String {
    let all = candidates(group);
    let arrays = listed(&group.arrays, 3, &|array| name(&super::html::shortened(array, 60)));
    let subject = group.arrays.first().map(|array| super::html::shortened(array, 40)).unwrap_or_default();
    let choice = group.free.as_ref().unwrap_or(&group.choice);
    [
        format!("<section id=\"group-{number}\"><h2>{arrays}</h2>\n"),
        arrays_and_axes(group),
        format!("<h3>Why {}</h3>\n", shape(&group.planned.chunk)),
        why(group),
        warnings(&all),
        "<h3>Candidates</h3>\n".to_owned(),
        table(group, &all, at_once),
        "<h3>The chunks, drawn</h3>\n".to_owned(),
        drawings(group, &all, &subject),
        "<h3>Time series against maps</h3>\n".to_owned(),
        trade_off(choice, &all, &subject),
        "<h3>Shards</h3>\n".to_owned(),
        shards(group),
        "</section>\n".to_owned(),
    ]
    .concat()
}

fn arrays_and_axes(group: &Group) -> String {
    let sizes: Vec<u64> = group.axes.iter().map(|axis| axis.size).collect();
    let bytes_of_one = sizes.iter().fold(group.element_bytes, |product, size| product.saturating_mul(*size));
    let number = group.arrays.len() as u64;
    let (who, each) = if number == 1 {
        ("One array".to_owned(), "")
    } else {
        (format!("{} arrays that share these dimensions, and so a grid", count(number)), " each at most")
    };
    let mut text = format!(
        "<p>{who}: {} elements of {}, {}{each}.</p>\n",
        shape(&sizes),
        counted(group.element_bytes, "byte"),
        bytes(bytes_of_one),
    );
    if group.arrays.len() > 3 {
        text.push_str(&names(&group.arrays));
    }
    text.push_str(&axes(group));
    text
}

fn names(all: &[String]) -> String {
    let joined = |part: &[String]| part.iter().map(|array| name(array)).collect::<Vec<_>>().join(", ");
    let (first, rest) = all.split_at(NAMED.min(all.len()));
    if rest.is_empty() {
        return format!("<p>{}</p>\n", joined(first));
    }
    let (shown, left) = rest.split_at((MOST_NAMED - NAMED).min(rest.len()));
    let left = if left.is_empty() { String::new() } else { format!(" and {} more", count(left.len() as u64)) };
    let number = count(rest.len() as u64);
    format!(
        "<p>{},</p><details><summary>and {number} more</summary><p>{}{left}</p></details>\n",
        joined(first),
        joined(shown)
    )
}

fn role(axis: &Axis) -> &'static str {
    match axis.role {
        Role::Time => "time",
        Role::Vertical => "vertical",
        Role::Y => "rows (y)",
        Role::X => "columns (x)",
        Role::Other => "other",
    }
}

fn axes(group: &Group) -> String {
    let own = group.axes.iter().any(|axis| axis.chosen.is_some());
    let moved = group.axes.iter().any(|axis| axis.offset > 0);
    let optional = |shown: bool, cell: String| if shown { cell } else { String::new() };
    let number = |length: Option<u64>, otherwise: &str| length.map_or_else(|| otherwise.to_owned(), count);
    let row = |axis: &Axis| {
        [
            format!("<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td>", name(&axis.name), count(axis.size)),
            optional(moved, format!("<td class=\"n\">{}</td>", count(axis.offset))),
            format!("<td>{}</td>", role(axis)),
            format!("<td>{}</td>", axis.cadence.map_or_else(|| "–".to_owned(), |cadence| escape(&cadence.to_string()))),
            format!("<td class=\"n\">{}</td>", number(axis.source_chunk, "not told")),
            optional(own, format!("<td class=\"n\">{}</td>", number(axis.chosen, "–"))),
            "</tr>".to_owned(),
        ]
        .concat()
    };
    let rows = concat(group.axes.iter().map(row));
    let head = [
        "<tr><th scope=\"col\">Dimension</th><th scope=\"col\" class=\"n\">Elements</th>",
        if moved { "<th scope=\"col\" class=\"n\">From the source’s</th>" } else { "" },
        "<th scope=\"col\">Stands for</th><th scope=\"col\">Steps</th>\
         <th scope=\"col\" class=\"n\">Source’s chunk</th>",
        if own { "<th scope=\"col\" class=\"n\">You chose</th>" } else { "" },
        "</tr>",
    ]
    .concat();
    let first = group.arrays.first().map(|array| label(array)).unwrap_or_default();
    scrolling(&format!("Dimensions of {first}"), &format!("<table><thead>{head}</thead><tbody>{rows}</tbody></table>"))
}

fn why(group: &Group) -> String {
    let mut text = String::new();
    if let Some(free) = &group.free {
        let proposed = free.ranked.first().map(|ranked| shape(&ranked.score.chunk)).unwrap_or_default();
        let kept = if group.axes.iter().all(|axis| axis.chosen.is_some()) {
            "You gave every length, and the plan keeps them.".to_owned()
        } else {
            format!("You gave some lengths, and the plan keeps them: {}.", sentence(&group.choice.why))
        };
        text = format!(
            "<p class=\"why\">{kept} Without them the proposal would be {proposed}: {}.</p>\n",
            sentence(&free.why)
        );
    } else {
        put(&mut text, format_args!("<p class=\"why\">{}.</p>\n", sentence(&capital(&group.choice.why))));
    }
    text
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// What there is to know of each candidate, the plan's first; signs and words differ, not only colours.
fn warnings(all: &[Candidate<'_>]) -> String {
    let items = concat(
        all.iter().flat_map(|candidate| candidate.score.warnings.iter().map(move |warning| (candidate, warning))).map(
            |(candidate, warning)| {
                let (sign, kind) = if warning.is_strong() { ("▲", "Warning") } else { ("△", "Note") };
                let of =
                    if candidate.planned { "the plan".to_owned() } else { format!("candidate {}", candidate.number) };
                let words = sentence(&warning.words());
                format!("<li><span class=\"sign\" aria-hidden=\"true\">{sign}</span><b>{kind}, {of}:</b> {words}</li>")
            },
        ),
    );
    if items.is_empty() { String::new() } else { format!("<ul class=\"warnings\">{items}</ul>\n") }
}

fn drawings(group: &Group, all: &[Candidate<'_>], subject: &str) -> String {
    let swatch = |inside: &str| {
        format!(
            "<svg width=\"26\" height=\"15\" aria-hidden=\"true\"><rect width=\"26\" height=\"15\" \
             class=\"cell\"/>{inside}</svg>"
        )
    };
    let rectangle = "<rect x=\"1\" y=\"1\" width=\"24\" height=\"13\"";
    let legend = format!(
        "<ul class=\"legend\"><li>{}dots: what a map touches</li>\
         <li>{}level lines in a frame: what a time series touches</li>\
         <li>{}slanted lines: a last chunk, the stronger the emptier</li></ul>\n",
        swatch(&format!("{rectangle} fill=\"url(#dots)\"/>")),
        swatch(&format!("{rectangle} class=\"wash\"/>{rectangle} fill=\"url(#lines)\"/>{rectangle} class=\"ring\"/>")),
        swatch(&format!("{rectangle} fill=\"url(#slants)\" opacity=\"0.7\"/>")),
    );
    let figures = concat(all.iter().map(|candidate| {
        let drawing = draw(&group.axes, candidate.score, &format!("{subject}, candidate {}", candidate.number));
        let remarks = if drawing.remarks.is_empty() {
            String::new()
        } else {
            format!("<p class=\"small\">{}</p>", drawing.remarks.join(" "))
        };
        format!(
            "<figure><figcaption>{} <strong>{}</strong><br>{} of {}<small>a time series touches {}</small>\
                 <small>a map touches {}</small></figcaption>{}{remarks}</figure>\n",
            candidate.badge(),
            shape(&candidate.score.chunk),
            counted(candidate.score.chunks, "chunk"),
            bytes(candidate.score.chunk_bytes),
            touched(candidate.score, 0),
            touched(candidate.score, 1),
            drawing.svg
        )
    }));
    format!("{legend}<div class=\"grids\">{figures}</div>\n")
}

fn touched(score: &Score, read: usize) -> String {
    score.reads.get(read).map_or_else(String::new, |read| mean(read.chunks))
}

fn shards(group: &Group) -> String {
    let sharding = &group.sharding;
    let why = sentence(&sharding.why);
    match (&sharding.inner, &sharding.shard) {
        (Some(inner), Some(shard)) if sharding.advised => format!(
            "<p>Advised: shards of {} with inner chunks of {}. {}.</p>\n",
            shape(shard),
            shape(inner),
            capital(&why)
        ),
        _ => format!("<p>Not advised: {}.</p>\n", why.strip_prefix("not ").unwrap_or(&why)),
    }
}

/// The groups that are not shown in full, a line each.
pub(super) fn short(groups: &[Group], before: usize) -> String {
    let row = |group: &Group| {
        let sizes: Vec<u64> = group.axes.iter().map(|axis| axis.size).collect();
        let axes: Vec<String> = group.axes.iter().map(|axis| label(&axis.name)).collect();
        let time = |read: usize| group.planned.reads.get(read).map_or_else(String::new, |read| seconds(read.seconds));
        let strong = group.planned.warnings.iter().filter(|warning| warning.is_strong()).count();
        let warnings = match (strong, group.planned.warnings.len()) {
            (0, 0) => "none".to_owned(),
            (0, notes) => counted(notes as u64, "note"),
            (strong, _) => format!("▲ {}", counted(strong as u64, "warning")),
        };
        let own = if group.free.is_some() { "<small>your lengths</small>" } else { "" };
        format!(
            "<tr><th scope=\"row\">{}</th><td><small>{}</small><br>{}</td><td class=\"n\">{}{own}</td>\
             <td class=\"n\">{}</td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td>{warnings}</td></tr>\n",
            listed(&group.arrays, 1, &name),
            axes.join(" × "),
            shape(&sizes),
            shape(&group.planned.chunk),
            bytes(group.planned.chunk_bytes),
            count(group.planned.chunks),
            time(0),
            time(1)
        )
    };
    let rows = concat(groups.iter().take(MOST_SHORT).map(row));
    let number = groups.len() as u64;
    let left = groups.len().saturating_sub(MOST_SHORT) as u64;
    let left = if left == 0 {
        String::new()
    } else {
        format!("<p>{} are not shown at all.</p>\n", counted(left, "further group"))
    };
    let (verb, them) = if number == 1 { ("is", "it") } else { ("are", "them") };
    let head = "<thead><tr><th scope=\"col\">Arrays</th><th scope=\"col\">Dimensions</th>\
                <th scope=\"col\" class=\"n\">Chunk</th>\
                <th scope=\"col\" class=\"n\">Size</th><th scope=\"col\" class=\"n\">Chunks</th>\
                <th scope=\"col\" class=\"n\">Time series</th><th scope=\"col\" class=\"n\">Map</th>\
                <th scope=\"col\">Warnings</th></tr></thead>";
    format!(
        "<section id=\"smaller\"><h2>{}</h2>\n<p>The {before} largest groups of arrays are explained in full above. {} \
         {verb} smaller; this table has a line for each of {them}, with \
         the shape that the plan has.</p>\n{}{left}</section>\n",
        counted(number, "smaller group"),
        count(number),
        scrolling("Smaller groups", &format!("<table>{head}<tbody>{rows}</tbody></table>"))
    )
}
