//! DMRs by hand: every declaration, every spelling of an attribute, and what is refused.

use cf::{Attribute, Values};
use dap::{
    Dimension, Dmr, ParseError,
    dmr::{Declaration, Type},
    parse_dmr,
};
use grid::ElementType;

const NAMESPACE: &str = "xmlns=\"http://xml.opendap.org/ns/DAP/4.0#\" dapVersion=\"4.0\" dmrVersion=\"1.0\"";

fn read(inside: &str) -> Dmr {
    parse_dmr(format!("<Dataset name=\"d\" {NAMESPACE}>{inside}</Dataset>").as_bytes()).unwrap()
}

fn refused(inside: &str) -> ParseError {
    parse_dmr(format!("<Dataset name=\"d\" {NAMESPACE}>{inside}</Dataset>").as_bytes()).unwrap_err()
}

fn dimension(name: &str, size: u64) -> Dimension {
    Dimension { name: Some(name.to_owned()), size }
}

fn names(variables: &[Declaration]) -> Vec<&str> {
    variables.iter().map(|variable| variable.name.as_str()).collect()
}

#[test]
fn all_types_are_known() {
    let dmr = read(
        "<Enumeration name='e' basetype='Int16'><EnumConst name='no' value='-1'/></Enumeration>
         <Int8 name='a'/><UInt8 name='b'/><Byte name='c'/><Char name='d'/><Int16 name='e'/><UInt16 name='f'/>
         <Int32 name='g'/><UInt32 name='h'/><Int64 name='i'/><UInt64 name='j'/><Float32 name='k'/><Float64 name='l'/>
         <String name='m'/><URL name='n'/><URI name='o'/><Opaque name='p'/><Enum name='q' enum='/e'/>
         <Structure name='r'><Int8 name='s'/></Structure><Sequence name='t'><Int8 name='u'/></Sequence>",
    );
    let elements: Vec<_> = dmr.root.variables.iter().filter_map(|variable| dmr.element(&variable.kind)).collect();
    let expected = {
        use ElementType::*;
        [Int8, UInt8, UInt8, UInt8, Int16, UInt16, Int32, UInt32, Int64, UInt64, Float32, Float64, Int16]
    };
    assert_eq!(elements, expected);
    assert_eq!(dmr.root.variables[3].kind, Type::Char);
    assert!(dmr.root.variables[12..15].iter().all(|variable| variable.kind == Type::Text));
    assert_eq!(dmr.root.variables[15].kind, Type::Opaque);
    assert_eq!(dmr.root.variables[16].kind, Type::Enumeration(0));
    assert_eq!(dmr.enumerations[0].constants, [("no".to_owned(), -1)]);
    assert!(matches!(&dmr.root.variables[17].kind, Type::Structure(members) if names(members) == ["s"]));
    assert!(matches!(&dmr.root.variables[18].kind, Type::Sequence(members) if names(members) == ["u"]));
    assert_eq!(dmr.warnings, [""; 0]);
}

