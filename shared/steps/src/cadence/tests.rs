use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use run::Target;

use super::*;
use crate::{
    Meter,
    ports::{
        Delivery, Depth, Document, Entry, Head, Job, Metadata, Object, Queue, QueueError, Settings, Settlement, Source,
        Store, StoreError, Targets, World,
    },
};

type Answer = Box<dyn Fn(&str, usize) -> Result<Vec<u8>, SourceError> + Send + Sync>;

/// A server that answers a query, asked for the nth time, as a test says.
struct Server {
    answer: Answer,
    asked: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for Server {
    async fn document(&self, _: &SourceUrl, _: Document, _: Deadline) -> Result<Bytes, SourceError> {
        unreachable!("the first times are read from data alone")
    }

    async fn fetch(&self, _: &SourceUrl, query: &Query, sink: &mut dyn Sink, _: Deadline) -> Result<(), SourceError> {
        let nth = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(query.to_string());
            asked.iter().filter(|known| **known == query.to_string()).count()
        };
        for piece in (self.answer)(&query.to_string(), nth)?.chunks(7) {
            sink.feed(piece)?;
        }
        Ok(())
    }
}

/// A test that gets there has failed.
const UNTOUCHED: &str = "reading the first times touches neither state nor target";

/// The ports that nobody should touch, and a clock that stands still.
#[derive(Debug)]
struct Nothing;

#[async_trait]
impl Store for Nothing {
    async fn put(&self, _: &str, _: Bytes, _: &Metadata) -> Result<Option<String>, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn put_new(&self, _: &str, _: Bytes) -> Result<bool, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn put_if_match(&self, _: &str, _: Bytes, _: &str) -> Result<bool, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn get(&self, _: &str) -> Result<Option<Object>, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn head(&self, _: &str) -> Result<Option<Head>, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn list(&self, _: &str) -> Result<Vec<Entry>, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn delete(&self, _: &str) -> Result<(), StoreError> {
        unreachable!("{UNTOUCHED}")
    }
}

#[async_trait]
impl Targets for Nothing {
    async fn open(&self, _: &Target) -> Result<Arc<dyn Store>, StoreError> {
        unreachable!("{UNTOUCHED}")
    }
}

#[async_trait]
impl Queue for Nothing {
    async fn send(&self, _: &[String]) -> Result<(), QueueError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn receive(&self, _: usize, _: Duration) -> Result<Vec<Delivery>, QueueError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn settle(&self, _: &Delivery, _: Settlement) -> Result<(), QueueError> {
        unreachable!("{UNTOUCHED}")
    }
    async fn depth(&self) -> Result<Depth, QueueError> {
        unreachable!("{UNTOUCHED}")
    }
}

#[async_trait]
impl World for Nothing {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
    async fn sleep(&self, _: Duration) {}
    fn random(&self) -> u64 {
        0
    }
    async fn compute(&self, job: Job) {
        job();
    }
}

/// What was found for a dataset, and what was asked.
async fn found(
    dds: &str,
    das: &str,
    deadline: Deadline,
    answer: impl Fn(&str, usize) -> Result<Vec<u8>, SourceError> + Send + Sync + 'static,
) -> (Result<Vec<(String, Cadence)>, Trouble>, Vec<String>) {
    let server = Arc::new(Server { answer: Box::new(answer), asked: Mutex::default() });
    let ports = Ports::new(
        Arc::clone(&server) as Arc<dyn Source>,
        Arc::new(Nothing),
        Arc::new(Nothing),
        Arc::new(Nothing),
        Arc::new(Nothing),
        Arc::new(Nothing),
        Arc::new(Nothing),
        Arc::new(Meter::default()),
        Settings::default(),
    );
    let dataset = Dataset::from_dap2(dds.as_bytes(), das.as_bytes()).unwrap();
    let found = cadences(&"http://h/x".parse().unwrap(), &dataset, &ports, deadline).await;
    let asked = server.asked.lock().unwrap().clone();
    (found.map(|found| found.into_iter().collect()), asked)
}

