//! How often a source's time steps come, read from the first few times.

use std::{cmp::Reverse, collections::BTreeMap};

use cf::{Attributes, Cadence, Number};
use dap::{BodyDecoder, BodyError, Dataset, Query, Variable};
use grid::{ChunkBuffer, ElementType, GridError, Hyperslab, Scatter, Shape};
use run::{Reason, ReasonKind, SourceUrl};

use crate::{
    Deadline,
    chunk::given_up,
    ports::{Ports, Sink, SourceError},
    retry::{Attempts, GaveUp},
    trouble::Trouble,
};

/// Time axes that are looked at, the longest first: a dataset with more is a collection of odd ones.
const MOST_AXES: usize = 4;
/// Times that tell months from days, and an irregular axis from a regular one.
const MOST_VALUES: u64 = 4;

/// How far apart the steps are, by time dimension: one small data request for each. The first times of the source count,
/// whatever range a request has, so that every request to one source finds the same.
///
/// A dimension is left out if it has no times in a unit that is known (CF §4.4), if they are irregular, or if the server
/// refuses them or sends something odd: then the plan is made without. Trouble that may pass is trouble, after as many
/// attempts as a document gets, so that the plan does not depend on the weather.
pub(crate) async fn cadences(
    url: &SourceUrl,
    dataset: &Dataset,
    ports: &Ports,
    deadline: Deadline,
) -> Result<BTreeMap<String, Cadence>, Trouble> {
    let mut found = BTreeMap::new();
    for axis in axes(dataset) {
        let Some(values) = first_values(url, &axis, ports, deadline).await? else { continue };
        let Some(cadence) = Cadence::of(axis.units, &values) else {
            tracing::info!(dimension = axis.dimension, ?values, units = axis.units, "no regular time steps");
            continue;
        };
        tracing::debug!(dimension = axis.dimension, %cadence, "the time steps are regular");
        found.insert(axis.dimension, cadence);
    }
    Ok(found)
}

/// A time axis that can be read.
#[derive(Debug)]
struct Axis<'a> {
    dimension: String,
    times: &'a Variable,
    units: &'a str,
    size: u64,
}

/// The time axes, longest first.
fn axes(dataset: &Dataset) -> Vec<Axis<'_>> {
    let described: Vec<_> = dataset
        .variables
        .iter()
        .map(|variable| {
            let names = variable.dimensions.iter().map(|d| d.name.as_deref().unwrap_or_default()).collect();
            (variable.name.as_str(), names, &variable.attributes)
        })
        .collect();
    let mut axes: Vec<Axis<'_>> = cf::time_coordinates(&described)
        .into_iter()
        .filter_map(|(dimension, name)| {
            let times = dataset.variable(&name)?;
            let [along] = times.dimensions.as_slice() else { return None };
            let axis = Axis { dimension, times, units: times.attributes.text("units")?, size: along.size };
            (along.size >= 2).then_some(axis)
        })
        .collect();
    axes.sort_by_key(|axis| Reverse(axis.size));
    axes.truncate(MOST_AXES);
    axes
}

/// The first times of an axis, or nothing if the server does not give them.
async fn first_values(
    url: &SourceUrl,
    axis: &Axis<'_>,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Option<Vec<f64>>, Trouble> {
    let internal = |error: GridError| Trouble::Failed(Reason::from_error(ReasonKind::Internal, &error));
    let shape = Shape::new(vec![axis.size.min(MOST_VALUES)]).map_err(internal)?;
    let query = Query::array(&axis.times.projection, &Hyperslab::whole(&shape));
    let mut attempts = Attempts::new(ports, deadline, query.to_string());
    loop {
        let error = match attempt(url, axis.times, &shape, &query, ports, deadline).await {
            Ok(values) => return Ok(Some(values)),
            Err(error) => error,
        };
        let may_pass = matches!(error, SourceError::Transient { .. });
        match attempts.again(&error).await {
            Ok(()) => {}
            Err(GaveUp::Failed(reason) | GaveUp::TooLarge(reason, _)) if !may_pass => {
                tracing::info!(query = %query, reason = reason.message, "how often time steps come stays unknown");
                return Ok(None);
            }
            Err(gave_up) => return Err(given_up(gave_up)),
        }
    }
}

async fn attempt(
    url: &SourceUrl,
    times: &Variable,
    shape: &Shape,
    query: &Query,
    ports: &Ports,
    deadline: Deadline,
) -> Result<Vec<f64>, SourceError> {
    let (element, wire, slab) = (times.element(), times.wire, Hyperslab::whole(shape));
    let scatter = Scatter::new(element, shape, &slab, wire.wire_element()).map_err(BodyError::Value)?;
    let zero = vec![0; element.size()];
    let buffer = ChunkBuffer::padded(element, shape.clone(), &slab, &zero).map_err(BodyError::Value)?;
    let mut sink = Values { decoder: BodyDecoder::new(&times.projection, wire, slab.count(), scatter), buffer };
    ports.source.fetch(url, query, &mut sink, deadline).await?;
    sink.decoder.finish()?;
    Ok(unpacked(numbers(sink.buffer.bytes(), element), &times.attributes))
}

/// Takes in a few values.
struct Values {
    decoder: BodyDecoder,
    buffer: ChunkBuffer,
}

impl Sink for Values {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        self.decoder.feed(bytes, &mut self.buffer).map(|_| ())
    }
}

/// Elements in native order as numbers.
fn numbers(bytes: &[u8], element: ElementType) -> Vec<f64> {
    fn each<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|element| number(*element)).collect()
    }
    match element {
        ElementType::Int8 => each(bytes, |b| f64::from(i8::from_ne_bytes(b))),
        ElementType::UInt8 => each(bytes, |b| f64::from(u8::from_ne_bytes(b))),
        ElementType::Int16 => each(bytes, |b| f64::from(i16::from_ne_bytes(b))),
        ElementType::UInt16 => each(bytes, |b| f64::from(u16::from_ne_bytes(b))),
        ElementType::Int32 => each(bytes, |b| f64::from(i32::from_ne_bytes(b))),
        ElementType::UInt32 => each(bytes, |b| f64::from(u32::from_ne_bytes(b))),
        #[expect(clippy::cast_precision_loss, reason = "a time beyond 2^53 of any unit is no time")]
        ElementType::Int64 => each(bytes, |b| i64::from_ne_bytes(b) as f64),
        #[expect(clippy::cast_precision_loss, reason = "a time beyond 2^53 of any unit is no time")]
        ElementType::UInt64 => each(bytes, |b| u64::from_ne_bytes(b) as f64),
        ElementType::Float32 => each(bytes, |b| f64::from(f32::from_ne_bytes(b))),
        ElementType::Float64 => each(bytes, f64::from_ne_bytes),
    }
}

/// Packed values unpacked (CF §8.1): `units` are those of the unpacked ones.
fn unpacked(values: Vec<f64>, attributes: &Attributes) -> Vec<f64> {
    let number = |key: &str| {
        let first = attributes.values(key)?.numbers()?.into_iter().next()?;
        Some(match first {
            #[expect(clippy::cast_precision_loss, reason = "a factor or an offset is a small number")]
            Number::Integer(number) => number as f64,
            Number::Float(number) => number,
        })
    };
    let (scale, offset) = (number("scale_factor").unwrap_or(1.0), number("add_offset").unwrap_or(0.0));
    values.into_iter().map(|value| value.mul_add(scale, offset)).collect()
}

#[cfg(test)]
mod tests;
