//! A server in memory: a dataset whose every value follows from its name and position.

use std::{fmt::Write as _, sync::Mutex};

use dap::WireType;
use steps::ports::Document;

/// What the server has.
#[derive(Debug, Clone)]
pub(crate) struct Dataset {
    pub(crate) variables: Vec<Variable>,
    /// Inside the DAS, beside the variables' tables.
    pub(crate) globals: String,
    /// Added to the position: other values under the same metadata.
    pub(crate) shift: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) wire: WireType,
    pub(crate) dimensions: Vec<(&'static str, u64)>,
    /// Stands in a Grid with its maps.
    pub(crate) is_grid: bool,
    pub(crate) attributes: &'static str,
}

impl Variable {
    pub(crate) fn new(name: &'static str, wire: WireType, dimensions: &[(&'static str, u64)]) -> Self {
        Self { name, wire, dimensions: dimensions.to_vec(), is_grid: false, attributes: "" }
    }

    fn grid(self) -> Self {
        Self { is_grid: true, ..self }
    }

    fn with(self, attributes: &'static str) -> Self {
        Self { attributes, ..self }
    }

    /// The element at a position in C order, native endian.
    pub(crate) fn native(&self, position: u64) -> Vec<u8> {
        let number = i32::try_from(position).unwrap() * 7 - 300 + i32::try_from(self.name.len()).unwrap();
        let float = if position.is_multiple_of(11) { -9999.0 } else { f64::from(number) * 0.25 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any bits will do")]
        match self.wire {
            WireType::Byte => vec![number as u8],
            WireType::Int16 => (number as i16).to_ne_bytes().to_vec(),
            WireType::UInt16 => (number as u16).to_ne_bytes().to_vec(),
            WireType::Int32 => number.to_ne_bytes().to_vec(),
            WireType::UInt32 => (number as u32).to_ne_bytes().to_vec(),
            WireType::Float32 => (float as f32).to_ne_bytes().to_vec(),
            WireType::Float64 => float.to_ne_bytes().to_vec(),
        }
    }

    /// The position of an index in C order.
    pub(crate) fn position(&self, index: &[u64]) -> u64 {
        index.iter().zip(&self.dimensions).fold(0, |position, (index, (_, size))| position * size + index)
    }

    fn declaration(&self, sizes: &[u64]) -> String {
        let mut text = format!("{} {}", self.wire, self.name);
        for ((name, _), size) in self.dimensions.iter().zip(sizes) {
            write!(text, "[{name} = {size}]").unwrap();
        }
        text + ";"
    }

    fn sizes(&self) -> Vec<u64> {
        self.dimensions.iter().map(|(_, size)| *size).collect()
    }
}

const TIME: (&str, u64) = ("time", 6);
/// What a plan of [`Dataset::full`] asks for before anything else. A chunk of `time` has six.
pub(crate) const FIRST_TIMES: &str = "time[0:3]";
const LAT: (&str, u64) = ("lat", 5);
const LON: (&str, u64) = ("lon", 7);

impl Dataset {
    /// Thirty-one chunks when it is cut as [`crate::bench::request`] cuts it.
    pub(crate) fn full() -> Self {
        use WireType::{Byte, Float32, Float64, Int16, Int32};
        let variables = vec![
            Variable::new("v", Float32, &[TIME, LAT, LON]).with("Float32 _FillValue -9999.0; String units \"K\";"),
            Variable::new("packed", Int16, &[TIME, LAT, LON])
                .grid()
                .with("Int16 _FillValue -9999; Float32 scale_factor 0.01; Float32 add_offset 273.15;"),
            Variable::new("time", Float64, &[TIME])
                .with("String bounds \"time_bnds\"; String units \"days since 1990-1-1\";"),
            Variable::new("lat", Float64, &[LAT]),
            Variable::new("lon", Float64, &[LON]),
            Variable::new("time_bnds", Float64, &[TIME, ("bnds", 2)]),
            Variable::new("crs", Int32, &[]),
            Variable::new("flag", Byte, &[LON]),
        ];
        Self { variables, globals: globals("full"), shift: 0 }
    }

    /// Five chunks.
    pub(crate) fn small() -> Self {
        let variables = vec![
            Variable::new("v", WireType::Int16, &[("time", 3), ("lat", 4)]).with("Int16 _FillValue -1;"),
            Variable::new("time", WireType::Float64, &[("time", 3)]),
        ];
        Self { variables, globals: globals("small"), shift: 0 }
    }