/// A response with these elements, four or eight bytes each.
fn body<const N: usize>(declaration: &str, elements: &[[u8; N]]) -> Vec<u8> {
    let count = u32::try_from(elements.len()).unwrap().to_be_bytes();
    let head = format!("Dataset {{\n    {declaration}\n}} d;\nData:\n").into_bytes();
    [head, count.to_vec(), count.to_vec(), elements.concat()].concat()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    let elements: Vec<_> = values.iter().map(|value| value.to_be_bytes()).collect();
    body(&format!("Float64 time[time = {}];", values.len()), &elements)
}

const DDS: &str = "Dataset { Float32 v[time = 9][lat = 2]; Float64 time[time = 9]; } d;";
const DAS: &str = "Attributes { time { String units \"days since 1900-01-01\"; } }";

/// Days one after another.
fn daily(query: &str) -> Vec<u8> {
    assert_eq!(query, "time[0:3]");
    doubles(&[0.0, 1.0, 2.0, 3.0])
}

fn one(dimension: &str, cadence: Cadence) -> Vec<(String, Cadence)> {
    vec![(dimension.to_owned(), cadence)]
}

#[tokio::test]
async fn the_first_times_are_read_once() {
    let (cadences, asked) = found(DDS, DAS, Deadline::NONE, |query, _| Ok(daily(query))).await;
    assert_eq!(cadences.unwrap(), one("time", Cadence::Seconds(86_400)));
    assert_eq!(asked, ["time[0:3]"]);
}

#[tokio::test]
async fn every_type_on_the_wire_is_read_and_unpacked() {
    type Number = fn(u16) -> Vec<u8>;
    let types: [(&str, Number); 6] = [
        ("Int16", |n| i32::from(n).to_be_bytes().to_vec()),
        ("UInt16", |n| u32::from(n).to_be_bytes().to_vec()),
        ("Int32", |n| i32::from(n).to_be_bytes().to_vec()),
        ("UInt32", |n| u32::from(n).to_be_bytes().to_vec()),
        ("Float32", |n| f32::from(n).to_be_bytes().to_vec()),
        ("Float64", |n| f64::from(n).to_be_bytes().to_vec()),
    ];
    for (wire, number) in types {
        let dds = format!("Dataset {{ {wire} time[time = 3]; }} d;");
        let das = "Attributes { time { String units \"hours since 1900-01-01\"; Int16 scale_factor 3; } }";
        let (cadences, _) = found(&dds, das, Deadline::NONE, move |query, _| {
            assert_eq!(query, "time[0:2]", "as many as there are");
            let elements: Vec<u8> = [10, 12, 14].into_iter().flat_map(number).collect();
            let head = body::<0>(&format!("{wire} time[time = 3];"), &[[]; 3]);
            Ok([head, elements].concat())
        })
        .await;
        assert_eq!(cadences.unwrap(), one("time", Cadence::Seconds(6 * 3_600)), "{wire}");
    }
    assert_eq!(numbers(&[1, 2, 255], ElementType::UInt8), [1.0, 2.0, 255.0]);
}

#[tokio::test]
async fn what_is_refused_or_odd_stays_unknown() {
    type Odd = fn() -> Result<Vec<u8>, SourceError>;
    let attempts = usize::try_from(Settings::default().attempts).unwrap();
    let cases: [(&str, usize, Odd); 7] = [
        ("refused", 1, || Err(SourceError::Permanent(Reason::new(ReasonKind::SourceNotFound, "404")))),
        ("too large", 1, || {
            let reason = Reason::new(ReasonKind::SourceRefused, "413");
            Err(SourceError::TooLarge { limit_bytes: None, reason })
        }),
        ("another array", 1, || Ok(doubles(&[0.0, 1.0]))),
        ("a page", attempts, || Ok(b"<html><title>Log in</title></html>".to_vec())),
        ("cut", attempts, || Ok(doubles(&[0.0, 1.0, 2.0, 3.0])[..60].to_vec())),
        ("an error in place of data", attempts, || {
            Ok(b"Error {\n    code = 1001;\n    message = \"it broke\";\n};\n".to_vec())
        }),
        ("irregular", 1, || Ok(doubles(&[0.0, 1.0, 5.0, 7.0]))),
    ];
    for (what, expected, answer) in cases {
        let (cadences, asked) = found(DDS, DAS, Deadline::NONE, move |_, _| answer()).await;
        assert_eq!((cadences.unwrap(), asked.len()), (vec![], expected), "{what}");
    }
}

