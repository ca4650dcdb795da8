//! Whole DAP4 responses by hand: what servers send, in both byte orders, and what is damaged.

use cf::Values;
use dap::{
    Content, DecodeError, Decoded, DecodedVariable, Dimension, ParseError, decode_dap, decode_dap_with_checksums,
};
use grid::ElementType;
use proptest::prelude::*;

/// A response in the making.
#[derive(Clone)]
struct Response {
    dmr: String,
    little: bool,
    data: Vec<u8>,
    /// Where the variable begins whose checksum comes next, and its bytes as libdap counts them.
    start: usize,
    values: Vec<u8>,
}

impl Response {
    fn new(inside: &str, little: bool) -> Self {
        let dmr = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Dataset xmlns=\"http://xml.opendap.org/ns/DAP/4.0#\" \
             dapVersion=\"4.0\" dmrVersion=\"1.0\" name=\"d\">{inside}</Dataset>\n\r\n"
        );
        Self { dmr, little, data: Vec::new(), start: 0, values: Vec::new() }
    }

    /// One number, by its big-endian bytes.
    fn raw(mut self, big: &[u8]) -> Self {
        let mut bytes = big.to_vec();
        if self.little {
            bytes.reverse();
        }
        self.data.extend_from_slice(&bytes);
        self.values.extend_from_slice(&bytes);
        self
    }

    fn int16(self, values: &[i16]) -> Self {
        values.iter().fold(self, |response, value| response.raw(&value.to_be_bytes()))
    }

    fn int8(self, values: &[i8]) -> Self {
        values.iter().fold(self, |response, value| response.raw(&value.to_be_bytes()))
    }

    /// A count or a length: no value for libdap.
    fn count(mut self, count: i64) -> Self {
        let before = self.values.len();
        self = self.raw(&count.to_be_bytes());
        self.values.truncate(before);
        self
    }

    fn blob(mut self, bytes: &[u8]) -> Self {
        self = self.count(i64::try_from(bytes.len()).unwrap());
        self.data.extend_from_slice(bytes);
        self.values.extend_from_slice(bytes);
        self
    }

    fn end_with(mut self, checksum: u32) -> Self {
        self = self.raw(&checksum.to_be_bytes());
        self.start = self.data.len();
        self.values.clear();
        self
    }

    /// The checksum of the specification.
    fn sum(self) -> Self {
        let checksum = crc(&self.data[self.start..]);
        self.end_with(checksum)
    }

    /// That of libdap.
    fn libdap_sum(self) -> Self {
        let checksum = crc(&self.values);
        self.end_with(checksum)
    }

    /// As THREDDS sends it.
    fn body(&self) -> Vec<u8> {
        let order = if self.little { 4 } else { 0 };
        [chunk(order, self.dmr.as_bytes()), chunk(1, &self.data)].concat()
    }

    /// As Hyrax sends it, in chunks of so many bytes.
    fn chunked(&self, size: usize) -> Vec<u8> {
        let order = if self.little { 4 } else { 0 };
        let mut body = chunk(order, self.dmr.as_bytes());
        self.data.chunks(size).for_each(|piece| body.extend(chunk(order, piece)));
        body.extend(chunk(order | 1, b""));
        body
    }

    fn decode(&self) -> Result<Decoded, DecodeError> {
        decode_dap(&self.body(), None)
    }
}

/// CRC-32 as zlib has it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

fn chunk(flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[flags], &length[1..], payload].concat()
}

fn variable<'a>(decoded: &'a Decoded, name: &str) -> &'a DecodedVariable {
    decoded.variables.iter().find(|variable| variable.name == name).unwrap()
}

fn int16s(values: &[i16]) -> Content {
    Content::Numbers { element: ElementType::Int16, bytes: values.iter().flat_map(|v| v.to_ne_bytes()).collect() }
}

fn int8s(values: &[i8]) -> Content {
    Content::Numbers { element: ElementType::Int8, bytes: values.iter().map(|v| v.cast_unsigned()).collect() }
}

fn texts(values: &[&str]) -> Content {
    Content::Text(values.iter().map(|text| (*text).to_owned()).collect())
}

fn shape(variable: &DecodedVariable) -> Vec<(Option<&str>, u64)> {
    variable.dimensions.iter().map(|dimension| (dimension.name.as_deref(), dimension.size)).collect()
}