    /// Arrays without elements beside one with.
    pub(crate) fn empty() -> Self {
        let variables = vec![
            Variable::new("v", WireType::Float32, &[("time", 0), LAT]),
            Variable::new("time", WireType::Float64, &[("time", 0)]),
        ];
        Self { variables, globals: globals("empty"), shift: 0 }
    }

    pub(crate) fn variable(&self, name: &str) -> &Variable {
        self.variables.iter().find(|variable| variable.name == name).unwrap()
    }

    pub(crate) fn grow(&mut self, dimension: &str, by: u64) {
        let dimensions = self.variables.iter_mut().flat_map(|variable| &mut variable.dimensions);
        dimensions.filter(|(name, _)| *name == dimension).for_each(|(_, size)| *size += by);
    }

    fn dds(&self) -> String {
        let mut text = "Dataset {\n".to_owned();
        for variable in &self.variables {
            let declaration = variable.declaration(&variable.sizes());
            if !variable.is_grid {
                writeln!(text, "  {declaration}").unwrap();
                continue;
            }
            writeln!(text, "  Grid {{ Array: {declaration} Maps:").unwrap();
            for (name, _) in &variable.dimensions {
                let map = self.variable(name);
                writeln!(text, "    {}", map.declaration(&map.sizes())).unwrap();
            }
            writeln!(text, "  }} {};", variable.name).unwrap();
        }
        text + "} d;\n"
    }

    fn das(&self) -> String {
        let tables = self.variables.iter();
        let tables = tables.map(|variable| format!("  {} {{ {} }}\n", variable.name, variable.attributes));
        format!("Attributes {{\n{}{}}}\n", tables.collect::<String>(), self.globals)
    }

    /// The response to a query such as `v[0:1][2:3]`.
    fn body(&self, query: &str) -> Vec<u8> {
        let (path, brackets) = query.split_at(query.find('[').unwrap_or(query.len()));
        let variable = self.variable(path.split('.').next_back().unwrap());
        let mut starts = vec![0; variable.dimensions.len()];
        let mut counts = variable.sizes();
        for (axis, range) in brackets.split(['[', ']']).filter(|range| !range.is_empty()).enumerate() {
            let (first, last) = range.split_once(':').unwrap();
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
            assert!(first <= last && last < counts[axis], "{query} is outside the array");
            (starts[axis], counts[axis]) = (first, last - first + 1);
        }
        let declaration = variable.declaration(&counts);
        let declared =
            if variable.is_grid { format!("Structure {{ {declaration} }} {};", variable.name) } else { declaration };
        let mut body = format!("Dataset {{\n    {declared}\n}} d;\nData:\n").into_bytes();
        let elements: u64 = counts.iter().product();
        if !counts.is_empty() {
            let count = u32::try_from(elements).unwrap().to_be_bytes();
            body.extend([count, count].concat());
        }
        let length = body.len();
        for ordinal in 0..elements {
            let mut index = vec![0; counts.len()];
            let mut rest = ordinal;
            for axis in (0..counts.len()).rev() {
                index[axis] = starts[axis] + rest % counts[axis];
                rest /= counts[axis];
            }
            body.extend(wire(variable, &variable.native(variable.position(&index) + self.shift)));
        }
        body.extend(vec![0; (4 - (body.len() - length) % 4) % 4]);
        body
    }
}

fn globals(title: &str) -> String {
    format!("  NC_GLOBAL {{ String title \"{title}\"; }}\n  DODS_EXTRA {{ String Unlimited_Dimension \"time\"; }}\n")
}

/// One element in XDR.
fn wire(variable: &Variable, native: &[u8]) -> Vec<u8> {
    let mut bytes = native.to_vec();
    if cfg!(target_endian = "little") {
        bytes.reverse();
    }
    match variable.wire {
        WireType::Int16 => [[if bytes[0] > 127 { 255 } else { 0 }; 2].as_slice(), &bytes].concat(),
        WireType::UInt16 => [[0; 2].as_slice(), &bytes].concat(),
        WireType::Byte | WireType::Int32 | WireType::UInt32 | WireType::Float32 | WireType::Float64 => bytes,
    }
}

/// The server. Its dataset may change while a run goes on.
#[derive(Debug)]
pub(crate) struct Scripted(pub(crate) Mutex<Dataset>);

impl Scripted {
    pub(crate) fn document(&self, document: Document) -> String {
        let dataset = self.0.lock().unwrap();
        match document {
            Document::Dds => dataset.dds(),
            Document::Das => dataset.das(),
        }
    }

    pub(crate) fn body(&self, query: &str) -> Vec<u8> {
        self.0.lock().unwrap().body(query)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Dataset)) {
        change(&mut self.0.lock().unwrap());
    }
}
