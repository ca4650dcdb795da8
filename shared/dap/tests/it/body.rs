//! Bodies of one array. F06, F07: truncated. F08: an error with status 200. F09: an HTML page. F25: another shape.

use dap::{BodyDecoder, BodyError, ParseError, Progress, Projection, ServerError, WireType};
use grid::{ChunkBuffer, Hyperslab, Scatter, Shape};
use proptest::prelude::*;

/// What a test asks for: one array into a buffer of its own shape.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) projection: String,
    pub(crate) wire: WireType,
    pub(crate) counts: Vec<u64>,
}

impl Ask {
    fn new(wire: WireType, counts: &[u64]) -> Self {
        Self { projection: "v".to_owned(), wire, counts: counts.to_vec() }
    }

    pub(crate) fn decoder(&self) -> (BodyDecoder, ChunkBuffer) {
        let shape = Shape::new(self.counts.clone()).unwrap();
        let region = Hyperslab::whole(&shape);
        let element = self.wire.element();
        let buffer = ChunkBuffer::padded(element, shape.clone(), &region, &vec![0; element.size()]).unwrap();
        let scatter = Scatter::new(element, &shape, &region, self.wire.wire_element()).unwrap();
        (BodyDecoder::new(&self.projection.parse().unwrap(), self.wire, &self.counts, scatter), buffer)
    }

    /// The result of a body that comes in pieces of these sizes and then whole.
    pub(crate) fn decode(&self, body: &[u8], cuts: &[usize]) -> Result<Vec<u8>, BodyError> {
        let (mut decoder, mut buffer) = self.decoder();
        let mut rest = body;
        for cut in cuts.iter().copied().chain([usize::MAX]) {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            decoder.feed(head, &mut buffer)?;
            rest = tail;
        }
        assert_eq!(decoder.bytes_seen(), body.len() as u64);
        decoder.finish()?;
        Ok(buffer.into_bytes())
    }

    fn header(&self) -> Vec<u8> {
        let sizes = self.counts.iter().fold(String::new(), |text, count| format!("{text}[d = {count}]"));
        format!("Dataset {{\n    {} v{sizes};\n}} d;\nData:\n", self.wire).into_bytes()
    }

    /// A response with these native elements.
    fn response(&self, native: &[u8]) -> Vec<u8> {
        let mut body = self.header();
        let size = self.wire.element().size();
        let count = u32::try_from(native.len() / size).unwrap().to_be_bytes();
        if !self.counts.is_empty() {
            body.extend(count);
            body.extend(count);
        } else if self.wire == WireType::Byte {
            body.extend([0; 3]);
        }
        for element in native.chunks(size) {
            let mut element = element.to_vec();
            if cfg!(target_endian = "little") {
                element.reverse();
            }
            if self.wire == WireType::Int16 {
                body.extend([if element[0] > 127 { 255 } else { 0 }; 2]);
            } else if self.wire == WireType::UInt16 {
                body.extend([0; 2]);
            }
            body.extend(element);
        }
        while !(body.len() - self.header().len()).is_multiple_of(4) {
            body.push(0x5a);
        }
        body
    }
}

/// Something to ask for, its elements in native order.
fn asks() -> impl Strategy<Value = (Ask, Vec<u8>)> {
    (prop::sample::select(WireType::ALL.to_vec()), prop::collection::vec(1_u64..6, 0..4)).prop_flat_map(
        |(wire, counts)| {
            let bytes = usize::try_from(counts.iter().product::<u64>()).unwrap() * wire.element().size();
            (Just(Ask::new(wire, &counts)), prop::collection::vec(any::<u8>(), bytes))
        },
    )
}