#[test]
fn numbers_in_both_byte_orders_with_and_without_checksums() {
    let dmr = "<Dimension name='x' size='2'/><Int16 name='v'><Dim name='/x'/></Int16><Float64 name='s'/>";
    for little in [true, false] {
        let bare = Response::new(dmr, little).int16(&[1, -2]).raw(&0.1_f64.to_be_bytes());
        let summed = Response::new(dmr, little).int16(&[1, -2]).sum().raw(&0.1_f64.to_be_bytes()).sum();
        for (response, sums) in [(bare, 0), (summed, 2)] {
            let (decoded, checksums) = decode_dap_with_checksums(&response.body(), None).unwrap();
            assert_eq!(variable(&decoded, "v").content, int16s(&[1, -2]));
            assert_eq!(shape(variable(&decoded, "v")), [(Some("x"), 2)]);
            let bytes = 0.1_f64.to_ne_bytes().to_vec();
            assert_eq!(variable(&decoded, "s").content, Content::Numbers { element: ElementType::Float64, bytes });
            assert_eq!(checksums.as_slice().iter().flatten().count(), sums);
            for size in [1, 3, 100] {
                assert_eq!(decode_dap(&response.chunked(size), None).unwrap(), decoded);
            }
        }
    }
}

#[test]
fn texts_blobs_and_both_kinds_of_checksum() {
    let dmr = "<String name='t'><Dim size='3'/></String><Opaque name='o'/><Int8 name='n'/>";
    let fill = |end: fn(Response) -> Response, little| {
        let texts = Response::new(dmr, little).blob("é".as_bytes()).blob(b"").blob(b"caf\xe9");
        end(end(end(texts).blob(&[0, 255])).int8(&[7]))
    };
    for little in [true, false] {
        for (end, sums) in [(Response::sum as fn(_) -> _, 3), (Response::libdap_sum, 3), (|response| response, 0)] {
            let response = fill(end, little);
            let (decoded, checksums) = decode_dap_with_checksums(&response.body(), None).unwrap();
            assert_eq!(variable(&decoded, "t").content, texts(&["é", "", "café"]));
            assert_eq!(variable(&decoded, "o").content, Content::Opaque(vec![vec![0, 255]]));
            assert_eq!(variable(&decoded, "n").content, int8s(&[7]));
            assert_eq!(checksums.as_slice().iter().flatten().count(), sums);
        }
    }
}

#[test]
fn members_of_structures_become_arrays() {
    let response = Response::new(
        "<Structure name='s'><Int16 name='a'/><Structure name='i'><Int8 name='b'><Dim size='2'/></Int8></Structure>\
         <String name='c'/><Dim size='2'/><Attribute name='note' type='String'><Value>of s</Value></Attribute>\
         </Structure>",
        true,
    );
    let response = response.int16(&[1]).int8(&[2, 3]).blob(b"x").int16(&[4]).int8(&[5, 6]).blob(b"yz").libdap_sum();
    let (decoded, checksums) = decode_dap_with_checksums(&response.body(), None).unwrap();
    assert_eq!(variable(&decoded, "s.a").content, int16s(&[1, 4]));
    assert_eq!(variable(&decoded, "s.i.b").content, int8s(&[2, 3, 5, 6]));
    assert_eq!(shape(variable(&decoded, "s.i.b")), [(None, 2), (None, 2)]);
    assert_eq!(variable(&decoded, "s.c").content, texts(&["x", "yz"]));
    assert_eq!(decoded.attributes.text("s.note"), Some("of s"));
    // One checksum for the whole Structure.
    assert!(checksums.as_slice().iter().all(|sum| sum.is_some() && *sum == checksums.as_slice()[0]));
    assert_eq!(checksums.as_slice().len(), 3);
}

