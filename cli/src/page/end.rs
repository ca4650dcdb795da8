//! What the page ends with: arrays in one chunk, what is left out, and how the numbers come about.

use advisor::Prices;
use run::{Advice, Plan};

use super::html::{concat, escape, name, put, scrolling, sentence};
use crate::units::{bytes, count, time};

/// Names and notes that are shown.
const MOST_SHOWN: usize = 200;

/// Arrays in one chunk, what is left out, and notes.
pub(super) fn others(plan: &Plan, advice: &Advice) -> String {
    let mut all = String::new();
    if !advice.whole.is_empty() {
        let names: Vec<String> = advice.whole.iter().take(MOST_SHOWN).map(|array| name(array)).collect();
        put(
            &mut all,
            format_args!(
                "<section id=\"whole\"><h2>In one chunk</h2>\n<p>Coordinates, bounds and the like, which readers load whole \
             when they open the dataset: {}{}.</p></section>\n",
                names.join(", "),
                more(advice.whole.len())
            ),
        );
    }
    if !plan.skipped.is_empty() {
        let rows = concat(plan.skipped.iter().take(MOST_SHOWN).map(|skipped| {
            format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", name(&skipped.name), sentence(&skipped.reason))
        }));
        let head = "<thead><tr><th scope=\"col\">Variable</th><th scope=\"col\">Why</th></tr></thead>";
        let rest = more(plan.skipped.len());
        let rest = if rest.is_empty() { rest } else { format!("<p>{}.</p>", rest.trim_start()) };
        put(
            &mut all,
            format_args!(
                "<section id=\"left-out\"><h2>Left out</h2>\n{}{rest}</section>\n",
                scrolling("Left out", &format!("<table>{head}<tbody>{rows}</tbody></table>"))
            ),
        );
    }
    if !plan.notes.is_empty() {
        let items = concat(plan.notes.iter().take(MOST_SHOWN).map(|note| format!("<li>{}</li>\n", sentence(note))));
        let rest = more(plan.notes.len());
        let rest = if rest.is_empty() { rest } else { format!("<li>{}</li>", rest.trim_start()) };
        put(
            &mut all,
            format_args!("<section id=\"notes\"><h2>Notes</h2>\n<ul class=\"prose\">{items}{rest}</ul></section>\n"),
        );
    }
    all
}

fn more(all: usize) -> String {
    let rest = all.saturating_sub(MOST_SHOWN) as u64;
    if rest == 0 { String::new() } else { format!(" and {} more", count(rest)) }
}

/// How each number comes about.
const RULES: [(&str, &str, &str); 10] = [
    ("Chunks touched", "Chunks that a read touches, on average over all places it can be at along each axis", "chunks"),
    ("Data brought", "Chunks touched × bytes of a chunk: a chunk is read whole", "bytes"),
    ("One GET after another", "Chunks touched × (latency + bytes of a chunk ÷ bandwidth)", "s"),
    ("GETs at once", "Chunks touched ÷ GETs at once, rounded up, × the same", "s"),
    (
        "Rank",
        "One GET after another, each read by its weight; among shapes within 12 % of the cheapest, those with one \
         request a chunk, few source chunks read again, no slivers, the lengths of other arrays, \
         few objects, and time cut by the calendar or evenly",
        "s",
    ),
    ("Last chunk", "Elements in it ÷ elements of a full one. Below half it has a note, below a tenth a warning", "%"),
    (
        "Source chunks",
        "How often each chunk of the source is read in all, on average: 1 where every border of ours is one of \
         the source’s",
        "times",
    ),
    ("Memory", "3 × bytes of a chunk: the chunk, its encoded form, and what is kept on the way", "bytes"),
    (
        "Time",
        "Chunks × seconds of a chunk ÷ workers, but never faster than the source as a whole, and 10 s around it. \
         A chunk: requests × latency + bytes on the wire ÷ rate + bytes ÷ 144 MB/s to encode + stored bytes ÷ \
         85 MB/s to PUT + 0.3 s. On the wire DAP2 has four bytes for a 16-bit integer. Stored are 48.7 % of the bytes",
        "s",
    ),
    (
        "Dollars",
        "GB seconds (seconds of all chunks × memory in 2³⁰ bytes) × price, and for each chunk one call of a function, \
         four of queues, one PUT and four GETs",
        "$",
    ),
];

/// How the scores are reckoned, and the prices.
pub(super) fn rules(plan: &Plan, list: &Prices) -> String {
    let rows =
        concat(RULES.iter().map(|(what, how, unit)| {
            format!("<tr><th scope=\"row\">{what}</th><td>{how}.</td><td>{unit}</td></tr>\n")
        }));
    let head =
        "<thead><tr><th scope=\"col\">What</th><th scope=\"col\">How</th><th scope=\"col\">Unit</th></tr></thead>";
    let request = format!(
        "<p>One request to the source brings at most {} of uncompressed data, so a larger chunk takes several.</p>\n",
        bytes(plan.request_bytes)
    );
    format!(
        "<section id=\"rules\"><h2>How the scores are reckoned</h2>\n{}{request}<h3>Prices</h3>\n{}</section>\n",
        scrolling("Rules", &format!("<table>{head}<tbody>{rows}</tbody></table>")),
        prices(list)
    )
}

fn prices(prices: &Prices) -> String {
    let rows = [
        ("A gigabyte (2³⁰ bytes) of a function’s memory for a second", prices.lambda_gb_second),
        ("A call of a function", prices.lambda_call),
        ("A call of a queue", prices.queue_call),
        ("A PUT or LIST", prices.put),
        ("A GET or HEAD", prices.get),
        ("A gigabyte (10⁹ bytes) stored for a month", prices.storage_gb_month),
    ];
    let rows = concat(
        rows.iter()
            .map(|(what, price)| format!("<tr><th scope=\"row\">{what}</th><td class=\"n\">{price}</td></tr>\n")),
    );
    let head = "<thead><tr><th scope=\"col\">What</th><th scope=\"col\" class=\"n\">Dollars</th></tr></thead>";
    let dated = escape(&prices.dated);
    format!(
        "<p>List prices of AWS as of {dated}, functions on arm64, without the free tier. They differ between regions \
         and change.</p>\n{}",
        scrolling("Prices", &format!("<table>{head}<tbody>{rows}</tbody></table>"))
    )
}

/// Who made the page, and when.
pub(super) fn footer(plan: &Plan) -> String {
    format!(
        "<footer><p>Made by dap2zarr {} at {}. Nothing of this page is loaded from elsewhere.</p></footer>\n",
        escape(&plan.software),
        time(plan.made_at)
    )
}
