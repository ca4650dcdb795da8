//! Whole responses of any shape, written by the book and then cut or changed.

use std::fmt::Write as _;

use dap::{Content, DecodeError, WireType, decode_dods};
use proptest::prelude::*;

/// What a response declares, without its values.
#[derive(Debug, Clone)]
enum Item {
    Number(WireType, Vec<u64>),
    Text(Vec<u64>),
    Structure(Vec<u64>, Vec<Item>),
    Sequence(u64, Vec<Item>),
}

fn sizes() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(1_u64..4, 0..3)
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let leaf = prop_oneof![
        (prop::sample::select(WireType::ALL.to_vec()), sizes()).prop_map(|(wire, sizes)| Item::Number(wire, sizes)),
        sizes().prop_map(Item::Text),
    ];
    let item = leaf.prop_recursive(2, 12, 3, |inner| {
        (sizes(), prop::collection::vec(inner, 0..4)).prop_map(|(sizes, members)| Item::Structure(sizes, members))
    });
    let rows = (0_u64..4, prop::collection::vec(item.clone(), 0..4));
    let sequence = rows.prop_map(|(rows, members)| Item::Sequence(rows, members));
    prop::collection::vec(prop_oneof![4 => item, 1 => sequence], 0..5)
}

/// A column as its elements' bytes in native order, or its texts.
type Column = (String, Vec<u64>, Content);

/// Writes responses; the values come from a counter that a seed begins.
struct Writer {
    dds: String,
    data: Vec<u8>,
    columns: Vec<Column>,
    state: u64,
}

impl Writer {
    fn response(items: &[Item], seed: u64) -> (Vec<u8>, usize, Vec<Column>) {
        let mut writer = Self { dds: "Dataset {\n".to_owned(), data: Vec::new(), columns: Vec::new(), state: seed };
        writer.declare(items, "", &[]);
        writer.dds.push_str("} d;\nData:\n");
        writer.values(items, &mut 0);
        let start = writer.dds.len();
        let mut body = writer.dds.into_bytes();
        body.extend(writer.data);
        (body, start, writer.columns)
    }

    fn declare(&mut self, items: &[Item], prefix: &str, outer: &[u64]) {
        for (at, item) in items.iter().enumerate() {
            let name = format!("{prefix}v{at}");
            let (own, brackets) = match item {
                Item::Number(_, sizes) | Item::Text(sizes) | Item::Structure(sizes, _) => {
                    (sizes.clone(), sizes.iter().fold(String::new(), |text, size| text + &format!("[{size}]")))
                }
                Item::Sequence(rows, _) => (vec![*rows], String::new()),
            };
            let all = [outer, &own].concat();
            match item {
                Item::Number(wire, _) => {
                    write!(self.dds, "{wire} ").unwrap();
                    let content = Content::Numbers { element: wire.element(), bytes: Vec::new() };
                    self.columns.push((name, all, content));
                }
                Item::Text(_) => {
                    self.dds.push_str("String ");
                    self.columns.push((name, all, Content::Text(Vec::new())));
                }
                Item::Structure(_, members) => {
                    self.dds.push_str("Structure { ");
                    self.declare(members, &format!("{name}."), &all);
                    self.dds.push_str("} ");
                }
                Item::Sequence(_, members) => {
                    self.dds.push_str("Sequence { ");
                    self.declare(members, &format!("{name}."), &all);
                    self.dds.push_str("} ");
                }
            }
            writeln!(self.dds, "v{at}{brackets};").unwrap();
        }
    }

    /// `next` is the column of the first leaf, then of the one after the last.
    fn values(&mut self, items: &[Item], next: &mut usize) {
        for item in items {
            match item {
                Item::Number(wire, sizes) => {
                    let count = sizes.iter().product::<u64>();
                    let words = if sizes.is_empty() { 0 } else { 2 };
                    (0..words).for_each(|_| self.word(count));
                    let from = self.data.len();
                    (0..count).for_each(|_| self.number(*wire, sizes.is_empty(), *next));
                    let padding = (self.data.len() - from).wrapping_neg() % 4;
                    // Servers do not always write zeros.
                    self.data.extend(vec![0xee; padding]);
                    *next += 1;
                }
                Item::Text(sizes) => {
                    let count = sizes.iter().product::<u64>();
                    if !sizes.is_empty() {
                        self.word(count);
                    }
                    (0..count).for_each(|_| self.text(*next));
                    *next += 1;
                }
                Item::Structure(sizes, members) => {
                    let count = sizes.iter().product::<u64>();
                    if !sizes.is_empty() {
                        self.word(count);
                    }
                    let first = *next;
                    for _ in 0..count {
                        *next = first;
                        self.values(members, next);
                    }
                }
                Item::Sequence(rows, members) => {
                    let first = *next;
                    *next = first + leaves(members);
                    for _ in 0..*rows {
                        self.data.extend([0x5a, 0, 0, 0]);
                        self.values(members, &mut first.clone());
                    }
                    self.data.extend([0xa5, 0, 0, 0]);
                }
            }
        }
    }

    fn word(&mut self, word: u64) {
        self.data.extend(u32::try_from(word).unwrap().to_be_bytes());
    }