#[test]
fn flat_sequences_are_read_and_others_skipped() {
    let response = Response::new(
        "<Sequence name='q'><Int16 name='a'/><String name='b'/><Sequence name='in'><Int8 name='c'/></Sequence>\
         </Sequence>\
         <Sequence name='many'><Int8 name='d'/><Dim size='2'/></Sequence><Int8 name='after'/>",
        false,
    );
    let rows = response.count(2).int16(&[1]).blob(b"x").count(3).int8(&[9, 9, 9]).int16(&[2]).blob(b"").count(0);
    let response = rows.libdap_sum().count(1).int8(&[8]).count(0).sum().int8(&[5]).sum();
    let decoded = response.decode().unwrap();
    assert_eq!(variable(&decoded, "q.a").content, int16s(&[1, 2]));
    assert_eq!(shape(variable(&decoded, "q.a")), [(Some("q"), 2)]);
    assert_eq!(variable(&decoded, "q.b").content, texts(&["x", ""]));
    assert_eq!(variable(&decoded, "after").content, int8s(&[5]));
    let unsupported: Vec<_> = decoded.unsupported.iter().map(|not| not.name.as_str()).collect();
    assert_eq!(unsupported, ["q.in", "many"]);
    assert_eq!(decoded.variables.len(), 3);
    // The rows' dimension goes without a name where another has it.
    let response = Response::new("<Dimension name='q' size='9'/><Sequence name='q'><Int8 name='a'/></Sequence>", true);
    let decoded = response.count(1).int8(&[3]).decode().unwrap();
    assert_eq!(shape(variable(&decoded, "q.a")), [(None, 1)]);
}

#[test]
fn enumerations_are_integers_with_cf_attributes() {
    let response = Response::new(
        "<Enumeration name='e' basetype='Int16'><EnumConst name='is clear' value='-1'/><EnumConst name='Missing' \
         value='300'/></Enumeration><Enum name='v' enum='/e'><Dim size='2'/><Attribute name='_FillValue' type='String'>\
         <Value>Missing</Value></Attribute></Enum><Enum name='w' enum='/e'><Attribute name='flag_meanings' \
         type='String'><Value>mine</Value></Attribute></Enum>",
        true,
    );
    let decoded = response.int16(&[-1, 300, 300]).decode().unwrap();
    let v = variable(&decoded, "v");
    assert_eq!(v.content, int16s(&[-1, 300]));
    assert_eq!(v.attributes.values("flag_values"), Some(&Values::Int16(vec![-1, 300])));
    assert_eq!(v.attributes.text("flag_meanings"), Some("is_clear Missing"));
    assert_eq!(v.attributes.values("_FillValue"), Some(&Values::Int16(vec![300])));
    let w = variable(&decoded, "w");
    assert_eq!((w.attributes.text("flag_meanings"), w.attributes.len()), (Some("mine"), 1));
}

#[test]
fn the_order_of_groups_is_found_by_checksums() {
    let dmr = "<Int16 name='v'/><Group name='g'><Int16 name='v'/><Attribute name='a' type='String'><Value>of g</Value>\
               </Attribute></Group>";
    let sent = |first, second| Response::new(dmr, true).int16(&[first]).sum().int16(&[second]).sum();
    // Both orders fit, by length and by checksum: that of the specification is taken, and not without a word.
    let decoded = sent(1, 2).decode().unwrap();
    assert_eq!(variable(&decoded, "g/v").content, int16s(&[2]));
    assert_eq!(decoded.attributes.text("g/a"), Some("of g"));
    assert!(decoded.warnings[0].contains("ask for one variable at a time"), "{:?}", decoded.warnings);
    // Of different sizes, only one fits.
    let dmr = "<Int16 name='v'/><Group name='g'><Int8 name='w'/></Group>";
    let spec = Response::new(dmr, true).int16(&[1]).sum().int8(&[2]).sum();
    let libdap = Response::new(dmr, true).int8(&[2]).sum().int16(&[1]).sum();
    assert_eq!(spec.decode().unwrap(), libdap.decode().unwrap());
    assert_eq!(spec.decode().unwrap().warnings, [""; 0]);
    let none = Response::new(dmr, true).int16(&[1]).int8(&[2]).decode().unwrap();
    assert_eq!(variable(&none, "v").content, int16s(&[1]));
    assert!(none.warnings[0].contains("ask for one variable at a time"), "{:?}", none.warnings);
}

#[test]
fn attributes_come_from_the_full_dmr_and_server_made_ones_go() {
    let attribute =
        |name: &str, value: &str| format!("<Attribute name='{name}' type='String'><Value>{value}</Value></Attribute>");
    let own = format!(
        "<Int8 name='v'>{}{}</Int8>{}",
        attribute("units", "m"),
        attribute("_DAP4_Checksum_CRC32", "0"),
        attribute("_dap4.ce", "/v")
    );
    let response = Response::new(&own, true).int8(&[1]);
    let decoded = response.decode().unwrap();
    assert_eq!((variable(&decoded, "v").attributes.len(), decoded.attributes.len()), (1, 0));
    let globals = attribute("title", "all");
    let full = Response::new(
        &format!(
            "<Int8 name='v'>{}</Int8><Attribute name='HDF_GLOBAL' type='Container'>{globals}</Attribute>",
            attribute("units", "km")
        ),
        true,
    );
    let decoded = decode_dap(&response.body(), Some(full.dmr.as_bytes())).unwrap();
    assert_eq!(variable(&decoded, "v").attributes.text("units"), Some("km"));
    assert_eq!(decoded.attributes.text("title"), Some("all"));
}