#[tokio::test]
async fn trouble_that_passes_is_waited_for_and_other_trouble_is_trouble() {
    let busy =
        |retry_after| SourceError::Transient { reason: Reason::new(ReasonKind::SourceUnreachable, "503"), retry_after };
    let (cadences, asked) =
        found(DDS, DAS, Deadline::NONE, move |query, nth| if nth < 3 { Err(busy(None)) } else { Ok(daily(query)) })
            .await;
    assert_eq!((cadences.unwrap().len(), asked.len()), (1, 3));

    let (cadences, _) = found(DDS, DAS, Deadline::NONE, move |_, _| Err(busy(None))).await;
    let Err(Trouble::Failed(reason)) = cadences else { panic!("{cadences:?}") };
    assert_eq!(reason.kind, ReasonKind::SourceUnreachable);

    let asks = Some(Duration::from_hours(1));
    let (cadences, _) = found(DDS, DAS, Deadline::NONE, move |_, _| Err(busy(asks))).await;
    assert!(matches!(cadences, Err(Trouble::Deferred(..))), "{cadences:?}");

    // The clock stands still, and there is no time left for a pause.
    let (cadences, asked) = found(DDS, DAS, Deadline::at(Timestamp::UNIX_EPOCH), move |_, _| Err(busy(None))).await;
    assert!(matches!(cadences, Err(Trouble::Deferred(..))), "{cadences:?}");
    assert_eq!(asked.len(), 1);
}

#[tokio::test]
async fn only_time_axes_with_units_and_two_steps_are_asked_for() {
    let dds = "Dataset { Float64 time[time = 1]; Float64 step[step = 9]; Float64 lat[lat = 9]; Float64 date[date = 9];
               Float64 b[t2 = 9][nv = 2]; } d;";
    let das = "Attributes { time { String units \"days since 1900-01-01\"; } step { String units \"hours\"; }
               lat { String units \"degrees_north\"; } }";
    let (cadences, asked) = found(dds, das, Deadline::NONE, |_, _| panic!("nothing is to be asked")).await;
    assert_eq!((cadences.unwrap(), asked), (vec![], vec![]));
}

#[tokio::test]
async fn the_longest_four_of_many_axes_are_read() {
    let names = ["time", "time1", "time2", "time3", "time4"];
    let sizes = [5, 9, 2, 7, 8];
    let declared = names.iter().zip(sizes).map(|(name, size)| format!("Float64 {name}[{name} = {size}]; "));
    let dds = format!("Dataset {{ {}}} d;", declared.collect::<String>());
    let das = names.map(|name| format!("{name} {{ String units \"days since 1900-01-01\"; }} ")).concat();
    let (cadences, asked) = found(&dds, &format!("Attributes {{ {das} }}"), Deadline::NONE, |query, _| {
        let (name, _) = query.split_once('[').unwrap();
        let elements = [0.0_f64, 1.0, 2.0, 3.0].map(f64::to_be_bytes);
        Ok(body(&format!("Float64 {name}[{name} = 4];"), &elements))
    })
    .await;
    assert_eq!(asked, ["time1[0:3]", "time4[0:3]", "time3[0:3]", "time[0:3]"]);
    assert_eq!(cadences.unwrap().len(), 4);
}
