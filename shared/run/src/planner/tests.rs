use super::*;
use crate::{Digest, IndexRange, Target, fingerprint};

const DDS: &str = "Dataset {
    Grid { Array: Float32 tmx[time = 1512][lat = 621][lon = 1405]; Maps: Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405]; } tmx;
    Grid { Array: Int16 ppt[time = 1512][lat = 621][lon = 1405]; Maps: Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405]; } ppt;
    Float64 time[time = 1512]; Float64 lat[lat = 621]; Float64 lon[lon = 1405];
    Float32 time_bnds[time = 1512][tbnd = 2];
    Int32 odd[lat = 7]; String name[4]; Byte anonymous[10];
} prism;";
const DAS: &str = "Attributes {
    NC_GLOBAL { String title \"PRISM\"; }
    tmx { Float32 _FillValue -9999.0; Int32 _ChunkSizes 1, 23, 44; }
    time { String bounds \"time_bnds\"; String units \"days since 1895-01-01\"; }
}";

fn request() -> Request {
    Request::new("http://h/prism".parse().unwrap(), Target::Folder { path: "/x.zarr".to_owned() })
}

fn study() -> Request {
    let chunks = [("time", 72), ("lat", 354), ("lon", 354)];
    Request { chunks: chunks.map(|(name, size)| (name.to_owned(), size)).into(), ..request() }
}

fn planned(request: &Request) -> Result<Plan, PlanError> {
    let dataset = Dataset::from_dap2(DDS.as_bytes(), DAS.as_bytes()).unwrap();
    let run = RunId::attempt(&Digest::of(b"x"), 1);
    let fingerprint = fingerprint(&dataset, &dataset);
    let (cadences, workers) = (BTreeMap::new(), Workers { at_once: 4, memory: None });
    let now = Timestamp::UNIX_EPOCH;
    plan(request, Planning { run, continues: None, dataset: &dataset, fingerprint, cadences, workers, now })
}

fn array<'a>(plan: &'a Plan, name: &str) -> &'a PlannedArray {
    plan.arrays.iter().find(|array| array.spec.path.as_str() == name).unwrap()
}

#[test]
fn the_original_study_gives_168_chunks_a_variable() {
    let plan = planned(&study()).unwrap();
    assert_eq!(array(&plan, "tmx").grid().unwrap().counts(), [21, 2, 4]);
    assert_eq!(array(&plan, "tmx").grid().unwrap().len(), 168);
    assert_eq!(array(&plan, "tmx").spec.chunk_bytes(), Some(36_091_008));
    assert_eq!(plan.totals.largest_chunk_bytes, 36_091_008);
    assert_eq!(plan.chunks().count() as u64, plan.totals.chunks);
    assert_eq!(plan.totals.requests, plan.totals.chunks, "36 MB chunks need one request each");
}

#[test]
fn coordinates_and_bounds_stand_in_one_chunk() {
    let plan = planned(&study()).unwrap();
    for name in ["time", "lat", "lon", "time_bnds"] {
        assert_eq!(array(&plan, name).grid().unwrap().len(), 1, "{name}");
        assert!(array(&plan, name).whole);
    }
    assert!(!array(&plan, "tmx").whole);
}

#[test]
fn what_is_left_out_is_named() {
    let plan = planned(&study()).unwrap();
    let skipped: Vec<_> = plan.skipped.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(skipped, ["name", "odd"]);
    assert_eq!(plan.skipped[1].reason, "its dimension `lat` has size 7, but 621 in `tmx`");
    assert_eq!(array(&plan, "anonymous").spec.dimensions, ["anonymous_0"]);
}