#[test]
fn nothing_at_all_and_arrays_without_elements() {
    assert_eq!(decode_dap(&chunk(5, Response::new("", true).dmr.as_bytes()), None).unwrap().variables, []);
    let dmr = "<Int8 name='v'><Dim size='0'/><Dim size='4294967296'/></Int8><String name='t'><Dim size='0'/></String>\
               <Structure name='s'><Dim size='1099511627776'/><Int8 name='w'><Dim size='0'/></Int8></Structure>\
               <Structure name='n'><Dim size='9223372036854775807'/></Structure>";
    let decoded = Response::new(dmr, true).decode().unwrap();
    assert!(decoded.variables.iter().all(|variable| variable.content.is_empty()));
    assert_eq!(decoded.variables.len(), 3);
    let summed = Response::new(dmr, true).sum().sum().sum().sum();
    assert_eq!(summed.decode().unwrap(), decoded);
}

#[test]
fn promises_beyond_the_bytes_at_hand_are_refused_at_once() {
    let huge = ["Int8", "Float64", "String", "Opaque"]
        .map(|kind| format!("<{kind} name='v'><Dim size='2147483647'/><Dim size='4294967296'/></{kind}>"));
    let structure = "<Structure name='s'><Dim size='9000000000000000000'/><String name='v'/></Structure>".to_owned();
    for dmr in huge.into_iter().chain([structure]) {
        let error = Response::new(&dmr, true).int8(&[0; 64]).decode().unwrap_err();
        assert!(matches!(error, DecodeError::Ended { at: 0, .. }), "{dmr}: {error}");
    }
    for count in [-1, 57, i64::MAX, i64::MIN] {
        let text = Response::new("<String name='v'/>", true).count(count).int8(&[0; 56]).decode().unwrap_err();
        assert!(matches!(text, DecodeError::Wrong { at: 0, .. } | DecodeError::Trailing { .. }), "{count}: {text}");
        let rows = Response::new("<Sequence name='s'><Int8 name='v'/></Sequence>", true).count(count).int8(&[0; 56]);
        assert!(rows.decode().is_err(), "{count}");
    }
    // Rows without a byte cannot be counted up forever.
    let empty = "<Sequence name='s'><Int8 name='v'><Dim size='0'/></Int8></Sequence>";
    assert!(Response::new(empty, true).count(i64::MAX).decode().is_err());
    assert_eq!(shape(variable(&Response::new(empty, true).count(3).decode().unwrap(), "s.v"))[0], (Some("s"), 3));
}

#[test]
fn damage_is_told_by_its_kind() {
    let dmr = "<Int16 name='v'><Dim size='3'/></Int16>";
    let response = Response::new(dmr, true).int16(&[1, 2, 3]).sum();
    let mut wrong = response.clone();
    wrong.data[1] ^= 1;
    let error = wrong.decode().unwrap_err();
    assert!(matches!(&error, DecodeError::Checksum { variable, .. } if variable == "v"), "{error}");
    let mut short = response.clone();
    short.data.truncate(5);
    assert!(matches!(short.decode(), Err(DecodeError::Ended { at: 0, .. })));
    short.data = response.data[..8].to_vec();
    assert!(matches!(short.decode(), Err(DecodeError::Ended { at: 6, .. })));
    let longer = response.clone().int8(&[0]);
    assert_eq!(longer.decode(), Err(DecodeError::Trailing { at: 10, bytes: 1 }));
    let mut failed = response.clone();
    failed.data.truncate(2);
    failed.data.extend_from_slice(b"<Error httpcode=\"500\"><Message>disk</Message></Error>");
    assert!(matches!(failed.decode(), Err(DecodeError::ServerError(error)) if error.message == "disk"));
    let no_dmr = [chunk(4, b"<Dataset"), chunk(1, b"")].concat();
    assert!(matches!(decode_dap(&no_dmr, None), Err(DecodeError::Metadata(ParseError::Unexpected { .. }))));
}