proptest! {
    #[test]
    fn any_split_of_a_body_gives_the_same_buffer(
        (ask, native) in asks(),
        cuts in prop::collection::vec(0_usize..40, 0..40),
    ) {
        let body = ask.response(&native);
        let (decoder, _) = ask.decoder();
        prop_assert_eq!(decoder.data_bytes(), (body.len() - ask.header().len()) as u64);
        prop_assert_eq!(ask.decode(&body, &cuts), Ok(native));
    }

    #[test]
    fn any_prefix_is_truncated_and_any_surplus_too_long((ask, native) in asks(), surplus in 1_usize..9) {
        let mut body = ask.response(&native);
        let total = body.len() as u64;
        for length in 0..body.len() {
            let error = ask.decode(&body[..length], &[]).unwrap_err();
            if length >= ask.header().len() {
                prop_assert_eq!(&error, &BodyError::Truncated { expected: total, found: length as u64 });
            }
            prop_assert!(matches!(error, BodyError::Truncated { .. }), "{:?}", error);
        }
        body.resize(body.len() + surplus, b'\n');
        let error = BodyError::TooLong { expected: total, found: total + 1 };
        prop_assert_eq!(ask.decode(&body, &[]), Err(error.clone()));
        prop_assert_eq!(ask.decode(&body, &vec![1; body.len()]), Err(error));
    }

    #[test]
    fn any_change_of_a_byte_gives_a_value_or_an_error(
        (ask, native) in asks(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cuts in prop::collection::vec(0_usize..40, 0..10),
    ) {
        let mut body = ask.response(&native);
        let at = at.index(body.len());
        body[at] = byte;
        let whole = ask.decode(&body, &[]);
        prop_assert_eq!(ask.decode(&body, &cuts), whole);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
        let ask = Ask::new(WireType::Int16, &[7]);
        prop_assert!(ask.decode(&noise, &[cut]).is_err());
        let body = [ask.header(), noise].concat();
        prop_assert_eq!(ask.decode(&body, &[cut]), ask.decode(&body, &[]));
    }

    #[test]
    fn a_message_in_the_data_is_found_wherever_it_begins(
        wire in prop::sample::select(WireType::ALL.to_vec()),
        done in 0_usize..200,
        cuts in prop::collection::vec(0_usize..90, 0..20),
        count in 20_u64..120,
    ) {
        let ask = Ask::new(wire, &[count]);
        let mut body = ask.response(&vec![0; usize::try_from(count).unwrap() * wire.element().size()]);
        let whole = body.len();
        body.truncate((ask.header().len() + done).min(whole));
        body.extend(b"Error {\n    code = 500;\n    message = \"gave up\";\n};\n");
        if body.len() != whole {
            let error = ServerError { code: Some(500), message: "gave up".to_owned() };
            prop_assert_eq!(ask.decode(&body, &cuts), Err(BodyError::ServerError(error)));
        }
    }
}

#[test]
fn progress_and_totals_are_told() {
    let ask = Ask::new(WireType::Byte, &[5]);
    let body = ask.response(&[1, 2, 3, 4, 5]);
    let (mut decoder, mut buffer) = ask.decoder();
    assert_eq!(decoder.expected_total(), None);
    assert_eq!(decoder.feed(&body[..body.len() - 1], &mut buffer), Ok(Progress::More));
    assert_eq!(decoder.expected_total(), Some(body.len() as u64));
    assert_eq!(decoder.feed(&body[body.len() - 1..], &mut buffer), Ok(Progress::Complete));
    assert_eq!(decoder.data_bytes(), 16);
    decoder.finish().unwrap();
    assert_eq!(buffer.bytes(), [1, 2, 3, 4, 5]);
}

#[test]
fn a_byte_scalar_comes_in_either_form() {
    let ask = Ask::new(WireType::Byte, &[]);
    for (word, value) in [([0, 0, 0, 0xc0], 0xc0), ([255, 255, 255, 0xc0], 0xc0), ([42, 0, 0, 0], 42), ([0; 4], 0)] {
        let body = [ask.header(), word.to_vec()].concat();
        assert_eq!(ask.decode(&body, &[]), Ok(vec![value]));
    }
    let body = [ask.header(), vec![1, 2, 3, 4]].concat();
    assert!(matches!(ask.decode(&body, &[]), Err(BodyError::WrongShape { .. })));
}

#[test]
fn an_array_without_elements_has_one_count_or_two() {
    let ask = Ask::new(WireType::Float32, &[0, 3]);
    for zeros in [4, 8] {
        let body = [ask.header(), vec![0; zeros]].concat();
        assert_eq!(ask.decode(&body, &[]), Ok(vec![]));
        assert_eq!(ask.decode(&body, &vec![1; body.len()]), Ok(vec![]));
    }
    assert!(ask.decode(&[ask.header(), vec![0; 6]].concat(), &[]).is_err());
    assert!(ask.decode(&[ask.header(), vec![0; 9]].concat(), &[]).is_err());
}

#[test]
fn counts_and_shapes_are_held_against_the_question() {
    let ask = Ask::new(WireType::Int32, &[2]);
    let mut body = ask.response(&[0; 8]);
    body[ask.header().len() + 7] = 3;
    assert_eq!(ask.decode(&body, &[]), Err(BodyError::BadCount { expected: 2, found: 3 }));
    let other = Ask::new(WireType::Int32, &[3]).response(&[0; 12]);
    assert!(matches!(ask.decode(&other, &[]), Err(BodyError::WrongShape { .. })));
    let crlf = String::from_utf8(ask.response(&[0; 8])).unwrap().replace("Data:\n", "Data:\r\n");
    assert_eq!(ask.decode(crlf.as_bytes(), &[]), Ok(vec![0; 8]));
}

#[test]
fn a_body_that_is_no_response_says_what_it_is() {
    let ask = Ask::new(WireType::Int32, &[2]);
    let page = "<!DOCTYPE html><title>Earthdata Login</title>".to_owned() + &"x".repeat(100);
    for cuts in [vec![], vec![1; 150]] {
        let error = BodyError::NotDap { title: "Earthdata Login".to_owned() };
        assert_eq!(ask.decode(page.as_bytes(), &cuts), Err(error));
        let error = "Error { code = 403; message = \"Request too big=1115.0 Mbytes, max=500.0\"; };";
        let Err(BodyError::ServerError(error)) = ask.decode(error.as_bytes(), &cuts) else { panic!() };
        assert_eq!(error.kind(), dap::ServerErrorKind::TooLarge { limit_bytes: Some(500_000_000) });
    }
    let mut body = ask.header();
    body.extend(b"<?xml version=\"1.0\"?><response><BESError><Type>1</Type><Message>lost</Message></BESError>");
    let error = ServerError { code: Some(1), message: "lost".to_owned() };
    assert_eq!(ask.decode(&body, &[3, 200]), Err(BodyError::ServerError(error)));
}

#[test]
fn a_header_without_end_is_refused() {
    let ask = Ask::new(WireType::Int32, &[2]);
    let endless = "Dataset { ".to_owned() + &" ".repeat(2 << 20);
    for cuts in [vec![], vec![1000; 2000]] {
        let error = ask.decode(endless.as_bytes(), &cuts).unwrap_err();
        assert!(matches!(error, BodyError::Header(ParseError::TooLarge { .. })), "{error:?}");
    }
    let blank = vec![b' '; 2 << 20];
    assert!(matches!(ask.decode(&blank, &[1; 1000]), Err(BodyError::NotDap { .. })));
    let page = [b"<html><title>t</title>".to_vec(), vec![b'x'; 2 << 20]].concat();
    assert_eq!(ask.decode(&page, &[70_000]), Err(BodyError::NotDap { title: "t".to_owned() }));
}

#[test]
fn a_scatter_for_another_array_is_refused() {
    let ask = Ask::new(WireType::Int32, &[2]);
    let (_, mut buffer) = ask.decoder();
    let shape = Shape::new(vec![3]).unwrap();
    let scatter = Scatter::new(ask.wire.element(), &shape, &Hyperslab::whole(&shape), ask.wire.wire_element()).unwrap();
    let mut decoder = BodyDecoder::new(&Projection::new("v").unwrap(), ask.wire, &ask.counts, scatter);
    assert!(matches!(decoder.feed(&ask.response(&[0; 8]), &mut buffer), Err(BodyError::WrongShape { .. })));
}