    fn random(&mut self) -> [u8; 8] {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 8).to_be_bytes()
    }

    fn number(&mut self, wire: WireType, scalar: bool, column: usize) {
        let random = self.random();
        let [.., high, low] = random;
        let [_, _, _, _, word @ ..] = random;
        let (sent, mut native): (Vec<u8>, Vec<u8>) = match wire {
            WireType::Byte if scalar => (vec![0, 0, 0, low], vec![low]),
            WireType::Byte => (vec![low], vec![low]),
            WireType::Int16 => (i32::from(i16::from_be_bytes([high, low])).to_be_bytes().into(), vec![high, low]),
            WireType::UInt16 => (vec![0, 0, high, low], vec![high, low]),
            WireType::Int32 | WireType::UInt32 | WireType::Float32 => (word.into(), word.into()),
            WireType::Float64 => (random.into(), random.into()),
        };
        self.data.extend(sent);
        if cfg!(target_endian = "little") {
            native.reverse();
        }
        match &mut self.columns[column].2 {
            Content::Numbers { bytes, .. } => bytes.extend(native),
            other @ (Content::Text(_) | Content::Opaque(_)) => panic!("{other:?}"),
        }
    }

    fn text(&mut self, column: usize) {
        let [.., a, b] = self.random();
        let text: String = "aé\"\\\nz~".chars().cycle().skip(usize::from(a % 7)).take(usize::from(b % 9)).collect();
        self.word(text.len() as u64);
        self.data.extend(text.as_bytes());
        let padding = text.len().wrapping_neg() % 4;
        self.data.extend(vec![0xee; padding]);
        match &mut self.columns[column].2 {
            Content::Text(texts) => texts.push(text),
            other @ (Content::Numbers { .. } | Content::Opaque(_)) => panic!("{other:?}"),
        }
    }
}

fn leaves(items: &[Item]) -> usize {
    let of = |item: &Item| match item {
        Item::Number(..) | Item::Text(_) => 1,
        Item::Structure(_, members) | Item::Sequence(_, members) => leaves(members),
    };
    items.iter().map(of).sum()
}

proptest! {
    #[test]
    fn what_was_written_is_read(items in items(), seed: u64) {
        let (body, _, columns) = Writer::response(&items, seed);
        let decoded = decode_dods(&body, None, false).unwrap();
        let found: Vec<Column> = decoded
            .variables
            .into_iter()
            .map(|v| (v.name, v.dimensions.iter().map(|dimension| dimension.size).collect(), v.content))
            .collect();
        prop_assert_eq!(found, columns);
        prop_assert_eq!(decoded.unsupported, vec![]);
        prop_assert_eq!(decoded.warnings, vec![""; 0]);
    }

    #[test]
    fn no_part_of_a_response_is_a_response(items in items(), seed: u64, cut: prop::sample::Index) {
        let (body, start, _) = Writer::response(&items, seed);
        let cut = cut.index(body.len());
        let error = decode_dods(&body[..cut], None, true).unwrap_err();
        if cut >= start {
            let ended = matches!(error, DecodeError::Ended { at, .. } if at >= start as u64 && at <= cut as u64);
            prop_assert!(ended, "{} {:?}", cut, error);
        }
    }

    #[test]
    fn more_than_a_response_is_none(items in items(), seed: u64, more in prop::collection::vec(any::<u8>(), 2..9)) {
        let (mut body, ..) = Writer::response(&items, seed);
        let (at, bytes) = (body.len() as u64, more.len() as u64);
        body.extend(more);
        prop_assert_eq!(decode_dods(&body, None, true), Err(DecodeError::Trailing { at, bytes }));
    }

    #[test]
    fn any_byte_may_be_changed(items in items(), seed: u64, at: prop::sample::Index, byte: u8) {
        let (mut body, ..) = Writer::response(&items, seed);
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(decoded) = decode_dods(&body, None, true) {
            for variable in decoded.variables {
                let size = variable.dimensions.iter().map(|dimension| dimension.size).product::<u64>();
                prop_assert_eq!(variable.content.len() as u64, size, "{}", variable.name);
            }
        }
    }

    #[test]
    fn any_bytes_may_come(head in "Dataset \\{ ((Byte|Int16|String|Sequence \\{|Structure \\{|\\}|a|\\[2\\]|;) ){0,12}\\} d;",
                          data in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2, 0x5a, 0xa5, 0xff]), 0..64)) {
        let body = [head.as_bytes(), b"\nData:\n", &data].concat();
        let _ = decode_dods(&body, None, false);
    }
}

#[test]
fn short_bodies_of_long_arrays_take_no_time() {
    // Many rows or elements, each with many members that take no bytes: only bytes may cost time.
    let empty = "Structure { } e;".repeat(9_000);
    let many = "Byte b;".repeat(9_000);
    let rows = [0x5a, 0, 0, 0, 0, 0, 0, 0].repeat(1 << 18);
    for (dds, data) in [
        (format!("Sequence {{ Structure {{ {many} }} s[0]; }} q;"), rows.clone()),
        (format!("Sequence {{ Int32 i; {empty} }} q;"), rows.clone()),
        (
            format!("Structure {{ Structure {{ {empty} }} s[4000000000]; }} t[4000000000];"),
            4_000_000_000_u32.to_be_bytes().to_vec(),
        ),
        (
            format!("Structure {{ Int32 i; Structure {{ {many} }} s[0]; }} t[262144];"),
            [&262_144_u32.to_be_bytes()[..], &rows].concat(),
        ),
    ] {
        let body = [b"Dataset { ", dds.as_bytes(), b" } d;\nData:\n", &data].concat();
        crate::hostile::assert_fast(&dds[..40], || drop(decode_dods(&body, None, false)));
    }
}