#[test]
fn names_that_come_twice_and_too_many_dimensions_are_listed() {
    let many = "<Dim size='1'/>".repeat(20);
    let dmr = format!(
        "<Int8 name='v'/><Int8 name='v'/><Structure name='s'>{many}<Int8 name='a'>{many}</Int8>\
         <Int8 name='b'/></Structure>"
    );
    let decoded = Response::new(&dmr, true).int8(&[1, 2, 3, 4]).decode().unwrap();
    let names: Vec<_> = decoded.variables.iter().map(|variable| variable.name.as_str()).collect();
    assert_eq!(names, ["v", "s.b"]);
    assert_eq!(variable(&decoded, "s.b").content, int8s(&[4]));
    let unsupported: Vec<_> = decoded.unsupported.iter().map(|not| not.name.as_str()).collect();
    assert_eq!(unsupported, ["v", "s.a"]);
    assert_eq!(variable(&decoded, "v").dimensions, [Dimension { name: None, size: 0 }; 0]);
}

/// A response with a bit of everything.
fn mixture(little: bool, sums: bool) -> Response {
    let end = |response: Response| if sums { response.libdap_sum() } else { response };
    let response = Response::new(
        "<Dimension name='x' size='2'/><Int16 name='v'><Dim name='/x'/></Int16><String name='t'/><Structure name='s'>\
         <Int8 name='a'/><Opaque name='o'/><Dim name='/x'/></Structure><Sequence name='q'><Int8 name='r'/></Sequence>\
         <Group name='g'><Int8 name='w'/></Group>",
        little,
    );
    let response = end(end(response.int16(&[1, 2])).blob(b"text"));
    let response = end(response.int8(&[3]).blob(b"one").int8(&[4]).blob(b""));
    end(end(response.count(2).int8(&[5, 6])).int8(&[7]))
}

proptest! {
    #[test]
    fn any_prefix_is_an_error(little: bool, sums: bool, size in 1_usize..60, part in 0.0..1.0_f64) {
        let body = mixture(little, sums).chunked(size);
        prop_assert!(decode_dap(&body, None).is_ok());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a part")]
        let end = (body.len() as f64 * part) as usize;
        prop_assert!(decode_dap(&body[..end], None).is_err());
    }

    #[test]
    fn any_changed_byte_is_an_error_or_a_value(little: bool, sums: bool, at: prop::sample::Index, flip in 1_u8..) {
        let mut body = mixture(little, sums).body();
        let at = at.index(body.len());
        body[at] ^= flip;
        let _ = decode_dap(&body, None);
    }

    #[test]
    fn with_checksums_no_changed_value_goes_unseen(little: bool, at: prop::sample::Index, flip in 1_u8..) {
        let response = Response::new("<Int16 name='v'><Dim size='9'/></Int16>", little);
        let mut response = response.int16(&[1, 2, 3, 4, 5, 6, 7, 8, 9]).sum();
        let at = at.index(response.data.len());
        response.data[at] ^= flip;
        let refused = matches!(response.decode(), Err(DecodeError::Checksum { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn any_data_are_an_error_or_values(data in prop::collection::vec(any::<u8>(), 0..300), little: bool) {
        let mut response = mixture(little, false);
        response.data = data;
        let _ = response.decode();
    }

    #[test]
    fn any_body_is_an_error(body in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decode_dap(&body, None).is_err());
    }

    #[test]
    fn values_come_back(
        values in prop::collection::vec(any::<i16>(), 1..50), words in prop::collection::vec(".{0,8}", 1..9),
        little: bool, sums: bool, size in 1_usize..60,
    ) {
        let end = |response: Response| if sums { response.sum() } else { response };
        let dmr = format!("<Int16 name='v'><Dim size='{}'/></Int16><String name='t'><Dim size='{}'/></String>",
            values.len(), words.len());
        let response = end(Response::new(&dmr, little).int16(&values));
        let response = end(words.iter().fold(response, |response, word| response.blob(word.as_bytes())));
        let decoded = decode_dap(&response.chunked(size), None).unwrap();
        prop_assert_eq!(&variable(&decoded, "v").content, &int16s(&values));
        prop_assert_eq!(&variable(&decoded, "t").content, &Content::Text(words));
    }
}