#[test]
fn a_chunk_beyond_the_request_limit_takes_several_requests() {
    let plan = planned(&Request { request_bytes: 10_000_000, ..study() }).unwrap();
    let tmx = array(&plan, "tmx");
    let first = tmx.grid().unwrap().hyperslab(&tmx.grid().unwrap().index(0).unwrap()).unwrap();
    let pieces = tmx.requests(&first, 10_000_000);
    assert_eq!(pieces.len(), 4);
    assert!(pieces.iter().all(|piece| piece.elements() * 4 <= 10_000_000));
    let ppt = array(&plan, "ppt");
    assert_eq!(ppt.requests(&first, 10_000_000).len(), 4, "16-bit values take four bytes on the wire");
    let counted: usize = plan
        .arrays
        .iter()
        .flat_map(|array| {
            let grid = array.grid().unwrap();
            let slabs: Vec<_> = grid.indices().map(|index| grid.hyperslab(&index).unwrap()).collect();
            slabs.into_iter().map(|slab| array.requests(&slab, plan.request_bytes).len())
        })
        .sum();
    assert_eq!(plan.totals.requests, counted as u64);
}

#[test]
fn chosen_variables_bring_their_coordinates_and_bounds() {
    let plan = planned(&Request { variables: Some(["tmx".to_owned()].into()), ..request() }).unwrap();
    let names: Vec<_> = plan.arrays.iter().map(|array| array.spec.path.as_str()).collect();
    assert_eq!(names, ["tmx", "time", "lat", "lon", "time_bnds"]);
    assert_eq!(plan.skipped, []);
}

#[test]
fn a_range_moves_the_window() {
    let range: IndexRange = "144:287".parse().unwrap();
    let plan = planned(&Request { ranges: [("time".to_owned(), range)].into(), ..study() }).unwrap();
    let tmx = array(&plan, "tmx");
    assert_eq!(tmx.spec.shape.sizes(), [144, 621, 1405]);
    assert_eq!(tmx.offset, [144, 0, 0]);
    assert_eq!(array(&plan, "time_bnds").offset, [144, 0]);
}

#[test]
fn requests_that_cannot_be_planned_say_why() {
    let error = |request: Request| planned(&request).unwrap_err().to_string();
    let unknown = error(Request { variables: Some(["tmax".to_owned()].into()), ..request() });
    assert!(unknown.starts_with("the dataset has no variable `tmax`; it has `tmx`, `ppt`"), "{unknown}");
    let unsupported = error(Request { variables: Some(["name".to_owned()].into()), ..request() });
    assert!(unsupported.starts_with("the variable `name` cannot be converted: "), "{unsupported}");
    let odd = error(Request { variables: Some(["tmx".to_owned(), "odd".to_owned()].into()), ..request() });
    assert!(odd.starts_with("the variable `odd` cannot be converted: its dimension `lat`"), "{odd}");
    let dimension = error(Request { chunks: [("x".to_owned(), 5)].into(), ..request() });
    assert!(dimension.starts_with("no chosen variable has a dimension `x` (in chunks); there are"), "{dimension}");
    let range = error(Request { ranges: [("time".to_owned(), "0:1512".parse().unwrap())].into(), ..request() });
    assert_eq!(range, "the range 0:1512 reaches beyond dimension `time` of `tmx`, whose indices are 0 to 1511");
    let huge = ["time", "lat", "lon"].map(|name| (name.to_owned(), 10_000));
    let huge = error(Request { chunks: huge.into(), ..request() });
    assert!(huge.contains("choose smaller chunks"), "{huge}");
    let tiny = ["time", "lat", "lon"].map(|name| (name.to_owned(), 1));
    let tiny = error(Request { chunks: tiny.into(), ..request() });
    assert!(tiny.contains("choose larger chunks"), "{tiny}");
}

#[test]
fn a_chunk_size_beyond_the_dimension_is_clamped_and_said() {
    let plan = planned(&Request { chunks: [("time".to_owned(), 9_999)].into(), ..request() }).unwrap();
    assert_eq!(array(&plan, "tmx").spec.chunk_shape.sizes()[0], 1512);
    let note = "chunk size time=9999 is beyond the dimension's 1512, so 1512 is used";
    assert!(plan.notes.iter().any(|known| known == note), "{:?}", plan.notes);
}

#[test]
fn planning_is_a_pure_function_and_survives_its_document() {
    let plan = planned(&study()).unwrap();
    let json = plan.to_json().unwrap();
    assert_eq!(json, planned(&study()).unwrap().to_json().unwrap());
    assert_eq!(serde_json::from_slice::<Plan>(&json).unwrap(), plan);
}
