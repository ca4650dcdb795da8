//! What the page opens with: the dataset, and what its conversion takes.

use advisor::{Estimate, Read};
use run::{Advice, Plan};

use super::{
    group::MOST_IN_FULL,
    html::{bytes_of, concat, escape, name, put, seconds, sentence, share, shortened},
};
use crate::{
    plan::cost,
    units::{bytes, count, counted, dollars, whole},
};

/// The dataset's title, or what its address ends in; not yet escaped.
pub(super) fn title(plan: &Plan) -> String {
    let given = plan.attributes.get("title").and_then(serde_json::Value::as_str).map(str::trim);
    let last = || plan.source.as_str().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    shortened(given.filter(|title| !title.is_empty()).unwrap_or_else(last), 240)
}

/// Everything above the groups.
pub(super) fn header(plan: &Plan, advice: &Advice) -> String {
    let totals = &plan.totals;
    let source = escape(plan.source.as_str());
    let mut facts = vec![("Reads", reads(advice)), ("Reader", reader(advice)), ("Window", window(advice))];
    facts.extend(plan.estimate.iter().flat_map(estimate));
    let facts = concat(facts.iter().map(|(term, words)| format!("<dt>{term}</dt><dd>{words}</dd>\n")));
    format!(
        "<header><p class=\"eyebrow\">Chunk plan of an OPeNDAP dataset</p>\n<h1>{}</h1>\n\
         <p>Source: <a href=\"{source}\" rel=\"noreferrer\"><code>{source}</code></a></p>\n\
         <p class=\"lead\">{}, {}, to be written as {} of Zarr {} with {} to the source.</p>\n\
         <dl class=\"facts\">{facts}</dl>\n{}</header>\n",
        escape(&title(plan)),
        counted(plan.arrays.len() as u64, "array"),
        cost::amount(totals, " of data"),
        counted(totals.chunks, "chunk"),
        escape(&plan.format.to_string()),
        counted(totals.requests, "request"),
        contents(advice)
    )
}

fn contents(advice: &Advice) -> String {
    if advice.groups.len() < 2 {
        return String::new();
    }
    let mut items = concat(advice.groups.iter().take(MOST_IN_FULL).zip(1..).map(|(group, number)| {
        let first = group.arrays.first().map(|array| name(&shortened(array, 40))).unwrap_or_default();
        let more = group.arrays.len().saturating_sub(1) as u64;
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        format!("<li><a href=\"#group-{number}\">{first}{more}</a></li>")
    }));
    let rest = advice.groups.len().saturating_sub(MOST_IN_FULL) as u64;
    if rest > 0 {
        put(&mut items, format_args!("<li><a href=\"#smaller\">{}</a></li>", counted(rest, "smaller group")));
    }
    items.push_str("<li><a href=\"#rules\">How the scores are reckoned</a></li>");
    format!("<nav aria-label=\"Groups of arrays\"><ul>{items}</ul></nav>\n")
}

fn reads(advice: &Advice) -> String {
    let each: Vec<String> = advice
        .reads
        .iter()
        .map(|read: &Read| format!("{} {}", share(read.weight()), sentence(&read.pattern.words())))
        .collect();
    let assumed = if advice.reads.is_balanced() {
        " This is assumed where nobody says otherwise (<code>--reads</code>)."
    } else {
        ""
    };
    format!("Shapes are ranked by what these cost: {}.{assumed}", each.join(", "))
}

fn reader(advice: &Advice) -> String {
    let reader = advice.reader;
    format!(
        "Waits {} ms for a GET’s first byte, then gets {} of uncompressed data a second; sends {} GETs at once at most.",
        count(reader.latency_ms.into()),
        bytes(reader.bytes_per_second),
        count(reader.at_once.into())
    )
}

fn window(advice: &Advice) -> String {
    let window = advice.window;
    let strict = if window.is_strict() { ", as it was asked for" } else { "" };
    format!("A chunk has {} to {} of uncompressed data{strict}.", bytes(window.least()), bytes(window.most()))
}

/// The time, what it costs, and what it was reckoned with.
fn estimate(estimate: &Estimate) -> [(&'static str, String); 3] {
    let workers = estimate.workers;
    let at_once = counted(workers.at_once.into(), "chunk");
    let on = workers.memory.map_or_else(
        || "on a machine of one’s own".to_owned(),
        |memory| format!("on functions with {} of memory each", bytes(memory)),
    );
    let source = estimate.source;
    let sure = if source.measured || source.given { "" } else { "; half or twice as much is no surprise" };
    let time = format!(
        "About <strong>{}</strong> from start to publication with {at_once} at a time {on}; a chunk keeps a worker busy \
         for {}. This is an estimate{sure}.",
        seconds(estimate.seconds),
        seconds(estimate.chunk_s)
    );
    let mut cost = String::new();
    if let Some(gb_seconds) = estimate.gb_seconds {
        put(&mut cost, format_args!("{} GB seconds", count(whole(gb_seconds))));
        if let Some(bill) = estimate.dollars {
            put(
                &mut cost,
                format_args!(
                    ", about <strong>{}</strong> ({} for time and memory, {} for calls)",
                    dollars(bill.total),
                    dollars(bill.compute),
                    dollars(bill.calls)
                ),
            );
        }
        cost.push_str(". ");
    }
    put(&mut cost, format_args!("About {} are stored", bytes_of(estimate.stored_bytes)));
    if let Some(bill) = estimate.dollars {
        put(&mut cost, format_args!(", {} a month", dollars(bill.storage_month)));
    }
    cost.push('.');
    let most = source.most_bytes_per_s.map_or_else(String::new, |most| format!(", {} a second in all", bytes_of(most)));
    let speed = format!(
        "{} to a response’s first byte, then {} a second of one response{most}",
        seconds(source.latency_s),
        bytes_of(source.bytes_per_s)
    );
    let source = if source.measured {
        format!("Measured for this estimate: {speed}.")
    } else if source.given {
        format!("As it was given (<code>--source-latency</code>, <code>--source-rate</code>): {speed}.")
    } else {
        format!(
            "Not measured. The estimate takes it to be as in the study that this project starts from: {speed}. \
             <code>--probe</code> measures it."
        )
    };
    [("Estimate", time), ("Cost", cost), ("Source’s speed", source)]
}