#[test]
fn groups_dimensions_and_maps() {
    let dmr = read(
        "<Group name='g'><Float32 name='v'><Dim name='/g/y'/><Dim name='x'/><Dim size='2'/><Map name='/x'/></Float32>
           <Dimension name='y' size='3'/>
           <Group name='h'><Int8 name='w'><Dim name='y'/></Int8></Group>
         </Group>
         <Dimension name='x' size='0' _edu.ucar.isunlimited='1'/>",
    );
    let g = &dmr.root.groups[0];
    assert_eq!((g.name.as_str(), names(&g.variables)), ("g", vec!["v"]));
    assert_eq!(g.variables[0].dimensions, [dimension("g/y", 3), dimension("x", 0), Dimension { name: None, size: 2 }]);
    assert_eq!(g.variables[0].maps, ["/x"]);
    assert_eq!(g.groups[0].variables[0].dimensions, [dimension("g/y", 3)]);
    assert!(dmr.root.dimensions[0].unlimited && !g.dimensions[0].unlimited);
    // A name with a slash and a dot, escaped where it is referred to; pydap's paths as names.
    let dmr = read(
        r"<Group name='g.@/\$'><Dimension name='lon/2.\' size='20'/></Group><Dimension name='/p/Y' size='4'/>
          <Int32 name='a'><Dim name='/g\.@\/\\$/lon\/2\.\\'/></Int32><Int32 name='b'><Dim name='/p/Y'/></Int32>",
    );
    assert_eq!(dmr.root.variables[0].dimensions, [dimension(r"g.@/\$/lon/2.\", 20)]);
    assert_eq!(dmr.root.variables[1].dimensions, [dimension("p/Y", 4)]);
}

#[test]
fn attributes_in_every_form() {
    let dmr = read(
        "<Enumeration name='e' basetype='Int8'><EnumConst name='Missing' value='127'/></Enumeration>
         <Attribute name='one' type='Int16'><Value>1</Value></Attribute>
         <Attribute name='two' type='Float32'><Value value='1.5'/><Value> nan </Value></Attribute>
         <Attribute name='on_it' type='String' value='x'/>
         <Attribute name='blank' type='String'><Value>a  </Value><Value/><Value>&quot;b&#10;&amp;<![CDATA[<c>]]></Value>
         </Attribute>
         <Attribute name='none' type='Byte'><Value></Value></Attribute>
         <Attribute name='by_name' type='/e'><Value value='Missing'/></Attribute>
         <Attribute name='box' type='Container'>
         <Attribute name='inner' type='UInt64'><Value>18446744073709551615</Value>
         </Attribute></Attribute>
         <Attribute name='xml' type='OtherXML'><x xmlns='other'><y/></x></Attribute>
         <Attribute name='odd' type='Complex'><Value>1+i</Value></Attribute>
         <Attribute name='wide' type='Byte'><Value>300</Value></Attribute>
         <Attribute name='char' type='Char'><Value>@</Value></Attribute>
         <Attribute name='one' type='Int16'><Value>2</Value></Attribute>",
    );
    let of = |name: &str| dmr.root.attributes.values(name).cloned();
    assert_eq!(of("one"), Some(Values::Int16(vec![2])));
    assert!(
        matches!(of("two"), Some(Values::Float32(two)) if two[0].to_bits() == 1.5_f32.to_bits() && two[1].is_nan())
    );
    assert_eq!(dmr.root.attributes.text("on_it"), Some("x"));
    let blank = ["a  ", "", "\"b\n&<c>"].map(str::to_owned).to_vec();
    assert_eq!(of("blank"), Some(Values::Text(blank)));
    assert_eq!(of("none"), Some(Values::UInt8(vec![])));
    assert_eq!(of("by_name"), Some(Values::Int8(vec![127])));
    assert_eq!(of("odd"), Some(Values::text("1+i")));
    assert_eq!(of("wide"), Some(Values::UInt16(vec![300])));
    assert_eq!(of("char"), Some(Values::text("@")));
    assert_eq!(of("xml"), None);
    let Some(Attribute::Container(inside)) = dmr.root.attributes.get("box") else { panic!("no container") };
    assert_eq!(inside.values("inner"), Some(&Values::UInt64(vec![u64::MAX])));
    assert_eq!(
        dmr.warnings,
        [
            "attribute `xml` is XML and was left out",
            "attribute `odd` is of a type we do not know, kept as text",
            "attribute `wide` does not fit its type uint8, kept as uint16",
            "attribute `one` is there twice, the last is kept",
        ]
    );
}

#[test]
fn escapes_of_dap2_are_undone_only_for_hyrax_netcdf_handler() {
    let attribute = r"<Attribute name='a' type='String'><Value>say \&quot;hi\&quot;\011caf\303\251</Value></Attribute>";
    let plain = read(attribute);
    assert_eq!(plain.root.attributes.text("a"), Some(r#"say \"hi\"\011caf\303\251"#));
    let handler = format!("{attribute}<Attribute name='NC_GLOBAL' type='Container'/>");
    assert_eq!(read(&handler).root.attributes.text("a"), Some("say \"hi\"\tcafé"));
}

#[test]
fn encodings_and_prefixes() {
    let text =
        b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<dap:Dataset name='\xe9' xmlns:dap='http://xml.opendap.org/\
                 ns/DAP/4.0#' xmlns:dmrpp='http://xml.opendap.org/dap/dmrpp/1.0.0#'><dap:Int8 name='\xfc&#956;'>\
                 <dmrpp:chunks><dmrpp:chunk/></dmrpp:chunks></dap:Int8><dmrpp:other/></dap:Dataset>\r\n\r\n";
    let dmr = parse_dmr(text).unwrap();
    assert_eq!((dmr.name.as_str(), names(&dmr.root.variables)), ("é", vec!["üμ"]));
    assert_eq!(dmr.warnings, ["1 XML elements that are not of DAP4 were left out"]);
}

#[test]
fn what_is_no_dmr_is_refused_by_its_name() {
    let ddx = b"<Dataset name='d' xmlns='http://xml.opendap.org/ns/DAP/3.2#' dapVersion='3.2'/>";
    assert!(parse_dmr(ddx).unwrap_err().to_string().contains("ask for DDS and DAS instead"));
    assert!(parse_dmr(b"<Dataset name='d'><Grid name='g'/></Dataset>").unwrap_err().to_string().contains("DDX"));
    assert!(parse_dmr(b"<Dataset dapVersion='5.0'/>").unwrap_err().to_string().contains("DAP version 5.0"));
    for error in [
        "<?xml version='1.0'?>\n<dap4:Error httpcode='404'><dap4:Message>gone</dap4:Message></dap4:Error>",
        "<Error httpcode='404'><Message>gone</Message></Error>",
        "Error { code = 404; message = \"gone\"; }",
    ] {
        let ParseError::ServerError(told) = parse_dmr(error.as_bytes()).unwrap_err() else { panic!("{error}") };
        assert_eq!((told.code, told.message.as_str()), (Some(404), "gone"));
    }
    assert!(
        matches!(parse_dmr(b"<html><title>Log in</title>"), Err(ParseError::NotDap { title }) if title == "Log in")
    );
}

#[test]
fn what_cannot_be_understood_is_refused_with_its_place() {
    let told = |inside: &str| refused(inside).to_string();
    assert!(told("\n<Int8 name='v'><Dim name='/x'/></Int8>").starts_with("DMR line 2, byte "));
    assert!(told("<Int8 name='v'><Dim name='/x'/></Int8>").contains("a dimension that is declared, found `/x`"));
    assert!(told("<Enum name='v' enum='/e'/>").contains("an enumeration that is declared, found `/e`"));
    assert!(told("<Dimension name='x' size='-1'/>").contains("a whole number, found `-1`"));
    assert!(told("<Dimension name='x' size='+1'/>").contains("a whole number, found `+1`"));
    assert!(told("<Int8 name='v'><Dim size='*'/></Int8>").contains("found `*`"));
    assert!(told("<Int128 name='v'/>").contains("found <Int128>"));
    assert!(told("<Int8 name='v'><Int8 name='w'/></Int8>").contains("found <Int8>"));
    assert!(told("<Int8/>").contains("a name of characters that can be printed"));
    assert!(told("<Int8 name='a&#x202e;b'/>").contains("a name of characters that can be printed"));
    assert!(told("<Enumeration name='e' basetype='Float32'/>").contains("an integer type as basetype"));
    assert!(told("<Int8 name='v'>").contains("well-formed XML"));
    assert!(matches!(
        refused("<Int8 name='v'><Dim size='4294967296'/><Dim size='4294967296'/></Int8>"),
        ParseError::Shape { .. }
    ));
    assert!(matches!(refused(&format!("<Int8 name='{}'/>", "v".repeat(256))), ParseError::TooLarge { .. }));
    let doctype = b"<!DOCTYPE d [<!ENTITY a 'b'>]><Dataset name='d'>&a;</Dataset>";
    assert!(parse_dmr(doctype).unwrap_err().to_string().contains("document type"));
}

#[test]
fn limits_hold() {
    let deep = |count: usize, tag: &str| {
        format!("{}{}", format!("<{tag} name='a'>").repeat(count), format!("</{tag}>").repeat(count))
    };
    for tag in ["Group", "Structure", "Attribute type='Container'"] {
        let close = tag.split(' ').next().unwrap();
        let nest = |count| deep(count, tag).replace(&format!("</{tag}>"), &format!("</{close}>"));
        assert!(matches!(refused(&nest(40)), ParseError::TooDeep { .. }), "{tag}");
        assert!(matches!(refused(&nest(100_000)), ParseError::TooDeep { .. }), "{tag}");
        read(&nest(20));
    }
    assert!(matches!(refused(&"<Int8 name='v'/>".repeat(10_001)), ParseError::TooMany { .. }));
    // Work that grows faster than the text.
    let comments =
        format!("{}<Dataset {NAMESPACE}>{}</Dataset>", "<!---->".repeat(20_000), "<Attribute/>".repeat(20_000));
    assert_eq!(parse_dmr(comments.as_bytes()).unwrap().warnings.len(), 1_001);
    let deep = format!("<Group name='{}'>", "g".repeat(255)).repeat(30);
    let relative = format!("{deep}{}{}", "<Attribute name='a' type='e'/>".repeat(20_000), "</Group>".repeat(30));
    assert!(matches!(refused(&relative), ParseError::TooLarge { .. }));
    let long = format!("<Dataset xmlns='{}'>{}</Dataset>", "n".repeat(1 << 20), "<Int8 name='v'/>".repeat(20_000));
    assert!(matches!(parse_dmr(long.as_bytes()), Err(ParseError::TooLarge { .. })));
    // Short references to a long name.
    let groups: Vec<String> = (0..20).map(|at| format!("{at}").repeat(100)).collect();
    let open = groups.iter().fold(String::new(), |open, name| open + "<Group name='" + name + "'>");
    let used = "<Int8 name='v'><Dim name='x'/><Dim name='x'/><Dim name='x'/></Int8>".repeat(5_000);
    let error = refused(&format!("{open}<Dimension name='x' size='1'/>{used}{}", "</Group>".repeat(20)));
    assert!(matches!(error, ParseError::TooLarge { .. }), "{error}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[<>/='\" a-zA-Z&#;!\\-\\[\\]?:0-9]{0,200}") {
        let _ = parse_dmr(text.as_bytes());
        let _ = parse_dmr(format!("<Dataset {NAMESPACE}>{text}</Dataset>").as_bytes());
    }

    #[test]
    fn any_bytes_in_a_dmr_are_read_or_refused(at in 0_usize..400, byte: u8) {
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Dataset name='d' {NAMESPACE}><Dimension name='x' size='3'/>\
             <Group name='g'><Int16 name='v'><Dim name='/x'/><Attribute name='a' type='Float64'><Value>1e3</Value>\
             </Attribute></Int16></Group></Dataset>"
        ).into_bytes();
        let at = at % text.len();
        let _ = parse_dmr(&text[..at]);
        text[at] = byte;
        let _ = parse_dmr(&text);
    }
}
